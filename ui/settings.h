/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The person's choices (GSettings org.vitrine.Vitrine) and what they act on. */

#include "ui/display-page.h"

/* From the installed schemas, else from the share/ folder beside our executable; NULL when the
 * schema is nowhere. */
GSettings *vm_settings_new(void);

/* Light, dark, or as the desktop says. */
void vm_settings_follow_colour_scheme(GSettings *settings);

void vm_settings_bind_display(GSettings *settings, VmDisplayPage *page);
