/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager/model/machine.h"

#include <glib/gi18n.h>

#include "manager/model/machine-private.h"
#include "vmm/client/definition.h"
#include "vmm/client/paths.h"
#include "vmm/client/plain-text.h"

#define TITLE_MAX 200 /* characters */

G_DEFINE_FINAL_TYPE(VmMachine, vm_machine, G_TYPE_OBJECT)

enum {
    PROP_NAME = 1,
    PROP_TITLE,
    PROP_GROUP,
    PROP_NOTE,
    PROP_ICON,
    PROP_STATE,
    PROP_STATE_WORDS,
    PROP_PROBLEM,
    PROP_CONNECTION,
    PROP_STUBBORN,
    PROP_HAS_RENDERER,
    N_PROPERTIES
};
static GParamSpec
    *properties[N_PROPERTIES]; /* NOLINT(cppcoreguidelines-avoid-non-const-global-variables) */

static void
vm_machine_dispose(GObject *object)
{
    VmMachine *self = VM_MACHINE(object);

    g_cancellable_cancel(self->cancellable);
    vm_machine_drop_connection(self);
    vm_machine_forget_restart(self);
    if (self->run) {
        g_signal_handlers_disconnect_by_data(self->run, self);
    }
    if (self->build) {
        g_signal_handlers_disconnect_by_data(self->build, self);
    }
    g_clear_object(&self->run);
    g_clear_object(&self->build);
    g_clear_object(&self->cancellable);
    g_clear_object(&self->copying_stop);
    G_OBJECT_CLASS(vm_machine_parent_class)->dispose(object);
}

static void
vm_machine_finalize(GObject *object)
{
    VmMachine *self = VM_MACHINE(object);

    g_clear_pointer(&self->definition, vm_json_free);
    g_clear_pointer(&self->running, vm_json_free);
    g_clear_pointer(&self->problem, vm_problem_free);
    g_free(self->name);
    g_free(self->title);
    g_free(self->group);
    g_free(self->note);
    g_free(self->socket);
    g_free(self->icon);
    g_free(self->words);
    G_OBJECT_CLASS(vm_machine_parent_class)->finalize(object);
}

static void
vm_machine_get_property(GObject *object, guint id, GValue *value, GParamSpec *spec)
{
    VmMachine *self = VM_MACHINE(object);

    switch (id) {
    case PROP_NAME:
        g_value_set_string(value, self->name);
        break;
    case PROP_TITLE:
        g_value_set_string(value, self->title);
        break;
    case PROP_GROUP:
        g_value_set_string(value, self->group);
        break;
    case PROP_NOTE:
        g_value_set_string(value, self->note);
        break;
    case PROP_ICON:
        g_value_set_string(value, self->icon);
        break;
    case PROP_STATE:
        g_value_set_int(value, (int)self->state);
        break;
    case PROP_STATE_WORDS:
        g_value_set_string(value, self->words);
        break;
    case PROP_PROBLEM:
        g_value_set_boxed(value, self->problem);
        break;
    case PROP_CONNECTION:
        g_value_set_object(value, self->connection);
        break;
    case PROP_STUBBORN:
        g_value_set_boolean(value, self->stubborn);
        break;
    case PROP_HAS_RENDERER:
        g_value_set_boolean(value, vm_machine_has_renderer(self));
        break;
    default:
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
    }
}

static void
vm_machine_class_init(VmMachineClass *klass)
{
    GObjectClass *object_class = G_OBJECT_CLASS(klass);
    const GParamFlags flags = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS;

    object_class->dispose = vm_machine_dispose;
    object_class->finalize = vm_machine_finalize;
    object_class->get_property = vm_machine_get_property;
    properties[PROP_NAME] = g_param_spec_string("name", NULL, NULL, NULL, flags);
    properties[PROP_TITLE] = g_param_spec_string("title", NULL, NULL, NULL, flags);
    properties[PROP_GROUP] = g_param_spec_string("group", NULL, NULL, NULL, flags);
    properties[PROP_NOTE] = g_param_spec_string("note", NULL, NULL, NULL, flags);
    properties[PROP_ICON] = g_param_spec_string("icon", NULL, NULL, NULL, flags);
    properties[PROP_STATE] = g_param_spec_int("state", NULL, NULL, 0, VM_MACHINE_BROKEN, 0, flags);
    properties[PROP_STATE_WORDS] = g_param_spec_string("state-words", NULL, NULL, NULL, flags);
    properties[PROP_PROBLEM] = g_param_spec_boxed("problem", NULL, NULL, VM_TYPE_PROBLEM, flags);
    properties[PROP_CONNECTION] =
        g_param_spec_object("connection", NULL, NULL, VM_TYPE_CONNECTION, flags);
    properties[PROP_STUBBORN] = g_param_spec_boolean("stubborn", NULL, NULL, FALSE, flags);
    properties[PROP_HAS_RENDERER] = g_param_spec_boolean("has-renderer", NULL, NULL, FALSE, flags);
    g_object_class_install_properties(object_class, N_PROPERTIES, properties);
}

