"""Judges exponential buckets and exemplars by a real Prometheus server that scrapes protobuf.

judge_native.py PROGRAM [PROMETHEUS]

The server takes native histograms over protobuf alone, so what it has of them has come by that
format. What its quantiles may differ by from the exact ones is the growth of a bucket.
"""

import json
import math
import sys
import time

import harness
from prometheus_server import PrometheusServer

CONFIG = '''
global: {{scrape_interval: 1s, scrape_timeout: 1s}}
scrape_configs:
  - job_name: judged
    static_configs: [{{targets: ["{endpoint}"]}}]
'''
FEATURES = '--enable-feature=native-histograms,exemplar-storage'
ROUNDING = 1e-9


class Judge:
    def __init__(self, server, process, truth):
        self.server = server
        self.process = process
        self.truth = truth
        self.faults = []
        self.compared = 0
        # Prometheus 2.42 knows exemplars of explicit buckets and counters, and of a native
        # histogram keeps the first one.
        version = server.api('status/buildinfo')['version']
        self.old = version.startswith('2.4')

    def need(self, holds, message, *values):
        self.compared += 1
        if not holds:
            self.faults.append(message % values)

    def query(self, query):
        return self.server.api('query', query=query)['result']

    # --- exponential buckets ---------------------------------------------------------------------

    def distribution(self, truth):
        name = truth['name']
        histogram = self.histogram(name)
        if histogram is None:
            return
        self.need(int(histogram['count']) == truth['count'], '%s has count %s, not %d', name,
                  histogram['count'], truth['count'])
        got, wanted = float(histogram['sum']), float(truth['sum'])
        # Threads add in any order.
        good = math.isclose(got, wanted, rel_tol=ROUNDING) or math.isnan(got) and math.isnan(wanted)
        self.need(good, '%s has sum %r, not %r', name, got, wanted)
        self.need(not self.query(name + '_bucket'), '%s has explicit buckets', name)
        self.resolution(name, histogram, truth)

    def histogram(self, query):
        result = self.query(query)
        good = len(result) == 1 and 'histogram' in result[0]
        self.need(good, '%s is no native histogram: %r', query, result)
        return result[0]['histogram'][1] if good else None

    def resolution(self, query, histogram, truth):
        base = 2 ** (2 ** -float(truth['schema']))
        buckets = histogram.get('buckets', [])
        self.need(math.isclose(sum(float(count) for *_, count in buckets),
                               float(histogram['count']), rel_tol=ROUNDING),
                  '%s has a count of %s and the buckets %r', query, histogram['count'], buckets)
        for _, lower, upper, count in buckets:
            self.bucket(query, base, float(lower), float(upper), float(count))
        # Prometheus 3.5 gives the highest bucket for any quantile where the sum is NaN, as that of
        # observations of both infinities is.
        if math.isnan(float(truth['sum'])) and not self.old:
            return
        for quantile, exact in truth['quantiles']:
            self.quantile(query, base, float(truth['zero_threshold']), quantile, float(exact))

    def more(self):
        """Between two scrapes, observations that make the buckets coarser."""
        (wanted,) = self.truth['live']
        (added,) = self.truth['increase']
        before = self.histogram('live')
        self.need(before and int(before['count']) == wanted['count'] - added['count'],
                  'live is %r before it grows', before)
        self.process.stdin.write(b'\n')
        self.process.stdin.flush()
        self.process.stdout.readline()
        harness.wait_for(lambda: self.query('histogram_count(live) == %d' % wanted['count']),
                         'the observations after the first scrape', 30)
        self.distribution(wanted)
        increase = 'increase(live[1m])'
        histogram = self.histogram(increase)
        if histogram is not None:
            self.resolution(increase, histogram, added)

    def bucket(self, name, base, lower, upper, count):
        self.need(count > 0, '%s has an empty bucket up to %r', name, upper)
        largest = sys.float_info.max
        # The last one and its neighbour end where doubles do.
        if lower * upper <= 0 or max(abs(lower), abs(upper)) >= largest:
            return
        growth = max(upper / lower, lower / upper)
        self.need(math.isclose(growth, base, rel_tol=1e-6), '%s: bucket (%r, %r) grows by %r, not '
                  '%r', name, lower, upper, growth, base)

    def quantile(self, name, base, zero, quantile, exact):
        result = self.query('histogram_quantile(%s, %s)' % (quantile, name))
        got = float(result[0]['value'][1]) if len(result) == 1 else math.nan
        if abs(exact) <= zero:
            good = abs(got) <= zero
        else:
            good = 1 / base <= got / exact * (1 + ROUNDING) and got / exact <= base * (1 + ROUNDING)
        self.need(good, 'quantile %s of %s is %r, exactly %r, buckets grow by %r', quantile, name,
                  got, exact, base)

    # --- exemplars -------------------------------------------------------------------------------

    def exemplars(self, selector):
        """All of the family, by labels: value and time in milliseconds."""
        now = time.time()
        found = {}
        for series in self.server.api('query_exemplars', query=selector, start=now - 600,
                                      end=now + 600):
            for exemplar in series['exemplars']:
                labels = frozenset(exemplar['labels'].items())
                found.setdefault(labels, []).append(
                    (float(exemplar['value']), round(exemplar['timestamp'] * 1000),
                     series['seriesLabels']))
        return found

    def family_exemplars(self, name, wanted):
        """`wanted`: all that there are."""
        wanted = {frozenset(truth['labels'].items()): float(truth['value']) for truth in wanted
                  if not self.old or truth['on_bucket'] and truth['first']}
        found = self.exemplars('{__name__=~"%s(_bucket)?"}' % name)
        got = {labels: [value for value, _, _ in places] for labels, places in found.items()}
        self.need(got == {labels: [value] for labels, value in wanted.items()},
                  'exemplars of %s are %r, must be %r', name, got, wanted)
        self.times(name, found)

    def times(self, name, found):
        for places in found.values():
            for _, milliseconds, _ in places:
                self.need(self.truth['begin_ms'] <= milliseconds <= self.truth['end_ms'],
                          'an exemplar of %s is of %d', name, milliseconds)

    def request(self, traceparent):
        _, trace_id, span_id, _ = traceparent.split('-')
        name = 'http_request_duration_seconds_bucket'
        found = self.exemplars(name)
        got = found.get(frozenset({'trace_id': trace_id, 'span_id': span_id}.items()), [])
        self.need(len(got) == 1 and len(found) == 1,
                  'the trace of the request is on %d buckets: %r', len(got), found)
        self.times(name, found)
        for value, _, series in got:
            self.need(value <= float(series['le']), 'the request took %r, over %s', value,
                      series['le'])
            self.need('/jobs/{id}' in series.values(), 'the trace is on %r', series)
            bounds = sorted(float(other['metric']['le']) for other in self.query(name))
            lower = [bound for bound in bounds if bound < float(series['le'])]
            self.need(not lower or value > lower[-1], 'the request took %r, not over %r', value,
                      lower)

    # --- all of it -------------------------------------------------------------------------------

    def run(self):
        for distribution in self.truth['distributions']:
            self.distribution(distribution)
        many = self.query('count(many_total)')
        self.need(many and int(many[0]['value'][1]) == self.truth['many_series'],
                  'many_total has %r series', many)
        total = self.query('sum(many_total)')
        wanted = sum(range(self.truth['many_series']))
        self.need(total and float(total[0]['value'][1]) == wanted, 'many_total adds up to %r', total)
        self.need(len(self.query('traced_seconds_bucket')) == 3, 'traced_seconds lost buckets')
        self.need(len(self.query('target_info{service_name="judged"}')) == 1, 'no target_info')
        families = {'untraced_seconds': []}
        for exemplar in self.truth['exemplars']:
            families.setdefault(exemplar['name'], []).append(exemplar)
        for name, exemplars in families.items():
            self.family_exemplars(name, exemplars)
        self.request(self.truth['traceparent'])
        self.more()
        for fault in self.faults:
            print('FAILED', fault)
        print('%d of %d as they should be' % (self.compared - len(self.faults), self.compared))
        return bool(self.faults)


def scraped(server):
    """The target, once it has been scraped and stored."""
    try:
        targets = server.api('targets')['activeTargets']
        if not targets or targets[0]['lastScrape'].startswith('0001'):
            return None
        if targets[0]['health'] == 'up' and not server.api('query', query='up')['result']:
            return None
    except OSError:
        return None  # not up yet
    return targets[0]


def main():
    program = sys.argv[1]
    prometheus = sys.argv[2] if len(sys.argv) > 2 else harness.need_tool('prometheus')
    with harness.directory() as path, harness.served(program, path) as (endpoint, process):
        with PrometheusServer(prometheus, path, CONFIG.format(endpoint=endpoint),
                              FEATURES) as server:
            target = harness.wait_for(lambda: scraped(server), 'the target scraped', 60)
            if target['health'] != 'up':
                sys.exit('the scrape failed: ' + target['lastError'])
            truth = json.loads(harness.read(path + '/truth.json'))
            sys.exit(Judge(server, process, truth).run())


if __name__ == '__main__':
    main()
