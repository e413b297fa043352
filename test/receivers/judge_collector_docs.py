"""Runs what docs/otlp.md shows: judge_collector_docs.py PROGRAM DOCS.

The guide's collector.yaml, on free ports, must be one that the Collector takes, and show what is
pushed to it, over HTTP and over gRPC.
"""

import re
import subprocess
import sys

import harness
import judge_collector


def main():
    program, docs = sys.argv[1:3]
    binary = harness.need_tool('otelcol')
    text = harness.read(docs).decode('utf-8')
    (config,) = re.findall(r'```yaml\n(.*?)```', text, re.S)
    http, grpc = harness.free_port(), harness.free_port()
    for known, free in (('127.0.0.1:4318', http), ('127.0.0.1:4317', grpc)):
        if config.count(known) != 1:
            raise RuntimeError('%s stands %d times in the configuration' % (known,
                                                                            config.count(known)))
        config = config.replace(known, '127.0.0.1:%d' % free)
    # Its own metrics have a fixed port.
    config = config.replace('service:\n', 'service:\n  telemetry: {metrics: {level: none}}\n')
    failed = 0
    accounts = []
    with harness.directory() as path:
        with open(path + '/collector.yaml', 'w', encoding='utf-8') as file:
            file.write(config)
        with open(path + '/log', 'wb') as log:
            process = subprocess.Popen([binary, '--config', path + '/collector.yaml'],
                                       stdout=log, stderr=log)
            try:
                harness.wait_for(lambda: process.poll() is not None or (
                    judge_collector.listens(http) and judge_collector.listens(grpc)),
                    'the Collector listens', 30)
                for protocol, port in (('http/protobuf', http), ('grpc', grpc)):
                    subprocess.run([program, path, protocol, 'http://127.0.0.1:%d' % port, 'none'],
                                   check=True, timeout=120, stderr=subprocess.DEVNULL)
                    accounts.append(harness.read(path + '/accounts.json').decode())
            finally:
                process.terminate()
                try:
                    process.wait(30)
                finally:
                    process.kill()
        log = harness.read(path + '/log').decode('utf-8', 'replace')
        shown = log.count('\nqueue_length{') + log.count('\nmany_total{')
        wanted = 2 * 2 * (1 + 10000)  # protocols, pushes, series
        if process.returncode != 0 or shown != wanted:
            print('FAILED: exit code %d, %d of %d points shown, %s:\n%s' % (
                process.returncode, shown, wanted, accounts, log[:1500]))
            failed = 1
        print('%d points shown' % shown)
    sys.exit(failed)


if __name__ == '__main__':
    main()
