"""Judges the pages by promtool: judge_promtool.py PROGRAM.

The text page goes through `check metrics` (0: good, 3: parsed, with advice on names). The
OpenMetrics page goes into a time series database by the server's own parser, and is dumped from it.
"""

import os
import re
import subprocess
import sys

import harness
import matrix

TIME = 1700000000
SAMPLE = re.compile(r'^\{(?P<labels>.*)\} (?P<value>\S+) (?P<time>-?\d+)$')
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"(?:, )?')
SIMPLE = {'n': '\n', 't': '\t', 'r': '\r', 'a': '\a', 'b': '\b', 'f': '\f', 'v': '\v',
          '\\': '\\', '"': '"'}


def unquoted(text):
    """The text of a Go string literal."""
    def one(match):
        what = match.group(1)
        return SIMPLE[what] if what in SIMPLE else chr(int(what[1:], 16))
    return re.sub(r'\\(x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8}|.)', one, text)


def stamped(page):
    """create-blocks-from wants a time on every sample."""
    lines = []
    for line in page.decode('utf-8').split('\n'):
        lines.append(line if not line or line[0] == '#' else '%s %d' % (line, TIME))
    return '\n'.join(lines).encode('utf-8')


def dumped(output):
    for line in output.decode('utf-8').split('\n'):
        if not line:
            continue
        match = SAMPLE.match(line)
        if match is None or int(match.group('time')) != TIME * 1000:
            raise RuntimeError('cannot read promtool: %r' % line)
        labels = {name: unquoted(value) for name, value in LABEL.findall(match.group('labels'))}
        yield matrix.Sample(labels.pop('__name__'), labels, float(match.group('value')))


def main():
    program = sys.argv[1]
    promtool = harness.need_tool('promtool')
    failed = 0
    with harness.directory() as path:
        with harness.corpus(program, path):
            pass
        for turn in ('cold', 'warm'):
            checked = subprocess.run([promtool, 'check', 'metrics'], check=False,
                                     input=harness.read('%s/text.%s' % (path, turn)),
                                     capture_output=True)
            print('promtool check metrics: %d, %d lines of advice' % (
                checked.returncode, len(checked.stderr.splitlines())))
            if checked.returncode not in (0, 3):
                print('FAILED', checked.stderr.decode(errors='replace')[:1000])
                failed = 1

            judge = matrix.Matrix('promtool_tsdb', path + '/truth.json')
            stamped_page = '%s/stamped.%s' % (path, turn)
            with open(stamped_page, 'wb') as file:
                file.write(stamped(harness.read('%s/openmetrics.%s' % (path, turn))))
            blocks = '%s/blocks.%s' % (path, turn)
            made = subprocess.run([promtool, 'tsdb', 'create-blocks-from', 'openmetrics',
                                   stamped_page, blocks], check=False, capture_output=True)
            if made.returncode != 0:
                judge.fault('refused: ' + made.stderr.decode(errors='replace')[-500:])
            else:
                os.makedirs(blocks + '/wal')  # dump wants one
                dump = subprocess.run([promtool, 'tsdb', 'dump', blocks], check=True,
                                      capture_output=True)
                samples = list(dumped(dump.stdout))
                judge.judge_samples(samples)
                judge.judge_target(samples)
            failed |= judge.finish()
    sys.exit(failed)


if __name__ == '__main__':
    main()
