#!/usr/bin/env python3
"""Doxygen's input filter: our `//` comments as documentation (doxygen_filter.py HEADER).

A comment speaks for the declaration below it and, without an empty line or another comment between
them, for further overloads; one at the end of a line for what is declared there. The first comment
of a file is the file's. Nothing within `namespace detail`, a function's body or a private part is
documentation, and neither are `// --- headings` and `// NOLINT`; a macro without a comment is left
out. What the headers in prometheus/ leave unsaid is as in prometheus-cpp, whose API they are. Every
line stays on its line.
"""

import pathlib
import re
import sys

MACROS = re.compile(r'^\s*(POLYMETER_(BEGIN|END)_NAMESPACE)\s*$')
ACCESS = re.compile(r'^\s*(public|protected|private)\s*:\s*')
TYPE = re.compile(r'^(typedef\s+)?(\[\[[^\]]*\]\]\s*)*(class|struct|union|enum)\b')
IGNORED = re.compile(r'^\s*(---|NOLINT|clang-format)')


def split(line, in_block):
    """A line without comments and texts, the comment at its end, and whether a block goes on."""
    code, i = '', 0
    while i < len(line):
        if in_block:
            end = line.find('*/', i)
            if end < 0:
                return code, None, True
            i, in_block = end + 2, False
        elif line.startswith('//', i):
            return code, line[i + 2:], False
        elif line.startswith('/*', i):
            i, in_block = i + 2, True
        elif line[i] in '"\'' and not (line[i] == "'" and code[-1:].isdigit()):
            end = i + 1
            while end < len(line) and line[end] != line[i]:
                end += 2 if line[end] == '\\' else 1
            code, i = code + '""', end + 1
        else:
            code, i = code + line[i], i + 1
    return code, None, in_block


def without_template(statement):
    """`template <class T> POLYMETER_EXPORT T Get()` -> `T Get()`."""
    statement = statement.replace('POLYMETER_EXPORT', '')
    while True:
        statement = statement.strip()
        match = re.match(r'(template|requires)\s*<', statement)
        if not match:
            return statement
        depth = 0
        for i in range(match.end() - 1, len(statement)):
            depth += {'<': 1, '>': -1}.get(statement[i], 0)
            if depth == 0:
                break
        statement = statement[i + 1:]


class Scope:
    def __init__(self, kind, public):
        self.kind = kind      # namespace, type, enum, body
        self.public = public  # what is declared here is for users
        self.name = ''        # of a type


class Declaration:
    def __init__(self, first, scope):
        self.first = first
        self.last = first
        self.scope = scope
        self.public = scope.public
        self.text = ''
        self.trailing = []


