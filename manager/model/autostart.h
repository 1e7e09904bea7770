/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Machines that start with the session: a file for each in $XDG_CONFIG_HOME/autostart, which every
 * desktop (and systemd's generator) runs. */

#include <glib.h>

gboolean vm_autostart_get(const char *name);
gboolean vm_autostart_set(const char *name, const char *title, gboolean on, GError **error);
