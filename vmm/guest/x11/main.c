/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * vitrine-x11 runs in a guest, as the user whose X11 programs it serves, beside vitrine-wayland-proxy.
 * It holds an X display's sockets; with the first program it starts Xwayland, rootless, and stands
 * between it and the compositor. When Xwayland ends, so does it; systemd starts it again.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"
#include "vmm/base/log.h"
#include "vmm/base/memory.h"
#include "vmm/guest/options.h"
#include "vmm/guest/x11/card.h"
#include "vmm/guest/x11/display.h"
#include "vmm/guest/x11/x11.h"
#include "vmm/wayland-wire/address.h"

enum {
    PATIENCE_MS = 20000, /* with a compositor that is asked for a buffer */
};

struct options {
    const char *wayland;
    const char *xwayland;
    int display;
    bool card;
};

struct run {
    struct loop *loop;
    struct options options;
    struct display display;
    struct loop_source *watches[DISPLAY_SOCKETS];
    struct x11 *x11;
    char *card; /* that Xwayland draws with, or NULL */
    pid_t xwayland;
};

static void
usage(FILE *file)
{
    fputs(
        "usage: vitrine-x11 [OPTION]...\n"
        "Show each X11 window of this virtual machine as a window of the host.\n\n"
        "  --display=N       the X display (default: the first that is free); DISPLAY=:N\n"
        "  --wayland=NAME    the compositor: a socket's path or its name in $XDG_RUNTIME_DIR\n"
        "                    (default: $WAYLAND_DISPLAY, or wayland-host)\n"
        "  --xwayland=PATH   the X server (default: Xwayland in $PATH); it starts with the first\n"
        "                    program that connects\n"
        "  --card            draw with the graphics card where the host shows what it draws\n"
        "                    (default: on the processor)\n"
        "  --help            this text\n"
        "  --version         the version\n\n"
        "vitrine-wayland-proxy gives the compositor of the host in a virtual machine.\n",
        file);
}

static int
parse_display(const char *text)
{
    char *end = NULL;
    const long number = strtol(text + (text[0] == ':'), &end, 10);

    if (*end || end == text || number < 0 || number > DISPLAY_MAX) {
        log_error("--display=%s: a number from 0 to %d is wanted", text, DISPLAY_MAX);
        exit(EXIT_FAILURE);
    }
    return (int)number;
}

static void
take_option(void *data, int letter, const char *value)
{
    struct options *options = data;

    if (letter == 'd') {
        options->display = parse_display(value);
    } else if (letter == 'w') {
        options->wayland = value;
    } else if (letter == 'c') {
        options->card = true;
    } else {
        options->xwayland = value;
    }
}

static const struct option options_table[] = {
    {"display", required_argument, NULL, 'd'},
    {"wayland", required_argument, NULL, 'w'},
    {"xwayland", required_argument, NULL, 'x'},
    {"card", no_argument, NULL, 'c'},
    {"help", no_argument, NULL, OPTIONS_HELP},
    {"version", no_argument, NULL, OPTIONS_VERSION},
    {0},
};
static const struct options_of program_options = {"vitrine-x11", options_table, usage, take_option};

/* Connected, non-blocking; or -1 and a line. */
static int
connect_wayland(const char *name)
{
    struct sockaddr_un address;
    const char *path = address.sun_path;

    if (wayland_address(name, "--wayland", &address) < 0) {
        return -1;
    }
    cleanup_fd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
        fd_set_nonblocking(fd) < 0) {
        log_error("%s: %s; is vitrine-wayland-proxy running?", path, strerror(errno));
        return -1;
    }
    return take_fd(&fd);
}

/*
 * The card that Xwayland draws with, when it is asked for and the host shows what it draws. Xwayland
 * could not go back to the processor's pixels later.
 */
static char *
choose_card(const struct options *options)
{
    struct trial_picture picture = {.fd = -1};
    const char *why = "--card was not given";
    char *path = options->card ? card_find(&picture, &why) : NULL;

    if (path) {
        cleanup_fd int wayland = connect_wayland(options->wayland);
        why = "the compositor cannot be reached";
        if (wayland < 0 || !trial_run(wayland, &picture, PATIENCE_MS, &why)) {
            free(path);
            path = NULL;
        }
        close(picture.fd);
    }
    if (path) {
        log_info("X11 programs draw with the graphics card %s", path);
    } else {
        log_info("X11 programs draw on the processor: %s", why);
    }
    return path;
}

