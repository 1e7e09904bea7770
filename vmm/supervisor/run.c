/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/supervisor/run.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/base/fd.h"
#include "vmm/base/memory.h"
#include "vmm/config/config.h"
#include "vmm/supervisor/end-signals.h"
#include "vmm/supervisor/overlays.h"
#include "vmm/supervisor/paths.h"
#include "vmm/supervisor/result.h"
#include "vmm/supervisor/terminal.h"
#include "vmm/supervisor/vm.h"

enum {
    CONFIG_FILE_MAX = 1 << 20,
    RESTART_PAUSE_S = 1, /* a guest that resets at once must not keep a processor busy */
};

struct run {
    int argc;
    char **argv;
    struct machine_config config;
    struct runtime_dir runtime;
    char *state_folder; /* of a named machine, or NULL */
    struct log_file *log;
    struct terminal terminal;
    struct overlays overlays;
    const char *no_3d; /* why 3D is not tried any more, or NULL */
    bool told_to_end;  /* by a signal: it is not started again */
};

/* What config asks for: the text of one --cfg file. */
static int
read_config_file(void *data, const char *name, char **ret_text, size_t *ret_size,
                 struct config_error *error)
{
    cleanup_fd int fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    cleanup_free char *text = NULL;
    struct stat st;
    int r;

    (void)data;
    if (fd < 0 || fstat(fd, &st) < 0) {
        r = -errno;
        config_fail(error, "The configuration file “%s” cannot be opened (%s); check the path.",
                    name, strerror(-r));
        if (r == -ENOENT) {
            snprintf(error->id, sizeof(error->id), "file-missing");
        }
        return r;
    }
    if (!S_ISREG(st.st_mode) || st.st_size > CONFIG_FILE_MAX) {
        return config_fail(error, "The configuration file “%s” is %s; give a JSON file.", name,
                           S_ISREG(st.st_mode) ? "too long" : "not a file");
    }
    text = malloc((size_t)st.st_size + 1);
    r = text ? fd_read_full(fd, text, (size_t)st.st_size) : -ENOMEM;
    if (r < 0) {
        return config_fail(error, "The configuration file “%s” cannot be read (%s); try again.",
                           name, strerror(-r));
    }
    *ret_size = (size_t)st.st_size;
    *ret_text = take_pointer(text);
    return 0;
}

static int
parse(struct run *run, struct failure *failure)
{
    const struct config_host host = {.read_file = read_config_file, .ram_mib = host_memory_mib()};
    struct config_error error = {0};

    if (config_parse(run->argc, run->argv, &host, &run->config, &error) < 0) {
        return failure_set(failure, EXIT_STATUS_USAGE, error.id, "%s", error.sentence);
    }
    return 0;
}

static int
say(const struct failure *end)
{
    if (end->status >= EXIT_STATUS_FAILED && end->sentence[0]) {
        fprintf(stderr, "vmm: %s\n", end->sentence);
    }
    return end->status;
}

/* The last word of a machine that has a name is also left in its state folder. */
static int
conclude(const struct run *run, const struct failure *end, time_t started)
{
    if (run->log && end->sentence[0]) {
        log_file_print(run->log, LOG_LEVEL_ERROR, "%s", end->sentence);
        if (end->status != EXIT_STATUS_OFF) {
            log_file_print(run->log, LOG_LEVEL_INFO, "ended with status %d", end->status);
        }
    } else {
        say(end);
    }
    if (run->state_folder) {
        result_write(run->state_folder, end, started);
    }
    return end->status;
}

static void
open_log(struct run *run)
{
    static const enum log_level shown[] = {
        [CONFIG_LOG_ERROR] = LOG_LEVEL_ERROR,
        [CONFIG_LOG_WARNING] = LOG_LEVEL_WARNING,
        [CONFIG_LOG_INFO] = LOG_LEVEL_WARNING, /* the default: the rest is in the file */
        [CONFIG_LOG_DEBUG] = LOG_LEVEL_DEBUG,
    };
    cleanup_free char *path = NULL;

    if (run->state_folder && path_make_folders(run->state_folder) < 0) {
        free(run->state_folder);
        run->state_folder = NULL;
    }
    path = xasprintf("%s/log", run->state_folder ? run->state_folder : run->runtime.path);
    run->log = log_file_open(path, shown[run->config.log_level]);
    log_file_use_journal(run->log, run->runtime.name);
    if (run->config.disable_sandbox) {
        log_file_print(run->log, LOG_LEVEL_WARNING,
                       "The sandbox is off: every part may do what you may do.");
    }
}

static void
begin_terminal(struct run *run)
{
    bool input = false;
    bool output = false;

    for (size_t i = 0; i < run->config.n_serial; i++) {
        input = input || run->config.serial[i].input;
        output = output || run->config.serial[i].type == SERIAL_STDOUT;
    }
    terminal_begin(&run->terminal, input, output);
}

