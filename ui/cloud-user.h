/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Who may log in to the guest of a cloud image: a switch, then user, password and SSH key. */

#include <gtk/gtk.h>

#include "vmm/client/vm-seed.h"

#define VM_TYPE_CLOUD_USER (vm_cloud_user_get_type())
G_DECLARE_FINAL_TYPE(VmCloudUser, vm_cloud_user, VM, CLOUD_USER, GtkBox)

/* Whether the image with this path is one, as far as its name says. Signal "changed": anything below. */
void vm_cloud_user_suggest(VmCloudUser *self, const char *path);

gboolean vm_cloud_user_is_wanted(VmCloudUser *self);
/* Nothing is wanted, or it is complete and good; what is wrong stands beside its field. */
gboolean vm_cloud_user_is_good(VmCloudUser *self);

/* "anna, with a password and a key"; g_free(). */
char *vm_cloud_user_describe(VmCloudUser *self);

/* For a machine of that name; NULL when nothing is wanted, or with error set. */
VmSeed *vm_cloud_user_make(VmCloudUser *self, const char *name, GError **error);
