/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * vmm-ctl: the sub-commands of `vmm` for machines that run and for the store of definitions. Started by
 * `vmm` with the same words; speaks org.vitrine.Vmm1 and org.qemu.Display1 on a machine's control
 * socket, as every client does.
 */

#include <locale.h>
#include <string.h>

#include "vmm/client/vm-connection.h"
#include "vmm/ctl/command.h"

#define MACHINE_HELP "MACHINE is a name, the path of a runtime folder or of a control socket."

static const Command commands[] = {
    {"list", "", "show the machines that run",
     "Each line holds name, process number and control socket; with --all: name, “running” or "
     "“off”,\n"
     "“autostart” or “-”, and the file of the definition.",
     0, 0, command_list, 0},
    {"define", "FILE", "make a machine of a configuration file, and print its name",
     "The file is what `vmm run --cfg` reads. It is checked, and copied to\n"
     "$XDG_CONFIG_HOME/vitrine/machines/NAME.json, over an older one of that name. Paths in it "
     "should\n"
     "be absolute: machines are started in your home folder.",
     1, 1, command_define, 0},
    {"undefine", "NAME", "forget a machine that is off; its disks and logs stay", NULL, 1, 1,
     command_undefine, 0},
    {"edit", "NAME", "change a definition with $VISUAL or $EDITOR",
     "What you wrote is checked before it replaces the definition.", 1, 1, command_edit, 0},
    {"set", "NAME KEY [VALUE]", "change one setting of a definition; without VALUE remove it",
     "KEY is a path of keys: cpus.num-cores, block.0.path, params; manager.title, manager.group "
     "and\n"
     "manager.note are what `vitrine` shows. VALUE is JSON (2, true, [\"a\"]); what is not JSON "
     "is\n"
     "text. The result is checked before it replaces the definition.",
     2, 3, command_set, 0},
    {"clone", "NAME [TITLE]", "make a second machine like one that is off; print its name",
     "Its name is made from TITLE. Disks that it may write are copied; where the file system can,\n"
     "without taking room. Files that a qcow2 image is based on, and read-only parts of composite\n"
     "disks, are shared. With --linked the disks are frozen as they are, and each of both "
     "machines\n"
     "writes to an image of its own over them.",
     1, 2, command_clone, 0},
    {"delete", "NAME", "move a machine that is off, its own disks and logs to the trash",
     "Back from there with a file manager, or `gio trash --restore`.", 1, 1, command_delete, 0},
    {"dump-config", "NAME", "print the configuration of a machine",
     "Of a machine that runs: what it runs with, all defaults filled in. Else its definition.", 1,
     1, command_dump_config, 0},
    {"autostart", "NAME [on|off]", "start a machine when you log in, or say whether it does",
     "With `systemctl --user enable vitrine@NAME.service`; without systemd by an entry in\n"
     "$XDG_CONFIG_HOME/autostart.",
     1, 2, command_autostart, 0},
    {"start", "NAME", "start a defined machine",
     "Ends when the machine runs; it goes on without a terminal, and starts over when its guest\n"
     "reboots.",
     1, 1, command_start, 0},
    {"stop", "MACHINE", "end a machine at once; the guest is not told", MACHINE_HELP, 1, 1,
     command_request, VM_REQUEST_STOP},
    {"powerbtn", "MACHINE", "press the power button; the guest decides", MACHINE_HELP, 1, 1,
     command_request, VM_REQUEST_POWER_BUTTON},
    {"sleepbtn", "MACHINE", "press the sleep button; the guest decides", MACHINE_HELP, 1, 1,
     command_request, VM_REQUEST_SLEEP_BUTTON},
    {"restart", "MACHINE", "end a machine with status 32, or start it over (--restart)",
     MACHINE_HELP, 1, 1, command_request, VM_REQUEST_RESTART},
    {"suspend", "MACHINE", "stop the processors", MACHINE_HELP, 1, 1, command_request,
     VM_REQUEST_PAUSE},
    {"resume", "MACHINE", "let the processors go on", MACHINE_HELP, 1, 1, command_request,
     VM_REQUEST_RESUME},
    {"ping", "MACHINE", "does the machine's display server answer?", MACHINE_HELP, 1, 1,
     command_request, VM_REQUEST_PING},
    {"balloon", "SIZE MACHINE", "ask the guest to give SIZE bytes of its memory back",
     "In whole pages of 4096 bytes; 0 gives all of it back to the guest, which may take its "
     "time.\n" MACHINE_HELP,
     2, 2, command_balloon, 0},
    {"balloon_stats", "MACHINE", "what the guest says of its memory, as JSON",
     MACHINE_HELP "\nSizes are in bytes; balloon_actual is what the guest has given back.", 1, 1,
     command_balloon_stats, 0},
    {"disk", "resize N SIZE MACHINE", "make a disk longer, also while the guest runs",
     "N counts the --block disks from 0; SIZE is in bytes, more than now. Only disks in files "
     "grow. The guest then has to grow what is in it.\n" MACHINE_HELP,
     4, 4, command_disk, 0},
    {"create_composite", "PATH LABEL:FILE[:writable][:GUID] ...",
     "make a disk whose partitions are files",
     "FILE is a raw image; the guest may write it where “writable” says so. GUID is the "
     "partition's "
     "own,\n"
     "for root=PARTUUID=; else one is made up. PATH names the files; PATH.header, PATH.footer and, "
     "where\n"
     "a length is no multiple of 4096 bytes, PATH.filler are made beside it. Give PATH an end of "
     "“.composite”.",
     2, 1 + 22, command_create_composite, 0},
    {"create_qcow2", "PATH [SIZE]", "make the image of a disk that takes only the room it needs",
     "SIZE is in bytes. With --backing-file the disk holds at first what that file holds, and "
     "only\n"
     "what is written later is kept in PATH; without SIZE it is as long as that file.",
     1, 2, command_create_qcow2, 0},
    {"create_seed", "PATH", "make the disk that tells a cloud image its user, password and keys",
     "Start the machine with --block PATH,ro beside its image: cloud-init in the guest finds the "
     "disk "
     "by\n"
     "its label. A password is never an argument: --password asks for it, or reads a line where "
     "the\n"
     "standard input is no terminal.",
     1, 1, command_create_seed, 0},
    {"stats", "MACHINE", "CPU time and memory of each part", MACHINE_HELP, 1, 1, command_stats, 0},
    {"sandbox", "MACHINE", "what holds each part, as the kernel reports it",
     MACHINE_HELP "\n`vmm policy PART` prints what it may ask of the kernel.", 1, 1,
     command_sandbox, 0},
    {"gpu", "VERB MACHINE | replay FILE", "the graphics card: displays, counters, recordings",
     MACHINE_HELP
     " VERB is one of\n"
     "  stats             counters since the start; for each context what it holds and drew;\n"
     "                    with --json for programs\n"
     "  restart-renderer  begin anew in 3D; the guest's programs that draw in 3D must be "
     "restarted\n"
     "  list-displays     the displays that are plugged in, as JSON\n"
     "  add-displays      plug in one for each --gpu-display; prints their numbers\n"
     "  remove-displays   take away the one of each --display-id\n"
     "  set-display-mode  --display-id N gets the mode of --gpu-display\n"
     "“vmm gpu replay --help” tells of replay.",
     2, 2, command_gpu, 0},
    {"console", "MACHINE [PORT]", "a serial port or console, its history first",
     MACHINE_HELP
     " PORT is a name (serial.0,\nconsole.0) or a number from 0; without it the first.\n"
     "At a terminal Ctrl+] leaves and all other keys go to the guest. In a pipe it ends with the\n"
     "machine, or with its reader.",
     1, 2, command_console, 0},
    {"screenshot", "MACHINE FILE", "write the picture of a screen to a PNG file",
     MACHINE_HELP " FILE “-” is\nthe standard output.", 2, 2, command_screenshot, 0},
    {"type", "MACHINE TEXT", "type text at the machine's keyboard",
     MACHINE_HELP " The guest should\nhave the US layout; a line feed is Enter, a tab is Tab.", 2,
     2, command_type, 0},
    {"keys", "MACHINE KEYS ...", "press combinations of keys, as ctrl+alt+delete",
     MACHINE_HELP "\nKEYS are joined by “+”: ctrl, alt, shift, super, letters, f1 to f12, enter, "
                  "esc, tab, space,\n"
                  "backspace, delete, insert, home, end, pageup, pagedown, up, down, left, right, "
                  "sysrq, menu, or\n"
                  "numbers of linux/input-event-codes.h.",
     2, 64, command_keys, 0},
    {"logs", "MACHINE", "what the machine's parts wrote, also after it ended",
     MACHINE_HELP "\nEach line: time, part, level, text.", 1, 1, command_logs, 0},
    {"trace", "MACHINE [EVENT ...]", "print what a running machine does, a line for each event",
     MACHINE_HELP
     " Without EVENT: all\nof `vmm trace --list`. Each line: seconds since the start, part, event, "
     "what the event is about.\nEnds with Ctrl+C, the machine, its reader, or --for. "
     "docs/tracing.md tells "
     "of bpftrace and perf.",
     0, 9, command_trace, 0},
    {"events", "[NAME]", "print each change of state of one or all machines as a line of JSON",
     "Keys: time, machine, state (starting, running, paused, shutting-down, stopped); with "
     "“stopped”\n"
     "also status, and where there is a reason, cause and sentence, also with “paused”.",
     0, 1, command_events, 0},
};

/* For `vmm help`. */
static int
print_commands(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(commands); i++) {
        g_autofree char *form = g_strdup_printf("%s %s", commands[i].name, commands[i].arguments);

        g_print("    %-26s%s\n", form, commands[i].summary);
    }
    return STATUS_DONE;
}

int
main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "";

    setlocale(LC_CTYPE, "C.UTF-8");
    if (strcmp(name, "help") == 0) {
        return print_commands();
    }
    for (gsize i = 0; i < G_N_ELEMENTS(commands); i++) {
        if (strcmp(commands[i].name, name) == 0) {
            return commands[i].run(&commands[i], argc - 1, argv + 1);
        }
    }
    command_say("“%s” is not a command; `vmm help` lists the commands.", name);
    return STATUS_USAGE;
}
