#!/usr/bin/env python3
"""`polymeter build` over real projects, Debian's googletest and polymeter itself: cold, untouched,
incremental, with a unit that fails, and with a compiler cache that is cold and warm.

    judge_build.py POLYMETER

What the report and the metrics say is compared with ninja itself (-t commands, -n), with its log, read
here, and with what it prints. The command's own CPU time is compared with the build's.
"""

import collections
import json
import os
import pathlib
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import unittest

SOURCE = pathlib.Path("/usr/src/googletest")
ITSELF = pathlib.Path(__file__).resolve().parents[2]
polymeter = None


def run(*command, **options):
    return subprocess.run([str(c) for c in command], text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, timeout=600, **options)


def cpu_of_children():
    """Seconds, of all that ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def edges(log, skip=0):
    """(outputs, milliseconds) of each edge in the log behind its first lines: lines with the same
    times and the same command are one."""
    found = collections.defaultdict(list)
    for line in log.read_text().splitlines()[skip:]:
        if line.startswith("#"):
            continue
        start, end, time, output, command = line.split("\t")
        found[start, end, time, command].append(output)
    return [(outputs, int(end) - int(start)) for (start, end, _, _), outputs in found.items()]


class Project:
    """The project's sources, to be changed, and a folder to build in."""

    def __init__(self, work, *options, generator="Ninja", source=SOURCE):
        self.source, self.folder = work / "source", work / "build"
        shutil.copytree(source, self.source,
                        ignore=shutil.ignore_patterns("build", ".git", "testdata"))
        done = run("cmake", "-S", self.source, "-B", self.folder, "-G", generator,
                   "-DCMAKE_BUILD_TYPE=Debug", "-DCMAKE_CXX_FLAGS_DEBUG=-O0",
                   "-DBUILD_GMOCK=OFF", "-Dgtest_build_samples=ON",
                   *options)
        if done.returncode != 0:
            raise RuntimeError(done.stdout)

    def build(self, *arguments, environment=None, tool="ninja"):
        """Under the command: its report, its page of metrics, what it printed, its result."""
        report, page = self.folder / "report.json", self.folder / "metrics.json"
        report.unlink(missing_ok=True)
        env = {**os.environ, "METRICS_BACKEND": "json", "METRICS_JSON_PATH": str(page),
               **(environment or {})}
        before = cpu_of_children()
        done = run(polymeter, "build", "--report", report, "--", tool, "-C", self.folder,
                   *arguments, env=env)
        return Result(json.loads(report.read_text()), json.loads(page.read_text()), done,
                      cpu_of_children() - before)

    def dry_run(self):
        """How many edges ninja would run now."""
        done = run("ninja", "-C", self.folder, "-n")
        steps = re.findall(r"^\[(\d+)/\d+\]", done.stdout, re.M)
        return len(steps)

    @property
    def log(self):
        return self.folder / ".ninja_log"

    def log_lines(self):
        return len(self.log.read_text().splitlines()) if self.log.exists() else 0


def built(steps):
    """Without what CMake lets ninja do before a build: looking for new sources."""
    return [s for s in steps if pathlib.Path(s["name"]).name != "cmake.verify_globs"]


class Result:
    def __init__(self, report, page, done, cpu):
        self.report, self.page = report, page
        self.cpu = cpu  # seconds, of the command and all below it
        self.code, self.output = done.returncode, done.stdout
        self.steps = report["steps"]

    def value(self, name, **labels):
        """The sum of the family's points with these labels."""
        total = 0
        for family in self.page["families"]:
            if family["name"] != name:
                continue
            for point in family["series"]:
                if labels.items() <= point["labels"].items():
                    total += float(point.get("value", point.get("count", 0)))
        return total


