/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "tests/fakes/pci-rig.h"
#include "tests/unit/tap.h"
#include "vmm/base/bytes.h"
#include "vmm/vhost/frontend.h"

#define ACKED   (VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER | VIRTIO_STATUS_FEATURES_OK)
#define RUNNING (ACKED | VIRTIO_STATUS_DRIVER_OK)

enum {
    LIMIT_MS = 2500 /* one operation's second, and time for a busy machine */
};

TAP_TEST(features)
{
    struct rig rig;

    rig_init(&rig);
    rig_write(&rig, VIRTIO_COMMON_DEVICE_FEATURE_SELECT, 4, 0);
    check_int(rig_read(&rig, VIRTIO_COMMON_DEVICE_FEATURE, 4), 0x30000001);
    rig_write(&rig, VIRTIO_COMMON_DEVICE_FEATURE_SELECT, 4, 1);
    check_int(rig_read(&rig, VIRTIO_COMMON_DEVICE_FEATURE, 4), 1);
    rig_write(&rig, VIRTIO_COMMON_DEVICE_FEATURE_SELECT, 4, 2);
    check_int(rig_read(&rig, VIRTIO_COMMON_DEVICE_FEATURE, 4), 0);
    /* A legacy driver, and one that takes what was not offered. */
    rig_set_status(&rig, ACKED);
    check_int(rig_status(&rig), ACKED & ~VIRTIO_STATUS_FEATURES_OK);
    rig_set_status(&rig, 0);
    rig_write(&rig, VIRTIO_COMMON_DRIVER_FEATURE_SELECT, 4, 1);
    rig_write(&rig, VIRTIO_COMMON_DRIVER_FEATURE, 4, 5);
    rig_set_status(&rig, ACKED);
    check_int(rig_status(&rig), ACKED & ~VIRTIO_STATUS_FEATURES_OK);
    /* DRIVER_OK needs FEATURES_OK. */
    rig_set_status(&rig, RUNNING);
    check_int(rig_status(&rig) & VIRTIO_STATUS_DRIVER_OK, 0);
    rig_negotiate(&rig);
    check_int(rig_status(&rig), ACKED);
    /* Frozen now. */
    rig_write(&rig, VIRTIO_COMMON_DRIVER_FEATURE, 4, 0);
    check_int(rig_read(&rig, VIRTIO_COMMON_DRIVER_FEATURE, 4), 1);
    rig_finish(&rig);
}

TAP_TEST(start_and_kick)
{
    struct rig rig;
    const struct vm_ram *ram;
    struct vhost_vring_addr addr;

    rig_init(&rig);
    rig_negotiate(&rig);
    rig_set_up_queues(&rig);
    rig_write(&rig, VIRTIO_PCI_NOTIFY, 2, 0); /* before DRIVER_OK: dropped */
    rig_set_status(&rig, RUNNING);
    check_int(rig_status(&rig), RUNNING);
    vm_ram(rig.vm, &ram);
    addr = fake_backend_addr(rig.backend, 0);
    check(addr.descriptor == (uintptr_t)ram[0].host + 0x10000);
    check(addr.available == (uintptr_t)ram[0].host + 0x11000);
    check(addr.used == (uintptr_t)ram[0].host + 0x12000);
    addr = fake_backend_addr(rig.backend, 1);
    check(addr.descriptor == (uintptr_t)ram[1].host + 0x10000);
    check_int(fake_backend_num(rig.backend, 0), 32);
    check(fake_backend_enabled(rig.backend, 0) && fake_backend_enabled(rig.backend, 1));
    check_int(fake_backend_kicks(rig.backend, 0), 0);
    rig_write(&rig, VIRTIO_PCI_NOTIFY, 2, 0);
    check_int(fake_backend_kicks(rig.backend, 0), 1);
    check_int(fake_backend_kicks(rig.backend, 1), 0);
    rig_write(&rig, VIRTIO_PCI_NOTIFY + 4, 2, 1);
    check_int(fake_backend_kicks(rig.backend, 1), 1);
    pci_root_hold(rig.root, true); /* the machine is paused */
    check(!fake_backend_enabled(rig.backend, 0) && !fake_backend_enabled(rig.backend, 1));
    pci_root_hold(rig.root, false);
    check(fake_backend_enabled(rig.backend, 0) && fake_backend_enabled(rig.backend, 1));

    rig_set_status(&rig, 0);
    check_int(rig_status(&rig), 0);
    check_int(fake_backend_count(rig.backend, VHOST_GET_VRING_BASE), 2);
    check_int(fake_backend_count(rig.backend, VHOST_RESET_DEVICE), 1);
    rig_write(&rig, VIRTIO_PCI_NOTIFY, 2, 0);
    check_int(fake_backend_kicks(rig.backend, 0), 0);
    rig_start(&rig);
    check_int(rig_status(&rig), RUNNING);
    check_int(fake_backend_kicks(rig.backend, 0), 0);
    /* A kick that the back end never took does not outlive a reset. */
    rig_write(&rig, VIRTIO_PCI_NOTIFY, 2, 0);
    rig_set_status(&rig, 0);
    rig_start(&rig);
    check_int(fake_backend_kicks(rig.backend, 0), 0);
    rig_finish(&rig);
}

