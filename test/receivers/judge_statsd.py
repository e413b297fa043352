"""Judges what is sent by statsd (github.com/statsd/statsd), read back over its management port.

judge_statsd.py PROGRAM TOOLS: TOOLS holds statsd/, which install_statsd.sh makes.
"""

import json
import os
import re
import socket
import subprocess
import sys
import time

import harness
import statsd_matrix
import statsd_send

# Its management port and its console backend print JavaScript.
TO_JSON = '''
const text = require('fs').readFileSync(0, 'utf8');
process.stdout.write(JSON.stringify(eval('(' + text + ')'),
    (key, value) => typeof value === 'number' ? String(value) : value));
'''


def from_javascript(node, text):
    text = re.sub(r'\.\.\. \d+ more items?', '', text)  # of the observations, which it cuts at 100
    done = subprocess.run([node, '-e', TO_JSON], input=text.encode(), stdout=subprocess.PIPE,
                          timeout=60, check=True)
    return json.loads(done.stdout)


class Statsd:
    """A running statsd. It flushes to its console, which is where rates can be seen."""

    def __init__(self, node, tools, directory, flush_ms):
        self.node = node
        self.port = harness.free_port()
        self.management = harness.free_port()
        self.log = os.path.join(directory, 'console.%d' % self.port)
        config = os.path.join(directory, 'config.%d.js' % self.port)
        with open(config, 'w', encoding='utf-8') as file:
            json.dump({'port': self.port, 'address': '127.0.0.1', 'mgmt_port': self.management,
                       'mgmt_address': '127.0.0.1', 'flushInterval': flush_ms,
                       'backends': ['./backends/console'],
                       'console': {'prettyprint': False}}, file)
        self.command = [node, os.path.join(tools, 'statsd/node_modules/statsd/stats.js'), config]

    def ask(self, command):
        with socket.create_connection(('127.0.0.1', self.management), timeout=30) as connection:
            connection.sendall(command.encode() + b'\n')
            answer = b''
            while not answer.endswith(b'END\n\n'):
                part = connection.recv(1 << 20)
                if not part:
                    raise RuntimeError('statsd closed the management connection')
                answer += part
        return from_javascript(self.node, answer[:-len(b'END\n\n')].decode())

    def wait_until_up(self):
        def up():
            try:
                return self.ask('counters')
            except OSError:
                return None
        harness.wait_for(up, 'statsd answers', 30)

    def wait_for_packets(self, packets, faults):
        """Loopback must lose nothing, and no line may be a bad one."""
        end = time.monotonic() + 20
        while True:
            counters = self.ask('counters')
            received = float(counters['statsd.packets_received'])
            if received >= packets or time.monotonic() > end:
                break
            time.sleep(0.1)
        if received != packets:
            faults.append('%d packets were sent and %d came' % (packets, received))
        if counters['statsd.bad_lines_seen'] != '0':
            faults.append('%s bad lines' % counters['statsd.bad_lines_seen'])
        return counters


def keyed(values):
    """A name with Graphite's tags taken apart."""
    out = {}
    for key, value in values.items():
        name, *tags = key.split(';')
        out[name, tuple(sorted(tuple(tag.split('=', 1)) for tag in tags))] = float(value)
    return out


def judge_corpus(program, node, tools, directory, receiver):
    statsd = Statsd(node, tools, directory, 3600 * 1000)
    with statsd_send.running(statsd.command):
        statsd.wait_until_up()
        faults = []
        tags = 'none' if receiver == 'statsd_names' else 'graphite'
        packets, _ = statsd_send.send(program, 'corpus', directory, {
            'address': 'udp://127.0.0.1:%d' % statsd.port, 'tags': tags, 'histograms': 'counters'})
        expected = statsd_matrix.Expected(receiver, directory + '/truth.json')
        counters = statsd.wait_for_packets(packets, faults)
        expected.faults += faults
        expected.judge('counter', expected.counters, keyed(counters))
        expected.judge('gauge', expected.gauges, keyed(statsd.ask('gauges')))
        return expected.finish()


