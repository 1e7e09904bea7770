/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How much of the graphics card a machine uses, as one choice: "gpu.backend" and "gpu.context-types". */

#include "vmm/client/json.h"

/* The words of the levels, from 0; NULL after the last. */
const char *vm_graphics_level_word(guint number);
/* For people, in their language. */
const char *vm_graphics_level_title(guint number);

/* The level of a definition: a word, which may be none of these; NULL without a graphics card. */
const char *vm_graphics_level_get(VmJson *definition);
/* What only passes on the guest's windows stays. */
void vm_graphics_level_set(VmJson *definition, const char *word);
