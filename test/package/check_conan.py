#!/usr/bin/env python3
"""`conan create` without any remote, the dependencies being Debian's: static and shared, all options on
and all off. Then two users of the package: samples/conan_service, which is started and scraped, and
the README's program with the README's line. What validate() refuses, it refuses with the reason.

  check_conan.py CONAN SCRATCH_DIR [NAME...]     names of checks and of lanes (static,
                                                 shared); without, all
"""

import ast
import os
import re
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
SOURCE = HERE.parent.parent
sys.path[:0] = [str(HERE), str(SOURCE / "samples" / "common")]

import debian_profile  # noqa: E402
from readme_install import Install  # noqa: E402
from service_process import Service, value_of  # noqa: E402

# Nothing is optimised: test/bench measures what the code does.
FLAGS = "'CMAKE_CXX_FLAGS_RELEASE':'-O0','CMAKE_CXX_FLAGS_DEBUG':'-O0'"
UNITY = "'CMAKE_UNITY_BUILD':'ON','CMAKE_UNITY_BUILD_BATCH_SIZE':'12'"


class Failure(Exception):
    pass


def switches():
    """The with_... options of the recipe."""
    tree = ast.parse((SOURCE / "conanfile.py").read_text(encoding="utf-8"))
    names = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Tuple):
            names[node.targets[0].id] = ast.literal_eval(node.value)
    literal = re.findall(r'^        "(with_\w+)": \[True, False\]', (SOURCE / "conanfile.py").read_text(),
                         re.M)
    return [f"with_{part}" for part in (*names["BACKENDS"], *names["ADAPTERS"])] + literal


class Lane:
    """One Conan cache; Conan does not share one between processes."""

    def __init__(self, conan, scratch, name):
        self.conan = conan
        self.folder = scratch / name
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self.environment = dict(os.environ)
        self.environment["CONAN_HOME"] = str(self.folder / "home")
        for variable in ("CXXFLAGS", "LDFLAGS", "CMAKE_PREFIX_PATH", "CMAKE_GENERATOR"):
            self.environment.pop(variable, None)
        # What builds have in common is compiled once, whatever folder Conan builds in.
        if shutil.which("ccache"):
            self.environment |= {"CMAKE_CXX_COMPILER_LAUNCHER": "ccache", "CCACHE_NOHASHDIR": "1",
                                 "CCACHE_BASEDIR": str(self.folder)}
        self.run("profile", "detect")
        self.profile = self.folder / "debian.profile"
        self.profile.write_text(debian_profile.text())
        # Conan writes into the folders of recipes: copies.
        self.recipe = self.folder / "recipe"
        for part in ("conanfile.py", "CMakeLists.txt", "LICENSE", "cmake", "sdk", "exporters",
                     "integrations", "test/package"):
            target = self.recipe / part
            target.parent.mkdir(parents=True, exist_ok=True)
            (shutil.copytree if (SOURCE / part).is_dir() else shutil.copy)(SOURCE / part, target)

    def run(self, *arguments, cwd=None):
        done = subprocess.run([self.conan, *map(str, arguments)], cwd=cwd, env=self.environment,
                              text=True, errors="replace", stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=900)
        if done.returncode != 0:
            raise Failure(f"conan {' '.join(map(str, arguments))}\nended {done.returncode}:\n"
                          f"{done.stdout[-12000:]}")
        return done.stdout

    def words(self, options, unity=True):
        variables = "{" + FLAGS + ("," + UNITY if unity else "") + "}"
        return ["-pr:a", self.profile, "--no-remote",
                "-c", f"tools.cmake.cmaketoolchain:extra_variables={variables}",
                *(word for name, value in options.items() for word in ("-o", f"&:{name}={value}"))]

    def create(self, command, options):
        """`command` is the README's; it is run in the recipe's folder."""
        return self.run(*command.split()[1:], *self.words(options), cwd=self.recipe)

    def build_consumer(self, folder, options):
        """`conan build` of a consumer's folder; the folder with its program."""
        words = [re.sub("^&:", "polymeter/*:", str(word)) for word in self.words(options, False)]
        self.run("build", ".", *words, cwd=folder)
        return folder / "build" / "Release"