def series(name, n):
    return '%s.n.%s' % (name, n.replace(' ', '_'))


def compare(faults, what, got, expected):
    if got != expected:
        faults.append('%s is %r, must be %r' % (what, got, expected))
    return 1


def judge_values(program, node, tools, directory):
    """Differences, gauges of either sign and timings, as they stand before a flush."""
    statsd = Statsd(node, tools, directory, 3600 * 1000)
    faults = []
    compared = 0
    with statsd_send.running(statsd.command):
        statsd.wait_until_up()
        packets, _ = statsd_send.send(program, 'timings', directory,
                                      {'address': 'udp://127.0.0.1:%d' % statsd.port})
        counters = statsd.wait_for_packets(packets, faults)
        gauges = statsd.ask('gauges')
        for kind, value in statsd_matrix.COUNTERS.items():
            got = float(counters.get('jobs_total.kind.' + kind, 'nan'))
            compared += compare(faults, 'jobs_total ' + kind, got, value)
        for n, value in statsd_matrix.GAUGES.items():
            got = float(gauges.get('level.n.' + n, 'nan'))
            compared += compare(faults, 'level ' + n, got, value)
    return statsd_matrix.report('statsd values', compared, faults)


def judge_timings(program, node, tools, directory):
    """Observations and their weights: what statsd makes of them in a flush."""
    statsd = Statsd(node, tools, directory, 4000)
    faults = []
    compared = 0
    with open(statsd.log, 'wb') as log, statsd_send.running(statsd.command, log):
        statsd.wait_until_up()
        # Both of our flushes within one of statsd's: just after one has been.
        flushes = harness.read(statsd.log).count(b'Flushing stats at')
        harness.wait_for(lambda: harness.read(statsd.log).count(b'Flushing stats at') > flushes,
                         'a flush of statsd', 20)
        flushes += 1
        statsd_send.send(program, 'timings', directory,
                         {'address': 'udp://127.0.0.1:%d' % statsd.port})
        harness.wait_for(
            lambda: harness.read(statsd.log).count(b'Flushing stats at') > flushes + 1,
            'two flushes more', 30)
    text = harness.read(statsd.log).decode()
    flush = re.split('Flushing stats at[^\n]*\n', text)[flushes + 1]
    timers = from_javascript(node, flush)['timer_data']
    for (name, n), observations in statsd_matrix.OBSERVATIONS.items():
        data = timers.get(series(name, n), {})
        scale = 1000 if name.endswith('_seconds') else 1
        lines = [value * scale for value, _ in observations] * statsd_matrix.FLUSHES
        count = sum(weight for _, weight in observations) * statsd_matrix.FLUSHES
        what = '%s %s' % (name, n)
        got = float(data.get('count', 'nan'))
        # It adds up quotients: exact but for their last digits.
        compared += compare(faults, what + ' count', round(got, 9) if got == got else got, count)
        # Weights are in the count alone.
        compared += compare(faults, what + ' sum', float(data.get('sum', 'nan')), sum(lines))
        compared += compare(faults, what + ' lower', float(data.get('lower', 'nan')), min(lines))
        compared += compare(faults, what + ' upper', float(data.get('upper', 'nan')), max(lines))
    return statsd_matrix.report('statsd timings', compared, faults)


def main():
    program, tools = sys.argv[1:3]
    node = harness.need_tool('node')
    if not os.path.exists(os.path.join(tools, 'statsd/node_modules/statsd/stats.js')):
        harness.missing('statsd (test/receivers/install_statsd.sh)')
    failed = 0
    with harness.directory() as directory:
        failed |= judge_corpus(program, node, tools, directory, 'statsd_names')
        failed |= judge_corpus(program, node, tools, directory, 'statsd_graphite')
        failed |= judge_values(program, node, tools, directory)
        failed |= judge_timings(program, node, tools, directory)
    sys.exit(failed)


if __name__ == '__main__':
    main()
