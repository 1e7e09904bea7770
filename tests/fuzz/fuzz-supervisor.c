/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Parts of a machine that a guest has taken over, before the supervisor: each says anything, of its
 * own kind or another's, at any time, with any descriptors, writes to its log, hangs up and dies. What
 * the supervisor then tells the others must be well-formed. In lifecycle mode the display asks for
 * machines: its JSON is read and its descriptors are opened as for a real one.
 */

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"
#include "vmm/base/assert.h"
#include "vmm/base/fd.h"
#include "vmm/base/memory.h"
#include "vmm/base/message.h"
#include "vmm/config/config.h"
#include "vmm/protocol/balloon.h"
#include "vmm/supervisor/events.h"
#include "vmm/supervisor/instance.h"
#include "vmm/supervisor/processes.h"
#include "vmm/supervisor/result.h"

enum {
    ROUNDS_MAX = 96,
    FILE_SIZE = 8192,
    HANDLES_MAX = 4,
    TEXT_OFFSET = 8, /* of the first thing after a header */
};

static const struct process_row *const rows[] = {
    &process_display, &process_loader,  &process_machine, &process_gdb,
    &process_block,   &process_balloon, &process_gpu_drm, &process_wayland_guard,
};

/* What a part may say, and which of `rows` may. */
static const struct kind {
    uint32_t type;
    uint32_t size;
    uint32_t row;
} kinds[] = {
    {START_READY, sizeof(struct start_header), 0},
    {START_FAILED, sizeof(struct start_failed), 0},
    {LOADER_DONE, sizeof(struct loader_done), 1},
    {MACHINE_DEVICE_ADDED, sizeof(struct start_header), 2},
    {MACHINE_DEVICE_FAILED, sizeof(struct machine_device_failed), 2},
    {MACHINE_RUNNING, sizeof(struct start_header), 2},
    {MACHINE_PAUSED, sizeof(struct start_header), 2},
    {MACHINE_RESUMED, sizeof(struct start_header), 2},
    {MACHINE_ENDED, sizeof(struct machine_ended), 2},
    {BLOCK_RESIZED, sizeof(struct block_resized), 4},
    {BALLOON_ANSWER, sizeof(struct balloon_answer), 5},
    {GUARD_CONNECT, sizeof(struct guard_connect), 7},
    {DISPLAY_RESIZE_DISK, sizeof(struct display_resize), 0},
    {DISPLAY_ASK_BALLOON, sizeof(struct balloon_question), 0},
    {DISPLAY_ASK_TRACE, sizeof(struct display_ask_trace), 0},
    {DISPLAY_POWER_BUTTON, sizeof(struct start_header), 0},
    {DISPLAY_STOP, sizeof(struct start_header), 0},
    {DISPLAY_RESTART, sizeof(struct start_header), 0},
    {DISPLAY_PAUSE, sizeof(struct start_header), 0},
    {DISPLAY_RESUME, sizeof(struct start_header), 0},
    {DISPLAY_LAST_FRAME, sizeof(struct start_header), 0},
    {DISPLAY_ASK_STATISTICS, sizeof(struct start_header), 0},
    {DISPLAY_CREATE, sizeof(struct start_header), 0},
    {DISPLAY_RUN, sizeof(struct start_header), 0},
    {DISPLAY_SLEEP_BUTTON, sizeof(struct start_header), 0},
    {START_PONG, sizeof(struct start_header), 6},
};

/* Machines that a client may wish for, with room for a byte of the input. */
static const char *const wishes[] = {
    "{\"kernel\":\"fd:0\",\"block\":[{\"path\":\"fd:%u\",\"ro\":true}]}",
    "{\"kernel\":\"fd:%u\",\"initrd\":\"fd:1\",\"serial\":[{\"type\":\"file\",\"path\":\"fd:2\"}]}",
    "{\"kernel\":\"fd:0\",\"block\":[{\"path\":\"fd:1\",\"sparse\":false,\"block-size\":%u}]}",
    "{\"kernel\":\"fd:0\",\"vhost-user\":[{\"type\":\"block\",\"socket\":\"fd:%u\"}]}",
    "{\"kernel\":\"fd:0\",\"mem\":%u,\"gpu\":[{\"backend\":\"2d\"}]}",
};

struct rig {
    struct machine_config config;
    char compositor[32];
    struct runtime_dir runtime; /* which cannot be written */
    struct log_file *log;
    struct instance *instance;
    struct vm *vm;
    int peer[ARRAY_SIZE(rows)];
    int log_pipe[ARRAY_SIZE(rows)];
    int death[ARRAY_SIZE(rows)];
    size_t n;
    size_t boots;
    bool is_loaded;
};

static void
nothing(void *data, uint32_t events)
{
    (void)data;
    (void)events;
}

