"""Runs programs that must print the same, and something: same_output.py PROGRAM PROGRAM..."""

import os
import subprocess
import sys


def output(program):
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("METRICS_", "OTEL_"))}
    done = subprocess.run([program], capture_output=True, text=True, timeout=50, env=clean,
                          check=False)
    if done.returncode != 0:
        sys.exit("%s ended with %d: %s" % (program, done.returncode, done.stderr))
    return done.stdout


def main():
    first, *others = sys.argv[1:]
    expected = output(first)
    print(expected)
    if not expected or not others:
        sys.exit("nothing to compare")
    for program in others:
        found = output(program)
        if found != expected:
            sys.exit("%s prints\n%s" % (program, found))


if __name__ == "__main__":
    main()
