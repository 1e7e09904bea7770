# SPDX-License-Identifier: LGPL-2.1-or-later
"""`vmm clone`: disks in several files, linked clones, what they share, and what goes wrong; qemu-img is the peer."""
import fcntl
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys

import harness
from harness import check, expect, wait_for

SIZE = 8 << 20


def tool(*words):
    done = subprocess.run(words, capture_output=True, check=False)
    check(done.returncode == 0, f'{words}: {done.stderr.decode()}')
    return done.stdout.decode()


def written(path, pattern, where=0):
    """One MiB of a byte, as a guest would have written it."""
    form = 'qcow2' if str(path).endswith('.qcow2') else 'raw'
    tool('qemu-io', '-f', form, '-c', f'write -P {pattern} {where << 20} 1M', str(path))


def reads(path, pattern, where=0):
    form = 'qcow2' if str(path).endswith('.qcow2') else 'raw'
    done = subprocess.run(['qemu-io', '-r', '-f', form, '-c', f'read -P {pattern} {where << 20} 1M', str(path)],
                          capture_output=True, check=False)
    return done.returncode == 0 and b'verification failed' not in done.stdout


def chain(path):
    return [image['filename'] for image in json.loads(tool('qemu-img', 'info', '--backing-chain', '--output=json', str(path)))]


def whole(path):
    tool('qemu-img', 'check', '-q', '-f', 'qcow2', str(path))


class Place:
    """The folders of one world."""
    def __init__(self, world):
        self.world = world
        self.data = world.root / 'home/.local/share/vitrine'
        self.machines = world.root / 'config/vitrine/machines'
        shutil.rmtree(world.root / 'home')
        (world.root / 'home').mkdir(mode=0o700)
        self.images = world.root / 'home/images'
        self.images.mkdir()

    def raw(self, name, pattern=None):
        path = self.images / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, 'wb') as file:
            file.truncate(SIZE)
        if pattern is not None:
            written(path, pattern)
        return path

    def over(self, name, backing, form='raw'):
        path = self.images / name
        tool('qemu-img', 'create', '-q', '-f', 'qcow2', '-b', str(backing), '-F', form, str(path))
        return path

    def define(self, name, *blocks, guest='halt', **more):
        self.machines.mkdir(parents=True, exist_ok=True)
        blocks = [block if isinstance(block, dict) else {'path': str(block)} for block in blocks]
        (self.machines / f'{name}.json').write_text(json.dumps(
            {'kernel': str(self.world.files / guest), 'block': blocks, 'manager': {'title': name}, **more}))

    def load(self, name):
        return json.loads((self.machines / f'{name}.json').read_text())

    def disk(self, name, index=0):
        return pathlib.Path(self.load(name)['block'][index]['path'])

    def clone(self, *words):
        status, output, errors = self.world.run('clone', *words)
        check(status == 0, errors)
        self.said = errors
        return output.strip()

    def starts(self, name):
        status, _, errors = self.world.run('start', name)
        check(status == 0, f'{name} does not start: {errors}')
        check(self.world.run('stop', name)[0] == 0 and wait_for(lambda: not self.world.processes(), 20), 'it goes on')

    def state(self):
        """All that a clone could change: definitions, and names, modes and contents of files."""
        found = {path.name: path.read_text() for path in self.machines.iterdir()}
        for path in (self.world.root / 'home').rglob('*'):
            if path.is_file() and 'Trash' not in path.parts:
                found[str(path)] = (path.stat().st_mode, path.stat().st_size, path.read_bytes() if os.access(path, os.R_OK) else b'')
            elif path.is_dir() and path.is_relative_to(self.data) and path != self.data:
                found[str(path)] = 'folder'
        return found


def refused(place, words, *sentence, prefix=(), **more):
    """It fails with that sentence, and everything is as before."""
    before = place.state()
    expect(place.world.run('clone', *words, prefix=prefix, **more), 33, *sentence)
    after = place.state()
    changed = [key for key in {*before, *after} if before.get(key) != after.get(key)]
    check(not changed, f'changed: {changed}')


