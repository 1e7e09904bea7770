# SPDX-License-Identifier: LGPL-2.1-or-later
"""libvitrine-client from another language: the example of docs/client.md, and each part of the interface once.

VITRINE_CLIENT is the folder of the library and its introspection data.
"""
import json
import os
import pathlib
import subprocess
import sys
from xml.etree import ElementTree

import harness
from harness import check, wait_for

EXAMPLE = pathlib.Path(__file__).resolve().parent.parent.parent / 'docs/examples/run-and-print.py'
USES = '''
import os, sys, gi
gi.require_version('Vitrine', '1')
from gi.repository import GLib, Vitrine
loop = GLib.MainLoop()
GLib.timeout_add(20, lambda: True)

def wait(start, *arguments):
    answer = []
    start(*arguments, None, lambda source, result: (answer.append(result), loop.quit()))
    loop.run()
    return answer[0]

def until(condition):
    limit = GLib.get_monotonic_time() + 20000000
    while not condition():
        GLib.MainContext.default().iteration(True)
        assert GLib.get_monotonic_time() < limit, 'too late'

text = sys.stdin.read()
assert Vitrine.machines_define('lib', text)
assert Vitrine.machines_list_defined() == ['lib']
try:
    Vitrine.machines_define('a/b', text)
    sys.exit('a bad name was taken')
except GLib.Error as error:
    assert 'is no name' in error.message, error.message
seed = Vitrine.Seed.new()
assert seed.set_user('anna') and seed.set_password('secret')
seed.set_host_name('lib')
path = os.path.dirname(Vitrine.machines_dup_definition_path('lib')) + '/seed.iso'
assert seed.check() and seed.write(path) and os.stat(path).st_size > 0
for bad in (lambda: seed.set_user('root'), lambda: seed.add_keys('x'), lambda: seed.write(path), Vitrine.Seed.new().check):
    try:
        bad()
        sys.exit('a bad seed was taken')
    except GLib.Error as error:
        pass
os.unlink(path)
run = Vitrine.Run.start('lib', Vitrine.machines_dup_definition_path('lib'))
ends = []
run.connect('ended', lambda run, status: ends.append(status))
connection = Vitrine.Connection.new(Vitrine.machines_dup_socket_path('lib'))
states = []
connection.connect('notify::machine-state', lambda c, p: states.append(c.get_machine_state()))
connection.open()
until(lambda: connection.get_machine_state() == 'running' and connection.get_state() == Vitrine.ConnectionState.READY)
assert connection.get_name() == 'lib'
assert Vitrine.machines_list_running() == ['lib']
processes = connection.get_processes_finish(wait(connection.get_processes_async))
assert {'vmm', 'machine', 'gpu'} <= {p.name for p in processes}, [p.name for p in processes]
assert all(p.pid > 1 for p in processes)
jails = connection.get_jails_finish(wait(connection.get_jails_async))
assert {'', 'machine', 'gpu'} <= {jail.part for jail in jails} and all(jail.filter for jail in jails if jail.part)
try:
    connection.restart_renderer_finish(wait(connection.restart_renderer_async))
    sys.exit('a renderer of 2D')
except GLib.Error as error:
    assert 'NoRenderer' in error.message, error.message
console = connection.get_consoles().get_item(0)
assert console.send_keys('ctrl+alt+delete') and not console.send_keys('ctrl+hyper')
assert console.get_number() == 0 and console.type_character('a') and not console.type_character('\\u00e4')
try:
    console.get_thumbnail_finish(wait(console.get_thumbnail_async, 0, 0))
    sys.exit('a picture of nothing')
except GLib.Error as error:
    assert 'NoPicture' in error.message, error.message
found, picture = console.get_picture()
assert not found
port = connection.get_chardevs().get_item(0)
fd = port.open_finish(wait(port.open_async))
seen = b''
def read():
    global seen
    try:
        seen += os.read(fd, 100)
    except BlockingIOError:
        pass
    return b'HELLO' in seen
until(read)
assert connection.request_finish(wait(connection.request_async, Vitrine.Request.PAUSE))
until(lambda: connection.get_machine_state() == 'paused')
assert connection.request_finish(wait(connection.request_async, Vitrine.Request.STOP))
until(lambda: ends)
assert ends == [0], ends
assert 'running' in states and 'paused' in states, states
second = Vitrine.machines_clone_finish(wait(Vitrine.machines_clone_async, 'lib', 'Second one'))
assert second == 'second-one' and Vitrine.machines_list_defined() == ['lib', second]
assert Vitrine.machines_delete(second) and Vitrine.machines_list_defined() == ['lib']
assert Vitrine.machines_undefine('lib') and Vitrine.machines_list_defined() == []
print('done')
'''


