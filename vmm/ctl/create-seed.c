/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* create_seed: what cloud-init in a guest is told at its first start, as a small disk. */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "vmm/client/vm-seed.h"
#include "vmm/ctl/command.h"

enum {
    LINE_SIZE = 512,
    CANCEL = 3, /* Ctrl+C, which is to leave the terminal as it was */
};

typedef struct {
    char *user;
    char *host_name;
    char **keys;
    gboolean password;
} Wanted;

/* One line of the standard input into `line` of LINE_SIZE bytes; FALSE: there is none, or it is longer. */
static gboolean
read_line(char *line)
{
    gsize n = 0;
    char one;

    while (n < LINE_SIZE && read(STDIN_FILENO, &one, 1) == 1 && one != '\n') {
        line[n++] = one;
        if (one == CANCEL) {
            break;
        }
    }
    if (n == 0 || n == LINE_SIZE || memchr(line, '\0', n) || memchr(line, CANCEL, n)) {
        return FALSE;
    }
    line[n] = '\0';
    return TRUE;
}

/* The same at a terminal, which does not show what is typed. */
static gboolean
ask(const char *question, char *line)
{
    struct termios before;
    struct termios silent;
    gboolean done;

    if (tcgetattr(STDIN_FILENO, &before) < 0) {
        return read_line(line);
    }
    silent = before;
    silent.c_lflag &= ~(tcflag_t)(ECHO | ISIG);
    silent.c_cc[VEOL] = CANCEL;
    (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
    fputs(question, stderr);
    done = read_line(line);
    (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
    fputc('\n', stderr);
    return done;
}

static gboolean
set_password(VmSeed *seed, GError **error)
{
    char line[LINE_SIZE] = {0};
    char again[LINE_SIZE] = {0};
    gboolean done = ask("Password: ", line);

    if (!done) {
        g_set_error_literal(
            error, VM_SEED_ERROR, VM_SEED_ERROR_PASSWORD,
            "there is no password on the standard input: give one line of up to 255 "
            "bytes");
    } else if (isatty(STDIN_FILENO) && (!ask("Again: ", again) || strcmp(line, again) != 0)) {
        g_set_error_literal(error, VM_SEED_ERROR, VM_SEED_ERROR_PASSWORD,
                            "the two passwords differ: try again");
        done = FALSE;
    } else {
        done = vm_seed_set_password(seed, line, error);
    }
    explicit_bzero(line, sizeof(line));
    explicit_bzero(again, sizeof(again));
    return done;
}

static gboolean
fill(VmSeed *seed, const Wanted *wanted, GError **error)
{
    if (wanted->user && !vm_seed_set_user(seed, wanted->user, error)) {
        return FALSE;
    }
    for (char **key = wanted->keys; key && *key; key++) {
        if (!vm_seed_add_key_file(seed, *key, error)) {
            if (g_error_matches(*error, VM_SEED_ERROR, VM_SEED_ERROR_KEY) ||
                g_error_matches(*error, VM_SEED_ERROR, VM_SEED_ERROR_PRIVATE_KEY)) {
                g_prefix_error(error, "“%s”: ", *key);
            }
            return FALSE;
        }
    }
    if (wanted->host_name) {
        vm_seed_set_host_name(seed, wanted->host_name);
    }
    return !wanted->password || set_password(seed, error);
}

int
command_create_seed(const Command *command, int argc, char **argv)
{
    Wanted wanted = {0};
    const GOptionEntry entries[] = {
        {"user", 0, 0, G_OPTION_ARG_STRING, &wanted.user,
         "who may log in, and become root with sudo", "NAME"},
        {"password", 0, 0, G_OPTION_ARG_NONE, &wanted.password,
         "with a password, asked for or a line of the standard input", NULL},
        {"ssh-key", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &wanted.keys,
         "with the public keys of this file; may be given again", "FILE"},
        {"hostname", 0, 0, G_OPTION_ARG_STRING, &wanted.host_name, "the guest's name", "NAME"},
        {NULL},
    };
    g_autoptr(VmSeed) seed = vm_seed_new();
    g_autoptr(GError) error = NULL;
    int status = STATUS_USAGE;

    if (command_parse(command, entries, &argc, &argv)) {
        if (fill(seed, &wanted, &error) && vm_seed_write(seed, argv[1], &error)) {
            status = STATUS_DONE;
        } else {
            command_say("create_seed: %s.", error->message);
        }
    }
    g_free(wanted.user);
    g_free(wanted.host_name);
    g_strfreev(wanted.keys);
    return status;
}
