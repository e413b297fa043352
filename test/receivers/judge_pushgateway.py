"""Judges the backend `pushgateway` by a real Pushgateway: judge_pushgateway.py PROGRAM.

The whole corpus is read back from its page and from its API; then what each method does to a
group, keys that a path cannot hold, a job that is killed, one that deletes its group, refusals,
authentication and TLS.
"""

import contextlib
import subprocess
import sys
import time

import harness
import judge_otlp_tls
import matrix
import pushgateway_server

# Of "s:3cr%t", by bcrypt.
WEB_CONFIG = '''
basic_auth_users: {{ann: $2b$04$EM0rN590dRuijZh4vKbUyuI2JRDY5HoZikA9JHHXDPfvr7SQSbkMq}}
tls_server_config: {{cert_file: {path}/server.pem, key_file: {path}/server.key}}
'''
faults = []


def expect(what, got, wanted):
    if got != wanted:
        faults.append('%s: %r, must be %r' % (what, got, wanted))


@contextlib.contextmanager
def job(program, path, what, url, **options):
    """The program after its first push; gives the process and what it said of it."""
    arguments = ['%s=%s' % option for option in dict(options, URL=url).items()]
    process = subprocess.Popen([program, path, what, *arguments], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        yield process, process.stdout.readline().decode().rstrip('\n')
    finally:
        process.kill()
        process.wait(30)
        process.stdin.close()
        process.stdout.close()


def run(program, path, what, url, **options):
    """From its begin to its end; gives what it said of both."""
    with job(program, path, what, url, **options) as (process, pushed):
        process.stdin.close()
        ended = process.stdout.readline().decode().rstrip('\n')
        process.wait(60)
    return pushed, ended


def values(gateway):
    """(name, job) -> value, of the gauges."""
    return {(sample.name, sample.labels['job']): sample.value for sample in gateway.page().samples
            if not sample.name.startswith('polymeter_')}


def ungrouped(samples, group):
    """Without the labels of the group, which must be there."""
    for sample in samples:
        if group.items() <= sample.labels.items():
            own = {n: v for n, v in sample.labels.items() if n not in group}
            yield matrix.Sample(sample.name, own, sample.value)
        else:
            faults.append('%s %s is not of the group' % (sample.name, sample.labels))


def judge_corpus(program, path, binary, **options):
    group = {'job': 'corpus/\u03a0', 'instance': 'i 1'}
    with pushgateway_server.Pushgateway(binary, path) as gateway:
        expect('the corpus', run(program, path, 'corpus', gateway.url, JOB=group['job'],
                                 GROUPING='instance=i%201', **options), ('pushed', 'ended'))
        page = gateway.page()
        ((labels, families),) = gateway.groups()
    expect('the labels of the group', labels, group)
    expect('its pushes', [(s.name, s.value > 0) for s in page.push_times],
           [('push_failure_time_seconds', False), ('push_time_seconds', True)])
    failed = 0
    for receiver, samples, metadata in (
            ('pushgateway', page.samples, page.metadata),
            ('pushgateway_api', pushgateway_server.api_samples(families),
             pushgateway_server.api_metadata(families))):
        judge = matrix.Matrix(receiver, path + '/truth.json')
        samples = list(ungrouped(samples, group))
        judge.judge_samples(samples)
        judge.judge_target(samples)
        judge.judge_metadata(metadata)
        failed |= judge.finish()
    return failed


def judge_methods(program, path, gateway):
    def push(what, **options):
        expect(what, run(program, path, what, gateway.url, **options), ('pushed', 'ended'))
    push('a=1,b=2', JOB='j')
    push('a=9', JOB='other')
    expect('put', values(gateway), {('a', 'j'): 1, ('b', 'j'): 2, ('a', 'other'): 9})
    push('b=3', JOB='j')
    expect('put replaces', values(gateway), {('b', 'j'): 3, ('a', 'other'): 9})
    push('c=4', JOB='j', METHOD='post')
    expect('post adds', values(gateway), {('b', 'j'): 3, ('c', 'j'): 4, ('a', 'other'): 9})
    push('b=5', JOB='j', METHOD='post', COMPRESSION='gzip')
    expect('post replaces its names', values(gateway),
           {('b', 'j'): 5, ('c', 'j'): 4, ('a', 'other'): 9})
    push('b=6', JOB='j', ON_EXIT='delete', COMPRESSION='gzip')
    gateway.settle()
    expect('delete', values(gateway), {('a', 'other'): 9})
    expect('groups', [labels for labels, _ in gateway.groups()], [{'job': 'other'}])
    push('a=1', JOB='other', ON_EXIT='delete')
    gateway.settle()
    expect('groups', list(gateway.groups()), [])


def judge_keys(program, path, gateway):
    """Values that a path cannot hold, and such as it can."""
    for value in ('plain', '/var/tmp', '', '.', '..', 'a b+c?d#e%f&g=h,i"j\\k', 'x\ny', '\u03a0/\U0001f600',
                  '/>>>???', '%2F', 'a' * 300):
        encoded = ''.join('%%%02X' % byte for byte in value.encode())
        what = 'the key %r' % value
        expect(what, run(program, path, 'a=1', gateway.url, JOB=value or 'empty',
                         GROUPING='zone=%s,instance=%s' % (encoded, encoded)), ('pushed', 'ended'))
        wanted = {'job': value or 'empty', 'zone': value}
        found = [labels for labels, families in gateway.groups() if 'a' in families]
        # It gives instance="" to all that have none.
        expect(what, [{n: v for n, v in labels.items() if n != 'instance' or v} for labels in found],
               [dict(wanted, instance=value) if value else wanted])
        expect(what, [sample.labels for sample in gateway.page().samples if sample.name == 'a'],
               [dict(wanted, instance=value)])
        expect(what, run(program, path, 'a=1', gateway.url, JOB=value or 'empty', ON_EXIT='delete',
                         GROUPING='zone=%s,instance=%s' % (encoded, encoded)), ('pushed', 'ended'))
        gateway.settle()
        expect(what, list(gateway.groups()), [])


def judge_ends(program, path, gateway):
    """Pushing again and again; a job that is killed leaves what it had pushed."""
    with job(program, path, 'a=1', gateway.url, INTERVAL='100ms', ON_EXIT='delete') as (process, said):
        expect('an interval', said, 'pushed')
        pushed = gateway.page().push_times[1].value
        harness.wait_for(lambda: gateway.page().push_times[1].value > pushed + 0.3,
                         'pushes by the interval', 20)
        process.kill()
        process.wait(30)
    expect('killed', values(gateway), {('a', 'receivers'): 1})
    expect('deleted', run(program, path, 'a=2', gateway.url, ON_EXIT='delete'),
           ('pushed', 'ended'))
    gateway.settle()
    expect('deleted', values(gateway), {})


def judge_many(program, path, gateway):
    begin = time.monotonic()
    expect('10,000 series', run(program, path, 'many', gateway.url, COMPRESSION='gzip'),
           ('pushed', 'ended'))
    took = time.monotonic() - begin
    many = {sample.labels['n']: sample.value for sample in gateway.page().samples
            if sample.name == 'many'}
    expect('10,000 series', many, {str(n): n * 0.5 for n in range(10000)})
    print('10,000 series pushed twice in %.2f s' % took)
    gateway.request('/metrics/job/receivers', 'DELETE')


def judge_refusals(program, path, gateway):
    """Refused as a whole, counted, told in its own words; others' metrics stay."""
    gateway.request('/metrics/job/before', 'PUT', b'# TYPE a counter\na 1\n')
    pushed, ended = run(program, path, 'a=2,b=1', gateway.url)
    for said in (pushed, ended):
        if 'http_400' not in said or 'is not a ' not in said:
            faults.append('a family of another type: %s' % said)
    expect('after a refusal', values(gateway), {('a', 'before'): 1})
    for url, words in ((gateway.url + '/elsewhere', ('http_404', 'no Pushgateway answers')),
                       ('http://127.0.0.1:%d' % harness.free_port(), ('connect',))):
        pushed, ended = run(program, path, 'a=2', url, ON_EXIT='delete', SECONDS=1)
        for word in words:
            if word not in ended:
                faults.append('%s: %s, must say %s' % (url, ended, word))


def judge_security(program, path, binary, openssl):
    for name in ('good', 'other'):
        judge_otlp_tls.authority(openssl, path, name)
    judge_otlp_tls.certificate(openssl, path, 'server', 'good', 'localhost')
    with open(path + '/web.yml', 'w', encoding='utf-8') as file:
        file.write(WEB_CONFIG.format(path=path))
    right = {'USERNAME': 'ann', 'PASSWORD': 's:3cr%t', 'CERTIFICATE': path + '/good.pem'}
    with pushgateway_server.Pushgateway(binary, path, path + '/web.yml', 'localhost', 'ann:s:3cr%t',
                                        path + '/good.pem') as gateway:
        for change, words in (({'PASSWORD': 'wrong'}, ('http_401', 'another user name')),
                              ({'USERNAME': '', 'PASSWORD': ''}, ('http_401',)),
                              ({'CERTIFICATE': path + '/other.pem'}, ('certificate',))):
            _, ended = run(program, path, 'a=1', gateway.url, SECONDS=1, **dict(right, **change))
            for word in words:
                if word not in ended:
                    faults.append('%s: %s, must say %s' % (change, ended, word))
        expect('without the right credentials', values(gateway), {})
        expect('with them', run(program, path, 'a=1', gateway.url, **right), ('pushed', 'ended'))
        expect('with them', values(gateway), {('a', 'receivers'): 1})
        expect('deleting', run(program, path, 'a=1', gateway.url, ON_EXIT='delete', **right),
               ('pushed', 'ended'))
        gateway.settle()
        expect('deleting', values(gateway), {})


def main():
    program = sys.argv[1]
    binary = harness.need_tool('prometheus-pushgateway')
    openssl = harness.need_tool('openssl')
    failed = 0
    with harness.directory() as path:
        failed |= judge_corpus(program, path, binary)
        failed |= judge_corpus(program, path, binary, METHOD='post', COMPRESSION='gzip')
        with pushgateway_server.Pushgateway(binary, path) as gateway:
            for judge in (judge_methods, judge_keys, judge_ends, judge_many, judge_refusals):
                judge(program, path, gateway)
        judge_security(program, path, binary, openssl)
    for text in faults[:40]:
        print('FAILED', text.encode('unicode_escape').decode()[:600])
    print('pushgateway: %d faults' % len(faults))
    sys.exit(1 if failed or faults else 0)


if __name__ == '__main__':
    main()
