/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The last window is to close while machines run: asks, or shuts them down and waits for them. One
 * object per closing; it is done after exactly one call of done.
 */

#include <gtk/gtk.h>

#include "manager/model/store.h"

typedef enum {
    VM_CLOSING_CANCELLED, /* the window stays */
    VM_CLOSING_KEEP,      /* the window may close, machines run on */
    VM_CLOSING_ALL_OFF    /* the window may close, none runs */
} VmClosingEnd;

typedef void (*VmClosingFunc)(VmClosingEnd end, gpointer data);

/* A dialog: cancel, shut down (and wait) or keep running. */
void vm_closing_ask(VmStore *store, GtkWindow *window, VmClosingFunc done, gpointer data);

/* Power button to all; a dialog with Cancel until all are off, after a minute with a way out. */
void vm_closing_shut_down(VmStore *store, GtkWindow *window, VmClosingFunc done, gpointer data);

/* How many of them run. */
guint vm_closing_count(VmStore *store);
