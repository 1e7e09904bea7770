/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gtk/gtk.h>

/* Puts a button beside the entry, in its place, for the icon at its end, which no key reaches: pressed, the
 * entry emits "icon-press" without an event. Its words are the icon's. */
void vm_file_button_add(GtkEntry *entry);
