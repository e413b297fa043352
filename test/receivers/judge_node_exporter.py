"""The adapter `host` beside node_exporter, family by family: names, types, help, labels, values.

judge_node_exporter.py PROGRAM TESTDATA

On this machine, node_exporter reads between two reads of ours: what only grows must lie between
them, and what does not move must be equal. On captured roots (TESTDATA/captured and traps) everything
is equal, but for the free space of the filesystem that they lie on.
"""

import contextlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

import harness

COLLECTORS = ('cpu', 'diskstats', 'filesystem', 'loadavg', 'meminfo', 'netdev', 'pressure')
FAMILIES = re.compile(r'node_(cpu|disk|filesystem|load\d|memory|network|pressure)'
                      r'|node_scrape_collector_success$')
# Decimal fractions: node_exporter multiplies where we divide.
EQUAL = 1e-12
# Gauges that move either way, with what they may move beyond both of our reads.
MOVING = (
    (re.compile(r'node_load\d+$'), 0.5, 0.0),
    (re.compile(r'node_disk_io_now$'), 64, 0.0),
    (re.compile(r'node_filesystem_(free_bytes|avail_bytes)$'), 256 << 20, 0.0),
    (re.compile(r'node_filesystem_files_free$'), 5000, 0.0),
    (re.compile(r'node_memory_.*_bytes$'), 64 << 20, 0.02),
)
STATIC = re.compile(
    r'node_memory_(MemTotal|SwapTotal|CommitLimit|VmallocTotal|Hugepagesize)_bytes$|'
    r'node_memory_HugePages_|node_filesystem_(size_bytes|files|readonly|device_error)$|'
    r'node_disk_(info|.*_info|ata_.*)$|node_scrape_collector_success$')
ROUNDS = 5
# The kernel's own idle and iowait step backwards, and each reader holds what it has seen.
HELD_SECONDS = 0.5
SERIES = re.compile(r'([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$')
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)",?')


class Page:
    """What a page says of the families in question."""

    def __init__(self, text):
        self.types, self.help, self.values = {}, {}, {}
        for line in text.splitlines():
            if line.startswith('# '):
                _, what, name, rest = (line.split(' ', 3) + [''])[:4]
                if FAMILIES.match(name):
                    (self.types if what == 'TYPE' else self.help)[name] = rest
                continue
            match = SERIES.match(line)
            if match and FAMILIES.match(match[1]):
                key = match[1], frozenset(LABEL.findall(match[2] or ''))
                if key in self.values:
                    raise RuntimeError('twice: %s' % line)
                self.values[key] = float(match[3])


def read(endpoint):
    with harness.get('http://%s/metrics' % endpoint) as answer:
        return Page(answer.read().decode())


@contextlib.contextmanager
def running(command, listens, **arguments):
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, **arguments)
    try:
        yield listens(process)
    finally:
        if process.stdin:
            process.stdin.close()
        else:
            process.terminate()
        try:
            process.wait(30)
        finally:
            process.kill()
            if process.stdout:
                process.stdout.close()


def ours(program, root='/'):
    def listens(process):
        line = process.stdout.readline().decode()
        if not line.startswith('ready '):
            raise RuntimeError('%s ended with %s' % (program, process.wait(30)))
        return line.split()[1]

    clean = {name: value for name, value in os.environ.items()
             if not name.startswith(('METRICS_', 'OTEL_', 'STATSD_', 'DD_'))}
    return running([program, root], listens, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=clean)


def theirs(binary, *arguments):
    endpoint = '127.0.0.1:%d' % harness.free_port()

    def listens(process):
        def answers():
            if process.poll() is not None:
                raise RuntimeError('node_exporter ended with %d' % process.returncode)
            with contextlib.suppress(OSError):
                return bool(read(endpoint).types)
            return False
        harness.wait_for(answers, 'node_exporter listens', 60)
        return endpoint

    command = [binary, '--web.listen-address=' + endpoint, '--collector.disable-defaults',
               *('--collector.' + name for name in COLLECTORS), *arguments]
    return running(command, listens, stdout=subprocess.DEVNULL)


def said(key):
    name, labels = key
    return '%s{%s}' % (name, ','.join('%s="%s"' % pair for pair in sorted(labels)))


def equal(mine, other):
    return abs(mine - other) <= EQUAL * max(abs(mine), abs(other))


def absent_cpu(key, other):
    """node_exporter fills gaps in the CPUs' numbers with zeros."""
    name, labels = key
    cpu = dict(labels).get('cpu')
    return cpu is not None and all(
        value == 0 for (n, l), value in other.values.items()
        if n.startswith('node_cpu') and dict(l).get('cpu') == cpu)


def shape(mine, other, where):
    """Names, types, help and series."""
    faults = []
    families = {name for name, _ in mine.values}, {name for name, _ in other.values}
    faults += ['only here: %s' % name for name in sorted(families[0] - families[1])]
    faults += ['only in node_exporter: %s' % name for name in sorted(families[1] - families[0])]
    for name in sorted(families[0] & families[1]):
        for what in ('types', 'help'):
            pair = getattr(mine, what).get(name), getattr(other, what).get(name)
            if pair[0] != pair[1]:
                faults.append('%s: %r, not %r' % ((name,) + pair))
    for key in sorted(mine.values.keys() ^ other.values.keys(), key=said):
        if key in mine.values:
            faults.append('series only here: %s' % said(key))
        elif not absent_cpu(key, other):
            faults.append('series only in node_exporter: %s' % said(key))
    return ['%s: %s' % (where, fault) for fault in faults]


