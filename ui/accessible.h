/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a screen reader says. It speaks each change of a name or a description where the focus is, also one to
 * the same words, so that these are set only when they differ. */

#include <gtk/gtk.h>

void vm_accessible_set_name(GtkWidget *widget, const char *name);
void vm_accessible_set_description(GtkWidget *widget, const char *description);

/* For a widget whose role is ATK_ROLE_NOTIFICATION, and whose name was set: it is shown, and spoken even where it
 * was seen before; a reader speaks what appears, not what changes its words. Not while the focus is inside. */
void vm_accessible_appear(GtkWidget *widget);

/* A list whose rows are settings: a group. In a list Orca reads out each switch that changes, seen or not, as
 * all of them do when another machine is shown. */
void vm_accessible_set_group(GtkListBox *list);

/* The list's row that the mark is in is described as chosen while the mark is not transparent. */
void vm_accessible_tell_mark(GtkWidget *mark);