/* What a port's file is called: as the display names the port. */
static char *
port_name(const struct serial_config *serial)
{
    return xasprintf("%s.%u",
                     serial->hardware == SERIAL_HARDWARE_VIRTIO_CONSOLE ? "console" : "serial",
                     (unsigned int)serial->number - 1);
}

/* The display fills the histories until it has left: they are written after that. */
static void
keep_outputs(const struct run *run, const int history_fd[CONFIG_SERIALS_MAX])
{
    for (unsigned int i = 0; i < CONFIG_SERIALS_MAX; i++) {
        cleanup_free char *serial = xasprintf("serial.%u", i);
        cleanup_free char *console = xasprintf("console.%u", i);
        result_write_output(run->state_folder, serial, -1);
        result_write_output(run->state_folder, console, -1);
    }
    for (size_t i = 0; i < run->config.n_serial; i++) {
        cleanup_free char *name = port_name(&run->config.serial[i]);
        result_write_output(run->state_folder, name, history_fd[i]);
    }
}

static void
end_machine(const struct run *run, struct vm *vm)
{
    int history_fd[CONFIG_SERIALS_MAX];

    for (size_t i = 0; i < CONFIG_SERIALS_MAX; i++) {
        history_fd[i] = vm->serial[i].history_fd;
        vm->serial[i].history_fd = -1;
    }
    vm_destroy(vm); /* before the last word, so that nothing of it follows */
    if (run->state_folder) {
        keep_outputs(run, history_fd);
    }
    for (size_t i = 0; i < CONFIG_SERIALS_MAX; i++) {
        fd_closep(&history_fd[i]);
    }
}

/* Start the machine and stay until it has ended. True when it should start once more without 3D. */
static bool
boot(struct run *run, struct failure *ret_end)
{
    const struct vm_host host = {
        .runtime = &run->runtime, .log = run->log, .overlays = &run->overlays, .no_3d = run->no_3d};
    cleanup(vm_destroyp) struct vm *vm = vm_create(&run->config, &host, ret_end);
    bool once_more = false;

    if (vm) {
        begin_terminal(run);
        vm_run(vm, ret_end);
        if (run->state_folder && vm->last_frame_fd >= 0) {
            result_write_frame(run->state_folder, vm->last_frame_fd);
        }
        run->told_to_end = vm->told_to_end;
        once_more = vm->graphics_failed && !run->no_3d && !run->told_to_end;
        end_machine(run, vm);
        vm = NULL;
        terminal_end(&run->terminal);
    }
    return once_more;
}

/* One boot of the machine; a second one where 3D did not get through the first. */
static int
run_once(struct run *run)
{
    const time_t started = time(NULL);
    struct failure end = {0};
    cleanup_free char *config = config_print(&run->config);

    runtime_dir_write(&run->runtime, "config", config);
    if (boot(run, &end)) {
        run->no_3d = VM_NO_3D_AGAIN;
        end = (struct failure){0};
        boot(run, &end);
    }
    return conclude(run, &end, started);
}

/* --restart: the same name and socket, the configuration read anew. */
static int
run_until_off(struct run *run)
{
    struct failure failure;
    int status = run_once(run);

    while (status == EXIT_STATUS_RESET && run->config.restart && !run->told_to_end) {
        struct machine_config before = run->config;

        log_file_print(run->log, LOG_LEVEL_INFO, "the guest reboots");
        sleep(RESTART_PAUSE_S);
        if (parse(run, &failure) < 0) {
            run->config = before;
            return conclude(run, &failure, time(NULL));
        }
        machine_config_finish(&before);
        status = run_once(run);
    }
    return status;
}

/* Signals that vm_run() reads from a descriptor; before and after that they wait. */
static void
block_signals(void)
{
    const sigset_t signals = end_signals();

    sigprocmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGTTOU, SIG_IGN);
}

static int
run_machine(struct run *run)
{
    const time_t started = time(NULL);
    struct failure failure;
    int status;

    block_signals();
    if (runtime_dir_create(run->config.name, run->config.socket, &run->runtime, &failure) < 0) {
        return say(&failure);
    }
    if (run->config.name) {
        run->state_folder = path_state(run->config.name);
    }
    (void)started;
    open_log(run);
    overlays_init(&run->overlays);
    status = run_until_off(run);
    overlays_close(&run->overlays);
    log_file_close(run->log);
    runtime_dir_remove(&run->runtime);
    free(run->state_folder);
    return status;
}

int
run_command(int argc, char **argv)
{
    struct run run = {
        .argc = argc,
        .argv = argv,
        .runtime = {.fd = -1, .lock_fd = -1, .listen_fd = -1},
    };
    struct failure failure;
    int status = 0;

    if (parse(&run, &failure) < 0) {
        return say(&failure);
    }
    if (run.config.help) {
        config_print_help(stdout);
    } else if (run.config.print_config) {
        cleanup_free char *text = config_print(&run.config);
        fputs(text, stdout);
    } else {
        status = run_machine(&run);
    }
    machine_config_finish(&run.config);
    return status;
}