class Builds(unittest.TestCase):
    def setUp(self):
        self.work = pathlib.Path(tempfile.mkdtemp(prefix="polymeter-build-"))
        self.addCleanup(shutil.rmtree, self.work)

    def check(self, result, project, lines_before):
        """The report's steps are the log's, and the metrics are the report's."""
        logged = edges(project.log, lines_before)
        self.assertEqual(len([s for s in result.steps if s["result"] != "failed"]), len(logged))
        names = {output: ms for outputs, ms in logged for output in outputs}
        for step in result.steps:
            if step["result"] == "failed":
                continue
            self.assertIn(step["name"], names)
            self.assertEqual(round(step["seconds"] * 1000), names[step["name"]], step)
        self.assertEqual(result.value("build_runs_total"), 1)
        self.assertEqual(result.value("build_steps_total"), len(result.steps))
        for kind in ("compile", "link", "archive", "custom"):
            for outcome in ("ok", "failed", "cached"):
                here = [s for s in result.steps if (s["kind"], s["result"]) == (kind, outcome)]
                self.assertEqual(result.value("build_steps_total", kind=kind, result=outcome),
                                 len(here), (kind, outcome))

    def test_cold_untouched_incremental_and_failing(self):
        project = Project(self.work)
        graph = len(run("ninja", "-C", project.folder, "-t", "commands").stdout.splitlines())
        self.assertGreater(graph, 20)

        cold = project.build()
        self.assertEqual(cold.code, 0, cold.output)
        self.check(cold, project, 0)
        self.assertEqual(len(cold.steps), graph)
        self.assertEqual(cold.report["result"], "success")
        self.assertEqual(cold.value("build_runs_total", tool="ninja", result="success"), 1)
        compiled = json.loads(run("ninja", "-C", project.folder, "-t", "compdb").stdout)
        sources = {pathlib.Path(e["file"]).name for e in compiled if e["file"].endswith(".cc")}
        self.assertEqual({pathlib.Path(s["source"]).name for s in cold.steps
                          if s["kind"] == "compile"}, sources)
        self.assertLessEqual(cold.report["critical_path"]["seconds"],
                             cold.report["wall_seconds"] + 0.1)
        self.assertGreaterEqual(cold.report["critical_path"]["seconds"],
                                max(step["seconds"] for step in cold.steps))

        # Its own time is below a hundredth of the build's.
        spent = cold.report["cpu_user_seconds"] + cold.report["cpu_system_seconds"]
        print(f"build {spent:.2f} s CPU, the command {cold.cpu - spent:.3f} s", file=sys.stderr)
        self.assertGreater(spent, 1)
        self.assertLess(cold.cpu - spent, 0.01 * spent)

        lines = project.log_lines()
        untouched = project.build()
        self.assertEqual((untouched.code, untouched.steps), (0, []))
        self.assertEqual(untouched.report["result"], "success")

        (project.source / "googletest/samples/sample1.cc").touch()
        planned = project.dry_run()
        self.assertGreater(planned, 1)
        incremental = project.build()
        self.assertEqual(incremental.code, 0)
        self.assertEqual(len(incremental.steps), planned)
        self.check(incremental, project, lines)

        # Some units fail, one and what needs it succeed.
        lines = project.log_lines()
        (project.source / "googletest/samples/sample1.cc").touch()
        for broken in ("sample2.cc", "sample4.cc"):
            with open(project.source / "googletest/samples" / broken, "a") as source:
                source.write("\nnot C++\n")
        failing = project.build("-k", "0")
        alone = run("ninja", "-C", project.folder, "-k", "0")
        self.assertEqual(failing.code, alone.returncode)
        self.assertNotEqual(failing.code, 0)
        self.check(failing, project, lines)
        failed = re.findall(r"^FAILED: (?:\[code=\d+\] )?(\S+)", alone.stdout, re.M)
        self.assertEqual(sorted(failing.report["failed"]), sorted(failed))
        self.assertEqual(failing.value("build_runs_total", result="failure"), 1)

        # Four builds, of which three have left something in the log: the last one alone.
        done = run(polymeter, "build", "--log", project.log, "--report", self.work / "old.json")
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn("the last of 3 builds", done.stdout)
        old = json.loads((self.work / "old.json").read_text())
        logged = edges(project.log, lines)
        self.assertGreater(len(logged), 1)
        self.assertEqual(sorted(s["name"] for s in old["steps"]),
                         sorted(outputs[0] for outputs, _ in logged))

    def test_make_through_a_compiler_launcher(self):
        project = Project(self.work, f"-DCMAKE_CXX_COMPILER_LAUNCHER={polymeter};step;--",
                          "-DCMAKE_EXPORT_COMPILE_COMMANDS=ON", generator="Unix Makefiles")
        commands = json.loads((project.folder / "compile_commands.json").read_text())
        built = project.build("-j2", tool="make")
        self.assertEqual(built.code, 0, built.output)
        compiled = [s for s in built.steps if s["kind"] == "compile"]
        self.assertEqual(sorted(pathlib.Path(s["source"]).name for s in compiled),
                         sorted(pathlib.Path(c["file"]).name for c in commands))
        self.assertTrue(all(s["seconds"] > 0 and s["peak_rss_bytes"] > 10 << 20 for s in compiled))
        self.assertEqual(built.value("build_runs_total", tool="make", result="success"), 1)
        with open(project.source / "googletest/samples/sample2.cc", "a") as source:
            source.write("\nnot C++\n")
        failing = project.build("-k", "-j2", tool="make")
        self.assertNotEqual(failing.code, 0)
        self.assertEqual(failing.value("build_steps_total", kind="compile", result="failed"), 1)

    def test_a_compiler_cache_cold_and_warm(self):
        if shutil.which("ccache") is None:
            self.fail("ccache is missing")
        cache = {"CCACHE_DIR": str(self.work / "cache")}
        project = Project(self.work, "-DCMAKE_CXX_COMPILER_LAUNCHER=ccache")
        cold = project.build(environment=cache)
        self.assertEqual(cold.code, 0, cold.output)
        compiled = len([s for s in cold.steps if s["kind"] == "compile"])
        # Each compilation asks once; a unit that two targets compile alike may be a hit already.
        self.assertEqual(cold.value("build_cache_requests_total"), compiled, cold.report["cache"])
        self.assertGreater(cold.value("build_cache_requests_total", result="miss"), compiled / 2)
        self.assertEqual(cold.value("build_cache_requests_total", result="miss"),
                         len([s for s in cold.steps if (s["kind"], s["result"]) == ("compile", "ok")]))
        run("ninja", "-C", project.folder, "-t", "clean")
        lines = project.log_lines()
        warm = project.build(environment=cache)
        self.assertEqual(warm.code, 0, warm.output)
        self.check(warm, project, lines)
        self.assertEqual(len([s for s in warm.steps if s["result"] == "cached"]), compiled)
        self.assertEqual(warm.value("build_cache_requests_total", result="direct_hit"), compiled)


    def test_polymeter_itself(self):
        cache = {"CCACHE_DIR": str(self.work / "cache")}
        project = Project(self.work, "-DCMAKE_CXX_COMPILER_LAUNCHER=ccache",
                          *(f"-DPOLYMETER_{option}=OFF" for option in
                            ("BUILD_TESTS", "BUILD_SAMPLES", "WITH_ADAPTERS", "WITH_TOOLS",
                             "WITH_PROMETHEUS_CPP", "WITH_PROMETHEUS", "WITH_OTLP", "WITH_STATSD",
                             "WITH_JSON", "WITH_CSV", "WITH_PUSHGATEWAY",
                             "WITH_PROMETHEUS_API")),
                          source=ITSELF)
        graph = len(run("ninja", "-C", project.folder, "-t", "commands").stdout.splitlines())
        cold = project.build(environment=cache)
        self.assertEqual(cold.code, 0, cold.output)
        self.check(cold, project, 0)
        self.assertEqual(len(built(cold.steps)), graph)
        compiled = len([s for s in cold.steps if s["kind"] == "compile"])
        self.assertGreater(compiled, 25)

        changed = project.source / "sdk/src/text.cpp"
        lines = project.log_lines()
        with open(changed, "a") as source:
            source.write("\nnot C++\n")
        failing = project.build(environment=cache)
        self.assertNotEqual(failing.code, 0)
        self.check(failing, project, lines)
        self.assertEqual([pathlib.Path(name).name for name in failing.report["failed"]],
                         ["text.cpp.o"])

        lines = project.log_lines()
        changed.write_text(changed.read_text().replace("\nnot C++\n", "\n// changed\n"))
        incremental = project.build(environment=cache)
        self.assertEqual(incremental.code, 0, incremental.output)
        self.check(incremental, project, lines)
        # No dry run here: to one, a tree that looks for new sources is never up to date.
        self.assertEqual(sorted(pathlib.Path(s["name"]).name for s in built(incremental.steps)),
                         ["libpolymeter_sdk.a", "text.cpp.o"])

        run("ninja", "-C", project.folder, "-t", "clean")
        lines = project.log_lines()
        warm = project.build(environment=cache)
        self.assertEqual(warm.code, 0, warm.output)
        self.check(warm, project, lines)
        self.assertEqual(len([s for s in warm.steps if s["result"] == "cached"]), compiled)


if __name__ == "__main__":
    polymeter = str(pathlib.Path(sys.argv.pop(1)).resolve())
    if not SOURCE.is_dir():
        print(f"skipped: no {SOURCE} (Debian: libgtest-dev)")
        sys.exit(1 if os.environ.get("CI") == "true" else 77)
    unittest.main(verbosity=2)
