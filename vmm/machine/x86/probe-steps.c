/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/base/bytes.h"
#include "vmm/machine/arch.h"

enum {
    LOAD_ADDRESS = 0x200000,
    REPORT_PORT = 0x500
};

/* x86/probe-guest.S */
extern const uint8_t probe_guest_start[] __attribute__((visibility("hidden")));
extern const uint8_t probe_guest_end[] __attribute__((visibility("hidden")));

void
arch_probe_guest(struct arch_probe *ret_probe)
{
    static const char *const steps[] = {
        "64-bit code",
        "the instruction cmpxchg16b",
        "saving processor state with xsave",
        "switching page tables",
        "an interrupt",
        "the local timer",
    };
    *ret_probe = (struct arch_probe){
        .code = probe_guest_start,
        .size = (size_t)(probe_guest_end - probe_guest_start),
        .load_address = LOAD_ADDRESS,
        .report_space = VM_SPACE_PORT,
        .report_address = REPORT_PORT,
        .steps = steps,
        .n_steps = ARRAY_SIZE(steps),
    };
}
