# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is made of the option table agrees with it: help, schema, bash completion, docs/crosvm-book.md.

usage: test-options.py VMM SCHEMA OPTIONS COMPLETION DOCS_FOLDER MANUAL_PAGE...
"""
import importlib.util
import json
import os
import pathlib
import subprocess
import sys

from rig import Rig, check, main


def misfit(value, schema):
    """Why a value does not fit a schema of the kind that ours are, or None."""
    kinds = {'object': dict, 'array': list, 'string': str, 'boolean': bool, 'integer': int}
    if 'oneOf' in schema:
        fits = [part for part in schema['oneOf'] if misfit(value, part) is None]
        return None if len(fits) == 1 else f'{value} fits {len(fits)} forms'
    if 'enum' in schema:
        return None if value in schema['enum'] else f'{value} is none of {schema["enum"]}'
    if not isinstance(value, kinds[schema['type']]) or (schema['type'] == 'integer' and isinstance(value, bool)):
        return f'{value} is no {schema["type"]}'
    if schema['type'] == 'integer' and not schema['minimum'] <= value <= schema['maximum']:
        return f'{value} is out of range'
    if schema['type'] == 'array':
        return next((bad for item in value if (bad := misfit(item, schema['items']))), None)
    for name, part in value.items() if schema['type'] == 'object' and 'properties' in schema else ():
        if name not in schema['properties']:
            return f'{name} is not known'
        bad = misfit(part, schema['properties'][name])
        if bad:
            return f'{name}: {bad}'
    missing = set(schema.get('required', ())) - set(value) if schema['type'] == 'object' else set()
    return f'{missing} is missing' if missing else None


def help_text(rig):
    status, text, _ = rig.run(['run', '--help'])
    check(status == 0, text)
    lines = text.splitlines()
    for state, option, key, _ in options:
        if state == 'works' and option != 'manager':
            check(any(f'--{option}' in line for line in lines), f'--{option} is not in the help')
            check(not key or any(line.strip().startswith(f'{key}=') for line in lines), f'{option} {key}')
    check(max(map(len, lines)) <= 100, max(lines, key=len))


def schema_fits_files(rig):
    book = pathlib.Path(__file__).with_name('book.txt').read_text(encoding='utf-8')
    seen = 0
    for row in book.split('\n$ ')[1:]:
        text = ''.join(line[2:] for line in row.splitlines() if line.startswith('= '))
        if text:
            seen += 1
            bad = misfit(json.loads(text), schema)
            check(bad is None, f'{text}: {bad}')
            rig.write('vm.json', text)
            _, output, errors = rig.run(['run', '--cfg', 'vm.json', '--print-config'])
            bad = misfit(json.loads(output), schema)
            check(bad is None, f'{output}: {bad}{errors}')
    check(seen > 20, f'only {seen} machines in the book')
    rig.write('vm.json', '{"$schema": "vmm-config.schema.json", "kernel": "k"}')
    status, _, errors = rig.run(['run', '--cfg', 'vm.json', '--print-config'])
    check(status == 0, errors)


def completed(rig, line):
    """What bash offers at the end of a line."""
    script = ('source "$1"; COMP_LINE=$2; COMP_POINT=${#2}; _vmm vmm; printf "%s\\n" "${COMPREPLY[@]}"')
    bin_folder = rig.path / 'bin'
    if not bin_folder.exists():
        bin_folder.mkdir()
        (bin_folder / 'vmm').symlink_to(rig.vmm)
    done = subprocess.run(['bash', '-c', script, 'bash', completion, line], cwd=rig.path, text=True,
                          capture_output=True, timeout=60,
                          env=dict(os.environ, PATH=f'{bin_folder}:{os.environ["PATH"]}', LC_ALL='C.UTF-8'))
    check(done.returncode == 0, done.stderr)
    return set(done.stdout.split())


def bash_completion(rig):
    rig.write('disk.img', '')
    check({'run', 'check', 'policy', 'version'} <= completed(rig, 'vmm '), completed(rig, 'vmm '))
    check(completed(rig, 'vmm r') >= {'run'}, completed(rig, 'vmm r'))
    works = {f'--{option}' for option, part in schema['properties'].items()} - {'--manager', '--$schema'}
    check(works <= completed(rig, 'vmm run --'), works - completed(rig, 'vmm run --'))
    for line, expected in (('vmm run --initr', {'--initrd'}), ('vmm run --block di', {'disk.img'}),
                           ('vmm run --block disk.img,spa', {'disk.img,sparse'}),
                           ('vmm run -b disk.img,ro=', {'true', 'false'}), ('vmm run -b path=di', {'disk.img'}),
                           ('vmm run --serial st', {'stdout', 'stdin'}), ('vmm run dis', {'disk.img'}),
                           ('vmm run --serial stdout,hardware=vir', {'virtio-console'}),
                           ('vmm run --gpu context-types=virgl', {'virgl', 'virgl2'}),
                           ('vmm run --log-level=d', {'debug'}), ('vmm run --kernel=di', {'disk.img'}),
                           ('vmm run --vhost-user block,so', {'block,socket='})):
        check(completed(rig, line) == expected, f'{line}: {completed(rig, line)}, not {expected}')


def book_page(_):
    spec = importlib.util.spec_from_file_location('update', docs / 'update-crosvm-book.py')
    update = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(update)
    text, wanted = update.new_text(docs / 'crosvm-book.md', sys.argv[3])
    missing = [line for line in wanted.splitlines() if line not in text.splitlines()]
    check(text == wanted, 'docs/crosvm-book.md differs from the option table; run\n'
          'python3 docs/update-crosvm-book.py build/data/config/options.tsv docs/crosvm-book.md\n' + '\n'.join(missing))


def manual_pages(_):
    for path in sys.argv[6:]:
        page = pathlib.Path(path).read_text(encoding='utf-8').replace('\\-', '-')
        check('@HELP@' not in page, f'{path} has no options in it')
        for state, option, key, _ in options:
            if state == 'works' and option != 'manager':
                check(f'--{option}' in page, f'--{option} is not in {path}')
                check(not key or f' {key}=' in page, f'{option} {key} is not in {path}')
        for option in {option for state, option, _, _ in options if state == 'ignored'}:
            check(f'--{option}' in page, f'--{option} is not in {path}')


with open(sys.argv[2], encoding='utf-8') as stream:
    schema = json.load(stream)
with open(sys.argv[3], encoding='utf-8') as stream:
    options = [line.rstrip('\n').split('\t') for line in stream]
completion = os.path.abspath(sys.argv[4])
docs = pathlib.Path(sys.argv[5])
main([('help', help_text), ('schema', schema_fits_files), ('bash completion', bash_completion),
      ('docs/crosvm-book.md', book_page), ('manual pages', manual_pages)], Rig(sys.argv[1]))
