/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/fakes/pci-rig.h"
#include "tests/unit/tap.h"

#define ACKED 11 /* ACKNOWLEDGE | DRIVER | FEATURES_OK */

TAP_TEST(identity)
{
    struct rig rig;

    rig_init(&rig);
    check_int(rig_config(&rig, 0, PCI_CLASS_INTERFACE + 1, 2), 0x0600);
    check_int(rig_config(&rig, RIG_SLOT, PCI_VENDOR_ID, 4), 0x10421af4);
    check_int(rig_config(&rig, RIG_SLOT, PCI_REVISION, 4), 0x01800001);
    check_int(rig_config(&rig, RIG_SLOT, PCI_SUBSYSTEM_VENDOR, 4), 0x10421af4);
    check_int(rig_config(&rig, RIG_SLOT, PCI_INTERRUPT_LINE, 2), 0x100 | RIG_GSI);
    check(rig_config(&rig, RIG_SLOT, PCI_STATUS, 2) & PCI_STATUS_CAPABILITIES);
    /* Nobody lives in the other slots, functions and buses. */
    check_int(rig_config(&rig, 2, PCI_VENDOR_ID, 4), 0xffffffff);
    check_int(rig_config(&rig, RIG_SLOT, (1 << 12) + PCI_VENDOR_ID, 4), 0xffffffff);
    check_int(rig_config(&rig, 32 + RIG_SLOT, PCI_VENDOR_ID, 4), 0xffffffff);
    /* No extended capabilities. */
    check_int(rig_config(&rig, RIG_SLOT, 0x100, 4), 0);
    rig_finish(&rig);
}

TAP_TEST(mechanism_1)
{
    struct rig rig;

    rig_init(&rig);
    fake_vm_write(rig.vm, VM_SPACE_PORT, 0xcf8, 4, 0x80000000 | RIG_SLOT << 11);
    check_int(fake_vm_read(rig.vm, VM_SPACE_PORT, 0xcf8, 4), 0x80000000 | RIG_SLOT << 11);
    check_int(fake_vm_read(rig.vm, VM_SPACE_PORT, 0xcfc, 4), 0x10421af4);
    check_int(fake_vm_read(rig.vm, VM_SPACE_PORT, 0xcfe, 2), 0x1042);
    check_int(fake_vm_read(rig.vm, VM_SPACE_PORT, 0xcff, 1), 0x10);
    fake_vm_write(rig.vm, VM_SPACE_PORT, 0xcf8, 4, RIG_SLOT << 11);
    check_int(fake_vm_read(rig.vm, VM_SPACE_PORT, 0xcfc, 4), 0xffffffff);
    check_int(fake_vm_ended(rig.vm), 0);
    fake_vm_write(rig.vm, VM_SPACE_PORT, 0xcf9, 1, 2);
    check_int(fake_vm_ended(rig.vm), 0);
    fake_vm_write(rig.vm, VM_SPACE_PORT, 0xcf9, 1, 6);
    check_int(fake_vm_ended(rig.vm), MACHINE_END_RESET + 1);
    rig_finish(&rig);
}

TAP_TEST(read_only_registers)
{
    struct rig rig;
    uint32_t before[64];

    rig_init(&rig);
    rig_set_config(&rig, RIG_SLOT, PCI_COMMAND, 2, 0);
    for (uint32_t i = 0; i < 64; i++) {
        before[i] = rig_config(&rig, RIG_SLOT, 4 * i, 4);
    }
    /* Everything but BARs, command, line and capabilities keeps its value under any write. */
    for (uint32_t i = 0; i < 16; i++) {
        if (i == 1 || (i >= 4 && i < 10) || i == 15 || i == 3) {
            continue;
        }
        rig_set_config(&rig, RIG_SLOT, 4 * i, 4, 0xffffffff);
        check_int(rig_config(&rig, RIG_SLOT, 4 * i, 4), before[i]);
    }
    rig_set_config(&rig, RIG_SLOT, PCI_COMMAND, 4, 0xffffffff);
    check_int(rig_config(&rig, RIG_SLOT, PCI_COMMAND, 2),
              PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_NO_INTX);
    rig_finish(&rig);
}