static void
vm_machine_init(VmMachine *self)
{
    self->cancellable = g_cancellable_new();
    self->share = -1;
    self->disk_rate = -1;
    self->copying = -1;
}

VmMachine *
vm_machine_new(const char *name)
{
    VmMachine *self = g_object_new(VM_TYPE_MACHINE, NULL);

    self->name = g_strdup(name);
    self->title = g_strdup(name);
    self->group = g_strdup("");
    self->note = g_strdup("");
    self->icon = g_strdup("");
    vm_machine_update_words(self);
    return self;
}

static void
take_words_of_definition(VmMachine *self)
{
    VmJson *json = self->definition;
    const char *group = vm_json_get_string(json, "manager.group");
    const char *note = vm_json_get_string(json, "manager.note");
    const char *icon = vm_json_get_string(json, "manager.icon");

    g_free(self->title);
    g_free(self->group);
    g_free(self->note);
    g_free(self->icon);
    self->title = vm_plain_text(vm_definition_title(json, self->name), TITLE_MAX);
    if (g_strchug(self->title)[0] == '\0') {
        g_free(self->title);
        self->title = g_strdup(self->name);
    }
    self->group = vm_plain_text(group ? group : "", TITLE_MAX);
    self->note = g_strdup(note ? note : "");
    self->icon = g_strdup(icon ? icon : "");
    g_object_notify_by_pspec(G_OBJECT(self), properties[PROP_TITLE]);
    g_object_notify_by_pspec(G_OBJECT(self), properties[PROP_GROUP]);
    g_object_notify_by_pspec(G_OBJECT(self), properties[PROP_NOTE]);
    g_object_notify_by_pspec(G_OBJECT(self), properties[PROP_ICON]);
}

void
vm_machine_load(VmMachine *self)
{
    g_autofree char *path = vm_paths_definition(self->name);
    g_autoptr(GError) error = NULL;
    VmJson *json = vm_json_load(path, &error);

    if (!json) {
        g_autofree char *sentence = g_strdup_printf("“%s”: %s", path, error->message);
        if (!self->run) {
            vm_machine_forget_restart(self);
            vm_machine_take_problem(
                self, vm_problem_new("broken-definition", self->title, sentence, NULL, NULL));
            vm_machine_set_state(self, VM_MACHINE_BROKEN);
        }
        return;
    }
    g_clear_pointer(&self->definition, vm_json_free);
    self->definition = json;
    vm_machine_set_defined(self);
    take_words_of_definition(self);
    vm_machine_check_restart(self);
    if (self->state == VM_MACHINE_BROKEN) {
        vm_machine_dismiss_problem(self);
        vm_machine_set_state(self, VM_MACHINE_OFF);
    }
}

gboolean
vm_machine_save(VmMachine *self, VmJson *json, GError **error)
{
    g_autofree char *path = vm_paths_definition(self->name);

    if (!vm_definition_save(json, path, error)) {
        return FALSE;
    }
    vm_machine_load(self);
    return TRUE;
}

void
vm_machine_set_title(VmMachine *self, const char *title)
{
    g_free(self->title);
    self->title = g_strdup(title);
    g_object_notify_by_pspec(G_OBJECT(self), properties[PROP_TITLE]);
}

static void
build_progressed(VmMachine *self)
{
    vm_machine_update_words(self);
}

void
vm_machine_set_build(VmMachine *self, VmGuestBuild *build)
{
    if (self->build) {
        g_signal_handlers_disconnect_by_data(self->build, self);
    }
    g_set_object(&self->build, build);
    if (build) {
        g_signal_connect_object(build, "notify::percent", G_CALLBACK(build_progressed), self,
                                G_CONNECT_SWAPPED);
    }
    vm_machine_set_state(self, build ? VM_MACHINE_BUILDING : VM_MACHINE_OFF);
}

