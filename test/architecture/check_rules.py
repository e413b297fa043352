#!/usr/bin/env python3
"""Checks the tree against the rules that CMake cannot enforce: who may include whom, where the
environment is read, what a public header may show, and that nothing names this machine.

    check_rules.py [ROOT]        prints every violation, and the longest files; ends 1 for any

Needs only Python's standard library. check_rules_test.py shows that each rule can fail.
"""

import os
import pathlib
import re
import subprocess
import sys

TOP_LEVEL = {
    "CMakeLists.txt", "sdk", "exporters", "integrations", "samples", "test", "README.md", "conanfile.py",
    "CMakePresets.json", "cmake", "dev", "LICENSE", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md",
    "docs",
}  # and hidden files, which tools ask for
TEXT = {
    ".h", ".cpp", ".hpp", ".cc", ".c", ".py", ".sh", ".txt", ".cmake", ".md", ".json", ".yml", ".yaml", ".in",
    ".profile", ".toml", "",
}
LONG_FILE = 400  # reported
TOO_LONG_FILE = 800

# Standard headers that a C++17 compiler has.
STANDARD = set(
    """algorithm any array atomic bitset cassert cctype cerrno cfenv cfloat charconv chrono cinttypes
    climits clocale cmath complex condition_variable csetjmp csignal cstdarg cstddef cstdint cstdio
    cstdlib cstring ctime cuchar cwchar cwctype deque exception execution filesystem forward_list
    fstream functional future initializer_list iomanip ios iosfwd iostream istream iterator limits
    list locale map memory memory_resource mutex new numeric optional ostream queue random ratio
    regex scoped_allocator set shared_mutex sstream stack stdexcept streambuf string string_view
    strstream system_error thread tuple type_traits typeindex typeinfo unordered_map unordered_set
    utility valarray variant vector emmintrin.h""".split())
STANDARD_20 = STANDARD | set(
    "barrier bit compare concepts coroutine format latch numbers ranges semaphore source_location "
    "span stop_token syncstream version".split())

DROP_IN = "integrations/prometheus_cpp/dropin"

# Third parties and who may see them. Tests and benchmarks may see all.
THIRD_PARTIES = [
    (re.compile(r"^civetweb\.h$"), ("exporters/common/transport/http_server", "samples/",
                                    "integrations/http/")),
    (re.compile(r"^CivetServer\.h$"), ("integrations/prometheus_cpp/dropin/",)),
    (re.compile(r"^curl/"), ("exporters/common/transport/http_client", "samples/")),
    (re.compile(r"^zlib\.h$|^libdeflate\.h$"), ("exporters/common/", "exporters/prometheus/",
                                                "samples/")),
    (re.compile(r"^prometheus/"), ("integrations/prometheus_cpp/", "samples/prometheus_cpp")),
    (re.compile(r"^protozero/"), ("exporters/", "integrations/")),
    (re.compile(r"^simdjson\.h$"), ("integrations/lsp/",)),
    (re.compile(r"^nlohmann/"), ("integrations/build/",)),
    (re.compile(r"^(gtest|gmock|benchmark)/"), ("sdk/testing/",)),
]
# What an encoder must not touch: it is a pure function.
IMPURE = re.compile(
    r"^(fstream|iostream|cstdio|filesystem|thread|mutex|condition_variable|future|ctime|csignal|"
    r"sys/.*|netinet/.*|arpa/.*|netdb\.h|unistd\.h|fcntl\.h|poll\.h|curl/.*|civetweb\.h)$")


class Tree:
  """The files of a tree: git's, or, without git, all but build directories."""

  def __init__(self, root):
    self.root = pathlib.Path(root).resolve()
    self.files = sorted(self._list())
    self.paths = set(self.files)

  def _list(self):
    if (self.root / ".git").exists():
      listed = subprocess.run(
          ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=self.root,
          check=True, capture_output=True).stdout.decode().split("\0")
      return {f for f in listed if f and (self.root / f).is_file()}
    found = set()
    for folder, folders, files in os.walk(self.root):
      folders[:] = [f for f in folders if f not in ("build", "__pycache__")]
      for name in files:
        found.add(str((pathlib.Path(folder) / name).relative_to(self.root)))
    return found

  def read(self, path):
    return (self.root / path).read_text(encoding="utf-8", errors="replace")

  def sources(self):
    return [f for f in self.files if f.endswith((".h", ".cpp"))]


