/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A hostile front end and a hostile guest before a device that echoes: vmm/vhost's back end. */

#include <sys/socket.h>

#include "tests/fuzz/device-rig.h"
#include "vmm/base/assert.h"
#include "vmm/vhost/backend.h"

struct echo {
    struct backend *backend;
    struct chain *held; /* one chain stays out until the next kick */
    struct queue *of;
};

static void
echo_kicked(void *device, unsigned int index)
{
    struct echo *echo = device;
    struct queue *queue = backend_queue(echo->backend, index);
    struct chain *chain;
    uint8_t bytes[300];

    if (!queue) {
        return;
    }
    if (echo->held && echo->of == queue) {
        queue_push(queue, echo->held, (uint32_t)chain_write(echo->held, bytes, 0));
        echo->held = NULL;
    }
    for (int i = 0; i < 64 && queue_pop(queue, &chain) > 0; i++) {
        size_t n = chain_read(chain, bytes, sizeof(bytes));
        uint32_t written = (uint32_t)chain_write(chain, bytes, n);

        if (!echo->held) {
            echo->held = chain;
            echo->of = queue;
        } else {
            queue_push(queue, chain, written);
        }
    }
    backend_notify(echo->backend, index);
}

static void
echo_stopped(void *device, unsigned int index)
{
    struct echo *echo = device;

    if (echo->held && echo->of == backend_queue(echo->backend, index)) {
        echo->held = NULL;
    }
}

static void
echo_config_read(void *device, uint32_t offset, void *data, uint32_t size)
{
    (void)device;
    assert(offset + size <= 16);
    memset(data, 1, size);
}

static void
echo_config_write(void *device, uint32_t offset, const void *data, uint32_t size)
{
    struct echo *echo = device;

    (void)data;
    assert(offset + size <= 16);
    (void)backend_config_changed(echo->backend);
}

static const struct backend_ops echo_ops = {
    .tracks_inflight = true,
    .n_queues = DEVICE_RIG_QUEUES,
    .kicked = echo_kicked,
    .queue_stopped = echo_stopped,
    .config_read = echo_config_read,
    .config_write = echo_config_write,
    .config_size = 16,
};

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    struct device_rig rig;
    struct echo echo = {NULL};

    device_rig_open(&rig);
    echo.backend = backend_create(rig.loop, rig.device_fd, &echo_ops, &echo);
    assert(echo.backend);
    if (fuzz_take(&input, 1) & 1) {
        device_rig_start(&rig, DEVICE_RIG_QUEUES);
    }
    for (unsigned int i = 0; i < 100 && input.size > 0; i++) {
        uint64_t how = fuzz_take(&input, 1);

        if ((how & 7) == 0) {
            device_rig_request(&rig, &input, how >> 7, &how, sizeof(how));
        } else if ((how & 7) < 4) {
            device_rig_message(&rig, &input);
        } else {
            device_rig_nonsense(&rig, &input);
        }
    }
    /* The rest as it is, and the end in the middle of a message. */
    (void)!send(rig.fd, input.data, MIN_OF(input.size, (size_t)4096), MSG_DONTWAIT | MSG_NOSIGNAL);
    shutdown(rig.fd, SHUT_WR);
    device_rig_run(&rig);
    backend_destroy(echo.backend);
    device_rig_close(&rig);
    return 0;
}