def chained_image(world):
    """The image is copied, what lies behind it is shared: both machines outlive each other."""
    place = Place(world)
    place.raw('deep/base.img', 1)
    place.over('middle.qcow2', 'deep/base.img')
    top = place.over('top.qcow2', 'middle.qcow2', 'qcow2')
    written(top, 2, 1)
    place.define('one', top)
    check(place.clone('one', 'two') == 'two', 'the name')
    check('only read, by both machines' in place.said, place.said)
    copy = place.disk('two')
    check(copy.is_relative_to(place.data / 'two') and len(chain(copy)) == 3, str(chain(copy)))
    check(all(pathlib.Path(path).resolve().is_relative_to(place.data / 'two') for path in chain(copy)), str(chain(copy)))
    check(reads(copy, 1) and reads(copy, 2, 1), 'the content')
    check((place.images / 'middle.qcow2').samefile(copy.parent / 'middle.qcow2'), 'what lies behind it was copied')
    written(copy, 3, 1)
    check(reads(top, 2, 1), 'the copy writes into the original')
    whole(copy)
    place.starts('two')
    shutil.rmtree(place.images)
    check(reads(copy, 1) and reads(copy, 3, 1), 'the copy went with the original')
    place.starts('two')
    # A whole path in the image stays what it is, and the file is nobody's to delete.
    place.images.mkdir()
    base = place.raw('base.img', 4)
    own = place.data / 'three/disk.qcow2'
    own.parent.mkdir(parents=True)
    tool('qemu-img', 'create', '-q', '-f', 'qcow2', '-b', str(base), '-F', 'raw', str(own))
    place.define('three', {'path': str(own), 'outside-files': True})
    four = place.disk(place.clone('three', 'four'))
    check(chain(four)[1] == str(base) and reads(four, 4), str(chain(four)))
    place.starts('four')


def what_content_says(world):
    """A raw disk that begins as a qcow2 image is copied as it is, and linked as raw."""
    place = Place(world)
    disk = place.raw('disk.img')
    other = place.over('other.qcow2', '/etc/passwd')
    with open(disk, 'r+b') as file:
        file.write(other.read_bytes()[:4096])
    place.define('one', disk)
    check(place.disk(place.clone('one', 'two')).read_bytes()[:4096] == disk.read_bytes()[:4096], 'it is another')
    copy = place.disk(place.clone('--linked', 'one', 'three'))
    info = json.loads(tool('qemu-img', 'info', '--output=json', str(copy)))
    check(info['backing-filename-format'] == 'raw', str(info))
    tool('qemu-img', 'compare', '-f', 'qcow2', '-F', 'raw', str(copy), str(disk))


def composite(world):
    """What names the parts is written anew; parts that may be written are copied, the others shared."""
    place = Place(world)
    for name, pattern in (('root.img', 1), ('data.img', 2), ('fixed.img', 3)):
        place.raw(f'parts/{name}', pattern)
    disk = place.images / 'whole.composite'
    status, _, errors = world.run('create_composite', str(disk), 'root:parts/root.img:writable', 'data:parts/data.img:writable',
                                  'fixed:parts/fixed.img', cwd=place.images)
    check(status == 0, errors)
    place.define('one', disk)
    copy = place.disk(place.clone('one', 'two'))
    folder = place.data / 'two'
    check(copy == folder / 'whole.composite', str(copy))
    names = {path.name for path in folder.iterdir()}
    check({'disk-0-root.img', 'disk-0-data.img', 'disk-0-fixed.img'} <= names, str(names))
    check(b'parts/' not in copy.read_bytes() and b'disk-0-root.img' in copy.read_bytes(), 'it names the old parts')
    check((folder / 'disk-0-fixed.img').samefile(place.images / 'parts/fixed.img'), 'the read-only part was copied')
    check(not (folder / 'disk-0-root.img').samefile(place.images / 'parts/root.img'), 'a writable part is shared')
    written(folder / 'disk-0-root.img', 9)
    check(reads(place.images / 'parts/root.img', 1) and reads(folder / 'disk-0-data.img', 2), 'the parts')
    place.starts('two')
    shutil.rmtree(place.images)
    place.starts('two')
    copy_of_copy = place.disk(place.clone('two', 'three'))
    check(copy_of_copy.is_relative_to(place.data / 'three'), str(copy_of_copy))
    refused(place, ('--linked', 'two', 'four'), 'is made of parts', 'make a full clone')
    (folder / 'disk-0-data.img').unlink()
    refused(place, ('two', 'four'), 'disk-0-data.img', 'No such file', 'put it there')


