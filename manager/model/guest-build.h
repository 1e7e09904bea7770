/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The Debian guest being made by libexec/vitrine/build-guest, which writes lines
 * "PROGRESS <percent> <text>" and one sentence to its standard error when it cannot.
 */

#include <gio/gio.h>

#include "vmm/client/json.h"

/* Properties: "percent" (int 0..100), "text" (what it does now). Signal "finished" (GError *, or
 * NULL when the guest is ready); a cancelled build ends with G_IO_ERROR_CANCELLED. */
#define VM_TYPE_GUEST_BUILD (vm_guest_build_get_type())
G_DECLARE_FINAL_TYPE(VmGuestBuild, vm_guest_build, VM, GUEST_BUILD, GObject)

/* The guest's files come into folder, which must not exist or be empty. */
VmGuestBuild *vm_guest_build_new(const char *recipe, const char *folder);

gboolean vm_guest_build_start(VmGuestBuild *self, GError **error);

/* SIGTERM; "finished" follows when it has cleaned up. */
void vm_guest_build_cancel(VmGuestBuild *self);

int vm_guest_build_get_percent(VmGuestBuild *self);
const char *vm_guest_build_get_text(VmGuestBuild *self);

/* A definition for what a build left in folder; NULL with error set when a file is missing. */
VmJson *vm_guest_build_definition(const char *folder, const char *title, GError **error);
