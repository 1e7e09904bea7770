/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

/* Called with each piece that was copied. */
typedef void (*VmCopiedFunc)(guint64 bytes, gpointer data);

/* The new file shares the blocks of the old one. FALSE where the file system cannot. */
gboolean vm_copy_shares(int from, int to);

/*
 * Copies what is in one file to an empty one; holes stay holes. 0, or -errno: -ECANCELED after
 * g_cancellable_cancel().
 */
int vm_copy_bytes(int from, int to, GCancellable *cancellable, VmCopiedFunc copied, gpointer data);