TAP_TEST(bar_sizing_and_moves)
{
    struct rig rig;
    uint64_t home;

    rig_init(&rig);
    home = rig.bar;
    check(home >= RIG_LOW && home < RIG_ECAM);
    rig_set_config(&rig, RIG_SLOT, PCI_BAR0, 4, 0xffffffff);
    check_int(rig_config(&rig, RIG_SLOT, PCI_BAR0, 4), (uint32_t) ~(VIRTIO_PCI_BAR_SIZE - 1));
    /* Sized with decoding on: nothing is decoded at the all-ones address. */
    check_int(rig_read(&rig, VIRTIO_COMMON_N_QUEUES, 2), 0xffff);

    rig_set_config(&rig, RIG_SLOT, PCI_BAR0, 4, RIG_LOW + 0x1000000);
    rig.bar = RIG_LOW + 0x1000000;
    check_int(rig_read(&rig, VIRTIO_COMMON_N_QUEUES, 2), RIG_QUEUES);
    rig.bar = home;
    check_int(rig_read(&rig, VIRTIO_COMMON_N_QUEUES, 2), 0xffff);

    /* Not outside of the windows: RAM, configuration space, over the end. */
    for (int i = 0; i < 3; i++) {
        static const uint32_t wrong[] = {0x8000, 0xf4000000, 0xfee00000};

        rig_set_config(&rig, RIG_SLOT, PCI_BAR0, 4, wrong[i]);
        check_int(rig_config(&rig, RIG_SLOT, PCI_BAR0, 4), wrong[i]);
        check_int(fake_vm_read(rig.vm, VM_SPACE_MEMORY, wrong[i] + VIRTIO_COMMON_N_QUEUES, 2) ==
                      RIG_QUEUES,
                  false);
    }
    rig_set_config(&rig, RIG_SLOT, PCI_BAR0, 4, (uint32_t)home);
    check_int(rig_read(&rig, VIRTIO_COMMON_N_QUEUES, 2), RIG_QUEUES);
    rig_set_config(&rig, RIG_SLOT, PCI_COMMAND, 2, PCI_COMMAND_MASTER);
    check_int(rig_read(&rig, VIRTIO_COMMON_N_QUEUES, 2), 0xffff);
    rig_finish(&rig);
}

