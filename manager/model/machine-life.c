/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The life of a machine: starting, running, losing and finding it, and how it ended. */
#include <glib/gi18n.h>
#include <glib/gstdio.h>
#include <string.h>

#include "manager/model/machine-private.h"
#include "manager/model/phrases.h"
#include "vmm/client/paths.h"
#include "vmm/client/vm-machines.h"

#define CONNECT_POLL_MS    100
#define STUBBORN_SECONDS   20
#define LOST_AFTER_MS      1000
#define ELSEWHERE_AFTER_MS 2000
#define DETAIL_LINES       8
#define STATUS_RESET       32
#define STATUS_FAILED      33

static void
clear_timer(guint *timer)
{
    if (*timer) {
        g_source_remove(*timer);
        *timer = 0;
    }
}

static void
set_stubborn(VmMachine *self, gboolean stubborn)
{
    clear_timer(&self->stubborn_timer);
    if (self->stubborn != stubborn) {
        self->stubborn = stubborn;
        vm_machine_notify_stubborn(self);
    }
}

static void
set_elsewhere(VmMachine *self, gboolean elsewhere)
{
    if (self->elsewhere != elsewhere) {
        self->elsewhere = elsewhere;
        g_object_notify(G_OBJECT(self), "state-words");
    }
}

void
vm_machine_drop_connection(VmMachine *self)
{
    clear_timer(&self->connect_timer);
    clear_timer(&self->lost_timer);
    clear_timer(&self->stubborn_timer);
    self->was_ready = FALSE;
    self->card_restarts = 0;
    vm_machine_forget_figures(self);
    clear_timer(&self->elsewhere_timer);
    g_clear_pointer(&self->log_watch, vm_log_watch_free);
    if (self->connection) {
        g_signal_handlers_disconnect_by_data(self->connection, self);
        vm_connection_close(self->connection);
        g_clear_object(&self->connection);
        vm_machine_notify_connection(self);
        set_elsewhere(self, FALSE);
    }
}

/* What a part tells of while the machine goes on; one that waits for room says so by its state. */
static void
error_logged(const VmLogLine *line, gpointer data)
{
    static const char disk_full[] = "disk-full: ";
    VmMachine *self = VM_MACHINE(data);

    if (g_str_has_prefix(line->process, "block") && g_str_has_prefix(line->text, disk_full)) {
        vm_machine_take_problem(self, vm_problem_new("disk-errors", self->title,
                                                     line->text + strlen(disk_full), NULL, NULL));
    }
}

static void
watch_log(VmMachine *self)
{
    g_autofree char *path = vm_machine_dup_log_path(self);

    if (!self->log_watch) {
        self->log_watch = vm_log_watch_new(path, error_logged, self);
    }
}

static gboolean
has_problem(VmMachine *self, const char *id)
{
    return self->problem && g_strcmp0(vm_problem_get_id(self->problem), id) == 0;
}

/* A machine waits for room on this computer, or does so no more. */
static void
take_cause(VmMachine *self)
{
    const char *sentence = vm_connection_get_sentence(self->connection);
    gboolean waits =
        g_strcmp0(vm_connection_get_machine_state(self->connection), "paused") == 0 &&
        g_strcmp0(vm_connection_get_cause(self->connection), VM_PROBLEM_DISK_FULL) == 0;

    if (waits && sentence && sentence[0]) {
        g_autofree char *said = vm_phrase_dup(sentence);

        vm_machine_take_problem(
            self, vm_problem_new(VM_PROBLEM_DISK_FULL, self->title, said, NULL, NULL));
    } else if (!waits && has_problem(self, VM_PROBLEM_DISK_FULL)) {
        vm_machine_dismiss_problem(self);
    }
}

