/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Debugging the guest: vmm-gdb <-> vmm-machine, with --gdb only.
 *
 * vmm-gdb asks, and each question gets one DEBUG_DONE, DEBUG_REGISTERS or DEBUG_MEMORY before the
 * next; `result` is 0 or -errno. DEBUG_STOPPED comes by itself, once after each time the processors
 * ran: at the start, before the first instruction, and then when the first of them met something or
 * DEBUG_HOLD asked for it; all of them stand when it comes. Everything but DEBUG_HOLD, DEBUG_DETACH
 * and DEBUG_KILL is -EBUSY while a processor runs. When vmm-gdb closes the socket the guest goes on
 * as after DEBUG_DETACH.
 */

#include <stdint.h>

#include "vmm/protocol/start.h"

enum {
    DEBUG_DATA_MAX = 2000, /* bytes of memory in one message */
};

enum debug_type {
    DEBUG_HOLD = START_TYPE_TO_CHILD, /* struct start_header: stop all processors */
    DEBUG_RESUME,                     /* struct debug_resume */
    DEBUG_DETACH,        /* struct start_header: take all points out, let all processors run */
    DEBUG_KILL,          /* struct start_header: end the machine */
    DEBUG_GET_REGISTERS, /* struct debug_question; answered by DEBUG_REGISTERS */
    DEBUG_SET_REGISTERS, /* struct debug_registers_message */
    DEBUG_READ,          /* struct debug_question; answered by DEBUG_MEMORY */
    DEBUG_WRITE,         /* struct debug_memory */
    DEBUG_INSERT,        /* struct debug_point */
    DEBUG_REMOVE,        /* struct debug_point */

    DEBUG_STOPPED = START_TYPE_FROM_CHILD, /* struct debug_stopped */
    DEBUG_ENDED,                           /* struct debug_ended: the machine is over */
    DEBUG_DONE,                            /* struct debug_done */
    DEBUG_REGISTERS,                       /* struct debug_registers_message */
    DEBUG_MEMORY,                          /* struct debug_memory */
};

/* Processor n is bit n. One that is in neither set stays where it is. */
struct debug_resume {
    struct start_header header;
    uint32_t run;
    uint32_t step; /* one instruction */
};

struct debug_question {
    struct start_header header;
    uint32_t vcpu;
    uint32_t length;  /* DEBUG_READ: 1 ... DEBUG_DATA_MAX */
    uint64_t address; /* DEBUG_READ: virtual, as that processor sees it */
};

/* Of x86-64, in the order in which gdb knows them. */
struct debug_registers {
    uint64_t general[16]; /* rax rbx rcx rdx rsi rdi rbp rsp r8 ... r15 */
    uint64_t rip;
    uint64_t rflags;
    uint32_t segment[6]; /* cs ss ds es fs gs: selectors; not changed by DEBUG_SET_REGISTERS */
    uint8_t st[8][16];   /* 10 bytes used */
    uint32_t x87[8];     /* fctrl fstat ftag fiseg fioff foseg fooff fop */
    uint8_t xmm[16][16];
    uint32_t mxcsr;
    uint32_t padding;
    uint64_t fs_base;
    uint64_t gs_base;
    uint64_t control[5]; /* cr0 cr2 cr3 cr4 efer */
};

struct debug_registers_message {
    struct start_header header;
    uint32_t vcpu;
    int32_t result;
    struct debug_registers registers;
};

/* An answer to DEBUG_READ may be shorter than asked for: where memory ends. */
struct debug_memory {
    struct start_header header;
    uint32_t vcpu;
    int32_t result; /* of DEBUG_READ: bytes, or -errno */
    uint64_t address;
    uint32_t length;
    uint8_t data[DEBUG_DATA_MAX];
};

enum debug_point_kind {
    DEBUG_POINT_SOFTWARE = 0,
    DEBUG_POINT_HARDWARE,
    DEBUG_POINT_WRITE, /* watchpoints */
    DEBUG_POINT_READ,  /* x86 has none; reported as -EOPNOTSUPP */
    DEBUG_POINT_ACCESS,
};

struct debug_point {
    struct start_header header;
    uint32_t vcpu;   /* whose addresses; the point is one for all processors */
    uint32_t kind;   /* enum debug_point_kind */
    uint32_t length; /* watchpoints: 1, 2, 4 or 8, aligned to it */
    uint32_t padding;
    uint64_t address;
};

struct debug_done {
    struct start_header header;
    int32_t result;
};

enum debug_reason {
    DEBUG_REASON_NONE = 0,
    DEBUG_REASON_HELD, /* DEBUG_HOLD, or the start */
    DEBUG_REASON_STEP,
    DEBUG_REASON_SOFTWARE,
    DEBUG_REASON_HARDWARE,
    DEBUG_REASON_WRITE,
    DEBUG_REASON_ACCESS,
};

struct debug_stopped {
    struct start_header header;
    uint32_t vcpu;
    uint32_t reason;  /* enum debug_reason */
    uint64_t address; /* of a watchpoint */
};

struct debug_ended {
    struct start_header header;
    uint32_t reason; /* enum machine_end */
};

/* vmm-gdb's setup. */
struct gdb_setup {
    struct start_setup start;
    uint32_t n_cpus;
    int32_t listen_fd;  /* listening stream socket, non-blocking */
    int32_t machine_fd; /* SOCK_SEQPACKET, vmm-machine at the other end */
};
