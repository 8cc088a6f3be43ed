"""The work that is compared, and how each program does it. A program is a function that does the
work once, for a registry and a name that was not used before in it, and returns what it cost."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from typing import Callable

from measure import Cost, run
from registry import Registry


@dataclass
class Job:
    name: str
    programs: dict[str, Callable[[Registry, str], Cost]]  # ours first, then the peers
    input_bytes: int = 0  # of what becomes layers
    # What the work needs in its registry. Without it each run has an empty registry of its own:
    # skopeo remembers what it sent where, and would not send it again.
    prepare: Callable[[Registry], None] | None = None


def _has(program):
    return shutil.which(program) is not None


def _docker_answers():
    if not _has("docker"):
        return False
    try:
        return subprocess.run(["docker", "info"], capture_output=True, timeout=10).returncode == 0
    except subprocess.TimeoutExpired:
        return False


class Jobs:
    def __init__(self, davit, inputs, scratch):
        self.davit = davit
        self.inputs = inputs
        self.scratch = scratch

    # How each program does it.

    def _davit_build(self, source, *options):
        return lambda registry, name: run(
            [self.davit, "build", *source, *options, "-t", registry.image(name), "--progress", "none"]
        )

    def _umoci_and_skopeo(self, tree):
        def work(registry, name):
            layout = self.scratch / name
            cost = run(["umoci", "init", "--layout", layout])
            cost += run(["umoci", "new", "--image", f"{layout}:1"])
            cost += run(["umoci", "insert", "--image", f"{layout}:1", tree, "/"])
            cost += run(
                ["skopeo", "copy", "-q", "--dest-tls-verify=false", f"oci:{layout}:1", f"docker://{registry.image(name)}"]
            )
            shutil.rmtree(layout)
            return cost

        return work

    def _buildah(self, tar):
        storage = ["--root", self.scratch / "buildah", "--runroot", self.scratch / "buildah-run", "--storage-driver", "vfs"]

        def work(registry, name):
            container = f"davit-bench-{name}"
            cost = run(["buildah", *storage, "from", "--name", container, "scratch"])
            cost += run(["buildah", *storage, "add", "-q", container, tar, "/"])
            cost += run(["buildah", *storage, "commit", "-q", container, registry.image(name)])
            cost += run(["buildah", *storage, "push", "-q", "--tls-verify=false", registry.image(name)])
            run(["buildah", *storage, "rm", container])
            run(["buildah", *storage, "rmi", "--all", "--force"])
            return cost

        return work

    def _crane(self, tar):
        return lambda registry, name: run(["crane", "append", "--insecure", "-f", tar, "-t", registry.image(name)])

    def _docker(self, tar):
        def work(registry, name):
            cost = run(["docker", "import", tar, registry.image(name)])
            cost += run(["docker", "push", "-q", registry.image(name)])
            run(["docker", "rmi", registry.image(name)])
            return cost

        return work

    def _builders(self, tree, ours, everyone):
        programs = {"davit": ours}
        if _has("umoci") and _has("skopeo"):
            programs["umoci + skopeo"] = self._umoci_and_skopeo(tree)
        if everyone:
            if _has("crane"):
                programs["crane append"] = self._crane(self.inputs.tar())
            if _has("buildah") and os.geteuid() == 0:
                programs["buildah"] = self._buildah(self.inputs.tar())
            if _docker_answers():
                programs["docker import, push"] = self._docker(self.inputs.tar())
        return programs

    # The work.

    def _build(self, name, tree, *options, everyone=False):
        ours = self._davit_build(["--rootfs", tree], *options)
        size = sum(
            (os.lstat(os.path.join(at, file)).st_size + 1023) // 512 * 512
            for at, _, files in os.walk(tree)
            for file in files
        )
        return Job(name, self._builders(tree, ours, everyone), size)

    def _rebuild(self):
        tree, tar = self.inputs.rootfs(), self.inputs.tar()
        build = self._davit_build(["--rootfs", tree])
        programs = {
            "davit": lambda registry, _: build(registry, "rebuilt"),
            "openssl dgst of the tar": lambda *_: run(["openssl", "dgst", "-sha256", tar]),
        }
        return Job("rebuild, nothing changed", programs, prepare=lambda registry: build(registry, "rebuilt"))

    def _to_layout(self, name, at):
        build = self._davit_build(["--rootfs", self.inputs.rootfs()])

        def fresh(words):
            def work(registry, name):
                layout = self.scratch / name
                cost = run(words(at(registry).image("source"), layout))
                shutil.rmtree(layout)
                return cost

            return work

        programs = {"davit": fresh(lambda image, to: [self.davit, "copy", "--progress", "none", image, f"oci:{to}:1"])}
        if _has("skopeo"):
            programs["skopeo"] = fresh(
                lambda image, to: ["skopeo", "copy", "-q", "--src-tls-verify=false", f"docker://{image}", f"oci:{to}:1"]
            )
        return Job(name, programs, prepare=lambda registry: build(registry, "source"))

    def _to_directory(self, name, at):
        build = self._davit_build(["--rootfs", self.inputs.rootfs()])

        def ours(registry, name):
            to = self.scratch / name
            cost = run([self.davit, "unpack", "--progress", "none", at(registry).image("source"), to])
            shutil.rmtree(to)
            return cost

        def theirs(registry, name):
            layout, to = self.scratch / f"{name}-layout", self.scratch / name
            image = f"docker://{at(registry).image('source')}"
            cost = run(["skopeo", "copy", "-q", "--src-tls-verify=false", image, f"oci:{layout}:1"])
            cost += run(["umoci", "raw", "unpack", "--image", f"{layout}:1", to])
            shutil.rmtree(layout)
            shutil.rmtree(to)
            return cost

        programs = {"davit": ours}
        if _has("umoci") and _has("skopeo") and os.geteuid() == 0:
            programs["skopeo + umoci"] = theirs
        return Job(name, programs, prepare=lambda registry: build(registry, "source"))

    def all(self):
        inputs = self.inputs
        yield self._build("root file system, gzip", inputs.rootfs(), everyone=True)
        yield self._build("root file system, zstd", inputs.rootfs(), "--compression", "zstd")
        yield self._build("one file of 1 GiB", inputs.large_file())
        yield self._build("100,000 small files", inputs.small_files())
        yield self._build("256 MiB that do not compress", inputs.noise())
        yield self._rebuild()
        for where, at in (("", lambda registry: registry), (", 20 MB/s a connection", Registry.slowed)):
            yield self._to_layout("registry to OCI layout" + where, at)
            yield self._to_directory("registry to directory" + where, at)

    def memory(self, registry):
        """Name, compression and cost of what must not grow with its input."""
        large, sparse = self.inputs.large_file(), self.inputs.sparse()
        # Four layers of 1 GiB, each of its own: the destinations differ.
        several = [word for number in range(4) for word in ("--layer", f"{large}=/{number}")]
        for compression in ("gzip", "zstd"):
            for number, (name, source) in enumerate((
                ("1 GiB file", ["--rootfs", large]),
                ("4 GiB in four layers", several),
                ("20 GiB sparse file", ["--rootfs", sparse]),
            )):
                work = self._davit_build(source, "--compression", compression)
                yield name, compression, work(registry, f"memory-{compression}-{number}")
