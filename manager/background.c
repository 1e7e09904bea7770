/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager/background.h"

#include <glib/gi18n.h>

#include "manager/closing.h"
#include "ui/window.h"

#define KEEPS_RUNNING_ID "keeps-running"

struct _VmBackground {
    GObject parent_instance;
    GtkApplication *application; /* outlives us */
    VmStore *store;
    GSettings *settings;
    gboolean held;
    guint inhibited;         /* the session manager's cookie, 0: none */
    guint inhibited_running; /* how many machines it was told of */
};

G_DEFINE_FINAL_TYPE(VmBackground, vm_background, G_TYPE_OBJECT)

static gboolean
may_tell(VmBackground *self)
{
    return !self->settings || g_settings_get_boolean(self->settings, "notifications");
}

/* What the window with the focus shows need not be told. */
static gboolean
in_view(VmBackground *self, VmMachine *machine)
{
    GtkWindow *window = gtk_application_get_active_window(self->application);

    return window && gtk_window_is_active(window) && VM_IS_WINDOW(window) &&
           vm_window_get_machine(VM_WINDOW(window)) == machine;
}

/* The person looks at Vitrine: a word in the window is enough. */
static gboolean
any_in_view(VmBackground *self)
{
    GList *windows = gtk_application_get_windows(self->application);

    for (GList *at = windows; at; at = at->next) {
        if (gtk_window_is_active(at->data)) {
            return TRUE;
        }
    }
    return FALSE;
}

static GNotification *
notification_of(const VmProblem *problem)
{
    g_autofree char *title = vm_problem_dup_title(problem);
    g_autofree char *cure = vm_problem_dup_cure(problem);
    GNotification *notification = g_notification_new(title);

    g_notification_set_body(notification, cure);
    g_notification_set_priority(notification, G_NOTIFICATION_PRIORITY_URGENT);
    return notification;
}

/* It stopped with a problem, or was started again after one. */
static void
tell_problem(VmBackground *self, VmMachine *machine)
{
    const VmProblem *problem = vm_machine_get_problem(machine);
    gboolean stopped = vm_machine_get_state(machine) == VM_MACHINE_STOPPED;
    const char *name = vm_machine_get_name(machine);
    g_autoptr(GNotification) notification = NULL;

    if (!problem || !may_tell(self) || in_view(self, machine) ||
        g_str_equal(vm_problem_get_id(problem), "no-gpu")) {
        return;
    }
    notification = notification_of(problem);
    if (!stopped) {
        g_notification_set_priority(notification, G_NOTIFICATION_PRIORITY_NORMAL);
    }
    g_notification_set_default_action_and_target(notification, "app.show-machine", "s", name);
    if (stopped) {
        g_notification_add_button_with_target(notification, _("Start again"), "app.start-again",
                                              "s", name);
    }
    g_notification_add_button_with_target(notification, _("Show log"), "app.show-log", "s", name);
    g_application_send_notification(G_APPLICATION(self->application), name, notification);
}

/* The machine waits for room, or its guest sees write errors until there is some. */
static void
tell_disk_full(VmMachine *machine, GParamSpec *spec, VmBackground *self)
{
    const VmProblem *problem = vm_machine_get_problem(machine);
    const char *name = vm_machine_get_name(machine);
    g_autoptr(GNotification) notification = NULL;

    if (!problem || !g_str_has_prefix(vm_problem_get_id(problem), "disk-") || !may_tell(self) ||
        in_view(self, machine)) {
        return;
    }
    notification = notification_of(problem);
    g_notification_set_default_action_and_target(notification, "app.show-machine", "s", name);
    g_notification_add_button_with_target(notification, _("Show log"), "app.show-log", "s", name);
    g_application_send_notification(G_APPLICATION(self->application), name, notification);
}

/* A copy, or a guest that was made. */
static void
tell_ready(VmBackground *self, VmMachine *machine)
{
    const char *name = vm_machine_get_name(machine);
    g_autofree char *title = NULL;
    g_autoptr(GNotification) notification = NULL;

    if (!may_tell(self) || any_in_view(self)) {
        return;
    }
    title = g_strdup_printf(_("“%s” is ready"), vm_machine_get_title(machine));
    notification = g_notification_new(title);
    g_notification_set_default_action_and_target(notification, "app.show-machine", "s", name);
    g_application_send_notification(G_APPLICATION(self->application), name, notification);
}

/* Its machine is gone: the window says the rest. */
static void
tell_not_made(VmBackground *self, const VmProblem *problem)
{
    g_autoptr(GNotification) notification = NULL;

    if (!may_tell(self) || any_in_view(self)) {
        return;
    }
    notification = notification_of(problem);
    g_notification_set_default_action(notification, "app.activate");
    g_application_send_notification(G_APPLICATION(self->application), vm_problem_get_id(problem),
                                    notification);
}

static void
release_when_idle(VmBackground *self)
{
    if (self->held && vm_closing_count(self->store) == 0) {
        self->held = FALSE;
        g_application_withdraw_notification(G_APPLICATION(self->application), KEEPS_RUNNING_ID);
        g_application_release(G_APPLICATION(self->application));
    }
}

static void
allow_session_end(VmBackground *self)
{
    if (self->inhibited) {
        gtk_application_uninhibit(self->application, self->inhibited);
        self->inhibited = 0;
        self->inhibited_running = 0;
    }
}

