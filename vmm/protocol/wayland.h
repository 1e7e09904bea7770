/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Connections of the guest to the host's compositor: vmm-gpu <-> vmm-wayland-guard (SOCK_SEQPACKET,
 * non-blocking), and vmm-wayland-guard <-> supervisor on the guard's control socket.
 *
 * The gpu process asks for a connection and gets a stream socket that speaks Wayland. The guard sees
 * to it that the compositor takes it for a sandboxed client: with wp_security_context_v1 where the
 * compositor has it, else it stands between and hides what is not for guests. It can connect to
 * nothing itself: the supervisor does. A guard may die and be started again with the same sockets: it
 * says WAYLAND_HELLO, and the gpu process repeats what was not answered.
 */

#include <stdint.h>

#include "vmm/protocol/start.h"

enum wayland_type {
    /* gpu -> guard */
    WAYLAND_OPEN = START_TYPE_TO_CHILD, /* struct wayland_open */

    /* guard -> gpu */
    WAYLAND_HELLO = START_TYPE_FROM_CHILD, /* struct start_header */
    WAYLAND_OPENED,                        /* struct wayland_open, + socket, or none: refused */
};

struct wayland_open {
    struct start_header header;
    uint64_t serial; /* the gpu process's, not 0; the same in the answer */
};

enum guard_type {
    /* supervisor -> guard, one for each GUARD_CONNECT, in order */
    GUARD_CONNECTED = START_TYPE_TO_CHILD, /* struct guard_connected, + socket, or none */

    /* guard -> supervisor */
    GUARD_CONNECT = START_TYPE_FROM_CHILD, /* struct guard_connect */
};

enum guard_target {
    GUARD_COMPOSITOR = 0, /* the compositor's own socket */
    GUARD_LISTENER,       /* the socket of guard_setup::listen_fd */
};

struct guard_connect {
    struct start_header header;
    uint32_t target; /* enum guard_target */
};

struct guard_connected {
    struct start_header header;
    uint32_t error; /* errno when no socket came, else 0 */
};

struct guard_setup {
    struct start_setup start;
    int32_t gpu_fd;        /* to vmm-gpu */
    int32_t compositor_fd; /* connected, for the guard's own questions */
    int32_t listen_fd;     /* bound and listening, for wp_security_context_v1 */
    uint32_t reserved;
    char vm_name[80]; /* what the compositor may show */
    char vm_uuid[40];
};

struct wayland_opened {
    struct start_header header;
    uint64_t serial;
};
