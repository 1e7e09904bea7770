/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * usage: wayland-bridge SOCKET COMPOSITOR
 *
 * The guest's proxy and the device without a guest between them: each client of SOCKET gets a session
 * of the proxy over the device's own cross-domain code, connected to COMPOSITOR. When a client ends, one
 * line: its commits with changes, pixels damaged, bytes copied. BRIDGE_DMABUFS=udmabuf in the
 * environment: the device makes dmabufs; =stand-in: memory files are taken for such.
 */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/fakes/cross-kernel.h"
#include "vmm/base/fd.h"
#include "vmm/base/memory.h"
#include "vmm/base/message.h"
#include "vmm/guest/wayland-proxy/session.h"

enum {
    WAIT_MS = 2, /* what the session's own descriptors wait at most */
};

struct bridge {
    struct cross_kernel cross;
    struct session *session;
    bool ended;
};

static void
on_ended(void *data)
{
    ((struct bridge *)data)->ended = true;
}

static int
socket_at(const char *path, struct sockaddr_un *ret_address)
{
    *ret_address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof(ret_address->sun_path)) {
        return -1;
    }
    memcpy(ret_address->sun_path, path, strlen(path) + 1);
    return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

/* All that is there, with its descriptors; false when either end is gone. */
static bool
pump(int from, int to)
{
    uint8_t data[4096];
    struct message_fds fds = {.count = 0};
    ssize_t n = 1;

    while (n > 0) {
        n = message_receive(from, data, sizeof(data), &fds);
        int r = n > 0 ? -EAGAIN : 0;
        while (r == -EAGAIN) {
            r = message_send(to, data, (size_t)n, fds.fd, fds.count);
        }
        message_close_fds(&fds);
        if (r < 0) {
            return false;
        }
    }
    return n == -EAGAIN;
}

/* One client, in a process of its own. */
static int
serve(int client, const char *compositor)
{
    struct sockaddr_un address;
    struct bridge bridge = {0};
    cleanup_fd int real = socket_at(compositor, &address);
    struct cross_rig *rig = &bridge.cross.rig;

    const char *dmabufs = getenv("BRIDGE_DMABUFS");
    struct cross_rig_how how = {.udmabuf = -1};

    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (dmabufs && strcmp(dmabufs, "udmabuf") == 0) {
        how.udmabuf = open("/dev/udmabuf", O_RDWR | O_CLOEXEC);
    }
    how.makes_dmabufs = dmabufs && strcmp(dmabufs, "stand-in") == 0;
    bridge.cross.device = (uint32_t)makedev(226, 128);
    bridge.cross.dmabuf = -1;
    if (real < 0 || connect(real, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
        !cross_rig_open_how(rig, how) || !cross_rig_context(rig, 1)) {
        perror(compositor);
        return EXIT_FAILURE;
    }
    fd_set_nonblocking(client);
    fd_set_nonblocking(real);
    bridge.session =
        session_create(rig->loop, client, cross_kernel(&bridge.cross), on_ended, &bridge);
    while (bridge.session && !bridge.ended && pump(rig->compositor, real) &&
           pump(real, rig->compositor)) {
        struct pollfd wait[] = {{.fd = real, .events = POLLIN}, {.fd = client, .events = POLLIN}};

        cross_rig_run(rig);
        if (pump(rig->compositor, real)) {
            (void)poll(wait, 2, WAIT_MS);
        }
    }
    struct session_statistics counts = session_statistics(bridge.session);
    printf("%" PRIu64 " %" PRIu64 " %" PRIu64 "\n", counts.commits, counts.damaged_pixels,
           counts.copied_bytes);
    return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int
main(int argc, char **argv)
{
    struct sockaddr_un address;

    if (argc != 3) {
        fputs("usage: wayland-bridge SOCKET COMPOSITOR\n", stderr);
        return EXIT_FAILURE;
    }
    cleanup_fd int listener = socket_at(argv[1], &address);
    if (listener < 0 || bind(listener, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
        listen(listener, 8) < 0) {
        perror(argv[1]);
        return EXIT_FAILURE;
    }
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGCHLD, SIG_IGN);
    puts("ready");
    (void)fflush(stdout);
    for (;;) {
        int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

        if (client >= 0 && fork() == 0) {
            _exit(serve(client, argv[2]));
        }
        fd_closep(&client);
    }
}
