#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Checks the rules of docs/architecture.md that a compiler does not see.

usage: check-layers.py [ROOT]       check the tree (default: the one this file is in); prints TAP
       check-layers.py --self-test  prove on small bad trees that each rule bites; prints TAP
"""
import os
import re
import subprocess
import sys
import tempfile

# Every process: the folder of its main.c -> the executable that folder's meson.build declares.
# docs/architecture.md section 3 names the same ones.
PROCESSES = {
    "vmm/supervisor": "vmm",
    "vmm/loader": "vmm-loader",
    "vmm/machine": "vmm-machine",
    "vmm/devices/rng": "vmm-rng",
    "vmm/devices/balloon": "vmm-balloon",
    "vmm/devices/console": "vmm-console",
    "vmm/devices/input": "vmm-input",
    "vmm/devices/block": "vmm-block",
    "vmm/devices/gpu": "vmm-gpu",
    "vmm/gdb": "vmm-gdb",
    "vmm/wayland-guard": "vmm-wayland-guard",
    "vmm/render": "vmm-render",
    "vmm/extract": "vmm-extract",
    "vmm/guest/wayland-proxy": "vitrine-wayland-proxy",
    "vmm/guest/x11": "vitrine-x11",
    "vmm/ctl": "vmm-ctl",
    "display": "vmm-display",
    "manager": "vitrine",
}

# Section 3's table: folder -> (our folders it may include, libraries it may use, calls it may not
# make). The longest matching folder counts; a folder may always include itself.
BASE = ("vmm/base",)
DEVICE = ("vmm/base", "vmm/jail", "vmm/virtio", "vmm/vhost", "vmm/protocol")
EXITS = ("exit", "_exit", "_Exit", "quick_exit", "abort", "err", "errx", "verr", "verrx", "die")
OPENS = ("open", "openat", "openat2", "open64", "creat", "fopen", "freopen", "opendir")
FORKS = ("fork", "vfork", "clone", "clone3")
EXECS = ("execl", "execlp", "execle", "execv", "execve", "execvp", "execvpe", "execveat",
         "fexecve", "system", "popen", "posix_spawn", "posix_spawnp")
TABLE = {
    "vmm/base": ((), (), ()),
    "vmm/jail": (BASE + ("vmm/protocol/start.h",), ("seccomp",), ()),
    "vmm/config": (BASE, ("jansson",), OPENS + FORKS + EXECS),
    "vmm/protocol": (("vmm/base/bytes.h",), (), ()),
    "vmm/virtio": (BASE, (), EXITS + OPENS + EXECS),
    "vmm/vhost": (BASE + ("vmm/virtio",), (), EXITS + OPENS + EXECS),
    "vmm/disk": (BASE, ("zlib", "zstd", "uring"), EXITS + EXECS),
    "vmm/keymap": (BASE, (), EXITS + OPENS + EXECS),
    "vmm/wayland-wire": (BASE, (), EXITS + OPENS + EXECS),
    "vmm/supervisor": (("vmm/base", "vmm/jail", "vmm/config", "vmm/protocol", "vmm/disk/qcow2.h",
                        "vmm/disk/qcow2-header.h", "vmm/disk/composite-spec.h"), (), ()),
    "vmm/loader": (("vmm/base", "vmm/jail", "vmm/protocol"), ("zlib", "lzma", "zstd", "lz4", "bz2"),
                   EXITS + OPENS + FORKS + EXECS),
    "vmm/machine": (("vmm/base", "vmm/jail", "vmm/protocol", "vmm/vhost"), ("fdt", "kvm"),
                    EXITS + OPENS + FORKS + EXECS),
    "vmm/devices": (DEVICE, (), EXITS + OPENS + FORKS + EXECS),
    "vmm/devices/block": (DEVICE + ("vmm/disk",), ("uring",), EXITS + OPENS + FORKS + EXECS),
    "vmm/devices/gpu": (DEVICE, ("virglrenderer", "epoxy"), EXITS + OPENS + FORKS + EXECS),
    "vmm/devices/input": (DEVICE + ("vmm/keymap",), (), EXITS + OPENS + FORKS + EXECS),
    "vmm/gdb": (("vmm/base", "vmm/jail", "vmm/protocol"), (), EXITS + OPENS + FORKS + EXECS),
    "vmm/wayland-guard": (("vmm/base", "vmm/jail", "vmm/protocol", "vmm/wayland-wire"), (),
                          EXITS + OPENS + FORKS + EXECS),
    "vmm/render": (("vmm/base", "vmm/jail", "vmm/protocol"), (), EXITS + OPENS + FORKS),
    "vmm/extract": (("vmm/base", "vmm/jail", "vmm/protocol", "vmm/disk"), ("ext2fs",), EXITS + OPENS + FORKS + EXECS),
    "vmm/guest": (BASE + ("vmm/protocol", "vmm/wayland-wire"), (), ()),
    "vmm/client": (("vmm/keymap", "vmm/base/trace-ring.h", "vmm/disk/qcow2.h", "vmm/disk/qcow2-header.h",
                    "vmm/disk/composite-spec.h"), ("glib", "jansson"), ()),
    "vmm/ctl": (("vmm/client", "vmm/disk/qcow2.h", "vmm/disk/composite-spec.h", "vmm/disk/gpt.h"), ("glib",), ()),
    "display": (("vmm/base", "vmm/protocol", "vmm/jail", "vmm/keymap"), ("glib",), ()),
    "manager/model": (("vmm/client", "vmm/config"), ("glib",), ()),
    "manager": (("manager/model", "ui", "vmm/client"), ("glib", "gtk", "vte", "epoxy", "wayland", "x11"),
                ()),
    "ui": (("manager/model", "vmm/client", "vmm/keymap"),
           ("glib", "gtk", "vte", "epoxy", "wayland", "x11"), ()),
}
# Section 5: main.c gathers the descriptors before the jail is shut, and may give up.
MAIN_MAY = EXITS

# Which library a system header belongs to; anything else is libc's or the kernel's.
LIBRARIES = (
    (r"seccomp\.h$", "seccomp"), (r"jansson", "jansson"), (r"(lib)?fdt", "fdt"),
    (r"zlib\.h$", "zlib"), (r"lzma", "lzma"), (r"zstd", "zstd"), (r"lz4", "lz4"), (r"bzlib\.h$", "bz2"),
    (r"liburing", "uring"), (r"ext2fs/", "ext2fs"), (r"(linux|asm)/kvm", "kvm"),
    (r"(glib|gio|gobject|gmodule|gio-unix)\b", "glib"),
    (r"(gtk|gdk|gdk-pixbuf|cairo|pango|atk|at-spi)\b", "gtk"), (r"vte/", "vte"),
    (r"epoxy/|EGL/|GL/|GLES", "epoxy"), (r"virgl", "virglrenderer"), (r"wayland-|wlr", "wayland"),
    (r"X11/|xcb/", "x11"),
)
LINES_MAX = 800
SCRIPTS = ("dev", ".ci/run")


class Tree:
    """The files of a tree: those git tracks or would track, else all."""

    def __init__(self, root):
        self.root = root
        command = ["git", "-C", root, "ls-files", "-co", "--exclude-standard"]
        listed = subprocess.run(command, capture_output=True, text=True, check=False)
        if listed.returncode == 0:
            self.files = sorted(set(listed.stdout.splitlines()))
        else:
            self.files = sorted(os.path.relpath(os.path.join(folder, name), root)
                                for folder, _, names in os.walk(root) for name in names)
        self.files = [name for name in self.files if os.path.isfile(os.path.join(root, name))]

    def read(self, name):
        with open(os.path.join(self.root, name), encoding="utf-8", errors="replace") as file:
            return file.read()

    def ending(self, *endings):
        return [name for name in self.files if name.endswith(endings)]


def without_comments(text):
    """C source with comments and the insides of strings blanked, line numbers kept."""
    def blank(match):
        found = match.group(0)
        if found.startswith("/"):
            return re.sub(r"[^\n]", " ", found)
        return found[0] + found[-1]
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', blank, text,
                  flags=re.S)


def row_of(name):
    folders = [folder for folder in TABLE if name.startswith(folder + "/")]
    return max(folders, key=len) if folders else None


def inside(name, places):
    return any(name == place or name.startswith(place + "/") for place in places)


def own_folders(tree, folder):
    """What a folder may include of itself: a device not its siblings."""
    if folder == "vmm/devices":
        return ()
    return (folder,)


def check_includes(tree):
    """includes follow the table of section 3"""
    for name in tree.ending(".c", ".h"):
        folder = row_of(name)
        if folder is None:
            continue
        may, libraries, _ = TABLE[folder]
        own = own_folders(tree, folder) + (os.path.dirname(name),)
        for number, line in enumerate(tree.read(name).splitlines(), 1):
            match = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
            if not match:
                continue
            quote, header = match.groups()
            if quote == '"' and "/" in header:
                if not inside(header, may + own):
                    yield f"{name}:{number}: {folder} may not include {header}"
                elif not os.path.exists(os.path.join(tree.root, header)):
                    yield f"{name}:{number}: there is no {header} (write it from the root)"
            elif quote == '"' and os.path.exists(
                    os.path.join(tree.root, os.path.dirname(name), header)):
                yield f"{name}:{number}: write {header} from the root of the tree"
            elif quote == "<":
                library = next((lib for pattern, lib in LIBRARIES if re.match(pattern, header)), None)
                if library and library not in libraries:
                    yield f"{name}:{number}: {folder} may not use {library} ({header})"


def check_calls(tree):
    """no exit, open, fork or exec where the table forbids it"""
    for name in tree.ending(".c", ".h"):
        folder = row_of(name)
        if folder is None or not TABLE[folder][2]:
            continue
        forbidden = TABLE[folder][2]
        if os.path.basename(name) == "main.c":
            forbidden = tuple(call for call in forbidden if call not in MAIN_MAY)
        pattern = re.compile(r"(?<![\w.>])(" + "|".join(forbidden) + r")\s*\(")
        for number, line in enumerate(without_comments(tree.read(name)).splitlines(), 1):
            match = pattern.search(line)
            if match:
                yield f"{name}:{number}: {folder} may not call {match.group(1)}()"


def check_protocol(tree):
    """vmm/protocol holds no code"""
    for name in tree.ending(".c"):
        if name.startswith("vmm/protocol/"):
            yield f"{name}: vmm/protocol has headers only"
    for name in tree.ending(".h"):
        if not name.startswith("vmm/protocol/"):
            continue
        for number, line in enumerate(without_comments(tree.read(name)).splitlines(), 1):
            if re.match(r"(?!_Static_assert)(static\s+inline|[a-z_]\w*\()", line):
                yield f"{name}:{number}: vmm/protocol has no functions"


def declared(text):
    """The targets of a meson.build: executables, libraries."""
    text = re.sub(r"#[^\n]*", "", text)
    executables = re.findall(r"\bexecutable\(\s*'([^']+)'", text)
    libraries = re.findall(r"\b(?:static_|shared_)?library\(\s*'([^']+)'", text)
    return executables, libraries


def check_targets(tree):
    """a folder with a main.c is one process, one without is one library"""
    for name in tree.files:
        folder = os.path.dirname(name)
        if os.path.basename(name) != "meson.build" or not folder:
            continue
        if inside(folder, ("tests", "data", "docs", "po")) or not row_of(name):
            continue
        executables, libraries = declared(tree.read(name))
        sources = [file for file in tree.ending(".c") if os.path.dirname(file) == folder]
        if folder + "/main.c" in tree.files:
            # the tests link a process's objects through a library of its own name
            libraries = [library for library in libraries if not library.endswith("-objects")]
            if executables != [PROCESSES.get(folder)] or libraries:
                yield (f"{name}: must declare the executable {PROCESSES.get(folder)} and nothing "
                       f"else, has {', '.join(executables + libraries) or 'nothing'}")
        elif sources and (executables or len(set(libraries)) != 1):  # static and shared are one
            yield (f"{name}: a folder without main.c is exactly one library, has "
                   f"{', '.join(executables + libraries) or 'nothing'}")


def check_processes(tree):
    """the main.c files are the process list of docs/architecture.md"""
    mains = {os.path.dirname(name) for name in tree.files
             if os.path.basename(name) == "main.c" and not name.startswith("tests/")}
    for folder in sorted(mains - set(PROCESSES)):
        yield f"{folder}/main.c: a process that is not in the list"
    document = "docs/architecture.md"
    if document not in tree.files:
        return
    text = tree.read(document)
    for folder in sorted(mains & set(PROCESSES)):
        if not re.search(rf"\b{re.escape(PROCESSES[folder])}\b", text):
            yield f"{document}: does not name {PROCESSES[folder]} ({folder}/main.c)"
    for number, line in enumerate(text.splitlines(), 1):
        match = re.match(r"\s*([\w/.-]+)/\s+PROCESS ([\w-]+)", line)
        if match and match.group(2) != "each":
            folder = next((f for f, name in PROCESSES.items() if name == match.group(2).rstrip(":")), None)
            if folder is None or (folder not in mains and "later" not in line):
                yield f"{document}:{number}: the process {match.group(2)} has no main.c"


def check_layout(tree):
    """every source file stands in a folder of the table or under tests/"""
    for name in tree.ending(".c", ".h"):
        if row_of(name) is None and not name.startswith("tests/"):
            yield f"{name}: not in a folder of docs/architecture.md section 3"


def is_script(tree, name):
    if "." in os.path.basename(name) and name not in SCRIPTS:
        return False
    return tree.read(name)[:2] == "#!"


def check_length(tree):
    """files have at most 800 lines"""
    for name in tree.files:
        if name.endswith((".c", ".h", ".py", ".sh", ".build")) or is_script(tree, name):
            lines = tree.read(name).count("\n")
            if lines > LINES_MAX:
                yield f"{name}: {lines} lines, {LINES_MAX} at most"


def check_licence(tree):
    """every source file says its licence in one line"""
    for name in tree.files:
        if name.endswith((".c", ".h", ".py", ".sh")) or is_script(tree, name):
            head = tree.read(name).split("\n", 3)[:3]
            if not any("SPDX-License-Identifier: LGPL-2.1-or-later" in line for line in head):
                yield f"{name}: no SPDX-License-Identifier: LGPL-2.1-or-later in its first lines"


CHECKS = (check_includes, check_calls, check_protocol, check_targets, check_processes, check_layout,
          check_length, check_licence)


def run(root):
    tree = Tree(root)
    print(f"1..{len(CHECKS)}")
    failed = 0
    for number, check in enumerate(CHECKS, 1):
        problems = list(check(tree))
        failed += bool(problems)
        print(f"{'not ' if problems else ''}ok {number} - {check.__doc__}")
        for problem in problems:
            print(f"#   {problem}")
    return 1 if failed else 0


SPDX = "/* SPDX-License-Identifier: LGPL-2.1-or-later */\n"
# What a rule must catch: its check, and the one file that breaks it.
BAD = (
    (check_includes, "vmm/base/a.c", SPDX + '#include "vmm/virtio/queue.h"\n'),
    (check_includes, "vmm/devices/rng/a.c", SPDX + '#include "vmm/devices/input/input.h"\n'),
    (check_includes, "vmm/machine/a.c", SPDX + '#include "vmm/config/machine-config.h"\n'),
    (check_includes, "vmm/supervisor/a.c", SPDX + "#include <linux/kvm.h>\n"),
    (check_includes, "vmm/devices/console/a.c", SPDX + "#include <glib.h>\n"),
    (check_includes, "display/a.c", SPDX + "#include <gtk/gtk.h>\n"),
    (check_includes, "manager/model/a.c", SPDX + "#include <gdk/gdk.h>\n"),
    (check_includes, "ui/a.c", SPDX + '#include "vmm/machine/vm.h"\n'),
    (check_includes, "vmm/base/b.c", SPDX + '#include "a.h"\n'),
    (check_calls, "vmm/machine/a.c", SPDX + "void f(void) { abort(); }\n"),
    (check_calls, "vmm/machine/b.c", SPDX + 'int f(void) { return open("x", 0); }\n'),
    (check_calls, "vmm/devices/block/a.c", SPDX + "void f(void) { exit(1); }\n"),
    (check_calls, "vmm/config/a.c", SPDX + "int f(void) { return fork(); }\n"),
    (check_protocol, "vmm/protocol/a.h", SPDX + "static inline int f(void) { return 0; }\n"),
    (check_targets, "vmm/base/meson.build", "static_library('a', 'a.c')\nstatic_library('b')\n"),
    (check_targets, "vmm/loader/meson.build", "executable('wrong', 'main.c')\n"),
    (check_processes, "vmm/virtio/main.c", SPDX),
    (check_processes, "docs/architecture.md", "  ghost/   PROCESS vmm-ghost\n"),
    (check_layout, "vmm/other/a.c", SPDX),
    (check_length, "vmm/base/long.c", SPDX + "\n" * LINES_MAX),
    (check_licence, "vmm/base/free.c", "int x;\n"),
    (check_licence, "tool", "#!/bin/sh\nexit\n"),
)
GOOD = {
    "vmm/base/a.h": SPDX, "vmm/base/a.c": SPDX + '#include "vmm/base/a.h"\n',
    "vmm/base/meson.build": "base_lib = static_library('base', 'a.c')\n",
    "vmm/loader/main.c": SPDX + "int main(void) { exit(0); /* abort() */ }\n",
    "vmm/loader/meson.build": "executable('vmm-loader', 'main.c')\n",
    "vmm/machine/x86/a.c": SPDX + '#include <linux/kvm.h>\nvoid f(void) { p->open(1); }\n',
    "tests/unit/a.c": SPDX + "#include <gtk/gtk.h>\n",
}


def write(root, name, text):
    path = os.path.join(root, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def self_test():
    print(f"1..{len(BAD) + 1}")
    failed = 0
    for number, (check, name, text) in enumerate(((None, None, None),) + BAD, 1):
        with tempfile.TemporaryDirectory() as root:
            for path, content in GOOD.items():
                write(root, path, content)
            if check:
                write(root, name, text)
                found = [line for line in check(Tree(root)) if line.startswith(name)]
                good, what = bool(found), f"{check.__name__} bites in {name}"
            else:
                found = [line for each in CHECKS for line in each(Tree(root))]
                good, what = not found, "a good tree passes"
        failed += not good
        print(f"{'' if good else 'not '}ok {number} - {what}")
        for line in found if not good else ():
            print(f"#   {line}")
    return 1 if failed else 0


if __name__ == "__main__":
    if sys.argv[1:] == ["--self-test"]:
        sys.exit(self_test())
    here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    sys.exit(run(sys.argv[1] if len(sys.argv) > 1 else here))
