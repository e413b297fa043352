#!/usr/bin/env python3
"""The code on docs/prometheus-cpp.md: each piece of C++ compiles with what its section is about, and
each piece of CMake configures.

page_test.py --page PAGE --compiler CXX --cmake CMAKE --include SECTION=DIR... --target NAME...

A target that the page links must be one of the build (--target).
"""

import argparse
import collections
import pathlib
import re
import subprocess
import sys
import tempfile

# Section -> C++ standards. The drop-in's headers are C++14, polymeter's C++17.
STANDARDS = {"Drop-in": ("14", "20"), "Bridge": ("17",), "Native": ("17",)}
PROJECT = """cmake_minimum_required(VERSION 3.22)
project(page LANGUAGES CXX)
add_executable(service main.cpp)
"""


def pieces(text):
    """(section, language, code) of each block, in order."""
    section = ""
    for match in re.finditer(r"^## ([^\n]+)$|^```(\w+)\n(.*?)^```$", text, re.M | re.S):
        if match[1]:
            section = match[1]
        else:
            yield section, match[2], match[3]


def check_cpp(options, folder, section, code):
    source = folder / "page.cpp"
    source.write_text("#include <memory>\n" + code)
    for standard in STANDARDS[section]:
        done = subprocess.run(
            [options.compiler, "-std=c++" + standard, "-fsyntax-only", "-Wall", "-Wextra",
             "-Wpedantic", "-Werror", "-Wno-unused-variable",
             *("-I" + include for include in options.include[section]), source],
            capture_output=True, text=True, timeout=100, check=False)
        if done.returncode != 0:
            yield "%s, C++%s:\n%s\n%s" % (section, standard, code, done.stderr)


def check_cmake(options, folder, section, code):
    linked = set(re.findall(r"polymeter::\w+", code))
    for name in linked - set(options.target):
        yield "%s: %s is no target of this build" % (section, name)
    components = re.search(r"COMPONENTS ([\w ]+)\)", code)[1].split()
    for name in components:
        if "polymeter::" + name not in options.target:
            yield "%s: %s is no component of this build" % (section, name)
    # A package with these targets and nothing behind them.
    package = folder / "package"
    package.mkdir(exist_ok=True)
    (package / "polymeter-config.cmake").write_text(
        "".join("add_library(%s INTERFACE IMPORTED)\n" % name for name in sorted(linked)))
    (package / "polymeter-config-version.cmake").write_text(
        "set(PACKAGE_VERSION 0.1)\nset(PACKAGE_VERSION_COMPATIBLE TRUE)\n")
    (folder / "main.cpp").write_text("int main() {}\n")
    (folder / "CMakeLists.txt").write_text(PROJECT + code)
    done = subprocess.run(
        [options.cmake, "-S", folder, "-B", folder / "build", "-Wno-dev",
         "-DCMAKE_CXX_COMPILER=" + options.compiler, "-DCMAKE_CXX_COMPILER_FORCED=ON",
         "-Dpolymeter_DIR=%s" % package],
        capture_output=True, text=True, timeout=100, check=False)
    if done.returncode != 0:
        yield "%s:\n%s\n%s" % (section, code, done.stderr)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--page", type=pathlib.Path, required=True)
    parser.add_argument("--compiler", required=True)
    parser.add_argument("--cmake", required=True)
    parser.add_argument("--include", action="append", required=True, metavar="SECTION=DIR")
    parser.add_argument("--target", action="append", required=True)
    options = parser.parse_args()
    includes = collections.defaultdict(list)
    for pair in options.include:
        section, folder = pair.split("=", 1)
        if folder and pathlib.Path(folder) != pathlib.Path("/usr/include"):
            includes[section].append(folder)
    options.include = includes

    problems = []
    seen = set()
    for section, language, code in pieces(options.page.read_text(encoding="utf-8")):
        check = {"cpp": check_cpp, "cmake": check_cmake}.get(language)
        if check:
            seen.add((section, language))
            with tempfile.TemporaryDirectory() as folder:
                problems += check(options, pathlib.Path(folder), section, code)
    wanted = {(section, "cpp") for section in STANDARDS} | {("Drop-in", "cmake"), ("Bridge", "cmake")}
    if seen != wanted:
        problems.append("code in %s, expected in %s" % (sorted(seen), sorted(wanted)))
    print("\n".join(problems) or "%d kinds of code hold" % len(seen))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
