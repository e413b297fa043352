#!/usr/bin/env python3
"""compress_service as its users meet it: the demonstration, overload, shutdown, METRICS_BACKEND."""

import argparse
import contextlib
import gzip
import http.client
import io
import os
import pathlib
import random
import re
import socket
import subprocess
import sys
import threading
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "common"))

from service_process import Service, compress_path, value_of  # noqa: E402

binary = None
sanitizer_threads = 0  # ThreadSanitizer's runtime has one


def slow_body(size):
    """Text that keeps zlib busy at level 9."""
    words = random.Random(7)
    letters = bytes(words.choice(b"abcd") for _ in range(4096))
    out = bytearray()
    while len(out) < size:
        begin = words.randrange(4000)
        out += letters[begin:begin + words.randrange(8, 96)]
    return bytes(out[:size])


def thread_names(pid):
    tasks = pathlib.Path(f"/proc/{pid}/task")
    return sorted((task / "comm").read_text().strip() for task in tasks.iterdir())


def listening_ports(pid):
    """Ports of the listening TCP sockets among this process's descriptors."""
    inodes = set()
    for descriptor in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        target = os.readlink(descriptor)
        if match := re.fullmatch(r"socket:\[(\d+)\]", target):
            inodes.add(match[1])
    ports = set()
    for table in ("tcp", "tcp6"):
        path = pathlib.Path(f"/proc/{pid}/net/{table}")
        for line in path.read_text().splitlines()[1:] if path.exists() else ():
            fields = line.split()
            if fields[3] == "0A" and fields[9] in inodes:  # 0A: LISTEN
                ports.add(int(fields[1].rpartition(":")[2], 16))
    return ports


def settled(service, expected, metric, **labels):
    """The sample's value as soon as it is `expected`, else what it is after five seconds: the
    service counts a request after its last byte."""
    end = time.monotonic() + 5
    while True:
        value = value_of(service.values(), metric, **labels)
        if value == expected or time.monotonic() > end:
            return value
        time.sleep(0.02)


def port_of(address):
    return int(address.rpartition(":")[2])


class Demonstration(unittest.TestCase):
    def run_demo(self, *options):
        return subprocess.run([sys.executable, HERE / "demo.py", "--binary", binary, *options],
                              capture_output=True, text=True, timeout=100)

    def test_ends_by_itself_with_equal_tallies(self):
        done = self.run_demo("--for", "2s")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertNotIn("differs", done.stdout)
        self.assertIn("exit code 0", done.stdout)
        jobs = re.search(r"^  compression_jobs_completed_total[{]level=.6.[}] (\d+)$", done.stdout, re.M)
        self.assertIsNotNone(jobs, done.stdout)
        self.assertGreater(int(jobs[1]), 20)
        equal = re.findall(r"(\d+) of (\d+) numbers are equal", done.stdout)
        self.assertEqual(len(equal), 2)
        for found, all_of_them in equal:
            self.assertEqual(found, all_of_them)
            self.assertGreater(int(found), 20)

    def test_has_nothing_to_compare_without_a_page(self):
        done = self.run_demo("--for", "1s", "--backend", "null")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("no page", done.stdout)

    def test_notices_a_service_that_counts_wrong(self):
        import demo
        with Service(binary, "prometheus") as service:
            client = demo.Client(service)
            client.compress(b"counted on both sides", 6)
            service.request("POST", compress_path(level=6), b"seen by the service only")
            demo.SETTLE_SECONDS = 0.5
            shown = io.StringIO()
            with contextlib.redirect_stdout(shown):
                self.assertFalse(demo.compare(demo.Page(service), client, full=False))
            self.assertIn("<-- differs", shown.getvalue())


class RealReceivers(unittest.TestCase):
    def test_all_of_several_backends_agree(self):
        import receivers
        try:
            for name in ("otelcol", "statsd_exporter"):
                receivers.tool(name)
        except receivers.Missing as missing:
            if os.environ.get("CI") == "true":
                raise
            self.skipTest(str(missing))
        done = subprocess.run([sys.executable, HERE / "demo.py", "--binary", binary, "--for", "3s",
                               "--backend", "prometheus,otlp,statsd,jsonl"],
                              capture_output=True, text=True, timeout=100)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertNotIn("differs", done.stdout)
        self.assertEqual(len(re.findall(r"(\d+) of \1 numbers are equal", done.stdout)), 8)

    def test_a_prometheus_server_answers_what_the_client_tallied(self):
        import demo
        import receivers
        try:
            receivers.tool("prometheus")
        except receivers.Missing as missing:
            if os.environ.get("CI") == "true":
                raise
            self.skipTest(str(missing))
        for form in ("text", "openmetrics"):
            with self.subTest(form), Service(
                    binary, "prometheus",
                    environment={"METRICS_PROMETHEUS_FORMAT": form}) as service:
                client = demo.Client(service)
                demo.first_round(client)
                with receivers.PrometheusServer(service.metrics_address) as server:
                    demo.SETTLE_SECONDS = 30  # its first scrape comes after five
                    shown = io.StringIO()
                    with contextlib.redirect_stdout(shown):
                        same = demo.compare(server, client, full=False)
                    self.assertTrue(same, shown.getvalue())


