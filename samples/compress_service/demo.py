#!/usr/bin/env python3
"""Starts compress_service and the receivers of its backends, posts this repository's files to it
and checks what arrived.

Keeps a tally of its own, shows an excerpt of the page and compares both: with /metrics, with what
the OpenTelemetry Collector wrote (otlp), with statsd_exporter's page (statsd), with the file
(jsonl). Then it goes on with a
light load until Ctrl-C, or until --for is over. Exit code: 0 when every number was equal, every
response could be decompressed and the service ended well; else 1.
"""

import argparse
import collections
import concurrent.futures
import contextlib
import gzip
import pathlib
import random
import re
import signal
import sys
import threading
import time

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
sys.path.append(str(REPOSITORY / "samples" / "common"))

from receivers import RECEIVERS, Missing  # noqa: E402
from service_process import Service, compress_path, value_of  # noqa: E402

LEVELS = (1, 6, 9)
MAX_BODY = 8 << 20
SETTLE_SECONDS = 5


class Client:
    """Sends requests, checks the answers and counts what it saw. Thread-safe."""

    def __init__(self, service):
        self._service = service
        self._lock = threading.Lock()
        self.requests = collections.Counter()  # (route, method, status)
        self.compressions = collections.Counter()  # level
        self.bytes_in = 0
        self.bytes_out = 0
        self.wrong = []  # what a person should read

    def send(self, route, method, path, body, expected):
        status, _, answer = self._service.request(method, path, body)
        with self._lock:
            self.requests[route, method, status] += 1
            if status != expected:
                self.wrong.append(f"{method} {path} answered {status} instead of {expected}")
        return status, answer

    def compress(self, body, level):
        status, answer = self.send("/compress", "POST", compress_path(level=level), body, 200)
        if status != 200:
            return
        same = gzip.decompress(answer) == body
        with self._lock:
            self.compressions[level] += 1
            self.bytes_in += len(body)
            self.bytes_out += len(answer)
            if not same:
                self.wrong.append(f"a body of {len(body)} bytes came back changed")

    def send_bad_requests(self):
        self.send("/compress", "POST", compress_path(level=0), b"x", 400)
        self.send("/compress", "POST", compress_path(level="high"), b"x", 400)
        self.send("/compress", "GET", compress_path(level=6), None, 405)
        self.send("/compress", "POST", compress_path(level=6), bytes(MAX_BODY + 1), 413)
        self.send("_unmatched", "GET", "/../etc/passwd", None, 404)
        self.send("/healthz", "GET", "/healthz", None, 200)

    def expectations(self):
        """(what, number on this side, metric, labels) for everything that the page must show."""
        with self._lock:
            for (route, method, status), count in sorted(self.requests.items()):
                labels = {"path": route, "method": method, "status": status}
                yield "requests", count, "http_requests_total", labels
                yield "timed", count, "http_request_duration_seconds_count", labels
                yield "answered", count, "http_response_size_bytes_count", labels
            for level, count in sorted(self.compressions.items()):
                labels = {"level": level}
                yield "jobs", count, "compression_jobs_submitted_total", labels
                yield "jobs", count, "compression_jobs_completed_total", labels
                yield "jobs", count, "compression_job_wait_seconds_count", labels
                yield "jobs", count, "compression_job_duration_seconds_count", {
                    **labels, "outcome": "completed"}
                yield "jobs", count, "compression_ratio_count", labels
                yield "nothing waits", 0, "compression_queue_size", labels
            yield "bytes in", self.bytes_in, "compression_input_bytes_total", {}
            yield "bytes out", self.bytes_out, "compression_output_bytes_total", {}
            yield "nobody works", 0, "compression_workers_busy", {}


def files_to_post():
    """Sources and documents of this repository, small and large, the same ones each time."""
    files = [REPOSITORY / "README.md", REPOSITORY / "LICENSE"]
    for folder in ("docs", "samples", "sdk", "exporters"):
        for suffix in (".md", ".h", ".cpp", ".py"):
            files += sorted((REPOSITORY / folder).rglob("*" + suffix))
    bodies = [file.read_bytes() for file in files if file.is_file()]
    return [body for body in bodies if body][:60]


class Page:
    """The service's own page as a receiver."""
    name = "the page"

    def __init__(self, service):
        self.values = service.values


