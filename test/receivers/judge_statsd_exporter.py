"""Judges what is sent by statsd_exporter, read back from the page that it serves.

judge_statsd_exporter.py PROGRAM TOOLS: TOOLS holds bin/statsd_exporter, which
build_statsd_exporter.sh makes.
"""

import os
import re
import sys
import time

import harness
import statsd_matrix
import statsd_send

SAMPLE = re.compile(r'^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$')
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)",?')
OWN = re.compile('statsd_exporter_|go_|process_|promhttp_|statsd_metric_mapper_')


def unescaped(text):
    return re.sub(r'\\(.)', lambda found: '\n' if found[1] == 'n' else found[1], text)


def page(url):
    """(name, labels) -> value."""
    samples = {}
    with harness.get(url) as answer:
        for line in answer.read().decode().split('\n'):
            if not line or line.startswith('#'):
                continue
            name, labels, value = SAMPLE.match(line).groups()
            pairs = sorted((n, unescaped(v)) for n, v in LABEL.findall(labels or ''))
            samples[name, tuple(pairs)] = float(value)
    return samples


def total(samples, name):
    """The sum over all labels of a counter of the exporter's own."""
    return sum(value for (known, _), value in samples.items() if known == name)


class Exporter:
    def __init__(self, tools, directory, unix):
        web, self.port = harness.free_port(), harness.free_port()
        self.url = 'http://127.0.0.1:%d' % web
        self.socket = '%s/exporter.%d.socket' % (directory, self.port)
        self.address = 'unix://' + self.socket if unix else 'udp://127.0.0.1:%d' % self.port
        self.received = 'statsd_exporter_%s_packets_total' % ('unixgram' if unix else 'udp')
        self.command = [os.path.join(tools, 'bin/statsd_exporter'),
                        '--web.listen-address=127.0.0.1:%d' % web,
                        '--statsd.listen-udp=127.0.0.1:%d' % self.port,
                        '--statsd.listen-tcp=', '--statsd.listen-unixgram=' + self.socket,
                        '--statsd.event-flush-interval=20ms']

    def wait_until_up(self):
        def up():
            try:
                return harness.get(self.url + '/-/ready').status == 200
            except OSError:
                return None
        harness.wait_for(up, 'statsd_exporter is ready', 30)

    def wait_for(self, packets, lines, refused, faults):
        """Nothing may be lost, and nothing refused but what the matrix says."""
        end = time.monotonic() + 20
        before = None
        while True:
            samples = page(self.url + '/metrics')
            settled = total(samples, 'statsd_exporter_events_total')
            arrived = total(samples, 'statsd_exporter_lines_total') >= lines
            if (arrived and settled == before) or time.monotonic() > end:
                break
            before = settled
            time.sleep(0.2)
        for name, wanted in ((self.received, packets), ('statsd_exporter_lines_total', lines),
                             ('statsd_exporter_sample_errors_total', 0),
                             ('statsd_exporter_tag_errors_total', 0),
                             ('statsd_exporter_events_conflict_total', 0),
                             ('statsd_exporter_events_error_total', refused)):
            if total(samples, name) != wanted:
                faults.append('%s is %d, must be %d' % (name, total(samples, name), wanted))
        return {key: value for key, value in samples.items() if not OWN.match(key[0])}


def judge_corpus(program, tools, directory, receiver):
    dogstatsd = receiver == 'exporter_dogstatsd'
    exporter = Exporter(tools, directory, unix=dogstatsd)
    with statsd_send.running(exporter.command):
        exporter.wait_until_up()
        packets, lines = statsd_send.send(program, 'corpus', directory, {
            'address': exporter.address, 'dialect': 'dogstatsd' if dogstatsd else 'statsd',
            'tags': 'dogstatsd', 'histograms': 'counters'})
        expected = statsd_matrix.Expected(receiver, directory + '/truth.json')
        samples = exporter.wait_for(packets, lines, expected.refused, expected.faults)
        expected.judge('sample', {**expected.counters, **expected.gauges}, samples)
        return expected.finish()


def judge_timings(program, tools, directory, dialect):
    dogstatsd = dialect == 'dogstatsd'
    exporter = Exporter(tools, directory, unix=dogstatsd)
    faults = []
    compared = 0

    def compare(name, labels, value):
        nonlocal compared
        compared += 1
        got = samples.get((name, tuple(labels.items())))
        if got != value:
            faults.append('%s %s is %r, must be %r' % (name, labels, got, value))

    with statsd_send.running(exporter.command):
        exporter.wait_until_up()
        packets, lines = statsd_send.send(program, 'timings', directory, {
            'address': exporter.address, 'dialect': dialect, 'tags': 'dogstatsd'})
        samples = exporter.wait_for(packets, lines, 0, faults)
        for kind, value in statsd_matrix.COUNTERS.items():
            compare('jobs_total', {'kind': kind}, value)
        if not dogstatsd:  # whose negative gauges are differences to this receiver
            for n, value in statsd_matrix.GAUGES.items():
                compare('level', {'n': n}, value)
        for (name, n), observations in statsd_matrix.OBSERVATIONS.items():
            # It takes ms for milliseconds, and gives seconds, whatever the unit was.
            scale = 1000 if name == 'size_bytes' and not dogstatsd else 1
            count = sum(weight for _, weight in observations)
            summed = sum(value * weight for value, weight in observations)
            compare(name + '_count', {'n': n}, statsd_matrix.FLUSHES * count)
            got = samples.get((name + '_sum', (('n', n),)), float('nan'))
            wanted = statsd_matrix.FLUSHES * summed / scale
            compared += 1
            if not abs(got - wanted) <= 1e-9 * wanted:  # it adds up thousandths
                faults.append('%s_sum %s is %r, must be %r' % (name, n, got, wanted))
    return statsd_matrix.report('exporter timings in ' + dialect, compared, faults)


def main():
    program, tools = sys.argv[1:3]
    if not os.access(os.path.join(tools, 'bin/statsd_exporter'), os.X_OK):
        harness.missing('statsd_exporter (test/receivers/build_statsd_exporter.sh)')
    failed = 0
    with harness.directory() as directory:
        for receiver in ('exporter_statsd', 'exporter_dogstatsd'):
            failed |= judge_corpus(program, tools, directory, receiver)
        for dialect in ('statsd', 'dogstatsd'):
            failed |= judge_timings(program, tools, directory, dialect)
    sys.exit(failed)


if __name__ == '__main__':
    main()
