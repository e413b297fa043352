"""Judges by the OTLP endpoint of Prometheus 3.5: judge_prometheus_otlp.py PROGRAM TOOLS.

Pushes the corpus as http/protobuf and as http/json, each into a server of its own, and compares what
the server's API answers with the truth. The server is told to keep names as they are.
"""

import decimal
import json
import math
import os
import subprocess
import sys

import harness
import matrix
from prometheus_server import PrometheusServer

CONFIG = '''
otlp:
  translation_strategy: NoTranslation
'''


class OtlpMatrix(matrix.Matrix):
    """What differs from the text format, whose lines these are otherwise."""

    def _has_sum(self, cell, family, point):
        first = matrix.number(point['parts'][0][0]) if family['type'] == 'histogram' else 0
        if matrix.number(point['sum']) >= 0 and first >= 0:
            return True
        if not cell.allows('no_otlp_sum'):
            self.fault('%s: a sum that OTLP cannot carry and no rule' % cell.where)
        return False

    def _carries(self, cell, value):
        rule = 'no_nan_quantile' if math.isnan(value) else 'no_negative_quantile'
        if value >= 0:
            return True
        if not cell.allows(rule):
            self.fault('%s: quantile %r and no rule' % (cell.where, value))
        return False

    def _lines(self, cell, family, point, labels):
        name = family['name']
        if family['type'] == 'info':  # no suffix is added
            yield name, labels, 1
            return
        for line, full, value in super()._lines(cell, family, point, labels):
            if 'quantile' in full and not self._carries(cell, value):
                continue
            if 'le' in full and 'e' in full['le'] and cell.allows('plain_bounds'):
                full = dict(full, le=plain(full['le']))
            yield line, full, value
        if family['type'] in ('histogram', 'summary') and not self._has_sum(cell, family, point):
            if family['type'] == 'histogram':
                yield name + '_count', labels, matrix.number(point['count'])
            else:  # the wire has a sum of a summary in any case
                yield name + '_sum', labels, 0.0


def plain(bound):
    return '{:f}'.format(decimal.Decimal(bound))


def samples_of(server):
    results = server.api('query', query='{__name__=~".+"}')['result']
    series = [result['metric'] for result in results]
    own = next(labels for labels in series if labels['__name__'] == 'target_info')
    for labels, result in zip(series, results, strict=True):
        name = labels.pop('__name__')
        # The resource's; a label of the same name stands in their place.
        for resource in ('job', 'instance'):
            if name != 'target_info' and labels.get(resource) == own[resource]:
                del labels[resource]
        yield matrix.Sample(name, labels, float(result['value'][1]))


def main():
    program, tools = sys.argv[1:]
    binary = os.path.join(tools, 'bin', 'prometheus3')
    if not os.access(binary, os.X_OK):
        harness.missing(binary)
    failed = 0
    for protocol in ('http/protobuf', 'http/json'):
        with harness.directory() as path:
            with PrometheusServer(binary, path, CONFIG, '--web.enable-otlp-receiver') as server:
                harness.wait_for(server.is_ready, 'Prometheus is ready')
                pushed = subprocess.run(
                    [program, path, protocol, server.url + '/api/v1/otlp/v1/metrics', 'gzip'],
                    check=False, capture_output=True, timeout=120)
                samples = list(samples_of(server))
            judge = OtlpMatrix('server_otlp', path + '/truth.json')
            judge.receiver = 'server_otlp over ' + protocol
            if pushed.returncode != 0:
                judge.fault('the program ended with %d: %s' % (
                    pushed.returncode, pushed.stderr.decode(errors='replace')[-500:]))
            judge.judge_samples(samples)
            (account,) = json.loads(harness.read(path + '/accounts.json'))
            if account['offered'] != account['accepted']:
                judge.fault('the backend says %r' % account)
            failed |= judge.finish()
    sys.exit(failed)


if __name__ == '__main__':
    main()
