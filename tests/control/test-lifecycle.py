# SPDX-License-Identifier: LGPL-2.1-or-later
"""`vmm launcher`: RFC-0210's ordering rules, its 15 errors, and that nothing outlives its client.

test-lifecycle.py PROGRAM...; test-lifecycle.py --hold SOCKET KERNEL is the client that gets killed."""
import os
import pathlib
import re
import resource
import select
import shutil
import signal
import socket
import subprocess
import sys
import time

import harness
from harness import Failed, check, wait_for
from launcher import GLib, Gio, Guest, Launcher, Lifecycle, RawClient, attach, call_bytes, flood, instances, read_until, refused, tree

MEMORY = 32 << 20


def emulated():
    """Under QEMU's TCG everything takes many times as long."""
    return 'QEMU TCG' in pathlib.Path('/proc/cpuinfo').read_text() or 'vitrine.dut' in \
        pathlib.Path('/proc/cmdline').read_text()


def gone_limit():
    return 3.0 if emulated() or harness.SANITIZED else 0.5


def kernel(world, name='halt'):
    return open(world.files / name, 'rb')


def created(world, name='halt', **more):
    """A launcher and a client with a machine."""
    launcher = Launcher(world)
    client = launcher.connect()
    with kernel(world, name) as file:
        client.create(kernel=file, guest_memory=MEMORY, **more)
    return client


def threads_of(pid):
    return int(pathlib.Path(f'/proc/{pid}/stat').read_text().rsplit(')', 1)[1].split()[17])


def create_run_stop(world):
    launcher = Launcher(world)
    client = launcher.connect()
    check(client.state() == 'new', client.state())
    with kernel(world) as file:
        client.create(kernel=file, guest_memory=MEMORY)
    guest = client.bind()
    serial = guest.stream('GetSerial')
    client.start()
    check(read_until(serial, b'HELLO\r\n') == b'HELLO\r\n', 'other words')
    late = guest.stream('GetSerial')
    check(read_until(late, b'HELLO\r\n') == b'HELLO\r\n', 'no history for a late reader')
    client.stop()
    refused('ControllerForcedHalt', client.finish)
    check(serial.recv(1) == b'' and late.recv(1) == b'', 'the ports are still open')
    check(client.state() == 'stopped', client.state())
    with kernel(world, 'off') as file:
        client.create(kernel=file, guest_memory=MEMORY)
    check(client.run() == 0, 'the guest did not switch itself off')
    client.close()
    launcher.end()


def l1_create_starts_nothing(world):
    with open(world.file('disk', bytes(1 << 20)), 'r+b') as disk:
        client = created(world, virtio_console=True, virtio_gpu=True,
                         block_devices=[{'file': disk, 'mode': 'read-write', 'id': 'first'}])
    parts = tree(instances(world)[0])
    check({'vmm-display', 'vmm-machine', 'vmm-rng', 'vmm-block', 'vmm-console', 'vmm-gpu', 'vmm-input'} <= set(parts),
          str(parts))
    check(threads_of(parts['vmm-machine']) == 1, 'a processor was started')
    for name, pid in parts.items():
        status = pathlib.Path(f'/proc/{pid}/status').read_text()
        check(name == 'vmm' or 'Seccomp:\t2' in status, f'{name} is not jailed')
    serial = client.bind().stream('GetSerial')
    check(not select.select([serial], [], [], 0.3)[0], 'the guest speaks')
    client.start()
    read_until(serial, b'HELLO')
    check(threads_of(parts['vmm-machine']) >= 2, 'no processor was started')
    client.stop()
    check(set(tree(instances(world)[0])) == {'vmm', 'vmm-display'}, 'parts outlive Stop')
    client.close()


def l2_create_after_stop_only(world):
    client = created(world)
    with kernel(world) as file:
        refused('AlreadyRunning', lambda: client.create(kernel=file))
        serial = client.bind().stream('GetSerial')
        client.start()
        read_until(serial, b'HELLO')
        refused('AlreadyRunning', lambda: client.create(kernel=file))
        refused('AlreadyRunning', client.run)
        client.stop()
        refused('ControllerForcedHalt', client.finish)
        for _ in range(3):
            client.create(kernel=file, guest_memory=MEMORY)
            client.stop()
    client.close()


