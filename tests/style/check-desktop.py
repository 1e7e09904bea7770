#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""check-desktop.py SOURCE-ROOT BUILD-ROOT: the tools' own opinion of our .ui files, desktop entry and metainfo.

gtk-builder-tool knows GTK's types only: an object of another type is checked as an empty box. TAP.
"""

import glob
import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as tree


def without_foreign_types(path):
    root = tree.parse(path).getroot()
    for thing in root.iter('object'):
        if not thing.get('class').startswith(('Gtk', 'Gdk')):
            thing.set('class', 'GtkBox')
            for part in [part for part in thing if part.tag in ('property', 'signal', 'style')]:
                thing.remove(part)
    return tree.tostring(root, encoding='unicode')


def run(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.returncode == 0, done.stdout


def check_ui(path):
    with tempfile.NamedTemporaryFile('w', suffix='.ui') as file:
        file.write(without_foreign_types(path))
        file.flush()
        return run('gtk-builder-tool', 'validate', file.name)


def main():
    source, build = sys.argv[1:3]
    if 'DISPLAY' not in os.environ or '--here' not in sys.argv:
        return subprocess.call(['xvfb-run', '-a', sys.executable, os.path.abspath(__file__)] + sys.argv[1:3] +
                               ['--here'])
    checks = [(os.path.basename(path), check_ui, (path,)) for path in sorted(glob.glob(source + '/ui/*.ui'))]
    for path in glob.glob(build + '/data/*.desktop'):
        checks.append(('desktop-file-validate', run, ('desktop-file-validate', path)))
    for path in glob.glob(build + '/data/*.metainfo.xml'):
        checks.append(('appstreamcli', run, ('appstreamcli', 'validate', '--no-net', path)))
    print('1..%d' % len(checks))
    failed = 0
    for number, (name, check, arguments) in enumerate(checks, 1):
        good, output = check(*arguments)
        failed += not good
        if not good:
            print(''.join('# %s\n' % line for line in output.splitlines() if line.strip()), end='')
        print('%sok %d - %s' % ('' if good else 'not ', number, name), flush=True)
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
