"""Judges OTLP over TLS by the OpenTelemetry Collector: judge_otlp_tls.py PROGRAM.

With the right certificates everything arrives, over HTTP and gRPC; with a wrong authority, a wrong
name or without a certificate of our own nothing does, and every point is accounted for.
"""

import json
import subprocess
import sys

import harness
import judge_collector
import otlp_truth


def openssl(binary, *arguments):
    subprocess.run([binary, *arguments], check=True, capture_output=True, timeout=60)


def authority(binary, path, name):
    openssl(binary, 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1',
            '-nodes', '-days', '2', '-subj', '/CN=' + name, '-keyout', '%s/%s.key' % (path, name),
            '-out', '%s/%s.pem' % (path, name))


def certificate(binary, path, name, signer, host):
    openssl(binary, 'req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes',
            '-subj', '/CN=' + name, '-keyout', '%s/%s.key' % (path, name),
            '-out', '%s/%s.csr' % (path, name))
    with open('%s/%s.ext' % (path, name), 'w', encoding='ascii') as file:
        file.write('subjectAltName=DNS:%s\n' % host)
    openssl(binary, 'x509', '-req', '-days', '2', '-in', '%s/%s.csr' % (path, name),
            '-CA', '%s/%s.pem' % (path, signer), '-CAkey', '%s/%s.key' % (path, signer),
            '-CAcreateserial', '-extfile', '%s/%s.ext' % (path, name),
            '-out', '%s/%s.pem' % (path, name))


def main():
    program = sys.argv[1]
    binary = harness.need_tool('otelcol')
    tool = harness.need_tool('openssl')
    failed = 0
    for protocol in ('http/protobuf', 'grpc'):
        with harness.directory() as path:
            for name in ('good', 'other'):
                authority(tool, path, name)
            certificate(tool, path, 'server', 'good', 'localhost')
            certificate(tool, path, 'client', 'good', 'client.invalid')
            tls = {'cert_file': path + '/server.pem', 'key_file': path + '/server.key',
                   'client_ca_file': path + '/good.pem'}
            ours = {'CERTIFICATE': path + '/good.pem', 'CLIENT_CERTIFICATE': path + '/client.pem',
                    'CLIENT_KEY': path + '/client.key'}
            with judge_collector.collector(binary, path, tls) as (http, grpc):
                port = grpc if protocol == 'grpc' else http

                def push(host, options, seconds):
                    arguments = ['METRICS_OTLP_%s=%s' % option for option in options.items()]
                    return subprocess.run(
                        [program, path, protocol, 'https://%s:%d' % (host, port), 'none',
                         'FLUSH_SECONDS=%d' % seconds, *arguments],
                        check=False, capture_output=True, timeout=120)

                for what, host, options in (
                        ('another authority', 'localhost', {**ours,
                                                            'CERTIFICATE': path + '/other.pem'}),
                        ('another name', '127.0.0.1', ours),
                        ('no certificate of our own', 'localhost',
                         {'CERTIFICATE': ours['CERTIFICATE']})):
                    pushed = push(host, options, 1)
                    (account,) = json.loads(harness.read(path + '/accounts.json'))
                    errors = pushed.stderr.decode(errors='replace')
                    if (pushed.returncode != 2 or account['accepted'] or not account['offered']
                            or account['offered'] != account['pending'] + account['dropped']
                            + account['superseded']):
                        print('FAILED %s, %s: %d, %r, %s' % (protocol, what, pushed.returncode,
                                                             account, errors[-300:]))
                        failed = 1
                    print('%s, %s: %s' % (protocol, what, errors.strip().split('\n')[-1]))
                pushed = push('localhost', ours, 30)
            judge = otlp_truth.Judge(protocol + ' with TLS', path + '/truth.json')
            if pushed.returncode != 0:
                judge.fault(pushed.stderr.decode(errors='replace')[-500:])
            with open(path + '/out.jsonl', encoding='utf-8', newline='\n') as file:
                pushes = judge_collector.by_snapshot(
                    line for line in file.read().split('\n') if line)
            if len(pushes) != 2:
                judge.fault('%d pushes arrived' % len(pushes))
            for requests in pushes:
                judge.judge(requests)
            failed |= judge.finish()
    sys.exit(failed)


if __name__ == '__main__':
    main()
