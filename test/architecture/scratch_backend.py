#!/usr/bin/env python3
"""Proves that a backend is one folder and one line: copies the tree, adds the backend `scratch` to
the copy, builds the conformance suite there, runs it, and takes the copy away.

Then it runs the suite over the same backend with one defect after the other, and wants each of
them noticed.

    scratch_backend.py --work DIR [--cmake-arg=-D...]...

DIR keeps the objects, so that only what has changed is compiled the next time.
"""

import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
COPIED = ("CMakeLists.txt", "cmake", "sdk", "exporters", "integrations", "test")
TARGET = "polymeter_conformance_test"
ROW = "row(scratch, Scratch, POLYMETER_WITH_SCRATCH)"

# defect -> the tests that it must make fail; the rest of the suite must still pass.
DEFECTS = {
    "miscounts": {"EncoderContract.AccountsForEveryPointOfTheCorpus"},
    "stale_cache": {"EncoderContract.GivesTheSameBytesWithAWarmCacheAColdOneAndNone",
                    "EncoderContract.KeepsItsCacheRightWhileSeriesComeAndGo"},
    "deaf_sink": {"EncoderContract.StopsWhenTheSinkRefuses"},
    "undead": {"BackendContract.StartsDeliversAndStops"},
    "unbalanced": {"BackendContract.ReportsAtAnyTimeAndBalances"},
    "gives_up": {"BackendContract.TakesAReceiverOrPortThatIsNotThereForSomethingThatHeals"},
}


def add_line(table):
  """The text of backends.cpp with the row, which is the only change."""
  rows = list(re.finditer(r"^#define POLYMETER_BACKENDS\(row\) \\\n", table, re.M))
  if len(rows) != 1:
    sys.exit("backends.cpp: the table is not where this script looks for it")
  at = rows[0].end()
  return table[:at] + f"  {ROW} \\\n" + table[at:]


def copy_tree(tree):
  shutil.rmtree(tree, ignore_errors=True)
  for name in COPIED:
    if (ROOT / name).is_file():
      tree.mkdir(parents=True, exist_ok=True)
      shutil.copy2(ROOT / name, tree / name)
    else:
      shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
  shutil.copytree(ROOT / "test/architecture/scratch", tree / "exporters/scratch")
  # Of the suites only this one.
  for suite in (tree / "test").iterdir():
    if suite.is_dir() and suite.name != "conformance":
      shutil.rmtree(suite)
  table = tree / "exporters/backends.cpp"
  before = table.stat()
  text = table.read_text(encoding="utf-8")
  changed = add_line(text)
  if len(changed.splitlines()) != len(text.splitlines()) + 1:
    sys.exit("the scratch backend took more than one line")
  table.write_text(changed, encoding="utf-8")
  os.utime(table, ns=(before.st_atime_ns, before.st_mtime_ns))


def run(*command, **options):
  print("+", " ".join(map(str, command)), flush=True)
  return subprocess.run(list(map(str, command)), check=True, **options)


def failed_tests(program, pattern):
  """The tests that fail under a filter, as suite.test without the parameter; and how many ran."""
  output = subprocess.run(
      [program, f"--gtest_filter={pattern}"], capture_output=True, text=True, timeout=300,
      check=False).stdout
  ran = re.search(r"\[=+\] (\d+) tests? from .* ran", output)
  if ran is None:
    sys.exit(f"the suite did not end under {pattern}:\n{output[-3000:]}")
  failed = re.findall(r"^\[  FAILED  \] EveryBackend/(\w+\.\w+)/\w+(?:, where.*)?$", output, re.M)
  return set(failed), int(ran[1]), output


def main():
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument("--work", required=True, type=pathlib.Path)
  parser.add_argument("--cmake-arg", action="append", default=[])
  args = parser.parse_args()
  work = args.work.resolve()
  tree, build = work / "tree", work / "build"
  begin = time.monotonic()
  try:
    copy_tree(tree)
    run("cmake", "-S", tree, "-B", build, "-G", "Ninja", *args.cmake_arg,
        "-DPOLYMETER_BUILD_TESTS=ON", "-DPOLYMETER_BUILD_SAMPLES=OFF", "-DPOLYMETER_INSTALL=OFF",
        "-DPOLYMETER_BUILD_BENCHMARKS=OFF", "-DPOLYMETER_WITH_PROMETHEUS_CPP=OFF",
        "-DPOLYMETER_WITH_PROMETHEUS_API=OFF", "-DPOLYMETER_WITH_ADAPTERS=OFF",
        # What it is not compared with need not be compiled once more.
        "-DPOLYMETER_WITH_OTLP=OFF", "-DPOLYMETER_WITH_STATSD=OFF",
        "-DPOLYMETER_WITH_PUSHGATEWAY=OFF", "-DPOLYMETER_WITH_TLS=OFF",
        "-DPOLYMETER_WITH_WEB_CONFIG=OFF",
        stdout=subprocess.DEVNULL)
    run("cmake", "--build", build, "--target", TARGET)
    program = next(path for path in build.rglob(TARGET) if path.is_file())

    whole = "*/scratch:*/scratch_*:Table.*"
    broken = ":".join(f"*/scratch_defect_{defect.replace('_', '')}" for defect in DEFECTS)
    failed, ran, output = failed_tests(program, f"{whole}-{broken}")
    if failed or ran < 20:
      sys.exit(f"{output}\nthe scratch backend does not pass: {sorted(failed)}, {ran} tests")
    print(f"scratch passes the conformance suite: {ran} tests")

    for defect, wanted in DEFECTS.items():
      pattern = f"*/scratch_defect_{defect.replace('_', '')}"
      failed, ran, output = failed_tests(program, pattern)
      if not wanted <= failed:
        sys.exit(f"{output}\nthe suite did not notice the defect {defect}: {sorted(failed)}")
      print(f"defect {defect}: noticed by {len(failed)} of {ran} tests")
  finally:
    shutil.rmtree(tree, ignore_errors=True)
  print(f"taken away; {time.monotonic() - begin:.0f} s")


if __name__ == "__main__":
  main()
