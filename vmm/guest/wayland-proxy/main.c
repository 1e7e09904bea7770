/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * vitrine-wayland-proxy runs in a guest, as the user whose programs it serves. It listens on a Wayland
 * socket; each client gets a child process with a cross-domain context of its own, so that a client
 * that breaks a rule, or shortens memory that it shares, ends alone.
 */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"
#include "vmm/base/log.h"
#include "vmm/base/memory.h"
#include "vmm/guest/options.h"
#include "vmm/guest/wayland-proxy/session.h"
#include "vmm/wayland-wire/address.h"

enum {
    CLIENTS_MAX = 64,
    LISTEN_FD = 3, /* of systemd */
};

struct options {
    const char *device;
    const char *socket;
    bool check;
    bool statistics;
};

static void
usage(FILE *file)
{
    fputs(
        "usage: vitrine-wayland-proxy [OPTION]...\n"
        "Show Wayland programs of this virtual machine as windows of the host.\n\n"
        "  --device=PATH    the virtio-gpu render node (default: the first that can do it)\n"
        "  --socket=NAME    listen on $XDG_RUNTIME_DIR/NAME (default wayland-host), or on a path;\n"
        "                   a socket of systemd's is used when there is one\n"
        "  --check          say whether the host offers it, and end: 0 yes, 1 no\n"
        "  --statistics     log what was copied when a client ends\n"
        "  --help           this text\n"
        "  --version        the version\n\n"
        "The host starts the machine with\n"
        "  vmm run --gpu context-types=cross-domain --wayland-sock PATH …\n",
        file);
}

static void
take_option(void *data, int letter, const char *value)
{
    struct options *options = data;

    if (letter == 'd') {
        options->device = value;
    } else if (letter == 's') {
        options->socket = value;
    } else if (letter == 'c') {
        options->check = true;
    } else {
        options->statistics = true;
    }
}

static const struct option options_table[] = {
    {"device", required_argument, NULL, 'd'},
    {"socket", required_argument, NULL, 's'},
    {"check", no_argument, NULL, 'c'},
    {"statistics", no_argument, NULL, 't'},
    {"help", no_argument, NULL, OPTIONS_HELP},
    {"version", no_argument, NULL, OPTIONS_VERSION},
    {0},
};
static const struct options_of program_options = {"vitrine-wayland-proxy", options_table, usage,
                                                  take_option};

/* The first node that can do it, malloc'ed; NULL and the reason. */
static char *
search_device(const char **ret_why)
{
    for (unsigned int minor = 128; minor < 128 + 16; minor++) {
        char *path = xasprintf("/dev/dri/renderD%u", minor);
        const char *why = NULL;

        if (virtgpu_probe(path, &why) == 0) {
            return path;
        }
        *ret_why = access(path, F_OK) == 0 ? why : *ret_why;
        free(path);
    }
    return NULL;
}

/* The node to use, malloc'ed: the one that was named, or the first that can do it. NULL and a line. */
static char *
find_device(const struct options *options)
{
    const char *why = "there is none: the machine has no virtio-gpu device with 3D";
    char *found = NULL;

    if (options->device) {
        found = virtgpu_probe(options->device, &why) == 0 ? xstrdup(options->device) : NULL;
    } else {
        found = search_device(&why);
    }
    if (!found) {
        log_error("%s cannot show windows on the host: %s",
                  options->device ? options->device : "This machine's /dev/dri", why);
    }
    return found;
}

/* Bound and listening, or -1 and a line. */
static int
make_socket(const char *name)
{
    struct sockaddr_un address;
    const char *path = address.sun_path;

    if (wayland_address(name, "--socket", &address) < 0) {
        return -1;
    }
    cleanup_fd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    cleanup_free char *lock_path = xasprintf("%s.lock", path);
    int lock = open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600); /* kept until the end */
    if (lock < 0 || flock(lock, LOCK_EX | LOCK_NB) < 0) {
        log_error("%s: %s", lock_path, lock < 0 ? strerror(errno) : "another program has it");
        return -1;
    }
    unlink(path);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
        listen(fd, CLIENTS_MAX) < 0) {
        log_error("%s: %s", path, strerror(errno));
        return -1;
    }
    log_info("Programs with WAYLAND_DISPLAY=%s show their windows on the host", name);
    return take_fd(&fd);
}