def linked(world):
    """Both go on over the frozen disk; neither sees what the other writes, and each outlives the other."""
    place = Place(world)
    disk = place.raw('disk.img', 1)
    seed = place.data / 'one/seed.iso'
    seed.parent.mkdir(parents=True)
    seed.write_bytes(b'seed' * 1024)
    place.define('one', disk, {'path': str(seed), 'ro': True})
    before = disk.read_bytes()
    check(place.clone('--linked', 'one', 'two') == 'two', 'the name')
    one, two = place.disk('one'), place.disk('two')
    check(one == place.images / 'disk-1.qcow2' and two == place.data / 'two/disk.qcow2', f'{one} {two}')
    check(place.load('two')['block'][1]['path'] == str(place.data / 'two/seed.iso'), 'the seed is not its own')
    check(disk.stat().st_mode & 0o222 == 0 and disk.samefile(place.data / 'two/base-0/disk.img'), 'it is not frozen')
    check(place.load('one')['manager'] == {'title': 'one'} and place.load('two')['manager'] == {'title': 'two'}, 'titles')
    for path in (one, two):
        whole(path)
        info = json.loads(tool('qemu-img', 'info', '--output=json', str(path)))
        check(info['backing-filename-format'] == 'raw' and info['virtual-size'] == SIZE and reads(path, 1), str(info))
    written(one, 2, 1)
    written(two, 3, 1)
    check(reads(one, 2, 1) and reads(two, 3, 1) and disk.read_bytes() == before, 'they see each other')
    place.starts('one')
    place.starts('two')
    # Both at once: each only reads what lies behind its own.
    for name in ('one', 'two'):
        check(world.run('start', name)[0] == 0, f'{name} does not start beside the other')
    refused(place, ('--linked', 'one', 'three'), 'runs; stop it first')
    for name in ('one', 'two'):
        check(world.run('stop', name)[0] == 0, name)
    check(wait_for(lambda: not world.processes(), 20), 'they go on')
    # The clone goes on without the original and all its files.
    check(world.run('delete', 'one')[0] == 0, 'delete')
    shutil.rmtree(place.images)
    check(reads(two, 1) and reads(two, 3, 1), 'the clone lost its base')
    place.starts('two')
    # And the other way round, with disks in machines' own folders.
    three = place.clone('--linked', 'two', 'three')
    check(len(chain(place.disk(three))) == 3, str(chain(place.disk(three))))
    check(world.run('delete', 'three')[0] == 0 and not (place.data / 'three').exists(), 'its files stay')
    check(reads(place.disk('two'), 3, 1), 'the original lost its base')
    place.starts('two')
    check(world.run('delete', 'two')[0] == 0 and list(place.data.iterdir()) == [], 'something stays')


