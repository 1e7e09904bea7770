/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* console: a port of a machine at this terminal, or in a pipe. */

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "vmm/client/vm-chardev.h"
#include "vmm/ctl/command.h"
#include "vmm/ctl/session.h"

enum {
    LEAVE = 0x1d, /* Ctrl+] */
    BLOCK_SIZE = 4096,
};

enum end {
    GOES_ON = 0,
    LEFT,    /* the person, or a signal */
    CLOSED,  /* the machine, or its display process */
    UNHEARD, /* nobody reads our output */
};

typedef struct {
    int stream;
    int signals;
    gboolean from_terminal;
    gboolean input_open;
    char typed[BLOCK_SIZE]; /* not yet taken by the machine */
    gsize n_typed;
} Talk;

static VmChardev *
find_port(VmConnection *connection, const char *wanted)
{
    GListModel *ports = vm_connection_get_chardevs(connection);
    const guint n = g_list_model_get_n_items(ports);
    g_autoptr(GString) names = g_string_new(NULL);
    guint64 number = wanted ? G_MAXUINT64 : 0;

    if (wanted) {
        (void)g_ascii_string_to_unsigned(wanted, 10, 0, G_MAXUINT, &number, NULL);
    }
    for (guint i = 0; i < n; i++) {
        g_autoptr(VmChardev) port = g_list_model_get_item(ports, i);
        const char *name = vm_chardev_get_name(port);

        if (i == number || g_strcmp0(name, wanted) == 0 ||
            g_strcmp0(vm_chardev_get_label(port), wanted) == 0) {
            return port; /* the connection keeps it */
        }
        g_string_append_printf(names, "%s%s", i ? ", " : "", name);
    }
    if (n == 0) {
        command_say("The machine “%s” has no console; run it with --serial.",
                    vm_connection_get_name(connection));
    } else {
        command_say("The machine “%s” has no port “%s”; it has %s.",
                    vm_connection_get_name(connection), wanted, names->str);
    }
    return NULL;
}

static gboolean
write_all(const char *data, gsize size)
{
    while (size > 0) {
        const gssize n = write(STDOUT_FILENO, data, size);

        if (n < 0 && errno != EINTR) {
            return FALSE;
        }
        data += MAX(n, 0);
        size -= (gsize)MAX(n, 0);
    }
    return TRUE;
}

static enum end
read_stream(Talk *talk)
{
    char data[BLOCK_SIZE];
    const gssize n = read(talk->stream, data, sizeof(data));

    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return GOES_ON;
    }
    if (n <= 0) {
        return CLOSED;
    }
    return write_all(data, (gsize)n) ? GOES_ON : UNHEARD;
}

static enum end
read_typed(Talk *talk)
{
    const gssize n = read(STDIN_FILENO, talk->typed, sizeof(talk->typed));
    const char *leave = n > 0 ? memchr(talk->typed, LEAVE, (gsize)n) : NULL;

    if (n < 0 && errno == EINTR) {
        return GOES_ON;
    }
    if (n <= 0) {
        talk->input_open = FALSE;
        return talk->from_terminal ? LEFT : GOES_ON;
    }
    talk->n_typed = (gsize)n;
    return talk->from_terminal && leave ? LEFT : GOES_ON;
}

static enum end
send_typed(Talk *talk)
{
    const gssize n = write(talk->stream, talk->typed, talk->n_typed);

    if (n < 0) {
        return errno == EAGAIN || errno == EINTR ? GOES_ON : CLOSED;
    }
    talk->n_typed -= (gsize)n;
    memmove(talk->typed, talk->typed + n, talk->n_typed);
    return GOES_ON;
}

static enum end
talk_on(Talk *talk)
{
    enum end end = GOES_ON;

    while (end == GOES_ON) {
        struct pollfd fds[] = {
            {.fd = talk->stream, .events = (short)(POLLIN | (talk->n_typed > 0 ? POLLOUT : 0))},
            {.fd = talk->input_open && talk->n_typed == 0 ? STDIN_FILENO : -1, .events = POLLIN},
            {.fd = talk->signals, .events = POLLIN},
        };

        if (poll(fds, G_N_ELEMENTS(fds), -1) < 0 && errno != EINTR) {
            return CLOSED;
        }
        if (fds[2].revents) {
            return LEFT;
        }
        if (fds[1].revents) {
            end = read_typed(talk);
        }
        if (end == GOES_ON && fds[0].revents & POLLOUT) {
            end = send_typed(talk);
        }
        if (end == GOES_ON && fds[0].revents & (POLLIN | POLLHUP | POLLERR)) {
            end = read_stream(talk);
        }
    }
    return end;
}

static int
take_signals(void)
{
    sigset_t signals;

    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGHUP);
    sigaddset(&signals, SIGINT);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);
    return signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* Every key goes to the guest, and what it prints is the terminal's alone to read. */
static enum end
talk_at_terminal(Talk *talk)
{
    struct termios before;
    struct termios raw;
    enum end end;

    talk->from_terminal = tcgetattr(STDIN_FILENO, &before) == 0;
    if (talk->from_terminal) {
        raw = before;
        cfmakeraw(&raw);
        fprintf(stderr, "Ctrl+] leaves.\n");
        (void)tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
    }
    end = talk_on(talk);
    if (talk->from_terminal) {
        (void)tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
        fputc('\n', stderr);
    }
    return end;
}

static int
open_port(VmChardev *port)
{
    g_autoptr(GAsyncResult) answer = NULL;
    g_autoptr(GError) error = NULL;
    int fd;

    vm_chardev_open_async(port, NULL, session_answered, &answer);
    fd = vm_chardev_open_finish(port, session_wait(&answer), &error);
    if (fd < 0) {
        command_say("The port %s cannot be opened (%s); try again.", vm_chardev_get_name(port),
                    error->message);
    }
    return fd;
}

/* The stream ended; the machine is still there when only its display process is new. */
static gboolean
machine_goes_on(VmConnection *connection)
{
    enum {
        LOOK_MS = 300
    };

    session_sleep_ms(LOOK_MS);
    return g_file_test(vm_connection_get_path(connection), G_FILE_TEST_EXISTS) &&
           g_strcmp0(vm_connection_get_machine_state(connection), "stopped") != 0;
}

int
command_console(const Command *command, int argc, char **argv)
{
    g_autoptr(VmConnection) connection = NULL;
    VmChardev *port;
    Talk talk = {.input_open = TRUE};
    enum end end;

    if (!command_parse(command, NULL, &argc, &argv)) {
        return STATUS_USAGE;
    }
    talk.signals = take_signals();
    connection = session_open(argv[1]);
    port = connection ? find_port(connection, argc > 2 ? argv[2] : NULL) : NULL;
    talk.stream = port ? open_port(port) : -1;
    if (talk.stream < 0) {
        return STATUS_FAILED;
    }
    end = talk_at_terminal(&talk);
    close(talk.stream);
    if (end == CLOSED && machine_goes_on(connection)) {
        command_say("The machine “%s” closed its console; open it again.", argv[1]);
        return STATUS_FAILED;
    }
    return STATUS_DONE;
}
