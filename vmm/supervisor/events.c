/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/supervisor/events.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"
#include "vmm/base/memory.h"
#include "vmm/base/message.h"
#include "vmm/supervisor/balloon.h"
#include "vmm/supervisor/card-watch.h"
#include "vmm/supervisor/instance.h"
#include "vmm/supervisor/lifecycle.h"
#include "vmm/supervisor/processes.h"
#include "vmm/supervisor/revive.h"
#include "vmm/supervisor/room.h"
#include "vmm/supervisor/spawn.h"
#include "vmm/supervisor/statistics.h"
#include "vmm/supervisor/trace.h"
#include "vmm/supervisor/wayland.h"

enum {
    DISPLAY_WINDOW_MS = 60 * 1000,
    DEATH_GRACE_MS = 200,
    LEAVE_GRACE_MS =
        1000, /* of a machine whose device left by itself: it takes its memory down first */
    MESSAGES_PER_WAKE = 64,     /* then others get their turn */
    MESSAGES_QUEUED_MAX = 1024, /* more than a socket holds */
};

/* The largest message that a child may send. */
union any_message {
    struct start_header header;
    struct start_failed failed;
    struct loader_done loaded;
    struct machine_device_failed device_failed;
    struct machine_ended ended;
    struct guard_connect connect;
    struct display_resize resize;
    struct block_resized resized;
    struct block_room room;
    struct balloon_question balloon_question;
    struct display_ask_trace ask_trace;
    struct balloon_answer balloon_answer;
};

uint64_t
events_now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Text from a child: ended, and without control characters. */
static void
clean_text(char *text, size_t size)
{
    text[size - 1] = '\0';
    for (; *text; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7f) {
            *text = '?';
        }
    }
}

static void
end_by(struct child *child, const char *id, const char *sentence)
{
    struct failure failure;

    failure_set(&failure, EXIT_STATUS_FAILED, id, "%s", sentence);
    snprintf(failure.part, sizeof(failure.part), "%s", child->name);
    lifecycle_end(child->vm, &failure);
}

static void
end_by_nonsense(struct child *child)
{
    char sentence[START_SENTENCE_SIZE];

    snprintf(sentence, sizeof(sentence),
             "The %s sent a message that it may not send; start again, and report it if it happens "
             "again.",
             child->row->label);
    end_by(child, "part-died", sentence);
}

/* Before the guest runs, a card that fails with 3D is a reason to start once more without. */
static void
graphics_failed(const struct child *child)
{
    if (child->row->death == DEATH_IS_TOLD && child->vm->graphics.level != GPU_LEVEL_2D &&
        !child->vm->booted && child->vm->state != VM_ENDING) {
        child->vm->graphics_failed = true;
    }
}

static bool
on_start_message(struct child *child, union any_message *message, size_t size)
{
    if (message->header.type == START_READY && size == sizeof(message->header)) {
        child->ready = true;
        if (child->row == &process_display) {
            trace_stop(child->vm); /* the clients of the one before are gone */
            lifecycle_tell_display(child->vm);
        }
        if (revive_is_card(child)) {
            card_watch_begin(child);
            revive_ready(child);
        }
        if (child->vm->state == VM_IDLE) {
            loop_timer_set(child->vm->start_timer, 0, 0);
        }
        lifecycle_advance(child->vm);
        return true;
    }
    if (message->header.type == START_PONG && size == sizeof(message->header)) {
        return revive_is_card(child) && card_watch_answered(child->vm);
    }
    if (message->header.type == START_FAILED && size == sizeof(message->failed)) {
        clean_text(message->failed.id, sizeof(message->failed.id));
        clean_text(message->failed.sentence, sizeof(message->failed.sentence));
        graphics_failed(child);
        if (child->restarts > 0) { /* the display has run before; its end starts it again */
            log_file_write(child->vm->log, child->name, LOG_LEVEL_ERROR, message->failed.sentence);
        } else {
            end_by(child, message->failed.id, message->failed.sentence);
        }
        return true;
    }
    return false;
}

static bool
on_loader_message(struct child *child, union any_message *message, size_t size)
{
    if (message->header.type != LOADER_DONE || size != sizeof(message->loaded)) {
        return false;
    }
    child->vm->loaded = message->loaded;
    child->vm->is_loaded = true;
    child->done = true;
    lifecycle_advance(child->vm);
    return true;
}

