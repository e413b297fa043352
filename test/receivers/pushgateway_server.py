"""A real Pushgateway on loopback, and what it shows."""

import base64
import json
import re
import ssl
import subprocess
import urllib.request

import harness
import matrix

# Its page as Go's encoder writes it.
SAMPLE = re.compile(r'^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$', re.S)
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)",?', re.S)
# Its own and what it adds to each group.
OWN = re.compile('pushgateway_|go_|process_|promhttp_')
OF_GROUPS = ('push_time_seconds', 'push_failure_time_seconds')


def unescaped(text):
    return re.sub(r'\\(.)', lambda found: '\n' if found[1] == 'n' else found[1], text)


class Page:
    """Its samples without its own, and the metadata of families."""

    def __init__(self, content):
        self.samples = []
        self.push_times = []
        self.kinds = {}
        self.helps = {}
        for line in content.split('\n'):
            if line.startswith('# TYPE '):
                _, _, name, kind = line.split(' ')
                self.kinds[name] = 'unknown' if kind == 'untyped' else kind
            elif line.startswith('# HELP '):
                name, _, text = line[len('# HELP '):].partition(' ')
                self.helps[name] = unescaped(text)
            elif line:
                name, labels, value = SAMPLE.match(line).groups()
                pairs = {n: unescaped(v) for n, v in LABEL.findall(labels or '')}
                sample = matrix.Sample(name, pairs, float(value))
                if name in OF_GROUPS:
                    self.push_times.append(sample)
                elif not OWN.match(name):
                    self.samples.append(sample)

    def metadata(self, name, base):
        kind = self.kinds.get(base)
        return kind and matrix.Metadata(kind, self.helps.get(base, ''), '')


class Pushgateway:
    """`with Pushgateway(binary, directory) as gateway:` With `web`, a web configuration file."""

    def __init__(self, binary, path, web=None, host='127.0.0.1', credentials=None, authority=None):
        port = harness.free_port()
        self.url = '%s://%s:%d' % ('https' if authority else 'http', host, port)
        command = [binary, '--web.listen-address=127.0.0.1:%d' % port, '--persistence.file=']
        if web:
            command.append('--web.config.file=' + web)
        self.headers = {}
        if credentials:
            word = base64.b64encode(credentials.encode()).decode()
            self.headers['Authorization'] = 'Basic ' + word
        context = ssl.create_default_context(cafile=authority)
        self.opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
        self.log = open(path + '/pushgateway.log', 'ab')
        self.process = subprocess.Popen(command, stdout=self.log, stderr=self.log)

    def __enter__(self):
        def ready():
            if self.process.poll() is not None:
                raise RuntimeError('the Pushgateway ended with %d' % self.process.returncode)
            try:
                return self.request('/-/ready').status == 200
            except OSError:
                return None
        harness.wait_for(ready, 'the Pushgateway is ready', 30)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()

    def request(self, path, method='GET', body=None):
        request = urllib.request.Request(self.url + path, headers=self.headers, method=method,
                                         data=body)
        return self.opener.open(request, timeout=30)

    def settle(self):
        """Until every DELETE that was answered is done: it does them later, and in their order."""
        group = '/metrics/job/settled'
        self.request(group, 'PUT', b'settled 1\n').close()  # answered when it is done
        self.request(group, 'DELETE').close()
        harness.wait_for(lambda: all(labels['job'] != 'settled' for labels, _ in self.groups()),
                         'the Pushgateway deletes a group', 30)

    def page(self):
        with self.request('/metrics') as answer:
            return Page(answer.read().decode())

    def groups(self):
        """By the API: for each group its labels and its families, by name."""
        with self.request('/api/v1/metrics') as answer:
            data = json.load(answer)['data']
        for group in data:
            yield group['labels'], {name: value for name, value in group.items()
                                    if isinstance(value, dict) and 'metrics' in value}


def api_samples(families):
    """What the API shows of a group, as lines of a page; quantiles and bounds as it spells them."""
    for name, family in families.items():
        if name in OF_GROUPS:
            continue
        for metric in family['metrics']:
            labels = metric.get('labels', {})
            for part, suffix, label in (('buckets', '_bucket', 'le'), ('quantiles', '', 'quantile')):
                for bound, value in metric.get(part, {}).items():
                    yield matrix.Sample(name + suffix, dict(labels, **{label: bound}), float(value))
            if 'count' in metric:
                yield matrix.Sample(name + '_count', labels, float(metric['count']))
                yield matrix.Sample(name + '_sum', labels, float(metric['sum']))
            else:
                yield matrix.Sample(name, labels, float(metric['value']))


def api_metadata(families):
    def lookup(_, base):
        family = families.get(base)
        kind = family and family['type'].lower()
        return family and matrix.Metadata('unknown' if kind == 'untyped' else kind,
                                          family.get('help', ''), '')
    return lookup
