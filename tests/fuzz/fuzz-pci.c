/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A hostile guest: any access to configuration space, ports and BARs of a virtio-pci device. */

#include "tests/fakes/pci-rig.h"
#include "tests/fuzz/fuzz.h"

static void
step(struct fuzz_input *input, struct rig *rig)
{
    uint8_t what = (uint8_t)fuzz_take(input, 1);
    unsigned int size = 1U << (what >> 3 & 3);
    uint64_t offset = fuzz_take(input, 2);
    uint64_t value = fuzz_take(input, what & 0x80 ? 8 : 1);

    offset -= offset % size;
    switch (what & 7) {
    case 0:
        rig_set_config(rig, RIG_SLOT, offset & 0xff, size, (uint32_t)value);
        break;
    case 1:
        rig_config(rig, offset >> 11 & 31, offset & 0x7ff, size);
        break;
    case 2:
        fake_vm_write(rig->vm, VM_SPACE_PORT, 0xcf8 + (offset & 7) % (9 - size), size, value);
        break;
    case 3:
        fake_vm_read(rig->vm, VM_SPACE_PORT, 0xcf8 + (offset & 7) % (9 - size), size);
        break;
    case 4:
        rig_start(rig);
        break;
    case 5:
        fake_vm_read(rig->vm, VM_SPACE_MEMORY, rig->bar + (offset & 0x7fff), size);
        break;
    case 6:
        rig_write(rig, offset & 0x7fff, size, value);
        break;
    default:
        rig_write(rig, offset & 0x3f, size, value);
        break;
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    struct rig rig;

    rig_init(&rig);
    while (input.size > 0) {
        step(&input, &rig);
        loop_iterate(vm_loop(rig.vm), 0);
    }
    rig_finish(&rig);
    return 0;
}
