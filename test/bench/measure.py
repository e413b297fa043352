"""Runs the benchmark programs and keeps the best of what they say.

The machine may be busy with other things. So the contenders take turns, round after round, and
of every figure the best one counts: noise only ever adds. Times of code that never sleeps are
CPU times, which other processes do not enter.
"""

import json
import os
import pathlib
import re
import resource
import shlex
import shutil
import subprocess
import sys
import time


class BenchError(Exception):
    """A program that failed, or that did not measure what it was asked for."""


def cpus():
    return len(os.sched_getaffinity(0))


def run(command):
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            check=False)
    if result.returncode != 0:
        raise BenchError("%s failed (%d): %s" % (
            pathlib.Path(command[0]).name, result.returncode, result.stderr.strip()[-500:]))
    return result.stdout


class Figures:
    """The best figures so far of one build: name -> field -> number."""

    # Counters of the Google Benchmark programs. Lower is better in every one of them.
    COUNTERS = ("allocations", "p50_ms", "p50_us", "p999_us", "max_us", "ratio")
    UNITS = {"ns": 1.0, "us": 1e3, "ms": 1e6, "s": 1e9}

    def __init__(self):
        self.best = {}

    def add(self, name, field, value):
        fields = self.best.setdefault(name, {})
        fields[field] = min(value, fields.get(field, value))

    def add_google(self, text):
        for entry in json.loads(text)["benchmarks"]:
            if entry.get("error_occurred"):
                raise BenchError("%s: %s" % (entry["name"], entry["error_message"]))
            # exposition/limit/counters/10000/real_time, increment/floor/1/real_time/threads:8,
            # http/prom/gzip/iterations:40/real_time
            parts = [p for p in entry["name"].split("/")
                     if p not in ("real_time", "manual_time")
                     and not p.startswith("iterations:")]
            name = "/".join(p.replace("threads:", "t") for p in parts)
            unit = self.UNITS[entry["time_unit"]]
            self.add(name, "wall_ns", entry["real_time"] * unit)
            self.add(name, "cpu_ns", entry["cpu_time"] * unit)
            for field in self.COUNTERS:
                if field in entry:
                    self.add(name, field, entry[field])

    def add_json(self, name, text):
        for field, value in json.loads(text).items():
            self.add(name, field, value)

    def __contains__(self, name):
        return name in self.best

    def get(self, name, field):
        try:
            return self.best[name][field]
        except KeyError:
            raise BenchError("nothing measured for %s %s" % (name, field)) from None

    def ns(self, name):
        """Wall time for an operation of a contender that never sleeps: its CPU time, spread over
        the CPUs where there are several threads."""
        cpu = self.get(name, "cpu_ns")
        return cpu / min(8, cpus()) if name.endswith("/t8") else cpu

    def wall_ns(self, name):
        return self.get(name, "wall_ns")


class Build:
    """One build directory, its programs and its figures."""

    def __init__(self, label, directory):
        self.label = label
        self.programs = pathlib.Path(directory) / "test" / "bench"
        self.directory = pathlib.Path(directory)
        self.figures = Figures()

    def cache(self, key):
        """A variable of this build's CMake cache; empty where there is none."""
        text = (self.directory / "CMakeCache.txt").read_text(encoding="utf-8")
        match = re.search(r"^%s:\w+=(.*)$" % re.escape(key), text, re.M)
        return match[1] if match else ""

    def google(self, program, min_time=0.03, pattern="."):
        self.figures.add_google(run([
            str(self.programs / ("bench_" + program)), "--benchmark_format=json",
            "--benchmark_min_time=%g" % min_time, "--benchmark_filter=" + pattern]))

    def memory(self, *args):
        self.figures.add_json("/".join(("memory",) + args),
                              run([str(self.programs / "bench_memory")] + list(args)))


# What one round does to a build. The key is what a gate names when it wants another round.
def hot_path(build):
    build.google("hot_path")
    build.google("lookup")


def native(build):
    build.google("native", pattern="observe/(native|both)/.*")


def summary(build):
    build.google("summary")
    for contender in ("polymeter", "prom"):
        build.figures.add_json("summary_memory/" + contender, run(
            [str(build.programs / "bench_summary_memory"), contender, "1000", "4096"]))


def exposition(build):
    build.google("exposition", 0.05)
    build.google("self")


def creation(build):
    build.google("creation")


def exemplars(build):
    build.google("exemplars")


def push(build):
    build.google("push", 0.05)


def adapters(build):
    for name in ("http_server", "job", "runtime"):
        build.google(name)


# Two programs, because the two libraries exclude each other in one.
DROPIN_HOT = "dropin/(increment|observe)/.*"


def dropin_hot(build):
    build.google("dropin", pattern=DROPIN_HOT)
    build.google("dropin_prom", pattern=DROPIN_HOT)


def dropin(build):
    build.google("dropin", 0.05, "-" + DROPIN_HOT)
    build.google("dropin_prom", 0.05, "-" + DROPIN_HOT)


def http(build):
    build.google("http")


def scrape_memory(build):
    for encoding in ("plain", "gzip"):
        build.memory("scrapes", "polymeter", "100000", encoding)
    build.memory("scrapes", "polymeter", "1000000", "plain")


def series_memory(build):
    for contender in ("polymeter", "prom"):
        build.memory("series", contender, "counters", "100000")
        build.memory("series", contender, "histograms", "10000")
        build.memory("series", contender, "histograms", "100000")
    build.memory("series", "polymeter", "exemplar_counters", "100000")
    build.memory("series", "polymeter", "exemplar_histograms", "10000")


def prom_scrape_memory(build):
    build.memory("scrapes", "prom", "100000", "plain")


def threads(build):
    for count in ("2", "64", "512"):
        build.memory("threads", count, "100000", "100")


