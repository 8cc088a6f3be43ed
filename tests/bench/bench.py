#!/usr/bin/env python3
"""Compares davit with its peers on this machine; tools/bench builds it and calls this."""

import argparse
import contextlib
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from inputs import Inputs
from jobs import Jobs
from measure import medians, paired_ratio, run
from registry import Registry

MIB = 1024 * 1024


def say(text=""):
    print(text, flush=True)


def table(head, rows):
    """A Markdown table that is a table for the eye as well. Numbers stand to the right."""
    widths = [max(len(str(row[i])) for row in [head, *rows]) for i in range(len(head))]

    def line(cells):
        return "| " + " | ".join(
            str(cell).ljust(width) if i == 0 else str(cell).rjust(width)
            for i, (cell, width) in enumerate(zip(cells, widths))
        ) + " |"

    rule = ["-" * width if i == 0 else "-" * (width - 1) + ":" for i, width in enumerate(widths)]
    return "\n".join([line(head), "|" + "|".join(f" {cell} " for cell in rule) + "|", *map(line, rows)])


def run_once(job, program, name, scratch, shared):
    """The cost of one run, and the size of its layers where it made some."""
    with contextlib.ExitStack() as stack:
        registry = shared or stack.enter_context(Registry(scratch))
        cost = job.programs[program](registry, name)
        return cost, registry.layer_bytes(name) if job.input_bytes else None


def compare(jobs, rounds, scratch):
    """Each round runs the programs of a job in turn."""
    rows = []
    for job in jobs.all():
        say(f"==> {job.name}")
        costs = {program: [] for program in job.programs}
        sizes = {}
        with contextlib.ExitStack() as stack:
            shared = None
            if job.prepare:
                shared = stack.enter_context(Registry(scratch))
                job.prepare(shared)
            for turn in range(rounds):
                for number, program in enumerate(job.programs):
                    cost, sizes[program] = run_once(job, program, f"run-{turn}-{number}", scratch, shared)
                    costs[program].append(cost)
                    say(f"    {program:<24} {cost.wall:6.2f} s  {cost.cpu:6.2f} s CPU  {cost.peak / MIB:6.0f} MiB")
        for program in job.programs:
            cost = medians(costs[program])
            rows.append((
                f"{job.name}: {program}",
                f"{cost.wall:.2f}",
                f"{cost.cpu:.2f}",
                f"{cost.peak / MIB:.0f}",
                f"{sizes[program] / job.input_bytes:.3f}" if job.input_bytes else "",
                "" if program == "davit" else f"{paired_ratio(costs['davit'], costs[program]):.2f}",
            ))
    return table(("work: program", "s", "CPU s", "peak MiB", "size / input", "davit / it"), rows)


def stages(micro, inputs, quick):
    """Each step on one core, and how near the chain is to what all cores could do."""
    say("==> the steps of the chain")
    env = dict(os.environ, DAVIT_BENCH_TAR=str(inputs.tar()), DAVIT_BENCH_TREE=str(inputs.rootfs()))
    with tempfile.NamedTemporaryFile(suffix=".json") as out:
        effort = (2, 0.001) if quick else (5, 0.2)
        run([micro, f"--benchmark_repetitions={effort[0]}", f"--benchmark_min_time={effort[1]}",
             "--benchmark_enable_random_interleaving=true", "--benchmark_report_aggregates_only=true",
             f"--benchmark_out={out.name}"], env)
        found = {
            entry["run_name"].split("/process_time")[0]: entry
            for entry in json.load(out)["benchmarks"]
            if entry["aggregate_name"] == "median"
        }
    speed = {name: entry["bytes_per_second"] / 1e6 for name, entry in found.items()}
    rows = [
        (name, f"{speed[name]:.0f}", f"{entry['ratio']:.3f}" if "ratio" in entry else "", "", "")
        for name, entry in sorted(found.items())
        if not name.startswith("chain")
    ]
    cores = len(os.sched_getaffinity(0))
    for chain, step in (("chain/gzip", "gzip"), ("chain/zstd", "zstd/3"), ("chain/none", None)):
        # Seconds for a MB: SHA-256 of what goes in, compression, SHA-256 of what comes out.
        ratio = found[chain]["ratio"]
        seconds = (1 + ratio) / speed["sha256"] + (1 / speed[step] if step else 0)
        if step is None:
            seconds = 1 / speed["sha256"]  # one sum serves both
        # A sum is a sequence: it has one core at a time.
        limit = min(cores / seconds, speed["sha256"])
        rows.append((f"{chain}, {cores} cores", f"{speed[chain]:.0f}", f"{ratio:.3f}", f"{limit:.0f}",
                     f"{speed[chain] / limit:.0%}"))
    return table(("step", "MB/s", "ratio", "limit", "share"), rows)


