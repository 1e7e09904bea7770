/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* libvitrine-client against the display of rig.h: what its tests begin with. Failures end the test. */

#include "tests/display/rig.h"
#include "vmm/client/vm-connection.h"
#include "vmm/client/vm-console.h"

G_BEGIN_DECLS

/* What a console told. */
struct library_told {
    guint scanouts;
    guint damages;
    guint cursors;
    gint damage[4]; /* the last */
};

/* Waits until it is ready. The caller's, as the console of the next. */
VmConnection *library_open(Rig *rig);
/* The only console there is, connected. */
VmConsole *library_console(VmConnection *connection);
/* Counts from now on; as long as the console lives, `told` does. */
void library_listen(VmConsole *console, struct library_told *told);
/* For functions with a GAsyncReadyCallback: `data` is a GAsyncResult **, for a reference. */
void library_keep_result(GObject *source, GAsyncResult *result, gpointer data);

G_END_DECLS
