"""What OTLP must carry of the corpus, and how that is compared.

Everything must arrive to the last bit, but for the rules below. A rule that no value needs is a
fault: so the list neither hides a difference nor promises one that does not exist.
"""

import codecs
import json
import math

import matrix

RULES = {
    'fffd': 'A byte that is not part of well-formed UTF-8 arrives as U+FFFD.',
    'merged': 'Series whose labels become one by another rule are one series, with the sum.',
    'own_label_wins': "A series' own label hides the constant label of the same name.",
    'ucum': 'A unit is written as its UCUM code.',
    'integer': 'Counters are integers where all of a family are whole numbers below 2^63.',
    'exact_integer': 'Among doubles, a whole number that no double holds stays an integer.',
    'nearest': 'A whole number from 2^63 on arrives as the nearest double.',
    'no_sum': 'A histogram has no sum where a bound or the sum is negative.',
    'no_summary_sum': 'A summary has no sum where it is negative or not a number.',
    'no_quantile': 'A summary has no quantiles of negative values or NaN.',
}
DELTA_RULES = {
    'unchanged': 'A counter or histogram that counted nothing is not among differences.',
}

UCUM = {'seconds': 's', 'bytes': 'By', 'celsius': 'Cel'}
TYPES = {'counter': 'sum', 'gauge': 'gauge', 'histogram': 'histogram', 'summary': 'summary',
         'info': 'sum', 'unknown': 'gauge'}


class Metric:
    """What a decoder found, in plain types; `points` by their attributes."""

    def __init__(self, name, data):
        self.name = name
        self.data = data
        self.temporality = 0
        self.monotonic = False
        self.description = ''
        self.unit = ''
        self.metadata = {}
        self.points = []


class Point:
    def __init__(self, attributes, time, start):
        self.attributes = attributes
        self.time = time
        self.start = start
        self.value = None       # int or float
        self.count = None
        self.sum = None         # None: there is none
        self.buckets = None
        self.bounds = None
        self.quantiles = None
        # Of exponential histograms.
        self.scale = None
        self.zero_count = None
        self.zero_threshold = None
        self.positive = None    # offset, counts
        self.negative = None
        self.exemplars = []

    def key(self):
        return tuple(sorted(self.attributes.items()))


class Exemplar:
    def __init__(self, attributes, time, value, trace_id, span_id):
        self.attributes = attributes
        self.time = time
        self.value = value      # int or float
        self.trace_id = trace_id  # hex
        self.span_id = span_id


# --- decoders' output as Metric -------------------------------------------------------------------

def _value_of_json(value):
    kind, = value.keys()
    return {'stringValue': str, 'boolValue': bool, 'intValue': int}[kind](value[kind])


def _attributes_of_json(pairs):
    attributes = {}
    for pair in pairs:
        if pair.get('key', '') in attributes:
            raise ValueError('a key twice: %r' % pair)
        attributes[pair.get('key', '')] = _value_of_json(pair['value'])
    return attributes


def _doubles(values):
    return [float(value) for value in values]


def _range_of_json(buckets):
    return (int(buckets.get('offset', 0)),
            [int(count) for count in buckets.get('bucketCounts', [])])


def _number_of_json(value):
    if ('asInt' in value) == ('asDouble' in value):
        raise ValueError('not one value: %r' % value)
    return int(value['asInt']) if 'asInt' in value else float(value['asDouble'])


def _exemplar_of_json(given):
    return Exemplar(_attributes_of_json(given.get('filteredAttributes', [])),
                    int(given.get('timeUnixNano', 0)), _number_of_json(given),
                    given.get('traceId', ''), given.get('spanId', ''))


def _point_of_json(data, json_point):
    point = Point(_attributes_of_json(json_point.get('attributes', [])),
                  int(json_point.get('timeUnixNano', 0)), int(json_point.get('startTimeUnixNano', 0)))
    point.exemplars = [_exemplar_of_json(e) for e in json_point.get('exemplars', [])]
    if data in ('gauge', 'sum'):
        point.value = _number_of_json(json_point)
        return point
    point.count = int(json_point.get('count', 0))
    point.sum = float(json_point['sum']) if 'sum' in json_point else None
    if data == 'histogram':
        point.buckets = [int(count) for count in json_point.get('bucketCounts', [])]
        point.bounds = _doubles(json_point.get('explicitBounds', []))
    elif data == 'exponentialHistogram':
        point.scale = int(json_point.get('scale', 0))
        point.zero_count = int(json_point.get('zeroCount', 0))
        point.zero_threshold = float(json_point.get('zeroThreshold', 0))
        point.positive = _range_of_json(json_point.get('positive', {}))
        point.negative = _range_of_json(json_point.get('negative', {}))
    else:
        point.quantiles = [(float(q.get('quantile', 0)), float(q.get('value', 0)))
                           for q in json_point.get('quantileValues', [])]
    return point