static void
on_machine_ended(struct child *child, struct machine_ended *ended)
{
    struct vm *vm = child->vm;
    struct failure end = {.status = EXIT_STATUS_OFF};

    child->done = true;
    clean_text(ended->id, sizeof(ended->id));
    clean_text(ended->sentence, sizeof(ended->sentence));
    switch (ended->reason) {
    case MACHINE_END_POWEROFF:
        vm->stopped = false;
        break;
    case MACHINE_END_STOPPED:
        end.status = vm->restart ? EXIT_STATUS_RESET : EXIT_STATUS_OFF;
        break;
    case MACHINE_END_RESET:
        end.status = EXIT_STATUS_RESET;
        break;
    case MACHINE_END_PANIC:
        failure_set(&end, EXIT_STATUS_PANIC, "guest-panic", "%s",
                    "The guest panicked; the last lines of its console say why.");
        break;
    case MACHINE_END_WATCHDOG:
        failure_set(&end, EXIT_STATUS_WATCHDOG, "watchdog", "%s",
                    "The guest did not answer its watchdog in time; its log may say why.");
        break;
    default:
        failure_set(&end, EXIT_STATUS_FAILED, ended->id[0] ? ended->id : "part-died", "%s",
                    ended->sentence[0] ? ended->sentence : "The machine could not go on.");
        snprintf(end.part, sizeof(end.part), "%s", child->name);
        break;
    }
    lifecycle_end(vm, &end);
}

static void child_ended(struct child *child);
static void card_is_lost(struct child *card, const struct failure *how);

/* Before the boot this ends the machine; the device's own death, if that was it, explains better. */
static void
on_device_failed(struct child *child, struct machine_device_failed *failed)
{
    struct vm *vm = child->vm;
    struct child *device;

    clean_text(failed->name, sizeof(failed->name));
    clean_text(failed->sentence, sizeof(failed->sentence));
    log_file_print(vm->log, LOG_LEVEL_WARNING, "%s: %s", failed->name, failed->sentence);
    device = vm_child(vm, failed->name);
    if (device && revive_is_card(device) && !revive_answered(vm) && device->restarts > 0) {
        return; /* of one that was started before this one */
    }
    if (device && device->pid > 0) {
        struct pollfd ended = {.fd = device->pidfd, .events = POLLIN};

        if (poll(&ended, 1, DEATH_GRACE_MS) > 0) {
            child_ended(device);
            return;
        }
    }
    if (!vm->booted) {
        end_by(child, "device-failed", failed->sentence);
    } else if (device && device->pid > 0 && revive_is_card(device)) {
        struct failure how = {0};

        failure_set(&how, EXIT_STATUS_FAILED, "part-died", "The %s could not go on;",
                    device->row->label);
        child_kill(device);
        card_is_lost(device, &how);
    }
}

static bool
on_machine_message(struct child *child, union any_message *message, size_t size)
{
    struct vm *vm = child->vm;
    const bool plain = size == sizeof(message->header);

    switch (message->header.type) {
    case MACHINE_DEVICE_ADDED:
        if (!plain || !vm->adding) {
            return false;
        }
        vm->adding = false;
        vm->n_added++;
        lifecycle_advance(vm);
        return true;
    case MACHINE_DEVICE_FAILED:
        if (size != sizeof(message->device_failed)) {
            return false;
        }
        on_device_failed(child, &message->device_failed);
        return true;
    case MACHINE_RUNNING:
    case MACHINE_RESUMED:
        lifecycle_running(vm);
        return plain;
    case MACHINE_PAUSED:
        lifecycle_paused(vm);
        return plain;
    case MACHINE_DEVICE_REPLACED:
        if (plain && revive_answered(vm)) {
            revive_done(vm);
        }
        return plain;
    case MACHINE_ENDED:
        if (size != sizeof(message->ended)) {
            return false;
        }
        on_machine_ended(child, &message->ended);
        return true;
    default:
        return false;
    }
}

static void
answer_statistics(struct child *child)
{
    struct display_statistics *statistics = xalloc(sizeof(*statistics));

    statistics_gather(child->vm, statistics);
    (void)message_send(child->control_fd, statistics, sizeof(*statistics), NULL, 0);
    free(statistics);
}

