/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/supervisor/launcher.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "vmm/base/fd.h"
#include "vmm/supervisor/end-signals.h"
#include "vmm/supervisor/failure.h"
#include "vmm/supervisor/instance.h"
#include "vmm/supervisor/unix-socket.h"

enum {
    INSTANCES_MAX = 64, /* machines of one user at a time */
    BACKLOG = 64,
    LISTEN_FDS_START = 3, /* sd_listen_fds(3) */
    CONNECTION_FD = 3,    /* of an instance that we start */
};

struct launcher {
    const char *socket;
    int listen_fd;
    int connection_fd;
    int signal_fd;
    unsigned int n_instances;
    bool is_full;
    struct instance_options options;
};

static const char help[] =
    "Usage: vmm launcher --socket PATH\n"
    "\n"
    "Gives every connection to the socket a fresh process that makes virtual machines for it over\n"
    "D-Bus (org.vitrine.Vmm1.GuestLifecycle); it ends with the connection. See vmm-launcher(1).\n"
    "\n"
    "    --socket PATH           listen there (without: the socket that systemd passes)\n"
    "    --connection FD         serve one connected socket, this descriptor, and end with it\n"
    "    --allow-no-namespaces   run with a weaker jail where this computer refuses namespaces\n"
    "    -v, --verbose           say more on stderr\n"
    "    -h, --help              print this text\n";

static int
fail(const char *what, const char *cure)
{
    fprintf(stderr, "vmm: launcher: %s; %s.\n", what, cure);
    return EXIT_STATUS_USAGE;
}

/* A stale socket makes room; one that answers does not. */
static int
bind_socket(const char *path)
{
    struct stat st;

    if (lstat(path, &st) == 0) {
        cleanup_fd int other = S_ISSOCK(st.st_mode) ? unix_socket_connect(path) : -EAGAIN;

        if (other >= 0 || other == -EAGAIN) {
            return -EADDRINUSE;
        }
        if (other == -ENAMETOOLONG) {
            return other;
        }
        unlink(path);
    }
    return unix_socket_listen(path, BACKLOG);
}

static bool
peer_is_us(int fd)
{
    struct ucred peer = {0};
    socklen_t size = sizeof(peer);

    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.uid == geteuid();
}

/* In the child: nothing goes over but the connection and the standard streams. */
__attribute__((noreturn)) static void
exec_instance(const struct launcher *launcher, int fd)
{
    static char number[] = "3";
    char self[PATH_MAX];
    const ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
    const char *argv[8] = {"vmm", "launcher", "--connection", number};
    size_t n = 4;
    char *const *words;
    sigset_t none;

    if (launcher->options.allow_no_namespaces) {
        argv[n++] = "--allow-no-namespaces";
    }
    if (launcher->options.verbose) {
        argv[n++] = "--verbose";
    }
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    self[length < 0 ? 0 : length] = '\0';
    if (dup2(fd, CONNECTION_FD) == CONNECTION_FD && close_range(CONNECTION_FD + 1, ~0U, 0) == 0) {
        fcntl(CONNECTION_FD, F_SETFD, 0); /* dup2() to itself keeps close-on-exec */
        const char **first = argv;
        memcpy(&words, &first, sizeof(words)); /* exec wants char *const *, and changes nothing */
        execv(self, words);
    }
    _exit(EXIT_STATUS_FAILED);
}

static void
launch(struct launcher *launcher)
{
    cleanup_fd int fd = accept4(launcher->listen_fd, NULL, NULL, SOCK_CLOEXEC);
    pid_t pid;

    if (fd < 0) {
        return;
    }
    if (!peer_is_us(fd)) {
        fprintf(stderr, "vmm: launcher: another user's connection was refused\n");
        return;
    }
    if (launcher->n_instances >= INSTANCES_MAX) {
        if (!launcher->is_full) {
            fprintf(stderr, "vmm: launcher: there are %d connections, no more are taken\n",
                    INSTANCES_MAX);
        }
        launcher->is_full = true;
        return;
    }
    pid = fork();
    if (pid == 0) {
        exec_instance(launcher, fd);
    }
    if (pid < 0) {
        fprintf(stderr, "vmm: launcher: no process can be made (%s)\n", strerror(errno));
        return;
    }
    launcher->n_instances++;
}

/* False: it was told to end. */
static bool
on_signal(struct launcher *launcher)
{
    struct signalfd_siginfo info;

    if (read(launcher->signal_fd, &info, sizeof(info)) != (ssize_t)sizeof(info)) {
        return true;
    }
    if (info.ssi_signo != SIGCHLD) {
        return false;
    }
    while (waitpid(-1, NULL, WNOHANG) > 0) {
        launcher->n_instances--;
        launcher->is_full = false;
    }
    return true;
}

