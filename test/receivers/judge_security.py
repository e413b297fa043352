"""Judges the server's TLS and logins: judge_security.py PROGRAM DOCUMENT.

curl and a real Prometheus server are the clients. The scrape configurations, the web configuration
file and curl's arguments are those that the document shows.
"""

import contextlib
import os
import re
import shlex
import subprocess
import sys

import harness
from judge_otlp_tls import authority, certificate
from prometheus_server import PrometheusServer

WANTED = 'jobs_total{kind="guarded"} 42'


def blocks(document, language):
    """The code blocks of a language, by the heading above them."""
    found = {}
    heading = ''
    for match in re.finditer(r'^## ([^\n]+)$|^```(\w+)\n(.*?)^```$', document, re.M | re.S):
        if match[1]:
            heading = match[1]
        elif match[2] == language:
            found.setdefault(heading, []).append(match[3])
    return found


@contextlib.contextmanager
def service(program, path, options, **others):
    """The program; gives the first line that it prints."""
    environment = {name: value for name, value in os.environ.items()
                   if not name.startswith(('METRICS_', 'OTEL_'))}
    environment.update({'METRICS_BACKEND': 'prometheus', 'METRICS_PROMETHEUS_PORT': '0'})
    environment.update({'METRICS_PROMETHEUS_' + name: value for name, value in options.items()})
    environment.update(others)
    process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, cwd=path, env=environment)
    try:
        yield process.stdout.readline().decode().strip()
    finally:
        process.stdin.close()
        process.wait(30)
        process.stdout.close()
        process.stderr.close()


class Judge:
    def __init__(self, path):
        self.path = path
        self.failed = 0
        self.targets = {}
        self.scrapes = []

    def expect(self, what, right, seen):
        print('%s %s' % ('ok    ' if right else 'FAILED', what))
        if not right:
            print(seen)
            self.failed = 1

    def curl(self, port, words):
        """(status, body) of curl's words from the document; 0 when there was no answer."""
        words = [word.replace(':9464', ':%d' % port) for word in words]
        done = subprocess.run(
            [harness.need_tool('curl'), '-sS', '--noproxy', '*', '--max-time', '20',
             '-w', '\n%{http_code}', *words],
            cwd=self.path, check=False, capture_output=True, timeout=60)
        body, _, status = done.stdout.decode(errors='replace').rpartition('\n')
        return int(status or 0), body + done.stderr.decode(errors='replace')

    def expect_curl(self, what, port, words, status):
        seen = self.curl(port, words)
        right = seen[0] == status and (WANTED in seen[1]) == (status == 200)
        self.expect('curl %s: %d' % (what, status), right, seen)

    def prometheus(self, what, port, config, up):
        """Keeps a scrape configuration whose target must be up or down."""
        config = config.replace('localhost:9464', 'localhost:%d' % port)
        config = config.replace('/etc/prometheus/', self.path + '/')
        job = 'job_%d' % len(self.targets)
        self.targets[job] = (what, up)
        self.scrapes.append(config.replace('scrape_configs:\n', '').replace(
            'job_name: transcriber', 'job_name: ' + job))

    def judge_prometheus(self):
        """One server with all of them, because a server takes five seconds to begin."""
        config = ('global: {scrape_interval: 1s, scrape_timeout: 1s}\nscrape_configs:\n'
                  + ''.join(self.scrapes))
        with harness.directory() as path, PrometheusServer(
                harness.need_tool('prometheus'), path, config) as server:

            def scraped():
                try:
                    active = server.api('targets')['activeTargets']
                except OSError:
                    return None  # not up yet
                targets = {target['labels']['job']: target for target in active
                           if not target['lastScrape'].startswith('0001')}
                return targets if len(targets) == len(self.targets) else None

            def values():
                found = {result['metric']['job']: result['value'][1]
                         for result in server.api('query', query='jobs_total')['result']}
                wanted = {job for job, (_, up) in self.targets.items() if up}
                return found if wanted <= set(found) else None

            targets = harness.wait_for(scraped, 'a scrape of every target')
            if all(targets[job]['health'] == 'up' for job, (_, up) in self.targets.items() if up):
                found = harness.wait_for(values, 'the values in Prometheus')
            else:
                found = {}
            for job, (what, up) in self.targets.items():
                right = (targets[job]['health'] == ('up' if up else 'down')
                         and found.get(job) == ('42' if up else None))
                self.expect('Prometheus %s: %s' % (what, 'up' if up else 'down'), right,
                            (targets[job], found))
                if not up:
                    print('       ' + targets[job]['lastError'])


