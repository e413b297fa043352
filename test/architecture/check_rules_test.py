#!/usr/bin/env python3
"""Shows that check_rules.py accepts a clean tree, and that each rule finds its violation."""

import pathlib
import tempfile
import unittest

import check_rules

HEADER = "// A header.\n#pragma once\n"
CLEAN = {
    "README.md": "polymeter\n",
    "sdk/include/polymeter/metrics.h": HEADER + "#include <vector>\n",
    "sdk/include/polymeter/polymeter.h": HEADER + '#include "polymeter/metrics.h"\n',
    "sdk/src/core.h": HEADER + '#include <span>\n#include "polymeter/metrics.h"\n',
    "sdk/src/env.cpp": 'const char* E() { return getenv("A"); }\n',
    "sdk/src/core_test.cpp": '#include "sdk/testing/clock.h"\n#include <gtest/gtest.h>\n',
    "sdk/testing/clock.h": HEADER + '#include "sdk/src/core.h"\n',
    "exporters/backends.cpp": '#include "exporters/one/one.h"\nvoid F() { throw 1; }\n',
    "exporters/backend_info.h": HEADER + '#include "sdk/src/core.h"\n',
    "exporters/common/encoding/numbers.h": HEADER,
    "exporters/common/transport/http_server.cpp": "#include <civetweb.h>\n#include <unistd.h>\n",
    "exporters/common/transport/http_server.h": HEADER,
    "exporters/one/one.h": HEADER + '#include "exporters/backend_info.h"\n',
    "exporters/one/one_encoder.cpp": '#include "exporters/common/encoding/numbers.h"\n',
    "exporters/two/two.cpp": '#include "exporters/common/transport/http_server.h"\n',
    "integrations/common/proc.h": HEADER,
    "integrations/host/host.cpp": '#include "integrations/common/proc.h"\n',
    "integrations/host/include/polymeter/host.h": HEADER + '#include "polymeter/metrics.h"\n',
    "integrations/cli/main.cpp": '#include "exporters/backend_info.h"\n',
    "samples/quick/main.cpp": "#include <polymeter/polymeter.h>\n",
    "test/conformance/cases.h": HEADER + '#include "exporters/backend_info.h"\n',
}