class Overload(unittest.TestCase):
    def test_a_full_queue_answers_429_and_healthz_still_works(self):
        with Service(binary, "prometheus", ["--workers", "1", "--queue", "1"]) as service:
            body = slow_body(3 << 20)
            answers = []

            def post():
                answers.append(service.request("POST", compress_path(level=9), body))

            threads = [threading.Thread(target=post) for _ in range(8)]
            for thread in threads:
                thread.start()
            busiest = 0
            health = []
            while any(thread.is_alive() for thread in threads):
                health.append(service.request("GET", "/healthz")[0])
                depth = value_of(service.values(), "compression_queue_size", level=9)
                self.assertIn(depth, (0, 1))
                busiest = max(busiest, value_of(service.values(), "compression_workers_busy"))
            statuses = [status for status, _, _ in answers]
            self.assertEqual(set(health), {200})
            self.assertEqual(busiest, 1)
            self.assertEqual(set(statuses), {200, 429})
            for status, headers, answer in answers:
                if status == 200:
                    self.assertEqual(gzip.decompress(answer), body)
                else:
                    self.assertEqual(headers["Retry-After"], "1")
            for status in (200, 429):
                count = statuses.count(status)
                self.assertEqual(settled(service, count, "http_requests_total", path="/compress",
                                         method="POST", status=status), count)
            self.assertEqual(settled(service, 0, "http_requests_in_flight", method="POST"), 0)


class Shutdown(unittest.TestCase):
    def test_under_load_finishes_what_it_took(self):
        with Service(binary, "prometheus") as service:
            body = slow_body(1 << 20)
            statuses = []
            broken = []  # when a request began that got no whole answer
            stop = threading.Event()

            def post():
                while not stop.is_set():
                    began = time.monotonic()
                    try:
                        status, _, answer = service.request("POST", compress_path(level=6), body)
                        statuses.append(status)
                        if status == 200 and gzip.decompress(answer) != body:
                            broken.append(began)
                    except (OSError, http.client.HTTPException):
                        broken.append(began)
                        return

            threads = [threading.Thread(target=post) for _ in range(6)]
            for thread in threads:
                thread.start()
            while len(statuses) < 20:
                time.sleep(0.01)
            stopped = time.monotonic()
            code, took = service.stop()
            stop.set()
            for thread in threads:
                thread.join()
            self.assertEqual(code, 0, service.errors)
            self.assertEqual(service.errors, [])
            self.assertLess(took, 15)
            self.assertLessEqual(set(statuses), {200, 503})
            self.assertIn(200, statuses)
            # Only those who came while it went may have been cut off.
            self.assertEqual([began for began in broken if began < stopped - 0.2], [])

    def test_abandons_what_still_waits_when_the_time_to_drain_is_over(self):
        options = ["--workers", "1", "--queue", "64", "--drain", "0"]
        with Service(binary, "prometheus", options) as service:
            body = slow_body(2 << 20)
            statuses = []

            def post():
                statuses.append(service.request("POST", compress_path(level=9), body, 60)[0])

            threads = [threading.Thread(target=post) for _ in range(30)]
            for thread in threads:
                thread.start()
            # One worker against thirty clients: on a busy machine it takes a few meanwhile.
            end = time.monotonic() + 60
            while value_of(service.values(), "compression_queue_size", level=9) < 10:
                self.assertLess(time.monotonic(), end, statuses)
                time.sleep(0.01)
            code, took = service.stop()
            for thread in threads:
                thread.join()
            self.assertEqual(code, 0, service.errors)
            self.assertLess(took, 15)
            self.assertEqual(len(statuses), 30)
            self.assertLessEqual(set(statuses), {200, 503})
            self.assertGreater(statuses.count(503), 7)
            self.assertEqual(service.errors,
                             ["compress_service: work was left when the time to drain ran out"])

    def test_does_not_wait_for_a_client_that_stalls(self):
        with Service(binary, "prometheus", ["--drain", "1"]) as service:
            host, port = service.address.split(":")
            with socket.create_connection((host, int(port))) as client:
                client.sendall(b"POST /compress HTTP/1.1\r\nHost: x\r\n"
                               b"Content-Length: 1000\r\n\r\nhalf")
                while value_of(service.values(), "http_requests_in_flight", method="POST") < 1:
                    time.sleep(0.01)
                code, took = service.stop()
            self.assertEqual(code, 0, service.errors)
            self.assertLess(took, 15)


