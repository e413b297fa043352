"""Judges the bytes of OTLP requests: judge_otlp_decode.py PROGRAM.

Decoded by Google's protobuf with OpenTelemetry's own definitions, and by Python's json; the JSON must
also be what protobuf's own JSON mapping reads, as the very message that the protobuf bytes are.
"""

import base64
import glob
import re
import subprocess
import sys

import harness
import native_truth
import otlp_truth


def requests(path, kind, turn):
    files = glob.glob('%s/%s.%s.*' % (path, kind, turn))
    return [harness.read(name) for name in sorted(files, key=lambda f: int(re.findall(r'\d+$', f)[0]))]


def with_base64_ids(data):
    """Protobuf's own mapping has base64 for the ids that OTLP has in hex."""
    def encoded(match):
        return b'%s"%s"' % (match.group(1), base64.b64encode(bytes.fromhex(match.group(2).decode())))
    return re.sub(rb'("(?:traceId|spanId)":)"([0-9a-f]*)"', encoded, data)


def main():
    program = sys.argv[1]
    try:
        from google.protobuf import json_format
        from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2
    except ImportError:
        harness.missing('opentelemetry-proto for %s' % sys.executable)

    def decoded(data):
        return metrics_service_pb2.ExportMetricsServiceRequest.FromString(data)

    failed = 0
    with harness.directory() as path:
        subprocess.run([program, path, 'raw', '-', '-', 'NATIVE=producer'], check=True, timeout=120)
        for kind, decode in (
                ('pb', lambda data: otlp_truth.of_protobuf(decoded(data))),
                ('json', lambda data: otlp_truth.of_json(data.decode('utf-8')))):
            judge = otlp_truth.Judge(kind, path + '/truth.json')
            cold, warm = (requests(path, kind, turn) for turn in ('cold', 'warm'))
            if len(cold) < 3 or max(map(len, cold)) > 300000:
                judge.fault('%d requests, the largest of %d bytes' % (
                    len(cold), max(map(len, cold), default=0)))
            if cold != warm:
                judge.fault('%s: the second time it is different' % kind)
            requests_read = [decode(data) for data in cold]
            native = native_truth.Judge(kind, path + '/native.json')
            native.judge(native.take(requests_read), 0)
            judge.judge(requests_read)
            failed |= judge.finish() | native.finish()
        points = {}
        for kind, read in (
                ('pb', decoded),
                ('json', lambda data: json_format.Parse(
                    with_base64_ids(data), metrics_service_pb2.ExportMetricsServiceRequest()))):
            points[kind] = sorted(
                (metric.name, point.SerializeToString(deterministic=True))
                for data in requests(path, kind, 'cold')
                for metric in read(data).resource_metrics[0].scope_metrics[0].metrics
                for point in getattr(metric, metric.WhichOneof('data')).data_points)
        if points['pb'] != points['json'] or not points['pb']:
            print('FAILED JSON and protobuf are not the same message')
            failed = 1
        # Unknown fields would be lost without a word.
        for data in requests(path, 'pb', 'cold'):
            message = decoded(data)
            size = message.ByteSize()
            message.DiscardUnknownFields()
            if message.ByteSize() != size:
                print('FAILED unknown fields in %d bytes' % len(data))
                failed = 1
    sys.exit(failed)


if __name__ == '__main__':
    main()