/* Before there is a socket: whoever sees it may end us properly. */
static int
catch_signals(struct launcher *launcher)
{
    sigset_t signals = end_signals();

    sigaddset(&signals, SIGCHLD);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    launcher->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    return launcher->signal_fd < 0 ? fail("signals cannot be read", "start it again") : 0;
}

static int
accept_all(struct launcher *launcher)
{
    struct pollfd fds[2] = {{.events = POLLIN}, {.events = POLLIN}};

    fds[0].fd = launcher->listen_fd;
    fds[1].fd = launcher->signal_fd;
    for (;;) {
        if (poll(fds, 2, -1) < 0 && errno != EINTR) {
            return EXIT_STATUS_FAILED;
        }
        if (fds[1].revents && !on_signal(launcher)) {
            return 0;
        }
        if (fds[0].revents) {
            launch(launcher);
        }
    }
}

static int
listen_and_serve(struct launcher *launcher)
{
    char text[128];
    int status = catch_signals(launcher);

    if (status != 0) {
        return status;
    }
    if (launcher->socket) {
        launcher->listen_fd = bind_socket(launcher->socket);
        if (launcher->listen_fd < 0) {
            snprintf(text, sizeof(text), "the socket cannot be made there (%s)",
                     strerror(-launcher->listen_fd));
            return fail(text, "choose another place for --socket");
        }
    }
    status = accept_all(launcher);
    if (launcher->socket) {
        unlink(launcher->socket);
    }
    fd_closep(&launcher->listen_fd);
    fd_closep(&launcher->signal_fd);
    return status;
}

/* sd_listen_fds(3): one socket, listening, or connected with Accept=yes. */
static void
take_systemd_socket(struct launcher *launcher)
{
    const char *pid = getenv("LISTEN_PID");
    const char *count = getenv("LISTEN_FDS");
    socklen_t size = sizeof(int);
    int listens = 0;

    if (!pid || !count || strtol(pid, NULL, 10) != getpid() || strcmp(count, "1") != 0 ||
        getsockopt(LISTEN_FDS_START, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) < 0) {
        return;
    }
    fd_set_cloexec(LISTEN_FDS_START, 1);
    if (listens) {
        launcher->listen_fd = LISTEN_FDS_START;
    } else {
        launcher->connection_fd = LISTEN_FDS_START;
    }
}

static int
connection_number(const char *text)
{
    char *end;
    const long fd = strtol(text, &end, 10);
    int type = 0;
    socklen_t size = sizeof(type);

    if (*end || end == text || fd <= STDERR_FILENO || fd > INT16_MAX ||
        getsockopt((int)fd, SOL_SOCKET, SO_TYPE, &type, &size) < 0 || type != SOCK_STREAM) {
        return -1;
    }
    fd_set_cloexec((int)fd, 1);
    return (int)fd;
}

/* Exit status when there is nothing more to do, else -1. */
static int
take_option(struct launcher *launcher, int option)
{
    switch (option) {
    case 's':
        launcher->socket = optarg;
        return -1;
    case 'c':
        launcher->connection_fd = connection_number(optarg);
        return launcher->connection_fd >= 0
                   ? -1
                   : fail("--connection is not a stream socket",
                          "give the number of an open descriptor from 3 on");
    case 'v':
        launcher->options.verbose = true;
        return -1;
    case 'n':
        launcher->options.allow_no_namespaces = true;
        return -1;
    case 'h':
        fputs(help, stdout);
        return 0;
    default:
        return fail("there is no such option", "`vmm launcher --help` lists them");
    }
}

static int
parse_options(struct launcher *launcher, int argc, char **argv)
{
    static const struct option options[] = {
        {"socket", required_argument, NULL, 's'}, {"connection", required_argument, NULL, 'c'},
        {"verbose", no_argument, NULL, 'v'},      {"allow-no-namespaces", no_argument, NULL, 'n'},
        {"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0},
    };
    int status = -1;
    int option;

    opterr = 0;
    while (status < 0 && (option = getopt_long(argc, argv, "+s:vh", options, NULL)) >= 0) {
        status = take_option(launcher, option);
    }
    if (status < 0 && optind < argc) {
        status = fail("it takes no other words", "`vmm launcher --help` shows how");
    }
    return status;
}

int
launcher_command(int argc, char **argv)
{
    struct launcher launcher = {.listen_fd = -1, .connection_fd = -1, .signal_fd = -1};
    /* argv[-1] is the command's own name: getopt_long() begins after it. */
    int status = parse_options(&launcher, argc + 1, argv - 1);

    if (status >= 0) {
        return status;
    }
    if (!launcher.socket && launcher.connection_fd < 0) {
        take_systemd_socket(&launcher);
    }
    if (launcher.connection_fd >= 0) {
        return instance_serve(launcher.connection_fd, &launcher.options);
    }
    if (!launcher.socket && launcher.listen_fd < 0) {
        return fail("it has no socket", "add --socket PATH");
    }
    return listen_and_serve(&launcher);
}
