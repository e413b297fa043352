#!/usr/bin/env python3
"""A program that gets polymeter::prometheus_api and prometheus-cpp does not configure, and where CMake
does not see it, does not link; the message names both. One that gets one of them notices nothing.

  check_exclusion.py [--package PREFIX] [-v]

The drop-in is a stand-in of its name, or with --package the installed one.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
options = None

# How a project comes by the two libraries. {ours} and {theirs} are replaced.
OURS = {
    "subdirectory": f'add_subdirectory("{HERE / "standin"}" standin)',
    "FetchContent": "include(FetchContent)\n"
                    f'FetchContent_Declare(standin SOURCE_DIR "{HERE / "standin"}")\n'
                    "FetchContent_MakeAvailable(standin)",
    "find_package": "find_package(polymeter CONFIG REQUIRED COMPONENTS prometheus_api)",
}
THEIRS = "find_package(prometheus-cpp CONFIG REQUIRED)"
API = "polymeter::prometheus_api"
CPP = "prometheus-cpp::core"

# Each must be refused. {ours} stands where the drop-in comes in.
REFUSED = {
    "ours first": f"""
        {{ours}}
        {THEIRS}
        add_executable(service main.cpp)
        target_link_libraries(service PRIVATE {API} {CPP})""",
    "theirs first": f"""
        {THEIRS}
        add_executable(service main.cpp)
        target_link_libraries(service PRIVATE {CPP})
        {{ours}}
        target_link_libraries(service PRIVATE {API})""",
    "by a static library that keeps it to itself": f"""
        {{ours}}
        {THEIRS}
        add_library(between STATIC main.cpp)
        target_link_libraries(between PRIVATE {CPP})
        add_executable(service main.cpp)
        target_link_libraries(service PRIVATE {API} between)""",
    "by a shared library that keeps it to itself": f"""
        {{ours}}
        {THEIRS}
        add_library(between SHARED main.cpp)
        target_link_libraries(between PRIVATE {API})
        add_executable(service main.cpp)
        target_link_libraries(service PRIVATE {CPP} between)""",
    "by two libraries and an alias": f"""
        {{ours}}
        {THEIRS}
        add_library(left SHARED main.cpp)
        target_link_libraries(left PRIVATE {CPP})
        add_library(my::left ALIAS left)
        add_library(right OBJECT main.cpp)
        target_link_libraries(right PUBLIC {API})
        add_executable(service main.cpp)
        target_link_libraries(service PRIVATE my::left right)""",
    "by an imported library of a folder": f"""
        add_subdirectory(folder)
        add_executable(service main.cpp)
        {{ours}}
        target_link_libraries(service PRIVATE between {API})
        --- folder
        {THEIRS}
        add_library(between STATIC ../main.cpp)
        target_link_libraries(between PRIVATE {CPP})""",
    "by an imported library in between": f"""
        {{ours}}
        {THEIRS}
        add_library(legacy::legacy INTERFACE IMPORTED)
        set_target_properties(legacy::legacy PROPERTIES INTERFACE_LINK_LIBRARIES {CPP})
        add_executable(service main.cpp)
        target_link_libraries(service PRIVATE {API} legacy::legacy)""",
    "found in folders beside each other": f"""
        add_subdirectory(folder)
        add_subdirectory(other)
        add_executable(service main.cpp)
        target_link_libraries(service PRIVATE mine between)
        --- folder
        {THEIRS}
        add_library(between STATIC ../main.cpp)
        target_link_libraries(between PRIVATE {CPP})
        --- other
        {{ours}}
        add_library(mine STATIC ../main.cpp)
        target_link_libraries(mine PRIVATE {API})""",
    "by name of a library": f"""
        {{ours}}
        add_executable(service main.cpp)
        target_link_libraries(service PRIVATE {API} -lprometheus-cpp-core)""",
    "by path of a library": f"""
        {{ours}}
        add_executable(service main.cpp)
        target_link_libraries(service PRIVATE {API}
          /usr/lib/x86_64-linux-gnu/libprometheus-cpp-core.so)""",
    "built from source": f"""
        {{ours}}
        add_library(core STATIC main.cpp)
        add_library({CPP} ALIAS core)
        add_executable(service main.cpp)
        target_link_libraries(service PRIVATE {API} core)""",
    "under a condition": f"""
        {{ours}}
        {THEIRS}
        add_executable(service main.cpp)
        target_link_libraries(service PRIVATE {API} $<$<BOOL:ON>:{CPP}>)""",
}

# Each must configure.
ACCEPTED = {
    "ours alone": f"""
        {{ours}}
        {THEIRS}
        add_executable(service main.cpp)
        target_link_libraries(service PRIVATE {API})""",
    "one each": f"""
        {{ours}}
        {THEIRS}
        add_executable(service main.cpp)
        target_link_libraries(service PRIVATE {API})
        add_library(between SHARED main.cpp)
        target_link_libraries(between PRIVATE {CPP})
        add_executable(old_service main.cpp)
        target_link_libraries(old_service PRIVATE between)""",
    "a switch that chooses ours": f"""
        {{ours}}
        {THEIRS}
        add_executable(service main.cpp)
        target_link_libraries(service PRIVATE $<IF:$<BOOL:ON>,{API},{CPP}>)""",
    "a switch that chooses theirs": f"""
        {{ours}}
        {THEIRS}
        add_executable(service main.cpp)
        target_link_libraries(service PRIVATE $<IF:$<BOOL:OFF>,{API},{CPP}>)""",
}


def run(*command, cwd=None):
    environment = {k: v for k, v in os.environ.items() if k not in ("CXXFLAGS", "LDFLAGS")}
    done = subprocess.run([str(word) for word in command], cwd=cwd, text=True, errors="replace",
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=300, env=environment)
    return done.returncode, done.stdout


def must(*command, cwd=None):
    status, output = run(*command, cwd=cwd)
    if status != 0:
        raise AssertionError(f"{command} ended {status}:\n{output}")
    return output


def configure(project, prefix):
    """Writes the project and configures it: (status, output)."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "main.cpp").write_text("int main() {}\n")
        parts = re.split(r"^ *--- (\w+)\n", project, flags=re.M)
        (folder / "CMakeLists.txt").write_text(
            "cmake_minimum_required(VERSION 3.22)\nproject(consumer LANGUAGES CXX)\n" + parts[0])
        for name, content in zip(parts[1::2], parts[2::2]):
            (folder / name).mkdir()
            (folder / name / "CMakeLists.txt").write_text(content)
        return run("cmake", "-S", folder, "-B", folder / "build", "-G", "Ninja",
                   "-DCMAKE_CXX_COMPILER_WORKS=ON", f"-DCMAKE_PREFIX_PATH={prefix}")


