/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/fakes/pci-rig.h"

#include <time.h>

#include "vmm/base/assert.h"

#define BIT(n) (UINT64_C(1) << (n))

static void
on_lost(void *data, const char *name, const char *sentence)
{
    struct rig *rig = data;

    rig->lost++;
}

void
rig_init_empty(struct rig *rig)
{
    const struct pci_windows windows = {
        .ecam_start = RIG_ECAM,
        .ecam_size = 64 << 20,
        .low_start = RIG_LOW,
        .low_size = RIG_ECAM - RIG_LOW,
        .high_start = RIG_HIGH,
        .high_size = UINT64_C(1) << 36,
        .ports = true,
    };

    *rig = (struct rig){.vm = fake_vm_create()};
    rig->root = pci_root_create(rig->vm, &windows);
    assert(rig->root);
    pci_root_watch(rig->root, on_lost, rig);
}

static const struct fake_backend_options options = {
    .features = BIT(28) | BIT(29) | BIT(32) | BIT(34) | BIT(38) | BIT(26) | BIT(33) | BIT(0),
    .protocol_features = BIT(VHOST_PROTOCOL_MQ) | BIT(VHOST_PROTOCOL_REPLY_ACK) |
                         BIT(VHOST_PROTOCOL_CONFIG) | BIT(VHOST_PROTOCOL_BACKEND_REQ) |
                         BIT(VHOST_PROTOCOL_BACKEND_SEND_FD) | BIT(VHOST_PROTOCOL_RESET_DEVICE) |
                         BIT(VHOST_PROTOCOL_SHMEM),
    .n_queues = RIG_QUEUES,
    .config_size = RIG_CONFIG_SIZE,
    .shmem_size = RIG_WINDOW_SIZE,
};

int
rig_add(struct rig *rig, uint32_t request, enum fake_mood mood)
{
    const struct machine_add_device add = {.name = "fake-0",
                                           .virtio_id = 2,
                                           .pci_class = 0x018000,
                                           .n_queues = 1,
                                           .may_return = rig->may_return,
                                           .queue_size = {RIG_QUEUE_SIZE, RIG_QUEUE_SIZE}};
    const char *sentence = NULL;
    int fd;
    int r;

    rig->backend = fake_backend_create(&options, &fd);
    fake_backend_misbehave(rig->backend, request, mood);
    r = pci_root_add_virtio(rig->root, &add, fd, &sentence);
    assert(r == 0 || sentence);
    return r;
}

int
rig_replace(struct rig *rig)
{
    const char *sentence = NULL;
    int fd;
    int r;

    if (rig->backend) {
        fake_backend_destroy(rig->backend);
    }
    rig->backend = fake_backend_create(&options, &fd);
    r = pci_root_replace_virtio(rig->root, "fake-0", fd, &sentence);
    assert(r == 0 || sentence);
    return r;
}

