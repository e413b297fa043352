"""Judges by the OpenTelemetry Collector: judge_collector.py PROGRAM.

Pushes the corpus over http/protobuf, http/json and gRPC, plain and compressed, and compares what
the Collector's file exporter writes with the truth, value by value; likewise exponential histograms
and exemplars, with observations between the two pushes.
"""

import contextlib
import json
import socket
import subprocess
import sys
import time

import harness
import native_truth
import otlp_truth

# The last: whose exponential histograms and exemplars.
CASES = [(protocol, compression, 'cumulative', native)
         for protocol in ('http/protobuf', 'http/json', 'grpc')
         for compression, native in (('none', 'instruments'), ('gzip', 'producer'))]
CASES += [('http/protobuf', 'none', 'delta', native) for native in ('instruments', 'producer')]


def listens(port):
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(('127.0.0.1', port)) == 0


@contextlib.contextmanager
def collector(binary, path, tls=None):
    """Gives the ports of HTTP and gRPC. What it got is in out.jsonl when it has ended. `tls`: the
    Collector's own settings of that name."""
    http, grpc = harness.free_port(), harness.free_port()
    config = {
        'receivers': {'otlp': {'protocols': {
            'http': {'endpoint': '127.0.0.1:%d' % http},
            'grpc': {'endpoint': '127.0.0.1:%d' % grpc}}}},
        'exporters': {'file': {'path': path + '/out.jsonl', 'flush_interval': '100ms'}},
        'service': {
            'telemetry': {'metrics': {'level': 'none'}, 'logs': {'level': 'warn'}},
            'pipelines': {'metrics': {'receivers': ['otlp'], 'exporters': ['file']}}},
    }
    if tls:
        for protocol in config['receivers']['otlp']['protocols'].values():
            protocol['tls'] = tls
    with open(path + '/collector.yaml', 'w', encoding='utf-8') as file:
        json.dump(config, file)  # YAML is a superset
    process = subprocess.Popen([binary, '--config', path + '/collector.yaml'],
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        harness.wait_for(lambda: process.poll() is not None or (listens(http) and listens(grpc)),
                         'the Collector listens', 30)
        if process.poll() is not None:
            raise RuntimeError('the Collector ended: %r' % process.stderr.read()[-2000:])
        yield http, grpc
    finally:
        process.terminate()
        try:
            process.wait(30)
        finally:
            process.kill()
            process.stderr.close()


def by_snapshot(lines):
    """The requests of each push, in order: its points are all of one time."""
    pushes = {}
    for line in lines:
        request = otlp_truth.of_json(line)
        pushes.setdefault(request[2][0].points[0].time, []).append(request)
    return [pushes[time] for time in sorted(pushes)]


def main():
    program = sys.argv[1]
    binary = harness.need_tool('otelcol')
    failed = 0
    for protocol, compression, temporality, source in CASES:
        delta = temporality == 'delta'
        with harness.directory() as path:
            with collector(binary, path) as (http, grpc):
                began = time.monotonic()
                endpoint = 'http://127.0.0.1:%d' % (grpc if protocol == 'grpc' else http)
                pushed = subprocess.run([program, path, protocol, endpoint, compression,
                                         'METRICS_OTLP_TEMPORALITY=' + temporality,
                                         'NATIVE=' + source],
                                        check=False, capture_output=True, timeout=120)
                took = time.monotonic() - began
            judge = otlp_truth.Judge('%s %s %s %s' % (protocol, compression, temporality, source),
                                     path + '/truth.json', delta)
            if pushed.returncode != 0:
                judge.fault('the program ended with %d: %s' % (
                    pushed.returncode, pushed.stderr.decode(errors='replace')[-500:]))
            with open(path + '/out.jsonl', encoding='utf-8', newline='\n') as file:
                lines = [line for line in file.read().split('\n') if line]
            pushes = by_snapshot(lines)
            if len(pushes) != 2 or any(len(requests) < 3 for requests in pushes[:1 if delta else 2]):
                judge.fault('pushes of %r requests' % [len(requests) for requests in pushes])
            arrived = sum(len(metric.points) for requests in pushes
                          for _, _, metrics in requests for metric in metrics)
            native = native_truth.Judge(judge.receiver, path + '/native.json', delta)
            for turn, requests in enumerate(pushes):
                native.judge(native.take(requests), turn)
            if delta:
                pushes = [otlp_truth.totals(pushes, judge.fault)]
            for turn, requests in enumerate(pushes):
                judge.judge(requests, ' push %d' % (turn + 1))
            (account,) = json.loads(harness.read(path + '/accounts.json'))
            if account['offered'] != account['accepted'] or account['accepted'] != arrived:
                judge.fault('%d points arrived, and the backend says %r' % (arrived, account))
            failed |= judge.finish() | native.finish()
            print('  %d points in %d requests, %.1f s' % (arrived, len(lines), took))
    sys.exit(failed)


if __name__ == '__main__':
    main()
