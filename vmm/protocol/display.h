/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * supervisor <-> vmm-display. vmm-display may die and be started again with the same descriptors;
 * the supervisor sends DISPLAY_STATE after every START_READY.
 *
 * Lifecycle mode (docs/architecture.md section 6): the display serves one connection, has no machine
 * at first, and lives as long as that connection. DISPLAY_CREATE is answered by DISPLAY_CREATED; a
 * machine that was created ends with DISPLAY_ENDED, sent when all its other processes are gone.
 * DISPLAY_RUN and DISPLAY_STOP that come when there is no machine are ignored: they crossed its end.
 */

#include <stdint.h>

#include "vmm/protocol/start.h"

enum {
    DISPLAY_CONFIG_MAX = 64 * 1024, /* bytes of JSON in a DISPLAY_CREATE */
    DISPLAY_CHARDEVS_MAX = 8,
    DISPLAY_PROCESSES_MAX = 64,
    DISPLAY_TRACED_MAX = 32,
};

enum display_type {
    DISPLAY_STATE = START_TYPE_TO_CHILD, /* struct display_state */
    DISPLAY_SEND_LAST_FRAME,             /* struct start_header: answer DISPLAY_LAST_FRAME */
    DISPLAY_STATISTICS,                  /* struct display_statistics */
    DISPLAY_CREATED,                     /* struct display_created, + descriptors of its setup */
    DISPLAY_ENDED,                       /* struct display_ended */
    DISPLAY_RESIZED,                     /* struct display_resized */
    DISPLAY_BALLOON,                     /* struct balloon_answer, vmm/protocol/balloon.h */
    DISPLAY_TRACED,                      /* struct display_traced, + a ring for each process */

    /* Requests of clients, passed on. */
    DISPLAY_POWER_BUTTON = START_TYPE_FROM_CHILD, /* struct start_header */
    DISPLAY_STOP,                                 /* struct start_header */
    DISPLAY_RESTART,        /* struct start_header: end with status 32, or start over */
    DISPLAY_PAUSE,          /* struct start_header */
    DISPLAY_RESUME,         /* struct start_header */
    DISPLAY_LAST_FRAME,     /* struct start_header, + memfd that holds a PPM (P6) file, or none */
    DISPLAY_ASK_STATISTICS, /* struct start_header: answer DISPLAY_STATISTICS */

    /*
     * struct start_header, + memfd that holds the machine as JSON, as --cfg reads it, with every
     * path as "fd:N": the N-th of the descriptors that follow.
     */
    DISPLAY_CREATE,
    DISPLAY_RUN,          /* struct start_header: let the created machine boot */
    DISPLAY_SLEEP_BUTTON, /* struct start_header */
    DISPLAY_RESIZE_DISK,  /* struct display_resize: answer DISPLAY_RESIZED */
    DISPLAY_ASK_BALLOON,  /* struct balloon_question: answer DISPLAY_BALLOON */
    DISPLAY_ASK_TRACE,    /* struct display_ask_trace: answer DISPLAY_TRACED */
};

struct display_resize {
    struct start_header header;
    uint32_t serial; /* comes back in the answer */
    uint32_t disk;   /* "block-N" */
    uint64_t size;   /* bytes */
};

struct display_resized {
    struct start_header header;
    uint32_t serial;
    int32_t error; /* 0, or as in struct block_resized; -ENODEV: there is no such disk of ours */
};

/* What all clients together want to see. */
struct display_ask_trace {
    struct start_header header;
    uint32_t serial; /* comes back in the answer; 0: no answer is wanted */
    uint32_t events; /* 1 << enum trace_event, vmm/base/trace-ring.h; 0: nothing any more */
};

struct display_traced {
    struct start_header header;
    uint32_t serial;
    int32_t error; /* 0; -EAGAIN: the machine does not run yet, or no longer; or another -errno */
    uint32_t count;
    uint32_t reserved;
    char name[DISPLAY_TRACED_MAX]
             [START_NAME_SIZE]; /* of the processes, in the order of the rings */
};

/* GuestError of RFC-0210. */
enum guest_error {
    GUEST_ERROR_NONE = 0,
    GUEST_ERROR_INTERNAL_ERROR,
    GUEST_ERROR_DEVICE_NOT_PRESENT,
    GUEST_ERROR_BAD_CONFIG,
    GUEST_ERROR_GUEST_INITIALIZATION_FAILURE,
    GUEST_ERROR_DEVICE_INITIALIZATION_FAILURE,
    GUEST_ERROR_DEVICE_START_FAILURE,
    GUEST_ERROR_DEVICE_MEMORY_OVERLAP,
    GUEST_ERROR_FAILED_SERVICE_CONNECT,
    GUEST_ERROR_DUPLICATE_PUBLIC_SERVICES,
    GUEST_ERROR_KERNEL_LOAD_FAILURE,
    GUEST_ERROR_VCPU_START_FAILURE,
    GUEST_ERROR_VCPU_RUNTIME_FAILURE,
    GUEST_ERROR_NOT_CREATED,
    GUEST_ERROR_ALREADY_RUNNING,
    GUEST_ERROR_CONTROLLER_FORCED_HALT,
    GUEST_ERRORS
};