def is_test(path):
  name = path.rsplit("/", 1)[-1]
  return (path.startswith("test/") or name.endswith(("_test.cpp", "_for_test.h", "_for_test.cpp"))
          or path.startswith("sdk/testing/"))


def is_public(path):
  return path.endswith(".h") and "/include/" in path and not path.startswith("test/")


def code_only(text):
  """Without comments and the contents of strings; line breaks stay."""
  pattern = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
  return pattern.sub(lambda m: '""' if m[0][0] in "\"'" else "\n" * m[0].count("\n"), text)


def includes(text):
  """(line number, name, quoted) of each #include, also those that an #if leaves out."""
  for number, line in enumerate(text.splitlines(), 1):
    found = re.match(r'\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)', line)
    if found:
      yield number, found[1] or found[2], found[1] is not None


def room(path):
  """The part of the tree that a file belongs to: sdk, exporters/common, integrations/cli..."""
  parts = path.split("/")
  if parts[0] in ("exporters", "integrations"):
    if len(parts) == 2:
      return parts[0]
    if parts[1] == "prometheus_cpp" and len(parts) > 3:
      return "/".join(parts[:3])
    return "/".join(parts[:2])
  return parts[0]


def public_headers(tree):
  """polymeter/x.h -> the file behind it."""
  return {f.split("/include/", 1)[1]: f for f in tree.files if is_public(f)}


def may_include(source, target):
  """Why a file of ours may not include another one of ours; None when it may."""
  here, there = room(source), room(target)
  if is_public(source):
    if not is_public(target):
      return "a public header includes only public headers"
  if target.startswith("sdk/testing/") and not is_test(source):
    return "only tests use sdk/testing"
  if target.startswith("test/"):
    return "only tests include from test/" if not is_test(source) else None
  if is_test(source) and source.startswith(("test/", "sdk/testing/")):
    return None
  if here == there or there == "sdk":
    if here == "samples" and there == "sdk" and not is_public(target):
      return "a sample uses public headers only"
    return None
  if here == "samples":
    return None if is_public(target) else "a sample uses public headers only"
  if here == "sdk":
    return "the sdk includes nothing but itself"
  if here == "exporters":  # the composition root
    return None if there.startswith("exporters") else "exporters include sdk and exporters only"
  if here == "exporters/common":
    return "exporters/common includes sdk and itself only"
  if here.startswith("exporters/"):
    if there == "exporters/common" or target == "exporters/backend_info.h":
      return None
    return "a backend includes sdk, exporters/common and backend_info.h only"
  if here in ("integrations/cli", "integrations/prometheus_cpp/dropin"):
    return None  # the two that compose
  if here.startswith("integrations"):
    if there == "integrations/common" or (there.startswith("integrations") and is_public(target)):
      return None
    return "an integration includes sdk, integrations/common and others' public headers only"
  return None


def check_includes(tree):
  headers = public_headers(tree)
  edges = {}  # between integrations
  for source in tree.sources():
    text = tree.read(source)
    for number, name, quoted in includes(text):
      where = f"{source}:{number}: {name}"
      target = headers.get(name) or (name if name in tree.paths else None)
      # Of two libraries: the drop-in's own sources mean the drop-in's headers, all others the
      # original's.
      if name.startswith("prometheus/") and room(source) != DROP_IN:
        target = None
      if target is None and quoted and not any(p.match(name) for p, _ in THIRD_PARTIES):
        beside = os.path.normpath(os.path.join(os.path.dirname(source), name))
        if beside not in tree.paths:
          yield f"{where}: no such file"
        elif not source.startswith(("samples/", "test/")):  # programs that stand alone
          yield f"{where}: includes of ours are relative to the root"
        continue
      if target is not None:
        why = may_include(source, target)
        if why:
          yield f"{where}: {why}"
        if is_encoding(source) and re.match(r"exporters/common/(transport|push)/", target):
          yield f"{where}: an encoder knows no transport"
        if room(source) != room(target) and room(target).startswith("integrations/"):
          edges.setdefault(room(source), set()).add(room(target))
        continue
      if is_public(source) and source.startswith("sdk/") and name not in STANDARD:
        yield f"{where}: a public header includes C++17's standard headers only"
      if is_encoding(source) and not is_test(source) and IMPURE.match(name):
        yield f"{where}: an encoder does no I/O and knows no time, thread or file"
      for pattern, places in THIRD_PARTIES:
        if pattern.match(name) and not is_test(source) and not source.startswith(places):
          yield f"{where}: only {', '.join(places)} and tests may see this library"
  yield from cycles(edges)


