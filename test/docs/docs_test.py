"""Tests of the tools that write documentation."""

import pathlib
import subprocess
import sys
import tempfile
import textwrap
import unittest

import diagram
import doxygen_filter
import reference

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]

HEADER = """\
// Shapes.
#pragma once

POLYMETER_BEGIN_NAMESPACE
namespace detail {
// Not for users.
struct Hidden {};
}  // namespace detail

// One shape. See `<Area>`.
//
//   Shape shape;
//   shape.Draw();
//
// Copies are cheap.
class Shape {
 public:
  Shape() = default;
  Shape(const Shape&) = delete;
  // Draws it.
  void Draw() const { /* text */ int inner = 0;  // not documentation
  }
  void Draw(int times) const;
  void Erase();
  // How wide it is.
  Shape& Width(int width) {
    width_ = width;
    return *this;
  }
  int width() const noexcept { return width_; }

 private:
  // Nobody's business.
  int width_ = 0;
};

// What colours there are.
enum class Colour { kRed, kBlue };

struct Point {
  int x;  // to the right
  int y;
};

#define POLYMETER_HELPER(a) \\
  a##1
// Draws at the end of the scope.
#define POLYMETER_DRAW(shape) shape.Draw()
POLYMETER_END_NAMESPACE
"""


class Filter(unittest.TestCase):
    def setUp(self):
        self.lines = doxygen_filter.convert(HEADER, 'polymeter/shape.h').split('\n')

    def line(self, text):
        return next(line for line in self.lines if text in line)

    def test_every_line_stays_where_it_is(self):
        self.assertEqual(len(self.lines), len(HEADER.split('\n')))
        for before, after in zip(HEADER.split('\n'), self.lines):
            if 'HELPER' not in before and 'a##1' not in before:
                self.assertIn(before.split('//')[0].strip(), after)

    def test_the_first_comment_is_the_files(self):
        self.assertEqual(self.lines[0], '/// @file polymeter/shape.h @brief Shapes.')

    def test_an_example_is_code_and_the_rest_is_text(self):
        self.assertIn('/// One shape. See <code>\\<Area\\></code>.', self.lines)
        self.assertEqual(self.line('Shape shape;'), '///   Shape shape;')
        self.assertEqual('\n'.join(self.lines).count('@code'), 1)
        self.assertTrue(self.line('shape.Draw();').endswith('@endcode'))

    def test_overloads_share_a_comment_and_other_members_do_not(self):
        self.assertIn('/** Draws it. */ void Draw(int', self.line('void Draw(int'))
        self.assertEqual(self.line('void Erase'), '  void Erase();')

    def test_members_that_need_no_words(self):
        self.assertIn('@private', self.line('Shape() = default'))
        self.assertIn('Not copyable.', self.line('= delete'))
        self.assertIn('What Width() says.', self.line('int width()'))

    def test_what_is_not_for_users_is_no_documentation(self):
        self.assertEqual(self.line('Nobody'), "  // Nobody's business.")
        self.assertIn('// not documentation', self.line('int inner'))
        self.assertTrue(self.line('namespace detail {').startswith('/** @cond */'))
        self.assertTrue(self.line('}  // namespace detail').endswith('/** @endcond */'))

    def test_a_macro_needs_a_comment(self):
        self.assertNotIn('HELPER', '\n'.join(self.lines))
        self.assertNotIn('a##1', '\n'.join(self.lines))
        self.assertIn('/// Draws at the end of the scope.', self.lines)

    def test_the_drop_in_is_as_prometheus_cpp_says(self):
        lines = doxygen_filter.convert(HEADER, 'prometheus/shape.h').split('\n')
        self.assertIn('  /** As in prometheus-cpp. */ void Erase();', lines)

    def test_a_comment_at_the_end_of_a_line(self):
        self.assertIn('/** to the right */ int x;', self.line('int x;'))
        self.assertEqual(self.line('int y;'), '  int y;')
        self.assertEqual(self.line('enum class'), 'enum class Colour { kRed, kBlue };')


