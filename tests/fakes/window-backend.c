/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A vhost-user back end of its own process with a window of memory, for tests/machine. On descriptor 3 it
 * sends the front end's socket; each struct vhost_mmap that comes there goes on to the front end, with its
 * descriptor SHMEM_MAP, without one SHMEM_UNMAP, and the answer goes back.
 */

#include "tests/fakes/fake-backend.h"
#include "vmm/base/fd.h"
#include "vmm/base/message.h"
#include "vmm/protocol/start.h"

#define BIT(n) (UINT64_C(1) << (n))

enum {
    WINDOW_SIZE = 8 << 20
};

static const struct fake_backend_options options = {
    .features = BIT(28) | BIT(32),
    .protocol_features = BIT(VHOST_PROTOCOL_MQ) | BIT(VHOST_PROTOCOL_REPLY_ACK) |
                         BIT(VHOST_PROTOCOL_CONFIG) | BIT(VHOST_PROTOCOL_BACKEND_REQ) |
                         BIT(VHOST_PROTOCOL_BACKEND_SEND_FD) | BIT(VHOST_PROTOCOL_SHMEM),
    .n_queues = 1,
    .config_size = 64,
    .shmem_size = WINDOW_SIZE,
};

int
main(void)
{
    cleanup(fake_backend_destroyp) struct fake_backend *backend = NULL;
    struct vhost_mmap map;
    struct message_fds fds;
    int socket;

    backend = fake_backend_create(&options, &socket);
    if (message_send(START_FD_CONTROL, "window", 6, &socket, 1) < 0) {
        return 1;
    }
    fd_closep(&socket);
    while (message_receive(START_FD_CONTROL, &map, sizeof(map), &fds) == sizeof(map)) {
        cleanup_fd int fd = message_take_fd(&fds, 0);
        const int answer = fake_backend_shmem(backend, &map, fd);

        message_close_fds(&fds);
        if (message_send(START_FD_CONTROL, &answer, sizeof(answer), NULL, 0) < 0) {
            return 1;
        }
    }
    return 0;
}