def curl_words(document, heading, path):
    (block,) = blocks(document, 'console')[heading]
    (line,) = [line for line in block.split('\n') if line.startswith('$ curl ')]
    token = harness.read(path + '/token').decode().strip()
    return shlex.split(line[len('$ curl '):].replace('$(cat token)', token))


def main():
    program = sys.argv[1]
    tool = harness.need_tool('openssl')
    harness.need_tool('curl')
    harness.need_tool('prometheus')
    with open(sys.argv[2], encoding='utf-8') as file:
        document = file.read()
    yaml = blocks(document, 'yaml')
    with harness.directory() as path, contextlib.ExitStack() as running:
        for name in ('clients', 'others'):
            authority(tool, path, name)
        certificate(tool, path, 'prometheus', 'clients', 'prometheus')
        certificate(tool, path, 'stranger', 'others', 'stranger')
        # As the document makes them.
        (block,) = blocks(document, 'console')['TLS']
        made = block.split('$ METRICS')[0].replace('$ ', '', 1)
        subprocess.run(['sh', '-ec', made], cwd=path, check=True, capture_output=True, timeout=60)
        (block,) = blocks(document, 'console')['A bearer token']
        subprocess.run(['sh', '-ec', block.split('\n')[0].replace('$ ', '', 1)], cwd=path,
                       check=True, timeout=60)
        judge = Judge(path)
        tls = {'TLS_CERTIFICATE': 'server.pem', 'TLS_KEY': 'server.key'}

        line = running.enter_context(service(program, path, tls))
        port = int(line.rpartition(':')[2])
        words = curl_words(document, 'TLS', path)
        judge.expect_curl('with TLS', port, words, 200)
        judge.expect_curl('with TLS 1.2', port, ['--tls-max', '1.2', *words], 200)
        judge.expect_curl('that trusts another authority', port,
                          ['--cacert', 'others.pem', words[-1]], 0)
        judge.expect_curl('without TLS', port, [words[-1].replace('https', 'http')], 400)
        (config,) = yaml['TLS']
        judge.prometheus('with TLS', port, config, True)
        judge.prometheus('without TLS', port, config.replace('https', 'http'), False)

        line = running.enter_context(service(program, path, {**tls, 'TLS_CLIENT_CA': 'clients.pem'}))
        port = int(line.rpartition(':')[2])
        words = curl_words(document, 'Client certificates', path)
        judge.expect_curl('with a certificate', port, words, 200)
        judge.expect_curl('without a certificate', port, words[:2] + words[-1:], 0)
        judge.expect_curl('with a stranger\'s certificate', port,
                          [word.replace('prometheus.', 'stranger.') for word in words], 0)
        (config,) = yaml['Client certificates']
        judge.prometheus('with a certificate', port, config, True)
        judge.prometheus('with a stranger\'s certificate', port,
                         config.replace('/prometheus.', '/stranger.'), False)

        web, config = yaml['Users with passwords']
        with open(path + '/web.yml', 'w', encoding='utf-8') as file:
            file.write(web)
        line = running.enter_context(service(program, path, {'WEB_CONFIG': 'web.yml'}))
        port = int(line.rpartition(':')[2])
        words = curl_words(document, 'Users with passwords', path)
        judge.expect_curl('with the password', port, words, 200)
        judge.expect_curl('with a wrong password', port,
                          [word.replace(':secret', ':Secret') for word in words], 401)
        judge.expect_curl('without a password', port, words[:2] + words[-1:], 401)
        judge.prometheus('with the password', port, config, True)
        judge.prometheus('with a wrong password', port,
                         config.replace('password: secret', 'password: Secret'), False)

        line = running.enter_context(service(program, path, {'BEARER_TOKEN_FILE': 'token'}))
        port = int(line.rpartition(':')[2])
        words = curl_words(document, 'A bearer token', path)
        judge.expect_curl('with the token', port, words, 200)
        judge.expect_curl('with another token', port, ['-H', 'Authorization: Bearer 0'] +
                          words[-1:], 401)
        (config,) = yaml['A bearer token']
        judge.prometheus('with the token', port, config, True)
        judge.prometheus('with another token', port,
                         config.replace('credentials_file: /etc/prometheus/token',
                                        'credentials: "0"'), False)

        judge.judge_prometheus()

        broken = {'TLS_CERTIFICATE': 'server.pem', 'TLS_KEY': 'prometheus.key'}
        with service(program, path, broken) as line:
            judge.expect('a broken pair serves nowhere', line == 'ready', line)
        with service(program, path, broken, METRICS_STRICT='true') as line:
            judge.expect('with METRICS_STRICT it says why and ends',
                         line.startswith('refused ') and 'key values mismatch' in line, line)
    sys.exit(judge.failed)


if __name__ == '__main__':
    main()