GCancellable *
vm_machine_begin_copying(VmMachine *self)
{
    g_clear_object(&self->copying_stop);
    self->copying_stop = g_cancellable_new();
    vm_machine_set_copying(self, 0);
    return self->copying_stop;
}

gboolean
vm_machine_is_copied(VmMachine *self)
{
    return self->copying >= 0;
}

void
vm_machine_cancel_making(VmMachine *self)
{
    if (self->build) {
        vm_guest_build_cancel(self->build);
    } else if (self->copying_stop) {
        g_cancellable_cancel(self->copying_stop);
    }
}

void
vm_machine_set_copying(VmMachine *self, int percent)
{
    if (percent < 0) {
        g_clear_object(&self->copying_stop);
    }
    self->copying = percent;
    vm_machine_set_state(self, percent >= 0 ? VM_MACHINE_BUILDING : VM_MACHINE_OFF);
    vm_machine_update_words(self);
}

VmGuestBuild *
vm_machine_get_build(VmMachine *self)
{
    return self->build;
}

const char *
vm_machine_get_name(VmMachine *self)
{
    return self->name;
}

const char *
vm_machine_get_title(VmMachine *self)
{
    return self->title;
}

const char *
vm_machine_get_group(VmMachine *self)
{
    return self->group;
}

const char *
vm_machine_get_note(VmMachine *self)
{
    return self->note;
}

const char *
vm_machine_get_icon(VmMachine *self)
{
    return self->icon;
}

VmJson *
vm_machine_get_definition(VmMachine *self)
{
    return self->definition;
}

VmMachineState
vm_machine_get_state(VmMachine *self)
{
    return self->state;
}

const char *
vm_machine_get_state_words(VmMachine *self)
{
    return self->words;
}

const VmProblem *
vm_machine_get_problem(VmMachine *self)
{
    return self->problem;
}

VmConnection *
vm_machine_get_connection(VmMachine *self)
{
    return self->connection;
}

gboolean
vm_machine_get_elsewhere(VmMachine *self)
{
    return self->elsewhere;
}

gboolean
vm_machine_get_stubborn(VmMachine *self)
{
    return self->stubborn;
}

gboolean
vm_machine_is_active(VmMachine *self)
{
    return self->run != NULL || self->restart_timer != 0;
}

gboolean
vm_machine_is_disposable(VmMachine *self)
{
    return self->run != NULL && self->disposable;
}

gboolean
vm_machine_has_writable_disk(VmMachine *self)
{
    guint n = self->definition ? vm_json_length(self->definition, "block") : 0;

    for (guint i = 0; i < n; i++) {
        g_autofree char *read_only = g_strdup_printf("block.%u.ro", i);
        if (!vm_json_get_bool(self->definition, read_only, FALSE)) {
            return TRUE;
        }
    }
    return FALSE;
}

VmJson *
vm_machine_get_running_definition(VmMachine *self)
{
    return self->running;
}

static char *
text_for_vmm(VmJson *json)
{
    g_autoptr(VmJson) copy = vm_json_copy(json);

    vm_json_remove(copy, "manager");
    return vm_json_to_text(copy);
}

gboolean
vm_machine_has_pending_changes(VmMachine *self)
{
    g_autofree char *before = NULL;
    g_autofree char *now = NULL;

    if (!self->running || !self->definition) {
        return FALSE;
    }
    before = text_for_vmm(self->running);
    now = text_for_vmm(self->definition);
    return !g_str_equal(before, now);
}

static char *
running_words(VmMachine *self)
{
    gboolean no_display =
        self->connection && vm_connection_get_state(self->connection) == VM_CONNECTION_READY &&
        g_list_model_get_n_items(vm_connection_get_consoles(self->connection)) == 0;

    if (self->share >= 0) {
        /* Translators: %d is the share of the machine's processors in use. */
        return g_strdup_printf(_("Running · %d %%"), self->share);
    }
    return g_strdup(no_display ? _("Running · no display") : _("Running"));
}

