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
/* For a list in which a row is always chosen: readers are told which row is selected and which is not any more, and
 * a row that an arrow, Home or End leads to is selected before it has the focus. GTK tells nothing, and selects
 * what has the focus already, so that a reader says of each row that it is not selected. */
void vm_list_tabs_tell(GtkListBox *list);
/* The selected row, else the first; NULL: there is none. */
GtkListBoxRow *vm_list_tabs_chosen(GtkListBox *list);

G_END_DECLS