/* What the queue registers say, both queues. */
static void
snapshot(struct rig *rig, uint64_t ret[RIG_QUEUES][5])
{
    for (unsigned int i = 0; i < RIG_QUEUES; i++) {
        rig_write(rig, VIRTIO_COMMON_QUEUE_SELECT, 2, i);
        ret[i][0] = rig_read(rig, VIRTIO_COMMON_QUEUE_SIZE, 2);
        ret[i][1] = rig_read(rig, VIRTIO_COMMON_QUEUE_ENABLE, 2);
        ret[i][2] = rig_read(rig, VIRTIO_COMMON_QUEUE_DESCRIPTOR, 8);
        ret[i][3] = rig_read(rig, VIRTIO_COMMON_QUEUE_DRIVER, 8);
        ret[i][4] = rig_read(rig, VIRTIO_COMMON_QUEUE_DEVICE, 8);
    }
}

/* Bring a fresh device into state `n`; false when there is no such state. */
static bool
go_to_state(struct rig *rig, unsigned int n)
{
    rig_set_status(rig, 0);
    switch (n) {
    case 0:
        return true;
    case 1:
        rig_set_status(rig, VIRTIO_STATUS_ACKNOWLEDGE);
        return true;
    case 2:
        rig_negotiate(rig);
        return true;
    case 3:
        rig_negotiate(rig);
        rig_set_up_queues(rig);
        return true;
    case 4:
        rig_start(rig);
        return true;
    case 5:
        rig_start(rig);
        rig_set_status(rig, RUNNING | VIRTIO_STATUS_FAILED);
        return true;
    case 6:
        rig_start(rig);
        rig_set_status(rig, 0);
        return true;
    default:
        return false;
    }
}

/* Write `value` somewhere; false when a running device's queues changed or a size became impossible. */
static bool
write_is_harmless(struct rig *rig, uint64_t offset, unsigned int size, uint64_t value)
{
    bool running = (rig_status(rig) & VIRTIO_STATUS_DRIVER_OK) != 0;
    uint64_t before[RIG_QUEUES][5];
    uint64_t after[RIG_QUEUES][5];
    bool ok = true;

    snapshot(rig, before);
    rig_write(rig, offset, size, value);
    rig_read(rig, offset, size);
    snapshot(rig, after);
    for (unsigned int q = 0; q < RIG_QUEUES; q++) {
        uint64_t n = after[q][0];

        ok = ok && (!running || memcmp(before[q], after[q], sizeof(before[q])) == 0);
        ok = ok && n > 0 && n <= RIG_QUEUE_SIZE && (n & (n - 1)) == 0;
    }
    return ok;
}

