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
import native_truth
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


# --- exponential histograms and exemplars ---------------------------------------------------------

def native(requests, n):
    return metric(requests, 'native_' + n).points[0]


def shift_an_offset(requests):
    point = native(requests, 'powers')
    point.positive = point.positive[0] + 1, point.positive[1]


def move_a_count(requests):
    counts = native(requests, 'usual').positive[1]
    counts[0], counts[1] = counts[0] - 1, counts[1] + 1


def change_the_scale(requests):
    native(requests, 'coarse').scale = -3


def swap_the_signs(requests):
    point = native(requests, 'below_zero')
    point.positive, point.negative = point.negative, point.positive


def lose_the_zeros(requests):
    native(requests, 'zeros').zero_count = 0


def lose_the_threshold(requests):
    native(requests, 'zeros').zero_threshold = 0.0


def count_infinities(requests):
    native(requests, 'infinite').count += 1


def have_a_negative_sum(requests):
    native(requests, 'below_zero').sum = 1.0


def forget_a_sum(requests):
    native(requests, 'usual').sum = None


def drop_an_exponential_point(requests):
    metric(requests, 'native_coarse').points.pop()


def be_explicit(requests):
    metric(requests, 'native_explicit_too').data = 'histogram'


def lose_an_exemplar(requests):
    native(requests, 'usual').exemplars.pop()


def be_of_another_trace(requests):
    exemplar = native(requests, 'usual').exemplars[0]
    exemplar.trace_id = exemplar.trace_id[::-1]


def lose_the_span(requests):
    metric(requests, 'native_jobs_total').points[0].exemplars[0].span_id = ''


def change_an_exemplars_label(requests):
    native(requests, 'usual').exemplars[1].attributes['user'] += ' '


def change_an_exemplars_time(requests):
    native(requests, 'usual').exemplars[0].time += 1


def make_an_exemplar_a_double(requests):
    exemplar = metric(requests, 'native_jobs_total').points[0].exemplars[0]
    exemplar.value = float(exemplar.value)


NATIVE_CHANGES = [
    shift_an_offset, move_a_count, change_the_scale, swap_the_signs, lose_the_zeros,
    lose_the_threshold, count_infinities, have_a_negative_sum, forget_a_sum,
    drop_an_exponential_point, be_explicit, lose_an_exemplar, be_of_another_trace, lose_the_span,
    change_an_exemplars_label, change_an_exemplars_time, make_an_exemplar_a_double]


def native_faults(path, requests):
    judge = native_truth.Judge('changed', path + '/native.json')
    judge.judge(judge.take(requests), 0)
    return judge.faults


def main():
    failed = 0
    with harness.directory() as path:
        subprocess.run([sys.argv[1], path, 'raw', '-', '-', 'NATIVE=producer'], check=True, timeout=120,
                       stderr=subprocess.DEVNULL)
        good = [otlp_truth.of_json(harness.read(name).decode())
                for name in glob.glob(path + '/json.cold.*')]
        kept = pickle.dumps([(resource, scope, [found for found in metrics
                                                if found.name.startswith(native_truth.PREFIX)])
                             for resource, scope, metrics in good])
        if native_faults(path, good):
            print('FAILED: unchanged, and yet: %s' % native_faults(path, pickle.loads(kept))[0])
            failed = 1
        for change in NATIVE_CHANGES:
            requests = pickle.loads(kept)
            change(requests)
            if not native_faults(path, requests):
                print('FAILED: nobody sees %s' % change.__name__)
                failed = 1
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
    print('%d changes' % len(CHANGES + NATIVE_CHANGES))
    sys.exit(failed)


if __name__ == '__main__':
    main()