/* Nobody is started: the part's other ends are ours. */
static void
connect_child(struct rig *rig, struct child *child)
{
    int control[2];
    int log[2];

    assert(fd_socket_pair(SOCK_SEQPACKET, control) == 0 && pipe2(log, O_CLOEXEC) == 0);
    child->control_fd = control[0];
    child->log_fd = log[0];
    child->pidfd = eventfd(0, EFD_CLOEXEC);
    assert(child->pidfd >= 0);
    for (size_t i = 0; i < 2; i++) {
        assert(fd_set_nonblocking(control[i]) == 0 && fd_set_nonblocking(log[i]) == 0);
    }
    rig->peer[rig->n] = control[1];
    rig->log_pipe[rig->n] = log[1];
    rig->death[rig->n++] = fcntl(child->pidfd, F_DUPFD_CLOEXEC, 0);
    assert(events_watch_child(child) == 0);
}

static void
add_part(struct rig *rig, const struct process_row *row)
{
    struct vm *vm = rig->vm;
    struct child *child = &vm->child[vm->n_children++];
    int pair[2];

    *child = (struct child){.vm = vm, .row = row, .pidfd = -1, .control_fd = -1, .log_fd = -1};
    memcpy(child->name, row->name, strlen(row->name));
    if (row->numbered) {
        memcpy(child->name + strlen(row->name), "-0", 2);
    }
    if (row->virtio) {
        struct device *device = &vm->device[vm->n_devices++];

        assert(fd_socket_pair(SOCK_STREAM, pair) == 0);
        *device = (struct device){
            .virtio = row->virtio, .child = child, .back_fd = pair[0], .front_fd = pair[1]};
        memcpy(device->name, child->name, sizeof(device->name));
        child->device = vm->n_devices - 1;
    }
    connect_child(rig, child);
}

/* Bits of `how`: lifecycle mode, no machine yet, suspended, a kernel that may be kept. */
static void
make_machine(struct rig *rig, uint64_t how)
{
    static const enum log_level quiet = 0; /* below all levels */
    const struct instance_options options = {.verbose = false};
    struct failure failure;
    int pair[2];

    rig->log = log_file_open(NULL, quiet);
    rig->config.mem.size = 64;
    rig->config.n_block = 1;
    rig->config.has_gpu = true;
    rig->config.suspended = how & 4;
    snprintf(rig->compositor, sizeof(rig->compositor), "/nonexistent/wayland");
    rig->config.wayland_sock.path = rig->compositor;
    if (how & 1) {
        assert(fd_socket_pair(SOCK_STREAM, pair) == 0);
        close(pair[1]);
        rig->instance = instance_create(pair[0], &options);
    }
    rig->runtime = (struct runtime_dir){
        .name = rig->compositor, .path = rig->compositor, .fd = -1, .lock_fd = -1, .listen_fd = -1};
    const struct vm_host host = {.runtime = rig->instance ? NULL : &rig->runtime,
                                 .log = rig->log,
                                 .instance = rig->instance};
    rig->vm = vm_create_idle(&rig->config, &host, &failure);
    assert(rig->vm);
    rig->vm->start_timer = loop_add_timer(rig->vm->loop, nothing, NULL);
    rig->vm->end_timer = loop_add_timer(rig->vm->loop, nothing, NULL);
    rig->vm->display_timer = loop_add_timer(rig->vm->loop, events_on_display_timer, rig->vm);
    connect_child(rig, &rig->vm->child[0]);
    if (rig->instance) {
        assert(instance_watch(rig->vm) == 0);
    }
    if ((how & 3) == 3) {
        return;
    }
    rig->vm->state = VM_STARTING;
    for (size_t i = 1; i < ARRAY_SIZE(rows); i++) {
        add_part(rig, rows[i]);
    }
    if (how & 8) { /* a kernel that may be kept, in a folder that cannot be written */
        rig->vm->kernel_cache.folder_fd = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        rig->vm->kernel_cache.store_fd = fd_memory_file("unpacked", FILE_SIZE);
        snprintf(rig->vm->kernel_cache.name, sizeof(rig->vm->kernel_cache.name), "kernel");
    }
}