def l3_bind_between_create_and_stop(world):
    client = Launcher(world).connect()
    refused('NotCreated', client.bind)
    with kernel(world) as file:
        client.create(kernel=file, guest_memory=MEMORY)
    guests = [client.bind() for _ in range(3)]
    display = tree(instances(world)[0])['vmm-display']
    client.stop()
    for guest in guests:
        check(wait_for(guest.connection.is_closed, 5), 'a bound link outlives Stop')
    refused('NotCreated', client.bind)
    if os.geteuid() == 0:
        before = len(os.listdir(f'/proc/{display}/fd'))
        for _ in range(20):
            refused('NotCreated', client.bind)
        check(len(os.listdir(f'/proc/{display}/fd')) <= before, 'descriptors leak')
    client.close()


def l4_run_blocks_until_the_end(world):
    client = Launcher(world).connect()
    refused('NotCreated', client.run)
    for guest, status in (('off', 0), ('reset', 32), ('panic', 34)):
        with kernel(world, guest) as file:
            client.create(kernel=file, guest_memory=MEMORY)
        check(client.run() == status, f'{guest}: another status')
    # A shutdown that the client wants and the guest agrees to is a clean one; this guest does not look.
    with kernel(world) as file:
        client.create(kernel=file, guest_memory=MEMORY)
    guest = client.bind()
    client.start()
    read_until(guest.stream('GetSerial'), b'HELLO')
    guest.machine('PowerButton')
    check(client.state() == 'running', client.state())
    client.close()


def l5_to_l7_stop(world):
    client = Launcher(world).connect()
    client.stop()
    with kernel(world) as file:
        client.create(kernel=file, guest_memory=MEMORY)
    client.stop()
    client.stop()
    refused('NotCreated', client.run)
    with kernel(world) as file:
        client.create(kernel=file, guest_memory=MEMORY)
    serial = client.bind().stream('GetSerial')
    client.start()
    read_until(serial, b'HELLO')
    client.stop()
    check(not set(tree(instances(world)[0])) - {'vmm', 'vmm-display'}, 'parts run after Stop')
    refused('ControllerForcedHalt', client.finish)
    refused('NotCreated', client.run)
    client.close()


def l8_run_tells_what_went_wrong(world):
    client = Launcher(world).connect()
    for part, error in (('vmm-machine', 'VcpuRuntimeFailure'), ('vmm-rng', 'DeviceStartFailure')):
        for early in (True, False):
            with kernel(world) as file:
                client.create(kernel=file, guest_memory=MEMORY)
            serial = client.bind().stream('GetSerial')
            if not early:
                client.start()
                read_until(serial, b'HELLO')
            os.kill(tree(instances(world)[0])[part], signal.SIGKILL)
            if early:
                check(wait_for(lambda: client.state() == 'stopped', 5), 'it is not noticed')
            expected = 'GuestInitializationFailure' if early and part == 'vmm-machine' else error
            text = refused(expected, client.run if early else client.finish)
            check('was killed' in text, text)
            refused('NotCreated', client.run)
    client.close()


# The 15 errors.

