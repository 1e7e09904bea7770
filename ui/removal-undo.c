/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/removal-undo.h"

#include <glib/gi18n.h>

#include "ui/undo-toast.h"

struct removal {
    VmUndoToast *toast; /* which frees this, or acts on it */
    VmMachine *machine;
    VmJson *before;
    VmJson *after;
    char *member;
};

static void
removal_free(gpointer data)
{
    struct removal *removal = data;

    g_object_unref(removal->machine);
    vm_json_free(removal->before);
    vm_json_free(removal->after);
    g_free(removal->member);
    g_free(removal);
}

static void
removal_undone(gpointer data)
{
    struct removal *removal = data;
    VmJson *now = vm_machine_get_definition(removal->machine);
    g_autoptr(VmJson) json = now ? vm_json_copy(now) : NULL;
    g_autoptr(GError) error = NULL;
    const char *problem = NULL;

    if (!json || !vm_json_is_same(json, removal->after, removal->member)) {
        problem = _("Something else was changed there meanwhile");
    } else {
        vm_json_set_copy(json, removal->member, removal->before);
        problem = vm_machine_save(removal->machine, json, &error) ? NULL : error->message;
    }
    if (problem) {
        vm_undo_toast_show(removal->toast, problem, NULL, NULL, NULL, NULL, NULL);
    }
}

void
vm_removal_undo_offer(GtkWidget *widget, VmMachine *machine, VmJson *before, const char *member,
                      const char *text)
{
    VmUndoToast *toast = vm_undo_toast_find(widget);
    VmJson *after = vm_machine_get_definition(machine);
    struct removal *removal = NULL;

    if (!toast || !after) {
        return;
    }
    removal = g_new0(struct removal, 1);
    removal->toast = toast;
    removal->machine = g_object_ref(machine);
    removal->before = vm_json_copy(before);
    removal->after = vm_json_copy(after);
    removal->member = g_strdup(member);
    vm_undo_toast_show(toast, text, _("Undo"), removal_undone, NULL, removal, removal_free);
}
