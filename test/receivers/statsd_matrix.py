"""What a StatsD receiver must read back, by statsd_matrix.json; the rules are explained there."""

import codecs
import json
import math
import os
import re

import matrix

HERE = os.path.dirname(os.path.abspath(__file__))
MOST_BYTES = 1200  # of a label that surely fits into a packet; the corpus has 8,000 or far fewer
MOST_TAG = 200
FLUSHES = 2  # that statsd_send makes of everything

assert codecs.lookup_error('fffd')  # matrix registers it


class Expected:
    """`counters` and `gauges`: (name, labels) -> set of values that may be read back. Labels are a
    text where they are in the name, else a tuple of pairs."""

    def __init__(self, receiver, truth_path):
        with open(os.path.join(HERE, 'statsd_matrix.json'), encoding='utf-8') as file:
            table = json.load(file)
        with open(truth_path, encoding='utf-8') as file:
            self.truth = json.load(file)
        self.receiver = receiver
        self.tags = table['receivers'][receiver]['tags']
        self.dogstatsd = table['receivers'][receiver]['dialect'] == 'dogstatsd'
        self.faults = []
        self.cells = {}
        for kind, row in table['values'].items():
            self.cells[kind] = matrix.Cell('%s x %s' % (kind, receiver), row[receiver])
            for rule in self.cells[kind].rules:
                if rule not in table['rules']:
                    self.fault('no such rule in statsd_matrix.json: ' + rule)
        self.counters = {}
        self.gauges = {}
        self.kinds = {}
        self.dropped = {}
        self.refused = 0  # lines that the receiver does not take
        self.compared = 0
        for family in self.truth['families']:
            for point in family['points']:
                self._point(self.cells[family['kind']], family, point)

    def fault(self, text):
        self.faults.append(text[:600])

    def _need(self, cell, rule, what):
        if not cell.allows(rule):
            self.fault('%s: needs the rule %s: %r' % (cell.where, rule, what))

    def _drop(self, reason):
        self.dropped[reason] = self.dropped.get(reason, 0) + 1

    # --- texts ------------------------------------------------------------------------------

    def _text(self, cell, data):
        data = matrix.raw(data)
        try:
            return data.decode('utf-8')
        except UnicodeDecodeError:
            self._need(cell, 'fffd', data)
            return data.decode('utf-8', 'fffd')

    def _name(self, cell, name):
        if ':' in name:
            self._need(cell, 'colon', name)
        return name.replace(':', '_')

    def _value_text(self, cell, name, text):
        if self.tags == 'dogstatsd':
            changed = re.sub('[,|\x00-\x1f\x7f]', '_', text)
            rule = 'fields'
        else:
            keep = '.' if self.tags == 'graphite' else ''
            changed = re.sub('[^A-Za-z0-9_%s-]' % keep, '_', text)
            rule = 'words'
        if changed != text:
            self._need(cell, rule, text)
        if self.dogstatsd and len(name) + 1 + len(changed) > MOST_TAG:
            self._need(cell, 'cut', changed)
            changed = changed[:MOST_TAG - len(name) - 1]
        return changed

    def _labels(self, cell, family, point):
        own = [(matrix.raw(n).decode(), self._text(cell, v)) for n, v in point['labels']]
        fixed = [(matrix.raw(n).decode(), self._text(cell, v))
                 for n, v in family['constant_labels']]
        everywhere = [(matrix.raw(n).decode(), self._text(cell, v))
                      for n, v in self.truth['constant_labels']]
        if self.dogstatsd:  # Datadog's unified tags, from the resource
            resource = {matrix.raw(n): v for n, v in self.truth['resource']}
            everywhere = [('service', self._text(cell, resource[b'service.name'])),
                          ('version', self._text(cell, resource[b'service.version']))] + everywhere
        seen = {name for name, _ in own}
        before = []
        for name, value in fixed + everywhere:
            if name in seen:
                if self.dogstatsd and name in ('service', 'version'):
                    continue
                self._need(cell, 'own_label_wins', name)
                continue
            seen.add(name)
            before.append((name, value))
        labels = []
        for name, value in before + own:
            if value == '':
                self._need(cell, 'empty_is_absent', name)
            else:
                labels.append((name, self._value_text(cell, name, value)))
        return labels

    def _key(self, cell, name, labels, extra=None):
        if extra is not None:
            text = matrix.spelled(extra[1], False)
            if self.tags != 'dogstatsd':
                if '+' in text:
                    self._need(cell, 'bounds', text)
                text = text.replace('+', '')
            labels = labels + [(extra[0], self._value_text(cell, extra[0], text))]
        if self.tags == 'none':
            return name + ''.join('.%s.%s' % label for label in labels), ()
        return name, tuple(sorted(labels))

    # --- values -----------------------------------------------------------------------------

    def _point(self, cell, family, point):
        name = self._name(cell, family['name'])
        labels = self._labels(cell, family, point)
        kind = family['type']
        longest = max((len(matrix.raw(v)) for _, v in point['labels']), default=0)
        if longest > MOST_BYTES and not self.dogstatsd:
            self._need(cell, 'too_large', longest)
            self._drop('too_large')
            return
        fine = True
        if kind == 'counter':
            fine = self._counter(cell, self._key(cell, name, labels), point['value'])
        elif kind in ('gauge', 'unknown'):
            fine = self._gauge(cell, self._key(cell, name, labels), point['value'])
        elif kind == 'info':
            fine = self._gauge(cell, self._key(cell, name, labels), {'integer': '1'})
        else:
            total = 0
            for part, value in point['parts']:
                part = matrix.number(part)
                if kind == 'histogram':
                    total += int(value['integer'])
                    key = self._key(cell, name + '_bucket', labels, ('le', part))
                    self._counter(cell, key, {'integer': str(total)})
                elif math.isnan(matrix.number(value)):
                    self._need(cell, 'no_quantile', name)
                else:
                    key = self._key(cell, name + '_quantile', labels, ('quantile', part))
                    fine &= self._gauge(cell, key, value)
            fine &= self._counter(cell, self._key(cell, name + '_sum', labels), point['sum'])
            self._counter(cell, self._key(cell, name + '_count', labels), point['count'])
        if not fine:
            self._drop('not_finite')

    def _number(self, cell, value):
        value = matrix.number(value)
        if isinstance(value, float) and not math.isfinite(value):
            self._need(cell, 'not_finite', value)
            return None
        if isinstance(value, int) and float(value) != value:
            self._need(cell, 'float64', value)
        return float(value)

    def _counter(self, cell, key, value):
        value = self._number(cell, value)
        if value is None:
            return False
        if value == 0:
            self._need(cell, 'silent', key)
        elif value < 0 and 'refuses_negative' in cell.rules:
            cell.allows('refuses_negative')
            self.refused += 1
        else:
            self.kinds[key] = cell
            if key in self.counters:
                self._need(cell, 'added', key)
                value += self.counters[key].pop()
            self.counters[key] = {value}
        return True

    def _gauge(self, cell, key, value):
        value = self._number(cell, value)
        if value is None:
            return False
        if value == 0 and math.copysign(1, value) < 0:
            self._need(cell, 'zero_unsigned', key)
            value = 0.0
        self.kinds[key] = cell
        if value < 0 and 'sign_is_difference' in cell.rules:
            cell.allows('sign_is_difference')
            self.gauges[key] = {sum(self.gauges.get(key, ())) + FLUSHES * value}
            return True
        if key in self.gauges:
            self._need(cell, 'overwritten', key)
        self.gauges.setdefault(key, set()).add(value)
        return True

    # --- comparing --------------------------------------------------------------------------

    def judge(self, what, expected, got):
        """`got`: (name, labels) -> float."""
        for key, values in expected.items():
            where = self.kinds[key].where
            if key not in got:
                self.fault('%s: %s missing: %s' % (where, what, key))
            elif got[key] not in values:
                self.fault('%s: %s %s is %r, must be %r' % (where, what, key, got[key], values))
            else:
                self.compared += 1
        for key in got.keys() - expected.keys():
            if not re.match('polymeter_|statsd[._]', key[0]):
                self.fault('%s: %s not in the truth: %s' % (self.receiver, what, key))

    def finish(self):
        counted = {reason: points for _, reason, points in self.truth['dropped']}
        if counted != self.dropped:
            self.fault('%s: dropped must be %s, and %s are counted' % (
                self.receiver, self.dropped, counted))
        for cell in self.cells.values():
            for rule in cell.rules:
                if rule not in cell.needed:
                    self.fault('%s: rule %s is not needed; statsd_matrix.json says too much' % (
                        cell.where, rule))
        return report(self.receiver, self.compared, self.faults)


