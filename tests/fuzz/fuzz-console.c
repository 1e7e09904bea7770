/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A hostile guest before a console, whose other end reads, writes and hangs up as it likes. */

#include <sys/socket.h>

#include "tests/fuzz/device-rig.h"
#include "vmm/base/assert.h"
#include "vmm/base/fd.h"
#include "vmm/devices/console/console.h"

static void
stream(struct fuzz_input *input, int fd, uint64_t how)
{
    uint8_t bytes[4096] = {0};

    if (how & 8) {
        (void)!send(fd, bytes, fuzz_take(input, 2) % sizeof(bytes), MSG_DONTWAIT | MSG_NOSIGNAL);
    } else if (how & 16) {
        (void)!recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
    } else if ((how >> 5) == 7) {
        shutdown(fd, SHUT_RDWR);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    struct device_rig rig;
    struct console *console;
    uint8_t text[600] = "text";
    int pair[2];

    device_rig_open(&rig);
    assert(fd_socket_pair(SOCK_STREAM, pair) == 0 && fd_set_nonblocking(pair[1]) == 0);
    console = console_create(rig.loop, rig.device_fd, pair[1]);
    assert(console);
    device_rig_start(&rig, DEVICE_RIG_QUEUES);
    for (unsigned int i = 0; i < 100 && input.size > 0; i++) {
        uint64_t how = fuzz_take(&input, 1);

        if ((how & 7) < 3) {
            device_rig_request(&rig, &input, how >> 7, text,
                               (uint32_t)(fuzz_take(&input, 2) % sizeof(text)));
        } else if ((how & 7) < 5) {
            stream(&input, pair[0], how);
        } else {
            device_rig_nonsense(&rig, &input);
        }
    }
    console_destroy(console);
    device_rig_close(&rig);
    fd_closep(&pair[0]);
    fd_closep(&pair[1]);
    return 0;
}