class Configure(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.scratch.cleanup)
        cls.prefix = options.package
        if cls.prefix is None:
            cls.prefix = Path(cls.scratch.name) / "prefix"
            build = Path(cls.scratch.name) / "build"
            must("cmake", "-S", HERE / "standin", "-B", build, "-G", "Ninja",
                 f"-DCMAKE_INSTALL_PREFIX={cls.prefix}")
            must("cmake", "--build", build, "--target", "install")

    def each(self, projects):
        """(name, status, output) of every project, the drop-in coming in every way."""
        ways = OURS if options.package is None else {"find_package": OURS["find_package"]}
        jobs = [(f"{name}, {way}", project.replace("{ours}", ours))
                for name, project in projects.items() for way, ours in ways.items()]
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            results = pool.map(lambda job: configure(job[1], self.prefix), jobs)
            for (name, _), (status, output) in zip(jobs, results):
                yield name, status, output

    def test_both_are_refused_with_the_reason(self):
        for name, status, output in self.each(REFUSED):
            with self.subTest(name):
                text = " ".join(output.split())
                self.assertNotEqual(status, 0, output)
                if name.startswith("under a condition"):
                    self.assertRegex(
                        text, r"The INTERFACE_NAMESPACE_PROMETHEUS_COMES_FROM property of "
                              r'"(prometheus-cpp::core|polymeter.prometheus_api)" does not agree')
                else:
                    self.assertIn(
                        "service gets both polymeter::prometheus_api and prometheus-cpp.", text)
                    self.assertRegex(text, r"service -> (.* -> )?polymeter(::|_)prometheus_api")
                    self.assertRegex(text, r"service -> (.* -> )?\S*(prometheus-cpp|core)")

    def test_one_of_them_is_accepted(self):
        for name, status, output in self.each(ACCEPTED):
            with self.subTest(name):
                self.assertEqual(status, 0, output)


