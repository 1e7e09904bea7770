/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/supervisor/instance.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "vmm/base/fd.h"
#include "vmm/base/memory.h"
#include "vmm/config/config.h"
#include "vmm/supervisor/end-signals.h"
#include "vmm/supervisor/guest-error.h"
#include "vmm/supervisor/lifecycle.h"
#include "vmm/supervisor/processes.h"
#include "vmm/supervisor/spawn.h"

struct instance {
    int connection_fd;
    struct log_file *log;
    struct machine_config idle_config;
    struct vm *idle;
    struct vm *vm;  /* the one whose loop runs */
    int request_fd; /* JSON of a machine that is wanted, or -1 */
    struct message_fds handles;
    bool over;
};

/* Options that name nothing outside, or only what can be given as a handle. */
static const char *const taken_options[] = {
    "kernel",
    "initrd",
    "params",
    "cpus",
    "mem",
    "block",
    "serial",
    "gpu",
    "vhost-user",
    "display-window-keyboard",
    "rng",
    "balloon",
    "balloon-page-reporting",
    "name",
    "device-tree-overlay",
    "display-window-mouse",
    NULL,
};

int
instance_connection(const struct instance *instance)
{
    return instance->connection_fd;
}

bool
instance_has_request(const struct instance *instance)
{
    return instance->request_fd >= 0;
}

const struct message_fds *
instance_handles(const struct instance *instance)
{
    return &instance->handles;
}

void
instance_end(struct instance *instance)
{
    instance->over = true;
    loop_quit(instance->vm->loop, 0);
}

static bool
client_is_gone(const struct instance *instance)
{
    struct pollfd connection = {.fd = instance->connection_fd, .events = POLLRDHUP};

    return poll(&connection, 1, 0) != 0;
}

void
instance_lost_display(struct instance *instance, const struct failure *how)
{
    if (!client_is_gone(instance)) {
        log_file_print(instance->log, LOG_LEVEL_WARNING, "%.*s; its client is disconnected.",
                       (int)strcspn(how->sentence, ";"), how->sentence);
    }
    instance_end(instance);
}

static void
on_connection(void *data, uint32_t events)
{
    struct vm *vm = data;

    (void)events;
    instance_end(vm->instance);
}

int
instance_watch(struct vm *vm)
{
    vm->instance->vm = vm;
    return loop_add(vm->loop, vm->instance->connection_fd, EPOLLRDHUP, on_connection, vm) ? 0 : -1;
}

bool
instance_request(struct vm *vm, struct message_fds *fds)
{
    struct instance *instance = vm->instance;

    if (vm->state != VM_IDLE || instance->request_fd >= 0 || fds->count == 0) {
        return false;
    }
    instance->request_fd = message_take_fd(fds, 0);
    instance->handles.count = fds->count - 1;
    for (size_t i = 1; i < fds->count; i++) {
        instance->handles.fd[i - 1] = message_take_fd(fds, i);
    }
    loop_quit(vm->loop, 0);
    return true;
}

static int
send_display(const struct vm *vm, const void *message, size_t size, const struct fd_plan *plan)
{
    return message_send(vm->child[0].control_fd, message, size, plan ? plan->fd : NULL,
                        plan ? plan->count : 0);
}

void
instance_tell_created(struct vm *vm)
{
    struct display_created *created;
    struct fd_plan plan = {0};

    if (vm->created) {
        return;
    }
    created = xalloc(sizeof(*created));
    created->header = (struct start_header){.type = DISPLAY_CREATED, .size = sizeof(*created)};
    if (vm->config->name) {
        snprintf(created->setup.vm_name, sizeof(created->setup.vm_name), "%s", vm->config->name);
    } else {
        snprintf(created->setup.vm_name, sizeof(created->setup.vm_name), "vm-%d", getpid());
    }
    setup_display_machine(vm, &plan, &created->setup);
    vm->created = true;
    if (send_display(vm, created, sizeof(*created), &plan) < 0) {
        instance_end(vm->instance);
    }
    free(created);
}

/* -- one machine -- */

static void
tell_not_created(struct instance *instance, enum guest_error error, const char *sentence)
{
    struct display_created *created = xalloc(sizeof(*created));

    created->header = (struct start_header){.type = DISPLAY_CREATED, .size = sizeof(*created)};
    created->error = error;
    snprintf(created->sentence, sizeof(created->sentence), "%s", sentence);
    if (send_display(instance->idle, created, sizeof(*created), NULL) < 0) {
        instance->over = true;
    }
    free(created);
}

static void
tell_ended(struct instance *instance, enum guest_error error, const struct failure *end)
{
    struct display_ended ended = {
        .header = {.type = DISPLAY_ENDED, .size = sizeof(ended)},
        .error = error,
        .exit_status = (uint32_t)end->status,
    };

    snprintf(ended.sentence, sizeof(ended.sentence), "%s", end->sentence);
    if (send_display(instance->idle, &ended, sizeof(ended), NULL) < 0) {
        instance->over = true;
    }
}