/* All values at one place. */
static bool
writes_are_harmless(struct rig *rig, uint64_t offset, unsigned int size)
{
    static const uint64_t values[] = {0,
                                      1,
                                      2,
                                      3,
                                      7,
                                      32,
                                      0x7fff,
                                      0x8000,
                                      0xffff,
                                      0x10001,
                                      0xffffffff,
                                      0x80000000,
                                      UINT64_C(0xffffffffffff0000),
                                      UINT64_MAX};
    bool ok = true;

    if (offset <= VIRTIO_COMMON_STATUS && offset + size > VIRTIO_COMMON_STATUS) {
        return true; /* status has a test of its own */
    }
    for (unsigned int v = 0; v < ARRAY_SIZE(values); v++) {
        ok = write_is_harmless(rig, offset, size, values[v]) && ok;
    }
    return ok;
}

TAP_TEST(every_register_in_every_state)
{
    struct rig rig;
    bool ok = true;

    rig_init(&rig);
    for (unsigned int state = 0; go_to_state(&rig, state); state++) {
        for (uint64_t i = 0; i < 4 * (uint64_t)(VIRTIO_COMMON_SIZE + 16); i++) {
            ok = writes_are_harmless(&rig, i / 4, 1U << (i % 4)) && ok;
        }
    }
    check(ok);
    rig_finish(&rig);
}

TAP_TEST(frozen_while_running)
{
    struct rig rig;

    rig_init(&rig);
    rig_start(&rig);
    rig_write(&rig, VIRTIO_COMMON_QUEUE_SELECT, 2, 0);
    rig_write(&rig, VIRTIO_COMMON_QUEUE_SIZE, 2, 2);
    rig_write(&rig, VIRTIO_COMMON_QUEUE_DESCRIPTOR, 8, 0x40000);
    rig_write(&rig, VIRTIO_COMMON_QUEUE_ENABLE, 2, 0);
    check_int(rig_read(&rig, VIRTIO_COMMON_QUEUE_SIZE, 2), 32);
    check_int(rig_read(&rig, VIRTIO_COMMON_QUEUE_DESCRIPTOR, 8), 0x10000);
    check_int(rig_read(&rig, VIRTIO_COMMON_QUEUE_ENABLE, 2), 1);
    check_int(fake_backend_count(rig.backend, VHOST_SET_VRING_ADDR), 2);
    /* A queue that was left out stays out. */
    rig_negotiate(&rig);
    rig_write(&rig, VIRTIO_COMMON_QUEUE_DESCRIPTOR, 8, 0x10000);
    rig_write(&rig, VIRTIO_COMMON_QUEUE_DRIVER, 8, 0x11000);
    rig_write(&rig, VIRTIO_COMMON_QUEUE_DEVICE, 8, 0x12000);
    rig_write(&rig, VIRTIO_COMMON_QUEUE_ENABLE, 2, 1);
    rig_write(&rig, VIRTIO_COMMON_QUEUE_DESCRIPTOR, 8, 0x40000); /* enabled: fixed already */
    check_int(rig_read(&rig, VIRTIO_COMMON_QUEUE_DESCRIPTOR, 8), 0x10000);
    rig_set_status(&rig, RUNNING);
    check_int(rig_status(&rig), RUNNING);
    rig_write(&rig, VIRTIO_COMMON_QUEUE_SELECT, 2, 1);
    rig_write(&rig, VIRTIO_COMMON_QUEUE_SIZE, 2, 2);
    rig_write(&rig, VIRTIO_COMMON_QUEUE_DEVICE, 8, 0x40000);
    rig_write(&rig, VIRTIO_COMMON_QUEUE_ENABLE, 2, 1);
    check_int(rig_read(&rig, VIRTIO_COMMON_QUEUE_SIZE, 2), RIG_QUEUE_SIZE);
    check_int(rig_read(&rig, VIRTIO_COMMON_QUEUE_DEVICE, 8), 0);
    check_int(rig_read(&rig, VIRTIO_COMMON_QUEUE_ENABLE, 2), 0);
    check_int(fake_vm_kicks(rig.vm), 1);
    check_int(fake_backend_count(rig.backend, VHOST_SET_VRING_ADDR), 3);
    rig_start(&rig);
    check_int(fake_backend_count(rig.backend, VHOST_SET_VRING_ADDR), 5);
    /* Bits do not go away by writing, and nothing starts twice. */
    rig_set_status(&rig, VIRTIO_STATUS_ACKNOWLEDGE);
    rig_set_status(&rig, RUNNING);
    check_int(rig_status(&rig), RUNNING);
    check_int(fake_backend_count(rig.backend, VHOST_SET_VRING_ADDR), 5);
    rig_finish(&rig);
}

