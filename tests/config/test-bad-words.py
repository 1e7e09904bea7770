# SPDX-License-Identifier: LGPL-2.1-or-later
"""Malformed command lines and configuration files, made from the table of options: status 35 and one
line that names the option or key, in milliseconds, and nothing is left.

usage: test-bad-words.py VMM SCHEMA OPTIONS
"""
import json
import re
import sys

from rig import Rig, check, main

WRONG = {'integer': ['"7"', '1.5', '-1', 'true', 'null', '[]', '{}', '99999999999999999'],
         'boolean': ['1', '"true"', 'null', '[]', '{}'],
         'string': ['7', 'true', 'null', '[]', '{}', '"a\\nb"'],
         'array': ['7', 'true', 'null', '{}', '[7]', '[null]'],
         'object': ['7', '"x"', 'true', 'null', '[]', '{"no-such-key": 1}'],
         'enum': ['7', '"no-such-choice"', 'null', '[]', '""'],
         'oneOf': ['7', 'true', 'null', '{}', '[7]']}


def kind_of(schema):
    return 'enum' if 'enum' in schema else 'oneOf' if 'oneOf' in schema else schema['type']


def objects_in(schema):
    """(option, the schema of its keys, whether it is a list)"""
    for option, part in schema['properties'].items():
        if part.get('type') == 'object' and 'properties' in part:
            yield option, part, False
        elif part.get('type') == 'array' and part['items'].get('type') == 'object':
            yield option, part['items'], True


def bad_lines(schema, options):
    """(words, what the sentence must name)"""
    for state, option, key, _ in options:
        if state == 'refused' and not key:
            yield [f'--{option}', 'x', 'k'], f'--{option}'
        elif state == 'refused' and '=' not in key and option in schema['properties'] and \
                schema['properties'][option].get('type') in ('object', 'array'):
            yield ['k', f'--{option}', f'{key}=1'], key
        elif state == 'refused':
            yield ['k', f'--{option}', key], key.split('=')[-1]
    for option, part, _ in objects_in(schema):
        yield ['k', f'--{option}', 'no-such-key=1'], 'no-such-key'
        yield ['k', f'--{option}="open'], f'--{option}'
        yield ['k', f'--{option}='], f'--{option}' if part['required'] else None
        for key, value in part['properties'].items():
            if value.get('deprecated'):
                continue
            bad = {'integer': ['-1', '1.5', 'x', '', '0x', '99999999999999999999', '18446744073709551616'],
                   'boolean': ['maybe', '1', ''], 'enum': ['no-such-choice', ''],
                   'string': [''], 'array': ['[', ']', 'no-such-choice']}[kind_of(value)]
            for text in bad:
                yield ['k', f'--{option}', f'{key}={text}'], key
    for words, names in (([], 'No kernel'), (['k', 'k2'], 'k2'), (['-Z'], '-Z'), (['--'], 'No kernel'),
                         (['k', '--frobnicate'], '--frobnicate'), (['k', '--frobnicate=x'], '--frobnicate'),
                         (['k', '--mem'], '--mem'), (['k', '-m'], '-m'), (['k', '-c', '1', '-c', '2'], '--cpus'),
                         (['k', '--name', '../x'], '--name'), (['k', '--name', 'x' * 65], '--name'),
                         (['k', '--restart=perhaps'], '--restart'), (['k', '--manager', 'x'], '--manager'),
                         (['k', '-p', 'x' * 2000], '--params'), (['k', '-b', 'x' * 5000], 'path'),
                         (['k', '--kernel', 'k2'], '--kernel'), (['k', '-p', 'a\tb'], '--params'),
                         (['k', '--log-level', 'loud'], '--log-level'), (['k', '-b', 'a\udcffb'], '--block'),
                         (['k'] + ['-b', 'x'] * 17, '--block'), (['k'] + ['--serial', 'sink'] * 9, '--serial'),
                         (['k', '--cfg', 'missing.json'], 'missing.json'), (['k', '--cfg', '.'], '“.”'),
                         (['k', '-b', 'a,root', '-b', 'b,root'], 'root'), (['k', '--serial', 'sink,num=9'], 'num')):
        yield words, names