int
instance_read_request(struct instance *instance, struct machine_config *ret_config,
                      struct failure *failure)
{
    const struct config_host host = {.only = taken_options};
    cleanup_fd int fd = take_fd(&instance->request_fd);
    cleanup_free char *text = NULL;
    struct config_error error = {0};
    struct stat st;

    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > DISPLAY_CONFIG_MAX) {
        return failure_set(failure, EXIT_STATUS_USAGE, "bad-config",
                           "The configuration is too long; give less.");
    }
    text = xalloc((size_t)st.st_size + 1);
    if (fd_pread_full(fd, text, (size_t)st.st_size, 0) < 0) {
        return failure_set(failure, EXIT_STATUS_USAGE, "bad-config",
                           "The configuration cannot be read.");
    }
    const struct config_source source = {"Create", text, (size_t)st.st_size};
    if (config_parse_text(&source, &host, ret_config, &error) < 0) {
        return failure_set(failure, EXIT_STATUS_USAGE, error.id, "%s", error.sentence);
    }
    ret_config->allow_no_namespaces = instance->idle_config.allow_no_namespaces;
    ret_config->log_level = instance->idle_config.log_level;
    return 0;
}

/*
 * From its first process to its last; afterwards the display is the idle one's again. True when 3D did
 * not get through the start, and nobody was told: make it once more, without.
 */
static bool
run_machine(struct instance *instance, struct vm *vm, bool may_try_again)
{
    struct failure end = {0};
    enum guest_error error;
    bool created;

    vm->start_flags = instance->idle->start_flags;
    instance->vm = vm;
    if (vm_move_display(instance->idle, vm) < 0) {
        instance->over = true;
    }
    if (!instance->over) {
        vm_run(vm, &end);
    }
    created = vm->created;
    error = guest_error_of(vm, &end);
    instance->vm = instance->idle;
    if (instance->over || vm_move_display(vm, instance->idle) < 0) {
        instance->over = true;
        vm->child[0].ready = false; /* nobody listens to its last words */
        vm->in_a_hurry = true;
        vm_destroy(vm);
        return false;
    }
    const bool once_more = may_try_again && vm->graphics_failed && !created;
    vm_destroy(vm);
    if (once_more) {
        return true;
    }
    if (error != GUEST_ERROR_NONE && end.sentence[0]) {
        log_file_print(instance->log, LOG_LEVEL_WARNING, "%s", end.sentence);
    }
    if (created) {
        tell_ended(instance, error, &end);
    } else {
        tell_not_created(instance, error, end.sentence);
    }
    return false;
}

static void
serve_request(struct instance *instance)
{
    struct vm_host host = {
        .log = instance->log, .handles = &instance->handles, .instance = instance};
    struct machine_config config = {0};
    struct failure failure = {0};
    struct vm *vm = NULL;

    if (instance_read_request(instance, &config, &failure) == 0) {
        vm = vm_create(&config, &host, &failure);
    }
    const bool has_3d = vm && vm->graphics.level != GPU_LEVEL_2D;
    if (!has_3d) {
        message_close_fds(&instance->handles);
    }
    if (vm && run_machine(instance, vm, has_3d)) {
        host.no_3d = VM_NO_3D_AGAIN;
        vm = vm_create(&config, &host, &failure);
        if (vm) {
            run_machine(instance, vm, false);
        }
    }
    message_close_fds(&instance->handles);
    if (!vm) {
        tell_not_created(instance, guest_error_of(NULL, &failure), failure.sentence);
    }
    machine_config_finish(&config);
}

/* -- the whole connection -- */

static int
run_instance(struct instance *instance)
{
    const struct vm_host host = {.log = instance->log, .instance = instance};
    struct failure failure = {0};

    instance->idle = vm_create_idle(&instance->idle_config, &host, &failure);
    if (!instance->idle) {
        log_file_print(instance->log, LOG_LEVEL_ERROR, "%s", failure.sentence);
        return EXIT_STATUS_FAILED;
    }
    instance->vm = instance->idle;
    vm_run(instance->idle, &failure);
    while (!instance->over && instance_has_request(instance)) {
        serve_request(instance);
        if (!instance->over && loop_run(instance->idle->loop) < 0) {
            break;
        }
    }
    if (failure.sentence[0]) { /* the display did not come up */
        log_file_print(instance->log, LOG_LEVEL_ERROR, "%s", failure.sentence);
    }
    instance->idle->child[0].ready = false;
    vm_destroy(instance->idle);
    return failure.sentence[0] ? EXIT_STATUS_FAILED : 0;
}

static void
block_signals(void)
{
    const sigset_t signals = end_signals();

    sigprocmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);
}

struct instance *
instance_create(int connection_fd, const struct instance_options *options)
{
    struct instance *instance = xalloc(sizeof(*instance));

    instance->connection_fd = connection_fd;
    instance->request_fd = -1;
    instance->idle_config.allow_no_namespaces = options->allow_no_namespaces;
    instance->idle_config.log_level = options->verbose ? CONFIG_LOG_DEBUG : CONFIG_LOG_WARNING;
    instance->log = log_file_open(NULL, options->verbose ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARNING);
    return instance;
}

void
instance_destroy(struct instance *instance)
{
    if (instance) {
        message_close_fds(&instance->handles);
        fd_closep(&instance->request_fd);
        log_file_close(instance->log);
        fd_closep(&instance->connection_fd);
        free(instance);
    }
}

int
instance_serve(int connection_fd, const struct instance_options *options)
{
    cleanup(instance_destroyp) struct instance *instance = instance_create(connection_fd, options);

    block_signals();
    log_file_use_journal(instance->log, NULL);
    return run_instance(instance);
}