TAP_TEST(rings_outside_of_memory)
{
    static const uint64_t wrong[] = {0x100000,
                                     0x0ff000 + 0xff0,
                                     0x10008,
                                     UINT64_C(0x100100000),
                                     UINT64_MAX & ~UINT64_C(15),
                                     UINT64_C(0xfffffff0)};
    struct rig rig;

    rig_init(&rig);
    for (unsigned int i = 0; i < ARRAY_SIZE(wrong); i++) {
        rig_negotiate(&rig);
        rig_write(&rig, VIRTIO_COMMON_QUEUE_SELECT, 2, 0);
        rig_write(&rig, VIRTIO_COMMON_QUEUE_DRIVER, 8, 0x1000);
        rig_write(&rig, VIRTIO_COMMON_QUEUE_DEVICE, 8, 0x2000);
        rig_write(&rig, VIRTIO_COMMON_QUEUE_DESCRIPTOR, 8, wrong[i]);
        rig_write(&rig, VIRTIO_COMMON_QUEUE_ENABLE, 2, 1);
        rig_set_status(&rig, RUNNING);
        check_int(rig_status(&rig), RUNNING | VIRTIO_STATUS_NEEDS_RESET);
        check_int(fake_backend_count(rig.backend, VHOST_SET_VRING_ADDR), 0);
        fake_vm_settle(rig.vm);
        check(fake_vm_line(rig.vm, RIG_GSI)); /* a configuration change tells the driver */
        check_int(rig_read(&rig, VIRTIO_PCI_ISR, 1), 2);
    }
    rig_start(&rig);
    check_int(rig_status(&rig), RUNNING);
    rig_finish(&rig);
}

