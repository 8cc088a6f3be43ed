"""Runs commands and says what they took."""

import os
import shlex
import statistics
import subprocess
import tempfile
import time
from dataclasses import dataclass


@dataclass
class Cost:
    """What one run of a command, or several one after the other, took."""

    wall: float  # seconds
    cpu: float  # seconds of all its processes
    peak: int  # bytes: the most that one of its processes had in memory

    def __add__(self, other):
        return Cost(self.wall + other.wall, self.cpu + other.cpu, max(self.peak, other.peak))


class CommandFailed(Exception):
    pass


def run(words, env=None):
    """Runs a command to its end. Its output is shown only if it fails."""
    with tempfile.TemporaryFile() as output:
        begin = time.monotonic()
        process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=env)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            output.seek(0)
            said = output.read().decode(errors="replace")[-2000:]
            raise CommandFailed(f"{shlex.join(map(str, words))}: exit status {process.returncode}\n{said}")
    return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)


def medians(costs):
    return Cost(
        statistics.median(cost.wall for cost in costs),
        statistics.median(cost.cpu for cost in costs),
        int(statistics.median(cost.peak for cost in costs)),
    )


def paired_ratio(ours, theirs):
    """The median of the ratios of runs that stood next to each other, so that what slows the
    machine down for a while slows both."""
    return statistics.median(a.wall / b.wall for a, b in zip(ours, theirs))
