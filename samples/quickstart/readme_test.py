#!/usr/bin/env python3
"""README.md tells the truth: its program is this folder's, and its output is what that prints.

The README's commands are read, not repeated here: what is piped into the program, and which of
the page's lines its `grep` shows. Only the sum of the durations may differ.
"""

import argparse
import os
import re
import subprocess
import sys
import time
import unittest
import urllib.request

options = None


def blocks(text):
    """(language, content) of every fenced block."""
    return re.findall(r"^```(\w*)\n(.*?)^```$", text, re.M | re.S)


class Readme(unittest.TestCase):
    def setUp(self):
        with open(options.readme, encoding="utf-8") as file:
            self.text = file.read()
        self.blocks = blocks(self.text)

    def transcript(self):
        """(what goes to the program's stdin, grep's pattern, the lines shown)"""
        shown = [content for language, content in self.blocks
                 if language == "console" and "curl" in content]
        self.assertEqual(len(shown), 1)
        lines = shown[0].splitlines()
        start = re.fullmatch(r"\$ \((.*); sleep 60\) \| METRICS_BACKEND=prometheus ./quickstart &",
                             lines[0])
        self.assertIsNotNone(start, lines[0])
        jobs = [re.fullmatch(r"echo (.+)", part.strip())[1] for part in start[1].split(";")]
        scrape = re.fullmatch(r"\$ sleep \d; curl -s localhost:9464/metrics \| grep \^(\w+)",
                              lines[1])
        self.assertIsNotNone(scrape, lines[1])
        return jobs, scrape[1], lines[2:]

    def test_the_program_is_the_compiled_one(self):
        programs = [content for language, content in self.blocks
                    if language == "cpp" and "int main" in content]
        self.assertGreaterEqual(len(programs), 1)
        with open(options.source, encoding="utf-8") as file:
            self.assertEqual(programs[0], file.read())

    def test_the_first_metric_stands_within_40_lines(self):
        _, _, shown = self.transcript()
        lines = self.text.splitlines()
        last = max(i for i, line in enumerate(lines) if line == shown[-1])
        self.assertLess(last + 1, 40)

    def test_curl_shows_what_the_readme_shows(self):
        jobs, prefix, shown = self.transcript()
        environment = {k: v for k, v in os.environ.items()
                       if not k.startswith(("METRICS_", "OTEL_"))}
        environment |= {"METRICS_BACKEND": "prometheus", "METRICS_PROMETHEUS_PORT": "0"}
        with subprocess.Popen([options.binary], stdin=subprocess.PIPE, env=environment,
                              text=True) as program:
            try:
                program.stdin.write("".join(job + "\n" for job in jobs))
                program.stdin.flush()
                page = self.page_with(program.pid, f"job_duration_seconds_count {len(jobs)}")
                program.stdin.close()  # the end of its input is the end of the program
                self.assertEqual(program.wait(timeout=20), 0)
            finally:
                program.kill()
        seen = [line for line in page.splitlines() if line.startswith(prefix)]
        self.assertEqual(*map(self.without_sum, (seen, shown)))

    def without_sum(self, lines):
        """The lines with the one number that depends on the machine taken out, and checked."""
        kept = []
        for line in lines:
            match = re.fullmatch(r"(job_duration_seconds_sum) (\d+\.\d+)", line)
            if match:
                self.assertGreater(float(match[2]), 2)
                self.assertLess(float(match[2]), 10)
            kept.append(match[1] if match else line)
        return kept

    def page_with(self, pid, line):
        """The /metrics page of the process as soon as `line` stands there."""
        end = time.monotonic() + 30
        page = ""
        while time.monotonic() < end:
            for port in listening_ports(pid):
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as it:
                    page = it.read().decode()
                if line in page.splitlines():
                    return page
            time.sleep(0.05)
        self.fail(f"no {line!r} on the page:\n{page}")


def listening_ports(pid):
    """Ports of the listening TCP sockets among this process's descriptors."""
    inodes = set()
    for descriptor in os.listdir(f"/proc/{pid}/fd"):
        try:
            target = os.readlink(f"/proc/{pid}/fd/{descriptor}")
        except FileNotFoundError:
            continue
        if match := re.fullmatch(r"socket:\[(\d+)\]", target):
            inodes.add(match[1])
    with open(f"/proc/{pid}/net/tcp", encoding="ascii") as table:
        rows = [line.split() for line in table.readlines()[1:]]
    return [int(row[1].rpartition(":")[2], 16) for row in rows
            if row[3] == "0A" and row[9] in inodes]  # 0A: LISTEN


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    for name in ("--binary", "--readme", "--source"):
        parser.add_argument(name, required=True)
    options, rest = parser.parse_known_args()
    unittest.main(argv=[sys.argv[0], *rest], verbosity=2)