class Link(unittest.TestCase):
    """Without CMake: archives and shared libraries in any order, with each linker there is."""

    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.scratch.cleanup)
        cls.folder = Path(cls.scratch.name)
        dropin = HERE.parents[2] / "integrations" / "prometheus_cpp" / "dropin"
        excludes = "polymeter_prometheus_api_excludes_prometheus_cpp"
        for compiler in ("g++", "clang++-14"):
            folder = cls.folder / compiler
            folder.mkdir()
            (folder / "program.cpp").write_text(
                f'#include "{HERE}/standin/standin.h"\n'
                "int main() { prometheus::Counter c; c.Increment(); return c.Value() != 1; }\n")
            # A static prometheus-cpp, which Debian does not have, in the one respect that counts.
            (folder / "core.cpp").write_text(
                "namespace prometheus { namespace detail { class CKMSQuantiles { public:\n"
                "void insert(double); void reset(); };\n"
                "void CKMSQuantiles::insert(double) {} void CKMSQuantiles::reset() {} } }\n"
                "extern \"C\" void legacy() { prometheus::detail::CKMSQuantiles().reset(); }\n")
            (folder / "legacy.cpp").write_text(
                "extern \"C\" void legacy(); void (*const keep)() = &legacy;\n"
                "void (*volatile used)() = keep;\n")
            (folder / "between.cpp").write_text(
                "#include <prometheus/registry.h>\n"
                "extern \"C\" void between() { prometheus::Registry registry; }\n")
            flags = ("-std=c++14", "-fPIC", "-O1", "-Wall", "-Wextra", "-Wpedantic", "-Werror")
            ours = ("-fvisibility=hidden", f"-I{dropin}/include",
                    f"-I{HERE.parents[2]}/sdk/include")
            for name in ("core", "legacy", "between"):
                must(compiler, *flags, "-c", f"{name}.cpp", cwd=folder)
            for source in ("program.cpp", HERE / "standin" / "standin.cpp",
                           dropin / f"{excludes}.cpp"):
                must(compiler, *flags, *ours, "-c", source, cwd=folder)
            must("ar", "rcs", "libpolymeter_prometheus_api.a", "standin.o", f"{excludes}.o", cwd=folder)
            (folder / "old").mkdir()
            must("ar", "rcs", "old/libprometheus-cpp-core.a", "core.o", cwd=folder)
            (folder / "shared").mkdir()
            must(compiler, "-shared", "-o", "shared/libpolymeter_prometheus_api.so", "standin.o",
                 f"{excludes}.o", cwd=folder)
            must(compiler, "-shared", "-o", "shared/libbetween.so", "between.o",
                 "-lprometheus-cpp-core", cwd=folder)

    OURS = ("-lpolymeter_prometheus_api",)
    # What brings the other library: Debian's shared one, an archive, a shared library that needs it.
    THEIRS = {
        "shared": ("-lprometheus-cpp-core",),
        "static": ("legacy.o", "old/libprometheus-cpp-core.a"),
        "needed by a shared library": ("shared/libbetween.so",),
    }

    def cases(self):
        for compiler in ("g++", "clang++-14"):
            for linker in ("bfd", "gold", "lld"):
                if shutil.which(f"ld.{linker}") is None:
                    continue
                for where in (".", "shared"):
                    yield compiler, linker, where

    def link(self, compiler, linker, where, libraries):
        return run(compiler, f"-fuse-ld={linker}", "-o", "program", "program.o", f"-L{where}",
                   f"-Wl,-rpath,{self.folder / compiler / where}",
                   "-Wl,--no-as-needed", *libraries, cwd=self.folder / compiler)

    def test_both_are_refused_and_the_message_names_both(self):
        seen = set()
        for compiler, linker, where in self.cases():
            for what, theirs in self.THEIRS.items():
                if what == "needed by a shared library" and linker != "bfd":
                    continue  # no other linker looks there
                for libraries in ((*self.OURS, *theirs), (*theirs, *self.OURS)):
                    with self.subTest(f"{compiler}, {linker}, {where}, {libraries}"):
                        seen.add(linker)
                        status, output = self.link(compiler, linker, where, libraries)
                        self.assertNotEqual(status, 0, output)
                        self.assertRegex(output, r"polymeter_prometheus_api"
                                         if where == "shared" else
                                         r"polymeter_prometheus_api_excludes_prometheus_cpp")
                        self.assertRegex(output, r"libprometheus-cpp-core\.(a|so)")
        self.assertIn("bfd", seen)

    def test_ours_alone_links_and_runs(self):
        for compiler, linker, where in self.cases():
            with self.subTest(f"{compiler}, {linker}, {where}"):
                status, output = self.link(compiler, linker, where, self.OURS)
                self.assertEqual(status, 0, output)
                must(self.folder / compiler / "program")

    def test_headers_of_both_in_one_source_are_refused(self):
        header = HERE.parents[2] / (
            "integrations/prometheus_cpp/dropin/include/prometheus/detail/one_library.h")
        source = self.folder / "mixed.cpp"
        source.write_text(f'#include <prometheus/counter.h>\n#include "{header}"\n')
        status, output = run("g++", "-std=c++17", "-fsyntax-only", source,
                             f"-I{HERE.parents[2]}/sdk/include")
        self.assertNotEqual(status, 0)
        self.assertIn("headers of prometheus-cpp and of polymeter::prometheus_api", output)

    def test_source_for_ours_does_not_link_with_theirs_alone(self):
        for compiler, linker, where in self.cases():
            with self.subTest(f"{compiler}, {linker}"):
                status, output = self.link(compiler, linker, where, self.THEIRS["shared"])
                self.assertNotEqual(status, 0)
                self.assertIn("polymeter_prometheus_api_excludes_prometheus_cpp", output)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--package", type=Path)
    options, rest = parser.parse_known_args()
    unittest.main(argv=[sys.argv[0], *rest], verbosity=2)