static void
answer_resize(struct vm *vm, uint32_t serial, int error)
{
    const struct child *display = vm_child(vm, process_display.name);
    const struct display_resized answer = {
        .header = {.type = DISPLAY_RESIZED, .size = sizeof(answer)},
        .serial = serial,
        .error = error,
    };

    if (display->ready && display->control_fd >= 0) {
        (void)message_send(display->control_fd, &answer, sizeof(answer), NULL, 0);
    }
}

static void
resize_disk(struct vm *vm, const struct display_resize *resize)
{
    const struct block_resize request = {
        .header = {.type = BLOCK_RESIZE, .size = sizeof(request)},
        .serial = resize->serial,
        .size = resize->size,
    };
    char name[START_NAME_SIZE];
    const struct child *disk;

    snprintf(name, sizeof(name), "block-%u", resize->disk);
    disk = vm_child(vm, name);
    if (!disk || !disk->ready || disk->control_fd < 0) {
        answer_resize(vm, resize->serial, -ENODEV);
    } else if (message_send(disk->control_fd, &request, sizeof(request), NULL, 0) < 0) {
        answer_resize(vm, resize->serial, -EBUSY);
    }
}

static bool
on_block_message(struct child *child, const union any_message *message, size_t size)
{
    if (message->header.type != BLOCK_RESIZED) {
        return room_on_message(child, &message->room, size);
    }
    if (size != sizeof(message->resized)) {
        return false;
    }
    answer_resize(child->vm, message->resized.serial, message->resized.error);
    return true;
}

/* Requests of clients, which vmm-display passes on; it checks who may ask. */
static bool
on_display_message(struct child *child, const union any_message *message, size_t size,
                   struct message_fds *fds)
{
    struct vm *vm = child->vm;

    if (message->header.type == DISPLAY_RESIZE_DISK && size == sizeof(message->resize)) {
        resize_disk(vm, &message->resize);
        return true;
    }
    if (message->header.type == DISPLAY_ASK_BALLOON && size == sizeof(message->balloon_question)) {
        balloon_ask(vm, &message->balloon_question);
        return true;
    }
    if (message->header.type == DISPLAY_ASK_TRACE && size == sizeof(message->ask_trace)) {
        trace_ask(vm, &message->ask_trace);
        return true;
    }
    if (size != sizeof(message->header)) {
        return false;
    }
    switch (message->header.type) {
    case DISPLAY_POWER_BUTTON:
        lifecycle_power_button(vm);
        return true;
    case DISPLAY_SLEEP_BUTTON:
        lifecycle_sleep_button(vm);
        return true;
    case DISPLAY_RESTART:
        vm->restart = true;
        lifecycle_stop(vm);
        return true;
    case DISPLAY_STOP:
        lifecycle_stop(vm);
        return true;
    case DISPLAY_PAUSE:
    case DISPLAY_RESUME:
        lifecycle_pause(vm, message->header.type == DISPLAY_PAUSE);
        return true;
    case DISPLAY_LAST_FRAME:
        fd_closep(&vm->last_frame_fd);
        vm->last_frame_fd = message_take_fd(fds, 0);
        if (vm->state == VM_ENDING) {
            lifecycle_finish(vm);
        }
        return true;
    case DISPLAY_ASK_STATISTICS:
        answer_statistics(child);
        return true;
    case DISPLAY_CREATE:
        return vm->instance && instance_request(vm, fds);
    case DISPLAY_RUN:
        lifecycle_go(vm);
        return vm->instance != NULL;
    default:
        return false;
    }
}

static void
on_message(struct child *child, union any_message *message, size_t size, struct message_fds *fds)
{
    bool known = size >= sizeof(message->header) && message->header.size == size;

    if (known && message->header.type < START_TYPE_FROM_CHILD) {
        known = on_start_message(child, message, size);
    } else if (known && child->row == &process_loader) {
        known = on_loader_message(child, message, size);
    } else if (known && strcmp(child->row->name, process_machine.name) == 0) {
        known = on_machine_message(child, message, size);
    } else if (known && child->row == &process_display) {
        known = on_display_message(child, message, size, fds);
    } else if (known && child->row == &process_block) {
        known = on_block_message(child, message, size);
    } else if (known && child->row == &process_balloon) {
        known = balloon_on_message(child, &message->balloon_answer, size);
    } else if (known && child->row == &process_wayland_guard) {
        known = wayland_on_message(child, &message->connect, size);
    } else {
        known = false;
    }
    if (!known) {
        end_by_nonsense(child);
    }
}

