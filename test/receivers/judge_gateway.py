"""Judges the drop-in's Gateway by prometheus-cpp's: judge_gateway.py ORIGINAL DROPIN.

Two builds of one program push to a real Pushgateway. Every call must give the same, and what is
then on the server's page must be the same: families, groups, labels, values.
"""

import subprocess
import sys

import harness
import pushgateway_server


def left_by(program, scenario, binary, path):
    """What the calls gave; then the page, with the push times as told or not."""
    with pushgateway_server.Pushgateway(binary, path) as gateway:
        said = subprocess.run([program, gateway.url.rsplit(':', 1)[1], scenario], check=True,
                              capture_output=True, timeout=60).stdout.decode()
        gateway.settle()
        page = gateway.page()
    times = sorted((s.name, sorted(s.labels.items()), s.value > 0) for s in page.push_times)
    samples = sorted((s.name, sorted(s.labels.items()), s.value) for s in page.samples)
    kinds = sorted((name, kind) for name, kind in page.kinds.items()
                   if not pushgateway_server.OWN.match(name))
    helps = sorted((name, text) for name, text in page.helps.items()
                   if not pushgateway_server.OWN.match(name))
    # The original also prints the server's answers; ours are in the log.
    codes = [line for line in said.splitlines() if line.startswith('call ')]
    return {'codes': codes, 'groups': times, 'samples': samples, 'types': kinds,
            'helps': helps}


def main():
    original, dropin = sys.argv[1:3]
    binary = harness.need_tool('prometheus-pushgateway')
    scenarios = subprocess.run([original], check=True, capture_output=True,
                               timeout=60).stdout.decode().splitlines()
    failed = 0 if scenarios else 1
    for scenario in scenarios:
        with harness.directory() as path:
            wanted = left_by(original, scenario, binary, path)
            got = left_by(dropin, scenario, binary, path)
        same = True
        for part in wanted:
            if repr(got[part]) != repr(wanted[part]):
                same = False
                print('FAILED %s, %s:\n  original %s\n  drop-in  %s' % (
                    scenario, part, wanted[part], got[part]))
        if not wanted['codes'] or not wanted['groups']:
            print('FAILED %s: nothing was compared' % scenario)
            same = False
        print('%s %s: %d samples in %d groups' % ('ok' if same else 'FAILED', scenario,
                                                  len(wanted['samples']), len(wanted['groups']) // 2))
        failed |= not same
    sys.exit(failed)


if __name__ == '__main__':
    main()