static void
take_machine_state(VmMachine *self)
{
    static const struct {
        const char *word;
        VmMachineState state;
    } states[] = {
        {"starting", VM_MACHINE_STARTING},
        {"running", VM_MACHINE_RUNNING},
        {"paused", VM_MACHINE_PAUSED},
        {"shutting-down", VM_MACHINE_SHUTTING_DOWN},
    };
    const char *word = vm_connection_get_machine_state(self->connection);

    for (guint i = 0; i < G_N_ELEMENTS(states); i++) {
        if (g_strcmp0(word, states[i].word) != 0) {
            continue;
        }
        if (states[i].state != VM_MACHINE_SHUTTING_DOWN) {
            set_stubborn(self, FALSE);
        }
        self->worked = self->worked || states[i].state == VM_MACHINE_RUNNING;
        self->stop_asked = states[i].state == VM_MACHINE_SHUTTING_DOWN;
        vm_machine_set_state(self, states[i].state);
    }
    take_cause(self);
}

static gboolean
connection_stays_lost(gpointer data)
{
    VmMachine *self = VM_MACHINE(data);

    self->lost_timer = 0;
    if (self->restart_asked) {
        return G_SOURCE_REMOVE;
    }
    vm_machine_set_state(self, VM_MACHINE_LOST);
    vm_machine_take_problem(self, vm_problem_new("lost", self->title,
                                                 vm_connection_get_error_message(self->connection),
                                                 NULL, NULL));
    return G_SOURCE_REMOVE;
}

static void
say_crowded(VmMachine *self)
{
    clear_timer(&self->lost_timer);
    if (!has_problem(self, "too-many-viewers")) {
        vm_machine_take_problem(self,
                                vm_problem_new("too-many-viewers", self->title, NULL, NULL, NULL));
    }
    vm_machine_set_state(self, VM_MACHINE_LOST);
}

static void
connection_changed(VmMachine *self)
{
    VmConnectionState state = vm_connection_get_state(self->connection);

    if (state == VM_CONNECTION_READY) {
        clear_timer(&self->lost_timer);
        self->was_ready = TRUE;
        self->restart_asked = FALSE;
        watch_log(self);
        if (has_problem(self, "lost") || has_problem(self, "too-many-viewers")) {
            vm_machine_dismiss_problem(self);
        }
        take_machine_state(self);
        vm_machine_update_words(self);
        vm_machine_begin_hour(self);
    } else if (state == VM_CONNECTION_WAITING && vm_connection_get_crowded(self->connection)) {
        say_crowded(self);
    } else if (self->was_ready && state == VM_CONNECTION_WAITING && !self->lost_timer &&
               self->state != VM_MACHINE_LOST) {
        if (self->restart_asked) {
            vm_machine_set_state(self, VM_MACHINE_RESTARTING);
        }
        self->lost_timer = g_timeout_add(LOST_AFTER_MS, connection_stays_lost, self);
    }
}

static gboolean
stays_elsewhere(gpointer data)
{
    VmMachine *self = VM_MACHINE(data);

    self->elsewhere_timer = 0;
    set_elsewhere(self, TRUE);
    return G_SOURCE_REMOVE;
}

/* A command that asks something and ends is nothing to tell. */
static void
clients_changed(VmMachine *self)
{
    if (vm_connection_get_client_count(self->connection) <= 1) {
        clear_timer(&self->elsewhere_timer);
        set_elsewhere(self, FALSE);
    } else if (!self->elsewhere && !self->elsewhere_timer) {
        self->elsewhere_timer = g_timeout_add(ELSEWHERE_AFTER_MS, stays_elsewhere, self);
    }
}

/* Who shows the state may show how long it is until the next try. */
static void
retry_comes_near(VmMachine *self)
{
    if (self->state == VM_MACHINE_LOST) {
        g_object_notify(G_OBJECT(self), "state-words");
    }
}

static gboolean
wants_renderer(VmMachine *self)
{
    VmJson *definition = vm_machine_get_running_definition(self);
    const char *backend = definition ? vm_json_get_string(definition, "gpu.backend") : NULL;

    return backend && !g_str_equal(backend, "2d");
}

