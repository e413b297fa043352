"""Judges the judge: each kind of difference must be a fault. matrix_test.py PROGRAM"""

import math
import sys

import harness
import matrix


def main():
    failed = 0
    with harness.directory() as path:
        with harness.corpus(sys.argv[1], path):
            pass
        for receiver in ('om_parser_new',):
            def faults(change):
                expected = matrix.Matrix(receiver, path + '/truth.json').expected()
                samples = [sample for _, sample in expected.values()]
                change(samples)
                judge = matrix.Matrix(receiver, path + '/truth.json')
                judge.judge_samples(samples)
                return judge.faults

            def find(samples, name, **labels):
                return next(sample for sample in samples if sample.name == name
                            and labels.items() <= sample.labels.items())

            def one_bit(samples):
                sample = find(samples, 'doubles_total', value='1')
                sample.value = math.nextafter(sample.value, math.inf)

            def sign_of_zero(samples):
                find(samples, 'gauges', value='1').value = 0.0

            def nan(samples):
                find(samples, 'gauges', value='4').value = 0.0

            def missing(samples):
                samples.remove(find(samples, 'many_total', n='1234'))

            def more(samples):
                samples.append(matrix.Sample('forged_total', {}, 1))

            def label(samples):
                find(samples, 'hostile_values_total', value='tab\ttab').labels['value'] = 'tab tab'

            def twice(samples):
                samples.append(find(samples, 'observed_count'))

            def bound(samples):
                sample = find(samples, 'observed_bucket', le='+Inf')
                sample.labels['le'] = 'Inf'

            def refused(samples):
                samples.append(matrix.Sample('refused_histogram_le_bucket', {'le': '1'}, 1))

            if faults(lambda samples: None):
                print('FAILED %s: the truth itself has faults' % receiver)
                failed = 1
            for change in (one_bit, sign_of_zero, nan, missing, more, label, twice, bound, refused):
                if not faults(change):
                    print('FAILED %s: %s is no fault' % (receiver, change.__name__))
                    failed = 1
    for value, text in ((0.1, '0.1'), (1, '1'), (10, '10'), (100000.0, '100000'), (1e6, '1e+06'),
                        (1e7, '1e+07'), (12345678.0, '1.2345678e+07'), (0.0001, '0.0001'),
                        (1e-5, '1e-05'), (5e-324, '5e-324'), (-0.5, '-0.5'), (0.0, '0'),
                        (123456789.5, '1.234567895e+08'), (1e300, '1e+300'), (-10.0, '-10')):
        if matrix.spelled(float(value), False) != text:
            print('FAILED spelled(%r) is %s' % (value, matrix.spelled(float(value), False)))
            failed = 1
    sys.exit(failed)


if __name__ == '__main__':
    main()
