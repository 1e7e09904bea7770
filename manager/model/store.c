/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager/model/store.h"

#include <errno.h>
#include <glib/gi18n.h>
#include <glib/gstdio.h>
#include <string.h>

#include "manager/model/disk-boot.h"
#include "manager/model/run-watch.h"
#include "vmm/client/definition.h"
#include "vmm/client/outside-disks.h"
#include "vmm/client/own-folder.h"
#include "vmm/client/paths.h"
#include "vmm/client/vm-machines.h"

#define RECIPE "desktop"

struct _VmStore {
    GObject parent_instance;
    GListStore *machines;
    GPtrArray *removed; /* VmMachine taken from the list, files still there */
    GFileMonitor *monitor;
    VmRunWatch *run_watch; /* or NULL */
    char *disk_folder;     /* where new machines get a folder, or NULL */
};

static GType
vm_store_get_item_type(GListModel *model)
{
    return VM_TYPE_MACHINE;
}

static guint
vm_store_get_n_items(GListModel *model)
{
    return g_list_model_get_n_items(G_LIST_MODEL(VM_STORE(model)->machines));
}

static gpointer
vm_store_get_item(GListModel *model, guint position)
{
    return g_list_model_get_item(G_LIST_MODEL(VM_STORE(model)->machines), position);
}

static void
vm_store_list_model_init(GListModelInterface *interface)
{
    interface->get_item_type = vm_store_get_item_type;
    interface->get_n_items = vm_store_get_n_items;
    interface->get_item = vm_store_get_item;
}

G_DEFINE_FINAL_TYPE_WITH_CODE(VmStore, vm_store, G_TYPE_OBJECT,
                              G_IMPLEMENT_INTERFACE(G_TYPE_LIST_MODEL, vm_store_list_model_init))

enum {
    BUILD_FAILED,
    BUILD_FINISHED,
    COPY_FAILED,
    COPY_FINISHED,
    N_SIGNALS
};
static guint signals[N_SIGNALS]; /* NOLINT(cppcoreguidelines-avoid-non-const-global-variables) */

static void
vm_store_dispose(GObject *object)
{
    VmStore *self = VM_STORE(object);

    if (self->monitor) {
        g_file_monitor_cancel(self->monitor);
    }
    g_clear_object(&self->monitor);
    g_clear_pointer(&self->run_watch, vm_run_watch_free);
    g_clear_object(&self->machines);
    g_clear_pointer(&self->removed, g_ptr_array_unref);
    g_clear_pointer(&self->disk_folder, g_free);
    G_OBJECT_CLASS(vm_store_parent_class)->dispose(object);
}

static void
vm_store_class_init(VmStoreClass *klass)
{
    G_OBJECT_CLASS(klass)->dispose = vm_store_dispose;
    signals[BUILD_FAILED] = g_signal_new("build-failed", VM_TYPE_STORE, G_SIGNAL_RUN_LAST, 0, NULL,
                                         NULL, NULL, G_TYPE_NONE, 1, VM_TYPE_PROBLEM);
    signals[BUILD_FINISHED] = g_signal_new("build-finished", VM_TYPE_STORE, G_SIGNAL_RUN_LAST, 0,
                                           NULL, NULL, NULL, G_TYPE_NONE, 1, VM_TYPE_MACHINE);
    signals[COPY_FAILED] = g_signal_new("copy-failed", VM_TYPE_STORE, G_SIGNAL_RUN_LAST, 0, NULL,
                                        NULL, NULL, G_TYPE_NONE, 1, VM_TYPE_PROBLEM);
    signals[COPY_FINISHED] = g_signal_new("copy-finished", VM_TYPE_STORE, G_SIGNAL_RUN_LAST, 0,
                                          NULL, NULL, NULL, G_TYPE_NONE, 1, VM_TYPE_MACHINE);
}

static void
items_changed(VmStore *self, guint position, guint removed, guint added)
{
    g_list_model_items_changed(G_LIST_MODEL(self), position, removed, added);
}

static void
vm_store_init(VmStore *self)
{
    self->machines = g_list_store_new(VM_TYPE_MACHINE);
    self->removed = g_ptr_array_new_with_free_func(g_object_unref);
    g_signal_connect_object(self->machines, "items-changed", G_CALLBACK(items_changed), self,
                            G_CONNECT_SWAPPED);
}

