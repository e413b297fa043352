"""A service that takes polymeter from Conan: `conan build . --build=missing`."""

from conan import ConanFile
from conan.tools.cmake import CMake, cmake_layout


class LinkService(ConanFile):
    settings = "os", "arch", "compiler", "build_type"
    requires = "polymeter/0.1.0", "civetweb/[>=1.15 <2]"
    generators = "CMakeToolchain", "CMakeDeps", "VirtualRunEnv"

    def layout(self):
        cmake_layout(self)

    def build(self):
        cmake = CMake(self)
        cmake.configure()
        cmake.build()
