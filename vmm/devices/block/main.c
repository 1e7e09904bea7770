/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * vmm-block: one disk. Owns a control socket to the supervisor, a vhost-user socket to the machine
 * and the descriptors of the disk's files, opened by the supervisor; ends with either socket.
 */

#include <errno.h>
#include <string.h>

#include "vmm/base/message.h"
#include "vmm/devices/block/block.h"
#include "vmm/devices/block/policy.h"
#include "vmm/disk/disk.h"
#include "vmm/jail/start.h"
#include "vmm/protocol/device.h"

_Static_assert((int)BLOCK_LOST == (int)DISK_BYTES_LOST, "one number for both");

struct control {
    struct loop *loop;
    struct block *block;
};

union request {
    struct start_header header;
    struct block_resize resize;
};

static void
answer(const struct control *control, const void *message, size_t size)
{
    if (message_send(START_FD_CONTROL, message, size, NULL, 0) < 0) {
        loop_quit(control->loop, 1);
    }
}

static void
tell_room(const struct control *control, uint32_t type, int error)
{
    const struct block_room room = {.header = {.type = type, .size = sizeof(room)}, .error = error};

    answer(control, &room, sizeof(room));
}

static void
on_full(void *data, int error)
{
    tell_room(data, BLOCK_FULL, error);
}

static void
resize(const struct control *control, const struct block_resize *request)
{
    const struct block_resized resized = {
        .header = {.type = BLOCK_RESIZED, .size = sizeof(resized)},
        .serial = request->serial,
        .error = block_resize(control->block, request->size),
    };

    answer(control, &resized, sizeof(resized));
}

static void
on_control(void *data, uint32_t events)
{
    const struct control *control = data;
    union request request;
    ssize_t n = start_receive(&request, sizeof(request), NULL);

    (void)events;
    if (n == -EAGAIN) {
        return;
    }
    if (n == (ssize_t)sizeof(request.resize) && request.header.type == BLOCK_RESIZE) {
        resize(control, &request.resize);
    } else if (n == (ssize_t)sizeof(request.header) && request.header.type == BLOCK_RETRY) {
        tell_room(control, BLOCK_RETRIED, block_retry(control->block));
    } else {
        loop_quit(control->loop, n == 0 ? 0 : 1);
    }
}

int
main(int argc, char **argv)
{
    cleanup(loop_destroyp) struct loop *loop = NULL;
    cleanup(block_destroyp) struct block *block = NULL;
    struct block_setup setup;
    struct control control;
    int r;

    if (jail_print_policy(&block_policy, argc, argv)) {
        return 0;
    }
    if (start_receive_setup(&setup, sizeof(setup)) < 0) {
        return 1;
    }
    loop = loop_create();
    r = loop ? block_create(loop, &setup, &block) : -errno;
    if (r < 0) {
        return start_fail("bad-config", "The disk of %s cannot be used: %s.",
                          setup.device.start.name, strerror(-r));
    }
    control = (struct control){.loop = loop, .block = block};
    block_on_full(block, on_full, &control);
    if (!loop_add(loop, START_FD_CONTROL, EPOLLIN, on_control, &control)) {
        return start_fail("internal", "The disk device cannot start: %s.", strerror(errno));
    }
    if (start_enter_jail(&block_policy, &setup.device.start) < 0) {
        return 1;
    }
    return loop_run(loop);
}
