/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Asks how large a disk of a machine shall be, makes it so, off or running, and says what is left to do. */

#include <gtk/gtk.h>

#include "manager/model/machine.h"

typedef struct {
    VmMachine *machine;
    guint index; /* among all, those of files first that the definition includes */
    const char *path;
} VmGrowDisk;

/* grown(data) is called, if there is one, while relative_to is there. Returns the popover, which ends by itself. */
GtkWidget *vm_grow_popover_show(GtkWidget *relative_to, const VmGrowDisk *disk,
                                void (*grown)(gpointer data), gpointer data);
