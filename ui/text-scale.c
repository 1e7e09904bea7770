/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/text-scale.h"

#define ORDINARY_DPI 96.0

double
vm_text_scale(GtkWidget *widget)
{
    double dpi = gdk_screen_get_resolution(gtk_widget_get_screen(widget));

    return MAX(dpi / ORDINARY_DPI, 1.0);
}

int
vm_text_scaled(GtkWidget *widget, int pixels)
{
    return (int)(pixels * vm_text_scale(widget));
}