/* With "ask" the session does not end without a word; the computer may sleep: guests sleep with it. */
static void
update_inhibitor(VmBackground *self)
{
    g_autofree char *policy =
        self->settings ? g_settings_get_string(self->settings, "close-policy") : g_strdup("");
    guint running = g_str_equal(policy, "ask") ? vm_closing_count(self->store) : 0;
    g_autofree char *reason = NULL;

    if (running == self->inhibited_running) {
        return;
    }
    allow_session_end(self);
    if (running > 0) {
        reason = g_strdup_printf(
            ngettext("%u machine is running", "%u machines are running", running), running);
        self->inhibited = gtk_application_inhibit(
            self->application, gtk_application_get_active_window(self->application),
            GTK_APPLICATION_INHIBIT_LOGOUT, reason);
        self->inhibited_running = running;
    }
}

static void
state_changed(VmMachine *machine, GParamSpec *spec, VmBackground *self)
{
    const VmProblem *problem = vm_machine_get_problem(machine);
    VmMachineState state = vm_machine_get_state(machine);

    if (state == VM_MACHINE_STOPPED || (state == VM_MACHINE_RESTARTING && problem &&
                                        g_str_equal(vm_problem_get_id(problem), "restarted"))) {
        tell_problem(self, machine);
    }
    release_when_idle(self);
    update_inhibitor(self);
}

static void
items_changed(VmBackground *self, guint position, guint removed, guint added)
{
    for (guint i = position; i < position + added; i++) {
        g_autoptr(VmMachine) machine = g_list_model_get_item(G_LIST_MODEL(self->store), i);
        g_signal_handlers_disconnect_by_func(machine, state_changed, self);
        g_signal_connect_object(machine, "notify::state", G_CALLBACK(state_changed), self, 0);
        g_signal_handlers_disconnect_by_func(machine, tell_disk_full, self);
        g_signal_connect_object(machine, "notify::problem", G_CALLBACK(tell_disk_full), self, 0);
    }
    update_inhibitor(self);
}

/* Machines that only this program starts again. */
static gboolean
is_needed(VmBackground *self)
{
    GListModel *machines = G_LIST_MODEL(self->store);

    for (guint i = 0; i < g_list_model_get_n_items(machines); i++) {
        g_autoptr(VmMachine) machine = g_list_model_get_item(machines, i);
        if (vm_machine_is_active(machine) && vm_machine_restarts_on_crash(machine)) {
            return TRUE;
        }
    }
    return FALSE;
}

static void
tell_keeps_running(VmBackground *self, guint running)
{
    g_autofree char *title = NULL;
    g_autoptr(GNotification) notification = NULL;

    title = g_strdup_printf(
        ngettext("%u machine keeps running", "%u machines keep running", running), running);
    notification = g_notification_new(title);
    g_notification_set_default_action(notification, "app.activate");
    g_notification_add_button(notification, _("Shut down all"), "app.shut-down-all");
    g_application_send_notification(G_APPLICATION(self->application), KEEPS_RUNNING_ID,
                                    notification);
}

void
vm_background_window_closed(VmBackground *self)
{
    guint running = vm_closing_count(self->store);

    if (running == 0 || self->held || !(may_tell(self) || is_needed(self))) {
        return;
    }
    if (may_tell(self)) {
        tell_keeps_running(self, running);
    }
    self->held = TRUE;
    g_application_hold(G_APPLICATION(self->application));
}

gboolean
vm_background_is_held(VmBackground *self)
{
    return self->held;
}

void
vm_background_shown(VmBackground *self, VmMachine *machine)
{
    g_application_withdraw_notification(G_APPLICATION(self->application),
                                        vm_machine_get_name(machine));
}

static void
vm_background_dispose(GObject *object)
{
    VmBackground *self = VM_BACKGROUND(object);

    allow_session_end(self);
    g_clear_object(&self->store);
    g_clear_object(&self->settings);
    G_OBJECT_CLASS(vm_background_parent_class)->dispose(object);
}

static void
vm_background_class_init(VmBackgroundClass *klass)
{
    G_OBJECT_CLASS(klass)->dispose = vm_background_dispose;
}

static void
vm_background_init(VmBackground *self)
{
}

static void
follow_making(VmBackground *self)
{
    static const struct {
        const char *signal;
        GCallback told;
    } all[] = {
        {"build-finished", G_CALLBACK(tell_ready)},
        {"copy-finished", G_CALLBACK(tell_ready)},
        {"build-failed", G_CALLBACK(tell_not_made)},
        {"copy-failed", G_CALLBACK(tell_not_made)},
    };

    for (guint i = 0; i < G_N_ELEMENTS(all); i++) {
        g_signal_connect_object(self->store, all[i].signal, all[i].told, self, G_CONNECT_SWAPPED);
    }
}

VmBackground *
vm_background_new(GtkApplication *application, VmStore *store, GSettings *settings)
{
    VmBackground *self = g_object_new(VM_TYPE_BACKGROUND, NULL);

    self->application = application;
    self->store = g_object_ref(store);
    self->settings = settings ? g_object_ref(settings) : NULL;
    g_signal_connect_object(store, "items-changed", G_CALLBACK(items_changed), self,
                            G_CONNECT_SWAPPED);
    follow_making(self);
    if (settings) {
        g_signal_connect_object(settings, "changed::close-policy", G_CALLBACK(update_inhibitor),
                                self, G_CONNECT_SWAPPED);
    }
    items_changed(self, 0, 0, g_list_model_get_n_items(G_LIST_MODEL(store)));
    return self;
}