def of_json(text):
    """One request in OTLP's JSON: gives resource attributes, scope and metrics."""
    # -0 is a double, and nothing here is a bare integer that a double does not hold.
    request = json.loads(text, parse_int=float)
    (resource_metrics,) = request['resourceMetrics']
    (scope_metrics,) = resource_metrics['scopeMetrics']
    metrics = []
    for found in scope_metrics['metrics']:
        (data,) = {'gauge', 'sum', 'histogram', 'exponentialHistogram', 'summary'} & set(found)
        metric = Metric(found['name'], data)
        metric.temporality = int(found[data].get('aggregationTemporality', 0))
        metric.monotonic = found[data].get('isMonotonic', False)
        metric.description = found.get('description', '')
        metric.unit = found.get('unit', '')
        metric.metadata = _attributes_of_json(found.get('metadata', []))
        metric.points = [_point_of_json(data, point) for point in found[data]['dataPoints']]
        metrics.append(metric)
    scope = scope_metrics['scope']
    return (_attributes_of_json(resource_metrics['resource']['attributes']),
            (scope.get('name'), scope.get('version')), metrics)


def _attributes_of_protobuf(pairs):
    attributes = {}
    for pair in pairs:
        if pair.key in attributes:
            raise ValueError('a key twice: %r' % pair)
        attributes[pair.key] = getattr(pair.value, pair.value.WhichOneof('value'))
    return attributes


def _number_of_protobuf(given):
    kind = given.WhichOneof('value')
    if kind is None:
        raise ValueError('no value: %r' % given)
    return getattr(given, kind)


def of_protobuf(request):
    """A decoded ExportMetricsServiceRequest."""
    (resource_metrics,) = request.resource_metrics
    (scope_metrics,) = resource_metrics.scope_metrics
    metrics = []
    for found in scope_metrics.metrics:
        data = found.WhichOneof('data')
        content = getattr(found, data)
        data = {'exponential_histogram': 'exponentialHistogram'}.get(data, data)
        metric = Metric(found.name, data)
        metric.temporality = getattr(content, 'aggregation_temporality', 0)
        metric.monotonic = getattr(content, 'is_monotonic', False)
        metric.description = found.description
        metric.unit = found.unit
        metric.metadata = _attributes_of_protobuf(found.metadata)
        for given in content.data_points:
            point = Point(_attributes_of_protobuf(given.attributes), given.time_unix_nano,
                          given.start_time_unix_nano)
            if data != 'summary':
                point.exemplars = [
                    Exemplar(_attributes_of_protobuf(e.filtered_attributes), e.time_unix_nano,
                             _number_of_protobuf(e), e.trace_id.hex(), e.span_id.hex())
                    for e in given.exemplars]
            if data in ('gauge', 'sum'):
                point.value = _number_of_protobuf(given)
            else:
                point.count = given.count
                if data == 'histogram':
                    point.sum = given.sum if given.HasField('sum') else None
                    point.buckets = list(given.bucket_counts)
                    point.bounds = list(given.explicit_bounds)
                elif data == 'exponentialHistogram':
                    point.sum = given.sum if given.HasField('sum') else None
                    point.scale = given.scale
                    point.zero_count = given.zero_count
                    point.zero_threshold = given.zero_threshold
                    point.positive = given.positive.offset, list(given.positive.bucket_counts)
                    point.negative = given.negative.offset, list(given.negative.bucket_counts)
                else:
                    point.sum = given.sum if given.sum != 0 else None
                    point.quantiles = [(q.quantile, q.value) for q in given.quantile_values]
            metric.points.append(point)
        metrics.append(metric)
    return (_attributes_of_protobuf(resource_metrics.resource.attributes),
            (scope_metrics.scope.name, scope_metrics.scope.version), metrics)


# --- comparing --------------------------------------------------------------------------------------

def same(a, b):
    """Kind, value and sign; NaN as NaN."""
    if type(a) is not type(b):
        return False
    return matrix.same(a, b)


def same_list(a, b):
    return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b))


def _add(total, point):
    if point.value is not None:
        total.value += point.value
        return
    total.count += point.count
    total.sum = None if total.sum is None or point.sum is None else total.sum + point.sum
    total.buckets = [a + b for a, b in zip(total.buckets, point.buckets)]