def bad_configurations(world):
    client = Launcher(world).connect()
    file = kernel(world)
    empty = open(world.file('empty'), 'rb')
    readable = open(world.file('disk', bytes(1 << 20)), 'rb')
    pipe = os.fdopen(os.pipe()[0], 'rb')
    for values, text in (
            ({}, 'No kernel'),
            ({'kernel': 'path'}, '“kernel” has the type “s”; give “h”'),
            ({'kernel': GLib.Variant('h', 7)}, 'no descriptor of the message'),
            ({'kernel': GLib.Variant('h', -1)}, 'no descriptor of the message'),
            ({'kernel': file, 'kernal': file}, '“kernal” is not a key'),
            ({'kernel': file, 'cpus': 0}, '0 is out of range'),
            ({'kernel': file, 'cpus': 200}, '200 is out of range'),
            ({'kernel': file, 'guest_memory': 1}, 'out of range'),
            ({'kernel': file, 'guest_memory': 2**64 - 1}, 'out of range'),
            ({'kernel': file, 'kernel_type': 'zircon'}, 'linux'),
            ({'kernel': file, 'cmdline': 'x' * 5000}, 'too long'),
            ({'kernel': file, 'cmdline_add': ['word'] * 60000}, 'too long'),
            ({'kernel': file, 'cmdline': 'a\nb'}, 'control character'),
            ({'kernel': file, 'name': '../x'}, 'cannot be a name'),
            ({'kernel': file, 'gpu_width': 640}, 'virtio_gpu'),
            ({'kernel': file, 'dtb_overlay': file}, 'aarch64'),
            ({'kernel': empty}, 'is empty'),
            ({'kernel': pipe}, 'not a file'),
            ({'kernel': file, 'ramdisk': empty}, 'is empty'),
            ({'kernel': file, 'block_devices': [{'mode': 'read-only'}]}, 'the value is missing'),
            ({'kernel': file, 'block_devices': [{'file': readable, 'mode': 'read-write'}]}, 'not open for'),
            ({'kernel': file, 'block_devices': [{'file': readable, 'mode': 'all'}]}, 'read-only'),
            ({'kernel': file, 'block_devices': [{'file': readable, 'format': 'qcow'}]}, 'raw'),
            ({'kernel': file, 'block_devices': [{'file': readable, 'path': 'x'}]}, '“path” is not a key'),
            ({'kernel': file, 'block_devices': [{'file': readable}] * 17}, 'too often'),
            ({'kernel': file, 'block_devices': [{'file': readable}] * 40}, 'too many'),
            ({'kernel': file, 'serial_devices': [{'hardware': 'parallel'}]}, 'not known'),
            ({'kernel': file, 'serial_devices': [{'output': readable}]}, 'not open for')):
        said = refused('BadConfig', lambda given=values: client.create(**given))
        check(text in said, f'“{text}” is not in: {said}')
    double = GLib.Variant.parse(GLib.VariantType('(a{sv})'), "({'cpus': <byte 1>, 'cpus': <byte 2>},)")
    said = refused('BadConfig', client.call, 'GuestLifecycle', 'Create', double)
    check('twice' in said, said)
    client.create(kernel=file, guest_memory=MEMORY)
    client.close()


def device_not_present(world):
    client = Launcher(world).connect()
    file = kernel(world)
    for more in ({'magma_device': {}}, {'wayland_device': {}}, {'default_net': True}, {'virtio_vsock': True},
                 {'virtio_sound': True}, {'virtio_sound_input': True}, {'net_devices': [{}]},
                 {'vsock_listeners': GLib.Variant('a(uh)', [(5, 0)])}):
        refused('DeviceNotPresent', lambda given=more: client.create(kernel=file, **given))
    client.create(kernel=file, guest_memory=MEMORY, default_net=False, virtio_vsock=False, net_devices=[],
                  vsock_listeners=GLib.Variant('a(uh)', []))
    guest = client.bind()
    for method in ('GetHostVsockEndpoint', 'GetBalloonController'):
        ours, theirs = socket.socketpair()
        ours.settimeout(10)
        fds = client_fds(theirs)
        theirs.close()
        refused('DeviceNotPresent', lambda name=method: guest.call('Guest', name, GLib.Variant('(h)', (0,)), fds,
                                                                   '/org/vitrine/Vmm1/Guest'))
        del fds
        check(ours.recv(1) == b'', f'{method} keeps the end')
        ours.close()
    path = '/org/vitrine/Vmm1/Guest'
    refused('DeviceNotPresent', lambda: guest.call('BalloonController', 'GetBalloonSize', path=path))
    refused('DeviceNotPresent', lambda: guest.call('BalloonController', 'GetMemStats', path=path))
    refused('DeviceNotPresent', lambda: guest.call('BalloonController', 'RequestNumPages', GLib.Variant('(u)', (1,)),
                                                   path=path))
    refused('DeviceNotPresent', lambda: guest.call('HostVsockEndpoint', 'Connect', GLib.Variant('(u)', (1,)),
                                                   path=path))
    ours, theirs = socket.socketpair()
    ours.settimeout(10)
    fds = client_fds(theirs)
    theirs.close()
    refused('DeviceNotPresent', lambda: guest.call('HostVsockEndpoint', 'Listen', GLib.Variant('(uh)', (1, 0)), fds, path))
    del fds
    check(ours.recv(1) == b'', 'Listen keeps the acceptor')
    ours.close()
    refused('Unavailable', guest.stream, 'GetConsole')
    client.close()


