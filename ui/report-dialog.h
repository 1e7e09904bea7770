/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Shows a report before it goes to the clipboard; it can be edited there. */

#include <gtk/gtk.h>

void vm_report_dialog_show(GtkWindow *parent, const char *text);