def totals(pushes, fault):
    """One push that says what pushes of differences say together. Each difference must begin where the
    last one of its metric ended."""
    known = {}
    ended = {}
    for requests in pushes:
        times = {}
        for _, _, metrics in requests:
            for metric in metrics:
                for point in metric.points:
                    key = metric.name, point.key()
                    times[metric.name] = point.time
                    if metric.temporality != 1 or key not in known:
                        known[key] = point
                    else:
                        _add(known[key], point)
                    if metric.temporality == 1 and point.start != ended.get(metric.name,
                                                                            point.start):
                        fault('%s begins at %d, not at %d' % (metric.name, point.start,
                                                              ended[metric.name]))
        ended.update(times)
    out = {}
    for resource, scope, metrics in (request for requests in pushes for request in requests):
        for metric in metrics:
            out[metric.name] = (resource, scope, [metric])
            metric.points = []
    last = max(point.time for point in known.values())
    for (name, _), point in known.items():
        point.time = last
        out[name][2][0].points.append(point)
    return list(out.values())


class Judge:
    def __init__(self, receiver, truth_path, delta=False):
        self.delta = delta
        self.rules = {**RULES, **DELTA_RULES} if delta else RULES
        with open(truth_path, encoding='utf-8') as file:
            self.truth = json.load(file)
        self.receiver = receiver
        self.faults = []
        self.needed = set()
        self.compared = 0

    def fault(self, text):
        self.faults.append(text[:600])

    def need(self, rule):
        assert rule in self.rules
        self.needed.add(rule)

    def _text(self, data):
        try:
            return data.decode('utf-8')
        except UnicodeDecodeError:
            self.need('fffd')
            return data.decode('utf-8', 'fffd')

    def _attributes(self, family, point):
        attributes = {}
        for labels in (point['labels'], family['constant_labels'], self.truth['constant_labels']):
            for name, value in labels:
                name = matrix.raw(name).decode()
                if name in attributes:
                    self.need('own_label_wins')
                else:
                    attributes[name] = self._text(matrix.raw(value))
        return attributes

    def _counter(self, value, all_integers):
        if all_integers:
            self.need('integer')
            return value
        if isinstance(value, int) and value < 2**63 and float(value) != value:
            self.need('exact_integer')
            return value
        if isinstance(value, int) and float(value) != value:
            self.need('nearest')
        return float(value)

    def _expected(self, family):
        """Points by attributes; of a counter before its kind of number is chosen."""
        points = {}
        for true in family['points']:
            point = Point(self._attributes(family, true), None, None)
            if 'value' in true:
                point.value = matrix.number(true['value'])
            elif family['type'] == 'info':
                point.value = 1
            else:
                self._expect_distribution(family['type'], true, point)
            known = points.setdefault(point.key(), point)
            if known is not point:
                self.need('merged')
                if family['type'] != 'counter':
                    self._merge(known, point)
                else:
                    known.value += point.value
        if family['type'] == 'counter':
            whole = all(isinstance(point.value, int) and point.value < 2**63
                        for point in points.values())
            for point in points.values():
                point.value = self._counter(point.value, whole)
        return points

    def _merge(self, known, other):
        """Two texts that become one set one gauge, the last wins; a histogram has both."""
        if known.value is not None:
            known.value = other.value
            return
        known.count += other.count
        known.sum = known.sum + other.sum if known.sum is not None else None
        known.buckets = [a + b for a, b in zip(known.buckets, other.buckets)]

    def _expect_distribution(self, kind, true, point):
        parts = [(matrix.number(a), matrix.number(b)) for a, b in true.get('parts', [])]
        point.count = matrix.number(true.get('count', {'integer': '0'}))
        point.sum = matrix.number(true.get('sum', {'double': '0x0p+0'}))
        if kind == 'histogram':
            point.bounds = [bound for bound, _ in parts if bound != math.inf]
            point.buckets = [count for _, count in parts]
            if not point.sum >= 0 or (point.bounds and point.bounds[0] < 0):
                self.need('no_sum')
                point.sum = None
        else:
            point.quantiles = [(q, value) for q, value in parts if value >= 0]
            if len(point.quantiles) != len(parts):
                self.need('no_quantile')
            if not point.sum >= 0:
                self.need('no_summary_sum')
            if not point.sum > 0:  # 0 is what is not there
                point.sum = None

    def _compare_metric(self, family, metric):
        where = '%s: %s' % (self.receiver, family['name'])
        additive = family['kind'] == 'additive_gauge'
        data = 'sum' if additive else TYPES[family['type']]
        metadata = ({'prometheus.type': family['type']} if family['type'] in ('info', 'unknown')
                    else {})
        unit = family['unit']
        if unit in UCUM:
            self.need('ucum')
            unit = UCUM[unit]
        temporality = 2 if data in ('sum', 'histogram') else 0
        if self.delta and family['type'] in ('counter', 'histogram'):
            temporality = 1
        for what, got, wanted in (
                ('data', metric.data, data),
                ('temporality', metric.temporality, temporality),
                ('monotonic', metric.monotonic, family['type'] == 'counter'),
                ('description', metric.description, self._text(matrix.raw(family['help']))),
                ('unit', metric.unit, unit),
                ('metadata', metric.metadata, metadata)):
            if got != wanted:
                self.fault('%s: %s is %r, must be %r' % (where, what, got, wanted))

    def _compare_point(self, where, wanted, got):
        good = got.count == wanted.count
        good = good and (got.value is None) == (wanted.value is None)
        if good and wanted.value is not None:
            good = same(got.value, wanted.value)
        if good and wanted.count is not None:
            good = (got.sum is None) == (wanted.sum is None)
            good = good and (wanted.sum is None or same(got.sum, wanted.sum))
        for name in ('buckets', 'bounds'):
            if good and getattr(wanted, name) is not None:
                good = same_list(getattr(got, name), getattr(wanted, name))
        if good and wanted.quantiles is not None:
            good = (same_list([q for q, _ in got.quantiles], [q for q, _ in wanted.quantiles]) and
                    same_list([v for _, v in got.quantiles], [v for _, v in wanted.quantiles]))
        if not good:
            self.fault('%s: %r\n  got  %r\n  must %r' % (where, wanted.attributes, vars(got),
                                                        vars(wanted)))
        if got.start > got.time or not got.time:
            self.fault('%s: begins at %d, ends at %d' % (where, got.start, got.time))
        self.compared += 1

    def judge(self, requests, turn=''):
        """`requests`: those of one snapshot, as of_json and of_protobuf give them."""
        metrics = {}
        points = {}
        resources = []
        for resource, scope, found in requests:
            resources.append(resource)
            if scope[0] != 'polymeter' or not scope[1]:
                self.fault('%s: scope %r' % (self.receiver, scope))
            for metric in found:
                metrics.setdefault(metric.name, []).append(metric)  # one for each request
                for point in metric.points:
                    if point.key() in points.setdefault(metric.name, {}):
                        self.fault('%s: twice: %s %r' % (self.receiver, metric.name, point.key()))
                    points[metric.name][point.key()] = point
        self._judge_resources(resources)
        times = {point.time for found in points.values() for point in found.values()}
        if len(times) != 1:
            self.fault('%s%s: %d different times' % (self.receiver, turn, len(times)))
        for family in self.truth['families']:
            wanted = self._expected(family)
            if self.delta and family['type'] in ('counter', 'histogram'):
                wanted = self._changed(wanted)
            got = points.pop(family['name'], {})
            if not wanted and not got:
                continue
            if not got:
                self.fault('%s: no %s' % (self.receiver, family['name']))
                continue
            for metric in metrics[family['name']]:
                self._compare_metric(family, metric)
            for key, point in wanted.items():
                where = '%s%s: %s' % (self.receiver, turn, family['name'])
                if key in got:
                    self._compare_point(where, point, got.pop(key))
                else:
                    self.fault('%s: missing %r' % (where, key))
            for key in got:
                self.fault('%s: not in the truth: %s %r' % (self.receiver, family['name'], key))
        for name in points:
            if not name.startswith('polymeter_'):
                self.fault('%s: not in the truth: %s' % (self.receiver, name))

    def _changed(self, points):
        changed = {key: point for key, point in points.items() if point.value or point.count}
        if len(changed) != len(points):
            self.need('unchanged')
        return changed

    def _judge_resources(self, resources):
        if not resources:
            self.fault('%s: nothing arrived' % self.receiver)
        for resource in resources:
            for name, value in self.truth['resource']:
                name, value = matrix.raw(name).decode(), self._text(matrix.raw(value))
                if resource.get(name) != value:
                    self.fault('%s: resource %s is %r, must be %r' % (
                        self.receiver, name, resource.get(name), value))
            if not isinstance(resource.get('process.pid'), int):
                self.fault('%s: process.pid is %r' % (self.receiver, resource.get('process.pid')))

    def finish(self):
        """Prints the verdict; gives the exit code."""
        for rule in set(self.rules) - self.needed:
            self.fault('%s: rule %s is not needed' % (self.receiver, rule))
        for text in self.faults[:40]:
            print('FAILED', text.encode('unicode_escape').decode())
        if len(self.faults) > 40:
            print('... and %d more' % (len(self.faults) - 40))
        print('%s: %d points compared, %d faults' % (self.receiver, self.compared,
                                                     len(self.faults)))
        return 1 if self.faults or not self.compared else 0


assert codecs.lookup_error('fffd')  # registered by matrix