def compare(receiver, client, full):
    """Prints the two tallies; True when they are equal. The service counts a request after its
    last byte and pushes once a second, so a receiver may be a moment behind."""
    expectations = list(client.expectations())
    end = time.monotonic() + SETTLE_SECONDS
    while True:
        values = receiver.values()
        pairs = [(what, count, metric, labels, value_of(values, metric, **labels))
                 for what, count, metric, labels in expectations]
        differing = [pair for pair in pairs if pair[1] != pair[4]]
        if not differing or time.monotonic() > end:
            break
        time.sleep(0.1)
    for what, count, metric, labels, shown in pairs if full else differing:
        series = metric + (f"{{{','.join(f'{k}={v}' for k, v in labels.items())}}}"
                           if labels else "")
        verdict = "" if count == shown else "   <-- differs"
        print(f"  {what:<14}{count:>9} here {shown:>9.0f} there  {series}{verdict}")
    print(f"  {len(pairs) - len(differing)} of {len(pairs)} numbers are equal")
    return not differing


def print_excerpt(page):
    """The service's own families; of the histograms only sum and count."""
    for line in page.splitlines():
        name = line.split(" ")[2] if line.startswith("#") else re.split("[{ ]", line)[0]
        own = name.startswith(("http_", "compression_", "compress_service_"))
        if own and not name.endswith("_bucket") and not line.startswith("# HELP"):
            print(" ", line)


def first_round(client):
    bodies = files_to_post()
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        answers = [pool.submit(client.compress, body, level)
                   for body in bodies for level in LEVELS]
        answers.append(pool.submit(client.send_bad_requests))
        for answer in answers:
            answer.result()
    print(f"Posted {len(bodies)} files at the levels {', '.join(map(str, LEVELS))}: "
          f"{client.bytes_in} bytes became {client.bytes_out}; "
          f"and {sum(client.requests.values()) - sum(client.compressions.values())} "
          "other requests, most of them bad.")
    return bodies


def light_load(client, bodies, end):
    choice = random.Random(1)
    while not interrupted.is_set() and (end is None or time.monotonic() < end):
        client.compress(choice.choice(bodies), choice.choice(LEVELS))
        rest = 0.2 if end is None else min(0.2, end - time.monotonic())
        interrupted.wait(max(0, rest))


interrupted = threading.Event()


def seconds(text):
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(s|m)?", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no time such as 5s or 2m")
    return float(match[1]) * (60 if match[2] == "m" else 1)


def run(options):
    begin = time.monotonic()
    end = None if options.run_for is None else begin + options.run_for
    backends = [name.strip().lower() for name in options.backend.split(",")]
    with contextlib.ExitStack() as stack:
        receivers = []
        environment = {}
        for name in backends:
            if name in RECEIVERS:
                receivers.append(stack.enter_context(RECEIVERS[name]()))
                environment.update(receivers[-1].environment)
                print(f"{receivers[-1].name} is there for {name}")
        service = stack.enter_context(
            Service(options.binary, options.backend, environment=environment, echo=True))
        print(f"compress_service runs at http://{service.address} "
              f"with METRICS_BACKEND={options.backend}")
        client = Client(service)
        bodies = first_round(client)
        well = True
        scraped = service.metrics_address is not None
        if scraped:
            url = f"http://{service.metrics_address}/metrics"
            print(f"\nFrom {url}:")
            print_excerpt(service.page())
            print("\nThis client's tally and the page's:")
            well = compare(Page(service), client, full=True)
            print(f"\nNow look yourself:  curl {url}")
        elif "prometheus" in backends:
            well = False
            print("\nThe page at /metrics did not come up.")
        elif not receivers:
            print("\nThis backend has no page to compare with.")
        for receiver in receivers:
            print(f"\nThis client's tally and what arrived in {receiver.name}:")
            well = compare(receiver, client, full=True) and well
        print(f"    compress a file:  curl --data-binary @README.md "
              f"'http://{service.address}/compress?level=9' | gunzip")
        print("A light load goes on " + ("until Ctrl-C." if end is None
                                         else f"until {options.run_for:g} s are over."),
              flush=True)
        light_load(client, bodies, end)
        if scraped:
            print(f"\nAt the end, after {sum(client.requests.values())} requests:")
            well = compare(Page(service), client, full=False) and well
        for receiver in receivers:
            print(f"In {receiver.name}:")
            well = compare(receiver, client, full=False) and well
        for message in client.wrong[:10]:
            print("  wrong:", message)
        code, took = service.stop()
        print(f"The service ended with exit code {code} {took:.1f} s after SIGTERM.")
        return well and code == 0 and not client.wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", required=True, help="the built compress_service")
    parser.add_argument("--for", dest="run_for", type=seconds, metavar="TIME",
                        help="end after so long (5s, 2m) instead of at Ctrl-C")
    parser.add_argument("--backend", default="prometheus", metavar="NAMES",
                        help="METRICS_BACKEND of the service (default: prometheus)")
    options = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: interrupted.set())
    try:
        return 0 if run(options) else 1
    except Missing as missing:
        print(missing, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