TAP_TEST(kicks_follow_the_bar)
{
    struct rig rig;
    const uint64_t moved = RIG_LOW + 0x2000000;

    rig_init(&rig);
    check_int(fake_vm_kicks(rig.vm), 0);
    rig_start(&rig);
    check_int(fake_vm_kicks(rig.vm), RIG_QUEUES);
    check(fake_vm_has_kick(rig.vm, rig.bar + VIRTIO_PCI_NOTIFY + 4));
    rig_set_config(&rig, RIG_SLOT, PCI_BAR0, 4, (uint32_t)moved);
    check_int(fake_vm_kicks(rig.vm), RIG_QUEUES);
    check(fake_vm_has_kick(rig.vm, moved + VIRTIO_PCI_NOTIFY));
    rig_set_config(&rig, RIG_SLOT, PCI_COMMAND, 2, 0);
    check_int(fake_vm_kicks(rig.vm), 0);
    rig_set_config(&rig, RIG_SLOT, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
    check_int(fake_vm_kicks(rig.vm), RIG_QUEUES);
    /* Nor may they lie over RAM or another device's registers. */
    rig_set_config(&rig, RIG_SLOT, PCI_BAR0, 4, 0x8000);
    check_int(fake_vm_kicks(rig.vm), 0);
    rig_set_config(&rig, RIG_SLOT, PCI_BAR0, 4, 0xfee00000);
    check_int(fake_vm_kicks(rig.vm), 0);
    rig_set_config(&rig, RIG_SLOT, PCI_BAR0, 4, (uint32_t)moved);
    check_int(fake_vm_kicks(rig.vm), RIG_QUEUES);
    rig.bar = moved;
    rig_set_status(&rig, 0);
    check_int(fake_vm_kicks(rig.vm), 0);
    rig_finish(&rig);
}

TAP_TEST(access_capability)
{
    struct rig rig;
    uint32_t cap;

    rig_init(&rig);
    rig_set_config(&rig, RIG_SLOT, PCI_COMMAND, 2, 0); /* works without decoding */
    cap = rig_capability(&rig, 9, VIRTIO_CAP_PCI);
    check(cap != 0);
    rig_set_config(&rig, RIG_SLOT, cap + 8, 4, VIRTIO_COMMON_N_QUEUES);
    rig_set_config(&rig, RIG_SLOT, cap + 12, 4, 2);
    check_int(rig_config(&rig, RIG_SLOT, cap + 16, 2), RIG_QUEUES);
    rig_set_config(&rig, RIG_SLOT, cap + 8, 4, VIRTIO_COMMON_STATUS);
    rig_set_config(&rig, RIG_SLOT, cap + 12, 4, 1);
    rig_set_config(&rig, RIG_SLOT, cap + 16, 1, VIRTIO_STATUS_ACKNOWLEDGE);
    check_int(rig_config(&rig, RIG_SLOT, cap + 16, 1), VIRTIO_STATUS_ACKNOWLEDGE);
    /* Every nonsense is harmless. */
    for (uint32_t length = 0; length < 12; length++) {
        static const uint32_t offsets[] = {0, 1, 0x7fff, 0x8000, 0xfffffffc, 0xffffffff};

        for (unsigned int i = 0; i < 6; i++) {
            rig_set_config(&rig, RIG_SLOT, cap + 4, 1, length);
            rig_set_config(&rig, RIG_SLOT, cap + 8, 4, offsets[i]);
            rig_set_config(&rig, RIG_SLOT, cap + 12, 4, length);
            rig_set_config(&rig, RIG_SLOT, cap + 16, 4, 0xffffffff);
            rig_config(&rig, RIG_SLOT, cap + 16, 4);
        }
    }
    rig_finish(&rig);
}

TAP_TEST(capabilities_are_sane)
{
    struct rig rig;
    uint32_t notify;

    rig_init(&rig);
    for (int type = VIRTIO_CAP_COMMON; type <= VIRTIO_CAP_PCI; type++) {
        uint32_t cap = rig_capability(&rig, 9, (uint8_t)type);

        check(cap != 0 && cap % 4 == 0);
        check(rig_config(&rig, RIG_SLOT, cap + 2, 1) >= 16);
    }
    notify = rig_capability(&rig, 9, VIRTIO_CAP_NOTIFY);
    check_int(rig_config(&rig, RIG_SLOT, notify + 16, 4), 4);
    check_int(rig_config(&rig, RIG_SLOT, rig_capability(&rig, 9, VIRTIO_CAP_DEVICE) + 12, 4),
              RIG_CONFIG_SIZE);
    check_int(rig_config(&rig, RIG_SLOT, rig_capability(&rig, 0x11, 0) + 2, 2), RIG_QUEUES);
    rig_finish(&rig);
}

TAP_TEST(msix_mask_and_pending)
{
    struct rig rig;

    rig_init(&rig);
    rig_set_vector(&rig, 0, 0xfee00000, 0x31);
    rig_set_vector(&rig, 1, 0xfee01000, 0x32);
    rig_enable_msix(&rig, true, false);
    rig_write(&rig, VIRTIO_COMMON_CONFIG_VECTOR, 2, 0);
    rig_negotiate(&rig); /* resets the vectors */
    check_int(rig_read(&rig, VIRTIO_COMMON_CONFIG_VECTOR, 2), 0xffff);
    rig_write(&rig, VIRTIO_COMMON_CONFIG_VECTOR, 2, 0);
    rig_set_up_queues(&rig);
    rig_write(&rig, VIRTIO_COMMON_QUEUE_SELECT, 2, 0);
    rig_write(&rig, VIRTIO_COMMON_QUEUE_VECTOR, 2, 1);
    check_int(rig_read(&rig, VIRTIO_COMMON_QUEUE_VECTOR, 2), 1);
    rig_write(&rig, VIRTIO_COMMON_QUEUE_VECTOR, 2, 3);
    check_int(rig_read(&rig, VIRTIO_COMMON_QUEUE_VECTOR, 2), 0xffff);
    rig_write(&rig, VIRTIO_COMMON_QUEUE_VECTOR, 2, 1);
    rig_set_status(&rig, ACKED | VIRTIO_STATUS_DRIVER_OK);
    check_int(fake_vm_irqfds(rig.vm), 2);

    fake_backend_call(rig.backend, 0);
    check_int(fake_vm_messages(rig.vm, 0xfee01000, 0x32), 1);

    /* Masked: pending, and delivered when unmasked with a new message. */
    rig_write(&rig, VIRTIO_PCI_MSIX_TABLE + 16 + 12, 4, 1);
    check_int(fake_vm_irqfds(rig.vm), 1);
    check_int(rig_read(&rig, VIRTIO_PCI_MSIX_PENDING, 8), 0);
    fake_backend_call(rig.backend, 0);
    fake_vm_settle(rig.vm);
    check_int(rig_read(&rig, VIRTIO_PCI_MSIX_PENDING, 8), 2);
    check_int(rig_read(&rig, VIRTIO_PCI_MSIX_PENDING, 4), 2);
    check_int(fake_vm_messages(rig.vm, 0xfee01000, 0x32), 0);
    rig_set_vector(&rig, 1, 0xfee02000, 0x33);
    check_int(rig_read(&rig, VIRTIO_PCI_MSIX_PENDING, 8), 0);
    check_int(fake_vm_messages(rig.vm, 0xfee02000, 0x33), 1);

    /* The function's mask bit does the same to all. */
    rig_enable_msix(&rig, true, true);
    check_int(fake_vm_irqfds(rig.vm), 0);
    fake_backend_call(rig.backend, 0);
    fake_backend_request(rig.backend, NULL, 0);
    fake_vm_settle(rig.vm);
    check_int(rig_read(&rig, VIRTIO_PCI_MSIX_PENDING, 8), 3);
    rig_enable_msix(&rig, true, false);
    check_int(fake_vm_messages(rig.vm, 0xfee02000, 0x33), 1);
    check_int(fake_vm_messages(rig.vm, 0xfee00000, 0x31), 1);
    check(!fake_vm_line(rig.vm, RIG_GSI));
    rig_finish(&rig);
}

TAP_TEST(intx)
{
    struct rig rig;

    rig_init(&rig);
    rig_start(&rig);
    check(!fake_vm_line(rig.vm, RIG_GSI));
    fake_backend_call(rig.backend, 1);
    fake_vm_settle(rig.vm);
    check(fake_vm_line(rig.vm, RIG_GSI));
    check(rig_config(&rig, RIG_SLOT, PCI_STATUS, 2) & PCI_STATUS_INTERRUPT);
    /* Interrupt disable takes the line away and keeps the status. */
    rig_set_config(&rig, RIG_SLOT, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_NO_INTX);
    check(!fake_vm_line(rig.vm, RIG_GSI));
    check(rig_config(&rig, RIG_SLOT, PCI_STATUS, 2) & PCI_STATUS_INTERRUPT);
    rig_set_config(&rig, RIG_SLOT, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
    check(fake_vm_line(rig.vm, RIG_GSI));
    /* Reading ISR acknowledges. */
    check_int(rig_read(&rig, VIRTIO_PCI_ISR, 1), 1);
    check(!fake_vm_line(rig.vm, RIG_GSI));
    check_int(rig_read(&rig, VIRTIO_PCI_ISR, 1), 0);
    fake_backend_request(rig.backend, NULL, 0);
    fake_vm_settle(rig.vm);
    check(fake_vm_line(rig.vm, RIG_GSI));
    check_int(rig_read(&rig, VIRTIO_PCI_ISR, 1), 2);
    /* Reset releases the line. */
    fake_backend_call(rig.backend, 0);
    fake_vm_settle(rig.vm);
    check(fake_vm_line(rig.vm, RIG_GSI));
    rig_set_status(&rig, 0);
    check(!fake_vm_line(rig.vm, RIG_GSI));
    /* Without a vector but with MSI-X there is no line. */
    rig_enable_msix(&rig, true, false);
    rig_start(&rig);
    fake_backend_call(rig.backend, 0);
    fake_vm_settle(rig.vm);
    check(!fake_vm_line(rig.vm, RIG_GSI));
    check_int(rig_read(&rig, VIRTIO_PCI_ISR, 1), 1);
    rig_finish(&rig);
}

TAP_TEST(shared_line)
{
    struct rig rig;
    struct fake_backend *backends[5];

    /* Slots 1 and 5 share line 17 of the fake machine, slot 2 has line 18. */
    rig_init_empty(&rig);
    for (unsigned int i = 0; i < 5; i++) {
        check_int(rig_add(&rig, 0, FAKE_POLITE), 0);
        backends[i] = rig.backend;
        rig_set_config(&rig, i + 1, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
        rig.bar = rig_config(&rig, i + 1, PCI_BAR0, 4);
        rig_start(&rig);
    }
    fake_backend_call(backends[0], 0);
    fake_backend_call(backends[4], 0);
    fake_backend_call(backends[1], 0);
    fake_vm_settle(rig.vm);
    check(fake_vm_line(rig.vm, 17) && fake_vm_line(rig.vm, 18) && !fake_vm_line(rig.vm, 19));
    for (unsigned int i = 0; i < 5; i += 4) {
        check(fake_vm_line(rig.vm, 17)); /* until the last one has been asked */
        rig.bar = rig_config(&rig, i + 1, PCI_BAR0, 4);
        check_int(rig_read(&rig, VIRTIO_PCI_ISR, 1), 1);
    }
    check(!fake_vm_line(rig.vm, 17) && fake_vm_line(rig.vm, 18));
    pci_root_destroy(rig.root);
    for (unsigned int i = 0; i < 5; i++) {
        fake_backend_destroy(backends[i]);
    }
    fake_vm_destroy(rig.vm);
}

TAP_TEST(system_reset)
{
    struct rig rig;
    uint64_t home;

    rig_init(&rig);
    home = rig.bar;
    rig_set_config(&rig, RIG_SLOT, PCI_BAR0, 4, RIG_LOW + 0x1000000);
    rig.bar = RIG_LOW + 0x1000000;
    rig_set_vector(&rig, 0, 0xfee00000, 0x31);
    rig_enable_msix(&rig, true, false);
    rig_start(&rig);
    pci_root_reset(rig.root);
    check_int(rig_config(&rig, RIG_SLOT, PCI_COMMAND, 2), 0);
    check_int(rig_config(&rig, RIG_SLOT, PCI_BAR0, 4), home);
    check_int(rig_config(&rig, RIG_SLOT, rig_capability(&rig, 0x11, 0) + 2, 2), RIG_QUEUES);
    check_int(fake_vm_kicks(rig.vm), 0);
    check_int(fake_vm_irqfds(rig.vm), 0);
    rig_set_config(&rig, RIG_SLOT, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
    rig.bar = home;
    check_int(rig_status(&rig), 0);
    check_int(rig_read(&rig, VIRTIO_PCI_MSIX_TABLE + 12, 4), 1);
    rig_finish(&rig);
}

TAP_TEST(many_devices)
{
    struct rig rig;
    struct fake_backend *backends[40];
    unsigned int n = 0;
    int r = 0;

    rig_init_empty(&rig);
    while (r == 0 && n < 40) {
        r = rig_add(&rig, 0, FAKE_POLITE);
        backends[n++] = rig.backend;
    }
    check_int(n, 32); /* 31 slots, and the one that was refused */
    check(r < 0);
    check_int(rig_config(&rig, 31, PCI_VENDOR_ID, 2), 0x1af4);
    pci_root_destroy(rig.root);
    for (unsigned int i = 0; i < n; i++) {
        fake_backend_destroy(backends[i]);
    }
    fake_vm_destroy(rig.vm);
}

TAP_MAIN(TAP_CASE(identity), TAP_CASE(mechanism_1), TAP_CASE(read_only_registers),
         TAP_CASE(bar_sizing_and_moves), TAP_CASE(kicks_follow_the_bar),
         TAP_CASE(access_capability), TAP_CASE(capabilities_are_sane),
         TAP_CASE(msix_mask_and_pending), TAP_CASE(intx), TAP_CASE(shared_line),
         TAP_CASE(system_reset), TAP_CASE(many_devices))