def linked_in_a_row(world):
    """An original that was not started in between is not frozen again; the ninth image is refused, a full clone is not."""
    place = Place(world)
    disk = place.raw('disk.img', 1)
    place.define('one', disk)
    for name in ('a', 'b', 'c'):
        place.clone('--linked', 'one', name)
        check(place.disk('one').name == 'disk-1.qcow2' and len(chain(place.disk(name))) == 2, str(chain(place.disk(name))))
    written(place.disk('b'), 2, 1)
    check(reads(place.disk('a'), 0, 1) and reads(place.disk('c'), 0, 1) and reads(place.disk('one'), 0, 1), 'they see b')
    for turn in range(2, 9):
        written(place.disk('one'), turn, 2)
        place.clone('--linked', 'one', f'n{turn}')
        check(len(chain(place.disk('one'))) == turn + 1 and reads(place.disk(f'n{turn}'), turn, 2), str(chain(place.disk('one'))))
    place.starts('one')
    place.starts('n8')
    written(place.disk('one'), 9, 2)
    refused(place, ('--linked', 'one', 'n9'), 'lies over 8 images already', 'make a full clone')
    full = place.clone('one', 'full')
    check(reads(place.disk(full), 9, 2) and reads(place.disk(full), 1), 'the full clone')
    place.starts(full)


def what_others_need(world):
    """Deleting a machine leaves what another one's disk lies over; with the last one it goes too."""
    place = Place(world)
    own = place.data / 'one'
    own.mkdir(parents=True)
    for name in ('base.img', 'more.img'):
        with open(own / name, 'wb') as file:
            file.truncate(SIZE)
    written(own / 'base.img', 5)
    place.define('one', own / 'base.img', own / 'more.img')
    over = place.over('over.qcow2', own / 'base.img')
    place.define('two', {'path': str(over), 'outside-files': True})
    status, _, errors = world.run('delete', 'one')
    check(status == 0 and f'“{own}/base.img” stays' in errors, f'{status} {errors}')
    check(sorted(path.name for path in own.iterdir()) == ['.left-by-deletion', 'base.img'] and reads(over, 5), 'the base is gone')
    place.starts('two')
    check(world.run('delete', 'two')[0] == 0 and not own.exists() and over.exists(), 'the base stays for nobody')
    # Whoever only forgets a machine keeps its disks.
    own.mkdir()
    for name in ('base.img', 'more.img'):
        shutil.copy(place.raw(name), own)
    place.define('one', own / 'base.img')
    place.define('two', {'path': str(over), 'outside-files': True})
    check(world.run('undefine', 'one')[0] == 0 and world.run('delete', 'two')[0] == 0, 'undefine and delete')
    check(sorted(path.name for path in own.iterdir()) == ['base.img', 'more.img'], 'the disks of a forgotten machine went')
    # A disk that another machine writes is not frozen under it.
    disk = place.raw('both.img')
    place.define('three', disk)
    place.define('four', disk)
    refused(place, ('--linked', 'three', 'five'), 'also a disk of the machine “four”', 'make a full clone')


def bad_chains(world):
    """Missing, looped, too deep, outside of its folder: named, with a cure."""
    place = Place(world)
    base = place.raw('base.img')
    top = place.over('top.qcow2', 'base.img')
    place.define('one', top)
    for linked_too in ((), ('--linked',)):
        base.rename(place.images / 'away.img')
        refused(place, (*linked_too, 'one', 'two'), 'base.img', 'which the disk', 'No such file', 'put it there')
        (place.images / 'away.img').rename(base)
        top.rename(place.images / 'away.qcow2')
        refused(place, (*linked_too, 'one', 'two'), 'top.qcow2', 'No such file', 'put it there')
        (place.images / 'away.qcow2').rename(top)
        loop = place.over('loop.qcow2', 'base.img')
        tool('qemu-img', 'rebase', '-u', '-f', 'qcow2', '-F', 'qcow2', '-b', 'loop.qcow2', str(loop))
        place.define('looped', loop)
        refused(place, (*linked_too, 'looped', 'two'), 'loop.qcow2', 'based on itself')
        outside = place.over('outside.qcow2', '/etc/passwd')
        place.define('far', outside)
        refused(place, (*linked_too, 'far', 'two'), '/etc/passwd', 'outside-files')
        up = place.images / 'deep/up.qcow2'
        up.parent.mkdir(exist_ok=True)
        tool('qemu-img', 'create', '-q', '-f', 'qcow2', '-b', '../base.img', '-F', 'raw', str(up))
        if not linked_too:
            place.define('up', {'path': str(up), 'outside-files': True})
            refused(place, ('up', 'two'), '../base.img', 'qemu-img rebase')
        loop.unlink()
        outside.unlink()
    last = 'base.img'
    for number in range(9):
        place.over(f'c{number}.qcow2', last, 'qcow2' if number else 'raw')
        last = f'c{number}.qcow2'
    place.define('deep', place.images / last)
    refused(place, ('deep', 'two'), 'more than 8 images')
    (place.images / 'short.qcow2').write_bytes(b'QFI\xfb')
    place.define('short', place.images / 'short.qcow2')
    refused(place, ('short', 'two'), 'short.qcow2')
    # Somebody writes to it.
    disk = place.raw('busy.img')
    place.define('busy', disk)
    with open(disk, 'rb') as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        for words in (('busy', 'two'), ('--linked', 'busy', 'two')):
            refused(place, words, 'another program writes', 'busy.img', 'stop it')
    if os.geteuid() == 0:
        return
    os.chmod(base, 0)
    refused(place, ('one', 'two'), 'base.img', 'Permission denied', 'readable')
    os.chmod(base, 0o600)