static void
graphics_changed(VmMachine *self)
{
    const char *word = vm_connection_get_graphics(self->connection);
    const char *why = vm_connection_get_graphics_sentence(self->connection);
    const guint restarts = vm_connection_get_graphics_restarts(self->connection);
    const gboolean came_again = restarts > self->card_restarts;

    self->card_restarts = restarts;
    if (came_again) {
        if (!self->problem || vm_problem_informs(self->problem)) {
            vm_machine_take_problem(self,
                                    vm_problem_new("card-restarted", self->title, why, NULL, NULL));
        }
    } else if (restarts == 0 && why && why[0] && g_strcmp0(word, "2d") == 0 &&
               wants_renderer(self) && !self->problem) {
        vm_machine_take_problem(self, vm_problem_new("no-gpu", self->title, why, NULL, NULL));
    }
    g_object_notify(G_OBJECT(self), "has-renderer");
}

gboolean
vm_machine_has_renderer(VmMachine *self)
{
    const char *word = NULL;

    g_return_val_if_fail(VM_IS_MACHINE(self), FALSE);
    word = self->connection ? vm_connection_get_graphics(self->connection) : NULL;
    return word && (g_str_has_prefix(word, "virgl") || g_str_equal(word, "venus"));
}

static gboolean
try_to_connect(gpointer data)
{
    VmMachine *self = VM_MACHINE(data);

    if (!g_file_test(vm_connection_get_path(self->connection), G_FILE_TEST_EXISTS)) {
        return G_SOURCE_CONTINUE;
    }
    self->connect_timer = 0;
    vm_connection_open(self->connection);
    return G_SOURCE_REMOVE;
}

static void
make_connection(VmMachine *self)
{
    g_autofree char *path = vm_machine_dup_socket_path(self);

    if (!path) {
        return;
    }
    vm_machine_drop_connection(self);
    self->connection = vm_connection_new(path);
    g_signal_connect_object(self->connection, "notify::state", G_CALLBACK(connection_changed), self,
                            G_CONNECT_SWAPPED);
    g_signal_connect_object(self->connection, "notify::machine-state",
                            G_CALLBACK(take_machine_state), self, G_CONNECT_SWAPPED);
    g_signal_connect_object(self->connection, "notify::sentence", G_CALLBACK(take_cause), self,
                            G_CONNECT_SWAPPED);
    g_signal_connect_object(self->connection, "notify::client-count", G_CALLBACK(clients_changed),
                            self, G_CONNECT_SWAPPED);
    g_signal_connect_object(self->connection, "notify::graphics", G_CALLBACK(graphics_changed),
                            self, G_CONNECT_SWAPPED);
    g_signal_connect_object(self->connection, "notify::graphics-sentence",
                            G_CALLBACK(graphics_changed), self, G_CONNECT_SWAPPED);
    g_signal_connect_object(self->connection, "notify::graphics-restarts",
                            G_CALLBACK(graphics_changed), self, G_CONNECT_SWAPPED);
    g_signal_connect_object(self->connection, "notify::retry-seconds", G_CALLBACK(retry_comes_near),
                            self, G_CONNECT_SWAPPED);
    vm_machine_notify_connection(self);
    if (try_to_connect(self) == G_SOURCE_CONTINUE) {
        self->connect_timer = g_timeout_add(CONNECT_POLL_MS, try_to_connect, self);
    }
}

/* Why a run ended: from the connection, else from last-run.json, else from the status alone. */
static VmProblem *
problem_of_run(VmMachine *self, int status, VmJson *last)
{
    const char *cause = last ? vm_json_get_string(last, "id") : NULL;
    const char *part = last ? vm_json_get_string(last, "part") : NULL;
    const char *sentence = last ? vm_json_get_string(last, "sentence") : NULL;
    g_autofree char *messages = vm_run_last_messages(self->name, DETAIL_LINES);
    g_autofree char *details = NULL;
    VmProblem *problem = NULL;

    if (!cause || !cause[0]) {
        cause = vm_problem_id_for_status(status);
    }
    /* Translators: %d is the exit status of the program that ran the machine. */
    details = g_strdup_printf(_("%s\nExit status %d"), messages ? messages : "", status);
    if ((!sentence || !sentence[0]) && messages) {
        const char *line = strrchr(messages, '\n');
        sentence = line ? line + 1 : messages;
    }
    problem = vm_problem_new(cause, self->title, sentence, part, g_strchug(details));
    vm_problem_find_file(problem, self->definition, self->name);
    return problem;
}