/* Sealed, loose, short, a folder, a device, a pipe, a socket, or only a place. */
static int
make_file(struct fuzz_input *input, bool with_wish)
{
    static const uint8_t zeroes[FILE_SIZE];
    char text[256] = "";
    uint64_t kind = fuzz_take(input, 1);
    int pair[2];
    int fd;

    switch (kind % 8) {
    case 0:
        return open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    case 1:
        return open("/dev/null", O_RDWR | O_CLOEXEC);
    case 2:
        assert(pipe2(pair, O_CLOEXEC | O_NONBLOCK) == 0);
        close(pair[1]);
        return pair[0];
    case 3:
        assert(fd_socket_pair(kind & 8 ? SOCK_STREAM : SOCK_SEQPACKET, pair) == 0);
        close(pair[1]);
        return pair[0];
    case 4:
        return open("/proc/self/exe", O_PATH | O_CLOEXEC);
    default:
        fd = memfd_create("any", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        break;
    }
    if (with_wish && kind & 8) {
        for (size_t i = 0; i < sizeof(text) - 1; i++) {
            text[i] = (char)fuzz_take(input, 1);
        }
    } else if (with_wish) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        snprintf(text, sizeof(text), wishes[(kind >> 4) % ARRAY_SIZE(wishes)],
                 (unsigned int)fuzz_take(input, 1));
#pragma GCC diagnostic pop
    }
    assert(fd_write_full(fd, text, strlen(text)) == 0);
    if (!with_wish) {
        assert(fd_write_full(fd, zeroes, kind & 8 ? 100 : sizeof(zeroes)) == 0);
    }
    return fd;
}

/* The message, and who says it. */
static size_t
compose(struct fuzz_input *input, union any_setup *message, uint32_t *ret_size)
{
    static const uint64_t edges[] = {0, 1, 2, 4096, FILE_SIZE, INT32_MAX, UINT32_MAX, UINT64_MAX};
    uint8_t *bytes = (uint8_t *)message;
    const struct kind *kind = &kinds[fuzz_take(input, 1) % ARRAY_SIZE(kinds)];
    uint64_t how = fuzz_take(input, 2);
    struct start_header header = {.type = kind->type, .size = kind->size};

    memset(bytes, (int)(how >> 8), kind->size);
    for (uint64_t i = how & 3; i > 0 && kind->size > TEXT_OFFSET; i--) {
        uint64_t where = fuzz_take(input, 1);
        uint64_t value =
            where & 0x80 ? fuzz_take(input, 8) : edges[(where >> 4) % ARRAY_SIZE(edges)];
        size_t offset = TEXT_OFFSET + (where % 16) * 4;

        if (offset + sizeof(value) <= kind->size) {
            memcpy(bytes + offset, &value, sizeof(value));
        }
    }
    if (header.type == MACHINE_DEVICE_FAILED && how & 4) {
        snprintf((char *)bytes + TEXT_OFFSET, START_NAME_SIZE, "%s", how & 8 ? "block-0" : "gpu");
    }
    *ret_size = kind->size;
    if ((how & 0xf0) == 0xf0) { /* a wrong form */
        header.type = (uint32_t)fuzz_take(input, 1);
        header.size = (uint32_t)fuzz_take(input, 2);
        *ret_size = (uint32_t)(fuzz_take(input, 2) % sizeof(*message));
    }
    memcpy(bytes, &header, sizeof(header));
    return how & 0x10 || kind->type < START_TYPE_FROM_CHILD ? fuzz_take(input, 1) : kind->row;
}

static size_t
pick(const struct rig *rig, uint64_t number)
{
    assert(rig->n > 0);
    return number % rig->n;
}

static void
say(struct rig *rig, struct fuzz_input *input)
{
    union any_setup *message = xalloc(sizeof(*message));
    int fds[HANDLES_MAX + 1];
    size_t n_fds = 0;
    uint32_t size;
    size_t who = pick(rig, compose(input, message, &size));

    if (message->start.header.type == DISPLAY_CREATE ||
        message->start.header.type == DISPLAY_LAST_FRAME) {
        for (n_fds = 0; n_fds < fuzz_take(input, 1) % ARRAY_SIZE(fds); n_fds++) {
            fds[n_fds] =
                make_file(input, n_fds == 0 && message->start.header.type == DISPLAY_CREATE);
        }
    }
    if (rig->peer[who] >= 0) {
        (void)message_send(rig->peer[who], message, size, fds, n_fds);
    }
    while (n_fds > 0) {
        close(fds[--n_fds]);
    }
    rig->is_loaded |= message->start.header.type == LOADER_DONE;
    free(message);
}

static void
write_log(struct rig *rig, struct fuzz_input *input)
{
    size_t who = pick(rig, fuzz_take(input, 1));
    size_t wanted = fuzz_take(input, 2);
    size_t n = MIN_OF(wanted, input->size);

    if (rig->log_pipe[who] >= 0) {
        (void)!write(rig->log_pipe[who], input->data, n);
    }
    input->data += n;
    input->size -= n;
}

static bool
is_sentence(const char *text, size_t size)
{
    size_t n = strnlen(text, size);

    for (size_t i = 0; i < n; i++) {
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f) {
            return false;
        }
    }
    return n < size;
}

