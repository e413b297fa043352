"""Writes the reference of the public headers with Doxygen; any warning is a failure.

  reference.py ROOT OUTPUT
"""

import pathlib
import subprocess
import sys


def public_folders(root):
    folders = [root / 'sdk' / 'include'] + sorted((root / 'integrations').rglob('include'))
    return [folder for folder in folders if folder.is_dir()]


def doxygen(root, output, folders):
    """Doxygen's exit status and its warnings."""
    output.mkdir(parents=True, exist_ok=True)
    settings = (root / 'docs' / 'Doxyfile').read_text(encoding='utf-8')
    settings += '\nOUTPUT_DIRECTORY = "%s"\nINPUT = %s\n' % (
        output, ' '.join('"%s"' % folder for folder in folders + [root / 'docs' / 'reference.dox']))
    settings += 'STRIP_FROM_PATH = %s\n' % ' '.join('"%s"' % folder for folder in folders)
    settings += 'STRIP_FROM_INC_PATH = %s\n' % ' '.join('"%s"' % folder for folder in folders)
    done = subprocess.run(['doxygen', '-'], input=settings, text=True, cwd=root, timeout=240,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    return done.returncode, done.stderr.replace(str(root) + '/', '')


def main():
    root, output = (pathlib.Path(argument).resolve() for argument in sys.argv[1:])
    folders = public_folders(root)
    status, warnings = doxygen(root, output, folders)
    sys.stderr.write(warnings)
    if status != 0 or warnings:
        sys.exit('doxygen: status %d; warnings are errors' % status)
    headers = sum(len(list(folder.rglob('*.h'))) for folder in folders)
    print('%d headers of %d folders: %s' % (headers, len(folders), output / 'index.html'))


if __name__ == '__main__':
    main()
