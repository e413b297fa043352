"""Uses the package as an application's Conan recipe does, and checks the page that it prints."""

import os

from conan import ConanFile
from conan.errors import ConanException
from conan.tools.build import can_run
from conan.tools.cmake import CMake, cmake_layout


class TestPackage(ConanFile):
    settings = "os", "arch", "compiler", "build_type"
    generators = "CMakeToolchain", "CMakeDeps", "VirtualRunEnv"

    def layout(self):
        cmake_layout(self)

    def requirements(self):
        self.requires(self.tested_reference_str)

    def build(self):
        cmake = CMake(self)
        cmake.configure()
        cmake.build()

    def test(self):
        if not can_run(self):
            return
        output = os.path.join(self.build_folder, "page.txt")
        self.run(f'"{os.path.join(self.cpp.build.bindir, "page")}" > "{output}"', env="conanrun")
        with open(output, encoding="utf-8") as file:
            page = file.read()
        self.output.info(page)
        if 'jobs_total{model="small"} 3\n' not in page:
            raise ConanException("the page lacks the counter")