static void
take_messages(struct child *child, unsigned int limit)
{
    const bool may_pass = child->row == &process_display;
    union any_message message;
    struct message_fds fds = {0};
    ssize_t n;

    for (; limit > 0 && child->control_fd >= 0 && child->control_source; limit--) {
        n = message_receive(child->control_fd, &message, sizeof(message), may_pass ? &fds : NULL);
        if (n == -EAGAIN) {
            return;
        }
        if (n > 0) {
            on_message(child, &message, (size_t)n, &fds);
        }
        message_close_fds(&fds);
        if (n <= 0) { /* its end is reported on its own */
            loop_remove(child->control_source);
            child->control_source = NULL;
        }
        if (may_pass && child->vm->instance) {
            return; /* the next message may be for the next machine */
        }
    }
}

static void
on_control(void *data, uint32_t events)
{
    (void)events;
    take_messages(data, MESSAGES_PER_WAKE);
}

static void
on_log(void *data, uint32_t events)
{
    struct child *child = data;

    (void)events;
    if (!log_reader_read(&child->log, child->log_fd, child->name, child->vm->log)) {
        loop_remove(child->log_source);
        child->log_source = NULL;
    }
}

static void
start_display(struct child *display)
{
    struct vm *vm = display->vm;
    const uint64_t now = events_now_ms();
    uint64_t *oldest =
        &vm->display_starts_ms[vm->n_display_starts % ARRAY_SIZE(vm->display_starts_ms)];
    struct failure failure;

    if (*oldest != 0 && now - *oldest < DISPLAY_WINDOW_MS) {
        log_file_print(vm->log, LOG_LEVEL_ERROR,
                       "The display server ends again and again; it is started again later.");
        loop_timer_set(vm->display_timer, DISPLAY_WINDOW_MS - (now - *oldest), 0);
        return;
    }
    *oldest = now;
    vm->n_display_starts++;
    display->restarts++;
    if (lifecycle_start_child(display, &failure) < 0) {
        log_file_write(vm->log, "vmm", LOG_LEVEL_ERROR, failure.sentence);
        child_close(display);
        loop_timer_set(vm->display_timer, DISPLAY_WINDOW_MS, 0);
    }
    lifecycle_list_processes(vm);
}

void
events_on_display_timer(void *data, uint32_t events)
{
    struct vm *vm = data;

    (void)events;
    if (vm->state != VM_ENDING) {
        start_display(vm_child(vm, process_display.name));
    }
}

static void
display_ended(struct child *display, const struct failure *how)
{
    struct vm *vm = display->vm;
    const bool was_ready = display->ready || display->restarts > 0;

    display->ready = false;
    if (vm->instance) { /* the connection was its */
        instance_lost_display(vm->instance, how);
    } else if (vm->state == VM_ENDING) {
        lifecycle_finish(vm);
    } else if (!was_ready) {
        lifecycle_end(vm, how);
    } else {
        /* The cure after the semicolon is ours. */
        log_file_print(vm->log, LOG_LEVEL_WARNING, "%.*s; it is started again.",
                       failure_cause_length(how), how->sentence);
        start_display(display);
    }
}

/* The guest runs: it loses its screen, and nothing else. */
static void
card_is_lost(struct child *card, const struct failure *how)
{
    struct vm *vm = card->vm;

    revive_give_up(card);
    card->ready = false;
    card->done = true;
    vm->graphics.lost = true;
    snprintf(vm->graphics.sentence, sizeof(vm->graphics.sentence),
             "%.*s; the picture stands still, the guest goes on. Restart the guest, or start it "
             "with 2D graphics if it happens again.",
             (int)strcspn(how->sentence, ";"), how->sentence);
    log_file_print(vm->log, LOG_LEVEL_ERROR, "graphics: %s", vm->graphics.sentence);
    lifecycle_tell_display(vm);
    lifecycle_list_processes(vm);
}