struct display_chardev {
    char name[START_NAME_SIZE];  /* "serial.0", "console.0": object path Chardev_<name, . as _> */
    char label[START_NAME_SIZE]; /* for people: "Serial 1" */
    int32_t stream_fd;           /* socket to vmm-machine or vmm-console */
    int32_t history_fd;          /* struct history, sealed memfd */
    int32_t output_fd;           /* also write the guest's bytes here (stdout or a file), or -1 */
    int32_t input_fd;            /* also read typed bytes here (stdin), or -1 */
};

struct display_setup {
    struct start_setup start;
    char vm_name[80];
    char vm_uuid[40];
    int32_t listen_fd;   /* listening Unix stream socket; with `lifecycle` the one connection */
    int32_t gpu_fd;      /* vmm/protocol/gpu.h, or -1 */
    int32_t keyboard_fd; /* vmm/protocol/input.h, or -1 */
    int32_t pointer_fd;  /* vmm/protocol/input.h, or -1 */
    uint32_t n_chardevs;
    struct display_chardev chardev[DISPLAY_CHARDEVS_MAX];
    uint32_t lifecycle; /* 0 or 1 */
};

enum display_vm_state {
    DISPLAY_VM_STARTING = 0,
    DISPLAY_VM_RUNNING,
    DISPLAY_VM_PAUSED,
    DISPLAY_VM_SHUTTING_DOWN, /* power button was pressed, the guest has not answered yet */
    DISPLAY_VM_STOPPED,       /* the last message before the process is ended */
};

struct display_state {
    struct start_header header;
    uint32_t state;       /* enum display_vm_state */
    uint32_t exit_status; /* docs/architecture.md section 7, with DISPLAY_VM_STOPPED */
    char id[START_NAME_SIZE];
    char sentence[START_SENTENCE_SIZE];
    char graphics[START_NAME_SIZE]; /* "none", "2d", "virgl-software", "virgl", "venus" or "lost" */
    char graphics_sentence[START_SENTENCE_SIZE]; /* why that */
    uint32_t gpu_slot;          /* of the graphics card on the PCI bus; 0: there is none */
    uint32_t graphics_restarts; /* times that the guest got its card again after a crash */
    uint64_t render_device; /* st_rdev of the host card's node that draws for it; 0: none does */
};

/* Answer to DISPLAY_CREATE. */
struct display_created {
    struct start_header header;
    uint32_t error; /* enum guest_error */
    char sentence[START_SENTENCE_SIZE];
    /* Without an error: the machine; its descriptors are indices into those of this message. */
    struct display_setup setup;
};

struct display_ended {
    struct start_header header;
    uint32_t error;       /* enum guest_error */
    uint32_t exit_status; /* docs/architecture.md section 7 */
    char sentence[START_SENTENCE_SIZE];
};

/* What the kernel says of a process, and what it was started with. */
enum display_jail {
    DISPLAY_JAIL_FILTER = 1 << 0, /* a system call filter is on */
    DISPLAY_JAIL_NO_NEW_PRIVS = 1 << 1,
    DISPLAY_JAIL_NAMESPACES = 1 << 2, /* user, pid, mount, net, ipc and uts of its own */
};

struct display_process {
    char name[START_NAME_SIZE];
    char part[START_NAME_SIZE]; /* whose list `vmm policy` prints; "" for the supervisor */
    uint32_t pid;
    uint32_t restarts;
    uint64_t cpu_ns;       /* user and system time since start */
    uint64_t memory;       /* private bytes, guest RAM left out */
    uint64_t capabilities; /* effective, permitted and bounding together */
    uint32_t jail;         /* enum display_jail */
    uint32_t threads;
    uint32_t descriptors; /* most it may have; 0: the host's limit */
    uint32_t blocked;     /* times it was ended by its filter since the machine's start */
};

struct display_statistics {
    struct start_header header;
    uint32_t count;
    uint32_t reserved;
    uint64_t guest_memory; /* bytes of guest RAM that are in use on the host */
    uint64_t disk_read;    /* bytes since the machine's start, all disks */
    uint64_t disk_written;
    struct display_process process[DISPLAY_PROCESSES_MAX];
};