class Reference(unittest.TestCase):
    def run_doxygen(self, header):
        with tempfile.TemporaryDirectory() as folder:
            include = pathlib.Path(folder) / 'include' / 'polymeter'
            include.mkdir(parents=True)
            (include / 'shape.h').write_text(header, encoding='utf-8')
            output = pathlib.Path(folder) / 'out'
            status, warnings = reference.doxygen(ROOT, output, [include.parent])
            pages = ''.join(page.read_text(encoding='utf-8') for page in output.glob('*Shape*.html'))
        return status, warnings, pages

    def test_an_undocumented_member_is_an_error(self):
        status, warnings, _ = self.run_doxygen(HEADER)
        self.assertNotEqual(status, 0)
        self.assertIn('Erase', warnings)
        self.assertIn('polymeter::Point', warnings)
        self.assertNotIn('Hidden', warnings)
        self.assertNotIn('Draw', warnings)

    def test_comments_are_the_documentation(self):
        documented = HEADER.replace('  void Erase();', '  // Takes it away.\n  void Erase();')
        documented = documented.replace('struct Point', '// A place.\nstruct Point')
        status, warnings, pages = self.run_doxygen(documented.replace('int y;', 'int y;  // up'))
        self.assertEqual((status, warnings), (0, ''))
        for text in ('Takes it away.', 'Copies are cheap.', 'Draws it.'):
            self.assertIn(text, pages)
        self.assertNotIn('business', pages)

    def test_every_public_folder_is_read(self):
        folders = [str(folder.relative_to(ROOT)) for folder in reference.public_folders(ROOT)]
        self.assertIn('sdk/include', folders)
        self.assertIn('integrations/prometheus_cpp/bridge/include', folders)


class Diagram(unittest.TestCase):
    def test_text_of_boxes_and_arrows_is_drawn_and_escaped(self):
        svg = diagram.draw('box a 0 0 A<B | line\nbox b 1 0.5 B\narrow a b gives\n')
        for text in ('A&lt;B', '>line<', '>gives<', 'marker-end'):
            self.assertIn(text, svg)

    def test_a_wrong_line_is_named(self):
        for wrong in ('box a 0 A', 'arrow a b', 'circle a'):
            with self.assertRaises(diagram.DiagramError) as raised:
                diagram.parse('box a 0 0 A\n' + wrong)
            self.assertIn('line 2', str(raised.exception))
        with self.assertRaises(diagram.DiagramError):
            diagram.parse('# nothing\n')

    def test_a_picture_that_is_not_current_is_told(self):
        with tempfile.TemporaryDirectory() as folder:
            source = pathlib.Path(folder) / 'a.diagram'
            source.write_text('box a 0 0 A\n', encoding='utf-8')
            self.assertEqual(self.run_tool(folder, '--write'), 0)
            self.assertEqual(self.run_tool(folder), 0)
            source.write_text('box a 0 0 B\n', encoding='utf-8')
            self.assertEqual(self.run_tool(folder), 1)

    def run_tool(self, *arguments):
        return subprocess.run([sys.executable, str(HERE / 'diagram.py'), *arguments], check=False,
                              capture_output=True, timeout=30).returncode


class Tables(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.page = pathlib.Path(self.folder.name) / 'page.md'
        self.program = pathlib.Path(self.folder.name) / 'program'
        self.program.write_text(textwrap.dedent("""\
            #!/bin/sh
            printf '<!-- kind: one -->\\n| new |\\n<!-- end -->\\n'
            """), encoding='utf-8')
        self.program.chmod(0o755)

    def run_tool(self, page, *arguments):
        self.page.write_text(page, encoding='utf-8')
        return subprocess.run(
            [sys.executable, str(HERE / 'tables.py'), str(self.program), self.folder.name,
             *arguments], check=False, capture_output=True, text=True, timeout=30)

    def test_a_table_that_is_not_current_is_told_and_written(self):
        old = 'a\n<!-- kind: one -->\n| old |\n<!-- end -->\n<!-- other: one -->\nx\n<!-- end -->\n'
        self.assertEqual(self.run_tool(old).returncode, 1)
        self.assertEqual(self.run_tool(old, '--write').returncode, 0)
        self.assertEqual(self.page.read_text(encoding='utf-8'), old.replace('old', 'new'))
        self.assertEqual(self.run_tool(old.replace('old', 'new')).returncode, 0)

    def test_a_table_without_a_page_or_on_two_is_an_error(self):
        block = '<!-- kind: one -->\n| new |\n<!-- end -->\n'
        self.assertEqual(self.run_tool('nothing').returncode, 1)
        self.assertEqual(self.run_tool(block + block).returncode, 1)
        self.assertEqual(self.run_tool(block.replace('one', 'two') + block).returncode, 1)


if __name__ == '__main__':
    unittest.main(verbosity=2)