def expect(condition, what):
    if not condition:
        raise Failure(what)


# --- checks: each gets its lane and says what it saw -------------------------------------------

def all_off(lane, shared):
    options = {name: False for name in switches()} | {"shared": shared}
    output = lane.create(Install().conan_create, options)
    expect("sdk_only:\n" in output and "page:\n" not in output,
           f"not the sdk alone was tested:\n{output[-4000:]}")
    package = sorted(Path(lane.environment["CONAN_HOME"]).glob("p/b/*/p/lib"))[-1]
    held = b"".join(path.read_bytes() for path in package.glob("libpolymeter*"))
    for library in (b"mg_start", b"curl_easy_init", b"deflateInit2_", b"simdjson"):
        expect(library not in held, f"a package without options uses {library}")
    return "sdk_only ran"


def all_on(lane, shared):
    options = {name: True for name in switches()} | {"shared": shared}
    output = lane.create(Install().conan_create, options)
    for program in ("sdk_only", "page", "adapters", "tools", "bridge", "dropin"):
        expect(f"{program}:\n" in output, f"{program} was not tested:\n{output[-4000:]}")
    return "six programs ran"


def service(lane, shared):
    """samples/conan_service, built from the package, started, used and scraped."""
    options = {name: True for name in switches()} | {"shared": shared}
    folder = lane.folder / "conan_service"
    shutil.copytree(SOURCE / "samples" / "conan_service", folder)
    program = lane.build_consumer(folder, options) / "link_service"
    with Service(program, "prometheus") as running:
        addresses = ["https://example.org/" + "a" * n for n in (0, 100, 600)]
        codes = []
        for address in addresses:
            status, _, body = running.request("POST", "/links", address)
            expect(status == 200, f"POST /links answered {status}")
            codes.append(body.decode().strip())
        expect(len(set(codes)) == 3, f"codes {codes}")
        for address, code in zip(addresses, codes):
            status, headers, _ = running.request("GET", f"/links/{code}")
            expect((status, headers["Location"]) == (302, address), f"{code} led elsewhere")
        seen = {running.request(*request)[0] for request in (
            ("POST", "/links", addresses[0]),  # known
            ("POST", "/links", "no address"), ("GET", "/links/none"), ("GET", "/etc/passwd"))}
        expect(seen == {200, 400, 404}, f"answers {seen}")

        # The server counts a request when it is over, which is after its answer.
        count = "http_requests_total"
        end = time.monotonic() + 10
        while True:
            values = running.values()
            requests = sum(n for (name, _), n in values.items() if name == count)
            if requests >= 10 or time.monotonic() > end:
                break
            time.sleep(0.05)
        for metric, labels, wanted in (
                ("links_submitted_total", {"result": "new"}, 3),
                ("links_submitted_total", {"result": "known"}, 1),
                ("links_submitted_total", {"result": "not_an_address"}, 1),
                ("links_followed_total", {"result": "found"}, 3),
                ("links_followed_total", {"result": "unknown"}, 1),
                ("links_stored", {}, 3),
                ("link_length_bytes_count", {}, 3),
                ("link_length_bytes_sum", {}, sum(map(len, addresses))),
                ("link_length_bytes_bucket", {"le": "128"}, 2)):
            got = value_of(values, metric, **labels)
            expect(got == wanted, f"{metric}{labels} is {got}, not {wanted}")
        expect(requests == 10, f"{count} is {requests}, not 10")
        expect(any(name == "process_cpu_seconds_total" for name, _ in values), "no runtime metrics")
        code, _ = running.stop()
        expect(code == 0, f"it ended {code}: {running.errors}")
    return "scraped: 10 requests, 3 links"