TAP_TEST(config_space)
{
    struct rig rig;
    unsigned int asked;
    uint8_t generation;

    rig_init(&rig);
    /* No interrupt before DRIVER_OK: nobody would take it back. */
    fake_backend_request(rig.backend, NULL, 0);
    fake_vm_settle(rig.vm);
    check(!fake_vm_line(rig.vm, RIG_GSI));
    rig_set_vector(&rig, 0, 0xfee00000, 0x31);
    rig_enable_msix(&rig, true, false);
    rig_negotiate(&rig);
    rig_write(&rig, VIRTIO_COMMON_CONFIG_VECTOR, 2, 0);
    fake_backend_request(rig.backend, NULL, 0);
    fake_vm_settle(rig.vm);
    check_int(fake_vm_messages(rig.vm, 0xfee00000, 0x31), 0);
    rig_enable_msix(&rig, false, false);
    rig_start(&rig);
    check_int(rig_read(&rig, VIRTIO_PCI_DEVICE + 5, 1), 5);
    asked = fake_backend_count(rig.backend, VHOST_GET_CONFIG);
    check_int(rig_read(&rig, VIRTIO_PCI_DEVICE + 8, 4), 0x0b0a0908);
    check_int(rig_read(&rig, VIRTIO_PCI_DEVICE + 8, 8), UINT64_C(0x0f0e0d0c0b0a0908));
    check_int(rig_read(&rig, VIRTIO_PCI_DEVICE + 59, 1), 59);
    check_int(rig_read(&rig, VIRTIO_PCI_DEVICE + 60, 1), 0);
    check_int(rig_read(&rig, VIRTIO_PCI_DEVICE + 0xffc, 4), 0);
    check_int(fake_backend_count(rig.backend, VHOST_GET_CONFIG), asked);
    /* The back end changes it. */
    generation = (uint8_t)rig_read(&rig, VIRTIO_COMMON_GENERATION, 1);
    fake_backend_set_config(rig.backend, 5, 99);
    check_int(rig_read(&rig, VIRTIO_PCI_DEVICE + 5, 1), 5);
    fake_backend_request(rig.backend, NULL, 0);
    fake_vm_settle(rig.vm);
    check_int(rig_read(&rig, VIRTIO_PCI_DEVICE + 5, 1), 99);
    check(rig_read(&rig, VIRTIO_COMMON_GENERATION, 1) != generation);
    check_int(rig_read(&rig, VIRTIO_PCI_ISR, 1), 2);
    /* The driver changes it: the cache is dropped. */
    fake_backend_set_config(rig.backend, 6, 77);
    rig_write(&rig, VIRTIO_PCI_DEVICE + 8, 2, 0x1234);
    check_int(rig_read(&rig, VIRTIO_PCI_DEVICE + 8, 2), 0x1234);
    check_int(rig_read(&rig, VIRTIO_PCI_DEVICE + 6, 1), 77);
    rig_write(&rig, VIRTIO_PCI_DEVICE + 59, 2, 1); /* over the end */
    rig_write(&rig, VIRTIO_PCI_DEVICE + 0xff8, 8, 1);
    check_int(fake_backend_count(rig.backend, VHOST_SET_CONFIG), 1);
    rig_finish(&rig);
}

TAP_TEST(hostile_at_set_up)
{
    static const uint32_t requests[] = {VHOST_GET_FEATURES,  VHOST_GET_PROTOCOL_FEATURES,
                                        VHOST_GET_QUEUE_NUM, VHOST_SET_BACKEND_REQ_FD,
                                        VHOST_GET_CONFIG,    VHOST_SET_OWNER};
    static const enum fake_mood moods[] = {FAKE_WRONG_SIZE, FAKE_WRONG_TYPE, FAKE_NO_REPLY_FLAG,
                                           FAKE_GIANT, FAKE_CLOSE};

    for (unsigned int i = 0; i < ARRAY_SIZE(requests); i++) {
        for (unsigned int m = 0; m < ARRAY_SIZE(moods); m++) {
            struct rig rig;
            uint64_t start;
            int r;

            rig_init_empty(&rig);
            start = rig_now_ms();
            r = rig_add(&rig, requests[i], moods[m]);
            check(r < 0);
            check(rig_now_ms() - start < LIMIT_MS);
            check_int(rig_config(&rig, RIG_SLOT, PCI_VENDOR_ID, 2), 0xffff);
            rig_finish(&rig);
        }
    }
}

TAP_TEST(silent_at_set_up)
{
    static const uint32_t requests[] = {VHOST_GET_FEATURES, VHOST_SET_OWNER, VHOST_GET_CONFIG};

    for (unsigned int i = 0; i < ARRAY_SIZE(requests); i++) {
        struct rig rig;
        uint64_t start = rig_now_ms();

        rig_init_empty(&rig);
        check_int(rig_add(&rig, requests[i], i == 1 ? FAKE_HALF : FAKE_SILENT), -ETIMEDOUT);
        check(rig_now_ms() - start < FRONTEND_SETUP_LIMIT_MS + 500);
        rig_finish(&rig);
    }
}

