"""Runs the service with prometheus-cpp and with the drop-in, gives both the same commands, and
compares their answers and pages; then sends the drop-in's series to a file as well.

run_test.py <program with prometheus-cpp> <program with the drop-in>
"""
import contextlib
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import urllib.request

COMMANDS = ["set user:1 ada lovelace", "get user:1", "get user:2", "set user:1 ada",
            "set session:9 " + "x" * 100, "set session:8 abcd", "delete session:8",
            "delete session:8", "fly", "get session:9"]
# What depends on time or on a page's bytes, and the help of the Exposer's own families: there, but
# with an end of its own.
OF_THE_RUN = re.compile(
    r"(# HELP exposer_\S+|exposer_(?:transferred|request|scrapes)\S+|cache_request_seconds(?:_sum|\{\S+))")


@contextlib.contextmanager
def service(program, **more):
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("METRICS_", "OTEL_"))}
    running = subprocess.Popen([program, "127.0.0.1:0"], stdin=subprocess.PIPE, text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               env={**clean, **more})
    try:
        said = running.stderr.readline()
        assert said.startswith("metrics: http://127.0.0.1:"), said
        running.url = said.split()[1]
        yield running
        running.stdin.close()
        assert running.wait(timeout=30) == 0, running.returncode
        rest = running.stderr.read()
        assert rest == "", rest
    finally:
        running.kill()
        running.wait()


def give(running, commands):
    answers = []
    for command in commands:
        running.stdin.write(command + "\n")
        running.stdin.flush()
        answers.append(running.stdout.readline())
    return answers


def read_page(url, requests):
    """The sorted lines of the page that has so many requests: a duration is observed after its answer."""
    deadline = time.monotonic() + 10
    while True:
        with urllib.request.urlopen(url, timeout=10) as response:
            assert response.headers["Content-Type"].startswith("text/plain"), response.headers
            lines = response.read().decode("utf-8").splitlines()
        if f"cache_request_seconds_count {requests}" in lines or time.monotonic() > deadline:
            break
        time.sleep(0.02)
    return sorted(match[0] if (match := OF_THE_RUN.match(line)) else line for line in lines)


def compare(before, after):
    results = []
    for program in (before, after):
        with service(program) as running:
            answers = give(running, COMMANDS)
            first = read_page(running.url, len(COMMANDS))
            give(running, COMMANDS[:1])
            results.append((answers, first, read_page(running.url, len(COMMANDS) + 1)))
    for old, new in zip(*results):
        assert old == new, set(old) ^ set(new)
    page = results[1][1]
    for line in ('cache_requests_total{cache="main",command="get",result="hit"} 2',
                 'cache_value_bytes_bucket{le="16"} 3', "cache_entries 2",
                 'cache_held_bytes{prefix="session"} 100', "cache_request_seconds_count 10"):
        assert line in page, (line, page)


def counted(path):
    """Command and result -> cache_requests_total in the last line of a JSON Lines file."""
    last = json.loads(pathlib.Path(path).read_text(encoding="utf-8").splitlines()[-1])
    family, = [one for one in last["families"] if one["name"] == "cache_requests_total"]
    return {(series["labels"]["command"], series["labels"]["result"]): series["value"]
            for series in family["series"]}


def check_backend(after):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "metrics.jsonl")
        with service(after, METRICS_BACKEND="jsonl", METRICS_JSONL_PATH=path) as running:
            give(running, COMMANDS)
            assert "cache_entries 2" in read_page(running.url, len(COMMANDS))  # its Exposer as before
        found = counted(path)
        assert found == {("set", "stored"): 4, ("get", "hit"): 2, ("get", "miss"): 1,
                         ("delete", "deleted"): 1, ("delete", "miss"): 1,
                         ("unknown", "refused"): 1}, found


def main():
    before, after = sys.argv[1:]
    compare(before, after)
    check_backend(after)
    print("prometheus_cpp_dropin: the same answers and pages; METRICS_BACKEND has them, too")


if __name__ == "__main__":
    main()
