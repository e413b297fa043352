"""Real receivers beside the service, and what each of them has got so far.

A receiver is a context manager with `environment` (what the service needs to find it) and
`values()`: {(name, frozenset of (label, value)): number}, the same form as a parsed page.
"""

import contextlib
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.parse

from service_process import parse_page

TOOLS = pathlib.Path(__file__).resolve().parents[2] / "build" / "tools"


class Missing(Exception):
    pass


def tool(name):
    """A receiver's program: from the PATH, or where `./dev` builds it."""
    for folder in (TOOLS / "bin", TOOLS / "usr" / "bin"):
        if os.access(folder / name, os.X_OK):
            return str(folder / name)
    found = shutil.which(name)
    if found is None:
        raise Missing(f"{name} is not there; ./dev test installs it")
    return found


def free_port(kind=socket.SOCK_STREAM):
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def get(port, path, timeout=10):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


class Receiver:
    """A server process with a folder of its own."""

    def __enter__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="polymeter-receiver-"))
        self._log = open(self.folder / "log", "wb")
        try:
            self.process = subprocess.Popen(self.command(), stdout=self._log, stderr=self._log,
                                            stdin=subprocess.DEVNULL, cwd=self.folder,
                                            start_new_session=True)
            self._wait_until_ready()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        process = getattr(self, "process", None)
        if process is not None and process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._log.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _wait_until_ready(self):
        end = time.monotonic() + 30
        while time.monotonic() < end:
            if self.process.poll() is not None:
                break
            with contextlib.suppress(OSError, http.client.HTTPException):
                if self.ready():
                    return
            time.sleep(0.05)
        raise RuntimeError(f"{self.name} did not start: "
                           + (self.folder / "log").read_text(errors="replace")[-2000:])


class Collector(Receiver):
    """The OpenTelemetry Collector; what it got is in its file exporter's file."""
    name = "the OpenTelemetry Collector"
    # Families and labels that bear OpenTelemetry's own names there.
    OTEL_NAMES = {
        "http.server.request.duration": "http_request_duration_seconds",
        "http.server.request.body.size": "http_request_size_bytes",
        "http.server.response.body.size": "http_response_size_bytes",
        "http.server.active_requests": "http_requests_in_flight",
        "messaging.process.duration": "whisper_job_duration_seconds",
    }
    OTEL_LABELS = {"http.request.method": "method", "http.route": "path",
                   "http.response.status_code": "status"}

    def __init__(self):
        self._port = free_port()
        self.environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{self._port}",
                            "METRICS_OTLP_INTERVAL": "1s"}
        self._values = {}
        self._read = 0

    def command(self):
        (self.folder / "config.yaml").write_text(f"""
receivers: {{otlp: {{protocols: {{http: {{endpoint: 127.0.0.1:{self._port}}}}}}}}}
exporters: {{file: {{path: {self.folder}/out.jsonl, flush_interval: 100ms}}}}
service:
  telemetry: {{metrics: {{level: none}}, logs: {{level: warn}}}}
  pipelines: {{metrics: {{receivers: [otlp], exporters: [file]}}}}
""")
        return [tool("otelcol"), "--config", str(self.folder / "config.yaml")]

    def ready(self):
        with socket.create_connection(("127.0.0.1", self._port), timeout=1):
            return True

    def values(self):
        path = self.folder / "out.jsonl"
        if path.exists():
            with open(path, "rb") as file:
                file.seek(self._read)
                for line in file:
                    if not line.endswith(b"\n"):
                        break  # it is being written
                    self._read += len(line)
                    self._take(json.loads(line))
        return dict(self._values)

    def _take(self, data):
        for resource in data["resourceMetrics"]:
            for scope in resource["scopeMetrics"]:
                for metric in scope["metrics"]:
                    self._take_metric(metric)

    def _take_metric(self, metric):
        name = self.OTEL_NAMES.get(metric["name"], metric["name"])
        for kind in ("sum", "gauge", "histogram", "summary"):
            family = metric.get(kind, {})
            # Differences (AGGREGATION_TEMPORALITY_DELTA) add up, totals replace.
            self._delta = family.get("aggregationTemporality") == 1
            for point in family.get("dataPoints", ()):
                labels = frozenset(
                    (self.OTEL_LABELS.get(a["key"], a["key"]), str(next(iter(a["value"].values()), "")))
                    for a in point.get("attributes", ()))
                if "asInt" in point or "asDouble" in point:
                    self._put(name, labels, point.get("asInt", point.get("asDouble")))
                    continue
                self._put(name + "_count", labels, point.get("count", 0))
                self._put(name + "_sum", labels, point.get("sum", 0))
                bounds = [f"{bound:g}" for bound in point.get("explicitBounds", ())] + ["+Inf"]
                below = 0
                for bound, count in zip(bounds, point.get("bucketCounts", ())):
                    below += int(count)
                    self._put(name + "_bucket", labels | {("le", bound)}, below)
                for quantile in point.get("quantileValues", ()):
                    self._put(name, labels | {("quantile", f"{quantile.get('quantile', 0):g}")},
                              quantile.get("value", 0))

    def _put(self, name, labels, number):
        before = self._values.get((name, labels), 0) if self._delta else 0
        self._values[name, labels] = before + float(number)


