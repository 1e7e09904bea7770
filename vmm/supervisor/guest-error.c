/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/supervisor/guest-error.h"

#include <string.h>

#include "vmm/base/bytes.h"
#include "vmm/supervisor/processes.h"

/* By the error ids of docs/protocols.md, before the machine boots and after. */
static const struct {
    const char *id;
    enum guest_error before;
    enum guest_error after;
} by_id[] = {
    {"bad-config", GUEST_ERROR_BAD_CONFIG, GUEST_ERROR_INTERNAL_ERROR},
    {"file-missing", GUEST_ERROR_BAD_CONFIG, GUEST_ERROR_INTERNAL_ERROR},
    {"file-denied", GUEST_ERROR_BAD_CONFIG, GUEST_ERROR_INTERNAL_ERROR},
    {"file-bad", GUEST_ERROR_BAD_CONFIG, GUEST_ERROR_INTERNAL_ERROR},
    {"overlap", GUEST_ERROR_DEVICE_MEMORY_OVERLAP, GUEST_ERROR_DEVICE_MEMORY_OVERLAP},
    {"duplicate", GUEST_ERROR_DUPLICATE_PUBLIC_SERVICES, GUEST_ERROR_DUPLICATE_PUBLIC_SERVICES},
    {"no-service", GUEST_ERROR_FAILED_SERVICE_CONNECT, GUEST_ERROR_FAILED_SERVICE_CONNECT},
    {"file-busy", GUEST_ERROR_DEVICE_INITIALIZATION_FAILURE, GUEST_ERROR_DEVICE_START_FAILURE},
    {"no-space", GUEST_ERROR_DEVICE_INITIALIZATION_FAILURE, GUEST_ERROR_DEVICE_START_FAILURE},
    {"device-failed", GUEST_ERROR_DEVICE_INITIALIZATION_FAILURE, GUEST_ERROR_DEVICE_START_FAILURE},
    {"bad-kernel", GUEST_ERROR_KERNEL_LOAD_FAILURE, GUEST_ERROR_KERNEL_LOAD_FAILURE},
    {"bad-initrd", GUEST_ERROR_KERNEL_LOAD_FAILURE, GUEST_ERROR_KERNEL_LOAD_FAILURE},
    {"no-memory", GUEST_ERROR_GUEST_INITIALIZATION_FAILURE, GUEST_ERROR_VCPU_RUNTIME_FAILURE},
    {"kvm-missing", GUEST_ERROR_GUEST_INITIALIZATION_FAILURE, GUEST_ERROR_VCPU_RUNTIME_FAILURE},
    {"kvm-denied", GUEST_ERROR_GUEST_INITIALIZATION_FAILURE, GUEST_ERROR_VCPU_RUNTIME_FAILURE},
    {"kvm-broken", GUEST_ERROR_GUEST_INITIALIZATION_FAILURE, GUEST_ERROR_VCPU_RUNTIME_FAILURE},
    {"vcpu-start", GUEST_ERROR_VCPU_START_FAILURE, GUEST_ERROR_VCPU_START_FAILURE},
};

static enum guest_error
by_part(const struct process_row *row, bool created, bool go)
{
    if (row->virtio) {
        return created ? GUEST_ERROR_DEVICE_START_FAILURE
                       : GUEST_ERROR_DEVICE_INITIALIZATION_FAILURE;
    }
    if (row == &process_loader) {
        return GUEST_ERROR_KERNEL_LOAD_FAILURE;
    }
    if (row == &process_machine || row == &process_machine_debug) {
        return go ? GUEST_ERROR_VCPU_RUNTIME_FAILURE : GUEST_ERROR_GUEST_INITIALIZATION_FAILURE;
    }
    return GUEST_ERROR_INTERNAL_ERROR;
}

static const struct process_row *
row_of_part(const struct vm *vm, const char *part)
{
    for (size_t i = 0; vm && i < vm->n_children; i++) {
        if (strcmp(vm->child[i].name, part) == 0) {
            return vm->child[i].row;
        }
    }
    return NULL;
}

enum guest_error
guest_error_of(const struct vm *vm, const struct failure *end)
{
    const struct process_row *row = row_of_part(vm, end->part);
    const bool created = vm && vm->created;
    const bool go = vm && vm->go;

    if (end->status == EXIT_STATUS_OFF && vm && vm->stopped) {
        return GUEST_ERROR_CONTROLLER_FORCED_HALT;
    }
    if (end->status != EXIT_STATUS_FAILED && end->status != EXIT_STATUS_USAGE) {
        return GUEST_ERROR_NONE;
    }
    if (row && row->virtio) { /* whatever it says of itself */
        return by_part(row, created, go);
    }
    for (size_t i = 0; i < ARRAY_SIZE(by_id); i++) {
        if (strcmp(by_id[i].id, end->id) == 0) {
            return created ? by_id[i].after : by_id[i].before;
        }
    }
    return row ? by_part(row, created, go) : GUEST_ERROR_INTERNAL_ERROR;
}
