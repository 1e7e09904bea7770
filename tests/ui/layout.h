/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Looks at a window: what sticks out of it, gets less room than it needs, or has a letter that another
 * has. With TEST_PICTURES, the name of a folder, a picture of each look is left there.
 */

#include <gtk/gtk.h>

G_BEGIN_DECLS

typedef struct {
    GtkWidget *window;     /* the one that is looked at */
    GString *wrong;        /* a line each */
    GHashTable *mnemonics; /* of the place that is looked at */
    gboolean rtl;
    gboolean dark;
    const char *place;
    guint looks;
} Layout;

void layout_init(Layout *self);
void layout_clear(Layout *self);

/* At all that is shown now; `place` names it. */
void layout_look(Layout *self, const char *place);
/* One more line of what is wrong. */
void layout_complain(Layout *self, GtkWidget *widget, const char *format, ...) G_GNUC_PRINTF(3, 4);
/* With all that the theme draws around it. */
void layout_set_width(Layout *self, int width, int height);
/* Until what asked for another layout has it. */
void layout_wait_for_frames(GtkWidget *widget);

G_END_DECLS