/* A back end that misbehaves at `request` while the driver sets DRIVER_OK. */
static bool
survives_start(uint32_t request, enum fake_mood mood)
{
    struct rig rig;
    uint64_t start;
    bool ok;

    rig_init(&rig);
    fake_backend_misbehave(rig.backend, request, mood);
    start = rig_now_ms();
    rig_start(&rig);
    ok = rig_now_ms() - start < LIMIT_MS;
    ok = ok && rig_status(&rig) == (RUNNING | VIRTIO_STATUS_NEEDS_RESET);
    fake_vm_settle(rig.vm);
    ok = ok && (rig_read(&rig, VIRTIO_PCI_ISR, 1) & 2) && rig.lost == (mood == FAKE_CLOSE);
    rig_set_status(&rig, 0);
    ok = ok && rig_status(&rig) == 0; /* a driver waits for this */
    if (mood == FAKE_REFUSE) {
        fake_backend_misbehave(rig.backend, 0, FAKE_POLITE);
        rig_start(&rig);
        ok = ok && rig_status(&rig) == RUNNING;
    } else {
        rig_negotiate(&rig);
        ok = ok && !(rig_status(&rig) & VIRTIO_STATUS_FEATURES_OK);
    }
    rig_finish(&rig);
    return ok;
}

TAP_TEST(hostile_at_start)
{
    static const uint32_t requests[] = {
        VHOST_SET_FEATURES,   VHOST_SET_MEM_TABLE,  VHOST_SET_VRING_NUM,  VHOST_SET_VRING_BASE,
        VHOST_SET_VRING_ADDR, VHOST_SET_VRING_KICK, VHOST_SET_VRING_CALL, VHOST_SET_VRING_ENABLE};
    static const enum fake_mood moods[] = {FAKE_WRONG_SIZE, FAKE_WRONG_TYPE, FAKE_CLOSE,
                                           FAKE_REFUSE, FAKE_GIANT};

    for (unsigned int i = 0; i < ARRAY_SIZE(requests); i++) {
        for (unsigned int m = 0; m < ARRAY_SIZE(moods); m++) {
            check(survives_start(requests[i], moods[m]));
        }
    }
}

TAP_TEST(silent_while_running)
{
    struct rig rig;
    uint64_t start;

    rig_init(&rig);
    rig_start(&rig);
    fake_backend_misbehave(rig.backend, VHOST_GET_CONFIG, FAKE_SILENT);
    start = rig_now_ms();
    check_int(rig_read(&rig, VIRTIO_PCI_DEVICE + 8, 4), 0);
    check(rig_now_ms() - start >= 900 && rig_now_ms() - start < LIMIT_MS);
    check_int(rig_status(&rig), RUNNING | VIRTIO_STATUS_NEEDS_RESET);
    start = rig_now_ms();
    for (int i = 0; i < 100; i++) {
        check_int(rig_read(&rig, VIRTIO_PCI_DEVICE + 8, 4), 0);
        rig_write(&rig, VIRTIO_PCI_DEVICE + 8, 4, 1);
    }
    rig_set_status(&rig, 0);
    check_int(rig_status(&rig), 0);
    check(rig_now_ms() - start < 500); /* waited once, never again */
    rig_finish(&rig);
}

TAP_TEST(silent_at_reset)
{
    static const uint32_t requests[] = {VHOST_GET_VRING_BASE, VHOST_RESET_DEVICE};

    for (unsigned int i = 0; i < 2; i++) {
        struct rig rig;
        uint64_t start;

        rig_init(&rig);
        rig_start(&rig);
        fake_backend_misbehave(rig.backend, requests[i], FAKE_SILENT);
        start = rig_now_ms();
        rig_set_status(&rig, 0);
        check(rig_now_ms() - start < LIMIT_MS);
        check_int(rig_status(&rig), 0);
        check_int(fake_vm_kicks(rig.vm), 0);
        rig_finish(&rig);
    }
}

TAP_TEST(back_end_goes_away)
{
    struct rig rig;

    rig_init(&rig);
    rig_start(&rig);
    fake_backend_destroy(rig.backend);
    rig.backend = NULL;
    fake_vm_settle(rig.vm);
    check_int(rig.lost, 1);
    check_int(rig_status(&rig), RUNNING | VIRTIO_STATUS_NEEDS_RESET);
    check_int(rig_read(&rig, VIRTIO_PCI_DEVICE + 4, 4), 0);
    rig_set_status(&rig, 0);
    check_int(rig_status(&rig), 0);
    rig_finish(&rig);
}

