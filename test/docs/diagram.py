"""Draws the diagrams of docs: diagram.py DOCS [--write].

Each docs/NAME.diagram becomes docs/NAME.svg; without --write they are compared. The same text gives
the same bytes, whatever is installed. Boxes bring their own background and lines are of a middle
grey, so that a picture can be read on light and on dark pages.
"""

import pathlib
import re
import sys
from xml.sax.saxutils import escape

WIDTH, HEIGHT, COLUMN, ROW, EDGE = 150, 62, 196, 104, 40
LINE, FILL, TEXT, SMALL = '#7d8590', '#eef4fb', '#10233d', '#44566e'


class DiagramError(Exception):
    """A line that is no box, group or arrow, or an arrow to nowhere."""


def parse(text):
    boxes, groups, arrows = {}, [], []
    number = r'(-?[\d.]+)'
    for line_number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith('#'):
            continue
        box = re.fullmatch(r'box\s+(\w+)\s+%s\s+%s\s+(.+)' % (number, number), line)
        group = re.fullmatch(r'group\s+%s\s+%s\s+%s\s+%s\s+(.+)' % ((number,) * 4), line)
        arrow = re.fullmatch(r'arrow\s+(\w+)\s+(\w+)(?:\s+(.+))?', line)
        if box:
            boxes[box[1]] = (float(box[2]), float(box[3]),
                             [part.strip() for part in box[4].split('|')])
        elif group:
            groups.append(tuple(float(group[i]) for i in range(1, 5)) + (group[5],))
        elif arrow and arrow[1] in boxes and arrow[2] in boxes:
            arrows.append((arrow[1], arrow[2], arrow[3]))
        else:
            raise DiagramError('line %d is no box, group or arrow between boxes: %s' % (
                line_number, line))
    if not boxes:
        raise DiagramError('no box')
    return boxes, groups, arrows


def draw(text):
    boxes, groups, arrows = parse(text)
    low = min([row for _, row, _ in boxes.values()] + [group[1] for group in groups])
    right = max(column for column, _, _ in boxes.values())
    bottom = max(row for _, row, _ in boxes.values())

    def x(column):
        return EDGE + column * COLUMN

    def y(row):
        return EDGE + 12 + (row - low) * ROW

    wide, high = x(right) + WIDTH + EDGE, y(bottom) + HEIGHT + EDGE
    out = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d"'
           ' font-family="sans-serif">' % (wide, high, wide, high),
           '<!-- Drawn by test/docs/diagram.py: ./dev docs -->',
           '<defs><marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7"'
           ' markerHeight="7" orient="auto"><path d="M0 0L10 5L0 10z" fill="%s"/></marker></defs>' %
           LINE]
    for left, top, last, lower, title in groups:
        out.append('<rect x="%g" y="%g" width="%g" height="%g" rx="12" fill="none" stroke="%s"'
                   ' stroke-dasharray="5 5"/>' % (
                       x(left) - 16, y(top) - 28, x(last) - x(left) + WIDTH + 32,
                       y(lower) - y(top) + HEIGHT + 44, LINE))
        out.append('<text x="%g" y="%g" font-size="13" fill="%s">%s</text>' % (
            x(left) - 4, y(top) - 10, LINE, escape(title)))
    for start, end, label in arrows:
        x1, y1 = x(boxes[start][0]) + WIDTH, y(boxes[start][1]) + HEIGHT / 2
        x2, y2 = x(boxes[end][0]) - 2, y(boxes[end][1]) + HEIGHT / 2
        bend = max(24, (x2 - x1) / 2)
        out.append('<path d="M%g %gC%g %g %g %g %g %g" fill="none" stroke="%s" stroke-width="1.6"'
                   ' marker-end="url(#tip)"/>' % (x1, y1, x1 + bend, y1, x2 - bend, y2, x2, y2, LINE))
        if label:
            out.append('<text x="%g" y="%g" font-size="12" text-anchor="middle" fill="%s">%s</text>'
                       % ((x1 + x2) / 2, (y1 + y2) / 2 - 8, LINE, escape(label)))
    for column, row, lines in boxes.values():
        out.append('<rect x="%g" y="%g" width="%d" height="%d" rx="8" fill="%s" stroke="%s"/>' % (
            x(column), y(row), WIDTH, HEIGHT, FILL, LINE))
        for i, line in enumerate(lines):
            out.append('<text x="%g" y="%g" font-size="%d"%s text-anchor="middle" fill="%s">%s</text>'
                       % (x(column) + WIDTH / 2, y(row) + 26 + 19 * i, 15 if i == 0 else 11,
                          ' font-weight="bold"' if i == 0 else '', TEXT if i == 0 else SMALL,
                          escape(line)))
    return '\n'.join(out + ['</svg>', ''])


def main():
    docs, write = pathlib.Path(sys.argv[1]), sys.argv[2:] == ['--write']
    sources = sorted(docs.rglob('*.diagram'))
    problems = [] if sources else ['no diagram in %s' % docs]
    for source in sources:
        try:
            drawn = draw(source.read_text(encoding='utf-8'))
        except DiagramError as error:
            problems.append('%s: %s' % (source.name, error))
            continue
        picture = source.with_suffix('.svg')
        if write:
            picture.write_text(drawn, encoding='utf-8')
        elif not picture.exists() or picture.read_text(encoding='utf-8') != drawn:
            problems.append('%s is not what %s says: ./dev docs' % (picture.name, source.name))
    print('\n'.join(problems) or '%d diagrams equal' % len(sources))
    sys.exit(1 if problems else 0)


if __name__ == '__main__':
    main()
