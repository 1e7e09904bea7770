/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What was taken out of a list of a machine's definition ("block", "serial") can come back. */

#include <gtk/gtk.h>

#include "manager/model/machine.h"

/* Shows text with "Undo" in the window of widget, after machine was saved without something that its list
 * at `member` had in `before`. Undo gives the list back; everything else stays as it is then. */
void vm_removal_undo_offer(GtkWidget *widget, VmMachine *machine, VmJson *before,
                           const char *member, const char *text);
