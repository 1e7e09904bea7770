/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A keyboard or pointer between a hostile guest and a hostile display (vmm/protocol/input.h). */

#include <linux/input-event-codes.h>
#include <sys/socket.h>

#include "tests/fuzz/device-rig.h"
#include "vmm/base/assert.h"
#include "vmm/base/fd.h"
#include "vmm/base/message.h"
#include "vmm/devices/input/input.h"
#include "vmm/protocol/input.h"

static void
report(struct fuzz_input *input, int fd)
{
    struct input_report report = {.count = (uint32_t)fuzz_take(input, 1) % 40};
    size_t size = offsetof(struct input_report, events);
    uint32_t n = MIN_OF(report.count, (uint32_t)INPUT_EVENTS_MAX);

    for (uint32_t i = 0; i + 1 < n; i++) {
        uint64_t how = fuzz_take(input, 2);

        report.events[i] = (struct input_protocol_event){
            (uint16_t)(how & 3), (uint16_t)(how >> 2 & 0x3ff), (int32_t)(how >> 12 & 3)};
        if (how >> 14 == 3) {
            report.events[i].value = (int32_t)fuzz_take(input, 4);
            report.events[i].code = (uint16_t)fuzz_take(input, 2);
        }
    }
    size += n * sizeof(report.events[0]);
    (void)message_send(fd, &report, MIN_OF(size, sizeof(report)), NULL, 0);
    (void)!recv(fd, &report, sizeof(report), MSG_DONTWAIT);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    struct device_rig rig;
    struct input *device;
    int pair[2];
    uint64_t kind = fuzz_take(&input, 1) & 1;

    device_rig_open(&rig);
    assert(fd_socket_pair(SOCK_SEQPACKET, pair) == 0 && fd_set_nonblocking(pair[0]) == 0);
    const struct input_setup setup = {.device.vhost_fd = rig.device_fd,
                                      .display_fd = pair[1],
                                      .kind = kind ? INPUT_KEYBOARD : INPUT_POINTER};
    assert(input_create(rig.loop, &setup, &device) == 0);
    device_rig_start(&rig, DEVICE_RIG_QUEUES);
    for (unsigned int i = 0; i < 100 && input.size > 0; i++) {
        uint64_t how = fuzz_take(&input, 1);
        uint64_t event =
            how & 8 ? fuzz_take(&input, 8) : EV_LED | how >> 4 << 16 | UINT64_C(1) << 32;

        if ((how & 7) < 2) { /* room for events, or a lamp */
            device_rig_request(&rig, &input, how & 1, &event, how & 1 ? sizeof(event) : 0);
        } else if ((how & 7) < 5) {
            report(&input, pair[0]);
            device_rig_run(&rig);
        } else {
            device_rig_nonsense(&rig, &input);
        }
    }
    fd_closep(&pair[0]);
    device_rig_run(&rig);
    input_destroy(device);
    device_rig_close(&rig);
    fd_closep(&pair[1]);
    return 0;
}
