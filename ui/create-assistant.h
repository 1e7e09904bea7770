/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Three steps to a machine: what it starts from, its name and sizes, a last look. */

#include <gtk/gtk.h>

#include "manager/model/store.h"
#include "vmm/client/json.h"

#define VM_TYPE_CREATE_ASSISTANT (vm_create_assistant_get_type())
G_DECLARE_FINAL_TYPE(VmCreateAssistant, vm_create_assistant, VM, CREATE_ASSISTANT, GtkWindow)

/*
 * path: a file that was dropped or passed, or NULL. store: whose machines can be copied. Signals, after which the
 * assistant goes away: "created" (VmJson * definition, VmSeed * seed or NULL, gboolean start), "copied" (VmMachine *
 * original, const char * title, VmCloneFlags as guint).
 */
GtkWidget *vm_create_assistant_new(GtkWindow *parent, VmStore *store, const char *path);
