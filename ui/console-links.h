/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Addresses in a terminal. What the guest writes is data: an address is opened by Ctrl and a click of the
 * person alone, and only while it is the one that the pointer's tip shows; text that changed under the
 * pointer opens nothing.
 */

#include <vte/vte.h>

typedef struct VmConsoleLinks VmConsoleLinks;

/* How to open `address`, with the time of the click. */
typedef void (*VmConsoleLinksOpen)(const char *address, guint32 time, gpointer data);

/* `terminal` is not owned and must live longer. */
VmConsoleLinks *vm_console_links_new(VteTerminal *terminal, VmConsoleLinksOpen open, gpointer data);
void vm_console_links_free(VmConsoleLinks *self);
