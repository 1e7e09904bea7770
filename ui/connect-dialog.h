/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Asks for the control socket of a machine that runs, and connects to it. What cannot be connected to is
 * said in the dialog, which stays. Signal "connected" (VmMachine): it is in the store now.
 */

#include <gtk/gtk.h>

#include "manager/model/store.h"

#define VM_TYPE_CONNECT_DIALOG (vm_connect_dialog_get_type())
G_DECLARE_FINAL_TYPE(VmConnectDialog, vm_connect_dialog, VM, CONNECT_DIALOG, GtkDialog)

GtkWidget *vm_connect_dialog_new(GtkWindow *parent, VmStore *store);
