"""What a receiver must read back of a family, by matrix.json, and how that is compared.

A rule that a value needs must be named in its cell, and a rule that is named must be needed: so
the table neither hides a difference nor promises one that does not exist.
"""

import base64
import codecs
import decimal
import json
import math
import os

HERE = os.path.dirname(os.path.abspath(__file__))

codecs.register_error('fffd', lambda error: ('\ufffd', error.start + 1))  # one for each byte


class Sample:
    """One line of a page: name, labels as a dict, value as int or float."""

    def __init__(self, name, labels, value):
        self.name = name
        self.labels = labels
        self.value = value

    def key(self):
        return self.name, tuple(sorted(self.labels.items()))


class Metadata:
    def __init__(self, kind=None, documentation=None, unit=None):
        self.kind = kind
        self.documentation = documentation
        self.unit = unit


def number(text):
    return int(text['integer']) if 'integer' in text else float.fromhex(text['double'])


def raw(text):
    return base64.b64decode(text)


def spelled(value, openmetrics):
    """A bound or quantile as it must stand in a label: Go's %g, in OpenMetrics with `.0`."""
    if math.isinf(value):
        return '+Inf' if value > 0 else '-Inf'
    sign, digits, exponent = decimal.Decimal(repr(value)).as_tuple()
    text = ''.join(map(str, digits)).rstrip('0') or '0'
    exponent += len(digits) - 1 if value else 0
    if value == 0:
        result = '0'
    elif exponent < -4 or exponent >= 6:
        result = text[0] + ('.' + text[1:] if len(text) > 1 else '')
        result += 'e%s%02d' % ('-' if exponent < 0 else '+', abs(exponent))
    elif exponent < 0:
        result = '0.' + '0' * (-exponent - 1) + text
    else:
        text = text.ljust(exponent + 1, '0')
        result = text[:exponent + 1]
        if len(text) > exponent + 1:
            result += '.' + text[exponent + 1:]
    if openmetrics and '.' not in result and 'e' not in result:
        result += '.0'
    return ('-' if sign else '') + result


def same(a, b):
    """Integers exactly, doubles to the last bit and sign, NaN as NaN."""
    if isinstance(a, float) and isinstance(b, float) and math.isnan(a) and math.isnan(b):
        return True
    if a != b:
        return False
    return a != 0 or math.copysign(1, a) == math.copysign(1, b)


class Cell:
    """The rules of one cell, and which of them were needed."""

    def __init__(self, where, text):
        self.where = where
        words = text.split()
        self.reason = words[1] if words[0] == 'cannot' else None
        self.rules = [] if words[0] in ('exact', 'cannot') else words
        self.needed = set()
        self.left_out = 0  # points

    def allows(self, rule):
        """Whether `rule` may be applied; to be asked only where the value needs it."""
        if rule not in self.rules:
            return False
        self.needed.add(rule)
        return True


