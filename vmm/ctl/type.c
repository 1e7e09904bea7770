/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* type, keys: text and combinations as key presses at the machine's keyboard. */

#include "vmm/ctl/command.h"
#include "vmm/ctl/session.h"

enum {
    STROKE_MS = 12, /* guests lose keys that come much faster than a person types */
    DRAIN_MS = 5,
    DRAIN_ROUNDS = 1000,
};

/* FALSE after one sentence. */
static gboolean
drain(VmConsole *console, const char *machine)
{
    for (guint i = 0; i < DRAIN_ROUNDS && vm_console_has_unsent_input(console); i++) {
        session_sleep_ms(DRAIN_MS);
    }
    if (vm_console_has_unsent_input(console) || !vm_console_get_connected(console)) {
        command_say("The machine “%s” did not take all keys; try again.", machine);
        return FALSE;
    }
    return TRUE;
}

int
command_type(const Command *command, int argc, char **argv)
{
    g_autoptr(VmConnection) connection = NULL;
    VmConsole *console;
    guint untyped = 0;

    if (!command_parse(command, NULL, &argc, &argv)) {
        return STATUS_USAGE;
    }
    if (!g_utf8_validate(argv[2], -1, NULL)) {
        command_say("type: the text is not UTF-8; give it in UTF-8.");
        return STATUS_USAGE;
    }
    connection = session_open(argv[1]);
    console = connection ? session_console(connection, SESSION_FIRST) : NULL;
    if (!console) {
        return STATUS_FAILED;
    }
    for (const char *at = argv[2]; *at; at = g_utf8_next_char(at)) {
        untyped += !vm_console_type_character(console, g_utf8_get_char(at));
        session_sleep_ms(STROKE_MS);
    }
    if (!drain(console, argv[1])) {
        return STATUS_FAILED;
    }
    if (untyped > 0) {
        command_say("%u characters are not on a US keyboard and were left out; give the guest that "
                    "layout and plain letters.",
                    untyped);
        return STATUS_FAILED;
    }
    return STATUS_DONE;
}

int
command_keys(const Command *command, int argc, char **argv)
{
    g_autoptr(VmConnection) connection = NULL;
    VmConsole *console;

    if (!command_parse(command, NULL, &argc, &argv)) {
        return STATUS_USAGE;
    }
    connection = session_open(argv[1]);
    console = connection ? session_console(connection, SESSION_FIRST) : NULL;
    if (!console) {
        return STATUS_FAILED;
    }
    for (int i = 2; i < argc; i++) {
        if (!vm_console_send_keys(console, argv[i])) {
            command_say(
                "keys: “%s” holds a key that is not known; `vmm keys --help` tells the names.",
                argv[i]);
            return STATUS_USAGE;
        }
        session_sleep_ms(STROKE_MS);
    }
    return drain(console, argv[1]) ? STATUS_DONE : STATUS_FAILED;
}
