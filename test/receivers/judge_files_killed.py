"""Kills a program that writes json, jsonl and csv, many times at random moments, and reads what is there.

judge_files_killed.py PROGRAM: the json file is always one whole document; of the others whatever
is in front of the last line feed reads.
"""

import os
import random
import subprocess
import sys
import time

import files_matrix
import harness

ROUNDS = 8       # at least
MOST_ROUNDS = 60  # until every file was read: a sanitized program may rotate seldom


def whole_lines(content):
    return content[:content.rfind(b'\n') + 1]


def changed(file):
    try:
        return os.stat(file).st_mtime_ns
    except FileNotFoundError:
        return 0


def main():
    choose = random.Random(9)
    faults = []
    read = {'pretty.json': 0, 'lines.jsonl': 0, 'lines.jsonl.1': 0, 'table.csv': 0}
    tails = 0
    with harness.directory() as path:
        turn = 0
        while turn < ROUNDS or (turn < MOST_ROUNDS and not all(read.values())):
            turn += 1
            before = changed(path + '/lines.jsonl')
            begin = time.monotonic()
            process = subprocess.Popen([sys.argv[1], path, 'again'], stdin=subprocess.DEVNULL,
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                harness.wait_for(lambda: process.poll() is not None
                                 or changed(path + '/lines.jsonl') != before, 'the first line')
                # As many lines later, whether the program is quick or slow.
                time.sleep(choose.random() * max(0.25, 2 * (time.monotonic() - begin)))
                if process.poll() is not None:
                    raise RuntimeError('the program ended with %d' % process.returncode)
            finally:
                process.kill()
                process.wait(30)
            for name in read:
                if not os.path.exists('%s/%s' % (path, name)):
                    continue
                content = harness.read('%s/%s' % (path, name))
                try:
                    if name == 'pretty.json':
                        snapshots = files_matrix.read_json(content)
                    else:
                        tails += not content.endswith(b'\n')
                        reader = (files_matrix.read_csv if name == 'table.csv'
                                  else files_matrix.read_jsonl)
                        content = whole_lines(content)
                        snapshots = reader(content) if content else []
                    read[name] += len(snapshots)
                except (ValueError, KeyError) as error:
                    faults.append('round %d, %s: %s' % (turn, name, str(error)[:300]))
            # What has been read need not be read again; every second start finds a tail to cut off.
            for name in ('table.csv', 'lines.jsonl', 'lines.jsonl.1'):
                if turn % 2 == 1 and os.path.exists('%s/%s' % (path, name)):
                    os.remove('%s/%s' % (path, name))
        left = [name for name in os.listdir(path) if '.polymeter-' in name]
        if len(left) > 1:
            faults.append('temporary files pile up: %s' % left)
    for name, snapshots in read.items():
        if not snapshots:
            faults.append('%s was never read' % name)
    for fault in faults:
        print('FAILED', fault)
    print('%d rounds, snapshots read: %s, unterminated tails: %d, %d faults' % (
        turn, read, tails, len(faults)))
    sys.exit(1 if faults else 0)


if __name__ == '__main__':
    main()
