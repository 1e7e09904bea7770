/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * RFC-0210's GuestConfig, an a{sv} from a client, as the JSON that `vmm run --cfg` reads. The keys are
 * in docs/protocols.md. Checked here: names, types, sizes, handles, and devices that do not exist;
 * the rest is checked by the one parser of such files, in the supervisor.
 */

#include <gio/gio.h>
#include <gio/gunixfdlist.h>

G_BEGIN_DECLS

enum {
    VM_GUEST_CONFIG_HANDLES_MAX = 31, /* with the JSON itself as many as a message holds */
};

typedef struct {
    GString *json;
    GArray
        *fds; /* int; "fd:N" in the JSON is the N-th; they belong to the list that they came with */
} VmGuestConfig;

/* NULL with an error of VM_GUEST_ERROR. `handles` may be NULL. */
VmGuestConfig *vm_guest_config_new(GVariant *values, GUnixFDList *handles, GError **error);
void vm_guest_config_free(VmGuestConfig *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmGuestConfig, vm_guest_config_free)

G_END_DECLS
