/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A hostile back end: answers that are nearly right, and any bytes on its request channel. */

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "tests/fuzz/fuzz.h"
#include "vmm/base/assert.h"
#include "vmm/base/fd.h"
#include "vmm/vhost/frontend.h"
#include "vmm/vhost/socket.h"

/* The requests that expect an answer, in the order in which they are made. */
static const uint32_t expected[] = {
    VHOST_GET_FEATURES,   VHOST_GET_PROTOCOL_FEATURES,
    VHOST_GET_QUEUE_NUM,  VHOST_SET_BACKEND_REQ_FD,
    VHOST_SET_OWNER,      VHOST_GET_CONFIG,
    VHOST_GET_CONFIG,     VHOST_SET_CONFIG,
    VHOST_SET_FEATURES,   VHOST_SET_MEM_TABLE,
    VHOST_SET_VRING_NUM,  VHOST_SET_VRING_BASE,
    VHOST_SET_VRING_ADDR, VHOST_SET_VRING_KICK,
    VHOST_SET_VRING_CALL, VHOST_SET_VRING_ENABLE,
    VHOST_SET_STATUS,     VHOST_GET_VRING_BASE,
    VHOST_RESET_DEVICE,   VHOST_SET_STATUS,
};

/* One answer; now and then a field of it is the input's. */
static void
answer(struct fuzz_input *input, int socket, uint32_t request, int fd)
{
    struct vhost_message message = {
        .header = {.request = request, .flags = VHOST_VERSION | VHOST_FLAG_REPLY, .size = 8}};
    uint64_t how = fuzz_take(input, 1);

    if (request == VHOST_GET_FEATURES || request == VHOST_GET_PROTOCOL_FEATURES) {
        message.payload.u64 = UINT64_MAX;
    } else if (request == VHOST_GET_CONFIG) {
        message.payload.config.size = VHOST_CONFIG_MAX;
        message.header.size = sizeof(message.payload.config);
    }
    switch (how % 64) {
    case 0:
        message.payload.u64 = fuzz_take(input, 8);
        break;
    case 1:
        message.header.request = (uint32_t)fuzz_take(input, 4);
        break;
    case 2:
        message.header.flags = (uint32_t)fuzz_take(input, 4);
        break;
    case 3:
        message.header.size = (uint32_t)fuzz_take(input, 2) % (VHOST_PAYLOAD_MAX + 1);
        break;
    case 4:
        message.payload.config.size = (uint32_t)fuzz_take(input, 4);
        break;
    case 5:
        message.fds.fd[0] = fd;
        message.fds.count = 1;
        break;
    case 6:
        (void)!send(socket, input->data, MIN_OF(input->size, (size_t)64), MSG_DONTWAIT);
        break;
    case 7:
        message.header.size = UINT32_MAX;
        (void)!send(socket, &message.header, sizeof(message.header), MSG_DONTWAIT);
        return;
    default:
        break;
    }
    vhost_message_send(socket, &message, 0);
}

static void
on_event(void *data)
{
    (*(unsigned int *)data)++;
}

/* The rest of the input arrives on the back end's own channel, if it got one. */
static void
make_requests(struct fuzz_input *input, struct frontend *frontend, int socket)
{
    static const struct frontend_ops ops = {.config_changed = on_event, .lost = on_event};
    cleanup(loop_destroyp) struct loop *loop = loop_create();
    struct vhost_message message;
    unsigned int events = 0;
    cleanup_fd int channel = -1;

    while (channel < 0 && vhost_message_receive(socket, &message, 0) == 0) {
        if (message.header.request == VHOST_SET_BACKEND_REQ_FD) {
            channel = message_take_fd(&message.fds, 0);
        }
        message_close_fds(&message.fds);
    }
    assert(loop && frontend_watch(frontend, loop, &ops, &events) == 0);
    while (channel >= 0 && input->size > 0) {
        size_t n = MIN_OF(input->size, (size_t)(fuzz_take(input, 1) % 64 + 1));

        n = MIN_OF(n, input->size);
        (void)!send(channel, input->data, n, MSG_NOSIGNAL | MSG_DONTWAIT);
        input->data += n;
        input->size -= n;
        loop_iterate(loop, 0);
    }
    frontend_destroy(frontend); /* before its loop */
}

static void
use(struct frontend *frontend, int fd)
{
    const struct frontend_region region = {.region = {0, 4096, 4096, 0}, .fd = fd};
    const struct frontend_vring vring = {.size = 16, .kick_fd = fd, .call_fd = fd};
    const struct frontend_start start = {UINT64_MAX, &region, 1, &vring, 1};
    uint8_t config[VHOST_CONFIG_MAX] = {0};
    uint32_t size = 0;

    if (frontend_negotiate(frontend) == 0 &&
        frontend_probe_config(frontend, VHOST_CONFIG_MAX, &size) == 0) {
        assert(size <= VHOST_CONFIG_MAX);
        (void)frontend_get_config(frontend, config, size);
        (void)frontend_set_config(frontend, 0, config, size);
    }
    (void)frontend_start(frontend, &start);
    (void)frontend_stop(frontend, &vring, 1);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    struct frontend *frontend;
    cleanup_fd int fd = eventfd(0, EFD_CLOEXEC);
    cleanup_fd int socket = -1;
    int pair[2];

    assert(fd >= 0 && fd_socket_pair(SOCK_STREAM, pair) == 0);
    socket = pair[1];
    frontend = frontend_create(pair[0]);
    for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
        answer(&input, socket, expected[i], fd);
    }
    shutdown(socket, SHUT_WR);
    use(frontend, fd);
    make_requests(&input, frontend, socket);
    return 0;
}