def small_disks(world):
    """Full, or on another file system, at each step: nothing half-made stays, and nothing of the original changes."""
    if os.geteuid() != 0 or subprocess.run(['unshare', '-m', 'true'], capture_output=True, check=False).returncode != 0:
        return 'only root can mount'
    place = Place(world)
    one, two = place.raw('one.img', 1), place.raw('two.img', 2)
    place.define('one', one, two)
    place.data.mkdir(parents=True)

    def mounted(what, options, where):
        return ['unshare', '-m', 'sh', '-c', f'mount -t tmpfs -o {options} none {where} && {what} && exec "$@"', 'sh']
    # Known before the first byte.
    refused(place, ('one', 'two'), 'has room for', 'copies take', 'make room', prefix=mounted('true', 'size=1536k', place.data))
    # No second name across file systems.
    refused(place, ('--linked', 'one', 'two'), 'another disk or partition', 'make a full clone',
            prefix=mounted('true', 'size=64m', place.data))
    # Any of the files that are made: so many inodes are there, and no more.
    for linked_too in ((), ('--linked',)):
        seen = 0
        for inodes in range(4, 16):
            script = (f'mount -t tmpfs -o size=64m,nr_inodes={inodes} none {place.images.parent} 2>/dev/null || exit 0; '
                      f'mkdir -p {place.images} && cp --sparse=always {world.root}/keep/*.img {place.images}/ 2>/dev/null || exit 0; '
                      f'"$@"; status=$?; cd {place.images.parent} && find . -type f | sort; stat -c %a {one} {two}; exit $status')
            keep = world.root / 'keep'
            keep.mkdir(exist_ok=True)
            for path in (one, two):
                subprocess.run(['cp', '--sparse=always', path, keep], check=True)
            definitions = {path.name: path.read_text() for path in place.machines.iterdir()}
            done = subprocess.run(['unshare', '-m', 'sh', '-c', script, 'sh', world.vmm, 'clone', *linked_too, 'one', 'two'],
                                  env=world.env(), capture_output=True, check=False, timeout=60)
            if done.returncode == 0:
                (place.machines / 'two.json').unlink()
                (place.machines / 'one.json').write_text(definitions['one.json'])
                continue
            seen += 1
            check(b'No space left' in done.stderr and b'make room' in done.stderr, done.stderr.decode())
            check(done.stdout.decode().split() == ['./images/one.img', './images/two.img', '644', '644'], done.stdout.decode())
            check({path.name: path.read_text() for path in place.machines.iterdir()} == definitions, 'a definition changed')
        check(seen >= (3 if not linked_too else 5), f'{seen} steps were tried')
    return None


