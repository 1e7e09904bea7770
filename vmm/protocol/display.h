/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * supervisor <-> vmm-display. vmm-display may die and be started again with the same descriptors;
 * the supervisor sends DISPLAY_STATE after every START_READY.
 */

#include <stdint.h>

#include "vmm/protocol/start.h"

enum {
    DISPLAY_CHARDEVS_MAX = 8,
    DISPLAY_PROCESSES_MAX = 64
};

enum display_type {
    DISPLAY_STATE = START_TYPE_TO_CHILD, /* struct display_state */
    DISPLAY_SEND_LAST_FRAME,             /* struct start_header: answer DISPLAY_LAST_FRAME */
    DISPLAY_STATISTICS,                  /* struct display_statistics */

    /* Requests of clients, passed on. */
    DISPLAY_POWER_BUTTON = START_TYPE_FROM_CHILD, /* struct start_header */
    DISPLAY_STOP,                                 /* struct start_header */
    DISPLAY_RESTART,        /* struct start_header: end with status 32, or start over */
    DISPLAY_PAUSE,          /* struct start_header */
    DISPLAY_RESUME,         /* struct start_header */
    DISPLAY_LAST_FRAME,     /* struct start_header, + memfd that holds a PPM (P6) file, or none */
    DISPLAY_ASK_STATISTICS, /* struct start_header: answer DISPLAY_STATISTICS */
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
    int32_t listen_fd;   /* listening Unix stream socket: the control socket */
    int32_t gpu_fd;      /* vmm/protocol/gpu.h, or -1 */
    int32_t keyboard_fd; /* vmm/protocol/input.h, or -1 */
    int32_t pointer_fd;  /* vmm/protocol/input.h, or -1 */
    uint32_t n_chardevs;
    struct display_chardev chardev[DISPLAY_CHARDEVS_MAX];
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
};

struct display_process {
    char name[START_NAME_SIZE];
    uint32_t pid;
    uint32_t restarts;
    uint64_t cpu_ns; /* user and system time since start */
    uint64_t memory; /* private bytes, guest RAM left out */
};

struct display_statistics {
    struct start_header header;
    uint32_t count;
    uint32_t reserved;
    struct display_process process[DISPLAY_PROCESSES_MAX];
};