class Rules(unittest.TestCase):

  def violations(self, changed):
    with tempfile.TemporaryDirectory() as folder:
      for path, text in {**CLEAN, **changed}.items():
        file = pathlib.Path(folder) / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
      return check_rules.violations(folder)

  def assert_one(self, changed, *words):
    found = self.violations(changed)
    self.assertEqual(len(found), 1, found)
    for word in words:
      self.assertIn(word, found[0])

  def test_a_clean_tree_has_no_violation(self):
    self.assertEqual(self.violations({}), [])

  def test_includes_that_a_room_must_not_have(self):
    public = "sdk/include/polymeter/metrics.h"
    for source, include, words in [
        ("sdk/src/a.cpp", "exporters/backend_info.h", "the sdk includes nothing but itself"),
        ("sdk/src/a.cpp", "polymeter/host.h", "the sdk includes nothing but itself"),
        ("sdk/src/a.cpp", "sdk/testing/clock.h", "only tests use sdk/testing"),
        ("exporters/two/a.cpp", "exporters/one/one.h", "a backend includes"),
        ("exporters/two/a.cpp", "polymeter/host.h", "a backend includes"),
        ("exporters/common/a.cpp", "exporters/one/one.h", "exporters/common includes"),
        ("exporters/common/a.cpp", "test/conformance/cases.h", "only tests include from test/"),
        ("exporters/one/a_encoder.cpp", "exporters/common/transport/http_server.h",
         "an encoder knows no transport"),
        ("exporters/common/encoding/a.cpp", "exporters/common/transport/http_server.h",
         "an encoder knows no transport"),
        ("exporters/a.cpp", "integrations/common/proc.h", "exporters include"),
        ("integrations/host/a.cpp", "exporters/backend_info.h", "an integration includes"),
        ("integrations/common/a.cpp", "exporters/one/one.h", "an integration includes"),
        ("samples/quick/a.cpp", "sdk/src/core.h", "a sample uses public headers only"),
        ("samples/quick/a.cpp", "exporters/backend_info.h", "a sample uses public headers only"),
        ("sdk/src/a.cpp", "sdk/src/missing.h", "no such file"),
        ("sdk/src/a.cpp", "core.h", "relative to the root"),
    ]:
      with self.subTest(source=source, include=include):
        self.assert_one({source: f'#include "{include}"\n'}, source + ":1", words)
    self.assert_one({public: HEADER + '#include "sdk/src/core.h"\n'}, "public headers")

  def test_the_composing_rooms_may(self):
    self.assertEqual(self.violations({
        "integrations/prometheus_cpp/dropin/a.cpp": '#include "exporters/one/one.h"\n',
        "integrations/lsp/a.cpp": '#include "polymeter/host.h"\n',
    }), [])

  def test_public_headers_show_no_library_and_nothing_newer_than_cpp17(self):
    for name in ("span", "concepts", "curl/curl.h"):
      with self.subTest(name=name):
        found = self.violations({"sdk/include/polymeter/metrics.h": HEADER + f"#include <{name}>\n"})
        self.assertTrue(any("C++17's standard headers only" in v for v in found), found)

  def test_a_third_party_stays_in_its_place(self):
    for name in ("civetweb.h", "curl/curl.h", "prometheus/registry.h", "gtest/gtest.h", "zlib.h"):
      with self.subTest(name=name):
        self.assert_one({"sdk/src/a.cpp": f"#include <{name}>\n"}, "may see this library")

  def test_an_encoder_is_pure(self):
    for name in ("unistd.h", "fstream", "thread", "sys/socket.h"):
      with self.subTest(name=name):
        self.assert_one({"exporters/one/one_encoder.cpp": f"#include <{name}>\n"}, "no I/O")

  def test_a_cycle_of_integrations(self):
    self.assert_one({
        "integrations/lsp/include/polymeter/lsp.h": HEADER + '#include "polymeter/host.h"\n',
        "integrations/host/include/polymeter/host.h": HEADER + '#include "polymeter/lsp.h"\n',
    }, "integrations/host -> integrations/lsp -> integrations/host")

  def test_the_environment_is_read_in_one_file(self):
    for line in ('getenv("A");', "char** e = ::environ;", 'std::getenv ("A");'):
      with self.subTest(line=line):
        self.assert_one({"exporters/one/a.cpp": f"void F() {{ {line} }}\n"}, "sdk/src/env.cpp")
    self.assertEqual(self.violations({"exporters/one/a.cpp": '// getenv("A")\n'}), [])

  def test_a_library_neither_ends_nor_surprises_its_host(self):
    for line, words in (("std::abort();", "end its host"), ("exit(1);", "end its host"),
                        ("std::terminate();", "end its host"),
                        ("throw std::runtime_error(s);", "throws")):
      with self.subTest(line=line):
        self.assert_one({"sdk/src/a.cpp": f"void F() {{ {line} }}\n"}, words)
    self.assertEqual(
        self.violations({"sdk/src/a.cpp": 'void F() { throw std::bad_alloc(); throw; } // abort()\n'}),
        [])

  def test_headers_begin_with_a_comment_and_a_guard(self):
    self.assert_one({"sdk/src/a.h": "#pragma once\n"}, "begins with a comment")
    self.assert_one({"sdk/src/a.h": "// A.\n"}, "no #pragma once")

  def test_a_file_that_nobody_can_hold_in_mind(self):
    self.assert_one({"sdk/src/a.cpp": "//\n" * 801}, "801 lines")

  def test_paths_of_a_machine(self):
    for path in ("/root" + "/x", "/home" + "/jane/polymeter", "/work" + "/main"):
      with self.subTest(path=path):
        self.assert_one({"sdk/CMakeLists.txt": f"set(a {path})\n"}, "path of some machine")
    self.assertEqual(self.violations({"sdk/a.md": "https://example.org/work/x ${D}/work/y\n"}), [])

  def test_the_top_level_is_fixed(self):
    self.assert_one({"utils/a.py": "\n"}, "top level")


if __name__ == "__main__":
  unittest.main()
