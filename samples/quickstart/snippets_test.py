#!/usr/bin/env python3
"""The C++ on the documentation's pages compiles, page by page, as C++17 without a warning.

Pieces of one page build on each other: they become one function, in their order. On an adapter's
page each piece stands for itself. Namespaces stand before them, a program with a main of its own is
left to readme_test.py, and a page may use what its PREAMBLE says. What needs a library that Debian
does not have is marked ```c++ and is not compiled.
"""

import argparse
import pathlib
import re
import subprocess
import sys
import tempfile
import textwrap
import unittest

options = None

STANDARD = "cassert chrono cstdio memory string string_view vector".split()
# What stands before the functions of a page and, below a line, at the beginning of each.
PREAMBLES = {
    "README.md": """
        #include <prometheus/registry.h>
        extern const polymeter::Metrics metrics;
        auto registry = std::make_shared<prometheus::Registry>();""",
    "build.md": """
        extern const polymeter::Metrics metrics;
        extern const polymeter::BuildSummary earlier;
        extern int exit_code;""",
    "docgen.md": """
        extern const polymeter::Metrics metrics;
        extern const std::string_view bytes, progress;
        extern const int exit_code;
        extern const std::chrono::steady_clock::time_point start, end;
        extern const std::chrono::system_clock::time_point began;""",
    "lsp.md": """
        extern const polymeter::Metrics metrics;
        extern const int child, status, code;
        extern const char* const buffer;
        extern const std::size_t n;
        extern const polymeter::LspTime read_at;""",
    "client.md": """
        #include <libpq-fe.h>
        #include <hiredis/hiredis.h>
        extern const polymeter::Metrics metrics;
        extern PGconn* const conn;
        extern redisContext* const context;
        extern const char* const key;
        extern const char* const value;
        bool Run();
        struct { void* Take() { return nullptr; } } pool;""",
    "host.md": "",
    "http.md": """
        #include <civetweb.h>
        extern const polymeter::Metrics metrics;
        extern const char** options;
        extern void* data;
        int handler(mg_connection*, void*);
        extern std::string_view method, traceparent;
        extern int received, sent;
        void Answer();""",
    "job_queue.md": """
        using namespace std::chrono_literals;
        extern const polymeter::Metrics metrics;
        extern const int mail, attempt;
        bool Send(int mail);
        struct { std::chrono::seconds Length() { return {}; } } wav;
        struct { std::string language; } result;""",
    "runtime.md": """
        #include <functional>
        struct Pool { void Post(std::function<void()>) {} int QueueSize() { return 0; } };
        void Decode();
        ---
        Pool pool;""",
    "recorder.md": """
        using namespace std::chrono_literals;
        struct Request { std::string model; };
        extern const Request request;
        extern const std::size_t bytes;
        extern const std::chrono::nanoseconds took;
        int Parse();
        ---
        auto metrics = polymeter::FromEnvironment("indexer");""",
    "testing.md": """
        #include <gmock/gmock.h>
        using namespace std::chrono_literals;
        struct Transcriber {
          explicit Transcriber(const polymeter::Metrics&) {}
          void Run(const char*, const char*) {}
        };""",
    "tracing.md": """
        extern const polymeter::Metrics metrics;
        extern const std::string_view header;""",
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
    if page.parent.name != "adapters":
        inside = ["".join(inside)] if inside else []
    before, _, begin = textwrap.dedent(PREAMBLES.get(page.name, "")).partition("\n---\n")
    functions = "".join(
        f"void Piece{i}() {{\n{begin}\n{piece}}}\n" for i, piece in enumerate(inside))
    return (standard + "#include <polymeter/polymeter.h>\n" + "".join(includes) +
            before + "\n" + "".join(outside) + functions,
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
                        capture_output=True, text=True, timeout=200)
                self.assertEqual(done.returncode, 0, done.stderr)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--compiler", required=True)
    parser.add_argument("--include", action="append", default=[])
    parser.add_argument("--page", action="append", type=pathlib.Path, required=True)
    options, rest = parser.parse_known_args()
    unittest.main(argv=[sys.argv[0], *rest], verbosity=2)
