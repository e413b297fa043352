"""Keeps generated tables in docs equal to the code: tables.py PROGRAM DOCS [--write].

PROGRAM prints every table between two markers, `<!-- KIND: NAME -->` and `<!-- end -->`; a page
holds those that it has markers for. Each table must stand on exactly one page.
"""

import pathlib
import re
import subprocess
import sys

BLOCK = re.compile(r'^<!-- (\w+): (.+?) -->\n(.*?)^<!-- end -->\n', re.M | re.S)


def main():
    program, docs = sys.argv[1:3]
    write = sys.argv[3:] == ['--write']
    printed = subprocess.run([program], check=True, capture_output=True, text=True, timeout=30).stdout
    tables = {(match[1], match[2]): match[0] for match in BLOCK.finditer(printed)}
    kinds = {kind for kind, _ in tables}
    missing = set(tables)
    problems = []

    def current(match):
        table = (match[1], match[2])
        if match[1] not in kinds:  # another program's
            return match[0]
        if table not in missing:
            problems.append('%s: the table %r is unknown or stands twice' % (page, match[2]))
            return match[0]
        missing.discard(table)
        return tables[table]

    for page in sorted(pathlib.Path(docs).rglob('*.md')):
        old = page.read_text(encoding='utf-8')
        new = BLOCK.sub(current, old)
        if new == old:
            continue
        if write:
            page.write_text(new, encoding='utf-8')
        else:
            problems.append('%s is not what the code says: ./dev docs' % page.name)
    problems += ['no page has the table %r' % (table,) for table in sorted(missing)]
    print('\n'.join(problems) or '%d tables equal' % len(tables))
    sys.exit(1 if problems or not tables else 0)


if __name__ == '__main__':
    main()
