#!/usr/bin/env python3
"""Builds users of an installed copy of polymeter, in every way a user may, and runs them.

The copy is installed, moved to another folder and only then used. Each check prints one line; the
exit status is 1 when any failed.

  check_package.py --build-dir BUILD [--full] [--jobs N]
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from readme_install import Install

HERE = Path(__file__).resolve().parent
SOURCE = HERE.parent.parent
COMPILERS = ("g++", "clang++-14")
STRICT = "-Wall -Wextra -Wpedantic -Werror"

# What each program must print.
EXPECTED = {
    "adapters": ["5 families"],
    "tools": ["3 families"],
    "page": [
        "# TYPE jobs_total counter",
        'jobs_total{model="small"} 3',
        "queue_depth 4.5",
        'latency_seconds_bucket{le="1"} 1',
        'latency_seconds_bucket{le="+Inf"} 1',
        "latency_seconds_sum 0.5",
    ],
    "sdk_only": ["jobs_total", "jobs_total is 3"],
    "bridge": ["old_total 7"],
    "dropin": ["old_total 7"],
}


class Failure(Exception):
    pass


def run(*command, env=None, cwd=None):
    """The command's output; a Failure with all of it when it fails."""
    command = [str(word) for word in command]
    result = subprocess.run(command, env=env, cwd=cwd, text=True, errors="replace",
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, timeout=900)
    if result.returncode != 0:
        raise Failure(f"{' '.join(command)}\nended {result.returncode}:\n{result.stdout}")
    return result.stdout


def expect_output(program, output):
    lines = output.splitlines()
    for line in EXPECTED[program]:
        if line not in lines:
            raise Failure(f"{program} did not print {line!r} but:\n{output}")


