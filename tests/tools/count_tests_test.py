#!/usr/bin/env python3
"""Each test writes the two logs of a run of meson and looks at what tools/count-tests counts."""

import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

COUNT = Path(__file__).resolve().parents[2] / "tools" / "count-tests"
CASES = """
  <testsuite name="davit.program.Suite">
    <testcase name="Passes" status="run"/><testcase name="PassesToo" status="run"/>
    <testcase name="Fails" status="run"><failure message="1 != 2"/></testcase>
    <testcase name="IsSkipped" status="run"><skipped/></testcase>
  </testsuite>"""
PLAIN = '<testsuite name="davit"><testcase name="script"/></testsuite>'


class CountTests(unittest.TestCase):
    def counted(self, suites, results):
        with tempfile.TemporaryDirectory() as logs:
            Path(logs, "testlog.junit.xml").write_text(f"<testsuites>{suites}</testsuites>")
            lines = [json.dumps({"name": name, "result": result}) for name, result in results.items()]
            Path(logs, "testlog.json").write_text("\n".join(lines))
            return subprocess.run([sys.executable, COUNT, logs], capture_output=True, text=True, check=True).stdout

    def test_counts_the_tests_inside_a_googletest_program(self):
        self.assertEqual(self.counted(CASES, {"program": "FAIL"}), "2 1 1\n")

    def test_counts_any_other_program_as_one(self):
        for result, counts in {"OK": "1 0 0", "FAIL": "0 1 0", "TIMEOUT": "0 1 0", "SKIP": "0 0 1"}.items():
            self.assertEqual(self.counted(PLAIN, {"script": result}), counts + "\n")

    def test_counts_a_failure_of_a_program_none_of_whose_tests_failed(self):
        passing = CASES.replace('<failure message="1 != 2"/>', "")
        self.assertEqual(self.counted(passing, {"program": "FAIL"}), "3 1 1\n")

    def test_counts_a_program_that_crashed_before_it_could_report(self):
        self.assertEqual(self.counted("", {"program": "FAIL"}), "0 1 0\n")


if __name__ == "__main__":
    unittest.main()
