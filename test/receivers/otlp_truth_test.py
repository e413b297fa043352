"""Shows that the judges of OTLP can fail: otlp_truth_test.py PROGRAM.

Each change below to what was decoded is one that a judge must see.
"""

import copy
import glob
import math
import pickle
import subprocess
import sys

import harness
import otlp_truth


def judged(path, requests):
    judge = otlp_truth.Judge('changed', path + '/truth.json')
    judge.judge(requests)
    return judge


def metric(requests, name):
    return next(found for _, _, metrics in requests for found in metrics if found.name == name)


def change_value(requests):
    point = metric(requests, 'gauges').points[5]
    point.value = math.nextafter(1.5, 2)


def forget_a_sign(requests):
    for point in metric(requests, 'gauges').points:
        if point.value == 0:
            point.value = 0.0


def change_kind(requests):
    point = metric(requests, 'integers_total').points[0]
    point.value = 7.0 if isinstance(point.value, int) else 7


def round_an_integer(requests):
    for point in metric(requests, 'integers_total').points:
        if point.value == 2**53 + 1:
            point.value = float(2**53 + 1)


def drop_a_point(requests):
    metric(requests, 'many_total').points.pop()


def repeat_a_point(requests):
    points = metric(requests, 'many_total').points
    points.append(points[0])


def drop_a_metric(requests):
    for _, _, metrics in requests:
        metrics[:] = [found for found in metrics if found.name != 'build_info']


def add_a_metric(requests):
    forged = copy.deepcopy(metric(requests, 'gauges'))
    forged.name = 'forged'
    requests[0][2].append(forged)


def add_a_label(requests):
    metric(requests, 'queue_length').points[0].attributes['more'] = 'x'


def change_a_label(requests):
    metric(requests, 'hostile_values_total').points[3].attributes['value'] += ' '


def change_help(requests):
    metric(requests, 'help_3').description += '.'


def change_unit(requests):
    metric(requests, 'disk_free_bytes').unit = 'bytes'


def be_monotonic(requests):
    metric(requests, 'queue_length').monotonic = True


def be_delta(requests):
    metric(requests, 'many_total').temporality = 1


def forget_metadata(requests):
    metric(requests, 'anything').metadata = {}


def be_cumulative(requests):
    point = metric(requests, 'observed').points[0]
    for i in range(1, len(point.buckets)):
        point.buckets[i] += point.buckets[i - 1]


def change_a_bound(requests):
    metric(requests, 'observed').points[0].bounds[0] += 1e-9


def add_a_sum(requests):
    metric(requests, 'observed_below_zero').points[0].sum = 0.0


def drop_a_sum(requests):
    metric(requests, 'observed').points[0].sum = None


def drop_a_quantile(requests):
    for point in metric(requests, 'produced_summary_seconds').points:
        if point.quantiles:
            point.quantiles.pop()


def begin_after_the_end(requests):
    point = metric(requests, 'many_total').points[0]
    point.start = point.time + 1


def have_another_time(requests):
    metric(requests, 'many_total').points[0].time += 1


def change_the_resource(requests):
    requests[0][0]['service.version'] = '1'


def write_the_pid_as_text(requests):
    requests[0][0]['process.pid'] = str(requests[0][0]['process.pid'])


CHANGES = [
    change_value, forget_a_sign, change_kind, round_an_integer, drop_a_point, repeat_a_point,
    drop_a_metric, add_a_metric, add_a_label, change_a_label, change_help, change_unit,
    be_monotonic, be_delta, forget_metadata, be_cumulative, change_a_bound, add_a_sum, drop_a_sum,
    drop_a_quantile, begin_after_the_end, have_another_time, change_the_resource,
    write_the_pid_as_text]


def main():
    failed = 0
    with harness.directory() as path:
        subprocess.run([sys.argv[1], path, 'raw', '-', '-'], check=True, timeout=120,
                       stderr=subprocess.DEVNULL)
        good = [otlp_truth.of_json(harness.read(name).decode())
                for name in glob.glob(path + '/json.cold.*')]
        unchanged = judged(path, good)
        if unchanged.faults:
            print('FAILED: unchanged, and yet: %s' % unchanged.faults[0])
            failed = 1
        kept = pickle.dumps(good)
        for change in CHANGES:
            requests = pickle.loads(kept)  # faster than a deep copy
            change(requests)
            if not judged(path, requests).faults:
                print('FAILED: nobody sees %s' % change.__name__)
                failed = 1
        unused = otlp_truth.Judge('no rule used', path + '/truth.json')
        if unused.finish() == 0:
            print('FAILED: a rule that is not needed is no fault')
            failed = 1
    print('%d changes' % len(CHANGES))
    sys.exit(failed)


if __name__ == '__main__':
    main()
