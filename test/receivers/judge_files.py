"""Judges json, jsonl and csv by Python's json and csv modules, and json by jq.

judge_files.py PROGRAM [jq]: what the program wrote through its backends and what Render gave.
"""

import os
import shutil
import subprocess
import sys

import files_matrix
import harness

# file, reader, receiver, how many snapshots at least
PYTHON = [
    ('rendered.json', files_matrix.read_json, 'json', 1),
    ('rendered.jsonl', files_matrix.read_jsonl, 'json', 1),
    ('rendered.csv', files_matrix.read_csv, 'csv', 1),
    ('pretty.json', files_matrix.read_json, 'json', 1),
    ('lines.jsonl', files_matrix.read_jsonl, 'json', 2),
    ('table.csv', files_matrix.read_csv, 'csv', 2),
]
JQ = [
    ('pretty.json', files_matrix.read_through_jq, 'jq', 1),
    ('lines.jsonl', files_matrix.read_through_jq, 'jq', 2),
]


def use_decimal_comma(path):
    """A locale with a comma for the program, made here where it can be made."""
    try:
        subprocess.run(['localedef', '-i', 'de_DE', '-f', 'UTF-8', path + '/de_DE.UTF-8'],
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60, check=True)
    except (OSError, subprocess.SubprocessError):
        harness.missing('a locale with a decimal comma (localedef, de_DE)')
    os.environ.update(LOCPATH=path, LC_ALL='de_DE.UTF-8')
    return ','


def main():
    cases = PYTHON
    if sys.argv[2:] == ['jq']:
        if shutil.which('jq') is None:
            harness.missing('jq')
        cases = JQ
    failed = 0
    with harness.directory() as path:
        wanted = use_decimal_comma(path)
        with harness.corpus(sys.argv[1], path) as decimal_point:
            if decimal_point != wanted:
                raise RuntimeError('the program has the decimal point %r' % decimal_point)
        for name, read, receiver, least in cases:
            content = harness.read('%s/%s' % (path, name))
            judged, snapshots = files_matrix.judge(
                receiver, files_matrix.truth_of(path), content, read)
            if snapshots < least:
                judged.fault('%s: %d snapshots' % (name, snapshots))
            print('%s: %d bytes, %d snapshots' % (name, len(content), snapshots))
            failed |= judged.finish()
    sys.exit(failed)


if __name__ == '__main__':
    main()