static char *
words_for_state(VmMachine *self)
{
    if (self->waiting) {
        return g_strdup(_("Waiting to start"));
    }
    switch (self->state) {
    case VM_MACHINE_BUILDING:
        if (!self->build) {
            return g_strdup_printf(_("Copying… %d %%"), self->copying);
        }
        return g_strdup_printf(_("Building… %d %%"), vm_guest_build_get_percent(self->build));
    case VM_MACHINE_STARTING:
        return g_strdup(_("Starting…"));
    case VM_MACHINE_RUNNING:
        return running_words(self);
    case VM_MACHINE_PAUSED:
        return g_strdup(_("Paused"));
    case VM_MACHINE_SHUTTING_DOWN:
        return g_strdup(_("Shutting down…"));
    case VM_MACHINE_RESTARTING:
        return g_strdup(_("Restarting…"));
    case VM_MACHINE_LOST:
        return g_strdup(self->connection && vm_connection_get_crowded(self->connection)
                            ? _("Too many viewers")
                            : _("Not answering"));
    case VM_MACHINE_STOPPED:
    case VM_MACHINE_BROKEN:
        return g_strdup(self->problem ? vm_problem_get_state_words(self->problem) : _("Off"));
    case VM_MACHINE_OFF:
    default:
        return g_strdup(_("Off"));
    }
}

void
vm_machine_update_words(VmMachine *self)
{
    g_autofree char *words = words_for_state(self);

    if (g_strcmp0(words, self->words) != 0) {
        g_free(self->words);
        self->words = g_steal_pointer(&words);
        g_object_notify_by_pspec(G_OBJECT(self), properties[PROP_STATE_WORDS]);
    }
}

void
vm_machine_set_state(VmMachine *self, VmMachineState state)
{
    gboolean changed = self->state != state;

    self->state = state;
    vm_machine_update_words(self);
    if (changed) {
        g_object_notify_by_pspec(G_OBJECT(self), properties[PROP_STATE]);
    }
}

void
vm_machine_take_problem(VmMachine *self, VmProblem *problem)
{
    g_clear_pointer(&self->problem, vm_problem_free);
    self->problem = problem;
    g_object_notify_by_pspec(G_OBJECT(self), properties[PROP_PROBLEM]);
}

void
vm_machine_dismiss_problem(VmMachine *self)
{
    if (self->problem) {
        vm_machine_take_problem(self, NULL);
    }
}

void
vm_machine_notify_connection(VmMachine *self)
{
    g_object_notify_by_pspec(G_OBJECT(self), properties[PROP_CONNECTION]);
}

void
vm_machine_notify_stubborn(VmMachine *self)
{
    g_object_notify_by_pspec(G_OBJECT(self), properties[PROP_STUBBORN]);
}

/* Whether that run ended before there was a guest. */
static gboolean
never_ran(VmMachine *self, VmJson *last)
{
    const char *id = vm_json_get_string(last, "id");
    g_autoptr(VmProblem) problem =
        id && id[0] ? vm_problem_new(id, self->title, NULL, NULL, NULL) : NULL;

    return problem && g_str_equal(vm_problem_get_state_words(problem), _("Cannot start"));
}

char *
vm_machine_dup_off_text(VmMachine *self)
{
    g_autofree char *folder = vm_paths_state(self->name);
    g_autofree char *path = g_build_filename(folder, "last-run.json", NULL);
    g_autoptr(VmJson) last = vm_json_load(path, NULL);
    gint64 started = last ? vm_json_get_int(last, "started", 0) : 0;
    gint64 ended = last ? vm_json_get_int(last, "ended", 0) : 0;
    g_autoptr(GDateTime) time = started > 0 ? g_date_time_new_from_unix_local(started) : NULL;
    g_autofree char *duration = NULL;
    g_autofree char *day = NULL;

    if (!time) {
        return self->state == VM_MACHINE_OFF ? g_strdup(_("Off · has not run yet"))
                                             : g_strdup(self->words);
    }
    if (never_ran(self, last) && self->state != VM_MACHINE_OFF) {
        return g_strdup(self->words);
    }
    duration = vm_machine_duration_words(ended - started);
    /* Translators: a day as in “3 November”. */
    day = g_date_time_format(time, _("%-e %B"));
    if (never_ran(self, last)) {
        /* Translators: “Off · could not start on 3 November”. */
        return g_strdup_printf(_("%s · could not start on %s"), self->words, day);
    }
    /* Translators: “Off · last ran on 3 November for 2 h 10 min”. */
    return g_strdup_printf(_("%s · last ran on %s for %s"), self->words, day, duration);
}
