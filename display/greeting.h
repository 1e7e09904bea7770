/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The server's half of the D-Bus handshake, line by line, for links without a GDBusConnection. Only EXTERNAL
 * with our own user is let in; whoever made the socket is compared elsewhere (vm_handshake_check_peer()).
 */

#include <glib.h>

G_BEGIN_DECLS

typedef enum {
    VM_GREETING_GOES_ON, /* more bytes are needed */
    VM_GREETING_DONE,    /* what follows are messages */
    VM_GREETING_FAILED,
} VmGreetingState;

typedef struct {
    gboolean has_begun; /* the NUL byte came */
    gboolean asked;     /* DATA is awaited */
    gboolean accepted;
    gboolean passes_fds;
    guint lines;
} VmGreeting;

/*
 * Reads whole lines of `data`, as far as the handshake goes; `ret_used` bytes are done with. What is to be
 * sent is appended to `answer`.
 */
VmGreetingState vm_greeting_read(VmGreeting *self, const guint8 *data, gsize size, gsize *ret_used,
                                 GString *answer);

G_END_DECLS
