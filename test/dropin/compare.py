#!/usr/bin/env python3
"""Runs the surface program of prometheus-cpp and those of the drop-in and compares what they print.

  compare.py --original PROGRAM --dropin PROGRAM... --page docs/prometheus-cpp.md [--write]

Equal, but for the differences of differences.py: each must be there as it says, and there are no
others. The page's table of differences is made from that list (--write), so that it says no less.
What 1.0.1 does not have must be as expected_1_3.txt says.
"""

import argparse
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys

import differences
import recorder

HERE = pathlib.Path(__file__).resolve().parent
TABLE = re.compile(r"^<!-- differences -->\n(.*?)^<!-- end -->\n", re.M | re.S)


def transcript(program):
    """The facts that a program tells, in order."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("METRICS_", "OTEL_"))}
    with recorder.recorder() as server:
        done = subprocess.run([program, str(server.server_port)], capture_output=True, text=True,
                              timeout=100, env=clean, check=False)
        recorded = list(recorder.facts(server))
    if done.returncode != 0:
        sys.exit("%s ended with %d: %s" % (program, done.returncode, done.stderr[-2000:]))
    facts = [tuple(line.split(" = ", 1)) for line in done.stdout.splitlines()]
    found = {}
    for key, value in facts + recorded:
        if key in found:
            sys.exit("%s tells %r twice" % (program, key))
        found[key] = value
    return found


def table():
    rows = ["<!-- differences -->",
            "| | prometheus-cpp | drop-in | why |", "|---|---|---|---|"]
    for one in differences.ALL:
        rows.append("| %s | %s | %s | %s |" % (one.what, one.theirs, one.ours, one.why))
    return "\n".join(rows + ["<!-- end -->", ""])


def compare(theirs, ours):
    """What differs without being documented, and what is documented and does not differ."""
    problems = []
    documented = {}
    for one in differences.ALL:
        for key, values in one.facts.items():
            if key in documented:
                problems.append("documented twice: %s" % key)
            documented[key] = values
    for key in list(theirs) + [key for key in ours if key not in theirs]:
        pair = (theirs.get(key), ours.get(key))
        if key in documented:
            if pair != documented[key]:
                problems.append("%s\n  documented: %s\n  found:      %s" % (
                    key, documented[key], pair))
            elif pair[0] == pair[1]:
                problems.append("%s is documented as different and is equal" % key)
        elif pair[0] != pair[1]:
            problems.append("%s\n  prometheus-cpp: %s\n  drop-in:        %s" % (key, *pair))
    for key in documented:
        if key not in theirs and key not in ours:
            problems.append("documented, but nobody tells it: %s" % key)
    return problems


def newer_problems(newer):
    expected = dict(line.split(" = ", 1) for line in
                    (HERE / "expected_1_3.txt").read_text(encoding="utf-8").splitlines()
                    if line and not line.startswith("#"))
    problems = []
    for key in sorted(set(expected) | set(newer)):
        if expected.get(key) != newer.get(key):
            problems.append("%s\n  expected: %s\n  drop-in:  %s" % (
                key, expected.get(key), newer.get(key)))
    return problems


def page_problems(path, write):
    old = path.read_text(encoding="utf-8")
    if len(TABLE.findall(old)) != 1:
        return ["%s needs one place for the differences" % path.name]
    new = TABLE.sub(lambda _: table(), old)
    if new == old:
        return []
    if write:
        path.write_text(new, encoding="utf-8")
        return []
    return ["the differences in %s are not those of differences.py: compare.py --write" % path.name]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--original", required=True)
    parser.add_argument("--dropin", required=True, action="append")
    parser.add_argument("--page", required=True, type=pathlib.Path)
    parser.add_argument("--write", action="store_true")
    args = parser.parse_args()

    with concurrent.futures.ThreadPoolExecutor() as pool:
        theirs, *all_ours = pool.map(transcript, [args.original] + args.dropin)
    problems = []
    for program, ours in zip(args.dropin, all_ours):
        newer = {key: value for key, value in ours.items() if key.startswith("1.3/")}
        same = {key: value for key, value in ours.items() if key not in newer}
        if program is args.dropin[0]:
            problems += compare(theirs, same) + newer_problems(newer)
            first = ours
        elif ours != first:
            problems += ["%s: %s is %r and not %r" % (
                os.path.basename(program), key, ours.get(key), first.get(key))
                         for key in {**first, **ours} if ours.get(key) != first.get(key)]
    problems += page_problems(args.page, args.write)
    print("\n".join(problems))
    print("%d facts of prometheus-cpp, %d more of 1.3, %d documented differences, %d problems" % (
        len(theirs), len(newer), len(differences.ALL), len(problems)))
    return 1 if problems or not theirs or not newer else 0


if __name__ == "__main__":
    sys.exit(main())
