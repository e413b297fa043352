"""Conan recipe of polymeter."""

import os

from conan import ConanFile
from conan.errors import ConanInvalidConfiguration
from conan.tools.build import check_min_cppstd
from conan.tools.cmake import CMake, CMakeDeps, CMakeToolchain, cmake_layout
from conan.tools.files import copy, rmdir
from conan.tools.scm import Version

# The folders under exporters/ and integrations/: each is an option with_<folder>, a component and a
# target polymeter::<folder>.
BACKENDS = ("prometheus", "otlp", "statsd", "json", "csv", "pushgateway")
ADAPTERS = ("runtime", "host", "job_queue", "http", "client", "tracing")
TOOLS = ("build", "lsp", "docgen")  # with_tools

required_conan_version = ">=2.0"


class PolymeterConan(ConanFile):
    name = "polymeter"
    version = "0.1.0"
    description = "One metrics API for C++ services; the backend is an environment variable"
    license = "MIT"
    topics = ("metrics", "monitoring", "observability", "prometheus", "openmetrics",
              "opentelemetry", "otlp", "statsd", "pushgateway")
    package_type = "library"
    settings = "os", "arch", "compiler", "build_type"
    options = {
        "shared": [True, False],
        "fPIC": [True, False],
        **{f"with_{part}": [True, False] for part in (*BACKENDS, *ADAPTERS)},
        "with_tls": [True, False],  # TLS, passwords and the web configuration file of /metrics
        "with_tools": [True, False],  # the command polymeter; adapters build, lsp, docgen
        "with_prometheus_cpp": [True, False],  # the bridge
        "with_prometheus_api": [True, False],  # the drop-in
    }
    default_options = {
        "shared": False,
        "fPIC": True,
        **{f"with_{part}": True for part in (*BACKENDS, *ADAPTERS)},
        "with_tls": True,
        "with_tools": False,
        "with_prometheus_cpp": True,
        "with_prometheus_api": True,
    }
    exports_sources = ("CMakeLists.txt", "LICENSE", "cmake/*", "sdk/*", "exporters/*",
                       "integrations/*")
    test_package_folder = os.path.join("test", "package", "conan")

    def configure(self):
        if self.options.shared:
            self.options.rm_safe("fPIC")
        if not self.options.with_prometheus:
            self.options.rm_safe("with_tls")  # of that backend's server

    def layout(self):
        cmake_layout(self)

    def _has(self, *parts):
        return any(self.options.get_safe(f"with_{part}") for part in parts)

    def requirements(self):
        if self._has("prometheus"):
            self.requires("civetweb/1.16")
        if self._has("otlp", "pushgateway"):
            self.requires("libcurl/[>=7.78 <9]")
        if self._has("prometheus", "otlp"):
            self.requires("protozero/1.7.1")
        if self._has("prometheus", "otlp", "pushgateway"):
            self.requires("zlib/[>=1.2.11 <2]")
        if self._has("tls"):
            self.requires("openssl/[>=1.1.1 <4]")
            self.requires("yaml-cpp/[>=0.7 <1]")
            self.requires("libxcrypt/[>=4.4 <5]")
        if self._has("tools"):
            self.requires("nlohmann_json/3.11.2")
            self.requires("simdjson/[>=2 <4]")
        if self._has("prometheus_cpp"):
            # polymeter/prometheus.h includes its headers.
            self.requires("prometheus-cpp/1.3.0", transitive_headers=True)

    def validate(self):
        if self.settings.os != "Linux":
            raise ConanInvalidConfiguration(
                f"{self.ref} supports Linux only, not {self.settings.os}")
        check_min_cppstd(self, 20)
        oldest = {"gcc": "11", "clang": "14"}.get(str(self.settings.compiler))
        if oldest is None:
            raise ConanInvalidConfiguration(
                f"{self.ref} supports gcc and clang, not {self.settings.compiler}")
        if Version(self.settings.compiler.version) < oldest:
            raise ConanInvalidConfiguration(
                f"{self.ref} needs {self.settings.compiler} >= {oldest}, "
                f"not {self.settings.compiler.version}")
        for part, needed in (("prometheus_api", ("prometheus", "pushgateway")),
                             ("http", ("tracing",)),
                             ("tools", ADAPTERS)):
            missing = [f"with_{other}" for other in needed if not self._has(other)]
            if self._has(part) and missing:
                raise ConanInvalidConfiguration(
                    f"{self.ref}: with_{part} needs {' and '.join(missing)}; "
                    f"switch on what is missing, or with_{part} off")

    def generate(self):
        toolchain = CMakeToolchain(self)
        variables = {"BUILD_TESTS": False, "BUILD_SAMPLES": False, "WARNINGS": False,
                     "WITH_ADAPTERS": self._has(*ADAPTERS), "WITH_WEB_CONFIG": self._has("tls")}
        for part in (*BACKENDS, *ADAPTERS, "tls", "tools", "prometheus_cpp", "prometheus_api"):
            variables[f"WITH_{part.upper()}"] = self._has(part)
        for name, value in variables.items():
            toolchain.cache_variables[f"POLYMETER_{name}"] = bool(value)
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

    def _component(self, name, libs=(), requires=()):
        component = self.cpp_info.components[name]
        component.set_property("cmake_target_name", f"polymeter::{name}")
        # In a shared build the sdk, backends and adapters are libpolymeter.so.
        component.libs = [f"polymeter_{lib}" for lib in libs if not self.options.shared]
        component.requires = list(requires)
        if self.options.shared and name != "shared":
            component.requires.append("shared")
        # See PolymeterLibrary.cmake: code with inlined restartable sequences stays mapped.
        component.sharedlinkflags = ["-Wl,-z,nodelete"]
        return component

    def package_info(self):
        # CMake users get polymeter's own package, which finds its dependencies wherever they come
        # from; libs and requires below serve the other generators (PkgConfigDeps and its kin).
        self.cpp_info.set_property("cmake_find_mode", "none")

        third_parties = {
            "civetweb::civetweb": ("prometheus",),
            "libcurl::libcurl": ("otlp", "pushgateway"),
            "protozero::protozero": ("prometheus", "otlp"),
            "zlib::zlib": ("prometheus", "otlp", "pushgateway"),
            "openssl::openssl": ("tls",),
            "yaml-cpp::yaml-cpp": ("tls",),
            "libxcrypt::libxcrypt": ("tls",),
        }
        needed = [name for name, users in third_parties.items() if self._has(*users)]
        backends = [backend for backend in BACKENDS if self._has(backend)]
        adapters = [adapter for adapter in ADAPTERS if self._has(adapter)]

        if self.options.shared:
            shared = self._component("shared", requires=[
                *needed, *(["simdjson::simdjson"] if self._has("tools") else [])])
            shared.libs = ["polymeter"]
        sdk = self._component("sdk", ["sdk"])
        sdk.builddirs = [os.path.join("lib", "cmake", "polymeter")]
        sdk.system_libs = ["pthread"]
        if not self.options.shared:
            sdk.defines = ["POLYMETER_STATIC"]
        self._component("common", ["common"], ["sdk", *needed])
        for backend in backends:
            self._component(backend, [backend], ["common"])
        self._component("exporters", ["exporters"], [*backends, "common"])
        if adapters:
            self._component("adapters_common", ["adapters_common"], ["sdk"])
        for adapter in adapters:
            self._component(adapter, [adapter], [
                *(["tracing"] if adapter == "http" else []), "adapters_common"])
        everything = self._component("polymeter", requires=[*adapters, "exporters"])
        everything.set_property("pkg_config_name", "polymeter")
        if self._has("tools"):
            self._component("tools", TOOLS, [
                "adapters_common", "nlohmann_json::nlohmann_json", "simdjson::simdjson"])
        if self._has("prometheus_cpp"):
            bridge = self._component("prometheus_bridge", requires=[
                "sdk", "prometheus-cpp::prometheus-cpp-core"])
            bridge.libs = ["polymeter_prometheus_bridge"]
            bridge.set_property("pkg_config_name", "polymeter-prometheus-bridge")
        if self._has("prometheus_api"):
            # Its headers have prometheus-cpp's names: only its users see them.
            api = self._component("prometheus_api", requires=["polymeter"])
            api.libs = ["polymeter_prometheus_api"]
            api.includedirs = [os.path.join("include", "polymeter", "prometheus_api")]
            api.set_property("pkg_config_name", "polymeter-prometheus-api")
