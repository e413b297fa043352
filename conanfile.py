"""Conan recipe of polymeter."""

import os

from conan import ConanFile
from conan.errors import ConanInvalidConfiguration
from conan.tools.build import check_min_cppstd
from conan.tools.cmake import CMake, CMakeDeps, CMakeToolchain, cmake_layout
from conan.tools.files import copy, rmdir
from conan.tools.scm import Version

# The folders under exporters/, each an option with_<folder>.
BACKENDS = ("prometheus", "otlp", "statsd", "json", "csv")
# The libraries under integrations/ that services use, and those of the tools; users come before what they use.
TOOLS = ("build", "lsp", "docgen")
ADAPTERS = ("client", "http", "tracing", "job_queue", "host", "runtime", "adapters_common")

required_conan_version = ">=2.0"


class PolymeterConan(ConanFile):
    name = "polymeter"
    version = "0.1.0"
    description = "One metrics API for C++ services; the backend is an environment variable"
    license = "MIT"
    topics = ("metrics", "monitoring", "observability", "prometheus", "openmetrics",
              "opentelemetry", "otlp", "statsd")
    package_type = "library"
    settings = "os", "arch", "compiler", "build_type"
    options = {
        "shared": [True, False],
        "fPIC": [True, False],
        "with_prometheus": [True, False],
        "with_otlp": [True, False],
        "with_statsd": [True, False],
        "with_json": [True, False],
        "with_csv": [True, False],
        "with_adapters": [True, False],
        "with_tools": [True, False],  # the command polymeter; adapters build, lsp, docgen
        "with_prometheus_cpp": [True, False],
    }
    default_options = {
        "shared": False,
        "fPIC": True,
        "with_prometheus": True,
        "with_otlp": True,
        "with_statsd": True,
        "with_json": True,
        "with_csv": True,
        "with_adapters": True,
        "with_tools": False,
        "with_prometheus_cpp": True,
    }
    exports_sources = ("CMakeLists.txt", "LICENSE", "cmake/*", "sdk/*", "exporters/*",
                       "integrations/*")
    test_package_folder = os.path.join("test", "package", "conan")

    def configure(self):
        if self.options.shared:
            self.options.rm_safe("fPIC")

    def layout(self):
        cmake_layout(self)

    def requirements(self):
        if self.options.with_prometheus:
            self.requires("civetweb/1.16")
        if self.options.with_otlp:
            self.requires("libcurl/[>=7.78 <9]")
            self.requires("protozero/1.7.1")
        if self.options.with_prometheus or self.options.with_otlp:
            self.requires("zlib/[>=1.2.11 <2]")
        if self.options.with_tools:
            self.requires("nlohmann_json/3.11.2")
            self.requires("simdjson/[>=2 <4]")
        if self.options.with_prometheus_cpp:
            # polymeter/prometheus.h includes its headers.
            self.requires("prometheus-cpp/1.3.0", transitive_headers=True)

    def validate(self):
        if self.settings.os != "Linux":
            raise ConanInvalidConfiguration(
                f"{self.ref} supports Linux only, not {self.settings.os}")
        check_min_cppstd(self, 20)
        if self.options.with_tools and not self.options.with_adapters:
            raise ConanInvalidConfiguration(f"{self.ref}: with_tools needs with_adapters")
        oldest = {"gcc": "11", "clang": "14"}.get(str(self.settings.compiler))
        if oldest is None:
            raise ConanInvalidConfiguration(
                f"{self.ref} supports gcc and clang, not {self.settings.compiler}")
        if Version(self.settings.compiler.version) < oldest:
            raise ConanInvalidConfiguration(
                f"{self.ref} needs {self.settings.compiler} >= {oldest}, "
                f"not {self.settings.compiler.version}")

    def generate(self):
        toolchain = CMakeToolchain(self)
        toolchain.cache_variables["POLYMETER_BUILD_TESTS"] = False
        toolchain.cache_variables["POLYMETER_BUILD_SAMPLES"] = False
        toolchain.cache_variables["POLYMETER_WARNINGS"] = False
        for part in (*BACKENDS, "adapters", "tools", "prometheus_cpp"):
            toolchain.cache_variables[f"POLYMETER_WITH_{part.upper()}"] = bool(
                self.options.get_safe(f"with_{part}"))
        toolchain.generate()
        CMakeDeps(self).generate()

    def build(self):
        cmake = CMake(self)
        cmake.configure()
        cmake.build()

    def package(self):
        copy(self, "LICENSE", self.source_folder, os.path.join(self.package_folder, "licenses"))
        CMake(self).install()
        rmdir(self, os.path.join(self.package_folder, "share"))
        rmdir(self, os.path.join(self.package_folder, "lib", "pkgconfig"))

    def package_info(self):
        # CMake users get polymeter's own package, which finds its dependencies wherever they come
        # from; libs and requires below serve the other generators (PkgConfigDeps and its kin).
        self.cpp_info.set_property("cmake_find_mode", "none")

        third_parties = []
        if self.options.with_prometheus:
            third_parties.append("civetweb::civetweb")
        if self.options.with_otlp:
            third_parties += ["libcurl::libcurl", "protozero::protozero"]
        if self.options.with_prometheus or self.options.with_otlp:
            third_parties.append("zlib::zlib")
        if self.options.with_tools:
            third_parties += ["nlohmann_json::nlohmann_json", "simdjson::simdjson"]
        everything = self.cpp_info.components["everything"]
        everything.builddirs = [os.path.join("lib", "cmake", "polymeter")]
        everything.set_property("pkg_config_name", "polymeter")
        # See PolymeterLibrary.cmake: code with inlined restartable sequences stays mapped.
        everything.sharedlinkflags = ["-Wl,-z,nodelete"]
        if self.options.shared:
            everything.libs = ["polymeter"]
            everything.requires = third_parties
        else:
            backends = [f"polymeter_{backend}" for backend in BACKENDS
                        if self.options.get_safe(f"with_{backend}")]
            adapters = [f"polymeter_{adapter}" for adapter in ADAPTERS
                        if self.options.with_adapters]
            tools = [f"polymeter_{tool}" for tool in TOOLS if self.options.with_tools]
            everything.libs = [*tools, *adapters, "polymeter_exporters", *backends, "polymeter_common",
                               "polymeter_sdk"]
            everything.defines = ["POLYMETER_STATIC"]
            everything.requires = third_parties
            everything.system_libs = ["pthread"]

        if self.options.with_prometheus_cpp:
            bridge = self.cpp_info.components["prometheus_bridge"]
            bridge.set_property("pkg_config_name", "polymeter-prometheus-bridge")
            bridge.libs = ["polymeter_prometheus_bridge"]
            bridge.requires = ["everything", "prometheus-cpp::prometheus-cpp-core"]