# The least that includes what a program needs to count, to time and to be scraped.
HEADERS = {
    "polymeter": ("polymeter/polymeter.h",),
    "prom": ("prometheus/counter.h", "prometheus/gauge.h", "prometheus/histogram.h",
             "prometheus/registry.h", "prometheus/exposer.h", "prometheus/text_serializer.h"),
}
ROOT = pathlib.Path(__file__).resolve().parents[2]
DROPIN = ROOT / "integrations" / "prometheus_cpp" / "dropin" / "include"


def compile_time(build):
    """CPU seconds to compile headers alone, with the folders of bench_http, which has all."""
    commands = json.loads((build.directory / "compile_commands.json").read_text(encoding="utf-8"))
    words = next(shlex.split(c["command"]) for c in commands if "bench_http.dir" in c["command"])
    folders = [w for w in words if w.startswith("-I")]
    folders += [w for i, name in enumerate(words[:-1]) if name == "-isystem"
                for w in (name, words[i + 1])]
    contenders = {name: ([], headers) for name, headers in HEADERS.items()}
    if DROPIN.is_dir():
        contenders["dropin"] = (["-I%s" % DROPIN], HEADERS["prom"])
    for _ in range(5):
        for name, (first, headers) in contenders.items():
            source = "".join("#include <%s>\n" % header for header in headers)
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            result = subprocess.run(
                [build.cache("CMAKE_CXX_COMPILER"), "-std=c++17", "-O2", "-c", "-o", os.devnull,
                 *first, *folders, "-x", "c++", "-"], input=source, text=True,
                stderr=subprocess.PIPE, check=False)
            if result.returncode != 0:
                raise BenchError("%s does not compile: %s" % (name, result.stderr[-500:]))
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            build.figures.add("compile/" + name, "seconds",
                              after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def program_size(build, name, program):
    stripped = build.directory / ("%s.stripped" % program.name)
    shutil.copyfile(program, stripped)
    run(["strip", str(stripped)])
    build.figures.add(name, "bytes", stripped.stat().st_size)
    loaded = run(["ldd", str(program)]).splitlines()
    build.figures.add(name, "libraries", sum("linux-vdso" not in line for line in loaded))


def minimal_program(build):
    """The smallest program, built as a user builds it, and the same one with all backends."""
    folder = build.directory / "minimal"
    run(["cmake", "-S", str(ROOT / "test" / "bench" / "minimal"), "-B", str(folder), "-G", "Ninja",
         "-DCMAKE_BUILD_TYPE=Release"] + [
             "-D%s=%s" % (key, build.cache(key))
             for key in ("CMAKE_CXX_COMPILER", "CMAKE_CXX_COMPILER_LAUNCHER", "CMAKE_PREFIX_PATH")
             if build.cache(key)])
    run(["cmake", "--build", str(folder)])
    program_size(build, "program/prometheus", folder / "minimal")
    program_size(build, "program/all", build.programs / "bench_minimal")


# name -> (function, rounds, rounds when quick, also for the shared build)
PARTS = {
    "hot_path": (hot_path, 5, 2, True),
    "native": (native, 5, 2, True),
    "summary": (summary, 2, 1, False),
    "exposition": (exposition, 3, 1, True),
    "creation": (creation, 2, 1, True),
    "push": (push, 3, 1, True),
    "exemplars": (exemplars, 3, 1, False),
    "adapters": (adapters, 3, 1, False),
    "dropin_hot": (dropin_hot, 5, 2, False),
    "dropin": (dropin, 3, 1, False),
    "http": (http, 2, 1, False),
    "scrape_memory": (scrape_memory, 2, 1, False),
    "series_memory": (series_memory, 1, 1, False),
    "prom_scrape_memory": (prom_scrape_memory, 1, 1, False),
    "threads": (threads, 2, 1, False),
    "compile_time": (compile_time, 2, 1, False),
    "minimal_program": (minimal_program, 1, 0, False),
}


# Programs of which a few benchmarks can be measured by themselves, with seconds for each.
FOCUSED = {"hot_path": 0.02, "native": 0.02, "exposition": 0.05}


def again(builds, rows):
    """What these rows compare, once more. A few benchmarks often, in turns, rather than all of a
    part once: what a busy moment spoils is then a small part."""
    for part in sorted({row.part for row in rows}):
        names = {name for row in rows if row.part == part for name in row.names}
        if part not in FOCUSED or any(not row.names for row in rows if row.part == part):
            measure(builds, True, {part})
            continue
        # increment/floor/1/t8 is increment/floor/1/real_time/threads:8 there
        pattern = "^(%s)$" % "|".join(
            name[:-3] + "/real_time/threads:" + name[-1] if re.search("/t[0-9]$", name)
            else name + "/real_time" for name in sorted(names))
        for build in builds:
            if build is builds[0] or PARTS[part][3]:
                started = time.monotonic()
                for _ in range(10):
                    build.google(part, FOCUSED[part], pattern)
                print("again: %s, %s (%.1f s)" % (", ".join(sorted(names)), build.label,
                                                  time.monotonic() - started),
                      file=sys.stderr, flush=True)


def measure(builds, quick, parts=None):
    """All rounds, interleaved: every part of every build once, then again."""
    rounds = {name: (part[2] if quick else part[1]) for name, part in PARTS.items()
              if parts is None or name in parts}
    for number in range(max(rounds.values())):
        for name, wanted in rounds.items():
            if number >= wanted:
                continue
            for build in builds:
                if build is builds[0] or PARTS[name][3]:
                    started = time.monotonic()
                    PARTS[name][0](build)
                    print("round %d: %s, %s (%.1f s)" % (
                        number + 1, name.replace("_", " "), build.label,
                        time.monotonic() - started), file=sys.stderr, flush=True)