class StatsdExporter(Receiver):
    """statsd_exporter, which shows what it got as a page. It has process_ families of its own, and
    answers 500 when somebody sends it the same: those are dropped."""
    name = "statsd_exporter"

    def __init__(self):
        self._web = free_port()
        self._udp = free_port(socket.SOCK_DGRAM)
        self.environment = {"METRICS_STATSD_HOST": "127.0.0.1",
                            "METRICS_STATSD_PORT": str(self._udp),
                            # It reads tags as DogStatsD has them and signs as plain StatsD does.
                            "METRICS_STATSD_DIALECT": "statsd",
                            "METRICS_STATSD_TAGS": "dogstatsd",
                            "METRICS_STATSD_INTERVAL": "1s"}

    def command(self):
        mapping = self.folder / "mapping.yaml"
        mapping.write_text(
            'mappings: [{match: "process_.*", match_type: regex, action: drop, name: dropped}]')
        return [tool("statsd_exporter"), f"--statsd.mapping-config={mapping}",
                f"--web.listen-address=127.0.0.1:{self._web}",
                f"--statsd.listen-udp=127.0.0.1:{self._udp}", "--statsd.listen-tcp=",
                "--statsd.event-flush-interval=20ms"]

    def ready(self):
        return get(self._web, "/-/ready")[0] == 200

    def values(self):
        status, page = get(self._web, "/metrics")
        if status != 200:
            raise RuntimeError(f"statsd_exporter answered {status}")
        return parse_page(page.decode())


class JsonLines:
    """The file of METRICS_BACKEND=jsonl: its last line."""
    name = "the JSON lines"

    def __enter__(self):
        self._folder = tempfile.TemporaryDirectory(prefix="polymeter-receiver-")
        self._path = pathlib.Path(self._folder.name) / "metrics.jsonl"
        self.environment = {"METRICS_JSONL_PATH": str(self._path), "METRICS_JSONL_INTERVAL": "1s"}
        return self

    def __exit__(self, *_):
        self._folder.cleanup()

    def values(self):
        lines = self._path.read_text().split("\n")[:-1] if self._path.exists() else []
        values = {}
        for family in json.loads(lines[-1])["families"] if lines else ():
            for series in family["series"]:
                labels = frozenset(series["labels"].items())
                for field, suffix in (("value", ""), ("count", "_count"), ("sum", "_sum")):
                    if field in series:
                        values[family["name"] + suffix, labels] = float(series[field])
        return values


class PrometheusServer(Receiver):
    """A Prometheus server that scrapes `target` ("127.0.0.1:9464") every second."""
    name = "a Prometheus server"

    def __init__(self, target):
        self._target = target
        self._port = free_port()
        self.environment = {}

    def command(self):
        (self.folder / "config.yml").write_text(f"""
global: {{scrape_interval: 1s, scrape_timeout: 1s}}
scrape_configs:
- {{job_name: service, static_configs: [{{targets: ["{self._target}"]}}]}}
""")
        return [tool("prometheus"), f"--config.file={self.folder}/config.yml",
                f"--storage.tsdb.path={self.folder}/data",
                f"--web.listen-address=127.0.0.1:{self._port}"]

    def ready(self):
        return get(self._port, "/-/ready")[0] == 200

    def values(self):
        query = urllib.parse.urlencode({"query": '{job="service"}'})
        status, body = get(self._port, f"/api/v1/query?{query}")
        if status != 200:
            raise RuntimeError(f"Prometheus answered {status}: {body!r}")
        values = {}
        for sample in json.loads(body)["data"]["result"]:
            labels = {k: v for k, v in sample["metric"].items()
                      if k not in ("__name__", "job", "instance")}
            values[sample["metric"]["__name__"], frozenset(labels.items())] = float(
                sample["value"][1])
        return values


# Which receiver a backend's name starts.
RECEIVERS = {"otlp": Collector, "statsd": StatsdExporter, "jsonl": JsonLines}
