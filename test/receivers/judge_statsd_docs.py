"""Runs what docs/statsd.md shows: judge_statsd_docs.py PROGRAM TOOLS DOCS.

Its configurations, on free ports, must be ones that statsd and statsd_exporter take, and its settings
must bring the values there.
"""

import os
import re
import sys

import harness
import judge_statsd
import judge_statsd_exporter
import statsd_matrix
import statsd_send


def section(docs, title):
    return re.search(r'^## %s\n(.*?)^## ' % re.escape(title), docs, re.S | re.M).group(1)


def block(text, language):
    return re.findall(r'```%s\n(.*?)```' % language, text, re.S)[0]


def settings(text):
    """The METRICS_STATSD_ variables of a shell example."""
    found = re.findall(r'METRICS_STATSD_([A-Z_]+)=(\S+)', block(text, 'sh'))
    return {name.lower(): value for name, value in found}


def replaced(text, known, new):
    if text.count(known) != 1:
        raise RuntimeError('%s stands %d times in: %s' % (known, text.count(known), text))
    return text.replace(known, new)


def check_statsd(program, node, tools, directory, docs, title, suffix):
    text = section(docs, title)
    statsd = judge_statsd.Statsd(node, tools, directory, 3600 * 1000)
    config = replaced(block(text, 'js'), 'port: 8125', 'port: %d' % statsd.port)
    config = replaced(config, 'mgmt_port: 8126', 'mgmt_port: %d' % statsd.management)
    if 'graphiteHost' in config:
        config = replaced(config, 'graphite.example.com', '127.0.0.1')
        config = replaced(config, '2003', str(harness.free_port()))
    with open(statsd.command[-1], 'w', encoding='utf-8') as file:
        file.write(config)
    faults = []
    with statsd_send.running(statsd.command):
        statsd.wait_until_up()
        statsd_send.send(program, 'timings', directory, {
            **settings(text), 'address': 'udp://127.0.0.1:%d' % statsd.port})

        def arrived():
            return float(statsd.ask('counters').get(suffix, 'nan')) == 7
        try:
            harness.wait_for(arrived, suffix, 10)
        except RuntimeError as error:
            faults.append('%s, but %s' % (error, statsd.ask('counters')))
    return statsd_matrix.report('docs: ' + title, 1, faults)


def check_exporter(program, tools, directory, docs):
    text = section(docs, 'statsd_exporter')
    exporter = judge_statsd_exporter.Exporter(tools, directory, unix=False)
    mapping = os.path.join(directory, 'mapping.yml')
    with open(mapping, 'w', encoding='utf-8') as file:
        file.write(block(text, 'yaml'))
    chosen = settings(text)
    faults = []
    if chosen.pop('address', None) != 'udp://127.0.0.1:9125' or '--statsd.listen-udp=:9125' not in text:
        faults.append('the ports of the example differ')
    compared = 0
    for histograms in ('samples', 'counters'):
        command = exporter.command + ['--statsd.mapping-config=' + mapping]
        with statsd_send.running(command):
            exporter.wait_until_up()
            packets, lines = statsd_send.send(program, 'timings', directory, {
                **chosen, 'histograms': histograms,
                'address': 'udp://127.0.0.1:%d' % exporter.port})
            samples = exporter.wait_for(packets, lines, 0, faults)
        wanted = {('wait_seconds_count', (('n', 'some'),)): 200,
                  ('wait_seconds_bucket', (('le', '+Inf'), ('n', 'some'))): 200,
                  ('jobs_total', (('kind', 'whole'),)): 7, ('level', (('n', '1'),)): -7}
        if histograms == 'samples':
            wanted['wait_seconds_bucket', (('le', '0.25'), ('n', 'some'))] = 2 * (15 + 14)
        for key, value in wanted.items():
            compared += 1
            if samples.get(key) != value:
                faults.append('%s: %s is %s, must be %s' % (
                    histograms, key, samples.get(key), value))
    return statsd_matrix.report('docs: statsd_exporter', compared, faults)


def main():
    program, tools, docs = sys.argv[1:4]
    docs = harness.read(docs).decode()
    node = harness.need_tool('node')
    if not os.path.exists(os.path.join(tools, 'statsd/node_modules/statsd/stats.js')):
        harness.missing('statsd (test/receivers/install_statsd.sh)')
    if not os.access(os.path.join(tools, 'bin/statsd_exporter'), os.X_OK):
        harness.missing('statsd_exporter (test/receivers/build_statsd_exporter.sh)')
    failed = 0
    with harness.directory() as directory:
        failed |= check_statsd(program, node, tools, directory, docs, 'statsd',
                               'jobs_total.kind.whole')
        failed |= check_statsd(program, node, tools, directory, docs, 'Graphite',
                               'shop.jobs_total;kind=whole')
        failed |= check_exporter(program, tools, directory, docs)
    sys.exit(failed)


if __name__ == '__main__':
    main()