def names_that_are_taken(world):
    """Another name is found; files that are there are nobody's to overwrite or delete."""
    place = Place(world)
    disk = place.raw('disk.img', 1)
    for name in ('disk-1.qcow2', 'disk-2.qcow2'):
        (place.images / name).write_bytes(b'mine')
    place.define('one', disk)
    place.define('two')
    (place.data / 'two-2').mkdir(parents=True)
    (place.data / 'two-2/disk.img').write_bytes(b'kept')
    check(place.clone('one', 'two') == 'two-3', 'the name')
    check(place.clone('--linked', 'one', 'two') == 'two-4', 'the name')
    check(place.disk('one').name == 'disk-3.qcow2' and (place.images / 'disk-1.qcow2').read_bytes() == b'mine', 'it was overwritten')
    check((place.data / 'two-2/disk.img').read_bytes() == b'kept', 'it was overwritten')


STRACE = [*harness.STRACE, '-qq', '-o']


def no_strace():
    return None if shutil.which('strace') else 'strace is not installed'


def killed_at_each_step(world):
    """Ended in the middle: the original starts and has its data, and its disk is one that it may write."""
    if no_strace():
        return no_strace()
    trace = str(world.root / 'trace')
    for linked_too in ((), ('--linked',)):
        kills = 0
        for calls in ('fsync', 'fchmod', 'rename', 'link', 'mkdir'):
            for turn in range(1, 12):
                place = Place(world)
                shutil.rmtree(place.machines, ignore_errors=True)
                place.define('one', place.raw('a.img', 1), place.raw('b.img', 2))
                inject = [*STRACE, trace, '-e', f'trace={calls}', '-e', f'inject={calls}:signal=KILL:when={turn}']
                status, _, _ = world.run('clone', *linked_too, 'one', 'two', prefix=inject)
                for index, pattern in ((0, 1), (1, 2)):
                    disk = place.disk('one', index)
                    check(disk.stat().st_mode & 0o200, f'{calls} {turn}: {disk} is read-only')
                    check(reads(disk, pattern), f'{calls} {turn}: {disk} lost its data')
                    if linked_too and disk.suffix == '.qcow2':
                        whole(disk)
                if (place.machines / 'two.json').exists():
                    check(reads(place.disk('two'), 1) and reads(place.disk('two', 1), 2), f'{calls} {turn}: the clone is not whole')
                if status == 0:
                    break
                kills += 1
                place.define('small')
                place.clone('small', 'other')  # removes what is left
                needed = {place.disk(name, index) for name in ('one', 'two') if (place.machines / f'{name}.json').exists()
                          for index in (0, 1)}
                left = [*place.images.glob('*.qcow2'), *place.data.rglob('.elsewhere*')]
                check(needed.issuperset(left), f'{calls} {turn}: left: {left}')
                check(reads(place.disk('one'), 1) and reads(place.disk('one', 1), 2), f'{calls} {turn}: it took too much')
            else:
                check(False, f'{calls}: no end')
        place.starts('one')
        check(kills >= (4 if not linked_too else 8), f'only {kills} steps')
    return None


