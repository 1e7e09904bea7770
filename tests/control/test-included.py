# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a definition's included files bring counts as its own: in deleting, cloning and growing."""
import importlib
import json
import pathlib
import sys

import harness
from harness import check

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


def cloning(world):
    """A disk that an included file names is copied, and the copy includes nothing; numbers and words stay."""
    place = clone.Place(world)
    theirs, mine, read = (place.raw(name, pattern) for name, pattern in (('theirs.img', 1), ('mine.img', 2), ('read.img', 3)))
    inner = include(place, 'inner.json', block=disks(read, ro=True), params='inner', cpus={'num-cores': 2})
    outer = include(place, 'outer.json', cfg='inner.json', block=disks(theirs), params=['outer'])
    place.define('one', mine, cfg=[outer], params='own', mem={'size': 64})
    before = {path: path.read_bytes() for path in place.images.iterdir()}
    place.clone('one', 'two')
    check('“two” includes no file: what those of “one” say' in place.said, place.said)
    copy = place.load('two')
    folder = place.data / 'two'
    check([block['path'] for block in copy['block']] == [str(read), str(folder / 'theirs.img'), str(folder / 'mine.img')], str(copy))
    check('cfg' not in copy and copy['params'] == ['inner', 'outer', 'own'] and copy['cpus'] == {'num-cores': 2}, str(copy))
    check(copy['manager'] == {'title': 'two'} and copy['mem'] == {'size': 64}, str(copy))
    clone.written(folder / 'theirs.img', 9)
    check({path: path.read_bytes() for path in place.images.iterdir()} == before, 'the copy writes to the original')
    check(clone.reads(folder / 'mine.img', 2), 'the copy')
    for name in ('one', 'two'):
        check(world.run('start', name)[0] == 0, f'{name} does not start beside the other')
    world.run('stop', 'one'), world.run('stop', 'two')
    check(harness.wait_for(lambda: not world.processes(), 20), 'they go on')


def cloning_beside(world):
    """Where included files name only what is read, the copy includes them too; linked ones as well."""
    place = clone.Place(world)
    read, mine = place.raw('read.img', 3), place.raw('mine.img', 2)
    base = include(place, 'base.json', block=disks(read, ro=True), params='base')
    place.define('one', mine, cfg=[base])
    place.clone('one', 'two')
    check(place.load('two')['cfg'] == [base] and place.disk('two') == place.data / 'two/mine.img', str(place.load('two')))
    check(len(place.load('two')['block']) == 1 and 'params' not in place.load('two'), str(place.load('two')))
    place.starts('two')
    place.clone('--linked', 'one', 'three')
    check(place.load('three')['cfg'] == place.load('one')['cfg'] == [base], 'what they include')
    check(place.disk('one') == place.images / 'mine-1.qcow2' and clone.reads(place.disk('three'), 2), str(place.load('one')))
    place.starts('one')
    place.starts('three')


def cloning_refused(world):
    """A disk of an included file is not frozen; without all files nobody knows which disks there are."""
    place = clone.Place(world)
    theirs = place.raw('theirs.img', 1)
    base = include(place, 'base.json', block=disks(theirs))
    place.define('one', cfg=[base])
    clone.refused(place, ('--linked', 'one', 'two'), f'“{theirs}” is named by “{base}”', 'make a full clone')
    place.define('four', theirs)
    place.define('five', place.raw('five.img'), cfg=[str(place.images / 'none.json')])
    clone.refused(place, ('--linked', 'four', 'two'), 'also a disk of the machine “one”', 'make a full clone')
    for linked_too in ((), ('--linked',)):
        clone.refused(place, (*linked_too, 'five', 'two'), 'mend it, or take it out of “cfg”', f'“{place.images}/none.json” is not there')


def growing(world):
    """Numbers count all disks, as when the machine runs; what another machine has by an included file stays as it is."""
    place = clone.Place(world)
    theirs, mine, shared = place.raw('theirs.img'), place.raw('mine.img'), place.raw('shared.img')
    place.define('one', mine, shared, cfg=[include(place, 'base.json', block=disks(theirs))])
    place.define('two', cfg=[include(place, 'other.json', block=disks(shared))])

    def sizes():
        return [path.stat().st_size >> 20 for path in (theirs, mine, shared)]
    check(world.run('disk', 'resize', '0', str(16 << 20), 'one')[0] == 0 and sizes() == [16, 8, 8], f'off: {sizes()}')
    check(world.run('start', 'one')[0] == 0, 'start')
    check(world.run('disk', 'resize', '1', str(24 << 20), 'one')[0] == 0 and sizes() == [16, 24, 8], f'on: {sizes()}')
    world.run('stop', 'one')
    check(harness.wait_for(lambda: not world.processes(), 20), 'it goes on')
    harness.expect(world.run('disk', 'resize', '2', str(16 << 20), 'one'), 33, 'the machine “two” needs', 'give this machine a copy')
    place.define('one', mine, cfg=[str(place.images / 'none.json')])
    harness.expect(world.run('disk', 'resize', '0', str(64 << 20), 'one'), 33, 'mend it, or take it out of “cfg”')
    check(sizes() == [16, 24, 8], f'a refused request changed a disk: {sizes()}')


CASES = [growing, deleting_keeps, deleting_unsure, cloning, cloning_beside, cloning_refused]

if __name__ == '__main__':
    harness.main(CASES, [pathlib.Path(p) for p in sys.argv[1:]])