/* A graphics card's process that ended is followed by another: the driver sees a slow device. */
TAP_TEST(back_end_returns)
{
    struct rig rig;

    rig_init_returning(&rig);
    rig_start(&rig);
    fake_backend_destroy(rig.backend);
    rig.backend = NULL;
    fake_vm_settle(rig.vm);
    check_int(rig_read(&rig, VIRTIO_PCI_DEVICE + 4, 4), 0);
    check_int(rig.lost, 0);
    check_int(rig_status(&rig), RUNNING);
    check_int(rig_replace(&rig), 0);
    check_int(rig_read(&rig, VIRTIO_PCI_DEVICE + 4, 1), 4);
    check(fake_backend_enabled(rig.backend, 0) && fake_backend_enabled(rig.backend, 1));
    check_int(rig_status(&rig), RUNNING);

    /* It ends between a request and its answer, too. */
    fake_backend_misbehave(rig.backend, VHOST_SET_CONFIG, FAKE_CLOSE);
    rig_write(&rig, VIRTIO_PCI_DEVICE + 8, 4, 1);
    check_int(rig_read(&rig, VIRTIO_PCI_DEVICE + 4, 1), 0);
    check_int(rig_status(&rig), RUNNING);

    /* The driver resets what is away, and starts it when it is there: nothing goes on from before. */
    rig_set_status(&rig, 0);
    check_int(rig_status(&rig), 0);
    check_int(rig_replace(&rig), 0);
    check(!fake_backend_enabled(rig.backend, 0) && !fake_backend_enabled(rig.backend, 1));
    rig_start(&rig);
    check_int(rig_status(&rig), RUNNING);
    check(fake_backend_enabled(rig.backend, 0) && fake_backend_enabled(rig.backend, 1));

    /* Or starts it while it is away. */
    fake_backend_misbehave(rig.backend, VHOST_SET_CONFIG, FAKE_CLOSE);
    rig_write(&rig, VIRTIO_PCI_DEVICE + 8, 4, 1);
    rig_start(&rig);
    check_int(rig_status(&rig), RUNNING);
    check_int(rig_replace(&rig), 0);
    check_int(rig_status(&rig), RUNNING);
    check(fake_backend_enabled(rig.backend, 0) && fake_backend_enabled(rig.backend, 1));
    rig_finish(&rig);
}

/* One that hangs is not followed by another as long as it lives: the driver is told as by any device. */
TAP_TEST(silent_instead_of_ending)
{
    static const uint32_t requests[] = {VHOST_GET_CONFIG, VHOST_SET_FEATURES};
    struct rig rig;

    for (unsigned int i = 0; i < ARRAY_SIZE(requests); i++) {
        rig_init_returning(&rig);
        if (requests[i] == VHOST_GET_CONFIG) {
            rig_start(&rig);
        }
        fake_backend_misbehave(rig.backend, requests[i], FAKE_SILENT);
        if (requests[i] == VHOST_GET_CONFIG) {
            check_int(rig_read(&rig, VIRTIO_PCI_DEVICE + 4, 4), 0);
        } else {
            rig_start(&rig);
        }
        check_int(rig_status(&rig), RUNNING | VIRTIO_STATUS_NEEDS_RESET);
        fake_vm_settle(rig.vm);
        check(rig_read(&rig, VIRTIO_PCI_ISR, 1) & 2);
        check_int(rig.lost, 0);

        /* Should its process end after all, the next one is as good as any. */
        check_int(rig_replace(&rig), 0);
        check_int(rig_read(&rig, VIRTIO_PCI_DEVICE + 4, 1), 4);
        check_int(rig_status(&rig), RUNNING | VIRTIO_STATUS_NEEDS_RESET);
        rig_start(&rig);
        check_int(rig_status(&rig), RUNNING);
        rig_finish(&rig);
    }
}