def cut_off(world):
    """What a killed copy left is removed by the next one, and said; never what somebody copies now, or needs."""
    if no_strace():
        return no_strace()
    place = Place(world)
    place.define('one', place.raw('a.img', 1), place.raw('b.img', 2))
    before = place.state()
    over = place.images / 'a-1.qcow2'  # beside the original's
    for linked_too in ((), ('--linked',)):
        kill = [*STRACE, str(world.root / 'trace'), '-e', 'trace=fsync',
                '-e', f'inject=fsync:signal=KILL:when={3 if linked_too else 2}']
        world.run('clone', *linked_too, 'one', 'two', prefix=kill)
        check((place.data / 'two').exists() and over.exists() == bool(linked_too), 'nothing is left of it')
        # A definition that cannot be read may need it.
        (place.machines / 'odd.json').write_text('{')
        check(place.clone('one', 'three') == 'three' and (place.data / 'two').exists() and not place.said, place.said)
        (place.machines / 'odd.json').unlink()
        # One that needs it.
        place.define('odd', place.data / 'two/a.img') if not linked_too else None
        if not linked_too:
            check(place.clone('one', 'four') == 'four' and (place.data / 'two').exists(), 'what is needed went')
            (place.machines / 'odd.json').unlink()
        check(place.clone('one', 'two') == 'two', 'the name is not free')
        check(f'“{place.data}/two” was removed: a copy that was cut off had left it' in place.said, place.said)
        check((f'“{over}” was removed: a linked copy that was cut off' in place.said) == bool(linked_too), place.said)
        check(sorted(path.name for path in (place.data / 'two').iterdir()) == ['a.img', 'b.img'], 'a mark stays')
        for name in ('two', 'three', 'four'):
            shutil.rmtree(place.data / name, ignore_errors=True)
            (place.machines / f'{name}.json').unlink(missing_ok=True)
        check(place.state() == before, 'the original changed')
    # Somebody has put another file where that of the killed copy was.
    world.run('clone', '--linked', 'one', 'two', prefix=kill)
    over.unlink()
    over.write_text('mine')
    place.define('small')
    check(place.clone('small', 'five') == 'five' and not (place.data / 'two').exists(), 'it was not removed')
    check(over.read_text() == 'mine' and str(over) not in place.said, 'the file of another')
    over.unlink()
    (place.machines / 'five.json').unlink()
    # One that still goes on.
    slow = subprocess.Popen([*STRACE, str(world.root / 'trace'), '-e', 'trace=copy_file_range',
                             '-e', 'inject=copy_file_range:delay_enter=2000000', str(world.vmm), 'clone', 'one', 'two'],
                            env=world.env(), stdout=subprocess.PIPE)
    check(wait_for((place.data / 'two/a.img').exists, 20), 'nothing is copied')
    place.define('small')
    check(place.clone('small', 'five') == 'five' and not place.said, f'another copy: {place.said}')
    check((place.data / 'two/a.img').exists() and slow.poll() is None, 'it took what is copied')
    check(slow.communicate(timeout=60)[0] == b'two\n' and reads(place.disk('two'), 1), 'the slow one')
    return None


def ended_by_a_signal(world):
    """Ctrl+C, or the end of the session: what was made is taken away, and it is said."""
    if no_strace():
        return no_strace()
    place = Place(world)
    place.define('one', place.raw('a.img', 1), place.raw('b.img', 2))
    before = place.state()
    for number in (signal.SIGINT, signal.SIGTERM):
        slow = subprocess.Popen([*STRACE, str(world.root / 'trace'), '-e', 'trace=copy_file_range',
                                 '-e', 'inject=copy_file_range:delay_enter=1000000', str(world.vmm), 'clone', 'one', 'two'],
                                env=world.env(), stderr=subprocess.PIPE)
        check(wait_for((place.data / 'two/a.img').exists, 20), 'nothing is copied')
        for child in pathlib.Path(f'/proc/{slow.pid}/task/{slow.pid}/children').read_text().split():
            os.kill(int(child), number)
        _, errors = slow.communicate(timeout=60)
        check(slow.returncode == 33 and b'cannot be copied' in errors and b'cancelled' in errors, f'{slow.returncode} {errors}')
        check(place.state() == before and not (place.data / 'two').exists(), 'something stays')
    return None


def changed_meanwhile(world):
    """What a person changes in the original while it is cloned is not taken back."""
    if no_strace():
        return no_strace()
    place = Place(world)
    place.define('one', place.raw('disk.img', 1))

    def clone_while(change):
        slow = subprocess.Popen([*STRACE, str(world.root / 'trace'), '-e', 'trace=fsync', '-e', 'inject=fsync:delay_enter=1000000',
                                 str(world.vmm), 'clone', '--linked', 'one', 'two'], env=world.env(), stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE)
        check(wait_for((place.data / 'two/.elsewhere-0').exists, 20), 'no overlay')
        change()
        before = place.load('one')
        output, errors = slow.communicate(timeout=60)
        return slow.returncode, output.decode(), errors.decode(), before
    status, _, errors, before = clone_while(lambda: place.define('one', place.images / 'disk.img', mem=333))
    check(status == 33 and 'changed meanwhile; clone it again' in errors, errors)
    check(place.load('one') == before and not (place.machines / 'two.json').exists(), 'a definition')
    check([path.name for path in place.images.iterdir()] == ['disk.img'] and not (place.data / 'two').exists(), 'files stay')
    check((place.images / 'disk.img').stat().st_mode & 0o200, 'it is frozen')
    # Another title is no reason.
    status, output, errors, before = clone_while(
        lambda: place.define('one', place.images / 'disk.img', mem=333, manager={'title': 'New', 'note': 'x'}))
    check(status == 0 and output.strip() == 'two' and place.load('one')['manager'] == before['manager'], f'{errors} {place.load("one")}')
    check(place.disk('one').name == 'disk-1.qcow2' and place.load('two')['manager'] == {'title': 'two'}, 'the definitions')
    return None


