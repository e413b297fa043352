#!/usr/bin/env python3
"""`polymeter docgen` over this project's own headers with the real doxygen.

    judge_docgen.py POLYMETER INCLUDE_DIR...

Warnings are counted here from doxygen's own log, each once; pages, what is documented and exit
codes are compared with what a run without polymeter leaves.
"""

import collections
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree

polymeter = None
includes = []

DOXYFILE = """
PROJECT_NAME = polymeter
INPUT = {includes}
FILE_PATTERNS = *.h
RECURSIVE = YES
OUTPUT_DIRECTORY = {output}
GENERATE_HTML = YES
GENERATE_XML = YES
GENERATE_LATEX = NO
EXTRACT_ALL = NO
WARN_IF_UNDOCUMENTED = YES
WARN_NO_PARAMDOC = YES
WARN_AS_ERROR = {as_error}
QUIET = NO
"""


class Docgen(unittest.TestCase):
    def setUp(self):
        self.work = pathlib.Path(tempfile.mkdtemp(prefix="polymeter-docgen-"))
        self.addCleanup(shutil.rmtree, self.work)

    def run_doxygen(self, name, wrapped, as_error="NO"):
        """(result, page of metrics, folder)"""
        folder = self.work / name
        folder.mkdir()
        (folder / "Doxyfile").write_text(DOXYFILE.format(
            includes=" ".join(map(str, includes)), output=folder, as_error=as_error))
        page = folder / "metrics.json"
        command = ["doxygen", "-d", "time", str(folder / "Doxyfile")]
        if wrapped:
            command = [polymeter, "docgen", "--", *command]
        done = subprocess.run(command, cwd=folder, capture_output=True, timeout=100,
                              env={**os.environ, "METRICS_BACKEND": "json",
                                   "METRICS_JSON_PATH": str(page)})
        values = {}
        if wrapped:
            for family in json.loads(page.read_text())["families"]:
                for point in family["series"]:
                    labels = tuple(sorted(point["labels"].items()))
                    values[family["name"], labels] = float(point.get("value", point.get("count")))
        return done, values, folder

    @staticmethod
    def warnings(errors):
        """Each once: a line with a place and `warning:`, and the lines that go on with it."""
        found, current = set(), None
        for line in errors.decode(errors="replace").splitlines():
            if re.search(r"(warning|error): ", line):
                if current:
                    found.add(current)
                current = line
            elif current is not None and line[:1] == " ":
                current += "\n" + line
            else:
                if current:
                    found.add(current)
                current = None
        if current:
            found.add(current)
        return found

    @staticmethod
    def warning_lines(errors):
        return collections.Counter(line for line in errors.splitlines() if b"warning:" in line)

    @staticmethod
    def documented_ratio(folder):
        seen = {}
        kinds = ("class", "struct", "union", "interface", "protocol", "exception", "namespace",
                 "group", "concept")
        for path in folder.glob("*.xml"):
            root = xml.etree.ElementTree.parse(path).getroot()
            for thing in [*root.findall("compounddef"), *root.iter("memberdef")]:
                if thing.tag == "memberdef" or thing.get("kind") in kinds:
                    said = [thing.find("briefdescription"), thing.find("detaileddescription")]
                    seen.setdefault(thing.get("id"), any(
                        text is not None and "".join(text.itertext()).strip() for text in said))
        return sum(seen.values()) / len(seen)

    def test_warnings_pages_and_exit_codes_are_doxygens(self):
        alone, _, folder = self.run_doxygen("alone", wrapped=False)
        done, values, _ = self.run_doxygen("wrapped", wrapped=True)
        self.assertEqual(done.returncode, alone.returncode)
        unique = self.warnings(alone.stderr)
        self.assertGreater(len(unique), 20)
        told = sum(v for (name, _), v in values.items() if name == "docgen_warnings")
        self.assertEqual(told, len(unique))
        pages = len([p for p in (folder / "html").rglob("*.html") if "search" not in p.parts])
        self.assertEqual(values["docgen_pages", (("format", "html"),)], pages)
        self.assertAlmostEqual(values["docgen_documented_ratio", ()],
                               self.documented_ratio(folder / "xml"), places=9)
        spent = re.findall(rb"^(?:[\d.]+ sec: )?Spent ([\d.]+) seconds in ", done.stdout, re.M)
        self.assertGreater(len(spent), 20)
        phases = sum(v for (name, _), v in values.items() if name == "docgen_phase_seconds")
        self.assertAlmostEqual(phases, sum(map(float, spent)), places=6)
        self.assertEqual(
            values["docgen_runs_total", (("result", "ok"), ("tool", "doxygen"))], 1)
        # What doxygen printed came through.
        self.assertEqual(self.warning_lines(done.stderr), self.warning_lines(alone.stderr))

    def test_warnings_as_errors_keep_their_exit_code(self):
        alone, _, _ = self.run_doxygen("alone", wrapped=False, as_error="FAIL_ON_WARNINGS")
        done, values, _ = self.run_doxygen("wrapped", wrapped=True, as_error="FAIL_ON_WARNINGS")
        self.assertNotEqual(alone.returncode, 0)
        self.assertEqual(done.returncode, alone.returncode)
        told = sum(v for (name, _), v in values.items() if name == "docgen_warnings")
        self.assertEqual(told, len(self.warnings(alone.stderr)))


if __name__ == "__main__":
    polymeter = str(pathlib.Path(sys.argv.pop(1)).resolve())
    while len(sys.argv) > 1 and not sys.argv[1].startswith("Docgen"):
        includes.append(pathlib.Path(sys.argv.pop(1)).resolve())
    if shutil.which("doxygen") is None:
        print("skipped: no doxygen")
        sys.exit(1 if os.environ.get("CI") == "true" else 77)
    unittest.main(verbosity=2)
