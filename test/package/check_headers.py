#!/usr/bin/env python3
"""Compiles each public header alone: hot_path.h and what it includes as C++14, all as C++17 and 20.

  check_headers.py INCLUDE_DIR...
"""

import itertools
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

COMPILERS = ("g++", "clang++-14")
# Headers that stay C++14, because headers that must stay C++14 include them.
CPP14 = {"polymeter/export.h", "polymeter/hot_path.h"}
FLAGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Wconversion", "-Werror", "-fsyntax-only"]


def compile_alone(job):
    compiler, standard, header, includes, extra = job
    command = [compiler, f"-std=c++{standard}", *FLAGS, *extra, *[f"-I{i}" for i in includes],
               "-x", "c++", "-"]
    # Twice: the second time shows a missing include guard.
    source = f"#include <{header}>\n#include <{header}>\nint main() {{}}\n"
    result = subprocess.run(command, input=source, text=True, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT)
    name = f"{header} with {compiler} as C++{standard} {' '.join(extra)}".rstrip()
    return name, result.returncode, result.stdout


def main():
    includes = [Path(argument) for argument in sys.argv[1:]]
    headers = sorted(str(p.relative_to(i)) for i in includes for p in i.rglob("*.h"))
    if not CPP14 <= set(headers):
        sys.exit(f"no {CPP14} under {includes}")
    jobs = []
    for compiler, header in itertools.product(COMPILERS, headers):
        for standard in (14, 17, 20) if header in CPP14 else (17, 20):
            jobs.append((compiler, standard, header, includes, ()))
        jobs.append((compiler, 17, header, includes, ("-fno-exceptions", "-fno-rtti")))
    failed = 0
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for name, status, output in pool.map(compile_alone, jobs):
            if status != 0:
                failed += 1
                print(f"FAILED  {name}\n{output}")
    print(f"{len(jobs)} compilations of {len(headers)} headers, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