def copies_are_on_the_disk(world):
    """A definition is saved when its files are on the disk, whole, also where the kernel's own copying does nothing."""
    if no_strace():
        return no_strace()
    place = Place(world)
    top = place.raw('over/b.img', 2)
    tool('qemu-img', 'create', '-q', '-f', 'qcow2', str(place.images / 'q.qcow2'), '8M')
    place.define('one', place.raw('a.img', 1), top, place.images / 'q.qcow2')
    trace = world.root / 'trace'
    status, _, errors = world.run('clone', 'one', 'two', prefix=[*STRACE, str(trace), '-y', '-e', 'trace=fsync,rename,copy_file_range',
                                                                '-e', 'inject=copy_file_range:retval=0'])
    check(status == 0, errors)
    calls = [line.split(maxsplit=1)[1] for line in trace.read_text().splitlines()]
    saved = next(i for i, line in enumerate(calls) if line.startswith('rename(') and 'two.json' in line)
    check(any(line.startswith('copy_file_range(') for line in calls), 'it does not copy so')
    for index, name in enumerate(('a.img', 'b.img', 'q.qcow2')):
        check(place.disk('two', index).name == name, name)
        check(any(line.startswith('fsync(') and f'/{name}>' in line for line in calls[:saved]), f'{name} is not on the disk')
    check(reads(place.disk('two'), 1) and reads(place.disk('two', 1), 2), 'the copies are not whole')
    whole(place.disk('two', 2))
    return None


def images_of_others(world):
    """A linked clone takes no file from others by what an image names; behind a link the original finds its image again."""
    place = Place(world)
    letter = place.raw('letter.img', 4)
    top = place.over('top.qcow2', 'letter.img')
    place.define('one', top)
    place.clone('--linked', 'one', 'two')
    check(letter.stat().st_mode & 0o200, 'what the image names is read-only now')
    check(place.disk('one') != top and not top.stat().st_mode & 0o200, 'the image itself is not frozen')
    for name in ('one', 'two'):
        check(reads(place.disk(name), 4), f'{name} is not whole')
        place.starts(name)
    # The image names what lies beside the link, where the overlay would not.
    place.raw('base.img', 5)
    inner = place.over('inner.qcow2', 'base.img')
    (place.images / 'store').mkdir()
    written(inner, 6, 1)
    inner.rename(place.images / 'store/inner.qcow2')
    inner.symlink_to('store/inner.qcow2')
    place.define('three', inner)
    place.starts('three')
    refused(place, ('--linked', 'three', 'four'), 'is a link to an image in another folder', 'make a full clone')
    place.clone('three', 'four')
    check(reads(place.disk('four'), 5) and reads(place.disk('four'), 6, 1), 'the full clone')
    place.starts('four')


CASES = [killed_at_each_step, cut_off, changed_meanwhile, ended_by_a_signal, copies_are_on_the_disk, images_of_others,
         chained_image, what_content_says, composite, linked, linked_in_a_row, what_others_need, bad_chains,
         small_disks, names_that_are_taken]

if __name__ == '__main__':
    harness.main(CASES, [pathlib.Path(p) for p in sys.argv[1:]])