def declarations(lines):
    """Those that may be documented, the lines that hold nothing but a comment, and the first and
    last lines of what is not for users."""
    scopes = [Scope('namespace', True)]
    found, comments, hidden = [], {}, []
    current, statement, parens = None, '', 0
    in_block = in_directive = False
    for number, line in enumerate(lines):
        if in_directive or line.lstrip().startswith('#'):
            in_directive = line.endswith('\\')
            continue
        code, comment, in_block = split(line, in_block)
        if not code.strip():
            if comment is not None and current is None and scopes[-1].kind != 'body':
                comments[number] = comment
            continue
        if MACROS.match(code):
            current, statement = None, ''
            continue
        access = ACCESS.match(code)
        if access and scopes[-1].kind == 'type':
            scopes[-1].public = access[1] != 'private' and scopes[-1].seen
            code = code[access.end():]
        for char in code:
            if current is None and not char.isspace() and char not in '};,':
                current = Declaration(number, scopes[-1])
                if scopes[-1].kind != 'body':
                    found.append(current)
            if char == '(':
                parens += 1
            elif char == ')':
                parens -= 1
            if char == '{':
                plain = without_template(statement)
                inner = Scope('body', False)
                if not parens and plain.startswith(('namespace', 'inline namespace', 'extern "')):
                    inner = Scope('namespace', scopes[-1].public and 'detail' not in plain)
                    inner.begin = number
                    found.remove(current)
                elif not parens and TYPE.match(plain) and '(' not in plain and '=' not in plain:
                    enum = 'enum' in TYPE.match(plain)[0]
                    inner = Scope('enum' if enum else 'type', scopes[-1].public)
                    inner.seen = inner.public
                    inner.name = re.findall(r'\w+', plain.split(':')[0].replace('final', ''))[-1]
                    inner.public = inner.public and 'class' not in TYPE.match(plain)[0].split() or (
                        inner.public and enum)
                inner.parens, inner.outer, inner.before = parens, current, statement
                scopes.append(inner)
                if current is not None:
                    current.last = number
                parens, statement, current = 0, '', None if inner.kind != 'body' else current
            elif char == '}':
                inner = scopes.pop()
                if inner.kind == 'namespace' and scopes[-1].public and not inner.public:
                    hidden.append((inner.begin, number))
                parens = inner.parens
                current = inner.outer if inner.kind == 'body' else None
                statement = inner.before + '{}' if inner.kind == 'body' else ''
                ends = inner.kind == 'body' and not parens and (
                    re.search(r'\)[^=]*$', inner.before) is not None)
                if current is not None:
                    current.last = number
                    current.text = statement
                if ends and scopes[-1].kind != 'body':  # a function's body
                    current, statement = None, ''
            elif not parens and (char == ';' or char == ',' and scopes[-1].kind == 'enum'):
                if current is not None and scopes[-1].kind != 'body':
                    current.last = number
                    current.text = statement
                    ended, current = current, None
                    if comment is not None:
                        ended.trailing.append(comment)
                        comment = None
                statement = ''
            else:
                statement += char
        statement += ' '
        if comment is not None and scopes[-1].kind != 'namespace':
            holder = current
            if scopes[-1].kind == 'body' and scopes[-1].outer is not None:
                holder = scopes[-1].outer if lines[number].split('//')[0].rstrip().endswith('{') \
                    else None
            elif holder is None and found and found[-1].last == number:
                holder = found[-1]
            if holder is not None:
                holder.trailing.append(comment)
    return found, comments, hidden


def escaped(text):
    """As doxygen's text: its commands and HTML are none; `code` stays code."""
    def plain(piece):
        return re.sub(r'([\\@&$#<>%"])', r'\\\1', piece).replace('::', '\\::')
    pieces = text.split('`')
    if len(pieces) % 2 == 0:
        return plain(text)
    return ''.join(plain(piece) if i % 2 == 0 else '<code>' + plain(piece) + '</code>'
                   for i, piece in enumerate(pieces))


def special(text, class_name):
    """What every member of a kind says, where it says nothing itself; None for other members."""
    text = text.strip()
    deleted = text.replace(' ', '').endswith('=delete')
    name = re.match(r'(?:explicit\s+|constexpr\s+)*(\w+)\s*\(', text)
    copies = 'operator=(' in text.replace(' ', '') or (
        name is not None and re.match(r'.*\(\s*(const\s+)?%s\s*&' % name[1], text))
    if deleted and copies:
        return 'Not copyable.' if '&&' not in text else 'Not movable.'
    if '~' in text or copies or re.search(r'=\s*(default|delete)\s*$', text):
        return '@private'
    if name is not None and name[1] == 'LabelValue' or ' LabelValue(' in text:
        return 'The text of a label whose value is this.'
    if re.search(r'operator\s*[=!]=', text):
        return '@private'
    if re.match(r'(explicit\s+)?\w+\s*\([^)]*\bdetail\::', text):  # only we can call it
        return '@private'
    if name is not None and name[1] == class_name:
        return 'As the class says.'
    return None


def what_setter_says(text, scope, setters):
    """`interval()` beside `Interval(value)`."""
    getter = re.search(r'\b([a-z]\w*)\s*\(\s*\)\s*const\b', text)
    if not getter:
        return None
    setter = ''.join(word.capitalize() for word in getter[1].split('_'))
    return 'What %s() says.' % setter if (scope, setter) in setters else None


def name_of(text):
    """Of a function; empty for anything else."""
    match = re.search(r'(operator\s*\S+|~?\w+)\s*\(', text)
    return match[1] if match else ''