def library_env(world):
    folder = os.path.abspath(os.environ['VITRINE_CLIENT'])
    return dict(world.env(), GI_TYPELIB_PATH=folder, LD_LIBRARY_PATH=folder,
                PATH=f'{world.root}/bin:{os.environ["PATH"]}')


def example(world):
    path = world.file('py.json', json.dumps({'kernel': str(world.files / 'halt')}).encode())
    script = subprocess.Popen([sys.executable, EXAMPLE, 'py', path], env=library_env(world), stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE)
    world.started.append(script)
    line = script.stdout.readline()
    check(line == b'HELLO\r\n', f'{line} {script.stderr.read() if not line else b""}')
    check(world.run('stop', 'py')[0] == 0, 'stop')
    check(script.wait(harness.LIMIT_S) == 0, f'status {script.returncode}')
    check(len(EXAMPLE.read_text().splitlines()) < 45, 'the example is long')


def whole_interface(world):
    text = json.dumps({'kernel': str(world.files / 'halt'), 'gpu': {'width': 640, 'height': 480}})
    done = subprocess.run([sys.executable, '-c', USES], env=library_env(world), input=text, capture_output=True, text=True,
                          timeout=harness.LIMIT_S)
    check((done.returncode, done.stdout) == (0, 'done\n'), f'{done.returncode} {done.stdout} {done.stderr}')
    check(wait_for(lambda: not world.processes(), 5), 'the machine goes on')


def c_program(world):
    """The headers and names of the shared library are enough for a program of somebody else."""
    folder = os.path.abspath(os.environ['VITRINE_CLIENT'])
    source = world.file('use.c', b'#include <vmm/client/vm-chardev.h>\n#include <vmm/client/vm-connection.h>\n'
                        b'#include <vmm/client/vm-console.h>\n#include <vmm/client/vm-machines.h>\n#include <vmm/client/vm-run.h>\n'
                        b'int main(void) { g_auto(GStrv) names = vm_machines_list_defined();\n'
                        b'g_autoptr(VmConnection) c = vm_connection_new("/x"); vm_connection_open(c); vm_connection_close(c);\n'
                        b'return names[0] ? 1 : (int)vm_connection_get_state(c); }\n')
    include = world.files / 'include/vmm/client'
    include.mkdir(parents=True)
    for header in ('chardev', 'connection', 'console', 'machines', 'run'):
        name = f'vm-{header}.h'
        (include / name).write_bytes((EXAMPLE.parent.parent.parent / 'vmm/client' / name).read_bytes())
    flags = subprocess.run(['pkg-config', '--cflags', '--libs', 'gio-2.0'], capture_output=True, text=True).stdout.split()
    program = str(world.files / 'use')
    built = subprocess.run(['cc', '-Wall', '-Werror', source, '-o', program, f'-I{include.parent.parent}',
                            f'-L{folder}', '-lvitrine-client', *flags], capture_output=True, text=True)
    check(built.returncode == 0, built.stderr)
    check(subprocess.run([program], env=library_env(world)).returncode == 0, 'it does not run')


def every_call_is_described(world):
    """What the introspection data says is what documentation viewers and editors show."""
    names = {'core': 'http://www.gtk.org/introspection/core/1.0', 'c': 'http://www.gtk.org/introspection/c/1.0'}
    tree = ElementTree.parse(pathlib.Path(os.environ['VITRINE_CLIENT']) / 'Vitrine-1.gir')
    calls = [call for kind in ('method', 'function', 'constructor') for call in tree.iterfind(f'.//core:{kind}', names)]
    check(len(calls) > 100, f'{len(calls)} calls')
    silent = [call.get(f'{{{names["c"]}}}identifier') for call in calls
              if not call.findtext('core:doc', '', names) and not call.findtext('core:return-value/core:doc', '', names)
              and call.find('core:parameters/core:parameter/core:doc', names) is None]
    check(not silent, f'no words about {silent}')


CASES = [example, whole_interface, every_call_is_described, c_program]

if __name__ == '__main__':
    harness.main(CASES, [pathlib.Path(p) for p in sys.argv[1:]])