class Package:
    """An installed copy that was moved after its installation."""

    def __init__(self, build_dir, work):
        self.build_dir = Path(build_dir).resolve()
        first = work / "installed_here_first"
        run("cmake", "--install", self.build_dir, "--prefix", first)
        self.first = first
        self.root = work / "moved"
        shutil.move(first, self.root)
        cache = (self.build_dir / "CMakeCache.txt").read_text()
        self.shared = re.search(r"^BUILD_SHARED_LIBS:\w+=(ON|TRUE|1)$", cache, re.M) is not None
        self.prometheus = "POLYMETER_WITH_PROMETHEUS:BOOL=ON" in cache
        self.adapters = "POLYMETER_WITH_ADAPTERS:BOOL=ON" in cache
        self.tools = "POLYMETER_WITH_TOOLS:BOOL=ON" in cache
        self.bridge = "POLYMETER_WITH_PROMETHEUS_CPP:BOOL=ON" in cache
        self.dropin = "POLYMETER_WITH_PROMETHEUS_API:BOOL=ON" in cache
        self.libdir = next(self.root.glob("**/polymeter-config.cmake")).parents[2]
        self.environment = dict(os.environ)
        self.environment["PKG_CONFIG_PATH"] = str(self.libdir / "pkgconfig")
        # What an installed shared library needs in a folder that the loader does not know.
        self.environment["LD_LIBRARY_PATH"] = str(self.libdir)

    def files(self):
        return [path for path in self.root.rglob("*") if path.is_file() and not path.is_symlink()]

    def check_no_machine_paths(self):
        for path in self.files():
            content = path.read_bytes()
            for bad in (self.build_dir, SOURCE, self.first):
                if str(bad).encode() in content:
                    raise Failure(f"{path.relative_to(self.root)} holds {bad}")

    def check_command(self):
        said = run(self.root / "bin" / "polymeter", "--version")
        if not re.fullmatch(r"polymeter \d+\.\d+\.\d+\n", said):
            raise Failure(f"polymeter --version: {said!r}")

    def check_no_flags(self):
        """Exported files carry no compile flag, and no absolute path at all."""
        exported = [p for p in self.files() if p.suffix in (".cmake", ".pc")]
        if not exported:
            raise Failure("no exported files")
        flag = re.compile(r"(?<![\w-])-(?:W(?!l,-z,nodelete)\w|m(?:arch|tune|avx|sse)|O\d|g\b|std=|f\w)")
        absolute = re.compile(r"(?:/usr/|/home/|/root/|/opt/|/tmp/)")
        for path in exported:
            for number, line in enumerate(path.read_text().splitlines(), 1):
                if line.lstrip().startswith("#"):
                    continue
                # cmake's own PACKAGE_INIT resolves a symlinked /lib and /usr/lib.
                if "_IMPORT_PREFIX" in line or "PACKAGE_PREFIX_DIR" in line:
                    continue
                if flag.search(line) or absolute.search(line) or "INTERFACE_COMPILE_OPTIONS" in line:
                    raise Failure(f"{path.name}:{number}: {line}")

    def check_exported_symbols(self):
        """A shared library exports names of polymeter only, the drop-in those of its API, too."""
        for library in self.libdir.glob("*.so"):
            for line in run("nm", "-D", "--defined-only", "-C", library).splitlines():
                name = line.split(None, 2)[2]
                kind = line.split()[1]
                # Weak and unique ones are templates of the standard library that the compiler emits as
                # default visible.
                if library.name == "libpolymeter_prometheus_api.so" and "prometheus::" in name:
                    continue
                if "polymeter" not in name and kind not in "WVuw":
                    raise Failure(f"{library.name} exports {line}")

    def check_headers_apart(self):
        """The drop-in's headers are seen by its users alone; each ties its user to the library."""
        if list(self.root.glob("include/prometheus/*")):
            raise Failure("include/prometheus would hide prometheus-cpp's headers")
        folder = self.root / "include" / "polymeter" / "prometheus_api"
        headers = sorted(folder.glob("prometheus/*.h"))
        if not headers:
            raise Failure(f"no headers in {folder}")
        for header in headers:
            seen = run("g++", "-std=c++14", "-E", f"-I{folder}", f"-I{self.root}/include", header)
            if "polymeter_prometheus_api_excludes_prometheus_cpp" not in seen:
                raise Failure(f"{header.name} does not include prometheus/detail/one_library.h")

    def check_soname(self):
        for library in self.libdir.glob("*.so"):
            if not re.search(r"SONAME.*\.so\.0\.1\]?", run("readelf", "-d", library)):
                raise Failure(f"{library.name}: SONAME is not .so.0.1")


def cmake_consumer(package, work, compiler, standard, programs=("page",), flags=STRICT, components=()):
    build = Path(tempfile.mkdtemp(dir=work))
    run("cmake", "-S", HERE / "consumer", "-B", build, "-G", "Ninja",
        f"-DCMAKE_CXX_COMPILER={compiler}", f"-DCMAKE_CXX_STANDARD={standard}",
        "-DCMAKE_CXX_EXTENSIONS=OFF", f"-DCMAKE_CXX_FLAGS={flags}",
        f"-DCMAKE_PREFIX_PATH={package.root}", f"-DCONSUMERS={';'.join(programs)}",
        f"-DCOMPONENTS={';'.join(components)}", "-DCMAKE_BUILD_TYPE=Release")
    run("cmake", "--build", build, "-j2")
    for program in programs:
        expect_output(program, run(build / program))


def pkg_config_consumer(package, work, compiler, standard, program="page", module="polymeter"):
    build = Path(tempfile.mkdtemp(dir=work))
    static = [] if package.shared else ["--static"]
    words = run("pkg-config", *static, "--cflags", "--libs", module,
                env=package.environment).split()
    run(compiler, f"-std=c++{standard}", *STRICT.split(), "-O2", HERE / "consumer" / f"{program}.cpp",
        "-o", build / program, *words, env=package.environment)
    expect_output(program, run(build / program, env=package.environment))