static gboolean
position_of(VmStore *self, const char *name, guint *ret_position)
{
    guint n = g_list_model_get_n_items(G_LIST_MODEL(self->machines));

    for (guint i = 0; i < n; i++) {
        g_autoptr(VmMachine) machine = g_list_model_get_item(G_LIST_MODEL(self->machines), i);
        if (g_str_equal(vm_machine_get_name(machine), name)) {
            *ret_position = i;
            return TRUE;
        }
    }
    return FALSE;
}

VmMachine *
vm_store_find(VmStore *self, const char *name)
{
    guint position = 0;
    g_autoptr(VmMachine) machine = NULL;

    if (!position_of(self, name, &position)) {
        return NULL;
    }
    machine = g_list_model_get_item(G_LIST_MODEL(self->machines), position);
    return machine; /* the list holds it */
}

static gboolean
is_removed(VmStore *self, const char *name)
{
    for (guint i = 0; i < self->removed->len; i++) {
        if (g_str_equal(vm_machine_get_name(g_ptr_array_index(self->removed, i)), name)) {
            return TRUE;
        }
    }
    return FALSE;
}

/* "debian-12" of ".../debian-12.json"; NULL for other files. */
static char *
name_of_file(const char *file)
{
    g_autofree char *base = g_path_get_basename(file);
    g_autofree char *name = NULL;

    if (!g_str_has_suffix(base, ".json")) {
        return NULL;
    }
    name = g_strndup(base, strlen(base) - strlen(".json"));
    return vm_definition_name_is_valid(name) ? g_steal_pointer(&name) : NULL;
}

static void
file_appeared(VmStore *self, const char *file)
{
    g_autofree char *name = name_of_file(file);
    VmMachine *known = name ? vm_store_find(self, name) : NULL;
    g_autoptr(VmMachine) machine = NULL;

    if (!name || is_removed(self, name)) {
        return;
    }
    if (known) {
        /* Our own writing of a machine that is being made is taken over when it is done. */
        if (vm_machine_get_state(known) != VM_MACHINE_BUILDING) {
            vm_machine_load(known);
        }
        return;
    }
    machine = vm_machine_new(name);
    vm_machine_load(machine);
    vm_machine_find_run(machine);
    g_list_store_append(self->machines, machine);
}

static void
file_vanished(VmStore *self, const char *file)
{
    g_autofree char *name = name_of_file(file);
    VmMachine *machine = name ? vm_store_find(self, name) : NULL;
    guint position = 0;

    /* A machine that runs stays in the list until it ends. */
    if (machine && !vm_machine_is_active(machine) && !vm_machine_get_build(machine) &&
        position_of(self, name, &position)) {
        g_list_store_remove(self->machines, position);
    }
}

static void
folder_changed(VmStore *self, GFile *file, GFile *other, GFileMonitorEvent event)
{
    const char *path = g_file_peek_path(file);

    switch (event) {
    case G_FILE_MONITOR_EVENT_CHANGES_DONE_HINT:
    case G_FILE_MONITOR_EVENT_MOVED_IN:
        file_appeared(self, path);
        break;
    case G_FILE_MONITOR_EVENT_RENAMED:
        file_vanished(self, path);
        file_appeared(self, g_file_peek_path(other));
        break;
    case G_FILE_MONITOR_EVENT_DELETED:
    case G_FILE_MONITOR_EVENT_MOVED_OUT:
        file_vanished(self, path);
        break;
    default:
        break;
    }
}

static void
scan(VmStore *self, const char *folder)
{
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    const char *file = NULL;

    while (dir && (file = g_dir_read_name(dir)) != NULL) {
        file_appeared(self, file);
    }
}

/* One without a definition goes when it has ended and what went wrong was read. */
static void
found_changed(VmStore *self, GParamSpec *spec, VmMachine *machine)
{
    guint position = 0;

    if (self->machines && vm_machine_is_found(machine) && !vm_machine_is_active(machine) &&
        !vm_machine_get_problem(machine) &&
        vm_store_find(self, vm_machine_get_name(machine)) == machine &&
        position_of(self, vm_machine_get_name(machine), &position)) {
        g_list_store_remove(self->machines, position);
    }
}