static void
graphics_ended(struct child *card, const struct failure *how)
{
    if (!revive_card(card, how)) {
        card_is_lost(card, how);
    }
}

/* The guest's Vulkan programs end with it; the screen and everything else go on. */
static void
render_server_ended(struct child *server, const struct failure *how)
{
    struct vm *vm = server->vm;

    server->ready = false;
    server->done = true;
    if (!vm->graphics.lost) { /* else it ends because the graphics card did */
        snprintf(
            vm->graphics.sentence, sizeof(vm->graphics.sentence),
            "%.*s; Vulkan programs in the guest draw no more, everything else goes on. Restart "
            "the guest to have Vulkan again.",
            failure_cause_length(how), how->sentence);
        log_file_print(vm->log, LOG_LEVEL_ERROR, "graphics: %s", vm->graphics.sentence);
        lifecycle_tell_display(vm);
    }
    lifecycle_list_processes(vm);
}

static void
drain(struct child *child)
{
    if (child->control_source) {
        take_messages(child, MESSAGES_QUEUED_MAX);
    }
    if (child->log_source) {
        on_log(child, EPOLLIN);
    }
}

/* Whether a child that has ended was not killed. */
static bool
left_by_itself(const struct child *child)
{
    siginfo_t info = {0};

    return waitid(P_PIDFD, (id_t)child->pidfd, &info, WEXITED | WNOWAIT | WNOHANG | __WALL) == 0 &&
           info.si_code == CLD_EXITED && info.si_status == 0;
}

/* A device leaves when the machine does: then the machine's end is the reason, if it comes soon. */
static void
look_at_machine(struct vm *vm, const struct child *device)
{
    struct child *machine = vm_child(vm, process_machine.name);
    struct pollfd ended = {.fd = machine->pidfd, .events = POLLIN};
    int grace = left_by_itself(device) ? LEAVE_GRACE_MS : DEATH_GRACE_MS;

    drain(machine);
    if (vm->state != VM_ENDING && machine->pid > 0 && poll(&ended, 1, grace) > 0) {
        child_ended(machine);
    }
}

static void
child_ended(struct child *child)
{
    struct vm *vm = child->vm;
    struct failure how = {0};

    drain(child);
    if (child->row->virtio || child->row == &process_render) {
        look_at_machine(vm, child);
    }
    child_reap(child, &how);
    if (revive_is_card(child)) {
        card_watch_end(vm, &how);
    }
    child_close(child);
    log_file_print(vm->log, LOG_LEVEL_DEBUG, "%s has ended", child->name);
    graphics_failed(child);
    if (child->row == &process_loader && vm->is_loaded) { /* nobody can change the memory now */
        kernel_cache_conclude(&vm->kernel_cache, &vm->loaded, vm->log);
    }
    if (child->row == &process_wayland_guard) {
        if (vm->state != VM_ENDING) {
            wayland_guard_ended(child, &how);
        }
    } else if (child->row == &process_gdb && vm->booted) {
        if (vm->state != VM_ENDING) {
            log_file_print(vm->log, LOG_LEVEL_WARNING, "%.*s; the guest goes on without it.",
                           (int)strcspn(how.sentence, ";"), how.sentence);
            lifecycle_list_processes(vm);
        }
    } else if (child->row->death == DEATH_RESTARTS) {
        display_ended(child, &how);
    } else if (child->row == &process_render && vm->booted && vm->state != VM_ENDING) {
        render_server_ended(child, &how);
    } else if (child->row->death == DEATH_IS_TOLD && vm->booted && vm->state != VM_ENDING) {
        graphics_ended(child, &how);
    } else if (!child->done) {
        lifecycle_end(vm, &how);
    }
}

static void
on_end(void *data, uint32_t events)
{
    (void)events;
    child_ended(data);
}

int
events_watch_child(struct child *child)
{
    struct loop *loop = child->vm->loop;

    child->control_source = loop_add(loop, child->control_fd, EPOLLIN, on_control, child);
    child->log_source = loop_add(loop, child->log_fd, EPOLLIN, on_log, child);
    child->pid_source = loop_add(loop, child->pidfd, EPOLLIN, on_end, child);
    if (!child->control_source || !child->log_source || !child->pid_source) {
        return -errno;
    }
    return 0;
}
