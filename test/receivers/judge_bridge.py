"""An unchanged prometheus-cpp program behind the bridge: what arrives in the OpenTelemetry Collector
and in statsd_exporter equals what its own objects hold, also after Remove.

judge_bridge.py PROGRAM
"""

import json
import os
import pathlib
import subprocess
import sys
import time

import harness

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "samples/common"))
import receivers  # noqa: E402

SETTLE_SECONDS = 5


def compare(receiver, expected):
    """The differences that are left after a while."""
    end = time.monotonic() + SETTLE_SECONDS
    while True:
        values = receiver.values()
        wrong = ["%s %s: %r, not %r" % (name, dict(labels), values.get((name, labels)), value)
                 for (name, labels), value in expected.items()
                 if values.get((name, labels)) != value]
        if not wrong or time.monotonic() > end:
            return wrong
        time.sleep(0.1)


def series(name, **labels):
    return name, frozenset(labels.items())


def quantiles(name, truth):
    return {series(name, quantile=q): value
            for q, value in zip(("0.5", "0.9"), truth["quantiles"], strict=True)}


def run(program, backends, environment):
    clean = {k: v for k, v in os.environ.items()
             if not k.startswith(("METRICS_", "OTEL_", "STATSD_", "DD_"))}
    done = subprocess.run([program], env={**clean, **environment, "METRICS_BACKEND": backends},
                          capture_output=True, text=True, timeout=60, check=False)
    if done.returncode != 0:
        sys.exit("the program ended with %d: %s" % (done.returncode, done.stderr))
    return json.loads(done.stdout)


def main():
    program = sys.argv[1]
    try:
        receivers.tool("otelcol")
        receivers.tool("statsd_exporter")
    except receivers.Missing as missing:
        harness.missing(str(missing))
    problems = []
    for temporality in ("cumulative", "delta"):
        with receivers.Collector() as collector, receivers.StatsdExporter() as exporter:
            truth = run(program, "otlp,statsd", {
                **collector.environment, **exporter.environment, "METRICS_OTLP_INTERVAL": "1h",
                "METRICS_STATSD_INTERVAL": "1h", "METRICS_OTLP_TEMPORALITY": temporality})
            buckets = {"0.5": 2, "1": 3, "2.5": 4, "+Inf": 5}
            shared = {
                series("files_total", result="good"): truth["good"],
                series("level"): truth["level"],
                series("duration_seconds_count", kind="x"): 5,
                series("duration_seconds_sum", kind="x"): truth["duration_sum"],
                series("size_bytes_count"): truth["size_count"],
                series("size_bytes_sum"): truth["size_sum"],
                **{series("duration_seconds_bucket", kind="x", le=le): count
                   for le, count in buckets.items()},
            }
            # A receiver of differences adds up over the removal; a total begins anew.
            bad = truth["bad"] if temporality == "cumulative" else truth["bad_in_all"]
            otlp = {**shared, series("files_total", result="bad"): bad,
                    **quantiles("size_bytes", truth)}
            # In StatsD a summary's quantiles are a gauge of their own.
            statsd = {**shared, series("files_total", result="bad"): truth["bad_in_all"],
                      **quantiles("size_bytes_quantile", truth)}
            for receiver, expected in ((collector, otlp), (exporter, statsd)):
                for wrong in compare(receiver, expected):
                    problems.append("%s, %s: %s" % (receiver.name, temporality, wrong))
    print("\n".join(problems) or "equal in both receivers, as totals and as differences")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