class Selection(unittest.TestCase):
    OPTIONS = ["--workers", "3", "--queue", "5"]

    def setUp(self):
        # main, civetweb's own thread, the workers, the server's threads as main.cpp counts them.
        self.own_threads = 1 + 1 + 3 + (3 + 5 + 8) + sanitizer_threads

    def test_no_backend_means_no_thread_and_no_socket(self):
        for backend in (None, "null"):
            with self.subTest(backend=backend), Service(binary, backend, self.OPTIONS) as service:
                self.assertEqual(service.request("POST", "/compress", b"x")[0], 200)
                self.assertEqual(len(thread_names(service.process.pid)), self.own_threads)
                self.assertEqual(listening_ports(service.process.pid), {port_of(service.address)})
                self.assertIsNone(service.metrics_address)
                self.assertEqual(service.stop()[0], 0)
                self.assertEqual(service.errors, [])

    def test_prometheus_means_one_socket_more(self):
        with Service(binary, "prometheus", self.OPTIONS) as service:
            self.assertGreater(len(thread_names(service.process.pid)), self.own_threads)
            self.assertEqual(listening_ports(service.process.pid),
                             {port_of(service.address), port_of(service.metrics_address)})
            self.assertEqual(service.errors, [])

    def test_a_misspelt_backend_is_one_message_and_the_service_runs_on(self):
        with Service(binary, "prometeus", self.OPTIONS) as service:
            for _ in range(20):
                self.assertEqual(service.request("POST", "/compress", b"x")[0], 200)
            self.assertEqual(len(thread_names(service.process.pid)), self.own_threads)
            self.assertEqual(service.stop()[0], 0)
            self.assertEqual(len(service.errors), 1, service.errors)
            for word in ("METRICS_BACKEND", "prometeus", "prometheus", "null"):
                self.assertRegex(service.errors[0], rf"\b{word}\b")

    def test_a_busy_port_is_reported_and_the_service_runs_on(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            with Service(binary, "prometheus", self.OPTIONS,
                         {"METRICS_PROMETHEUS_PORT": str(port)}) as service:
                self.assertEqual(service.request("POST", "/compress", b"x")[0], 200)
                end = time.monotonic() + 10
                while not service.errors and time.monotonic() < end:
                    time.sleep(0.05)
                self.assertEqual(service.stop()[0], 0)
                self.assertTrue(any(str(port) in error for error in service.errors),
                                service.errors)


class Routes(unittest.TestCase):
    def test_a_directory_or_a_huge_path_is_no_route(self):
        with Service(binary, "prometheus") as service:
            paths = ["/", "/compress/", "/healthz/", "/%2e%2e/", "/..%2f", "/" + "a/" * 4000]
            for path in paths:
                self.assertEqual(service.request("GET", path)[0], 404, path)
            self.assertEqual(settled(service, len(paths), "http_requests_total",
                                     path="_unmatched", method="GET", status=404), len(paths))

    def test_a_made_up_method_is_no_label(self):
        with Service(binary, "prometheus") as service:
            self.assertEqual(service.request("PROPFIND", "/compress")[0], 405)
            self.assertEqual(settled(service, 1, "http_requests_total", path="/compress",
                                     method="_OTHER", status=405), 1)

    def test_what_is_no_http_is_counted_too(self):
        with Service(binary, "prometheus") as service:
            host, port = service.address.split(":")
            with socket.create_connection((host, int(port))) as client:
                client.sendall(b"NONSENSE\r\n\r\n")
                self.assertTrue(client.recv(1000).startswith(b"HTTP/1.0 400"))
            self.assertEqual(settled(service, 1, "http_requests_total", path="_unmatched",
                                     method="_OTHER", status=400), 1)

    def test_the_level_is_checked(self):
        with Service(binary, None) as service:
            for query in ("?level=0", "?level=10", "?level=", "?level=6x", "?level=-1", "?depth=6"):
                self.assertEqual(service.request("POST", "/compress" + query, b"x")[0], 400, query)
            sizes = [len(service.request("POST", compress_path(level=level),
                                         slow_body(100_000))[2]) for level in (1, 9)]
            self.assertGreater(sizes[0], sizes[1])

    def test_the_trace_of_a_request_goes_with_its_work(self):
        trace = "4bf92f3577b34da6a3ce929d0e0e4736"
        with Service(binary, "prometheus") as service:
            for header, answer in ((f"00-{trace}-00f067aa0ba902b7-01", trace),
                                   (f"00-{trace}-0000000000000000-01", None), (None, None)):
                _, headers, _ = service.request("POST", "/compress", b"x",
                                                headers={"traceparent": header} if header else {})
                self.assertEqual(headers["X-Trace-Id"], answer)
            for result in ("valid", "invalid"):
                self.assertEqual(settled(service, 1, "traceparent_headers_total", result=result), 1)

    def test_bodies_come_back_whole(self):
        with Service(binary, None) as service:
            for body in (b"", b"a", bytes(range(256)) * 999, os.urandom(8 << 20)):
                status, headers, answer = service.request("POST", "/compress", body)
                self.assertEqual(status, 200)
                self.assertEqual(headers["Content-Type"], "application/gzip")
                self.assertEqual(gzip.decompress(answer), body)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", required=True)
    parser.add_argument("--sanitizer-threads", type=int, default=0)
    known, rest = parser.parse_known_args()
    binary = known.binary
    sanitizer_threads = known.sanitizer_threads
    unittest.main(argv=[sys.argv[0], *rest], verbosity=2)
