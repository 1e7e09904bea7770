/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * How every child of the supervisor starts, and what all control sockets share.
 *
 * A child is exec'ed with: 0 and 1 /dev/null, 2 a pipe that the supervisor reads log lines from
 * (vmm/base/log.h), 3 its control socket (SOCK_SEQPACKET, the supervisor at the other end), and from
 * 4 on the descriptors of its row, at the numbers that its setup message names.
 *
 * The supervisor's first message is that process's setup structure (struct start_header first,
 * type START_SETUP). The child sets itself up, enters stage two of the jail, and answers
 * START_READY, or START_FAILED with a sentence and exits with status 1. After that both sides speak
 * the process's own messages, each of which begins with struct start_header. A child whose control
 * socket reaches end of file exits at once.
 *
 * All private edges: SOCK_SEQPACKET, one structure per datagram, host byte order, `size` equal to
 * the datagram's length; anything else ends the connection.
 */

#include <stdint.h>

enum {
    START_FD_LOG = 2,
    START_FD_CONTROL = 3,
    START_FD_FIRST = 4,

    START_NAME_SIZE = 32,      /* a process or device name, NUL included */
    START_SENTENCE_SIZE = 512, /* a sentence for people, NUL included */
};

enum start_type {
    START_SETUP = 1,
    START_READY = 2,
    START_FAILED = 3,
    START_TRACE = 4, /* struct start_trace, + its ring; to the machine and devices, at any time */
    START_PING = 5,  /* header only; answered with START_PONG as soon as the process can */
    START_PONG = 6,
    /* Each process's own types: supervisor to child from 16, child to supervisor from 64. */
    START_TYPE_TO_CHILD = 16,
    START_TYPE_FROM_CHILD = 64,
};

struct start_header {
    uint32_t type;
    uint32_t size;
};

enum start_flags {
    /* Stage one could not make namespaces and the user allowed that: stage two does what is left. */
    START_FLAG_NO_NAMESPACES = 1 << 0,
    /* --disable-sandbox: no jail at all (named in the log). */
    START_FLAG_NO_JAIL = 1 << 1,
};

/* The beginning of every setup structure. */
struct start_setup {
    struct start_header header;
    uint32_t flags;             /* enum start_flags */
    uint32_t log_level;         /* enum log_level */
    int32_t marker_fd;          /* the kernel's trace_marker; 0 or -1: none */
    int32_t pid;                /* of this process, as the supervisor sees it */
    char name[START_NAME_SIZE]; /* of this process in its VM: "block-0", "gpu" */
};

/* Write these events (1 << enum trace_event, vmm/base/trace-ring.h) to the ring; 0: no more. */
struct start_trace {
    struct start_header header;
    uint32_t events;
    uint32_t reserved;
};

struct start_failed {
    struct start_header header;
    char id[START_NAME_SIZE]; /* cause, docs/protocols.md "Error ids", e.g. "kvm-broken" */
    char sentence[START_SENTENCE_SIZE];
};
