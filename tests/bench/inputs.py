"""What is built and sent: made once below a directory, and used again."""

import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

MIB = 1024 * 1024

# What a file system full of programs and texts compresses like, when there is none at hand.
_WORDS = [f"{a}{b}" for a in ("lay", "blob", "tag", "mani", "fest", "root") for b in ("er", "s", "ing", "ed", "0", "1")]


def text(size, seed):
    rng = random.Random(seed)
    line = " ".join(rng.choice(_WORDS) for _ in range(20_000)).encode()
    out = bytearray()
    while len(out) < size:
        at = rng.randrange(len(line))
        out += line[at : at + 60 + rng.randrange(400)]
        out += rng.randbytes(rng.randrange(160))
    return bytes(out[:size])


def _in_a_process_of_its_own(work):
    """The peak of a process counts what its parent had in memory when it began: so the parent of
    what is measured stays small."""
    child = os.fork()
    if child == 0:
        try:
            work()
            os._exit(0)
        except BaseException as error:
            print(error, file=sys.stderr, flush=True)
            os._exit(1)
    if os.waitpid(child, 0)[1] != 0:
        raise SystemExit("the input could not be made")


class Inputs:
    """Directories and files below `directory`, each made when it is first asked for."""

    def __init__(self, directory, rootfs, quick):
        self.directory = Path(directory)
        self.quick = quick
        self._rootfs = Path(rootfs) if rootfs else None

    def _make(self, name, make):
        path = self.directory / name
        if not path.exists():
            print(f"==> Making {name}", flush=True)
            partial = self.directory / f"{name}.partial"
            shutil.rmtree(partial, ignore_errors=True)
            _in_a_process_of_its_own(lambda: make(partial))
            partial.rename(path)
        return path

    def rootfs(self):
        """A Debian root file system of about 245 MB; --quick: a tree of 16 MB."""
        if self._rootfs:
            return self._rootfs
        return self._make("tree" if self.quick else "rootfs", self._tree if self.quick else self._debian)

    def _debian(self, path):
        tar = self.directory / "debian.tar"
        subprocess.run(
            ["mmdebstrap", "--quiet", "--variant=minbase", "--include=python3,python3-pip,ca-certificates",
             "bookworm", tar],
            check=True,
        )
        path.mkdir()
        subprocess.run(["tar", "-C", path, "-xf", tar, "--exclude=./dev/*"], check=True)
        tar.unlink()

    def _tree(self, path):
        rng = random.Random(1)
        for number in range(800):
            file = path / f"usr/{number % 7}/{number % 31}/file{number}"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(text(rng.randrange(40_000), number))

    def tar(self):
        """The root file system as one tarball, for peers that take no directory."""
        rootfs = self.rootfs()

        def make(path):
            subprocess.run(["tar", "-C", rootfs, "-cf", path, "--sort=name", "--numeric-owner", "."], check=True)

        return self._make("rootfs.tar", make)

    def large_file(self):
        """A directory with one file of 1 GiB that compresses like a file system."""
        def make(path):
            path.mkdir()
            piece = text(16 * MIB, 1)
            with open(path / "file", "wb") as file:
                for number in range(1 if self.quick else 64):
                    file.write(number.to_bytes(8, "big") + piece[8:])

        return self._make("large", make)

    def small_files(self):
        """100,000 files below 300 bytes in 1,000 directories."""
        def make(path):
            source = text(1 * MIB, 1)
            for number in range(20 if self.quick else 1000):
                directory = path / f"d{number % 10}" / f"e{number}"
                directory.mkdir(parents=True)
                for file in range(100):
                    at = number * 100 + file
                    (directory / f"file{file}").write_bytes(source[at : at + at % 300])

        return self._make("small", make)

    def noise(self):
        """A directory with 256 MiB that do not compress."""
        def make(path):
            path.mkdir()
            rng = random.Random(1)
            for number in range(4):
                (path / f"file{number}").write_bytes(rng.randbytes((2 if self.quick else 64) * MIB))

        return self._make("noise", make)

    def sparse(self):
        """A directory with a file of 20 GiB that is a hole."""
        def make(path):
            path.mkdir()
            with open(path / "file", "wb") as file:
                os.truncate(file.fileno(), (64 if self.quick else 20 * 1024) * MIB)

        return self._make("sparse", make)
