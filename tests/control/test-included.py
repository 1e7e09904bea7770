# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a definition's included files bring counts as its own: in deleting, cloning and growing."""
import importlib
import json
import pathlib
import sys

import harness
from harness import check, expect

clone = importlib.import_module('test-clone')


def include(place, name, **members):
    """A file for "cfg", beside the images."""
    path = place.images / name
    path.write_text(json.dumps(members))
    return str(path)


def disks(*paths, **more):
    return [{'path': str(path), **more} for path in paths]


def deleting_keeps(world):
    """What another machine needs by an included file stays: a disk, what lies behind one, the file itself."""
    place = clone.Place(world)
    own = place.data / 'one'
    own.mkdir(parents=True)
    for name in ('named.img', 'behind.img', 'nobody.img'):
        (own / name).write_bytes(bytes(clone.SIZE))
    over = place.over('over.qcow2', own / 'behind.img')
    base = own / 'base.json'
    base.write_text(json.dumps({'block': [{'path': str(own / 'named.img')}, {'path': str(over), 'outside-files': True}]}))
    outer = include(place, 'outer.json', cfg=str(base))
    place.define('one', own / 'nobody.img')
    place.define('two', cfg=[outer])
    status, _, errors = world.run('delete', 'one')
    check(status == 0, errors)
    for name in ('named.img', 'behind.img', 'base.json'):
        check((own / name).exists() and f'“{own / name}” stays' in errors, f'{name}: {errors}')
    check(not (own / 'nobody.img').exists(), 'what nobody needs stays')
    place.starts('two')


def deleting_unsure(world):
    """While an included file cannot be used, no folder goes: it may name any file."""
    place = clone.Place(world)
    own = place.data / 'one'
    own.mkdir(parents=True)
    (own / 'disk.img').write_bytes(bytes(clone.SIZE))
    place.define('one', own / 'disk.img')
    place.define('two', cfg=[str(place.images / 'none.json')])
    status, _, errors = world.run('delete', 'one')
    check(status == 0 and f'“{own}” stays: the definition of “two”, or a file that it includes' in errors, errors)
    check((own / 'disk.img').exists(), 'the disk went')


CASES = [deleting_keeps, deleting_unsure]

if __name__ == '__main__':
    harness.main(CASES, [pathlib.Path(p) for p in sys.argv[1:]])
