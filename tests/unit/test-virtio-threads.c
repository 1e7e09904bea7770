/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Several vCPUs, the control thread and the back end at once, with a fixed sequence of random
 * numbers each. What counts is that nothing hangs, that no assertion falls (the made-up machine has
 * some: an irqfd or a kick that is taken off must be there) and that the device works afterwards;
 * under -Db_sanitize=thread, that there is no race.
 */

#include <pthread.h>
#include <stdatomic.h>
#include <sys/eventfd.h>

#include "tests/fakes/pci-rig.h"
#include "tests/unit/tap.h"
#include "vmm/base/bytes.h"

enum {
    VCPUS = 3,
    ROUNDS = 10000,
};

struct shared {
    struct rig *rig;
    _Atomic bool done;
    uint32_t msix_cap;
};

struct vcpu {
    struct shared *shared;
    pthread_t thread;
    uint64_t random;
};

static uint32_t
next(struct vcpu *vcpu)
{
    vcpu->random = vcpu->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(vcpu->random >> 33);
}

static void
touch_config(struct vcpu *vcpu, struct rig *rig)
{
    static const uint32_t bars[] = {0xd0000000, 0xd1000000, 0xd2000000, 0xffffffff, 0};
    uint32_t cap = vcpu->shared->msix_cap;

    switch (next(vcpu) % 4) {
    case 0:
        rig_set_config(rig, RIG_SLOT, PCI_COMMAND, 2, next(vcpu) & 0x407);
        break;
    case 1:
        rig_set_config(rig, RIG_SLOT, PCI_BAR0, 4, bars[next(vcpu) % ARRAY_SIZE(bars)]);
        break;
    case 2:
        rig_set_config(rig, RIG_SLOT, cap + 2, 2, next(vcpu));
        break;
    default:
        rig_config(rig, RIG_SLOT, (next(vcpu) & 63) * 4, 4);
        break;
    }
}

static void
touch_bar(struct vcpu *vcpu, struct rig *rig)
{
    static const uint32_t regions[] = {VIRTIO_PCI_COMMON, VIRTIO_PCI_ISR,        VIRTIO_PCI_DEVICE,
                                       VIRTIO_PCI_NOTIFY, VIRTIO_PCI_MSIX_TABLE, VIRTIO_PCI_COMMON};
    unsigned int size = 1U << (next(vcpu) % 4);
    uint64_t offset = regions[next(vcpu) % ARRAY_SIZE(regions)] + (next(vcpu) & 56);
    uint64_t address = UINT64_C(0xd0000000) + (uint64_t)(next(vcpu) % 3) * 0x1000000 + offset;

    if (next(vcpu) & 1) {
        fake_vm_write(rig->vm, VM_SPACE_MEMORY, address, size, next(vcpu) & 0xf);
    } else {
        fake_vm_read(rig->vm, VM_SPACE_MEMORY, address, size);
    }
}

static void *
run_vcpu(void *data)
{
    struct vcpu *vcpu = data;
    struct rig rig = *vcpu->shared->rig;

    for (int i = 0; i < ROUNDS; i++) {
        uint32_t what = next(vcpu) % 16;

        if (what == 0) {
            rig.bar = 0xd0000000 + (next(vcpu) % 3) * 0x1000000;
            rig_set_config(&rig, RIG_SLOT, PCI_BAR0, 4, (uint32_t)rig.bar);
            rig_set_config(&rig, RIG_SLOT, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
            rig_start(&rig);
        } else if (what < 3) {
            touch_config(vcpu, &rig);
        } else {
            touch_bar(vcpu, &rig);
        }
    }
    return NULL;
}

static void *
run_control(void *data)
{
    struct shared *shared = data;

    while (!shared->done) {
        loop_iterate(vm_loop(shared->rig->vm), 1);
        fake_vm_messages(shared->rig->vm, 1, 1);
    }
    return NULL;
}

static void *
run_noise(void *data)
{
    struct shared *shared = data;

    while (!shared->done) {
        fake_backend_call(shared->rig->backend, 0);
        fake_backend_call(shared->rig->backend, 1);
        fake_backend_request(shared->rig->backend, NULL, 0);
        usleep(200);
    }
    return NULL;
}

TAP_TEST(everything_at_once)
{
    struct rig rig;
    struct shared shared = {.rig = &rig};
    struct vcpu vcpus[VCPUS];
    pthread_t control;
    pthread_t noise;

    rig_init(&rig);
    rig_start(&rig); /* the back end has its eventfds from here on */
    shared.msix_cap = rig_capability(&rig, 0x11, 0);
    check_int(pthread_create(&control, NULL, run_control, &shared), 0);
    check_int(pthread_create(&noise, NULL, run_noise, &shared), 0);
    for (unsigned int i = 0; i < VCPUS; i++) {
        vcpus[i] = (struct vcpu){.shared = &shared, .random = i + 1};
        check_int(pthread_create(&vcpus[i].thread, NULL, run_vcpu, &vcpus[i]), 0);
    }
    for (unsigned int i = 0; i < VCPUS; i++) {
        pthread_join(vcpus[i].thread, NULL);
    }
    shared.done = true;
    pthread_join(noise, NULL);
    pthread_join(control, NULL);
    check_int(rig.lost, 0);
    printf("# starts %u, resets %u, reads of config %u\n",
           fake_backend_count(rig.backend, VHOST_SET_FEATURES),
           fake_backend_count(rig.backend, VHOST_RESET_DEVICE),
           fake_backend_count(rig.backend, VHOST_GET_CONFIG));

    /* And it still is a device. */
    rig_enable_msix(&rig, false, false);
    rig_set_config(&rig, RIG_SLOT, PCI_BAR0, 4, 0xd0000000);
    rig_set_config(&rig, RIG_SLOT, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
    rig.bar = 0xd0000000;
    rig_start(&rig);
    check_int(rig_status(&rig), 15);
    fake_backend_kicks(rig.backend, 1);
    rig_write(&rig, VIRTIO_PCI_NOTIFY + 4, 2, 1);
    check_int(fake_backend_kicks(rig.backend, 1), 1);
    rig_read(&rig, VIRTIO_PCI_ISR, 1);
    fake_backend_call(rig.backend, 0);
    fake_vm_settle(rig.vm);
    check(fake_vm_line(rig.vm, RIG_GSI));
    check_int(rig_read(&rig, VIRTIO_PCI_ISR, 1) & 1, 1);
    check(!fake_vm_line(rig.vm, RIG_GSI));
    rig_finish(&rig);
}

TAP_MAIN(TAP_CASE(everything_at_once))
