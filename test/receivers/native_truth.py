"""What OTLP must carry of native_source.cpp: every observation in the bucket that the definition of an
exponential histogram gives it, worked out here from the observations alone.
"""

import decimal
import json
import math

PREFIX = 'native_'
decimal.getcontext().prec = 60


def bound(scale, index):
    """The upper bound of OpenTelemetry's bucket `index`."""
    return decimal.Decimal(2) ** (decimal.Decimal(index + 1) / decimal.Decimal(2) ** scale)


def bucket(scale, value):
    """(lower, upper] in exact arithmetic; the logarithm gives a first guess only."""
    index = math.ceil(math.log2(value) * 2.0**scale) - 1
    exact = decimal.Decimal(value)
    while exact > bound(scale, index):
        index += 1
    while exact <= bound(scale, index - 1):
        index -= 1
    return index


def populated(buckets):
    offset, counts = buckets
    return {offset + i: count for i, count in enumerate(counts) if count}


class Judge:
    def __init__(self, receiver, truth_path, delta=False):
        with open(truth_path, encoding='utf-8') as file:
            self.truth = json.load(file)
        self.receiver = receiver
        self.delta = delta
        self.faults = []
        self.compared = 0
        self.exemplars = 0

    def fault(self, text):
        self.faults.append('%s: %s' % (self.receiver, text[:600]))

    def take(self, requests):
        """Takes what is judged here away from the requests of one push."""
        found = []
        for _, _, metrics in requests:
            found += [metric for metric in metrics if metric.name.startswith(PREFIX)]
            metrics[:] = [metric for metric in metrics if not metric.name.startswith(PREFIX)]
        return found

    def judge(self, metrics, turn):
        """`turn`: after how many batches, from 0. `metrics`: as `take` gives them."""
        points = {}
        temporality = 1 if self.delta else 2
        for metric in metrics:
            data = 'sum' if metric.name == 'native_jobs_total' else 'exponentialHistogram'
            if metric.data != data or metric.temporality != temporality:
                self.fault('%s is %s of temporality %d' % (metric.name, metric.data,
                                                           metric.temporality))
            for point in metric.points:
                key = metric.name, point.attributes.get('n')
                if key in points:
                    self.fault('%r twice' % (key,))
                points[key] = point
                if not 0 <= point.start <= point.time:
                    self.fault('%r begins at %d, ends at %d' % (key, point.start, point.time))
        for series in self.truth['histograms']:
            self._judge_series(series, turn, points.pop((series['family'], series['n']), None))
        if self.truth['increments']:
            self._judge_counter(turn, points.pop(('native_jobs_total', None), None))
        for key in points:
            self.fault('not in the truth: %r' % (key,))

    def _batches(self, turn):
        return [turn] if self.delta else range(turn + 1)

    def _judge_series(self, series, turn, got):
        batches = [series['batches'][i] for i in self._batches(turn)]
        values = [float.fromhex(text) for batch in batches for text in batch['observations']]
        where = 'push %d %s %s' % (turn + 1, series['family'], series['n'])
        if got is None:
            if not self.delta or values:
                self.fault('no ' + where)
            return
        if got.scale is None:  # another kind of point, which has been said
            return
        scale = series['batches'][turn]['schema']
        threshold = float.fromhex(series['zero_threshold'])
        wanted = {'positive': {}, 'negative': {}}
        zeros = 0
        for value in values:
            if math.isinf(value):
                continue
            if abs(value) <= threshold:
                zeros += 1
                continue
            counts = wanted['positive' if value > 0 else 'negative']
            index = bucket(scale, abs(value))
            counts[index] = counts.get(index, 0) + 1
        finite = [value for value in values if not math.isinf(value)]
        for what, found, right in (
                ('scale', got.scale, scale),
                ('zero count', got.zero_count, zeros),
                ('zero threshold', got.zero_threshold, threshold),
                ('positive', populated(got.positive), wanted['positive']),
                ('negative', populated(got.negative), wanted['negative']),
                ('count', got.count, len(finite))):
            if found != right:
                self.fault('%s: %s is %r, must be %r' % (where, what, found, right))
        total = math.fsum(finite)
        has_sum = len(finite) == len(values) and not wanted['negative'] and total >= 0
        if (got.sum is not None) != has_sum or (
                has_sum and not math.isclose(got.sum, total, rel_tol=1e-12)):
            self.fault('%s: sum is %r, must be %r' % (where, got.sum, total if has_sum else None))
        self._compare_exemplars(where, got, [e for batch in batches for e in batch['exemplars']])
        self.compared += 1

    def _judge_counter(self, turn, got):
        where = 'push %d native_jobs_total' % (turn + 1)
        if got is None:
            self.fault('no ' + where)
            return
        value = 3 if self.delta else 3 * (turn + 1)
        if got.value != value or not isinstance(got.value, int):
            self.fault('%s is %r, must be %d' % (where, got.value, value))
        self._compare_exemplars(where, got, [self.truth['increments'][turn]], int)
        self.compared += 1

    def _compare_exemplars(self, where, got, wanted, kind=float):
        """`wanted` says between which times each was made. Those of one tick of the clock come in
        any order."""
        wanted = sorted((kind(float.fromhex(value)), trace, span, sorted(labels.items()),
                         int(begin), int(end)) for value, begin, end, trace, span, labels in wanted)
        found = sorted(((e.value, e.trace_id, e.span_id, sorted(e.attributes.items()), e.time)
                        for e in got.exemplars))
        times = [e.time for e in got.exemplars]
        if ([e[:4] for e in found] != [e[:4] for e in wanted] or
                any(type(e.value) is not kind for e in got.exemplars) or
                any(not begin <= e[4] <= end for e, (*_, begin, end) in zip(found, wanted)) or
                times != sorted(times)):
            self.fault('%s: exemplars are %r, must be %r' % (where, found, wanted))
        self.exemplars += len(found)

    def finish(self):
        """Prints the verdict; gives the exit code."""
        for text in self.faults[:20]:
            print('FAILED', text.encode('unicode_escape').decode())
        print('%s: %d exponential histograms and exemplars of %d compared, %d faults' % (
            self.receiver, self.compared, self.exemplars, len(self.faults)))
        missing = not self.compared or bool(self.truth['increments']) != bool(self.exemplars)
        return 1 if self.faults or missing else 0