static void
add_and_decode(struct rig *rig)
{
    assert(rig_add(rig, 0, FAKE_POLITE) == 0);
    rig_set_config(rig, RIG_SLOT, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
    rig->bar = rig_config(rig, RIG_SLOT, PCI_BAR0, 4);
}

void
rig_init(struct rig *rig)
{
    rig_init_empty(rig);
    add_and_decode(rig);
}

void
rig_init_returning(struct rig *rig)
{
    rig_init_empty(rig);
    rig->may_return = true;
    add_and_decode(rig);
}

void
rig_finish(struct rig *rig)
{
    pci_root_destroy(rig->root);
    if (rig->backend) {
        fake_backend_destroy(rig->backend);
    }
    fake_vm_destroy(rig->vm);
}

uint32_t
rig_config(struct rig *rig, unsigned int slot, uint32_t reg, unsigned int size)
{
    return (uint32_t)fake_vm_read(rig->vm, VM_SPACE_MEMORY, RIG_ECAM + (slot << 15) + reg, size);
}

void
rig_set_config(struct rig *rig, unsigned int slot, uint32_t reg, unsigned int size, uint32_t value)
{
    fake_vm_write(rig->vm, VM_SPACE_MEMORY, RIG_ECAM + (slot << 15) + reg, size, value);
}

uint64_t
rig_read(struct rig *rig, uint64_t offset, unsigned int size)
{
    return fake_vm_read(rig->vm, VM_SPACE_MEMORY, rig->bar + offset, size);
}

void
rig_write(struct rig *rig, uint64_t offset, unsigned int size, uint64_t value)
{
    fake_vm_write(rig->vm, VM_SPACE_MEMORY, rig->bar + offset, size, value);
}

uint32_t
rig_capability(struct rig *rig, uint8_t id, uint8_t type)
{
    uint32_t at = rig_config(rig, RIG_SLOT, PCI_CAPABILITIES, 1);

    for (int i = 0; at != 0 && i < 48; i++) {
        if (rig_config(rig, RIG_SLOT, at, 1) == id &&
            (type == 0 || rig_config(rig, RIG_SLOT, at + 3, 1) == type)) {
            return at;
        }
        at = rig_config(rig, RIG_SLOT, at + 1, 1);
    }
    return 0;
}

uint8_t
rig_status(struct rig *rig)
{
    return (uint8_t)rig_read(rig, VIRTIO_COMMON_STATUS, 1);
}

void
rig_set_status(struct rig *rig, uint8_t status)
{
    rig_write(rig, VIRTIO_COMMON_STATUS, 1, status);
}

void
rig_negotiate(struct rig *rig)
{
    rig_set_status(rig, 0);
    rig_set_status(rig, VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER);
    rig_write(rig, VIRTIO_COMMON_DRIVER_FEATURE_SELECT, 4, 1);
    rig_write(rig, VIRTIO_COMMON_DRIVER_FEATURE, 4, 1);
    rig_set_status(rig,
                   VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER | VIRTIO_STATUS_FEATURES_OK);
}

void
rig_set_up_queues(struct rig *rig)
{
    for (unsigned int i = 0; i < RIG_QUEUES; i++) {
        /* The second queue is in the RAM above 4 GiB. */
        uint64_t base = i == 0 ? 0x10000 : UINT64_C(0x100010000);

        rig_write(rig, VIRTIO_COMMON_QUEUE_SELECT, 2, i);
        rig_write(rig, VIRTIO_COMMON_QUEUE_SIZE, 2, 32);
        rig_write(rig, VIRTIO_COMMON_QUEUE_DESCRIPTOR, 4, (uint32_t)base);
        rig_write(rig, VIRTIO_COMMON_QUEUE_DESCRIPTOR + 4, 4, base >> 32);
        rig_write(rig, VIRTIO_COMMON_QUEUE_DRIVER, 8, base + 0x1000);
        rig_write(rig, VIRTIO_COMMON_QUEUE_DEVICE, 8, base + 0x2000);
        rig_write(rig, VIRTIO_COMMON_QUEUE_ENABLE, 2, 1);
    }
}

void
rig_start(struct rig *rig)
{
    rig_negotiate(rig);
    rig_set_up_queues(rig);
    rig_set_status(rig, VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER |
                            VIRTIO_STATUS_FEATURES_OK | VIRTIO_STATUS_DRIVER_OK);
}

void
rig_set_vector(struct rig *rig, unsigned int vector, uint64_t address, uint32_t data)
{
    uint64_t at = VIRTIO_PCI_MSIX_TABLE + 16 * (uint64_t)vector;

    rig_write(rig, at, 4, (uint32_t)address);
    rig_write(rig, at + 4, 4, address >> 32);
    rig_write(rig, at + 8, 4, data);
    rig_write(rig, at + 12, 4, 0);
}

void
rig_enable_msix(struct rig *rig, bool enabled, bool masked)
{
    rig_set_config(rig, RIG_SLOT, rig_capability(rig, 0x11, 0) + 2, 2,
                   (enabled ? 0x8000 : 0) | (masked ? 0x4000 : 0));
}

uint64_t
rig_now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}