static void
add_found(VmStore *self, VmMachine *machine)
{
    g_list_store_append(self->machines, machine);
    g_signal_connect_object(machine, "notify::state", G_CALLBACK(found_changed), self,
                            G_CONNECT_SWAPPED);
    g_signal_connect_object(machine, "notify::problem", G_CALLBACK(found_changed), self,
                            G_CONNECT_SWAPPED);
}

static gboolean
has_definition(const char *name)
{
    g_autofree char *path = vm_paths_definition(name);

    return g_file_test(path, G_FILE_TEST_EXISTS);
}

/* The one in the list that is the same run; or NULL. */
static VmMachine *
find_run(VmStore *self, VmMachine *machine)
{
    for (guint i = 0; i < g_list_model_get_n_items(G_LIST_MODEL(self->machines)); i++) {
        g_autoptr(VmMachine) other = g_list_model_get_item(G_LIST_MODEL(self->machines), i);
        if (vm_machine_is_same_run(machine, other)) {
            return other; /* the list holds it */
        }
    }
    return NULL;
}

/* Somebody may have started it. */
static void
run_seen(const char *name, gpointer data)
{
    VmStore *self = VM_STORE(data);
    VmMachine *known = vm_store_find(self, name);
    g_autoptr(VmMachine) machine = NULL;

    if (known) {
        if (vm_machine_get_state(known) != VM_MACHINE_BUILDING) {
            vm_machine_find_run(known);
        }
        return;
    }
    if (is_removed(self, name) || has_definition(name)) {
        return;
    }
    machine = vm_machine_new_found(name);
    vm_machine_find_run(machine);
    if (vm_machine_is_active(machine) && !find_run(self, machine)) {
        add_found(self, machine);
    }
}

/* A name that nobody has: what is called so elsewhere is another machine than ours. */
static char *
free_name(VmStore *self, const char *wanted)
{
    const char *base = vm_definition_name_is_valid(wanted) ? wanted : "machine";
    g_autofree char *name = g_strdup(base);

    for (guint i = 2; vm_store_find(self, name) || is_removed(self, name) || has_definition(name);
         i++) {
        g_free(name);
        name = g_strdup_printf("%.50s-%u", base, i);
    }
    return g_steal_pointer(&name);
}

VmMachine *
vm_store_take_found(VmStore *self, VmMachine *machine)
{
    const char *said = vm_connection_get_name(vm_machine_get_connection(machine));
    VmMachine *known = find_run(self, machine);
    g_autofree char *name = NULL;

    if (known) {
        return known;
    }
    name = free_name(self, said ? said : "");
    vm_machine_set_found_name(machine, name, said && said[0] ? said : name);
    add_found(self, machine);
    return machine;
}

static VmMachine *
keep_under(VmStore *self, const char *name, VmMachine *found, VmJson *json, GError **error)
{
    g_autoptr(VmMachine) machine = vm_machine_new_kept(name, found);

    if (!vm_machine_keep(machine, json, error)) {
        return NULL;
    }
    vm_store_forget(self, found);
    g_list_store_append(self->machines, machine);
    return machine; /* the list holds it */
}

VmMachine *
vm_store_keep(VmStore *self, VmMachine *found, const char *title, GError **error)
{
    g_autoptr(VmMachine) held = g_object_ref(found);
    g_autoptr(VmJson) json = vm_machine_dup_kept(found, title, error);
    const char *name = vm_machine_get_name(found);
    g_autofree char *given = NULL;

    if (!json) {
        return NULL;
    }
    if (!vm_machine_has_own_name(found)) {
        given = vm_definition_name_for_title(title);
        return keep_under(self, given, found, json, error);
    }
    if (is_removed(self, name) || has_definition(name)) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_EXISTS,
                    _("There is a machine called “%s” already. Start this one with another --name, "
                      "then keep it."),
                    name);
        return NULL;
    }
    return vm_machine_keep(found, json, error) ? found : NULL;
}

VmStore *
vm_store_new(void)
{
    VmStore *self = g_object_new(VM_TYPE_STORE, NULL);
    g_autofree char *folder = vm_paths_machines();
    g_autoptr(GFile) file = g_file_new_for_path(folder);

    (void)g_mkdir_with_parents(folder, 0700);
    self->monitor = g_file_monitor_directory(file, G_FILE_MONITOR_WATCH_MOVES, NULL, NULL);
    if (self->monitor) {
        g_signal_connect_object(self->monitor, "changed", G_CALLBACK(folder_changed), self,
                                G_CONNECT_SWAPPED);
    }
    scan(self, folder);
    self->run_watch = vm_run_watch_new(run_seen, self);
    return self;
}