def report(receiver, compared, faults):
    """Prints the verdict; gives the exit code."""
    for text in faults[:40]:
        print('FAILED', text.encode('unicode_escape').decode())
    if len(faults) > 40:
        print('... and %d more' % (len(faults) - 40))
    print('%s: %d values compared, %d faults' % (receiver, compared, len(faults)))
    return 1 if faults or not compared else 0


# --- what `statsd_send timings` records ------------------------------------------------------

COUNTERS = {'whole': 7.0, 'part': 0.25, 'once': 1.0}
GAUGES = {'0': 7.0, '1': -7.0, '2': 7.0, '3': -7.0, '4': -7.0, '5': 0.0, '6': -5.0, '7': -0.125}
# Of one flush: family, series -> (observation, how often).
OBSERVATIONS = {
    ('size_bytes', 'some'): [(100, 7), (200, 7), (300, 6)],
    ('wait_seconds', 'all'): [(0.25, 1), (0.5, 1), (0.125, 1)],
    ('wait_seconds', 'some'): [(0.25, 15), (0.5, 15)] + [(x, 14) for x in (0.125, 1, 2, 3, 4)],
    ('wait_seconds', 'one'): [(0.5, 93)],
    ('wait_seconds', 'most'): [(1, 2)] + [(x, 1) for x in range(2, 11)],
    ('wait_seconds', 'none kept'): [(0.5, 30)],
    ('wait_seconds', 'zero'): [(0, 2)],
    ('wait_seconds', 'exponential'): [(2, 1), (32, 4), (0, 2)],  # the geometric middles
    ('wait_seconds', 'packed'): [(0.125 * i, 1) for i in range(90)],
}
