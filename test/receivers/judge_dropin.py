"""An unchanged prometheus-cpp program over the drop-in: what Prometheus scrapes, and what arrives in
the OpenTelemetry Collector and in statsd_exporter with METRICS_BACKEND=otlp,statsd, equals what
its own objects hold.

judge_dropin.py PROGRAM
"""

import json
import os
import pathlib
import subprocess
import sys
import time

import harness
from prometheus_server import PrometheusServer

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "samples/common"))
import receivers  # noqa: E402
from service_process import parse_page  # noqa: E402

SETTLE_SECONDS = 5
CONFIG = """
global: {scrape_interval: 1s, scrape_timeout: 1s}
scrape_configs:
  - job_name: dropin
    static_configs: [{targets: ["127.0.0.1:%d"]}]
"""


class Program:
    def __init__(self, path, how, environment):
        clean = {k: v for k, v in os.environ.items()
                 if not k.startswith(("METRICS_", "OTEL_", "STATSD_", "DD_"))}
        self.process = subprocess.Popen([path, how], env={**clean, **environment}, text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE)
        word, port = self.process.stdout.readline().split()
        assert word == "ready"
        self.port = int(port)
        self.truth = json.loads(self.process.stdout.readline())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()

    def finish(self):
        """The second part; gives what was said on stderr."""
        began = time.monotonic()
        out, said = self.process.communicate("\n", timeout=60)
        if self.process.returncode != 0:
            sys.exit("the program ended with %d: %s" % (self.process.returncode, said))
        if time.monotonic() - began > 10:
            sys.exit("the program took %.1f s to end" % (time.monotonic() - began))
        self.truth = json.loads(out)
        return said


def series(name, **labels):
    return name, frozenset(labels.items())


def expected(truth, observations, summary):
    below = {"0.5": observations - 3, "1": observations - 2, "2.5": observations - 1,
             "+Inf": observations}
    return {
        series("files_total", result="good"): truth["good"],
        series("files_total", result="bad", why="too long"): truth["bad"],
        series("level", tank="1"): truth["level"],
        series("queue_length", queue="in"): 12,
        series("duration_seconds_count", kind="x"): observations,
        series("duration_seconds_sum", kind="x"): truth["duration_sum"],
        series("size_bytes_count"): truth["size_count"],
        series("size_bytes_sum"): truth["size_sum"],
        **{series("duration_seconds_bucket", kind="x", le=le): count
           for le, count in below.items()},
        **{series(summary, quantile=q): value
           for q, value in zip(("0.5", "0.9"), truth["quantiles"], strict=True)},
    }


def compare(what, values, wanted, problems):
    """`values`: a function. Waits for a while until it gives what is wanted."""
    end = time.monotonic() + SETTLE_SECONDS
    while True:
        got = values()
        wrong = ["%s: %s %s: %r, not %r" % (what, name, dict(labels), got.get((name, labels)), value)
                 for (name, labels), value in wanted.items() if got.get((name, labels)) != value]
        if not wrong or time.monotonic() > end:
            problems += wrong
            return
        time.sleep(0.1)


def judge_page(program, problems):
    with harness.get("http://127.0.0.1:%d/metrics" % program.port,
                     {"Accept": "application/openmetrics-text; version=1.0.0"}) as answer:
        page = answer.read().decode()
        if answer.headers["Content-Type"] != "text/plain; version=0.0.4; charset=utf-8":
            problems.append("the page is %s" % answer.headers["Content-Type"])
    compare("the page", lambda: parse_page(page), expected(program.truth, 4, "size_bytes"), problems)
    own = series("exposer_scrapes_total")
    if parse_page(page).get(own) != 0:
        problems.append("the page has no exposer_scrapes_total 0")
    checked = subprocess.run([harness.need_tool("promtool"), "check", "metrics"], input=page,
                             text=True, check=False, capture_output=True)
    # 3 is advice on names, which are the program's.
    if checked.returncode not in (0, 3):
        problems.append("promtool: %d %s" % (checked.returncode, checked.stderr))


def judge_scrape(program, problems):
    """A real Prometheus."""
    def values(server):
        found = {}
        for sample in server.api("query", query='{job="dropin"}').get("result", ()):
            labels = dict(sample["metric"])
            for name in ("job", "instance"):
                labels.pop(name)
            found[labels.pop("__name__"), frozenset(labels.items())] = float(sample["value"][1])
        return found

    with harness.directory() as path:
        with PrometheusServer(harness.need_tool("prometheus"), path, CONFIG % program.port) as server:
            harness.wait_for(server.is_ready, "Prometheus is ready", 60)
            harness.wait_for(lambda: values(server).get(series("up")), "Prometheus has scraped", 30)
            compare("Prometheus", lambda: values(server), expected(program.truth, 4, "size_bytes"),
                    problems)


def judge_pushes(path, how, temporality, problems):
    with receivers.Collector() as collector, receivers.StatsdExporter() as exporter:
        with Program(path, how, {**collector.environment, **exporter.environment,
                                 "METRICS_BACKEND": "prometheus,otlp,statsd",
                                 "METRICS_OTLP_TEMPORALITY": temporality,
                                 "METRICS_OTLP_INTERVAL": "300ms",
                                 "METRICS_STATSD_INTERVAL": "300ms"}) as program:
            # Several pushes, then the last part, which only the last flush can carry.
            where = "%s, %s: " % (how, temporality)
            targets = ((collector, "size_bytes"), (exporter, "size_bytes_quantile"))
            for receiver, summary in targets:
                compare(where + receiver.name, receiver.values, expected(program.truth, 4, summary),
                        problems)
            time.sleep(1)
            said = program.finish()
        for receiver, summary in targets:
            compare(where + "at the end " + receiver.name, receiver.values,
                    expected(program.truth, 5, summary), problems)
        if said.count("\n") != 1 or "no second server is opened" not in said:
            problems.append(where + "stderr has %r" % said)
        if any(name.startswith("exposer_") for name, _ in collector.values()):
            problems.append(where + "the page's own families were pushed")


def judge_last_flush(path, how, problems):
    """A program that is over before anything was pushed."""
    with receivers.Collector() as collector, receivers.StatsdExporter() as exporter:
        with Program(path, how, {**collector.environment, **exporter.environment,
                                 "METRICS_BACKEND": "otlp,statsd", "METRICS_OTLP_INTERVAL": "1h",
                                 "METRICS_STATSD_INTERVAL": "1h"}) as program:
            program.finish()
        for receiver, summary in ((collector, "size_bytes"), (exporter, "size_bytes_quantile")):
            wanted = expected(program.truth, 5, summary)
            # The Collectable is gone before the Exposer is. Of the Registry the values stay.
            del wanted[series("queue_length", queue="in")]
            compare("%s, last flush, %s" % (how, receiver.name), receiver.values, wanted, problems)


def main():
    path = sys.argv[1]
    try:
        receivers.tool("otelcol")
        receivers.tool("statsd_exporter")
    except receivers.Missing as missing:
        harness.missing(str(missing))
    problems = []
    with Program(path, "return", {}) as program:
        judge_page(program, problems)
        judge_scrape(program, problems)
        if program.finish():
            problems.append("a program without METRICS_BACKEND says something")
    for how in ("return", "exit"):
        judge_last_flush(path, how, problems)
    judge_pushes(path, "return", "cumulative", problems)
    judge_pushes(path, "exit", "delta", problems)
    print("\n".join(problems) or "equal on the page, in Prometheus and in both receivers")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
