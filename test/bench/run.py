#!/usr/bin/env python3
"""Runs the benchmarks and compares them with the targets.

  run.py --static DIR [--shared DIR] [--check] [--write [FILE]] [--quick]

DIR is a build directory with the benchmark programs. --check fails (exit 1) when a gate misses; a
gate that misses is measured again first, as long as the time allows. --write makes
docs/performance.md. --quick measures once, for trying out.
"""

import argparse
import datetime
import pathlib
import platform
import re
import sys
import time

import measure
import targets

ROOT = pathlib.Path(__file__).resolve().parents[2]
CHECK_SECONDS = 300  # after this no gate is measured again


def table(rows):
    lines = ["| # | what | build | ours | other | ratio | target | |",
             "|---|---|---|---|---|---|---|---|"]
    for row in rows:
        limit = "" if row.limit is None else "%s %g" % (row.sign, row.limit)
        result = "" if row.limit is None else "met" if row.met else "missed"
        lines.append("| %d | %s | %s | %s | %s | %s | %s | %s%s |" % (
            row.target, row.what, row.build, row.ours, row.other, "%.3g" % row.ratio, limit,
            "gate " if row.gate else "", result))
    return lines


def aligned(lines):
    """The same table for a terminal."""
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    cells = [row for row in cells if not set("".join(row)) <= {"-"}]
    widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip()
                     for row in cells)


def processor():
    for line in pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def compiler(build):
    found = {}
    for path in build.directory.glob("CMakeFiles/*/CMakeCXXCompiler.cmake"):
        text = path.read_text(encoding="utf-8")
        for key in ("ID", "VERSION"):
            match = re.search(r'set\(CMAKE_CXX_COMPILER_%s "([^"]*)"\)' % key, text)
            if match:
                found[key] = match.group(1)
    cache = (build.directory / "CMakeCache.txt").read_text(encoding="utf-8")
    build_type = re.search(r"^CMAKE_BUILD_TYPE:\w+=(.*)$", cache, re.M)
    return "%s %s, %s" % (found.get("ID", "?"), found.get("VERSION", "?"),
                          build_type.group(1) if build_type else "?")


def details(builds):
    lines = ["| benchmark | build | CPU time | wall time |", "|---|---|---|---|"]
    for build in builds:
        for name, fields in build.figures.best.items():
            if "wall_ns" in fields and not name.startswith("creation"):
                lines.append("| %s | %s | %s | %s |" % (
                    name, build.label, readable(fields["cpu_ns"]), readable(fields["wall_ns"])))
    return lines


def readable(value):
    return targets.ns(value) if value < 1e5 else targets.ms(value)


def page(builds, rows):
    gates = [row for row in rows if row.gate]
    missed = [row for row in rows if not row.met]
    return "\n".join([
        "# Performance",
        "",
        "Written by `./dev bench --write` on %s. %s, %d CPUs, Linux %s; %s; prometheus-cpp as"
        " Debian packages it." % (datetime.date.today().isoformat(), processor(), measure.cpus(),
                                  platform.release(), compiler(builds[0])),
        "",
        "Ratios are what counts: absolute times move from machine to machine. All contenders ran"
        " in turns, several rounds each, and the best figure of each counts. Times of one thread"
        " are CPU times; times at 8 threads are CPU times of all threads, divided by the"
        " operations and the number of CPUs, which is wall time on a machine with nothing else to"
        " do; prometheus-cpp at 8 threads, whose threads wait for each other, is wall time.",
        "",
        "The floor of an increment is a slot for each thread with one writer, found as a handle"
        " that threads share must find it: through a thread_local. A vector of pointers for each"
        " thread, which no shared handle can be, is given beside it. The cached-head limit is line heads made beforehand,"
        " live cells and `std::to_chars` into a buffer.",
        "",
        "%d of %d gates are met; %d figures miss their target%s" % (
            sum(row.met for row in gates), len(gates), len(missed),
            "." if not missed else ": docs/decisions.md says why."),
        "",
    ] + table(rows) + ["", "## All timings", ""] + details(builds)) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--static", "--build-dir", required=True, metavar="DIR",
                        help="the static build")
    parser.add_argument("--shared", "--shared-build-dir", metavar="DIR", help="the shared build")
    parser.add_argument("--check", action="store_true", help="fail when a gate misses")
    parser.add_argument("--write", nargs="?", const=str(ROOT / "docs" / "performance.md"),
                        metavar="FILE", help="write the page of figures")
    parser.add_argument("--quick", action="store_true", help="one round of most")
    args = parser.parse_args()

    started = time.monotonic()
    builds = [measure.Build("static", args.static)]
    if args.shared:
        builds.append(measure.Build("shared", args.shared))
    try:
        measure.measure(builds, args.quick)
        rows = targets.rows_of(builds)
        while args.check and time.monotonic() - started < CHECK_SECONDS:
            again = [row for row in rows if row.gate and not row.met]
            if not again:
                break
            measure.again(builds, again)
            rows = targets.rows_of(builds)
    except measure.BenchError as error:
        print("bench: " + str(error), file=sys.stderr)
        return 2

    print(aligned(table(rows)))
    if args.write:
        path = pathlib.Path(args.write)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(page(builds, rows), encoding="utf-8")
    failed = [row for row in rows if row.gate and not row.met]
    for row in failed:
        print("gate %d missed (%s): %s: %.3g, target %s %g" % (
            row.target, row.build, row.what, row.ratio, row.sign, row.limit), file=sys.stderr)
    print("%d gates, %d missed; %.0f s" % (
        sum(row.gate for row in rows), len(failed), time.monotonic() - started))
    return 1 if args.check and failed else 0


if __name__ == "__main__":
    sys.exit(main())