def block_above(lines, comments, number):
    first = number
    while first - 1 in comments:
        first -= 1
    return range(first, number)


def write_block(lines, block, prefix=''):
    """Turns the comment lines of `block` into documentation, in place."""
    in_code = False
    for number in block:
        indent, text = re.match(r'(\s*)//(.*)', lines[number]).groups()
        code = re.match(r'\s{3,}\S', text) is not None
        goes_on = number + 1 in block and not re.match(r'\s?\S', lines[number + 1].split('//', 1)[1])
        out = text if code else escaped(text)
        if in_code and not code and not (text.strip() == '' and goes_on):
            lines[number - 1] += ' @endcode'
            in_code = False
        if code and not in_code:
            if number == block[0]:
                prefix += ' @code'
            else:
                lines[number - 1] += ' @code'
            in_code = True
        lines[number] = indent + '///' + prefix + out
        prefix = ''
    if in_code:
        lines[block[-1]] += ' @endcode'


def texts(comments, block):
    """A block as one line, as far as its first example."""
    out = []
    for number in block:
        if re.match(r'\s{3,}\S', comments[number]):
            break
        out.append(comments[number].strip())
    return escaped(' '.join(out).strip())


def put(lines, number, text):
    indent, rest = re.match(r'(\s*)(.*)', lines[number]).groups()
    lines[number] = indent + '/** ' + text + ' */ ' + rest


def convert(source, name):
    lines = source.split('\n')
    found, comments, hidden = declarations(lines)
    done = list(lines)
    start = min(comments, default=None)
    if start is not None and start < 3:
        end = start
        while end in comments:
            end += 1
        write_block(done, range(start, end), ' @file %s @brief' % name)
    comments = {n: c for n, c in comments.items() if not IGNORED.match(c)}

    setters = {(d.scope, name_of(without_template(d.text))) for d in found}
    previous = None
    inherited = ''
    for declaration in found:
        block = block_above(lines, comments, declaration.first)
        plain = without_template(declaration.text)
        follows = previous is not None and previous.scope is declaration.scope and \
            previous.last + 1 >= declaration.first and \
            name_of(plain) == name_of(without_template(previous.text)) != ''
        trailing = escaped(' '.join(t.strip() for t in declaration.trailing
                                    if not IGNORED.match(t)).strip())
        if not follows or block:
            inherited = texts(comments, block)
        same_line = previous is not None and previous.first == declaration.first
        previous = declaration
        if same_line:  # an enumerator beside its enum
            continue
        if not declaration.public or re.match(r'(friend (class|struct)|static_assert)\b', plain) or (
                TYPE.match(plain) and re.fullmatch(r'[\w\s:\[\]]*', plain)):  # or forward
            continue
        if block:
            if start not in block:
                write_block(done, block)
            if trailing:
                done[block[-1]] += ' ' + trailing
        elif trailing:
            put(done, declaration.first, trailing)
        elif special(plain, declaration.scope.name):
            put(done, declaration.first, special(plain, declaration.scope.name))
        elif what_setter_says(plain, declaration.scope, setters):
            put(done, declaration.first, what_setter_says(plain, declaration.scope, setters))
        elif inherited:
            put(done, declaration.first, inherited)
        elif name.startswith('prometheus/'):
            put(done, declaration.first, 'As in prometheus-cpp.')
    for first in range(len(lines)):
        if not lines[first].startswith('#define'):
            continue
        block = block_above(lines, comments, first)
        if block:
            write_block(done, block)
            continue
        last = first
        while lines[last].endswith('\\'):
            last += 1
        done[first:last + 1] = [''] * (last + 1 - first)
    for first, last in hidden:  # not even parsed
        done[first] = '/** @cond */ ' + done[first]
        done[last] += ' /** @endcond */'
    return '\n'.join(done)


if __name__ == '__main__':
    path = pathlib.Path(sys.argv[1])
    sys.stdout.write(convert(path.read_text(encoding='utf-8'), '/'.join(path.parts[-2:])))