/* No other will come, after all. */
TAP_TEST(back_end_is_given_up)
{
    const char *sentence = NULL;
    struct rig rig;

    rig_init_returning(&rig);
    rig_start(&rig);
    fake_backend_destroy(rig.backend);
    rig.backend = NULL;
    fake_vm_settle(rig.vm);
    check_int(rig_status(&rig), RUNNING);
    check_int(pci_root_replace_virtio(rig.root, "fake-0", -1, &sentence), 0);
    check_int(rig_status(&rig), RUNNING | VIRTIO_STATUS_NEEDS_RESET);
    rig_set_status(&rig, 0);
    check_int(rig_status(&rig), 0);
    rig_negotiate(&rig);
    check(!(rig_status(&rig) & VIRTIO_STATUS_FEATURES_OK));
    rig_finish(&rig);
}

TAP_TEST(answers_with_descriptors)
{
    struct rig rig;

    rig_init(&rig);
    fake_backend_misbehave(rig.backend, VHOST_GET_CONFIG, FAKE_FDS);
    for (int i = 0; i < 2000; i++) { /* more than the process may have open */
        rig_write(&rig, VIRTIO_PCI_DEVICE, 1, 0);
        check_int(rig_read(&rig, VIRTIO_PCI_DEVICE + 1, 1), 1);
    }
    rig_finish(&rig);
}

TAP_TEST(hostile_request_channel)
{
    static const struct vhost_header giant = {VHOST_BACKEND_CONFIG_CHANGE, VHOST_VERSION,
                                              UINT32_MAX};
    static const struct vhost_header unknown = {77, VHOST_VERSION | VHOST_FLAG_NEED_REPLY, 100};
    uint8_t rubbish[100] = {0};
    struct rig rig;

    rig_init(&rig);
    rig_start(&rig);
    /* In pieces, unknown, flooding without reading answers, too long. */
    fake_backend_request(rig.backend, &unknown, 5);
    fake_vm_settle(rig.vm);
    fake_backend_request(rig.backend, (const char *)&unknown + 5, 7);
    fake_backend_request(rig.backend, rubbish, sizeof(rubbish));
    fake_vm_settle(rig.vm);
    fake_backend_request(rig.backend, NULL, 0);
    fake_vm_settle(rig.vm);
    fake_vm_settle(rig.vm);
    check_int(rig_read(&rig, VIRTIO_PCI_ISR, 1), 2);
    for (int i = 0; i < 3000; i++) {
        static const struct vhost_header flood = {VHOST_BACKEND_CONFIG_CHANGE,
                                                  VHOST_VERSION | VHOST_FLAG_NEED_REPLY, 0};

        fake_backend_request(rig.backend, &flood, sizeof(flood));
        loop_iterate(vm_loop(rig.vm), 0);
    }
    fake_backend_request(rig.backend, &giant, sizeof(giant));
    fake_vm_settle(rig.vm);
    check_int(rig_read(&rig, VIRTIO_PCI_DEVICE + 4, 1), 4);
    check_int(rig_status(&rig), RUNNING);
    rig_finish(&rig);
}

TAP_MAIN(TAP_CASE(features), TAP_CASE(start_and_kick), TAP_CASE(every_register_in_every_state),
         TAP_CASE(frozen_while_running), TAP_CASE(rings_outside_of_memory), TAP_CASE(config_space),
         TAP_CASE(hostile_at_set_up), TAP_CASE(silent_at_set_up), TAP_CASE(hostile_at_start),
         TAP_CASE(silent_while_running), TAP_CASE(silent_at_reset), TAP_CASE(back_end_goes_away),
         TAP_CASE(back_end_returns), TAP_CASE(silent_instead_of_ending),
         TAP_CASE(back_end_is_given_up), TAP_CASE(answers_with_descriptors),
         TAP_CASE(hostile_request_channel))