def is_encoding(path):
  return bool(re.match(r"exporters/common/(encoding|exposition)/|exporters/[^/]+/[^/]*encoder[^/]*$", path))


def cycles(edges):
  def visit(node, trail):
    for target in sorted(edges.get(node, ())):
      if target in trail:
        loop = trail[trail.index(target):] + [target]
        if min(loop) == loop[0]:  # once, not from every member
          yield "integrations include each other in a cycle: " + " -> ".join(loop)
      else:
        yield from visit(target, trail + [target])

  for start in sorted(edges):
    yield from visit(start, [start])


def check_environment(tree):
  reads = re.compile(r"\b(getenv|secure_getenv)\s*\(|\benviron\b|/proc/self/environ")
  for path in tree.sources():
    if is_test(path) or path.startswith("samples/") or path == "sdk/src/env.cpp":
      continue
    for number, line in enumerate(code_only(tree.read(path)).splitlines(), 1):
      if reads.search(line):
        yield f"{path}:{number}: only sdk/src/env.cpp reads the environment"


def check_host(tree):
  """The library must not end or surprise its host."""
  ends = re.compile(r"\b(abort|_exit|quick_exit|terminate|exit)\s*\(")
  throws = re.compile(r"\bthrow\b(?!\s*;|\s+std::bad_alloc\b)")
  for path in tree.sources():
    if is_test(path) or not path.startswith(("sdk/", "exporters/", "integrations/")):
      continue
    # The drop-in throws what prometheus-cpp throws.
    if path.startswith(("integrations/cli/", "integrations/prometheus_cpp/dropin/")):
      continue
    for number, line in enumerate(code_only(tree.read(path)).splitlines(), 1):
      if ends.search(line):
        yield f"{path}:{number}: a library does not end its host"
      # Out of memory is the one thing that the core's inner functions throw, and its borders catch.
      if throws.search(line) and path != "exporters/backends.cpp":
        yield f"{path}:{number}: only FromEnvironment throws, at start-up"


def check_files(tree):
  for path in tree.files:
    top = path.split("/")[0]
    if not top.startswith(".") and top not in TOP_LEVEL:
      yield f"{path}: {top} does not belong to the top level"
  for path in tree.sources():
    text = tree.read(path)
    if path.endswith(".h"):
      if "#pragma once" not in text:
        yield f"{path}: no #pragma once"
      if not text.startswith("//"):
        yield f"{path}: a header begins with a comment that says what it is for"
    lines = text.count("\n")
    if lines > TOO_LONG_FILE:
      yield f"{path}: {lines} lines are more than {TOO_LONG_FILE}"


def check_machine(tree):
  """No absolute path of the machine on which this was written."""
  # Not preceded by what makes it a part of a longer path or of a URL. /home/demo is nobody's: it
  # stands in captures.
  machine = re.compile(r"(?<![\w.$}/-])/(root|work|home/(?!demo/)[a-z]\w*)/\w")
  for path in tree.files:
    if pathlib.PurePath(path).suffix not in TEXT or path.startswith("test/architecture/check_rules"):
      continue
    for number, line in enumerate(tree.read(path).splitlines(), 1):
      found = machine.search(line)
      if found:
        yield f"{path}:{number}: {found[0]}... is a path of some machine"


CHECKS = (check_includes, check_environment, check_host, check_files, check_machine)


def violations(root):
  tree = Tree(root)
  return [v for check in CHECKS for v in check(tree)]


def size_report(root):
  tree = Tree(root)
  sizes = sorted(((tree.read(f).count("\n"), f) for f in tree.sources()), reverse=True)
  long_ones = [s for s in sizes if s[0] > LONG_FILE]
  total = sum(s[0] for s in sizes)
  lines = [f"{len(sizes)} C++ files, {total} lines; {len(long_ones)} longer than {LONG_FILE}"]
  return "\n".join(lines + [f"  {n:5} {f}" for n, f in (long_ones or sizes[:3])])


def main():
  root = sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parents[2]
  if not Tree(root).sources():
    sys.exit(f"{root} holds no C++ file")
  found = violations(root)
  for violation in found:
    print(violation)
  print(size_report(root))
  print(f"{len(found)} violations")
  sys.exit(1 if found else 0)


if __name__ == "__main__":
  main()