def between(key, kind, first, other, last):
    low, high = min(first, last), max(first, last)
    name = key[0]
    if STATIC.match(name):
        return equal(first, last) and equal(first, other)
    if kind == 'counter':
        slack = EQUAL * high
        if dict(key[1]).get('mode') in ('idle', 'iowait'):
            slack = HELD_SECONDS
        return first <= last and low - slack <= other <= high + slack
    for pattern, absolute, relative in MOVING:
        if pattern.match(name):
            slack = absolute + relative * high
            return low - slack <= other <= high + slack
    raise RuntimeError('%s: neither static, nor moving, nor a counter' % name)


def judge_machine(program, binary):
    faults, judged = [], 0
    moved = {}  # gauges that went another way between the reads, with how often
    with ours(program) as mine, theirs(binary) as other:
        for turn in range(ROUNDS):
            first, middle, last = read(mine), read(other), read(mine)
            where = 'this machine, round %d' % turn
            faults += shape(first, middle, where)
            for key in first.values.keys() & middle.values.keys() & last.values.keys():
                judged += 1
                values = first.values[key], middle.values[key], last.values[key]
                kind = first.types[key[0]]
                if between(key, kind, *values):
                    continue
                moved[key] = moved.get(key, 0) + 1
                # A gauge may move there and back between our reads, but hardly every time.
                if kind == 'counter' or STATIC.match(key[0]) or moved[key] == ROUNDS:
                    faults.append('%s: %s: %r, node_exporter %r, %r' % ((where, said(key)) + values))
            time.sleep(0.3)
    print('this machine: %d values in %d families' % (judged, len({n for n, _ in first.values})))
    if judged < 200:
        faults.append('only %d values were judged' % judged)
    return faults


def mounts_of(mountinfo):
    """/proc/mounts, as node_exporter reads it, of the mountinfo in a capture."""
    lines, seen = [], set()
    for line in mountinfo.splitlines():
        fields, _, rest = line.partition(' - ')
        fields, rest = fields.split(' '), rest.split(' ')
        # node_exporter fails where a mount repeats with other options, and cannot read a torn line
        # or one without a device; it resolves the escapes of blanks only.
        if len(rest) < 3 or not rest[1] or '\\134' in line:
            continue
        options = 'ro' if 'ro' in (fields[5] + ',' + rest[2]).split(',') else 'rw'
        if (rest[1], fields[4], rest[0]) not in seen:
            lines.append(' '.join((rest[1], fields[4], rest[0], options, '0 0')))
        seen.add((rest[1], fields[4], rest[0]))
    return '\n'.join(lines) + '\n'


def drop_torn(path):
    """A torn line costs node_exporter the whole file; the unit tests have ours."""
    lines = path.read_text().splitlines(keepends=True)
    path.write_text(''.join(line for line in lines if 'torn' not in line))


def left_out(page, text):
    """The series of mounts that mounts_of left out."""
    points = {line.split(' ')[1].replace('\\040', ' ') for line in text.splitlines()}
    return {key for key in page.values
            if key[0].startswith('node_filesystem_') and dict(key[1])['mountpoint'] not in points}


def judge_root(program, binary, testdata, name):
    faults = []
    with harness.directory() as path:
        root = pathlib.Path(path) / 'root'
        shutil.copytree(pathlib.Path(testdata) / name, root)
        for folder in ('sys', 'run/udev/data', 'data', 'srv', 'my disk'):
            (root / folder).mkdir(parents=True, exist_ok=True)
        for file in ('stat', 'diskstats', 'net/dev'):
            drop_torn(root / 'proc' / file)
        mounts = mounts_of((root / 'proc/self/mountinfo').read_text())
        (root / 'proc/mounts').write_text(mounts)
        arguments = ['--path.procfs=%s/proc' % root, '--path.sysfs=%s/sys' % root,
                     '--path.rootfs=%s' % root, '--path.udev.data=%s/run/udev/data' % root,
                     '--no-collector.netdev.netlink']
        with ours(program, str(root)) as mine, theirs(binary, *arguments) as other:
            first, middle, last = read(mine), read(other), read(mine)
    for page in (first, last):
        for key in left_out(page, mounts):
            del page.values[key]
    faults += shape(first, middle, name)
    for key in first.values.keys() & middle.values.keys() & last.values.keys():
        values = first.values[key], middle.values[key], last.values[key]
        moves = re.match(r'node_filesystem_(free_bytes|avail_bytes|files_free)', key[0])
        good = (between(key, 'gauge', *values) if moves
                else equal(values[0], values[1]) and equal(values[0], values[2]))
        if not good:
            faults.append('%s: %s: %r, node_exporter %r, %r' % ((name, said(key)) + values))
    print('%s: %d values in %d families' % (name, len(first.values),
                                            len({n for n, _ in first.values})))
    return faults


def main():
    program, testdata = sys.argv[1:]
    binary = harness.need_tool('prometheus-node-exporter')
    faults = judge_machine(program, binary)
    for name in ('captured', 'traps'):
        faults += judge_root(program, binary, testdata, name)
    for fault in faults[:50]:
        print('FAULT %s' % fault)
    print('%d faults' % len(faults))
    sys.exit(1 if faults else 0)


if __name__ == '__main__':
    main()
