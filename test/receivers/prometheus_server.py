"""A Prometheus server on loopback."""

import json
import subprocess
import urllib.parse

import harness


class PrometheusServer:
    """`with PrometheusServer(binary, directory, config, *flags) as server:`"""

    def __init__(self, binary, path, config, *flags):
        self.url = 'http://127.0.0.1:%d' % harness.free_port()
        with open(path + '/prometheus.yml', 'w', encoding='utf-8') as file:
            file.write(config)
        self.log = open(path + '/prometheus.log', 'wb')
        self.process = subprocess.Popen(
            [binary, '--config.file=' + path + '/prometheus.yml',
             '--storage.tsdb.path=' + path + '/data',
             '--web.listen-address=' + self.url[len('http://'):], *flags],
            stdout=self.log, stderr=self.log)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()

    def _get(self, path):
        if self.process.poll() is not None:
            raise RuntimeError('prometheus ended with %d' % self.process.returncode)
        return harness.get(self.url + path)

    def is_ready(self):
        try:
            with self._get('/-/ready') as answer:
                return answer.status == 200
        except OSError:
            return False

    def api(self, path, **parameters):
        query = '?' + urllib.parse.urlencode(parameters) if parameters else ''
        with self._get('/api/v1/' + path + query) as answer:
            return json.load(answer)['data']
