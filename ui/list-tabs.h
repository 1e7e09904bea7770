/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The way of Tab through a list whose rows have headings (VmGroupHeading): by the headings and the chosen
 * row, and then out of the list. GTK's own way is through each row, which would be selected, so that
 * another page is shown. Arrows go from row to row.
 */

#include <gtk/gtk.h>

G_BEGIN_DECLS

/* For the signal "focus" of a GtkListBox. */
gboolean vm_list_tabs_focus(GtkWidget *widget, GtkDirectionType direction);
/* The selected row, else the first; NULL: there is none. */
GtkListBoxRow *vm_list_tabs_chosen(GtkListBox *list);

G_END_DECLS
