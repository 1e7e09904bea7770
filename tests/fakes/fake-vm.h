/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* vm.h without KVM: ranges, lines, messages and kicks that a test can look at. */

#include "vmm/machine/vm.h"

struct vm *fake_vm_create(void); /* two RAM regions: 1 MiB at 0, 1 MiB at 4 GiB */
void fake_vm_destroy(struct vm *vm);
CLEANUP_DEFINE(struct vm, fake_vm_destroy)

/* What a vCPU does: kicks are tried first, then ranges. */
uint64_t fake_vm_read(struct vm *vm, enum vm_space space, uint64_t address, unsigned int size);
void fake_vm_write(struct vm *vm, enum vm_space space, uint64_t address, unsigned int size,
                   uint64_t value);
bool fake_vm_line(struct vm *vm, uint32_t gsi);
/* Let KVM read its irqfds; returns how often (address, data) was sent since the last call. */
unsigned int fake_vm_messages(struct vm *vm, uint64_t address, uint32_t data);
unsigned int fake_vm_irqfds(struct vm *vm); /* attached now */
unsigned int fake_vm_kicks(struct vm *vm);  /* attached now */
bool fake_vm_has_kick(struct vm *vm, uint64_t address);
/* Host address of guest memory that vm_add_memory() put there; NULL: none. */
void *fake_vm_memory(struct vm *vm, uint64_t address);
unsigned int fake_vm_memories(struct vm *vm);
uint32_t fake_vm_ended(struct vm *vm); /* reason + 1, 0: goes on */
/* Run the loop until nothing is ready. */
void fake_vm_settle(struct vm *vm);
