#!/usr/bin/env python3
"""Lint and `promtool check metrics` agree: lint_promtool_test.py PROGRAM.

Of thousands of families, each breaking a rule or none, both name the same families with the same
rules, but for the two rules and the prefix that lint.h says are our own.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile

# What promtool says -> our rule.
RULES = [
    (r'no help text', 'help'),
    (r'counter metrics should have "_total" suffix', 'counter_total'),
    (r'non-counter metrics should not have "_total" suffix', 'total_suffix'),
    (r'use base unit ', 'base_unit'),
    (r'metric names should not contain abbreviated units', 'abbreviated'),
    (r'metric name should not include type ', 'type_in_name'),
    (r'.* should not have "_(bucket|count|sum)" suffix', 'reserved_suffix'),
    (r'.* should not have "(le|quantile)" label', 'reserved_label'),
    (r"metric names should not contain ':'", 'colon'),
    (r"(metric|label) names should be written in 'snake_case'", 'camel_case'),
]
OWN_RULES = {'unit_suffix', 'created_suffix'}
# Rules that the corpus must make promtool apply, or this test compares nothing.
ALL_RULES = {rule for _, rule in RULES}


def rule_of(text):
    for pattern, rule in RULES:
        if re.match(pattern, text):
            return rule
    return 'unknown: ' + text


def main():
    program = sys.argv[1]
    promtool = shutil.which('promtool')
    if promtool is None:
        print('promtool is not installed')
        return 1 if os.environ.get('CI') == 'true' else 77
    with tempfile.TemporaryDirectory() as folder:
        page = os.path.join(folder, 'page')
        said = subprocess.run([program, page], check=True, capture_output=True, text=True).stdout
        with open(page, 'rb') as file:
            checked = subprocess.run([promtool, 'check', 'metrics'], check=False,
                                     stdin=file, capture_output=True, text=True)
    if checked.returncode != 3:  # 3: parsed, with problems
        print('promtool ended with %d:\n%s%s' % (
            checked.returncode, checked.stdout, checked.stderr))
        return 1
    theirs = set()
    for line in (checked.stdout + checked.stderr).splitlines():
        if line.strip():
            family, _, text = line.partition(' ')
            theirs.add((family, rule_of(text)))
    ours = {tuple(line.split(' ')) for line in said.splitlines()}
    extra = {(family, rule) for family, rule in ours
             if rule in OWN_RULES or (rule == 'base_unit' and '_mebi' in family)}
    failures = 0
    for what, pairs in (('promtool alone', theirs - ours), ('Lint alone', ours - extra - theirs)):
        for family, rule in sorted(pairs):
            failures += 1
            print('%s: %s %s' % (what, family, rule))
    missing = ALL_RULES - {rule for _, rule in theirs}
    if missing:
        failures += 1
        print('promtool never said: %s' % ', '.join(sorted(missing)))
    if 'created_suffix' not in {rule for _, rule in extra}:
        failures += 1
        print('Lint never said created_suffix')
    print('%d problems of promtool, %d of Lint, %d differences' % (
        len(theirs), len(ours), failures))
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main())