def client_fds(*files):
    fds = Gio.UnixFDList.new()
    for file in files:
        fds.append(file.fileno())
    return fds


def initialization_failures(world):
    client = Launcher(world).connect()
    file = kernel(world)
    text = refused('GuestInitializationFailure', lambda: client.create(kernel=file, guest_memory=1 << 43))
    check('not enough memory' in text, text)
    ours, theirs = socket.socketpair()
    ours.close()
    refused('DeviceInitializationFailure', lambda: client.create(
        kernel=file, guest_memory=MEMORY, vhost_user_devices=[{'type': 'rng', 'socket': theirs}]))
    theirs.close()
    refused('DeviceMemoryOverlap', lambda: client.create(
        kernel=file, serial_devices=[{'number': 2}, {'number': 2}]))
    with socket.socket(socket.AF_UNIX) as alone:
        refused('FailedServiceConnect', lambda: client.create(
            kernel=file, vhost_user_devices=[{'type': 'rng', 'socket': alone}]))
    refused('FailedServiceConnect', lambda: client.create(
        kernel=file, vhost_user_devices=[{'type': 'rng', 'socket': file}]))
    consoles = [{'hardware': 'virtio-console', 'number': 3}] * 2
    refused('DuplicatePublicServices', lambda: client.create(kernel=file, serial_devices=consoles))
    refused('DuplicatePublicServices', lambda: client.create(
        kernel=file, vsock_listeners=GLib.Variant('a(uh)', [(5, 0), (5, 0)])))
    with open(world.file('text', b'not a kernel\n' * 1000), 'rb') as text_file:
        refused('KernelLoadFailure', lambda: client.create(kernel=text_file, guest_memory=MEMORY))
        client.create(kernel=file, guest_memory=MEMORY)
    client.close()


def internal_error(world):
    client = Launcher(world).connect()
    part = world.root / 'libexec/vitrine/vmm-rng'
    hidden = part.rename(part.with_suffix('.away'))
    try:
        with kernel(world) as file:
            text = refused('InternalError', lambda: client.create(kernel=file, guest_memory=MEMORY))
        check('not installed' in text, text)
    finally:
        hidden.rename(part)
    client.close()


def processor_failures(world):
    client = created(world)
    if harness.SANITIZED:  # its run-time has to have memory
        client.stop()
    else:
        machine = tree(instances(world)[0])['vmm-machine']
        resource.prlimit(machine, resource.RLIMIT_AS, (1, 1))  # no room for a thread's stack
        text = refused('VcpuStartFailure', client.run)
        check('could not be started' in text, text)
    with kernel(world, 'wild') as file:
        client.create(kernel=file, guest_memory=MEMORY)
    text = refused('VcpuRuntimeFailure', client.run)
    check('KVM' in text, text)
    client.close()


# Guest.

def ports(world):
    with open(world.file('out'), 'r+b') as output:
        client = created(world, 'echo', serial_devices=[{'output': output}, {'hardware': 'virtio-console'}])
    guest = client.bind()
    first, second = guest.stream('GetSerial'), guest.stream('GetSerial')
    console = guest.stream('GetConsole')
    client.start()
    read_until(first, b'HELLO\r\n')
    first.sendall(b'typed')
    read_until(second, b'HELLO\r\ntyped')
    second.close()
    first.sendall(b' again')
    read_until(first, b'typed again')
    check(wait_for(lambda: (world.files / 'out').read_bytes() == b'HELLO\r\ntyped again', 5), 'not in the file')
    check(not select.select([console], [], [], 0)[0], 'the console speaks')
    client.stop()
    check(console.recv(1) == b'', 'the console is open after Stop')
    client.close()


# What a client leaves, and what it can see.

def hold(path, file, *images):
    client = Lifecycle(path)
    disks = [{'file': open(image, 'r+b'), 'mode': 'read-write', 'format': 'qcow2'} for image in images]
    with open(file, 'rb') as handle:
        client.create(kernel=handle, guest_memory=MEMORY, virtio_console=True, virtio_gpu=True, block_devices=disks)
    guest = client.bind()
    serial = guest.stream('GetSerial')
    client.start()
    read_until(serial, b'HELLO')
    print('running', flush=True)
    signal.pause()


