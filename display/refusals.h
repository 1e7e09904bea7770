/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Clients for whom there is no place. Each is told so when it begins to authenticate, by the line
 * "ERROR too-many-clients: ..." of D-Bus authentication, and closed when it goes, says more than it
 * should, or after 5 s. No more than a few at once: others are closed without a word.
 */

#include <gio/gio.h>

G_BEGIN_DECLS

typedef struct VmRefusals VmRefusals;

VmRefusals *vm_refusals_new(void);
/* Closes all. */
void vm_refusals_free(VmRefusals *self);
/* `most`: how many clients there may be, for the text. */
void vm_refusals_add(VmRefusals *self, GSocketConnection *stream, guint most);

G_END_DECLS