def readme(lane, shared):
    """The README's `requires` line, in a recipe of its own, with the README's program."""
    install = Install()
    options = {name: True for name in switches()} | {"shared": shared}
    folder = lane.folder / "readme"
    folder.mkdir()
    (folder / "main.cpp").write_text(install.program)
    (folder / "CMakeLists.txt").write_text(install.cmake_project(install.find_package))
    (folder / "conanfile.py").write_text(
        "from conan import ConanFile\nfrom conan.tools.cmake import CMake, cmake_layout\n\n\n"
        "class MyService(ConanFile):\n"
        '    settings = "os", "arch", "compiler", "build_type"\n'
        '    generators = "CMakeToolchain", "CMakeDeps"\n'
        f"    {install.conan_requires}\n\n"
        "    def layout(self):\n        cmake_layout(self)\n\n"
        "    def build(self):\n        cmake = CMake(self)\n        cmake.configure()\n"
        "        cmake.build()\n")
    program = lane.build_consumer(folder, options) / "my_service"
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("METRICS_", "OTEL_"))}
    page = subprocess.run([program], input="true\n", text=True, capture_output=True, timeout=60,
                          env=environment | {"METRICS_BACKEND": "console"}, check=True).stdout
    expect('jobs_total{result="ok"} 1' in page.splitlines(), f"its page:\n{page}")
    return "the README's program ran"


def refusals(lane, _):
    """validate() names what is missing."""
    for options, reason in (
            ({"with_prometheus": False}, "with_prometheus_api needs with_prometheus;"),
            ({"with_pushgateway": False}, "with_prometheus_api needs with_pushgateway;"),
            ({"with_tracing": False}, "with_http needs with_tracing;"),
            ({"with_tools": True, "with_host": False}, "with_tools needs with_host;")):
        check_refusal(lane, options, [], reason)
    for settings, reason in (
            (["-s", "compiler.version=10"], "needs gcc >= 11, not 10"),
            (["-s", "compiler.cppstd=17"], "Current cppstd (17) is lower than the required"),
            (["-s", "os=Macos"], "supports Linux only, not Macos")):
        check_refusal(lane, {}, settings, reason)
    return "seven refusals with their reasons"


def check_refusal(lane, options, settings, reason):
    try:
        lane.run("create", ".", *lane.words(options), *settings, cwd=lane.recipe)
    except Failure as failure:
        expect("invalid packages" in str(failure) and reason in str(failure),
               f"{options} {settings}: expected {reason!r}:\n{failure}")
        return
    raise Failure(f"{options} {settings} was accepted")


LANES = {
    "static": (False, (refusals, all_off, all_on, service, readme)),
    "shared": (True, (all_off, all_on, service)),
}


def main():
    conan, scratch, *wanted = sys.argv[1:]
    conan = shutil.which(conan)
    if conan is None:
        sys.exit(f"no program {sys.argv[1]}")
    conan = os.path.abspath(conan)
    scratch = Path(scratch).resolve() / "conan"

    def walk(name):
        shared, checks = LANES[name]
        lane = Lane(conan, scratch, name)
        failed = 0
        for check in checks:
            if wanted and check.__name__ not in wanted:
                continue
            begin = time.monotonic()
            try:
                said = check(lane, shared)
                state = "ok    "
            except (Failure, OSError, RuntimeError, subprocess.SubprocessError) as failure:
                said = str(failure)
                state = "FAILED"
                failed += 1
            print(f"{state}  {name}: {check.__name__} ({time.monotonic() - begin:.0f} s): {said}",
                  flush=True)
        return failed

    lanes = [lane for lane in LANES if lane in wanted] or list(LANES)
    wanted = [name for name in wanted if name not in LANES]
    with ThreadPoolExecutor(len(lanes)) as pool:
        failed = sum(pool.map(walk, lanes))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
