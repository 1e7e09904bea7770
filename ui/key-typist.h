/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Key presses that no person makes: text typed key by key. */

#include <glib.h>

#include "vmm/client/vm-console.h"

G_BEGIN_DECLS

typedef struct VmKeyTypist VmKeyTypist;

/* `untyped` counts the characters that a US keyboard does not have. The typist is freed afterwards. */
typedef void (*VmKeyTypistDone)(guint untyped, gpointer user_data);

/*
 * Type `text` (UTF-8) at a pace that guests keep up with. The typist holds the console. `done` is
 * called once, unless the typist is freed before.
 */
VmKeyTypist *vm_key_typist_new(VmConsole *console, const char *text, VmKeyTypistDone done,
                               gpointer user_data);
/* How much of the text is typed, and its characters. */
guint vm_key_typist_get_percent(VmKeyTypist *self);
guint vm_key_typist_get_length(VmKeyTypist *self);
void vm_key_typist_free(VmKeyTypist *self);

G_END_DECLS
