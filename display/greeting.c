/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "display/greeting.h"

#include <string.h>

#include "display/handshake.h"
#include "display/peer.h"

enum {
    LINE_SIZE_MAX = 512,
    LINES_MAX = 16,
};

static void
accept_it(VmGreeting *self, const char *identity, GString *answer)
{
    self->asked = FALSE;
    if (*identity && !vm_handshake_is_own_user(identity)) {
        g_string_append(answer, "REJECTED EXTERNAL\r\n");
        return;
    }
    self->accepted = TRUE;
    g_string_append_printf(answer, "OK %s\r\n", vm_peer_get_guid());
}

/* Who does not name itself in this line is asked. */
static void
authenticate(VmGreeting *self, const char *rest, GString *answer)
{
    self->asked = FALSE;
    if (g_str_equal(rest, " EXTERNAL")) {
        self->asked = TRUE;
        g_string_append(answer, "DATA\r\n");
    } else if (g_str_has_prefix(rest, " EXTERNAL ")) {
        accept_it(self, rest + strlen(" EXTERNAL "), answer);
    } else {
        g_string_append(answer, "REJECTED EXTERNAL\r\n");
    }
}

static VmGreetingState
read_line(VmGreeting *self, const char *line, GString *answer)
{
    if (self->accepted && g_str_equal(line, "BEGIN")) {
        return VM_GREETING_DONE;
    }
    if (self->accepted && g_str_equal(line, "NEGOTIATE_UNIX_FD")) {
        self->passes_fds = TRUE;
        g_string_append(answer, "AGREE_UNIX_FD\r\n");
    } else if (!self->accepted && g_str_has_prefix(line, "AUTH")) {
        authenticate(self, line + strlen("AUTH"), answer);
    } else if (self->asked && (g_str_equal(line, "DATA") || g_str_has_prefix(line, "DATA "))) {
        accept_it(self, line + strlen("DATA") + (line[strlen("DATA")] == ' '), answer);
    } else if (g_str_equal(line, "CANCEL") || g_str_has_prefix(line, "ERROR")) {
        self->asked = FALSE;
        self->accepted = FALSE;
        g_string_append(answer, "REJECTED EXTERNAL\r\n");
    } else {
        g_string_append(answer, "ERROR\r\n");
    }
    return VM_GREETING_GOES_ON;
}

VmGreetingState
vm_greeting_read(VmGreeting *self, const guint8 *data, gsize size, gsize *ret_used, GString *answer)
{
    VmGreetingState state = VM_GREETING_GOES_ON;
    gsize used = 0;

    *ret_used = 0;
    if (size > 0 && !self->has_begun) {
        if (data[0] != '\0') {
            return VM_GREETING_FAILED;
        }
        self->has_begun = TRUE;
        used = 1;
    }
    while (state == VM_GREETING_GOES_ON) {
        const guint8 *end = memchr(data + used, '\n', size - used);
        const gsize length = end ? (gsize)(end - (data + used)) : size - used;
        g_autofree char *line = NULL;

        if (length > LINE_SIZE_MAX || (end && ++self->lines > LINES_MAX)) {
            return VM_GREETING_FAILED;
        }
        if (!end) {
            break;
        }
        line = g_strndup((const char *)data + used, length);
        used += length + 1;
        state = read_line(self, g_strchomp(line), answer);
    }
    *ret_used = used;
    return state;
}
