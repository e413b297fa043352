#!/usr/bin/env python3
"""The C++ on the documentation's pages compiles, page by page, as C++17 without a warning.

Pieces of one page build on each other: they become one function, in their order. Namespaces stand
before it, a program with a main of its own is left to readme_test.py, and a page may use what its
PREAMBLE says.
"""

import argparse
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

options = None

STANDARD = "cassert chrono cstdio memory string string_view vector".split()
PREAMBLES = {
    "README.md": "auto registry = std::make_shared<prometheus::Registry>();",
}
PREAMBLE_INCLUDES = {
    "README.md": "#include <prometheus/registry.h>\n",
}


def translation_unit(page):
    includes, outside, inside = [], [], []
    for block in re.findall(r"^```cpp\n(.*?)^```$", page.read_text(), re.M | re.S):
        if "int main" in block:
            continue
        includes += re.findall(r"^#include.*\n", block, re.M)
        block = re.sub(r"^#include.*\n", "", block, flags=re.M)
        (outside if block.startswith("namespace") else inside).append(block)
    standard = "".join(f"#include <{name}>\n" for name in STANDARD)
    return (standard + "#include <polymeter/polymeter.h>\n" +
            PREAMBLE_INCLUDES.get(page.name, "") + "".join(includes) + "".join(outside) +
            "void Page() {\n" + PREAMBLES.get(page.name, "") + "\n" + "".join(inside) + "}\n",
            len(inside))


class Snippets(unittest.TestCase):
    def test_every_page_compiles(self):
        for page in options.page:
            with self.subTest(page=page.name):
                code, pieces = translation_unit(page)
                self.assertGreater(pieces, 0)
                with tempfile.TemporaryDirectory() as folder:
                    source = pathlib.Path(folder) / "page.cpp"
                    source.write_text(code)
                    done = subprocess.run(
                        [options.compiler, "-std=c++17", "-fsyntax-only", "-Wall", "-Wextra",
                         "-Werror", "-Wno-unused-variable", "-Wno-unused-but-set-variable",
                         *(f"-I{folder}" for folder in options.include), source],
                        capture_output=True, text=True, timeout=50)
                self.assertEqual(done.returncode, 0, done.stderr)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--compiler", required=True)
    parser.add_argument("--include", action="append", default=[])
    parser.add_argument("--page", action="append", type=pathlib.Path, required=True)
    options, rest = parser.parse_known_args()
    unittest.main(argv=[sys.argv[0], *rest], verbosity=2)