class Matrix:
    TABLE = 'matrix.json'

    def __init__(self, receiver, truth_path):
        with open(os.path.join(HERE, self.TABLE), encoding='utf-8') as file:
            self.table = json.load(file)
        with open(truth_path, encoding='utf-8') as file:
            self.truth = json.load(file)
        self.receiver = receiver
        reads = self.table.get('receivers', {}).get(receiver, {})
        self.format = reads.get('format')
        self.openmetrics = self.format == 'openmetrics'
        # Where the format has numbers, the server writes bounds as OpenMetrics does.
        self.float_bounds = self.format in ('openmetrics', 'protobuf')
        self.like = reads.get('like', receiver)  # whose column it has where it has none
        self.faults = []
        self.cells = {}
        self.compared = {}  # samples by kind
        for kind, row in self.table['values'].items():
            self.cells[kind] = self._cell(kind, row)
        for aspect, row in self.table['metadata'].items():
            if receiver in row or self.like in row:
                self.cells['metadata ' + aspect] = self._cell('metadata ' + aspect, row)
        used = {rule for cell in self.cells.values() for rule in cell.rules}
        for rule in used - set(self.table['rules']):
            self.fault('no such rule in %s: %s' % (self.TABLE, rule))

    def _cell(self, name, row):
        rules = row[self.receiver if self.receiver in row else self.like]
        return Cell('%s x %s' % (name, self.receiver), rules)

    def fault(self, text):
        self.faults.append(text[:600])

    # --- what must come ---------------------------------------------------------------------

    def _text(self, cell, data):
        try:
            return data.decode('utf-8')
        except UnicodeDecodeError:
            if cell.allows('fffd'):
                return data.decode('utf-8', 'fffd')
            self.fault('%s: %r is not UTF-8 and no rule says how it reads' % (cell.where, data))
            return data.decode('utf-8', 'replace')

    def _labels(self, cell, family, point):
        own = [(raw(n).decode(), self._text(cell, raw(v))) for n, v in point['labels']]
        fixed = [(raw(n).decode(), self._text(cell, raw(v)))
                 for n, v in family['constant_labels']]
        everywhere = [(raw(n).decode(), self._text(cell, raw(v)))
                      for n, v in self.truth['constant_labels']]
        labels = {}
        for name, value in own + fixed + everywhere:
            if name not in labels:
                labels[name] = value
            elif not cell.allows('own_label_wins'):
                self.fault('%s: two labels %s and no rule' % (cell.where, name))
        return labels

    def _receivers_labels(self, cell, labels):
        """Names of our own first: le is never renamed."""
        out = {}
        for name, value in labels.items():
            if value == '' and 'empty_is_absent' in cell.rules:
                cell.allows('empty_is_absent')
                continue
            if name in ('job', 'instance') and 'resource_wins' in cell.rules:
                cell.allows('resource_wins')
                continue
            if name in ('job', 'instance') and 'exported' in cell.rules:
                cell.allows('exported')
                name = 'exported_' + name
            out[name] = value
        return out

    def _value(self, cell, value):
        if isinstance(value, int):
            try:
                nearest = float(value)
            except OverflowError:
                nearest = math.inf
            if nearest != value and 'float64' in cell.rules:
                cell.allows('float64')
                return nearest
        elif value == 0 and math.copysign(1, value) < 0 and 'zero_unsigned' in cell.rules:
            cell.allows('zero_unsigned')
            return 0
        return value

    def _has_sum(self, cell, family, point):
        first = number(point['parts'][0][0]) if family['type'] == 'histogram' else 0
        carried = number(point['sum']) >= 0 and first >= 0
        if carried or not self.openmetrics:
            return True
        if not cell.allows('no_sum'):
            self.fault('%s: a sum that OpenMetrics cannot carry and no rule' % cell.where)
        return False

    def _lines(self, cell, family, point, labels):
        name = family['name']
        kind = family['type']
        if kind == 'info':
            yield name if name.endswith('_info') else name + '_info', labels, 1
        elif kind in ('histogram', 'summary'):
            cumulative = 0
            for part, value in point['parts']:
                value = number(value)
                part = spelled(number(part), self.float_bounds)
                if kind == 'histogram':
                    cumulative += value
                    yield name + '_bucket', dict(labels, le=part), cumulative
                elif self.openmetrics and value < 0:
                    if not cell.allows('no_negative_quantile'):
                        self.fault('%s: a negative quantile and no rule' % cell.where)
                else:
                    yield name, dict(labels, quantile=part), value
            has_sum = self._has_sum(cell, family, point)
            if has_sum:
                yield name + '_sum', labels, number(point['sum'])
            if has_sum or kind == 'summary':
                count = number(point['count'])
                if float(count) == 2.0 ** 64 and 'count_overflows' in cell.rules:
                    cell.allows('count_overflows')
                    count = 2 ** 63
                yield name + '_count', labels, count
        else:
            if kind == 'counter' and not name.endswith('_total') and (
                    'total_appended' in cell.rules):
                cell.allows('total_appended')
                name += '_total'
            yield name, labels, number(point['value'])

    def expected(self):
        samples = {}
        for family in self.truth['families']:
            for point in family['points']:
                kind = family['kind']
                cell = self.cells[kind]
                if cell.reason:
                    cell.left_out += 1
                    continue
                labels = self._labels(cell, family, point)
                for name, full, value in self._lines(cell, family, point, labels):
                    sample = Sample(name, self._receivers_labels(cell, full),
                                    self._value(cell, value))
                    known = samples.get(sample.key())
                    if known is not None:
                        if not cell.allows('merged'):
                            self.fault('%s: two series %s and no rule' % (cell.where, sample.key()))
                        known[1].value += sample.value
                    else:
                        samples[sample.key()] = (kind, sample)
        return samples

    # --- comparing --------------------------------------------------------------------------

    def is_ours(self, name):
        """Whether a sample is of the corpus: not the library's own, not the receiver's."""
        return not (name.startswith('polymeter_') or name.startswith('scrape_')
                    or name in ('up', 'target_info'))

    def judge_samples(self, got):
        expected = self.expected()
        seen = {}
        for sample in got:
            if not self.is_ours(sample.name):
                continue
            if sample.key() in seen:
                self.fault('%s: twice: %s' % (self.receiver, sample.key()))
            seen[sample.key()] = sample
        for key, (kind, sample) in expected.items():
            found = seen.pop(key, None)
            where = self.cells[kind].where
            if found is None:
                self.fault('%s: missing: %s' % (where, key))
            elif not same(sample.value, found.value):
                self.fault('%s: %s is %r, must be %r' % (where, key, found.value, sample.value))
            else:
                self.compared[kind] = self.compared.get(kind, 0) + 1
        for key in seen:
            self.fault('%s: not in the truth: %s' % (self.receiver, key))
        for kind in self.table['values']:
            cell = self.cells[kind]
            if cell.reason:
                self._judge_left_out(cell)
            elif not self.compared.get(kind):
                self.fault('%s: no value was compared' % cell.where)
        names = {sample.name for sample in got}
        for refused in self.truth['refused']:
            refused = raw(refused).decode('utf-8', 'fffd')
            for name in names:
                if refused and name.startswith(refused) and not self._is_recorded(name):
                    self.fault('%s: %r was to be refused' % (self.receiver, refused))
        for name in ('forged', 'forged_total'):
            if name in names:
                self.fault('%s: a label or help forged a line' % self.receiver)

    def _judge_left_out(self, cell):
        page = self.format if self.float_bounds else 'text'
        counted = sum(points for format_, reason, points in self.truth['dropped']
                      if format_ == page and reason == cell.reason)
        if not cell.left_out or counted != cell.left_out:
            self.fault('%s: %d points cannot be carried, and %d are counted as %s' % (
                cell.where, cell.left_out, counted, cell.reason))

    def _is_recorded(self, name):
        return any(name.startswith(family['name']) for family in self.truth['families'])

    def judge_target(self, got):
        """target_info, which text does not have."""
        found = [sample for sample in got if sample.name == 'target_info']
        if not self.float_bounds:
            if found:
                self.fault('%s: target_info in text' % self.receiver)
            return
        if len(found) != 1:
            self.fault('%s: %d target_info' % (self.receiver, len(found)))
            return
        for name, value in self.truth['resource']:
            name = raw(name).decode()
            label = ''.join(c if c.isalnum() or c == '_' else '_' for c in name)
            label = '_' + label if label[0].isdigit() else label
            value = raw(value).decode('utf-8', 'fffd')
            if found[0].labels.get(label) != value:
                self.fault('%s: target_info has %s=%r, must be %r' % (
                    self.receiver, label, found[0].labels.get(label), value))

    def judge_metadata(self, lookup):
        """`lookup(family, base)` gives the receiver's Metadata. `base`: its name in OpenMetrics."""
        kind_cell = self.cells['metadata type']
        help_cell = self.cells['metadata help']
        unit_cell = self.cells['metadata unit']
        for family in self.truth['families']:
            name, kind = family['name'], family['type']
            unit = family['unit']
            base = name
            if kind == 'info':
                base = name[:-len('_info')] if name.endswith('_info') else name
                if not self.openmetrics:
                    base, kind = base + '_info', 'gauge'
                    kind_cell.allows('info_is_gauge')
            if kind == 'counter' and self.openmetrics:
                if not name.endswith('_total'):
                    kind = 'unknown'
                    kind_cell.allows('unknown_without_total')
                elif family['kind'] == 'counter_clash':
                    kind = 'unknown'
                    kind_cell.allows('unknown_for_clash')
                else:
                    base = name[:-len('_total')]
            help_text = self._text(help_cell, raw(family['help']))
            if self.cells[family['kind']].reason:
                continue
            if unit and not self.openmetrics:
                unit_cell.allows('no_unit_line')
                unit = ''
            found = lookup(name, base)
            where = '%s %s' % (self.receiver, name)
            if found is None:
                self.fault('%s: no metadata' % where)
                continue
            if found.kind != kind:
                self.fault('%s: of type %s, must be %s' % (where, found.kind, kind))
            if found.documentation != help_text:
                if 'trimmed' in help_cell.rules and found.documentation in (
                        help_text.strip(), help_text.rstrip(), help_text.lstrip()):
                    help_cell.allows('trimmed')
                elif 'blank_help' in help_cell.rules and not found.documentation and (
                        help_text in (' ', '\0')):
                    help_cell.allows('blank_help')
                else:
                    self.fault('%s: help %r, must be %r' % (where, found.documentation, help_text))
            if found.unit != unit:
                self.fault('%s: unit %r, must be %r' % (where, found.unit, unit))

    def finish(self):
        """Prints the verdict; gives the exit code."""
        for cell in self.cells.values():
            for rule in cell.rules:
                if rule not in cell.needed:
                    self.fault('%s: rule %s is not needed; matrix.json says too much' % (
                        cell.where, rule))
        for text in self.faults[:40]:
            print('FAILED', text.encode('unicode_escape').decode())
        if len(self.faults) > 40:
            print('... and %d more' % (len(self.faults) - 40))
        print('%s: %d samples of %d kinds compared, %d faults' % (
            self.receiver, sum(self.compared.values()), len(self.compared), len(self.faults)))
        return 1 if self.faults else 0
