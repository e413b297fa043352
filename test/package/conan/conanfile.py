"""Uses the package as an application's Conan recipe does: every library that it was built with, each in
a program whose page is checked."""

import os

from conan import ConanFile
from conan.errors import ConanException
from conan.tools.build import can_run
from conan.tools.cmake import CMake, CMakeDeps, CMakeToolchain, cmake_layout

# The programs of ../consumer: what the package must have, and what each prints.
PROGRAMS = {
    "sdk_only": ((), "jobs_total is 3\n"),
    "page": (("prometheus",), 'jobs_total{model="small"} 3\n'),
    "adapters": (("runtime", "host", "job_queue", "http", "client", "tracing"), "5 families\n"),
    "tools": (("tools",), "3 families\n"),
    "bridge": (("prometheus_cpp", "prometheus"), "old_total 7\n"),
    "dropin": (("prometheus_api",), "old_total 7\n"),
}


class TestPackage(ConanFile):
    settings = "os", "arch", "compiler", "build_type"
    generators = "VirtualRunEnv"

    def layout(self):
        cmake_layout(self)

    def requirements(self):
        self.requires(self.tested_reference_str)

    def _programs(self):
        options = self.dependencies[self.tested_reference_str].options
        return [program for program, (parts, _) in PROGRAMS.items()
                if all(options.get_safe(f"with_{part}") for part in parts)]

    def generate(self):
        toolchain = CMakeToolchain(self)
        toolchain.cache_variables["CONSUMERS"] = ";".join(self._programs())
        toolchain.generate()
        CMakeDeps(self).generate()

    def build(self):
        cmake = CMake(self)
        cmake.configure(build_script_folder="../consumer")
        cmake.build()

    def test(self):
        if not can_run(self):
            return
        for program in self._programs():
            output = os.path.join(self.build_folder, f"{program}.txt")
            self.run(f'"{os.path.join(self.cpp.build.bindir, program)}" > "{output}"',
                     env="conanrun")
            with open(output, encoding="utf-8") as file:
                page = file.read()
            self.output.info(f"{program}:\n{page}")
            if PROGRAMS[program][1] not in page:
                raise ConanException(f"{program} did not print {PROGRAMS[program][1]!r}")