def both_by_pkg_config(package, work):
    """pkg-config has no word for it (its `Conflicts` is about a package's own requirements): the
    linker refuses."""
    build = Path(tempfile.mkdtemp(dir=work))
    static = [] if package.shared else ["--static"]
    for modules in (("polymeter-prometheus-api", "prometheus-cpp-pull"),
                    ("prometheus-cpp-core", "polymeter-prometheus-api"),
                    ("polymeter-prometheus-bridge", "polymeter-prometheus-api")):
        if "polymeter-prometheus-bridge" in modules and not package.bridge:
            continue
        # The drop-in's headers whatever the order of the libraries.
        cflags = run("pkg-config", "--cflags", "polymeter-prometheus-api", env=package.environment)
        libs = run("pkg-config", *static, "--libs", *modules, env=package.environment)
        done = subprocess.run(
            ["g++", "-std=c++17", HERE / "consumer" / "dropin.cpp", "-o", build / "dropin",
             *cflags.split(), *libs.split()], text=True, env=package.environment,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode == 0 or not re.search(
                r"polymeter_prometheus_api(_excludes_prometheus_cpp.*|\.so) mismatches non-TLS "
                r"definition in \S*libprometheus-cpp-core", done.stdout):
            raise Failure(f"{modules}: {done.returncode} {done.stdout}")


def both_by_cmake(package):
    print(run(sys.executable, HERE / "exclusion" / "check_exclusion.py", "--package", package.root,
              "Configure"), end="")


def readme_program(program, environment=None):
    """The README's program counts one command."""
    clean = {k: v for k, v in (environment or os.environ).items()
             if not k.startswith(("METRICS_", "OTEL_"))}
    page = subprocess.run([program], input="true\n", text=True, capture_output=True, timeout=60,
                          env=clean | {"METRICS_BACKEND": "console"}, check=True).stdout
    if 'jobs_total{result="ok"} 1' not in page.splitlines():
        raise Failure(f"{program} printed:\n{page}")


def readme_find_package(package, work):
    """The README's find_package and target_link_libraries lines and program."""
    install = Install()
    folder = Path(tempfile.mkdtemp(dir=work))
    (folder / "main.cpp").write_text(install.program)
    (folder / "CMakeLists.txt").write_text(install.cmake_project(install.find_package))
    run("cmake", "-S", folder, "-B", folder / "build", "-G", "Ninja",
        f"-DCMAKE_PREFIX_PATH={package.root}")
    run("cmake", "--build", folder / "build")
    readme_program(folder / "build" / "my_service")


def readme_pkg_config(package, work):
    """The README's compiler line, as a shell runs it."""
    install = Install()
    folder = Path(tempfile.mkdtemp(dir=work))
    (folder / "main.cpp").write_text(install.program)
    run("sh", "-c", install.pkg_config, env=package.environment, cwd=folder)
    readme_program(folder / "a.out", package.environment)


def readme_fetch_content(work, shared):
    """The README's FetchContent block, with the source where it says."""
    install = Install()
    folder = Path(tempfile.mkdtemp(dir=work))
    (folder / "third_party").mkdir()
    (folder / "third_party" / "polymeter").symlink_to(SOURCE)
    (folder / "main.cpp").write_text(install.program)
    (folder / "CMakeLists.txt").write_text(install.cmake_project(install.fetch))
    launcher = shutil.which("ccache")
    run("cmake", "-S", folder, "-B", folder / "build", "-G", "Ninja",
        *([f"-DCMAKE_CXX_COMPILER_LAUNCHER={launcher}"] if launcher else []),
        "-DCMAKE_CXX_STANDARD=17", "-DCMAKE_BUILD_TYPE=Release", "-DCMAKE_CXX_FLAGS_RELEASE=-O0",
        "-DCMAKE_UNITY_BUILD=ON", f"-DBUILD_SHARED_LIBS={'ON' if shared else 'OFF'}")
    run("cmake", "--build", folder / "build", "--target", "my_service", "-j2")
    readme_program(folder / "build" / "my_service")


def source_consumer(kind, work, compiler, standard, shared):
    """add_subdirectory (embedded) of the source tree, by a project that
    compiles all it has in few pieces (Conan's static build compiles file by file). That it builds is
    the question; how fast it is, test/bench asks."""
    build = Path(tempfile.mkdtemp(dir=work))
    launcher = shutil.which("ccache")
    run("cmake", "-S", HERE / kind, "-B", build, "-G", "Ninja",
        f"-DCMAKE_CXX_COMPILER={compiler}", f"-DCMAKE_CXX_STANDARD={standard}",
        *([f"-DCMAKE_CXX_COMPILER_LAUNCHER={launcher}"] if launcher else []),
        "-DCMAKE_BUILD_TYPE=Release", "-DCMAKE_CXX_FLAGS_RELEASE=-O0",
        f"-DBUILD_SHARED_LIBS={'ON' if shared else 'OFF'}",
        "-DCMAKE_UNITY_BUILD=ON",
        f"-DPOLYMETER_SOURCE={SOURCE}", f"-DCONSUMER={HERE / 'consumer' / 'page.cpp'}")
    run("cmake", "--build", build, "--target", "page", "-j2")
    expect_output("page", run(build / "page"))


def missing_component(package, work, component, words):
    """Asking for what is not there fails and says why."""
    build = Path(tempfile.mkdtemp(dir=work))
    result = subprocess.run(
        ["cmake", "-S", HERE / "consumer", "-B", build, "-G", "Ninja",
         f"-DCMAKE_PREFIX_PATH={package.root}", f"-DCOMPONENTS={component}"],
        text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
    text = " ".join(result.stdout.split())
    if result.returncode == 0 or words not in text:
        raise Failure(f"component {component}: expected a failure with {words!r}:\n{result.stdout}")


def wrong_version(package, work):
    build = Path(tempfile.mkdtemp(dir=work))
    (build / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.22)\nproject(x LANGUAGES CXX)\n"
        "find_package(polymeter 0.2 CONFIG REQUIRED)\n")
    result = subprocess.run(["cmake", "-S", build, "-B", build / "b", f"-DCMAKE_PREFIX_PATH={package.root}"],
                            text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            stdin=subprocess.DEVNULL)
    if result.returncode == 0:
        raise Failure("0.1 was taken where 0.2 was asked for")


def checks(package, work, full):
    """(sentence, function) for each combination."""
    yield "no path of the build machine", package.check_no_machine_paths
    yield "no flags and no absolute paths in exported files", package.check_no_flags
    if package.shared:
        yield "only polymeter's symbols are exported", package.check_exported_symbols
        yield "SONAME follows the minor version", package.check_soname
    yield "an unknown component fails by name", lambda: missing_component(
        package, work, "otpl", "component 'otpl' is not a component of polymeter")
    yield "another minor version is refused", lambda: wrong_version(package, work)
    for component, there in (("prometheus", package.prometheus), ("runtime", package.adapters), ("lsp", package.tools),
                             ("http_httplib", package.adapters), ("tools", package.tools),
                             ("prometheus_bridge", package.bridge), ("prometheus_api", package.dropin)):
        if not there:
            yield f"{component}, left out of the build, says so", lambda c=component: missing_component(
                package, work, c, f"component '{c}' was left out of this build")

    if package.tools:
        yield "the installed command runs", package.check_command
    if package.dropin:
        yield "the drop-in's headers are its users' alone", package.check_headers_apart
        yield "the linker refuses the drop-in beside prometheus-cpp", lambda: both_by_pkg_config(
            package, work)
        yield "CMake refuses the drop-in beside prometheus-cpp", lambda: both_by_cmake(package)
    if package.prometheus:
        yield "the README's find_package", lambda: readme_find_package(package, work)
        yield "the README's pkg-config", lambda: readme_pkg_config(package, work)

    # Without the backend there is no page to print.
    program = "page" if package.prometheus else "sdk_only"
    programs = {program, "sdk_only"} | ({"adapters"} if package.adapters else set())
    # In full each compiler with each standard, in the static or in the shared package.
    widths = (("g++", 17),)
    if full:
        widths = (("g++", 20), ("clang++-14", 17)) if package.shared else (
            ("g++", 17), ("clang++-14", 20))
    for compiler, standard in widths:
        name = f"{compiler} C++{standard}"
        yield f"find_package, {name}", lambda c=compiler, s=standard: cmake_consumer(
            package, work, c, s, programs)
        yield f"pkg-config, {name}", lambda c=compiler, s=standard: pkg_config_consumer(
            package, work, c, s, program)
        if package.tools and (full or compiler == "g++"):
            yield f"find_package of the tools' adapters, {name}", lambda c=compiler, s=standard: cmake_consumer(
                package, work, c, s, ("tools",), components=("polymeter", "build", "lsp", "docgen"))
        if package.bridge and (full or compiler == "g++"):
            yield f"find_package of the bridge, {name}", lambda c=compiler, s=standard: cmake_consumer(
                package, work, c, s, ("bridge",), components=("polymeter", "prometheus_bridge"))
            yield f"pkg-config of the bridge, {name}", lambda c=compiler, s=standard: (
                pkg_config_consumer(package, work, c, s, "bridge", "polymeter-prometheus-bridge"))
        if package.dropin and (full or compiler == "g++"):
            for drop_standard in (14, standard):
                yield f"find_package of the drop-in, {compiler} C++{drop_standard}", (
                    lambda c=compiler, s=drop_standard: cmake_consumer(
                        package, work, c, s, ("dropin",), components=("prometheus_api",)))
            yield f"pkg-config of the drop-in, {name}", lambda c=compiler, s=standard: (
                pkg_config_consumer(package, work, c, s, "dropin", "polymeter-prometheus-api"))
    yield "find_package of the sdk alone, -fno-exceptions", lambda: cmake_consumer(
        package, work, "g++", 17, ("sdk_only",), STRICT + " -fno-exceptions", ("sdk",))
    yield "find_package, -fno-exceptions", lambda: cmake_consumer(
        package, work, "clang++-14" if full else "g++", 17, (program,), STRICT + " -fno-exceptions")

    if not package.prometheus or not full:
        return
    # Each is a build of the whole library.
    if package.shared:
        yield "add_subdirectory, clang++-14 C++20", lambda: source_consumer(
            "embedded", work, "clang++-14", 20, package.shared)
    else:
        yield "the README's FetchContent", lambda: readme_fetch_content(work, package.shared)


def outcome(kind, sentence, check):
    try:
        check()
        return f"ok      {kind}: {sentence}", True
    except (Failure, subprocess.TimeoutExpired) as failure:
        return f"FAILED  {kind}: {sentence}\n{failure}", False


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build-dir", required=True, help="a finished build of polymeter")
    parser.add_argument("--full", action="store_true", help="every combination")
    options = parser.parse_args()
    for name in ("DESTDIR", "CXXFLAGS", "LDFLAGS", "CMAKE_PREFIX_PATH", "CMAKE_GENERATOR"):
        os.environ.pop(name, None)
    os.environ["CCACHE_NOHASHDIR"] = "1"

    failed = 0
    count = 0
    with tempfile.TemporaryDirectory(prefix="polymeter-package-") as scratch:
        work = Path(scratch)
        try:
            package = Package(options.build_dir, work)
        except (Failure, subprocess.TimeoutExpired) as failure:
            print(f"FAILED  install\n{failure}")
            return 1
        kind = "shared" if package.shared else "static"
        # Each compiles one or two files, one after the other.
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for text, well in pool.map(lambda job: outcome(kind, *job),
                                       checks(package, work, options.full)):
                count += 1
                failed += not well
                print(text, flush=True)
    print(f"{count} checks of the {kind} package, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
