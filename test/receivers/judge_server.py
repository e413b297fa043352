"""Judges by a real Prometheus server that scrapes every format: judge_server.py PROGRAM.

One job asks as the server itself does, for OpenMetrics. The server has no setting for another
format, so the other jobs go through proxies that ask for theirs.
"""

import http.server
import sys
import threading

import harness
import matrix
from prometheus_server import PrometheusServer

CONFIG = '''
global: {{scrape_interval: 1s, scrape_timeout: 1s}}
scrape_configs:
  - job_name: server_om
    static_configs: [{{targets: ["{openmetrics}"]}}]
  - job_name: server_text
    static_configs: [{{targets: ["{text}"]}}]
  - job_name: server_protobuf
    static_configs: [{{targets: ["{protobuf}"]}}]
'''
JOBS = ('server_om', 'server_text', 'server_protobuf')
TEXT = 'text/plain;version=0.0.4'
PROTOBUF = ('application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;'
            'encoding=delimited')


class Proxy:
    """Passes a scrape on with another Accept header, and remembers what came."""

    def __init__(self, endpoint, accept):
        self.content_types = set()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'

            def do_GET(self):
                headers = {'Accept': accept,
                           'Accept-Encoding': self.headers.get('Accept-Encoding', '')}
                with harness.get('http://%s%s' % (endpoint, self.path), headers) as answer:
                    body = answer.read()
                    outer.content_types.add(answer.headers['Content-Type'])
                    self.send_response(answer.status)
                    for name in ('Content-Type', 'Content-Encoding'):
                        if answer.headers[name]:
                            self.send_header(name, answer.headers[name])
                    self.send_header('Content-Length', str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        self.server.daemon_threads = True
        self.endpoint = '127.0.0.1:%d' % self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def scraped_targets(server):
    """By job, once each has been scraped."""
    try:
        active = server.api('targets')['activeTargets']
    except OSError:
        return None  # not up yet
    by_job = {target['labels']['job']: target for target in active}
    scraped = [t for t in by_job.values() if not t['lastScrape'].startswith('0001')]
    return by_job if len(scraped) == len(JOBS) else None


def samples_of(server, job):
    for result in server.api('query', query='{job="%s"}' % job)['result']:
        labels = dict(result['metric'])
        labels.pop('job')
        labels.pop('instance')
        yield matrix.Sample(labels.pop('__name__'), labels, float(result['value'][1]))


def metadata_of(server, job):
    found = {entry['metric']: matrix.Metadata(entry['type'], entry['help'], entry['unit'])
             for entry in server.api('targets/metadata', match_target='{job="%s"}' % job)}
    return lambda name, base: found.get(base)


def main():
    program = sys.argv[1]
    prometheus = harness.need_tool('prometheus')
    failed = 0
    with harness.directory() as path, harness.corpus(program, path) as endpoint:
        proxies = {accept: Proxy(endpoint, accept) for accept in (TEXT, PROTOBUF)}
        config = CONFIG.format(openmetrics=endpoint, text=proxies[TEXT].endpoint,
                               protobuf=proxies[PROTOBUF].endpoint)
        with PrometheusServer(prometheus, path, config) as server:
            targets = harness.wait_for(lambda: scraped_targets(server), 'all targets scraped')
            for job in JOBS:
                judge = matrix.Matrix(job, path + '/truth.json')
                target = targets[job]
                if target['health'] != 'up':
                    judge.fault('%s is %s: %s' % (job, target['health'], target['lastError']))
                else:
                    harness.wait_for(
                        lambda j=job: server.api('query', query='up{job="%s"}' % j)['result'],
                        'up of ' + job)
                    samples = list(samples_of(server, job))
                    judge.judge_samples(samples)
                    judge.judge_target(samples)
                    judge.judge_metadata(metadata_of(server, job))
                failed |= judge.finish()
            for accept, proxy in proxies.items():
                if not all(kind.startswith(accept.split(';')[0]) for kind in proxy.content_types):
                    print('FAILED the job for', accept, 'was given', proxy.content_types)
                    failed = 1
    sys.exit(failed)


if __name__ == '__main__':
    main()
