/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a terminal is painted with: as the window around it, or a palette that a person chose. */

#include <vte/vte.h>

/* word: "follow", "light", "dark", "contrast" or "green"; another one counts as "follow". */
void vm_terminal_colours_apply(VteTerminal *terminal, const char *word);
