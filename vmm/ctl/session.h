/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One command's talk with one machine. Everything waits here, in the default main context. */

#include "vmm/client/vm-connection.h"
#include "vmm/client/vm-console.h"
#include "vmm/ctl/command.h"

/* A machine by its name, runtime folder or socket, ready; NULL after one sentence on stderr. */
VmConnection *session_open(const char *machine);

/*
 * The whole beginning of a command without options whose first word is the machine: read the words, then open it.
 * STATUS_DONE, or the command's exit status after one sentence; the connection is untouched then.
 */
int session_begin(const Command *command, int *argc, char ***argv, VmConnection **ret_connection);

#define SESSION_FIRST G_MAXUINT

/* The machine's console of this number, or its first; NULL after one sentence. Borrowed. */
VmConsole *session_console(VmConnection *connection, guint number);

/* For functions with a GAsyncReadyCallback: pass session_answered and an answer that is NULL, then wait. */
void session_answered(GObject *source, GAsyncResult *result, gpointer answer);
GAsyncResult *session_wait(GAsyncResult **answer);

/* Says that MACHINE did not do what was asked, and why; returns the command's exit status. */
int session_refused(const char *machine, const GError *error);

/* Let the main context run for so long. */
void session_sleep_ms(guint ms);