void
vm_store_set_disk_folder(VmStore *self, const char *folder)
{
    g_free(self->disk_folder);
    self->disk_folder = folder && folder[0] ? g_strdup(folder) : NULL;
}

char *
vm_store_new_folder(VmStore *self, const char *name)
{
    g_autofree char *folder =
        self->disk_folder ? g_build_filename(self->disk_folder, name, NULL) : NULL;

    /* A folder that is there already is somebody's: deleting the machine must not take it. */
    if (folder && !g_file_test(folder, G_FILE_TEST_EXISTS)) {
        return g_steal_pointer(&folder);
    }
    return vm_paths_disks(name);
}

void
vm_store_note_folder(VmStore *self, VmJson *definition, const char *folder)
{
    g_autofree char *name = g_path_get_basename(folder);
    g_autofree char *usual = vm_paths_disks(name);

    if (g_str_equal(folder, usual)) {
        vm_json_remove(definition, "manager.folder");
    } else {
        vm_json_set_string(definition, "manager.folder", folder);
    }
}

void
vm_store_mark_folder(VmJson *definition)
{
    const char *folder = vm_json_get_string(definition, "manager.folder");

    if (folder) {
        vm_own_folder_mark(folder);
    }
}

/* The seed as another disk of the machine; its path, or NULL. */
static char *
add_seed(VmJson *definition, const char *folder, VmSeed *seed, GError **error)
{
    g_autofree char *path = g_build_filename(folder, "seed.iso", NULL);
    const guint n = vm_json_length(definition, "block");
    g_autofree char *member = g_strdup_printf("block.%u.path", n);
    g_autofree char *ro = g_strdup_printf("block.%u.ro", n);

    (void)g_mkdir_with_parents(folder, 0700);
    for (guint i = 2; g_file_test(path, G_FILE_TEST_EXISTS); i++) {
        g_autofree char *base =
            g_strdup_printf("seed-%u.iso", i); /* of a machine that was forgotten */
        g_free(path);
        path = g_build_filename(folder, base, NULL);
    }
    if (!vm_seed_write(seed, path, error)) {
        return NULL;
    }
    vm_json_set_string(definition, member, path);
    vm_json_set_bool(definition, ro, TRUE);
    return g_steal_pointer(&path);
}

VmMachine *
vm_store_add(VmStore *self, VmJson *definition, VmSeed *seed, GError **error)
{
    const char *title = vm_json_get_string(definition, "manager.title");
    g_autofree char *name = vm_definition_name_for_title(title ? title : _("Machine"));
    g_autoptr(VmMachine) machine = vm_machine_new(name);
    g_autofree char *folder = NULL;
    g_autofree char *path = NULL;

    vm_json_remove(definition, "manager.folder"); /* of the machine that it was written for */
    folder = vm_store_new_folder(self, name);
    if (!vm_disk_boot_keep(definition, folder, error)) {
        return NULL;
    }
    if (seed || g_file_test(folder, G_FILE_TEST_IS_DIR)) {
        vm_store_note_folder(self, definition, folder);
    }
    if (seed) {
        path = add_seed(definition, folder, seed, error);
        if (!path) {
            return NULL;
        }
    }
    if (!vm_machine_save(machine, definition, error)) {
        if (path) {
            (void)g_unlink(path);
        }
        return NULL;
    }
    vm_store_mark_folder(definition);
    g_list_store_append(self->machines, machine);
    return machine; /* the list holds it */
}

static void
forget(VmStore *self, const char *name)
{
    guint position = 0;

    if (position_of(self, name, &position)) {
        g_list_store_remove(self->machines, position);
    }
}

void
vm_store_adopt(VmStore *self, VmMachine *machine)
{
    g_list_store_append(self->machines, machine);
}

void
vm_store_forget(VmStore *self, VmMachine *machine)
{
    forget(self, vm_machine_get_name(machine));
}

