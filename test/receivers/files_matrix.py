"""What a file of snapshots must read back, by files_matrix.json, and how files are read."""

import csv
import datetime
import io
import json
import math
import os
import re
import subprocess

import matrix

HEADER = ['timestamp', 'name', 'type', 'labels', 'field', 'value']


class Snapshot:
    """What a reader found: samples, and the metadata of each family by name."""

    def __init__(self):
        self.samples = []
        self.families = {}  # name -> matrix.Metadata
        self.resource = None
        self.time = None

    def add(self, family, field, labels, value):
        # A blank, which no name has, so that fields never clash with families.
        name = family if field == 'value' else '%s %s' % (family, field)
        self.samples.append(matrix.Sample(name, labels, value))


# --- json -------------------------------------------------------------------------------------

def refuse_constant(text):
    raise ValueError('%s is not JSON' % text)


def unique_keys(pairs):
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError('a key comes twice: %r' % (pairs,))
    return result


def strict_json(text, parse_int=int):
    return json.loads(text, parse_int=parse_int, parse_constant=refuse_constant,
                      object_pairs_hook=unique_keys)


def exact(value):
    """A number, or the string that stands for one which JSON cannot hold."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ValueError('not a number: %r' % (value,))
    if isinstance(value, str):
        if re.fullmatch('[0-9]+', value):
            if int(value) <= 2**53:
                raise ValueError('%s need not be a string' % value)
            return int(value)
        if value not in ('NaN', '+Inf', '-Inf'):
            raise ValueError('not a number: %r' % value)
        return float(value)
    if isinstance(value, int) and abs(value) > 2**53 and int(float(value)) != value:
        raise ValueError('%d is rounded by many readers' % value)
    return value


def nanos(text):
    """Of RFC 3339 with milliseconds."""
    time = datetime.datetime.strptime(text, '%Y-%m-%dT%H:%M:%S.%fZ')
    since = time - datetime.datetime(1970, 1, 1)
    return (since.days * 86400 + since.seconds) * 10**9 + since.microseconds * 1000


def read_document(text, parse_int=int):
    document = strict_json(text, parse_int)
    if list(document) != ['time', 'time_unix_nanos', 'resource', 'families']:
        raise ValueError('members are %s' % list(document))
    result = Snapshot()
    result.resource = document['resource']
    result.time = int(document['time_unix_nanos'])
    if nanos(document['time']) != result.time // 10**6 * 10**6:
        raise ValueError('%(time)s is not %(time_unix_nanos)s' % document)
    names = [family['name'] for family in document['families']]
    if names != sorted(set(names)):
        raise ValueError('families come twice or unordered')
    for family in document['families']:
        name, kind = family['name'], family['type']
        result.families[name] = matrix.Metadata(kind, family['help'], family['unit'])
        if not family['series']:
            raise ValueError('%s has no series' % name)
        for series in family['series']:
            labels = series['labels']
            if not all(isinstance(value, str) for value in labels.values()):
                raise ValueError('%s: labels are not texts: %r' % (name, labels))
            if 'start_time' in series and not 0 < nanos(series['start_time']) <= result.time:
                raise ValueError('%s starts at %s' % (name, series['start_time']))
            if kind == 'info':
                result.add(name, 'value', labels, 1)
            elif kind in ('histogram', 'summary'):
                for bucket in series.get('buckets', []):
                    result.add(name, 'bucket', dict(labels, le=bucket['le']),
                               exact(bucket['count']))
                for quantile in series.get('quantiles', []):
                    result.add(name, 'quantile', dict(labels, quantile=quantile['quantile']),
                               exact(quantile['value']))
                result.add(name, 'count', labels, exact(series['count']))
                result.add(name, 'sum', labels, exact(series['sum']))
            else:
                result.add(name, 'value', labels, exact(series['value']))
    return result


def read_json(content):
    text = content.decode('utf-8')
    if not text.endswith('}\n'):
        raise ValueError('a document ends in %r' % text[-10:])
    return [read_document(text)]


def read_jsonl(content):
    """One document a line, whatever a reader takes for the end of a line."""
    text = content.decode('utf-8')
    if not text.endswith('\n'):
        raise ValueError('the last line is not whole')
    lines = text.split('\n')[:-1]
    if lines != text.splitlines():
        raise ValueError('readers see other lines')
    return [read_document(line) for line in lines]


def read_through_jq(content):
    done = subprocess.run(['jq', '-c', '.'], input=content, capture_output=True, timeout=60,
                          check=False)
    if done.returncode != 0:
        raise ValueError('jq: %s' % done.stderr.decode(errors='replace'))
    # It writes large doubles with 17 digits and no exponent.
    def number(digits):
        return int(digits) if abs(int(digits)) <= 2**53 else float(digits)
    return [read_document(line, number) for line in done.stdout.decode('utf-8').split('\n')[:-1]]


# --- csv --------------------------------------------------------------------------------------

def cell_value(text):
    if re.fullmatch('[0-9]+', text):
        return int(text)
    if not re.fullmatch(r'NaN|[+-]Inf|-?[0-9]+(\.[0-9]+)?(e[+-][0-9]+)?', text):
        raise ValueError('not a number: %r' % text)
    return float(text)


def read_csv(content):
    """A snapshot for each timestamp."""
    text = content.decode('utf-8')
    rows = list(csv.reader(io.StringIO(text, newline=''), strict=True))
    if rows[0] != HEADER:
        raise ValueError('header is %s' % rows[0])
    if text.count('\r\n') != len(rows) or text.count('\n') != len(rows):
        raise ValueError('rows and lines are not the same')
    snapshots = {}
    for row in rows[1:]:
        if len(row) != len(HEADER):
            raise ValueError('%d columns: %s' % (len(row), row))
        if row[0] not in snapshots:
            snapshots[row[0]] = Snapshot()
            snapshots[row[0]].time = nanos(row[0])
        _, name, kind, labels, field, value = row
        for cell in row[:-1]:
            if cell[:1] in ('', '=', '+', '-', '@', '\t', '\r') or ';' in cell or '|' in cell:
                raise ValueError('a spreadsheet may calculate %r' % cell)
        snapshots[row[0]].families[name] = matrix.Metadata(kind)
        snapshots[row[0]].add(name, field, strict_json(labels), cell_value(value))
    return list(snapshots.values())


# --- judging ----------------------------------------------------------------------------------

class FilesMatrix(matrix.Matrix):
    TABLE = 'files_matrix.json'

    def _lines(self, cell, family, point, labels):
        name, kind = family['name'], family['type']
        if kind == 'info':
            yield name, labels, 1
        elif kind in ('histogram', 'summary'):
            total = 0
            for part, value in point['parts']:
                value = matrix.number(value)
                part = matrix.spelled(matrix.number(part), False)
                if kind == 'histogram':
                    total += value
                    yield name + ' bucket', dict(labels, le=part), total
                else:
                    yield name + ' quantile', dict(labels, quantile=part), value
            yield name + ' count', labels, matrix.number(point['count'])
            yield name + ' sum', labels, matrix.number(point['sum'])
        else:
            yield name, labels, matrix.number(point['value'])

    def _value(self, cell, value):
        if (value == 0 and math.copysign(1, value) < 0 and 'zero_unsigned' in cell.rules):
            cell.allows('zero_unsigned')
            return 0
        return value

    def judge_families(self, snapshot):
        help_cell = self.cells['metadata help']
        unit_cell = self.cells['metadata unit']
        for family in self.truth['families']:
            found = snapshot.families.get(family['name'])
            where = '%s %s' % (self.receiver, family['name'])
            if found is None:
                self.fault('%s: no metadata' % where)
                continue
            if found.kind != family['type']:
                self.fault('%s: of type %s, must be %s' % (where, found.kind, family['type']))
            documentation, unit = family['help'], family['unit']
            if found.documentation is None:
                help_cell.allows('no_help_column')
            elif found.documentation != self._text(help_cell, matrix.raw(documentation)):
                self.fault('%s: help %r' % (where, found.documentation))
            if found.unit is None:
                unit_cell.allows('no_unit_column')
            elif found.unit != unit:
                self.fault('%s: unit %r, must be %r' % (where, found.unit, unit))

    def judge_resource(self, snapshot):
        for name, value in self.truth['resource']:
            name = matrix.raw(name).decode()
            value = matrix.raw(value).decode('utf-8', 'fffd')
            if snapshot.resource.get(name) != value:
                self.fault('%s: resource has %s=%r, must be %r' % (
                    self.receiver, name, snapshot.resource.get(name), value))


def judge(receiver, truth_path, content, read):
    """A matrix with the faults of one file, or the first snapshot that has some."""
    result = FilesMatrix(receiver, truth_path)
    try:
        snapshots = read(content)
    except (ValueError, KeyError, csv.Error) as error:
        result.fault('%s cannot read it: %s' % (receiver, error))
        return result, 0
    of_all = ['%s: dropped %s' % (receiver, dropped) for dropped in result.truth['dropped']]
    times = [snapshot.time for snapshot in snapshots]
    if times != sorted(set(times)):
        of_all.append('%s: times %s' % (receiver, times))
    for snapshot in snapshots:
        result = FilesMatrix(receiver, truth_path)
        result.judge_samples(snapshot.samples)
        result.judge_families(snapshot)
        if snapshot.resource is not None:
            result.judge_resource(snapshot)
        if result.faults:
            break
    for fault in of_all:
        result.fault(fault)
    return result, len(snapshots)


def truth_of(path):
    return os.path.join(path, 'truth.json')
