#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""qcow2 images between vmm/disk and qemu-img: what one wrote the other reads, checks and compares.

usage: test-qcow2-peer.py DISK_EXERCISE
"""
import os
import shutil
import signal
import subprocess
import sys
import tempfile

EXERCISE = sys.argv[1]
MIB = 1 << 20


def run(*command, ok=(0,)):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=240,
                          check=False)
    if done.returncode not in ok:
        raise AssertionError(f'{" ".join(map(str, command))}: {done.returncode}: '
                             f'{(done.stdout + done.stderr)[-600:]}')
    return done


def create(path, size, *options, backing=None):
    words = ['qemu-img', 'create', '-q', '-f', 'qcow2']
    for option in options:
        words += ['-o', option]
    if backing:
        words += ['-b', os.path.basename(backing[1]), '-F', backing[0]]
    run(*words, path, *([str(size)] if size else []))


def check_image(path, leaks=False):
    run('qemu-img', 'check', '-q', '-f', 'qcow2', path, ok=(0, 3) if leaks else (0,))


def shadow_of(path, shadow):
    run('qemu-img', 'convert', '-f', 'qcow2', '-O', 'raw', path, shadow)


def same(path, shadow):
    run('qemu-img', 'compare', '-q', '-f', 'qcow2', '-F', 'raw', path, shadow)


def exercise(folder, seed, n, chain, keep=False):
    """Requests of ours to a chain; then QEMU checks the image and compares it."""
    image = chain[0].split(':')[-1]
    shadow = os.path.join(folder, 'shadow')
    if not keep:
        shadow_of(image, shadow)
    run(EXERCISE, seed, n, shadow, *chain)
    check_image(image)
    same(image, shadow)


def cluster_sizes(folder):
    for seed, (cluster, options) in enumerate((
            (512, ()), (4096, ('lazy_refcounts=on',)), (65536, ()), (2 * MIB, ()),
            (65536, ('compat=0.10',)), (4096, ('refcount_bits=1',)), (512, ('refcount_bits=64',)),
            (1024, ('preallocation=metadata',)))):
        image = os.path.join(folder, f'{seed}.qcow2')
        create(image, 12 * MIB + 512, f'cluster_size={cluster}', *options)
        exercise(folder, seed + 1, 1500, [f'qcow2:{image}'])


def counters_grow(folder):
    """More clusters than the first table of counters has room for."""
    image = os.path.join(folder, 'image.qcow2')
    create(image, 40 * MIB, 'cluster_size=512')
    shadow_of(image, os.path.join(folder, 'shadow'))
    run('qemu-io', '-f', 'raw', '-c', 'write -P 9 0 1M', os.path.join(folder, 'shadow'))
    run('qemu-io', '-f', 'qcow2', '-c', 'write -P 9 0 1M', image)
    for seed in range(3):
        exercise(folder, seed + 50, 3000, [f'qcow2:{image}'], keep=True)


def backing_chain(folder):
    raw = os.path.join(folder, 'base.img')
    with open(raw, 'wb') as stream:
        for i in range(5 * MIB // 4096):
            stream.write(bytes([i % 255 + 1]) * 4096)
        stream.write(b'odd' * 512)
    middle, top = (os.path.join(folder, name) for name in ('middle.qcow2', 'top.qcow2'))
    for options in (('cluster_size=65536',), ('cluster_size=4096',), ('cluster_size=65536', 'compat=0.10')):
        create(middle, 7 * MIB, *options, backing=('raw', raw))
        run('qemu-io', '-f', 'qcow2', '-c', 'write -P 7 1M 700k', '-c', 'write -z 3M 1M', middle)
        create(top, 9 * MIB, *options, backing=('qcow2', middle))
        before = [open(path, 'rb').read() for path in (raw, middle)]
        exercise(folder, 70, 1200, [f'qcow2:{top}', f'qcow2:ro:{middle}', f'raw:ro:{raw}'])
        assert before == [open(path, 'rb').read() for path in (raw, middle)], 'a backing file changed'


def compressed(folder):
    source = os.path.join(folder, 'source')
    with open(source, 'wb') as stream:
        for i in range(6 * MIB // 512):
            stream.write((f'line {i * 7919 % 1000} ' * 60).encode()[:512] if i % 9 else os.urandom(512))
    for kind in ('zlib', 'zstd'):
        for cluster in (4096, 65536, 2 * MIB):
            image = os.path.join(folder, f'{kind}-{cluster}.qcow2')
            run('qemu-img', 'convert', '-c', '-f', 'raw', '-O', 'qcow2', '-o',
                f'cluster_size={cluster},compression_type={kind}', source, image)
            run(EXERCISE, 3, 0, source, f'qcow2:{image}')
            exercise(folder, 90, 700, [f'qcow2:{image}'])


def grows(folder):
    for cluster in (512, 65536):
        image = os.path.join(folder, f'{cluster}.qcow2')
        create(image, 9 * MIB, f'cluster_size={cluster}')
        exercise(folder, 5, 600, [f'qcow2:{image}'])
        exercise(folder, 6, 'grow', [f'qcow2:{image}'], keep=True)
        exercise(folder, 7, 600, [f'qcow2:{image}'], keep=True)
    base, top = (os.path.join(folder, name) for name in ('base.img', 'top.qcow2'))
    with open(base, 'wb') as stream:
        stream.write(b'\x55' * (8 * MIB))
    create(top, 4 * MIB, backing=('raw', base))  # what is new must not show the longer backing file
    exercise(folder, 8, 'grow', [f'qcow2:{top}', f'raw:ro:{base}'])


def killed(folder):
    """kill -9 in the middle of writes: at worst clusters are counted that nobody uses."""
    base = os.path.join(folder, 'base.img')
    with open(base, 'wb') as stream:
        stream.write(b'\x33' * (6 * MIB))
    for turn in range(8):
        image, shadow = (os.path.join(folder, name) for name in ('image.qcow2', 'shadow'))
        shutil.copy(base, shadow)
        with open(shadow, 'r+b') as stream:
            stream.truncate(8 * MIB)
        create(image, 8 * MIB, f'cluster_size={(4096, 65536)[turn % 2]}', backing=('raw', base))
        with subprocess.Popen([EXERCISE, str(turn + 20), 'forever', shadow, f'qcow2:{image}',
                               f'raw:ro:{base}'], stdout=subprocess.PIPE, text=True) as process:
            for _ in range(2 + 3 * turn):
                assert process.stdout.readline() == 'flushed\n', 'it ended by itself'
            process.send_signal(signal.SIGKILL)
            process.wait()
        check_image(image, leaks=True)
        shadow_of(image, shadow)  # what is there now goes on without damage
        exercise(folder, turn + 40, 200, [f'qcow2:{image}', f'raw:ro:{base}'], keep=True) \
            if run('qemu-img', 'check', '-q', image, ok=(0, 3)).returncode == 0 else None


def refused(folder):
    """What cannot be used is named; nothing is written to it."""
    image = os.path.join(folder, 'image.qcow2')
    cases = (
        (('extended_l2=on',), None, 'subclusters'),
        ((f'data_file={os.path.join(folder, "data")}',), None, 'another file'),
        ((), (72, 1), 'dirty'),
        ((), (72, 2), 'damaged'),
        ((), (72, 1 << 40), 'not known here'),
        ((), (32, None), 'encrypted'),
        (('compat=0.10',), (4, None), 'neither 2 nor 3'),
    )
    for options, patch, word in cases:
        if os.path.exists(image):
            os.unlink(image)
        create(image, MIB, *options)
        if patch:
            with open(image, 'r+b') as stream:
                stream.seek(patch[0])
                if patch[1] is None:
                    stream.write((9).to_bytes(4, 'big'))
                else:
                    stream.write(patch[1].to_bytes(8, 'big'))
        before = open(image, 'rb').read()
        said = run(EXERCISE, 1, 10, '/dev/null', f'qcow2:{image}', ok=(1,)).stdout
        assert word in said, said
        assert open(image, 'rb').read() == before, 'it was written'
    create(image, MIB)
    run('qemu-img', 'snapshot', '-c', 'one', image)
    assert 'snapshots' in run(EXERCISE, 1, 10, '/dev/null', f'qcow2:{image}', ok=(1,)).stdout
    shadow = os.path.join(folder, 'shadow')
    shadow_of(image, shadow)
    run(EXERCISE, 1, 0, shadow, f'qcow2:ro:{image}')


def main():
    tests = (cluster_sizes, counters_grow, backing_chain, compressed, grows, killed, refused)
    failed = 0
    if not shutil.which('qemu-img') or not shutil.which('qemu-io'):
        print('1..0 # SKIP qemu-img and qemu-io are not installed (qemu-utils)')
        return 0
    print(f'1..{len(tests)}')
    for number, test in enumerate(tests, 1):
        folder = tempfile.mkdtemp(prefix='vitrine-qcow2-')
        try:
            test(folder)
            print(f'ok {number} - {test.__name__}')
        except Exception as error:  # pylint: disable=broad-except
            print(f'not ok {number} - {test.__name__}')
            print('# ' + str(error).replace('\n', '\n# '))
            failed += 1
        finally:
            shutil.rmtree(folder)
        sys.stdout.flush()
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