def bad_files(schema, options):
    """(text, what the sentence must name); it always names the file and a line of it too"""
    for state, option, key, _ in options:
        if state == 'refused' and not key:
            yield '{"kernel": "k",\n"%s": [1]}' % option, f'line 2, “{option}”'
    for option, part in schema['properties'].items():
        if option in ('$schema', 'manager'):
            continue  # any text, and any object
        for value in WRONG[kind_of(part)]:
            if option != 'params' or value not in ('[]', '""'):
                yield '{\n\n"%s": %s}' % (option, value), f'line 3, “{option}'
    for option, part, is_list in objects_in(schema):
        sample = {key: '"x"' if kind_of(part['properties'][key]) == 'string' else '"%s"' %
                  part['properties'][key]['enum'][0] for key in part['required']}
        for key, value in {**part['properties'], 'no-such-key': {'type': 'null'}}.items():
            for wrong in WRONG.get(kind_of(value), ['1']):
                if (kind_of(value), wrong) == ('array', '[]'):
                    continue
                text = ', '.join(f'"{k}": {v}' for k, v in sample.items() if k != key)
                inside = '{%s%s\n"%s": %s}' % (text, ',' if text else '', key, wrong)
                yield '{"%s": %s}' % (option, f'[{inside}]' if is_list else inside), f'line 2, “{option}'
        for key in part['required']:
            yield '{"%s":\n %s}' % (option, '[{}]' if is_list else '{}'), f'{option}'
    whole = json.dumps({'kernel': 'k', 'cpus': {'num-cores': 2}, 'block': [{'path': 'p', 'ro': True}]}, indent=1)
    for length in range(0, len(whole) - 1, 2):
        yield whole[:length], 'not JSON'
    yield '[]', 'object'
    for text in ('7', '"x"', 'null'):
        yield text, 'not JSON'
    yield '\ufeff{}', 'not JSON'
    yield '{"a": ' + '[' * 5000, 'not JSON'
    yield '{"kernel": "k", "kernel": "l"}', 'kernel'
    yield '{"kernel": "a\\u0000b"}', 'not JSON'
    yield '{"restart": true}', 'restart'
    yield '{"cfg":\n"bad.json"}', 'cfg[0]'
    yield '{"cfg": ["a.json",\n"missing.json"]}', 'line 2, “cfg[1]”'
    yield '{"cfg": ["."]}', 'cfg[0]'


def one_line(rig, words, names, what):
    """What is wrong with the answer."""
    status, output, errors = rig.run(['run', *words])
    if status != 35 or output:
        return [f'{what}: status {status}, {output}{errors}']
    if not re.fullmatch(r'vmm: [^\n]+[.;]\n', errors):
        return [f'{what}: {errors!r} is not one sentence']
    if names not in errors:
        return [f'{what}: “{names}” is not in {errors}']
    if 'bad.json' in words and not re.search(r'bad\.json, line \d+', errors):
        return [f'{what}: no file and line in {errors}']
    return []


def lines(rig):
    rows = [row for row in bad_lines(schema, options) if row[1]]
    check(len(rows) >= 200, f'only {len(rows)} rows')
    wrong = []
    for words, names in rows:
        wrong += one_line(rig, words, names, words)
    check(not wrong, '\n'.join(wrong))
    check(not rig.left(), f'left: {rig.left()}')
    print(f'# {len(rows)} command lines')


def files(rig):
    rows = list(bad_files(schema, options))
    check(len(rows) >= 200, f'only {len(rows)} rows')
    rig.write('a.json', '{}')
    wrong = []
    for text, names in rows:
        rig.write('bad.json', text)
        wrong += one_line(rig, ['--cfg', 'bad.json'], names, text)
    check(not wrong, '\n'.join(wrong))
    check(not rig.left(), f'left: {rig.left()}')
    print(f'# {len(rows)} files')


with open(sys.argv[2], encoding='utf-8') as stream:
    schema = json.load(stream)
with open(sys.argv[3], encoding='utf-8') as stream:
    options = [line.rstrip('\n').split('\t') for line in stream]
main([('command lines', lines), ('files', files)], Rig(sys.argv[1]))