void
vm_store_copy_ended(VmStore *self, VmMachine *machine, const GError *error)
{
    if (!error) {
        g_signal_emit(self, signals[COPY_FINISHED], 0, machine);
    } else if (!g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED)) {
        g_autoptr(VmProblem) problem =
            vm_problem_new("cannot-clone", "", error->message, NULL, NULL);
        g_signal_emit(self, signals[COPY_FAILED], 0, problem);
    }
}

struct build {
    VmStore *store;
    VmMachine *machine;
    char *title;
    char *folder;
};

static void
build_free(gpointer data, GClosure *closure)
{
    struct build *build = data;

    g_object_unref(build->store);
    g_object_unref(build->machine);
    g_free(build->title);
    g_free(build->folder);
    g_free(build);
}

static void
build_finished(VmGuestBuild *object, GError *failure, gpointer data)
{
    struct build *build = data;
    g_autoptr(VmGuestBuild) keep = g_object_ref(object);
    g_autoptr(VmMachine) machine = g_object_ref(build->machine);
    const char *name = vm_machine_get_name(machine);
    g_autoptr(GError) error = failure ? g_error_copy(failure) : NULL;
    g_autoptr(VmJson) json = NULL;

    vm_machine_set_build(machine, NULL);
    if (!error) {
        json = vm_guest_build_definition(build->folder, build->title, &error);
    }
    if (json) {
        vm_store_note_folder(build->store, json, build->folder);
    }
    if (json && vm_machine_save(machine, json, &error)) {
        vm_store_mark_folder(json);
        g_signal_emit(build->store, signals[BUILD_FINISHED], 0, machine);
        return;
    }
    forget(build->store, name);
    if (!g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED)) {
        g_autoptr(VmProblem) problem =
            vm_problem_new("build-failed", build->title, error->message, NULL, NULL);
        g_signal_emit(build->store, signals[BUILD_FAILED], 0, problem);
    }
}

VmMachine *
vm_store_build(VmStore *self, const char *title, GError **error)
{
    g_autofree char *name = vm_definition_name_for_title(title);
    g_autofree char *folder = vm_store_new_folder(self, name);
    g_autofree char *parent = g_path_get_dirname(folder);
    g_autoptr(VmMachine) machine = vm_machine_new(name);
    g_autoptr(VmGuestBuild) object = vm_guest_build_new(RECIPE, folder);
    struct build *build = NULL;

    (void)g_mkdir_with_parents(parent, 0700);
    if (!vm_guest_build_start(object, error)) {
        return NULL;
    }
    build = g_new0(struct build, 1);
    build->store = g_object_ref(self);
    build->machine = g_object_ref(machine);
    build->title = g_strdup(title);
    build->folder = g_strdup(folder);
    g_signal_connect_data(object, "finished", G_CALLBACK(build_finished), build, build_free, 0);
    vm_machine_set_title(machine, title);
    vm_machine_set_build(machine, object);
    g_list_store_append(self->machines, machine);
    return machine; /* the list holds it */
}

void
vm_store_remove(VmStore *self, VmMachine *machine)
{
    g_return_if_fail(!vm_machine_is_active(machine));
    g_ptr_array_add(self->removed, g_object_ref(machine));
    forget(self, vm_machine_get_name(machine));
}

void
vm_store_undo_remove(VmStore *self, VmMachine *machine)
{
    g_autoptr(VmMachine) keep = g_object_ref(machine);

    if (g_ptr_array_remove(self->removed, machine)) {
        g_list_store_append(self->machines, machine);
    }
}

gboolean
vm_store_commit_remove(VmStore *self, VmMachine *machine, gboolean outside_disks, GError **error)
{
    const char *name = vm_machine_get_name(machine);
    g_autofree char *definition = vm_paths_definition(name);
    g_autoptr(VmMachine) keep = g_object_ref(machine);
    g_auto(GStrv) disks =
        outside_disks ? vm_outside_disks(vm_machine_get_definition(machine), name) : NULL;
    gboolean ok = vm_machines_delete(name, error);

    if (ok && disks) {
        ok = vm_outside_disks_trash((const char *const *)disks, error);
    }
    (void)g_ptr_array_remove(self->removed, machine);
    if (!ok && g_file_test(definition, G_FILE_TEST_EXISTS)) {
        g_list_store_append(self->machines, machine);
    }
    return ok;
}
