/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How large the desktop's text is: what is laid out by its width in pixels grows with it. */

#include <gtk/gtk.h>

/* 1 for ordinary text, 1.5 for text half as large again; never below 1. */
double vm_text_scale(GtkWidget *widget);
/* pixels of ordinary text, for the text that there is. */
int vm_text_scaled(GtkWidget *widget, int pixels);
