"""The README's install lines, read from it: what the tests of this folder run is what it says."""

import re
from pathlib import Path

README = Path(__file__).resolve().parents[2] / "README.md"


def _one(pattern, what, text):
    found = re.findall(pattern, text, re.M | re.S)
    if len(set(found)) != 1:
        raise AssertionError(f"README.md has {len(set(found))} different {what}, not one: {found}")
    return found[0]


class Install:
    def __init__(self, readme=README):
        text = readme.read_text(encoding="utf-8")
        # Lines may break anywhere.
        prose = re.sub(r"\s+", " ", re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S))
        everything = re.sub(r"\s+", " ", text)
        self.conan_create = _one(r"`(conan create [^`]*)`", "`conan create` lines", prose)
        self.conan_requires = _one(r"`(requires = [^`]*)`", "`requires =` lines", prose)
        self.find_package = _one(r"(find_package\(polymeter [^)]*\))", "find_package() lines",
                                 everything)
        self.link = _one(r"(target_link_libraries\(my_service [^)]*\))",
                         "target_link_libraries(my_service ...) lines", everything)
        self.fetch = _one(r"^```cmake\n((?:(?!^```).)*FetchContent_MakeAvailable\(polymeter\).*?)^```$",
                          "FetchContent blocks", text)
        self.pkg_config = _one(r"`((?:c|g|clang)\+\+ [^`]*\$\(pkg-config [^`]*)`",
                               "compiler lines with $(pkg-config ...)", prose)
        # The README's own program.
        self.program = re.search(r"^```cpp\n(.*?)^```$", text, re.M | re.S)[1]

    def cmake_project(self, get):
        """A project of one file that gets polymeter by `get`."""
        return ("cmake_minimum_required(VERSION 3.22)\nproject(my_service LANGUAGES CXX)\n"
                f"{get}\nadd_executable(my_service main.cpp)\n{self.link}\n")