static void
check_state(const struct display_state *state)
{
    assert(state->state <= DISPLAY_VM_STOPPED);
    assert(is_sentence(state->id, sizeof(state->id)));
    assert(is_sentence(state->sentence, sizeof(state->sentence)));
    assert(is_sentence(state->graphics_sentence, sizeof(state->graphics_sentence)));
}

/* What the supervisor tells the parts. */
static void
listen_to_it(struct rig *rig)
{
    union {
        struct start_header header;
        struct display_state state;
        struct balloon_answer balloon;
        struct display_statistics statistics;
        union any_setup setup;
    } *message = xalloc(sizeof(*message));
    struct message_fds fds;

    for (size_t i = 0; i < rig->n; i++) {
        ssize_t n = 1;

        while (rig->peer[i] >= 0 && n > 0) {
            n = message_receive(rig->peer[i], message, sizeof(*message), &fds);
            if (n <= 0) {
                break;
            }
            message_close_fds(&fds);
            assert((size_t)n >= sizeof(message->header) && message->header.size == (size_t)n);
            assert(message->header.type == START_TRACE ||
                   (message->header.type >= START_TYPE_TO_CHILD &&
                    message->header.type < START_TYPE_FROM_CHILD));
            if (i == 0 && message->header.type == DISPLAY_STATE) {
                check_state(&message->state);
            } else if (i == 0 && message->header.type == DISPLAY_BALLOON) {
                assert(message->balloon.n_statistics <= BALLOON_STATISTICS_MAX);
            } else if (i == 0 && message->header.type == DISPLAY_STATISTICS) {
                assert(message->statistics.count <= DISPLAY_PROCESSES_MAX);
            } else if (i == 2 && message->header.type == MACHINE_BOOT) {
                rig->boots++;
            }
        }
    }
    free(message);
    assert(rig->boots == 0 || (rig->boots == 1 && rig->is_loaded));
}

static void
step(struct rig *rig, struct fuzz_input *input)
{
    uint64_t what = fuzz_take(input, 1);
    size_t who;

    switch (what % 16) {
    case 0:
        write_log(rig, input);
        break;
    case 1: /* hangs up */
        who = pick(rig, fuzz_take(input, 1));
        fd_closep(what & 16 ? &rig->log_pipe[who] : &rig->peer[who]);
        break;
    case 2: /* ends; nobody can be started again here */
        who = pick(rig, fuzz_take(input, 1));
        if (rig->vm->child[who].pidfd >= 0) {
            (void)!eventfd_write(rig->death[who], 1);
        }
        break;
    case 3: /* all are ready */
        for (who = 0; who < rig->n; who++) {
            const struct start_header ready = {.type = START_READY, .size = sizeof(ready)};

            if (rig->peer[who] >= 0) {
                (void)message_send(rig->peer[who], &ready, sizeof(ready), NULL, 0);
            }
        }
        break;
    default:
        say(rig, input);
        break;
    }
    if (what & 0x40) { /* more before it looks */
        return;
    }
    assert(loop_iterate(rig->vm->loop, 0) == 0);
    listen_to_it(rig);
}

/* As serve_request() does, short of starting anything. */
static void
read_request(struct instance *instance)
{
    struct machine_config config = {0};
    cleanup_free struct resources *resources = xalloc(sizeof(*resources));
    struct failure failure = {0};

    if (instance_read_request(instance, &config, &failure) == 0 &&
        resources_open(&config, instance_handles(instance), NULL, resources, &failure) == 0) {
        resources_close(resources);
    } else {
        assert(is_sentence(failure.sentence, sizeof(failure.sentence)) && failure.sentence[0]);
    }
    machine_config_finish(&config);
}

static void
finish(struct rig *rig)
{
    if (rig->vm->last_frame_fd >= 0) {
        char folder[] = "/tmp/fuzz-XXXXXX";
        char frame[sizeof(folder) + 16];

        assert(mkdtemp(folder));
        result_write_frame(folder, rig->vm->last_frame_fd);
        snprintf(frame, sizeof(frame), "%s/last-frame.ppm", folder);
        (void)unlink(frame);
        assert(rmdir(folder) == 0);
    }
    if (rig->instance && instance_has_request(rig->instance)) {
        read_request(rig->instance);
    }
    vm_destroy(rig->vm);
    instance_destroy(rig->instance);
    log_file_close(rig->log);
    for (size_t i = 0; i < rig->n; i++) {
        fd_closep(&rig->peer[i]);
        fd_closep(&rig->log_pipe[i]);
        fd_closep(&rig->death[i]);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    struct rig rig = {0};

    signal(SIGPIPE, SIG_IGN); /* as vmm does */
    make_machine(&rig, fuzz_take(&input, 1));
    for (int i = 0; i < ROUNDS_MAX && input.size > 0; i++) {
        step(&rig, &input);
    }
    finish(&rig);
    return 0;
}
