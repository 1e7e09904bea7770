# SPDX-License-Identifier: LGPL-2.1-or-later
"""Write the options of the table that `vmm run` parses with into docs/crosvm-book.md.

usage: update-crosvm-book.py OPTIONS.tsv crosvm-book.md     (OPTIONS.tsv: build/data/config/options.tsv)
"""
import sys

BEGIN = '<!-- options:'
END = '<!-- end of options -->'
PARTS = (('works', 'Options that work', 'What it is'),
         ('ignored', 'Options that are accepted and have no effect', 'Why that is harmless'),
         ('refused', 'Options that are refused', 'Why'))


def options_text(rows):
    lines = []
    for state, title, words in PARTS:
        lines += ['', f'## {title}', '', f'| Option | Key | {words} |', '|---|---|---|']
        for row_state, option, key, text in rows:
            if row_state == state:
                key = f'`{key}`' if key else ''
                lines.append(f'| `--{option}` | {key} | {text[0].upper() + text[1:]} |')
    return '\n'.join(lines) + '\n\n'


def new_text(page, table):
    """The page with the options of the table."""
    with open(page, encoding='utf-8') as stream:
        text = stream.read()
    with open(table, encoding='utf-8') as stream:
        rows = [line.rstrip('\n').split('\t') for line in stream]
    begin = text.index('\n', text.index(BEGIN)) + 1
    return text, text[:begin] + options_text(rows) + text[text.index(END):]


if __name__ == '__main__':
    changed = new_text(sys.argv[2], sys.argv[1])[1]
    with open(sys.argv[2], 'w', encoding='utf-8') as stream:
        stream.write(changed)
