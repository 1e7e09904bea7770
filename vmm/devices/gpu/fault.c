/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/devices/gpu/fault.h"

#include <errno.h>
#include <linux/virtio_gpu.h>

#include "vmm/protocol/device.h"

static bool
is_due(struct fault *fault)
{
    return ++fault->seen % fault->every == 0;
}

static bool
allocates(uint32_t type)
{
    return type == VIRTIO_GPU_CMD_RESOURCE_CREATE_2D || type == VIRTIO_GPU_CMD_RESOURCE_CREATE_3D ||
           type == VIRTIO_GPU_CMD_RESOURCE_CREATE_BLOB;
}

static bool
draws(uint32_t type)
{
    return type == VIRTIO_GPU_CMD_SUBMIT_3D || type == VIRTIO_GPU_CMD_RESOURCE_FLUSH ||
           type == VIRTIO_GPU_CMD_TRANSFER_TO_HOST_2D ||
           type == VIRTIO_GPU_CMD_TRANSFER_TO_HOST_3D ||
           type == VIRTIO_GPU_CMD_TRANSFER_FROM_HOST_3D;
}

/* For those who want to see what comes after it. */
static void
end_badly(uint32_t at)
{
    if (at == GPU_FAULT_CRASH) {
        __builtin_trap();
    }
    for (;;) {
        __asm__ volatile("");
    }
}

bool
fault_replaces(struct fault *fault, uint32_t type, int *ret_r)
{
    if ((fault->at == GPU_FAULT_CRASH || fault->at == GPU_FAULT_HANG) && draws(type) &&
        is_due(fault)) {
        end_badly(fault->at);
    }
    *ret_r = fault->at == GPU_FAULT_NO_MEMORY ? -ENOMEM : 0;
    return (fault->at == GPU_FAULT_NO_MEMORY && allocates(type) && is_due(fault)) ||
           (fault->at == GPU_FAULT_LOST_COMMAND && draws(type) && is_due(fault));
}

bool
fault_delays(struct fault *fault)
{
    return fault->at == GPU_FAULT_LATE_FENCE && is_due(fault);
}