/* systemd's socket, when it gave one to this process. */
static int
inherited_socket(void)
{
    const char *pid = getenv("LISTEN_PID");
    const char *count = getenv("LISTEN_FDS");

    if (!pid || !count || strtol(pid, NULL, 10) != getpid() || strtol(count, NULL, 10) != 1) {
        return -1;
    }
    fd_set_cloexec(LISTEN_FD, 1);
    fd_set_nonblocking(LISTEN_FD);
    return LISTEN_FD;
}

static void
on_ended(void *data)
{
    loop_quit(data, EXIT_SUCCESS);
}

/* A client made its shared memory shorter than it had said. */
static void
on_bus_error(int number)
{
    static const char text[] = "<4>A client was disconnected: its memory became shorter\n";

    (void)number;
    (void)!write(2, text, sizeof(text) - 1);
    _exit(EXIT_FAILURE);
}

/* One client, until it ends. */
static int
serve(const char *device, int client, bool statistics)
{
    cleanup(loop_destroyp) struct loop *loop = loop_create();
    struct channel channel;
    const char *why = NULL;

    prctl(PR_SET_PDEATHSIG, SIGTERM);
    (void)signal(SIGBUS, on_bus_error);
    if (!loop || virtgpu_open(device, &channel, &why) < 0) {
        log_error("%s: %s", device, why ? why : "no memory");
        return EXIT_FAILURE;
    }
    if (fd_set_nonblocking(client) < 0) {
        return EXIT_FAILURE;
    }
    cleanup(session_destroyp) struct session *session =
        session_create(loop, client, channel, on_ended, loop);
    int r = session ? loop_run(loop) : EXIT_FAILURE;
    if (session && statistics) {
        struct session_statistics counts = session_statistics(session);
        log_info("client: %" PRIu64 " commits with changes, %" PRIu64 " pixels damaged, %" PRIu64
                 " bytes copied",
                 counts.commits, counts.damaged_pixels, counts.copied_bytes);
    }
    return r < 0 ? EXIT_FAILURE : r;
}

static void
reap(unsigned int *n_clients, bool wait)
{
    while (*n_clients > 0 && waitpid(-1, NULL, wait ? 0 : WNOHANG) > 0) {
        (*n_clients)--;
        wait = false;
    }
}

/* A child for the next client. 0, or -errno when the socket is of no use any more. */
static int
accept_client(int socket_fd, const char *device, bool statistics, unsigned int *n_clients)
{
    cleanup_fd int client = accept4(socket_fd, NULL, NULL, SOCK_CLOEXEC);

    if (client < 0) {
        return errno == EINTR || errno == ECONNABORTED ? 0 : -errno;
    }
    pid_t pid = fork();
    if (pid == 0) {
        close(socket_fd);
        _exit(serve(device, client, statistics));
    }
    *n_clients += pid > 0;
    return 0;
}

static int
accept_clients(int socket_fd, const char *device, bool statistics)
{
    unsigned int n_clients = 0;
    int r = 0;

    fcntl(socket_fd, F_SETFL, 0); /* this process does nothing else */
    while (r == 0) {
        reap(&n_clients, n_clients >= CLIENTS_MAX);
        r = accept_client(socket_fd, device, statistics, &n_clients);
    }
    log_error("The socket for programs is gone: %s", strerror(-r));
    return EXIT_FAILURE;
}

int
main(int argc, char **argv)
{
    struct options options = {.socket = "wayland-host"};

    options_read(&program_options, argc, argv, &options);
    cleanup_free char *device = find_device(&options);
    if (!device) {
        return EXIT_FAILURE;
    }
    if (options.check) {
        return EXIT_SUCCESS;
    }
    (void)signal(SIGPIPE, SIG_IGN);
    int fd = inherited_socket();
    if (fd < 0) {
        fd = make_socket(options.socket);
    }
    return fd < 0 ? EXIT_FAILURE : accept_clients(fd, device, options.statistics);
}