def held(world, launcher, *images):
    """A client in a process of its own, with a machine that runs; and the pidfds of that."""
    before = set(instances(world))
    client = subprocess.Popen([sys.executable, __file__, '--hold', launcher.path, str(world.files / 'halt'),
                               *images], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    world.started.append(client)
    check(client.stdout.readline() == b'running\n', 'the client did not come so far')
    new = set(instances(world)) - before
    check(len(new) == 1, f'{len(new)} instances for one client')
    parts = tree(new.pop())
    check(len(parts) >= 8, str(parts))
    return client, {name: os.pidfd_open(pid) for name, pid in parts.items()}


def wait_gone(pidfds, seconds):
    """Seconds until all have ended."""
    start = time.monotonic()
    poll = select.poll()
    left = dict(pidfds)
    for fd in left.values():
        poll.register(fd, select.POLLIN)
    while left:
        ready = poll.poll(max(0, (start + seconds - time.monotonic()) * 1000))
        if not ready:
            raise Failed(f'after {seconds} s there still are: {", ".join(left)}')
        for fd, _ in ready:
            poll.unregister(fd)
        left = {name: fd for name, fd in left.items() if fd not in [r[0] for r in ready]}
    for fd in pidfds.values():
        os.close(fd)
    return time.monotonic() - start


def client_is_killed(world):
    launcher = Launcher(world)
    for how in (signal.SIGKILL, signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM):
        client, pidfds = held(world, launcher)
        client.send_signal(how)
        seconds = wait_gone(pidfds, gone_limit())
        client.wait()
        print(f'# gone {seconds * 1000:.0f} ms after {how.name}')
    check(launcher.process.poll() is None, 'the launcher has gone with it')
    launcher.end()


def client_with_qcow2_disks_is_killed(world):
    """Their tables may take as long as the host's disk: here, for ever."""
    images = [str(world.files / f'{name}.qcow2') for name in ('first', 'second')]
    for image in images:
        check(world.run('create_qcow2', image, str(64 << 20))[0] == 0, 'create_qcow2')
    launcher = Launcher(world)
    client, pidfds = held(world, launcher, *images)
    blocks = [name for name in pidfds if name.startswith('vmm-block')]
    check(len(blocks) == 2, f'{list(pidfds)}')
    for name in blocks:
        signal.pidfd_send_signal(pidfds[name], signal.SIGSTOP)
    client.kill()
    print(f'# gone after {wait_gone(pidfds, gone_limit()) * 1000:.0f} ms')
    client.wait()
    launcher.end()


def supervisor_is_killed(world):
    launcher = Launcher(world)
    client, pidfds = held(world, launcher)
    os.kill(instances(world)[0], signal.SIGKILL)
    wait_gone(pidfds, gone_limit())
    client.kill()
    client.wait()


def nothing_is_shared(world):
    launcher = Launcher(world)
    clients = [launcher.connect() for _ in range(2)]
    serials = []
    for client in clients:
        with kernel(world) as file:
            client.create(kernel=file, guest_memory=MEMORY, name='same')
        serials.append(client.bind().stream('GetSerial'))
        client.start()
        read_until(serials[-1], b'HELLO')
    first, second = (tree(pid) for pid in instances(world))
    check(not set(first.values()) & set(second.values()), 'a process serves both')
    if os.geteuid() == 0:
        both = inodes(first) & inodes(second)
        check(not both, f'both have {both}')
    check(not list((world.root / 'run').rglob('*')), 'there are files in the runtime folder')
    clients[0].close()
    check(wait_for(lambda: len(instances(world)) == 1, 5), 'the first is still there')
    clients[1].stop()
    refused('ControllerForcedHalt', clients[1].finish)
    clients[1].close()


def inodes(parts):
    """What the processes have open, but for the standard streams, /dev, and anonymous descriptors."""
    found = set()
    for name, pid in parts.items():
        for fd in os.listdir(f'/proc/{pid}/fd'):
            path = os.readlink(f'/proc/{pid}/fd/{fd}')
            if int(fd) > 2 and not path.startswith(('/dev/', 'anon_inode:')):
                status = os.stat(f'/proc/{pid}/fd/{fd}')
                if not path.endswith('/files/halt'):
                    found.add((name, path.split(' ')[0], status.st_dev, status.st_ino))
    return {item[1:] for item in found}


ALLOWED = re.compile(r'/proc/|/dev/(null|kvm|urandom|dri/renderD\d+)$|/?etc/ld\.so|/etc/localtime|/(usr/)?lib|/sys/|/$|\.$|vmm-\w+$')


def handles_only(world):
    if not shutil.which('strace'):
        return 'strace is not installed'
    trace = world.files / 'trace'
    launcher = Launcher(world, prefix=[*harness.STRACE, '-e', 'trace=open,openat,openat2,creat,connect', '-o',
                                       str(trace)])
    client = launcher.connect()
    client.stop()  # the instance stands
    before = len(trace.read_bytes())
    with open(world.file('disk', bytes(1 << 20)), 'r+b') as disk, open(world.file('ramdisk', b'x' * 999), 'rb') as ram, \
            open(world.file('out'), 'r+b') as output, kernel(world, 'off') as file:
        client.create(kernel=file, ramdisk=ram, guest_memory=MEMORY, virtio_console=True, virtio_gpu=True,
                      block_devices=[{'file': disk, 'mode': 'read-write'}], serial_devices=[{'output': output}])
    check(client.run() == 0, 'the guest')
    client.close()
    wait_for(lambda: not instances(world), 5)
    lines = trace.read_bytes()[before:].decode(errors='replace')
    paths = re.findall(r'\b(?:open|openat|openat2|creat|connect)\((?:AT_FDCWD, |\d+, )?[^"\n]*"([^"]*)"', lines)
    check(len(paths) > 20, f'strace saw only {len(paths)} paths')
    ours = str(world.root / 'libexec/vitrine')
    strange = sorted({p for p in paths if not ALLOWED.match(p) and not p.startswith(ours)})
    check(not strange, f'opened after Create: {strange}')
    check(str(world.files) not in lines, 'a file of the client was opened')
    started = [pid for name, pid in tree(launcher.process.pid).items() if name.startswith('vmm ')]
    os.kill(started[0], signal.SIGTERM)  # strace ends with it
    launcher.process.wait(10)


def strangers(world):
    """Garbage, half words and too many connections; a client in the middle of it is served."""
    launcher = Launcher(world)
    client = launcher.connect()
    many = []
    for number in range(100):
        stream = socket.socket(socket.AF_UNIX)
        stream.connect(launcher.path)
        many.append(stream)
        try:
            if number % 4 == 0:
                stream.sendall(os.urandom(4096))
            elif number % 4 == 1:
                stream.sendall(b'\0AUTH EXTERNAL ' + str(os.geteuid()).encode().hex().encode() + b'\r\nBEGIN\r\n' +
                               b'l\1\0\1\x10\0\0\0\1\0\0\0')
            elif number % 4 == 2:
                stream.sendall(b'\0AUTH EXT')
        except OSError:
            pass
    with kernel(world, 'off') as file:
        client.create(kernel=file, guest_memory=MEMORY)
    check(client.run() == 0, 'the guest')
    for stream in many:
        stream.close()
    check(wait_for(lambda: len(instances(world)) == 1, 20), f'{len(instances(world))} instances are left')
    client.close()
    launcher.end()


def never_reads(world):
    """A client that calls and never reads loses its machine, and only that."""
    launcher = Launcher(world)
    other = launcher.connect()
    rude = RawClient(launcher.path)
    with kernel(world) as file:
        other.create(kernel=file, guest_memory=MEMORY)
        values = GLib.Variant('(a{sv})', ({'kernel': GLib.Variant('h', 0)},))
        rude.send(call_bytes('org.vitrine.Vmm1.GuestLifecycle.Create', values, client_fds(file)), [file])
    check(wait_for(lambda: len([p for p in world.processes() if p[1] == 'vmm-rng']) == 2, 30), 'it has no machine')
    check(flood(rude) < 300000, 'everything was taken')
    check(wait_for(lambda: len(instances(world)) == 1, 20), 'it is still served')
    rude.close()
    other.stop(1 if not emulated() else 5)
    other.close()


def by_systemd(world):
    program = shutil.which('systemd-socket-activate')
    if not program:
        return 'systemd-socket-activate is not installed'
    path = str(world.root / 'activate.sock')
    activate = subprocess.Popen([program, '--accept', '-l', path, '-E', 'XDG_RUNTIME_DIR', world.vmm, 'launcher'],
                                env=world.env(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                stderr=subprocess.PIPE)
    world.started.append(activate)
    check(wait_for(lambda: os.path.exists(path), 10), 'no socket')
    clients = [Lifecycle(path) for _ in range(2)]
    for client in clients:
        with kernel(world, 'off') as file:
            client.create(kernel=file, guest_memory=MEMORY)
        check(client.run() == 0, 'the guest')
        client.close()
    activate.terminate()
    activate.wait()
    os.unlink(path)


def command_line(world):
    for words, text in (((), 'has no socket'), (('--socket',), 'no such option'), (('--sockets', 'x'), 'no such option'),
                        (('--socket', str(world.files)), 'cannot be made there'), (('x',), 'no other words'),
                        (('--connection', '99'), 'not a stream socket'), (('--connection', 'x'), 'not a stream socket'),
                        (('--socket', '/' + 'x' * 200), 'cannot be made there')):
        harness.expect(world.run('launcher', *words), 35, text)
    status, output, _ = world.run('launcher', '--help')
    check(status == 0 and '--socket PATH' in output, output)
    launcher = Launcher(world)
    harness.expect(world.run('launcher', '--socket', launcher.path), 35, 'cannot be made there')
    check(oct(os.stat(launcher.path).st_mode & 0o777) == '0o600', 'others may connect')
    launcher.end()
    stale = socket.socket(socket.AF_UNIX)
    stale.bind(launcher.path)
    stale.close()
    launcher = Launcher(world)
    check(wait_for(lambda: answers(launcher.path), 10), 'a stale socket is in the way')


def answers(path):
    with socket.socket(socket.AF_UNIX) as stream:
        return stream.connect_ex(path) == 0


def balloon(world):
    client = Launcher(world).connect()
    client.create(kernel=kernel(world), guest_memory=MEMORY, virtio_balloon=True)
    guest = client.bind()
    path = '/org/vitrine/Vmm1/Guest'
    ours, theirs = socket.socketpair()
    fds = client_fds(theirs)
    theirs.close()
    guest.call('Guest', 'GetBalloonController', GLib.Variant('(h)', (0,)), fds, path)
    del fds
    controller = Guest(attach(ours))
    size = lambda: controller.call('BalloonController', 'GetBalloonSize', path=path)[0]
    check(size() == (0, 0), f'{size()}')
    controller.call('BalloonController', 'RequestNumPages', GLib.Variant('(u)', (10,)), path=path)
    check(size() == (0, 10), f'{size()}')
    refused('TooLarge', lambda: controller.call('BalloonController', 'RequestNumPages',
                                                GLib.Variant('(u)', (MEMORY // 4096 + 1,)), path=path))
    check(size() == (0, 10), f'{size()}')
    refused('Unavailable', lambda: controller.call('BalloonController', 'GetMemStats', path=path))
    client.stop()
    check(wait_for(lambda: controller.connection.is_closed() or GLib.MainContext.default().iteration(False) and None,
                   10), 'it is served without a machine')
    client.close()


CASES = [create_run_stop, l1_create_starts_nothing, l2_create_after_stop_only, l3_bind_between_create_and_stop,
         l4_run_blocks_until_the_end, l5_to_l7_stop, l8_run_tells_what_went_wrong, bad_configurations,
         device_not_present, balloon, initialization_failures, internal_error, processor_failures, ports, client_is_killed,
         client_with_qcow2_disks_is_killed, supervisor_is_killed, nothing_is_shared, handles_only, strangers, never_reads, by_systemd, command_line]

if __name__ == '__main__':
    if sys.argv[1] == '--hold':
        hold(*sys.argv[2:])
    only = os.environ.get('ONLY')
    harness.main([c for c in CASES if not only or c.__name__ in only.split()], [pathlib.Path(p) for p in sys.argv[1:]])
