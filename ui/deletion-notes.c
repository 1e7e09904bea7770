/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/deletion-notes.h"

#include <glib/gi18n.h>

#include "vmm/client/definition.h"
#include "vmm/client/disk-users.h"
#include "vmm/client/own-folder.h"

struct stays {
    GString *paths; /* all of them */
    char *needed;   /* the name of the first file that another machine's disk lies over */
    char *foreign;  /* the first folder of which it is not certain whose it is */
    char *unknown;  /* the machine whose definition, or what it includes, cannot be read */
    guint n_needed;
    guint n_foreign;
};

static void
add_path(struct stays *stays, const char *path)
{
    g_string_append_printf(stays->paths, "%s%s", stays->paths->len > 0 ? "\n" : "", path);
}

/* Of its own folder: all stays, or files in it. */
static void
look_inside(struct stays *stays, VmJson *json, const char *name)
{
    g_autofree char *own = vm_definition_folder(json, name);
    g_autofree char *unknown =
        g_file_test(own, G_FILE_TEST_IS_DIR) ? vm_disk_unknown_user(name) : NULL;
    g_auto(GStrv) kept = unknown ? NULL : vm_disk_kept_files(json, name);

    if (unknown) {
        add_path(stays, own);
        g_free(stays->unknown);
        stays->unknown = g_steal_pointer(&unknown);
    }
    for (guint i = 0; kept && kept[i]; i++) {
        add_path(stays, kept[i]);
        if (stays->n_needed++ == 0) {
            stays->needed = g_path_get_basename(kept[i]);
        }
    }
}

static void
look_at(struct stays *stays, VmMachine *machine)
{
    VmJson *json = vm_machine_get_definition(machine);
    const char *name = vm_machine_get_name(machine);
    g_autofree char *foreign = vm_own_folder_foreign(json, name);

    look_inside(stays, json, name);
    if (foreign) {
        add_path(stays, foreign);
        if (stays->n_foreign++ == 0) {
            stays->foreign = g_steal_pointer(&foreign);
        }
    }
}

static char *
words(const struct stays *stays)
{
    g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func(g_free);

    if (stays->n_needed == 1) {
        /* Translators: the name of a file. */
        g_ptr_array_add(all, g_strdup_printf(_("“%s” stays: the disk of another machine needs it"),
                                             stays->needed));
    } else if (stays->n_needed > 1) {
        g_ptr_array_add(all,
                        g_strdup_printf(ngettext("%u file stays: disks of other machines need it",
                                                 "%u files stay: disks of other machines need them",
                                                 stays->n_needed),
                                        stays->n_needed));
    }
    if (stays->unknown) {
        g_ptr_array_add(all,
                        /* Translators: the name of another machine. */
                        g_strdup_printf(_("The files stay: the definition of “%s”, or a file that "
                                          "it includes, cannot be read and may need them"),
                                        stays->unknown));
    }
    if (stays->n_foreign == 1) {
        /* Translators: the path of a folder. */
        g_ptr_array_add(all, g_strdup_printf(_("The folder “%s” stays: it is not certain that it "
                                               "belongs to this machine alone"),
                                             stays->foreign));
    } else if (stays->n_foreign > 1) {
        g_ptr_array_add(
            all, g_strdup_printf(ngettext("%u folder stays: it is not certain whose it is",
                                          "%u folders stay: it is not certain whose they are",
                                          stays->n_foreign),
                                 stays->n_foreign));
    }
    g_ptr_array_add(all, NULL);
    return g_strjoinv(". ", (GStrv)all->pdata);
}

void
vm_deletion_notes_add(VmUndoToast *toast, GPtrArray *machines)
{
    struct stays stays = {.paths = g_string_new(NULL)};
    g_autofree char *text = NULL;

    for (guint i = 0; i < machines->len; i++) {
        look_at(&stays, g_ptr_array_index(machines, i));
    }
    text = words(&stays);
    if (text[0]) {
        vm_undo_toast_add_note(toast, text, stays.paths->str);
    }
    g_free(stays.needed);
    g_free(stays.foreign);
    g_free(stays.unknown);
    (void)g_string_free(stays.paths, TRUE);
}
