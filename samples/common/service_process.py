"""A sample service as a child process: start, talk to, read its /metrics, stop."""

import http.client
import os
import re
import signal
import subprocess
import threading
import time
import urllib.parse


class Service:
    """Starts the binary on free ports and waits until it serves.

    `backend` None leaves METRICS_BACKEND unset. Its stdout is read to the end; stderr is kept in
    `errors` and, with `echo`, shown.
    """

    def __init__(self, binary, backend, options=(), environment=None, echo=False):
        env = {k: v for k, v in os.environ.items() if not k.startswith(("METRICS_", "OTEL_"))}
        env.update(environment or {})
        if backend is not None:
            env["METRICS_BACKEND"] = backend
        env.setdefault("METRICS_PROMETHEUS_PORT", "0")
        self.errors = []
        self.address = None
        self.metrics_address = None
        self._serving = threading.Event()
        # A session of its own: Ctrl-C in the terminal is for the client, which ends the service.
        self.process = subprocess.Popen(
            [binary, "--listen", "127.0.0.1:0", *options], env=env, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
        self._readers = [threading.Thread(target=self._read_output, daemon=True),
                         threading.Thread(target=self._read_errors, args=(echo,), daemon=True)]
        for reader in self._readers:
            reader.start()
        if not self._serving.wait(timeout=30) or self.address is None:
            self.kill()
            raise RuntimeError("the service did not start: " + " ".join(self.errors))

    def _read_output(self):
        for line in self.process.stdout:
            if match := re.fullmatch(r"serving http://(\S+)\n", line):
                self.address = match[1]
            elif match := re.fullmatch(r"metrics http://(\S+)/metrics\n", line):
                self.metrics_address = match[1]
            elif line == "ready\n":
                self._serving.set()
        self._serving.set()  # it ended

    def _read_errors(self, echo):
        for line in self.process.stderr:
            self.errors.append(line.rstrip("\n"))
            if echo:
                print("  service says:", self.errors[-1])

    def request(self, method, path, body=None, timeout=30, headers=None):
        """(status, headers, body) of one request on a connection of its own."""
        connection = http.client.HTTPConnection(self.address, timeout=timeout)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return response.status, response.headers, response.read()
        finally:
            connection.close()

    def page(self):
        """The text of /metrics."""
        connection = http.client.HTTPConnection(self.metrics_address, timeout=10)
        try:
            connection.request("GET", "/metrics", headers={"Accept": "text/plain"})
            response = connection.getresponse()
            if response.status != 200:
                raise RuntimeError(f"/metrics answered {response.status}")
            return response.read().decode()
        finally:
            connection.close()

    def values(self):
        return parse_page(self.page())

    def stop(self, timeout=30):
        """SIGTERM; (exit code, seconds it took)."""
        begin = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise
        for reader in self._readers:
            reader.join(timeout=5)
        return code, time.monotonic() - begin

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()
        self.process.stdout.close()
        self.process.stderr.close()


_SAMPLE = re.compile(r'([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)')
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)",?')


def parse_page(text):
    """{(name, frozenset of (label, value)): number} of a page in text format 0.0.4."""
    values = {}
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        match = _SAMPLE.fullmatch(line)
        if match is None:
            raise ValueError(f"not a sample: {line!r}")
        name, labels, number = match.groups()
        key = name, frozenset(_LABEL.findall(labels or ""))
        if key in values:
            raise ValueError(f"twice on the page: {line!r}")
        values[key] = float(number)
    return values


def value_of(values, metric, **labels):
    """One sample's value; 0 when it is not (yet) there."""
    return values.get((metric, frozenset((k, str(v)) for k, v in labels.items())), 0)


def compress_path(**query):
    return "/compress" + ("?" + urllib.parse.urlencode(query) if query else "")
