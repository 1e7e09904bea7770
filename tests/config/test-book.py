# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every command of the crosvm book parses to the machine it means, or is refused: book.txt says which.

usage: test-book.py VMM
"""
import json
import pathlib
import shlex
import sys

from rig import Rig, check, main


def read_table(path):
    """[(command, files, expected JSON or None, refusal or None)]"""
    rows = []
    files = {}
    name = None
    for line in path.read_text(encoding='utf-8').splitlines():
        kind, _, rest = line.partition(' ')
        if kind == '@' and not rest.startswith(' '):
            name, _, rest = rest.partition(' ')
            files[name] = rest
        elif kind == '@':
            files[name] += '\n' + rest
        elif kind == '$':
            rows.append([rest, dict(files), '', None])
        elif kind == '=':
            rows[-1][2] += rest
        elif kind == '!':
            rows[-1][3] = rest
    return rows


def is_part(small, large):
    if isinstance(small, dict):
        return isinstance(large, dict) and all(k in large and is_part(v, large[k]) for k, v in small.items())
    if isinstance(small, list):
        return isinstance(large, list) and len(small) == len(large) and all(map(is_part, small, large))
    return small == large and isinstance(small, bool) == isinstance(large, bool)


def printed(rig, words):
    status, output, errors = rig.run([*words, '--print-config'])
    check(status == 0 and errors == '', f'{words}: status {status}, {errors}')
    return json.loads(output)


def meaning(rig, words, expected):
    """The command prints what the file does that says the same, and that has what was said."""
    machine = printed(rig, words)
    check(is_part(expected, machine), f'{expected} is not all in {machine}')
    rig.write('expected.json', json.dumps(expected))
    by_file = printed(rig, ['run', '--cfg', 'expected.json'])
    check(machine == by_file, f'by options: {machine}\nby file:    {by_file}')
    rig.write('printed.json', json.dumps(machine))
    check(printed(rig, ['run', '--cfg', 'printed.json']) == machine, 'what it prints is read differently')


def refusal(rig, words, sentence):
    status, output, errors = rig.run([*words, '--print-config'])
    check((status, output, errors) == (35, '', f'vmm: {sentence}\n'), f'status {status}\n{errors}{sentence}')


def case_of(row):
    command, files, expected, sentence = row

    def case(rig):
        check(bool(expected) != bool(sentence), 'the row must say one meaning')
        words = shlex.split(command)[1:]
        for name, text in files.items():
            rig.write(name, text)
        if expected:
            meaning(rig, words, json.loads(expected))
        else:
            refusal(rig, words, sentence)
        check(not rig.left(), f'left: {rig.left()}')

    return case


rows = read_table(pathlib.Path(__file__).with_name('book.txt'))
main([(row[0], case_of(row)) for row in rows], Rig(sys.argv[1]))
