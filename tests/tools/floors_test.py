#!/usr/bin/env python3
"""Each test lays a small tree and looks at what tools/floors says of it."""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

FLOORS = Path(__file__).resolve().parents[2] / "tools" / "floors"
BUILD = {
    "oci/meson.build": "# 'base/hidden.cpp'\noci_sources = files(\n  'base/low.cpp',\n  'base/high.cpp',\n)\n",
    "oci/base/low.cpp": '#include "oci/base/low.hpp"\n',
    "oci/base/low.hpp": "",
    "oci/base/high.cpp": '#include "oci/base/high.hpp"\n',
    "oci/base/high.hpp": '#include <string>\n#include "oci/base/low.hpp"\n',
    "transport/meson.build": "files('http.cpp')\n",
    "transport/http.cpp": '#include "oci/base/high.hpp"\n',
}


class Floors(unittest.TestCase):
    def complaints(self, changes):
        """What is said of the tree above with some files changed."""
        with tempfile.TemporaryDirectory() as folder:
            for name, text in {**BUILD, **changes}.items():
                path = Path(folder, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            ran = subprocess.run([sys.executable, FLOORS, folder], capture_output=True, text=True, check=False)
        self.assertEqual(ran.returncode, 1 if ran.stderr else 0)
        return ran.stderr

    def test_accepts_includes_of_what_is_listed_above(self):
        self.assertEqual(self.complaints({}), "")

    def test_names_the_line_that_includes_what_is_listed_below(self):
        said = self.complaints({"oci/base/low.cpp": '\n#include "oci/base/high.hpp"\n'})
        self.assertEqual(said, "oci/base/low.cpp:2: includes oci/base/high.hpp, which is listed below it\n")

    def test_judges_a_header_like_its_source(self):
        said = self.complaints({"oci/base/low.hpp": '#include "oci/base/high.hpp"\n'})
        self.assertIn("oci/base/low.hpp:1: includes oci/base/high.hpp", said)

    def test_refuses_transport_in_oci(self):
        said = self.complaints({"oci/base/high.cpp": '#include "transport/http.hpp"\n'})
        self.assertIn("oci/base/high.cpp:1: oci/ includes transport/http.hpp", said)

    def test_refuses_tests_in_the_program(self):
        said = self.complaints({"oci/base/low.cpp": '#include "tests/support/registry.hpp"\n'})
        self.assertIn("oci/base/low.cpp:1: includes tests/support/registry.hpp", said)

    def test_refuses_a_source_in_no_list_even_if_a_comment_names_it(self):
        self.assertIn("oci/base/hidden.cpp:1: is in no", self.complaints({"oci/base/hidden.cpp": ""}))

    def test_places_a_header_without_source_after_what_it_includes(self):
        alone = {"oci/base/alone.hpp": '#include "oci/base/high.hpp"\n'}
        above = {"transport/http.cpp": '#include "oci/base/alone.hpp"\n'}
        below = {"oci/base/low.cpp": '#include "oci/base/alone.hpp"\n'}
        self.assertEqual(self.complaints({**alone, **above}), "")
        self.assertIn("oci/base/low.cpp:1:", self.complaints({**alone, **below}))

    def test_refuses_headers_that_include_each_other(self):
        said = self.complaints({
            "oci/base/one.hpp": '#include "oci/base/two.hpp"\n',
            "oci/base/two.hpp": '#include "oci/base/one.hpp"\n',
        })
        self.assertIn("goes in a circle", said)


if __name__ == "__main__":
    unittest.main()
