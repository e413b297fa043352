"""Judges pages with UTF-8 names, exemplars and start times: judge_names.py PROGRAM WHAT.

WHAT is `parsers_debian` or `parsers_new` (Python's prometheus_client of Debian, which knows legacy
names only, and of the virtual environment), `server` (the Prometheus in PATH and a Pushgateway) or
the path of a Prometheus 3. What the names and labels must be is worked out here once more, from
what the escaping schemes say.
"""

import collections
import csv
import http.server
import json
import re
import subprocess
import sys
import threading
import time

import harness
import pushgateway_server
from prometheus_server import PrometheusServer

ESCAPED = ('underscores', 'dots', 'values')
QUOTED = 'allow-utf-8'
CONTENT_TYPES = {'text': 'text/plain; version=1.0.0; charset=utf-8; escaping=%s',
                 'openmetrics': 'application/openmetrics-text; version=1.0.0; charset=utf-8; '
                                'escaping=%s'}
faults = []


def fault(text, *arguments):
    faults.append((text % arguments).encode('unicode_escape').decode())


# --- what must be there ------------------------------------------------------------------------

def escaped(name, scheme, label=False):
    allowed = '[a-zA-Z0-9_]' if label else '[a-zA-Z0-9_:]'
    if scheme == QUOTED or re.fullmatch('(?![0-9])%s+' % allowed, name):
        return name
    out = 'U__' if scheme == 'values' else ''
    for place, character in enumerate(name):
        good = re.fullmatch(allowed, character) and not (place == 0 and character.isdigit())
        if scheme == 'underscores':
            out += character if good else '_'
        elif character == '_':
            out += '__'
        elif good:
            out += character
        elif scheme == 'dots':
            out += '_dot_' if character == '.' else '__'
        else:
            out += '_%x_' % ord(character)
    if label:  # Prometheus' own begin with two
        out = re.sub('^_+', lambda found: '_', out) if out.startswith('__') else out
    return out


def written_labels(labels, scheme):
    by_name = collections.defaultdict(list)
    for name in sorted(labels, key=str.encode):
        by_name[escaped(name, scheme, label=True)].append(labels[name])
    return {name: ';'.join(values) for name, values in by_name.items()}


class Expected:
    """The samples of one page, by (name, labels), and how many points are dropped."""

    def __init__(self, truth, scheme, openmetrics, float_bounds=None):
        """`float_bounds`: `le` and `quantile` are "2.0" and not "2"."""
        self.float_bounds = openmetrics if float_bounds is None else float_bounds
        self.samples = {}
        self.exemplars = {}
        self.created = set()
        points = set()
        kept = set()
        owners = {}
        for name in sorted({s['family'] for s in truth['samples']}, key=str.encode):
            written = escaped(name, scheme)
            if written not in owners or written == name:
                owners[written] = name
        series = collections.defaultdict(dict)  # (family, written labels) -> own labels -> samples
        for sample in truth['samples']:
            own = tuple(sorted(sample['labels'].items()))
            points.add((sample['family'], own))
            if owners[escaped(sample['family'], scheme)] != sample['family']:
                continue
            labels = tuple(sorted(written_labels(sample['labels'], scheme).items()))
            series[sample['family'], labels].setdefault(own, []).append(sample)
        for (family, labels), rivals in series.items():
            def rank(own):
                changed = sum(escaped(name, scheme, label=True) != name for name, _ in own)
                return changed, [(n.encode(), v.encode()) for n, v in own]
            own = min(rivals, key=rank)
            kept.add((family, own))
            for sample in rivals[own]:
                self._add(sample, scheme, openmetrics, dict(labels))
        self.dropped = len(points) - len(kept)

    def _add(self, sample, scheme, openmetrics, labels):
        name = escaped(sample['family'], scheme) + sample['suffix']
        if sample['last']:
            last = sample['last']
            if not self.float_bounds and last.endswith('.0'):
                last = last[:-2]
            labels['le' if sample['suffix'] == '_bucket' else 'quantile'] = last
        key = name, tuple(sorted(labels.items()))
        self.samples[key] = sample['value']
        if sample['exemplar'] and openmetrics:
            exemplar = sample['exemplar']
            self.exemplars[key] = (written_labels(exemplar['labels'], scheme), exemplar['value'])
        if openmetrics and sample['type'] == 'counter' and not sample['exemplar']:
            self.created.add((name[:-len('_total')] + '_created', key[1]))


