/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Popovers and menus that are made anew each time they are shown. */

#include <gtk/gtk.h>

/*
 * Destroys the widget some time after it has emitted `signal`, which says that it was closed: GTK looks at it once more
 * after that, and what was chosen in it is yet to act.
 */
void vm_closing_destroys(GtkWidget *widget, const char *signal);