/* In the child: become Xwayland. */
static void
become_xwayland(const struct run *run, int wayland, int wm)
{
    cleanup_free char *name = xasprintf(":%d", run->display.number);
    cleanup_free char *socket = xasprintf("%d", wayland);
    cleanup_free char *manager = xasprintf("%d", wm);
    cleanup_free char *first = xasprintf("%d", run->display.sockets[0]);
    cleanup_free char *second = xasprintf("%d", run->display.sockets[1]);
    sigset_t none;

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    (void)signal(SIGPIPE, SIG_DFL);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    fd_set_cloexec(wayland, 0);
    fd_set_cloexec(wm, 0);
    for (int i = 0; i < DISPLAY_SOCKETS; i++) {
        fd_set_cloexec(run->display.sockets[i], 0);
    }
    setenv("WAYLAND_SOCKET", socket, 1);
    unsetenv("DISPLAY");
    execlp(run->options.xwayland, "Xwayland", name, "-rootless", "-noreset", "-wm", manager,
           "-listenfd", first, "-listenfd", second, run->card ? NULL : "-shm", (char *)NULL);
    log_error("%s cannot be started: %s; install the package xwayland", run->options.xwayland,
              strerror(errno));
    _exit(EXIT_FAILURE);
}

static void
on_ended(void *data, const char *why)
{
    struct run *run = data;

    if (why) {
        log_error("X11 windows cannot go on: %s", why);
    }
    loop_quit(run->loop, why ? EXIT_FAILURE : EXIT_SUCCESS);
}

/* The X server, and what stands between it and the host. 0 or -1 and a line. */
static int
start(struct run *run)
{
    int wayland[2];
    int wm[2];
    const int host = connect_wayland(run->options.wayland);

    if (host < 0) {
        return -1;
    }
    run->card = choose_card(&run->options);
    if (fd_socket_pair(SOCK_STREAM, wayland) < 0 || fd_socket_pair(SOCK_STREAM, wm) < 0) {
        log_error("A pair of sockets cannot be made: %s", strerror(errno));
        return -1;
    }
    run->xwayland = fork();
    if (run->xwayland == 0) {
        become_xwayland(run, wayland[1], wm[1]);
    }
    close(wayland[1]);
    close(wm[1]);
    fd_set_nonblocking(wayland[0]);
    fd_set_nonblocking(wm[0]);
    run->x11 = x11_create(run->loop,
                          (struct x11_sockets){.xwayland = wayland[0], .host = host, .wm = wm[0]},
                          run->card, on_ended, run);
    return run->x11 && run->xwayland > 0 ? 0 : -1;
}

/* The first program connects; the server will accept it. */
static void
on_program(void *data, uint32_t events)
{
    struct run *run = data;

    (void)events;
    for (int i = 0; i < DISPLAY_SOCKETS; i++) {
        loop_remove(run->watches[i]);
        run->watches[i] = NULL;
    }
    if (start(run) < 0) {
        loop_quit(run->loop, EXIT_FAILURE);
    }
}

static void
on_signal(void *data, uint32_t events)
{
    (void)events;
    loop_quit(((struct run *)data)->loop, EXIT_SUCCESS);
}

static int
watch_signals(struct run *run)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    const int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK); /* until the end */
    return fd >= 0 && loop_add(run->loop, fd, EPOLLIN, on_signal, run) ? 0 : -1;
}

static int
serve(struct run *run)
{
    for (int i = 0; i < DISPLAY_SOCKETS; i++) {
        run->watches[i] = loop_add(run->loop, run->display.sockets[i], EPOLLIN, on_program, run);
    }
    if (watch_signals(run) < 0) {
        log_error("Signals cannot be watched: %s", strerror(errno));
        return EXIT_FAILURE;
    }
    printf(":%d\n", run->display.number);
    fflush(stdout);
    log_info("X11 programs with DISPLAY=:%d show their windows on the host", run->display.number);
    return loop_run(run->loop);
}

int
main(int argc, char **argv)
{
    const char *wayland = getenv("WAYLAND_DISPLAY");
    struct run run = {
        .options = {.wayland = wayland ? wayland : "wayland-host",
                    .xwayland = "Xwayland",
                    .display = -1},
    };

    options_read(&program_options, argc, argv, &run.options);
    (void)signal(SIGPIPE, SIG_IGN);
    cleanup(loop_destroyp) struct loop *loop = loop_create();
    if (!loop || display_take(run.options.display, &run.display) < 0) {
        return EXIT_FAILURE;
    }
    run.loop = loop;
    const int r = serve(&run);
    x11_destroy(run.x11);
    if (run.xwayland > 0) {
        kill(run.xwayland, SIGTERM);
        waitpid(run.xwayland, NULL, 0);
    }
    display_release(&run.display);
    free(run.card);
    return r < 0 ? EXIT_FAILURE : r;
}