def memory(jobs, scratch):
    say("==> memory")
    rows = []
    with Registry(scratch) as registry:
        for name, compression, cost in jobs.memory(registry):
            say(f"    {name}, {compression}: {cost.peak / MIB:.0f} MiB in {cost.wall:.1f} s")
            rows.append((name, compression, f"{cost.peak / MIB:.0f}", f"{cost.wall:.1f}"))
    return table(("input", "compression", "peak MiB", "s"), rows)


def version(words):
    if shutil.which(words[0]) is None:
        return None
    said = subprocess.run(words, capture_output=True, text=True)
    return (said.stdout or said.stderr).strip().splitlines()[0] if said.stdout or said.stderr else None


def package(name):
    said = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", name], capture_output=True, text=True)
    return f"{name} {said.stdout}" if said.returncode == 0 and said.stdout else None


def machine():
    model = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?")
    flags = next((line.split(":")[1].split() for line in open("/proc/cpuinfo") if line.startswith("flags")), [])
    memory_bytes = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    with_flags = [flag for flag in ("sha_ni", "avx2", "avx512f") if flag in flags]
    versions = [
        version(["davit", "version"]),
        *(package(name) for name in ("docker-registry", "umoci", "skopeo", "buildah", "libisal2", "libzstd1", "libssl3")),
        version(["crane", "version"]) and f"crane {version(['crane', 'version'])}",
    ]
    return (
        f"{len(os.sched_getaffinity(0))} cores of {model} ({' '.join(with_flags)}), {memory_bytes / 2**30:.0f} GiB, "
        f"Linux {platform.release().split('-')[0]}; everything on tmpfs, docker-registry on loopback.\n"
        f"{'; '.join(filter(None, versions))}."
    )


def write(readme, report):
    """Between the marks of the README's performance section."""
    begin, end = "<!-- tools/bench --write -->", "<!-- end -->"
    text = readme.read_text()
    before, rest = text.split(begin)
    after = rest.split(end, 1)[1]
    readme.write_text(f"{before}{begin}\n\n{report}\n\n{end}{after}")


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--davit", type=Path, required=True)
    arguments.add_argument("--micro", type=Path, help="the microbenchmarks")
    arguments.add_argument("--work", type=Path, help="where inputs are made and kept, best on tmpfs")
    arguments.add_argument("--rootfs", type=Path, help="a root file system to use instead of a Debian made anew")
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--quick", action="store_true", help="small inputs: shows that it runs, not how fast")
    arguments.add_argument("--only", choices=("compare", "stages", "memory"))
    arguments.add_argument("--write", type=Path, metavar="README", help="put the result there")
    options = arguments.parse_args()

    # However it ends, what was started is stopped and what was made is removed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    os.environ["PATH"] = f"{options.davit.resolve().parent}:{os.environ['PATH']}"
    with tempfile.TemporaryDirectory(prefix="davit-bench-", dir=options.work) as scratch:
        scratch = Path(scratch)
        inputs = Inputs(options.work or scratch, options.rootfs, options.quick)
        jobs = Jobs(options.davit.resolve(), inputs, scratch)
        parts = []
        if options.only in (None, "compare"):
            parts.append(compare(jobs, 1 if options.quick else options.rounds, scratch))
        if options.only in (None, "memory"):
            parts.append(memory(jobs, scratch))
        if options.micro and options.only in (None, "stages"):
            parts.append(stages(options.micro.resolve(), inputs, options.quick))
        report = "\n\n".join([machine(), *parts])
    say()
    say(report)
    if options.write:
        write(options.write, report)


if __name__ == "__main__":
    sys.exit(main())