def judge_samples(where, expected, got, started):
    seen = set()
    created = set()
    for name, labels, value in got:
        if name.startswith('polymeter_') or name == 'target_info':
            continue
        key = name, tuple(sorted(labels.items()))
        if key in seen:
            fault('%s: twice: %r', where, key)
        seen.add(key)
        if key in expected.created:
            created.add(key)
            if not started - 60 <= value <= time.time() + 60:
                fault('%s: %r is %r, no start time of now', where, key, value)
        elif key not in expected.samples:
            fault('%s: not in the truth: %r', where, key)
        elif expected.samples[key] != value:
            fault('%s: %r is %r, must be %r', where, key, value, expected.samples[key])
    for key in (set(expected.samples) | expected.created) - seen:
        fault('%s: missing: %r', where, key)
    if not seen or (expected.created and not created):
        fault('%s: nothing was compared', where)
    print('%s: %d samples' % (where, len(seen)))


# --- readers -----------------------------------------------------------------------------------

def judge_parsers(path, truth, started, schemes):
    try:
        import prometheus_client
        import prometheus_client.openmetrics.parser
        import prometheus_client.parser
    except ImportError:
        harness.missing('prometheus_client for %s' % sys.executable)
    print('prometheus_client of %s' % prometheus_client.__file__)
    parsers = {'text': prometheus_client.parser.text_string_to_metric_families,
               'openmetrics':
                   prometheus_client.openmetrics.parser.text_string_to_metric_families}
    for scheme in schemes:
        for page, parse in parsers.items():
            where = '%s.%s' % (page, scheme)
            expected = Expected(truth, scheme, page == 'openmetrics')
            if truth['dropped'][where] != expected.dropped:
                fault('%s: %d points dropped, must be %d', where, truth['dropped'][where],
                      expected.dropped)
            try:
                families = list(parse(harness.read(path + '/' + where).decode()))
            except ValueError as error:
                fault('%s refused: %s', where, error)
                continue
            samples = [sample for family in families for sample in family.samples]
            judge_samples(where, expected, [(s.name, s.labels, s.value) for s in samples], started)
            exemplars = {(s.name, tuple(sorted(s.labels.items()))):
                         (s.exemplar.labels, s.exemplar.value)
                         for s in samples if s.exemplar is not None}
            if exemplars != expected.exemplars:
                fault('%s: exemplars %r, must be %r', where, exemplars, expected.exemplars)
            if page == 'openmetrics':
                kinds = {family.type for family in families}
                for kind in ('counter', 'gauge', 'histogram', 'summary', 'info'):
                    if kind not in kinds:
                        fault('%s: no %s', where, kind)


def judge_files(path, truth, started):
    """JSON and CSV have every name as it is."""
    names = {sample['family'] for sample in truth['samples']}
    document = json.loads(harness.read(path + '/jsonl').decode())
    found = {family['name']: family for family in document['families']
             if not family['name'].startswith('polymeter_')}
    if set(found) != names:
        fault('jsonl: names %r', set(found) ^ names)
    with open(path + '/csv', newline='', encoding='utf-8') as file:
        rows = list(csv.DictReader(file))
    cells = set()
    values = {}
    for row in rows:
        name = json.loads(row['name']) if row['name'].startswith('"') else row['name']
        cells.add(name)
        labels = tuple(sorted(json.loads(row['labels']).items()))
        values[name, labels, row['field']] = row['value']
    cells = {name for name in cells if not name.startswith('polymeter_')}
    if cells != names:
        fault('csv: names %r', cells ^ names)
    for sample in truth['samples']:
        if sample['type'] not in ('gauge', 'counter'):
            continue
        key = sample['family'], tuple(sorted(sample['labels'].items()))
        if float(values.get(key + ('value',), 'nan')) != sample['value']:
            fault('csv: %r is %r', key, values.get(key + ('value',)))
        series = found[sample['family']]['series'] if sample['family'] in found else []
        if not any(s['labels'] == sample['labels'] for s in series):
            fault('jsonl: no series %r', key)