static void
run_ended(VmMachine *self, int status)
{
    g_autofree char *folder = vm_paths_state(self->name);
    g_autofree char *path = g_build_filename(folder, "last-run.json", NULL);
    g_autoptr(VmJson) last = self->socket ? NULL : vm_json_load(path, NULL);

    g_signal_handlers_disconnect_by_data(self->run, self);
    g_clear_object(&self->run);
    vm_machine_keep_figures(self);
    vm_machine_drop_connection(self);
    set_stubborn(self, FALSE);
    self->restart_asked = FALSE;
    g_clear_pointer(&self->running, vm_json_free);
    if (!self->found) {
        vm_machine_forget_kept_run(self);
        g_clear_pointer(&self->socket, g_free); /* of one that was kept: the next run is at home */
    }
    if (status < 0) {
        status = last ? (int)vm_json_get_int(last, "status", 0) : 0;
    }
    if (status == 0) {
        vm_machine_dismiss_problem(self);
        vm_machine_set_state(self, VM_MACHINE_OFF);
    } else if (status == STATUS_RESET) {
        vm_machine_set_state(self, VM_MACHINE_OFF);
        if (!self->found) {
            vm_machine_start_again(self);
        }
        if (self->run) {
            vm_machine_set_state(self, VM_MACHINE_RESTARTING);
        }
    } else if (status == STATUS_FAILED) {
        vm_machine_take_failure(self, problem_of_run(self, status, last));
    } else {
        vm_machine_take_problem(self, problem_of_run(self, status, last));
        vm_machine_set_state(self, VM_MACHINE_STOPPED);
    }
}

static void
adopt_run(VmMachine *self, VmRun *run, gboolean disposable)
{
    vm_machine_forget_restart(self);
    self->run = run;
    self->disposable = disposable;
    self->worked = FALSE;
    self->stop_asked = FALSE;
    self->restarted = FALSE;
    g_clear_pointer(&self->running, vm_json_free);
    self->running = self->definition ? vm_json_copy(self->definition) : NULL;
    g_signal_connect_object(run, "ended", G_CALLBACK(run_ended), self, G_CONNECT_SWAPPED);
    vm_machine_dismiss_problem(self);
    vm_machine_set_state(self, VM_MACHINE_STARTING);
    make_connection(self);
}

/* Of a run that somebody else began. */
static gboolean
run_is_disposable(VmMachine *self)
{
    g_autofree char *folder = vm_paths_runtime(self->name);
    g_autofree char *path = folder ? g_build_filename(folder, "config", NULL) : NULL;
    g_autoptr(VmJson) config = path ? vm_json_load(path, NULL) : NULL;

    return config && vm_json_get_bool(config, "disposable", FALSE);
}

void
vm_machine_find_run(VmMachine *self)
{
    VmRun *run = NULL;

    if (!self->run) {
        run = self->socket ? vm_run_find_at(self->socket, NULL) : vm_run_find(self->name);
        run = run || self->socket || self->found ? run : vm_machine_find_kept_run(self);
    }
    if (run) {
        adopt_run(self, run, run_is_disposable(self));
        self->comes_again = vm_machine_run_has(self, "--restart");
    }
}

static void
start(VmMachine *self, gboolean disposable)
{
    g_autofree char *definition = vm_paths_definition(self->name);
    g_autofree char *program = vm_paths_vmm();
    g_autofree char *state = vm_paths_state(self->name);
    g_autofree char *last_run = g_build_filename(state, "last-run.json", NULL);
    g_autoptr(GError) error = NULL;
    VmRun *run = NULL;

    if (self->run || self->build || self->found) {
        return;
    }
    vm_machine_forget_restart(self);
    vm_machine_find_run(self);
    if (self->run) {
        return;
    }
    (void)g_remove(last_run);
    run = vm_run_start_with_flags(self->name, definition,
                                  disposable ? VM_RUN_FLAGS_DISPOSABLE : VM_RUN_FLAGS_NONE, &error);
    if (run) {
        adopt_run(self, run,
                  disposable || (self->definition &&
                                 vm_json_get_bool(self->definition, "disposable", FALSE)));
        return;
    }
    vm_machine_take_problem(
        self,
        vm_problem_new(g_file_test(program, G_FILE_TEST_IS_EXECUTABLE) ? "cannot-start" : "no-vmm",
                       self->title, error->message, NULL, NULL));
    vm_machine_set_state(self, VM_MACHINE_STOPPED);
}

