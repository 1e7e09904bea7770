/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Helpers over the JSON of one machine: what `vmm run --cfg FILE` reads, plus the object "manager"
 * (title, group, note) that it ignores.
 */

#include "vmm/client/json.h"

/* A valid, unused machine name made from a title: "Debian 12" -> "debian-12", "debian-12-2", … */
char *vm_definition_name_for_title(const char *title);

gboolean vm_definition_name_is_valid(const char *name);

/* The title, or the name where there is none. */
const char *vm_definition_title(VmJson *json, const char *name);

/*
 * The machine's own folder for its disks: "manager.folder" where one was made for it, else the usual one. A
 * folder that is not named after the machine, or has no mark (vmm/client/own-folder.h), is not its own,
 * whatever the file says.
 */
char *vm_definition_folder(VmJson *json, const char *name);

/* Kernel options: one string, or a list that is joined by blanks. */
char *vm_definition_params(VmJson *json);

/* The literal command line, one option per line with " \" between. */
char *vm_definition_command_line(VmJson *json, const char *name);

/* Makes the folder and replaces the file in one step. */
gboolean vm_definition_save(VmJson *json, const char *path, GError **error);

/* The first of the files a definition names that is not there; NULL when all are. */
char *vm_definition_missing_file(VmJson *json);

/* The machine `name` is defined, and does not run; else G_IO_ERROR_BUSY, _NOT_FOUND or _INVALID_ARGUMENT. */
gboolean vm_definition_check_off(const char *name, GError **error);