class Pages:
    """Serves the pages of a directory: /text.dots."""

    def __init__(self, path):
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'

            def do_GET(self):
                page, scheme = self.path[1:].split('.')
                body = harness.read('%s/%s.%s' % (path, page, scheme))
                self.send_response(200)
                self.send_header('Content-Type', CONTENT_TYPES[page] % scheme)
                self.send_header('Content-Length', str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        self.server.daemon_threads = True
        self.endpoint = '127.0.0.1:%d' % self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def judge_server(binary, path, truth, started, schemes):
    """One job a page."""
    pages = Pages(path)
    jobs = ['%s.%s' % (page, scheme) for page in CONTENT_TYPES for scheme in schemes]
    config = 'global: {scrape_interval: 1s, scrape_timeout: 1s}\nscrape_configs:\n'
    for job in jobs:
        config += ('  - {job_name: "%s", metrics_path: "/%s", static_configs: [{targets: ["%s"]}]}\n'
                   % (job, job, pages.endpoint))
    begin = time.time()
    with PrometheusServer(binary, path, config, '--enable-feature=exemplar-storage') as server:
        def scraped():
            try:
                active = server.api('targets')['activeTargets']
            except OSError:
                return None
            done = {t['labels']['job']: t for t in active
                    if not t['lastScrape'].startswith('0001')}
            return done if len(done) == len(jobs) else None
        targets = harness.wait_for(scraped, 'every page scraped', 60)
        # Prometheus 3 stores the bounds of any page as OpenMetrics has them.
        floats = None if server.api('status/buildinfo')['version'].startswith('2.') else True
        for job in jobs:
            page, scheme = job.split('.')
            if targets[job]['health'] != 'up':
                fault('%s: %s', job, targets[job]['lastError'])
                continue
            harness.wait_for(
                lambda j=job: server.api('query', query='up{job="%s"} == 1' % j)['result'],
                'up of ' + job, 30)
            expected = Expected(truth, scheme, page == 'openmetrics', floats)
            own = {'job', 'instance'}
            expected.samples = {(name, tuple(sorted(('exported_' + n if n in own else n, v)
                                                    for n, v in labels if v))): value
                                for (name, labels), value in expected.samples.items()}
            expected.created = {(name, tuple(sorted(('exported_' + n if n in own else n, v)
                                                    for n, v in labels if v)))
                                for name, labels in expected.created}
            got = []
            for result in server.api('query', query='{job="%s"}' % job)['result']:
                labels = {n: v for n, v in result['metric'].items() if n not in own}
                name = labels.pop('__name__')
                if not name.startswith('scrape_') and name != 'up':
                    got.append((name, labels, float(result['value'][1])))
            judge_samples('%s of %s' % (job, binary), expected, got, started)
            if page == 'openmetrics':
                stored = server.api('query_exemplars', query='{job="%s"}' % job,
                                    start=begin - 600, end=time.time() + 60)
                found = sorted((s['seriesLabels']['__name__'], e['labels'], float(e['value']))
                               for s in stored for e in s['exemplars'])
                wanted = sorted((name, labels, value)
                                for (name, _), (labels, value) in expected.exemplars.items())
                if found != wanted:
                    fault('%s: exemplars %r, must be %r', job, found, wanted)


def judge_pushgateway(path, truth, started):
    binary = harness.need_tool('prometheus-pushgateway')
    with pushgateway_server.Pushgateway(binary, path) as gateway:
        for scheme in ESCAPED:
            body = harness.read('%s/text.%s' % (path, scheme))
            with gateway.request('/metrics/job/names', 'PUT', body) as answer:
                if answer.status != 200:
                    fault('the Pushgateway answers %d to %s', answer.status, scheme)
            expected = Expected(truth, scheme, False)
            # Its own labels win.
            expected.samples = {(name, tuple((n, v) for n, v in labels if n != 'job')): value
                                for (name, labels), value in expected.samples.items()}
            got = [(s.name, {n: v for n, v in s.labels.items() if n != 'job' and
                             not (n == 'instance' and not v)}, s.value)
                   for s in gateway.page().samples]
            judge_samples('text.%s of the Pushgateway' % scheme, expected, got, started)


def main():
    program, what = sys.argv[1:3]
    started = time.time()
    with harness.directory() as path:
        subprocess.run([program, path], check=True, timeout=60)
        truth = json.loads(harness.read(path + '/truth.json').decode())
        if what == 'parsers_debian':
            judge_parsers(path, truth, started, ESCAPED)
        elif what == 'parsers_new':
            judge_parsers(path, truth, started, ESCAPED + (QUOTED,))
            judge_files(path, truth, started)
        elif what == 'server':
            judge_server(harness.need_tool('prometheus'), path, truth, started, ESCAPED)
            judge_pushgateway(path, truth, started)
        else:
            judge_server(what, path, truth, started, ESCAPED + (QUOTED,))
    for text in faults[:40]:
        print('FAILED', text)
    if len(faults) > 40:
        print('... and %d more' % (len(faults) - 40))
    sys.exit(1 if faults else 0)


if __name__ == '__main__':
    main()
