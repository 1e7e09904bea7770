/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the commands of the store of definitions share. */

#include <gio/gio.h>

/* FALSE after one sentence. */
gboolean store_has(const char *name);

/* Says that the machine cannot be `what` (“defined”); returns the command's exit status. */
int store_failed(const char *name, const char *what, const GError *error);

/* An empty file to write a changed definition to; its descriptor, or -1. *ret_path is the caller's. */
int store_draft(char **ret_path, GError **error);

/* The definition becomes what is in the draft, which `vmm run` judges; FALSE after one sentence. */
gboolean store_take_over(const char *name, const char *draft);

/* Says that a change waits for the next start, where it does. */
void store_note_running(const char *name);
