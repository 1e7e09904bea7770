/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * supervisor <-> vmm-machine.
 *
 * Order: setup; any number of MACHINE_ADD_DEVICE, each answered by MACHINE_DEVICE_ADDED or
 * MACHINE_DEVICE_FAILED; MACHINE_BOOT when the loader is done; from then on the requests below in
 * any order. The machine sends MACHINE_ENDED once and exits with status 0.
 */

#include <stdint.h>

#include "vmm/protocol/start.h"

enum {
    MACHINE_SERIAL_MAX = 4,
    MACHINE_QUEUES_MAX = 16,
    MACHINE_CPUS_MAX = 32,
};

enum machine_type {
    MACHINE_ADD_DEVICE = START_TYPE_TO_CHILD, /* struct machine_add_device, + vhost-user socket */
    MACHINE_BOOT,                             /* struct machine_boot */
    MACHINE_POWER_BUTTON,                     /* struct start_header: press the ACPI button */
    MACHINE_PAUSE,                            /* struct start_header */
    MACHINE_RESUME,                           /* struct start_header */
    MACHINE_STOP,         /* struct start_header: end with MACHINE_END_STOPPED */
    MACHINE_SLEEP_BUTTON, /* struct start_header: press the other ACPI button */
    /*
     * struct machine_replace_device, + vhost-user socket of a process that takes the device over:
     * answer MACHINE_DEVICE_REPLACED or _FAILED; or none: nobody does, it is broken. No answer then.
     */
    MACHINE_REPLACE_DEVICE,

    MACHINE_DEVICE_ADDED = START_TYPE_FROM_CHILD, /* struct start_header */
    MACHINE_DEVICE_FAILED,   /* struct machine_device_failed; also later, when a back end is lost */
    MACHINE_RUNNING,         /* struct start_header: all vCPUs were started */
    MACHINE_PAUSED,          /* struct start_header */
    MACHINE_RESUMED,         /* struct start_header */
    MACHINE_ENDED,           /* struct machine_ended */
    MACHINE_DEVICE_REPLACED, /* struct start_header */
};

struct machine_setup {
    struct start_setup start;
    uint32_t n_cpus;   /* 1 ... MACHINE_CPUS_MAX */
    uint32_t n_serial; /* 8250 ports with a descriptor; all four exist for the guest only if used */
    uint64_t ram_size; /* bytes, page aligned; layout as docs/architecture.md section 8 */
    int32_t kvm_fd;    /* /dev/kvm */
    int32_t ram_fd;    /* sealed memfd of ram_size bytes */
    /* Stream socket per port, ttyS0 first; -1: the port is absent. Bytes both ways. */
    int32_t serial_fd[MACHINE_SERIAL_MAX];
    /* vmm/protocol/debug.h, non-blocking; the processors wait for the debugger. -1: no debugger. */
    int32_t debug_fd;
};

struct machine_add_device {
    struct start_header header;
    char name[START_NAME_SIZE];
    uint32_t virtio_id; /* virtio 1.2 section 5 */
    uint32_t pci_class; /* 24 bits, class << 16 | subclass << 8 | interface */
    uint32_t n_queues;  /* default queue count, used when the back end has no MQ */
    /*
     * 0 or 1: when the back end ends while the guest runs, the device waits for MACHINE_REPLACE_DEVICE
     * and nobody is told.
     */
    uint32_t may_return;
    uint16_t queue_size[MACHINE_QUEUES_MAX];
};

struct machine_replace_device {
    struct start_header header;
    char name[START_NAME_SIZE];
};

struct machine_device_failed {
    struct start_header header;
    char name[START_NAME_SIZE];
    char sentence[START_SENTENCE_SIZE];
};

/* What the loader answered, passed on. */
struct machine_boot {
    struct start_header header;
    uint64_t entry;       /* x86: 64-bit entry; guest physical */
    uint64_t boot_params; /* x86: zero page, goes to RSI */
    uint32_t
        suspended; /* 0, or 1: no instruction before MACHINE_RESUME; answered with MACHINE_PAUSED */
    uint32_t reserved;
};

enum machine_end {
    MACHINE_END_POWEROFF = 0, /* guest switched itself off, ACPI S5 */
    MACHINE_END_STOPPED,      /* MACHINE_STOP */
    MACHINE_END_RESET,        /* ACPI reset register, i8042, triple fault, port 0xcf9 */
    MACHINE_END_PANIC,        /* pvpanic */
    MACHINE_END_FAILED,       /* KVM refused to go on; see the sentence */
    MACHINE_END_WATCHDOG,     /* the guest started a watchdog and then was silent */
};

struct machine_ended {
    struct start_header header;
    uint32_t reason; /* enum machine_end */
    char id[START_NAME_SIZE];
    char sentence[START_SENTENCE_SIZE];
};
