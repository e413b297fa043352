"""A Conan profile that takes every dependency of polymeter from Debian's own packages, in the
versions installed here: no Conan remote is needed."""

import re
import subprocess

# Conan's name: Debian's package.
PACKAGES = {
    "prometheus-cpp": "prometheus-cpp-dev",
    "civetweb": "libcivetweb-dev",
    "zlib": "zlib1g-dev",
    "libcurl": "libcurl4-openssl-dev",
    "protozero": "libprotozero-dev",
    "openssl": "libssl-dev",
    "yaml-cpp": "libyaml-cpp-dev",
    "libxcrypt": "libcrypt-dev",
    "nlohmann_json": "nlohmann-json3-dev",
    "simdjson": "libsimdjson-dev",
}


def upstream(package):
    """'1.15' of Debian's '1.15+dfsg-4'."""
    version = subprocess.run(["dpkg-query", "-W", "-f=${Version}", package], check=True,
                             capture_output=True, text=True).stdout
    return re.match(r"(?:\d+:)?([0-9.]+)", version)[1].rstrip(".")


def text():
    versions = {name: upstream(package) for name, package in PACKAGES.items()}
    lines = ["include(default)", "[settings]", "compiler.cppstd=20", "[platform_requires]"]
    lines += [f"{name}/{version}" for name, version in versions.items()]
    # Whatever version a recipe asks for.
    lines += ["[replace_requires]"]
    lines += [f"{name}/*: {name}/{version}" for name, version in versions.items()]
    return "\n".join(lines) + "\n"