void
vm_machine_start(VmMachine *self)
{
    start(self, FALSE);
}

void
vm_machine_start_again(VmMachine *self)
{
    start(self, self->disposable);
}

void
vm_machine_start_disposable(VmMachine *self)
{
    start(self, TRUE);
}

static void
request_answered(GObject *source, GAsyncResult *result, gpointer data)
{
    g_autoptr(VmMachine) self = VM_MACHINE(data);
    g_autoptr(GError) error = NULL;

    if (vm_connection_request_finish(VM_CONNECTION(source), result, &error)) {
        return;
    }
    g_debug("%s: %s", self->name, error->message);
    /* The machine ending while it answers is what was asked for. */
    if (self->run && !g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CLOSED) &&
        !g_error_matches(error, G_IO_ERROR, G_IO_ERROR_NOT_CONNECTED)) {
        vm_machine_take_problem(self,
                                vm_problem_new("stalled", self->title, NULL, NULL, error->message));
    }
}

/* FALSE when there is no connection to ask through. */
static gboolean
request(VmMachine *self, VmRequest what)
{
    if (!self->connection || vm_connection_get_state(self->connection) != VM_CONNECTION_READY) {
        return FALSE;
    }
    vm_connection_request_async(self->connection, what, self->cancellable, request_answered,
                                g_object_ref(self));
    return TRUE;
}

static gboolean
became_stubborn(gpointer data)
{
    VmMachine *self = VM_MACHINE(data);

    self->stubborn_timer = 0;
    set_stubborn(self, TRUE);
    return G_SOURCE_REMOVE;
}

void
vm_machine_shut_down(VmMachine *self)
{
    if (vm_machine_leave_off(self) || !self->run) {
        return;
    }
    self->stop_asked = TRUE;
    if (!request(self, VM_REQUEST_POWER_BUTTON)) {
        vm_run_terminate(self->run);
    }
    if (!has_problem(self,
                     VM_PROBLEM_DISK_FULL)) { /* else the guest hears of it when there is room */
        vm_machine_set_state(self, VM_MACHINE_SHUTTING_DOWN);
    }
    if (!self->stubborn && !self->stubborn_timer) {
        self->stubborn_timer = g_timeout_add_seconds(STUBBORN_SECONDS, became_stubborn, self);
    }
}

void
vm_machine_force_off(VmMachine *self)
{
    if (vm_machine_leave_off(self) || !self->run) {
        return;
    }
    self->stop_asked = TRUE;
    if (!request(self, VM_REQUEST_STOP)) {
        /* The supervisor's last resort: the second signal stops. */
        vm_run_terminate(self->run);
        vm_run_terminate(self->run);
    }
}

void
vm_machine_restart(VmMachine *self)
{
    if (vm_machine_can_restart(self) && request(self, VM_REQUEST_RESTART)) {
        self->restart_asked = TRUE;
        if (has_problem(self, "restarted")) {
            vm_machine_dismiss_problem(self);
        }
        vm_machine_set_state(self, VM_MACHINE_RESTARTING);
    }
}

void
vm_machine_set_paused(VmMachine *self, gboolean paused)
{
    (void)request(self, paused ? VM_REQUEST_PAUSE : VM_REQUEST_RESUME);
}

void
vm_machine_say_stalled(VmMachine *self)
{
    if (self->run && (!self->problem || has_problem(self, "restarted"))) {
        vm_machine_take_problem(self, vm_problem_new("stalled", self->title, NULL, NULL, NULL));
    }
}
