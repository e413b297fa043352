#!/usr/bin/env python3
"""Compiles each public header alone: hot_path.h and what it includes as C++14, all as C++17 without
exceptions, which third parties need to whom a header is glue. (With exceptions and as C++20, the
library's own build and the consumers of its package compile them.)

  check_headers.py INCLUDE_DIR... [--glue INCLUDE_DIR...] [--system INCLUDE_DIR...]
                   [--dropin INCLUDE_DIR]

The drop-in's headers are C++14, 17 and 20, and not in the way of the others': a bridge's header must
find prometheus-cpp's.
"""

import argparse
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

COMPILERS = ("g++", "clang++-14")
# Headers that stay C++14, because headers that must stay C++14 include them.
CPP14 = {"polymeter/export.h", "polymeter/fwd.h", "polymeter/hot_path.h"}
FLAGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Wconversion", "-Werror", "-fsyntax-only"]

# A header that only names types, and what its source file then does with them.
NAMES_ONLY = """
#include <polymeter/fwd.h>
#if defined(_GLIBCXX_STRING) || defined(_GLIBCXX_MEMORY) || defined(_GLIBCXX_VECTOR)
#error "fwd.h includes what it should not"
#endif
class Shop {
 public:
  explicit Shop(const polymeter::Metrics& metrics);
  polymeter::Counter Sold(const polymeter::CounterFamily<2>& family) const;
  void Describe(polymeter::CounterFamily<>& any, polymeter::GaugeFamily<1>& gauges,
                polymeter::HistogramFamily<1>* histograms, const polymeter::FamilyOptions&);
  void Attach(polymeter::Producer&, polymeter::FamilySink&, polymeter::Attachment);
  void Write(const polymeter::Snapshot&, polymeter::Backend&, polymeter::Encoder*,
             polymeter::PushBackend&, polymeter::MessageSink&, polymeter::ScrapeSink&);
  static polymeter::Result<polymeter::Metrics> Make(const polymeter::Options&);
  polymeter::Status Stop();

 private:
  const polymeter::Metrics* metrics_;
};

#include <polymeter/polymeter.h>
#include <polymeter/push_backend.h>
Shop::Shop(const polymeter::Metrics& metrics) : metrics_(&metrics) {}
polymeter::Counter Shop::Sold(const polymeter::CounterFamily<2>& family) const {
  return family.With("book", 7);
}
polymeter::Status Shop::Stop() { return metrics_->Shutdown(); }
"""


# g++ warns of a forward declaration with an attribute behind the definition.
AFTERWARDS = ("-DFORWARD_DECLARATIONS_FOLLOW",)
FORWARD_DECLARED = ("polymeter/metrics.h", "polymeter/producer.h", "polymeter/push_backend.h")


def compile_alone(job):
    compiler, standard, header, folders, extra = job
    command = [compiler, f"-std=c++{standard}", *FLAGS, *extra, *folders, "-x", "c++", "-"]
    # Twice: the second time shows a missing include guard.
    second = "polymeter/fwd.h" if extra == AFTERWARDS else header
    source = f"#include <{header}>\n#include <{second}>\nint main() {{}}\n"
    if header == "a header that names types":
        source = NAMES_ONLY
    result = subprocess.run(command, input=source, text=True, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT)
    name = f"{header} with {compiler} as C++{standard} {' '.join(extra)}".rstrip()
    return name, result.returncode, result.stdout


def headers_in(folders):
    return sorted(str(path.relative_to(folder)) for folder in folders for path in folder.rglob("*.h"))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("includes", nargs="+", type=Path)
    parser.add_argument("--glue", nargs="*", default=[], type=Path)
    parser.add_argument("--system", nargs="*", default=[], type=Path)
    parser.add_argument("--dropin", type=Path)
    options = parser.parse_args()
    folders = [f"-I{folder}" for folder in options.includes + options.glue]
    folders += [f"-isystem{folder}" for folder in options.system]
    headers = headers_in(options.includes)
    if not CPP14 <= set(headers):
        sys.exit(f"no {CPP14} under {options.includes}")
    jobs = []
    for header in headers:
        if header in CPP14:
            jobs += [(compiler, 14, header, folders, ()) for compiler in COMPILERS]
        jobs.append(("clang++-14", 17, header, folders, ("-fno-exceptions", "-fno-rtti")))
    for header in headers_in(options.glue):
        jobs.append(("clang++-14", 17, header, folders, ()))
    jobs += [(compiler, 17, "a header that names types", folders, ()) for compiler in COMPILERS]
    jobs += [("g++", 17, header, folders, AFTERWARDS) for header in FORWARD_DECLARED]
    if options.dropin:
        dropin = [f"-I{folder}" for folder in (options.dropin, *options.includes)]
        found = headers_in([options.dropin])
        if not found:
            sys.exit(f"no headers under {options.dropin}")
        for header in found:
            # test/dropin compiles them at C++17 and 20.
            jobs += [(compiler, 14, header, dropin, ()) for compiler in COMPILERS]
    failed = 0
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for name, status, output in pool.map(compile_alone, jobs):
            if status != 0:
                failed += 1
                print(f"FAILED  {name}\n{output}")
    print(f"{len(jobs)} compilations, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
