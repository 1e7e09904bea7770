/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A popover that asks for one line of text. */

#include <gtk/gtk.h>

/* done is called with the text when Enter or the button confirms; not when it is left empty and
 * may_be_empty is FALSE. */
typedef void (*VmTextFunc)(const char *text, gpointer data);

void vm_text_popover_show(GtkWidget *relative_to, const char *title, const char *text,
                          gboolean may_be_empty, VmTextFunc done, gpointer data);
