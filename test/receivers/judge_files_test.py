"""Judges the judge of files: each kind of damage must be a fault. judge_files_test.py PROGRAM"""

import json
import os
import sys

import files_matrix
import harness


def main():
    failed = 0
    with harness.directory() as path:
        with harness.corpus(sys.argv[1], path):
            pass
        truth = files_matrix.truth_of(path)

        def expect(name, read, receiver, changes):
            content = harness.read('%s/%s' % (path, name))
            if files_matrix.judge(receiver, truth, content, read)[0].faults:
                print('FAILED %s: has faults as it is' % name)
                return 1
            result = 0
            for old, new in changes:
                if old not in content:
                    print('FAILED %s: nothing to change: %r' % (name, old))
                    result = 1
                elif not files_matrix.judge(receiver, truth, content.replace(old, new, 1),
                                            read)[0].faults:
                    print('FAILED %s: %r instead of %r is no fault' % (name, new, old))
                    result = 1
            return result

        dropped = os.path.join(path, 'dropped')
        os.mkdir(dropped)
        with open(truth, encoding='utf-8') as whole, \
                open(files_matrix.truth_of(dropped), 'w', encoding='utf-8') as damaged:
            json.dump({**json.load(whole), 'dropped': [['json', 'too_large', 1]]}, damaged)
        rendered = harness.read(path + '/rendered.json')
        if not files_matrix.judge('json', files_matrix.truth_of(dropped), rendered,
                                  files_matrix.read_json)[0].faults:
            print('FAILED rendered.json: dropped points are no fault')
            failed = 1

        lines = harness.read(path + '/lines.jsonl').splitlines(keepends=True)
        for what, order in (('out of order', lines[::-1]), ('twice', lines + lines[-1:])):
            if not files_matrix.judge('json', truth, b''.join(order),
                                      files_matrix.read_jsonl)[0].faults:
                print('FAILED lines.jsonl: snapshots %s are no fault' % what)
                failed = 1

        failed |= expect('rendered.json', files_matrix.read_json, 'json', [
            (b'"18446744073709551615"', b'18446744073709551615'),
            (b'"9007199254740993"', b'"9007199254740992"'),
            (b'-0.0}', b'-0}'),
            (b'"NaN"', b'NaN'),
            (b'5e-324', b'4e-323'),
            (b'"le":"+Inf"', b'"le":"Inf"'),
            (b'tab\\ttab', b'tab tab'),
            (b'"type":"histogram"', b'"type":"counter"'),
            (b'"help":"Label values."', b'"help":"Label values"'),
            (b'"unit":"celsius"', b'"unit":""'),
            (b'"labels":{"dc":', b'"labels":{"dc":"x","dc":'),
            (b'"service.version":"1.2.3"', b'"service.version":"1.2"'),
            (b'\n', b''),
        ])
        failed |= expect('lines.jsonl', files_matrix.read_jsonl, 'json', [
            (b'\n', b'\n\n'),
            (b'\\u2028', '\u2028'.encode()),
            (b'\\n', b'\n'),
        ])
        failed |= expect('table.csv', files_matrix.read_csv, 'csv', [
            (b'18446744073709551615\r', b'18446744073709552000\r'),
            (b',value,-0\r', b',value,0\r'),
            (b'\r\n', b'\n'),
            (b'timestamp,', b'time,'),
            (b'""le"":""+Inf""', b'""le"":""Inf""'),
            (b'\\u003b', b';'),
        ])
    print('judge_files_test: %s' % ('FAILED' if failed else 'every damage is a fault'))
    sys.exit(failed)


if __name__ == '__main__':
    main()
