/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/display/rig.h"

#include <errno.h>
#include <fcntl.h>

#include <glib/gstdio.h>
#include <linux/input-event-codes.h>
#include <linux/udmabuf.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/display/peer.h"
#include "vmm/base/fd.h"
#include "vmm/base/message.h"

enum {
    GPU,
    KEYBOARD,
    POINTER,
    STREAM,
    OUTPUT,
    HISTORY,
    FD_LISTEN = START_FD_FIRST + HISTORY + 1,
    FD_HIGH = 200,
    STATUS_NO_NAMESPACES = 77, /* of spawn-display.c */
};

static void
add_fd(posix_spawn_file_actions_t *actions, GArray *opened, int fd, int number)
{
    int high = fcntl(fd, F_DUPFD_CLOEXEC, FD_HIGH);

    g_assert_cmpint(high, >=, 0);
    g_array_append_val(opened, high);
    g_assert_cmpint(posix_spawn_file_actions_adddup2(actions, high, number), ==, 0);
}

/* The words of the command; `wrapped`: through the whole jail, or by hand through strace. */
static GPtrArray *
make_command(gboolean *ret_wrapped)
{
    const char *executable = g_getenv("VMM_DISPLAY");
    const char *spawner = g_getenv("VMM_DISPLAY_SPAWNER");
    GPtrArray *argv = g_ptr_array_new_with_free_func(g_free);

    g_assert_nonnull(executable);
    *ret_wrapped = spawner != NULL;
    if (spawner) {
        g_ptr_array_add(argv, g_strdup(spawner));
    }
    g_ptr_array_add(argv, g_strdup(executable));
    if (spawner) {
        g_ptr_array_add(argv, g_strdup_printf("%d", FD_LISTEN + 1));
    }
    g_ptr_array_add(argv, NULL);
    return argv;
}

static void
spawn(Rig *rig, int control, GPtrArray *argv)
{
    g_autoptr(GArray) opened = g_array_new(FALSE, FALSE, sizeof(int));
    posix_spawn_file_actions_t actions;
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    posix_spawn_file_actions_init(&actions);
    add_fd(&actions, opened, null, 0);
    add_fd(&actions, opened, null, 1);
    add_fd(&actions, opened, STDERR_FILENO, START_FD_LOG);
    add_fd(&actions, opened, control, START_FD_CONTROL);
    for (int i = 0; i <= HISTORY; i++) {
        add_fd(&actions, opened, rig->theirs[i], START_FD_FIRST + i);
    }
    add_fd(&actions, opened, rig->listen_fd, FD_LISTEN);
    g_assert_cmpint(
        posix_spawn(&rig->pid, argv->pdata[0], &actions, NULL, (char **)argv->pdata, environ), ==,
        0);
    posix_spawn_file_actions_destroy(&actions);
    for (guint i = 0; i < opened->len; i++) {
        close(g_array_index(opened, int, i));
    }
    close(null);
}

/* The length of the next message, 0 at the end. */
static gssize
receive_control(Rig *rig, void *message, gsize size, int *ret_fd)
{
    struct pollfd wait = {.fd = rig->control, .events = POLLIN};
    struct message_fds fds;
    gssize n;

    g_assert_cmpint(poll(&wait, 1, RIG_WAIT_MS), ==, 1);
    n = message_receive(rig->control, message, size, &fds);
    if (n == -ECONNRESET) {
        n = 0;
    }
    g_assert_cmpint(n, >=, 0);
    if (ret_fd) {
        *ret_fd = message_take_fd(&fds, 0);
    }
    message_close_fds(&fds);
    return n;
}

static void
start(Rig *rig)
{
    struct display_setup setup = {
        .start = {.header = {.type = START_SETUP, .size = sizeof(setup)},
                  .log_level = 6,
                  .name = "display"},
        .vm_name = "test",
        .vm_uuid = "7b0a7c0e-0000-4000-8000-000000000001",
        .listen_fd = FD_LISTEN,
        .gpu_fd = START_FD_FIRST + GPU,
        .keyboard_fd = START_FD_FIRST + KEYBOARD,
        .pointer_fd = START_FD_FIRST + POINTER,
        .n_chardevs = 1,
        .chardev = {{.name = "serial.0",
                     .label = "Serial 1",
                     .stream_fd = START_FD_FIRST + STREAM,
                     .history_fd = START_FD_FIRST + HISTORY,
                     .output_fd = START_FD_FIRST + OUTPUT,
                     .input_fd = -1}},
    };
    struct start_failed answer;
    int control[2];
    gboolean wrapped;
    g_autoptr(GPtrArray) argv = make_command(&wrapped);

    if (!wrapped) {
        setup.start.flags = g_getenv("VMM_NO_JAIL") ? START_FLAG_NO_JAIL : START_FLAG_NO_NAMESPACES;
    }
    g_assert_cmpint(fd_socket_pair(SOCK_SEQPACKET, control), ==, 0);
    rig->control = control[0];
    spawn(rig, control[1], argv);
    close(control[1]);
    g_assert_cmpint(message_send(rig->control, &setup, sizeof(setup), NULL, 0), ==, 0);
    if (receive_control(rig, &answer, sizeof(answer), NULL) == 0 && wrapped) {
        int status = 0;

        g_assert_cmpint(waitpid(rig->pid, &status, 0), ==, rig->pid);
        g_assert_cmpint(WEXITSTATUS(status), ==, STATUS_NO_NAMESPACES);
        g_test_message("no namespaces here: the jail is tested without them");
        g_unsetenv("VMM_DISPLAY_SPAWNER");
        close(rig->control);
        start(rig);
        return;
    }
    g_assert_cmpint(answer.header.type, ==, START_READY);
}

static int
listen_at(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    g_strlcpy(address.sun_path, path, sizeof(address.sun_path));
    g_assert_cmpint(bind(fd, (struct sockaddr *)&address, sizeof(address)), ==, 0);
    g_assert_cmpint(listen(fd, 16), ==, 0);
    return fd;
}

static void
make_pair(int type, int *ret_ours, int *ret_theirs)
{
    int pair[2];

    g_assert_cmpint(fd_socket_pair(type, pair), ==, 0);
    *ret_ours = pair[0];
    *ret_theirs = pair[1];
}

Rig *
rig_new(void)
{
    Rig *rig = g_new0(Rig, 1);
    int pipe_fds[2];

    rig->folder = g_dir_make_tmp("vitrine-display-XXXXXX", NULL);
    rig->path = g_build_filename(rig->folder, "control", NULL);
    rig->listen_fd = listen_at(rig->path);
    make_pair(SOCK_SEQPACKET, &rig->gpu, &rig->theirs[GPU]);
    make_pair(SOCK_SEQPACKET, &rig->keyboard, &rig->theirs[KEYBOARD]);
    make_pair(SOCK_SEQPACKET, &rig->pointer, &rig->theirs[POINTER]);
    make_pair(SOCK_STREAM, &rig->stream, &rig->theirs[STREAM]);
    g_assert_cmpint(pipe2(pipe_fds, O_CLOEXEC), ==, 0);
    rig->output_pipe = pipe_fds[0];
    rig->theirs[OUTPUT] = pipe_fds[1];
    rig->theirs[HISTORY] = fd_memory_file("history", sizeof(struct history));
    rig->history = mmap(NULL, sizeof(struct history), PROT_READ | PROT_WRITE, MAP_SHARED,
                        rig->theirs[HISTORY], 0);
    g_assert_true(rig->history != MAP_FAILED);
    start(rig);
    rig_expect_anew(rig->keyboard);
    rig_expect_anew(rig->pointer);
    return rig;
}

static gboolean
is_child(const char *pid, GPid parent)
{
    g_autofree char *path = g_strdup_printf("/proc/%s/stat", pid);
    g_autofree char *stat = NULL;
    const char *end;

    if (!g_file_get_contents(path, &stat, NULL, NULL)) {
        return FALSE;
    }
    end = strrchr(stat, ')'); /* ") S PARENT" */
    return end && strlen(end) > 4 && g_ascii_strtoll(end + 4, NULL, 10) == parent;
}

void
rig_signal(Rig *rig, int signal)
{
    g_autoptr(GDir) processes = g_dir_open("/proc", 0, NULL);
    const char *name;

    g_assert_cmpint(kill(rig->pid, signal), ==, 0);
    while ((name = g_dir_read_name(processes))) { /* of the spawner */
        if (g_ascii_isdigit(name[0]) && is_child(name, rig->pid)) {
            kill((pid_t)g_ascii_strtoll(name, NULL, 10), signal);
        }
    }
}

gboolean
rig_is_alive(Rig *rig)
{
    return waitpid(rig->pid, NULL, WNOHANG) == 0;
}

void
rig_restart(Rig *rig)
{
    struct start_failed rest;

    kill(rig->pid, SIGKILL);
    g_assert_cmpint(waitpid(rig->pid, NULL, 0), ==, rig->pid);
    /* The process itself dies with its spawner; its end of the socket closes then. */
    while (receive_control(rig, &rest, sizeof(rest), NULL) > 0) {
    }
    close(rig->control);
    start(rig);
}

void
rig_free(Rig *rig)
{
    int status = 0;

    close(rig->control);
    g_assert_cmpint(waitpid(rig->pid, &status, 0), ==, rig->pid);
    g_assert_true(WIFEXITED(status));
    g_assert_cmpint(WEXITSTATUS(status), ==, 0);
    for (int i = 0; i <= HISTORY; i++) {
        close(rig->theirs[i]);
    }
    close(rig->gpu);
    close(rig->keyboard);
    close(rig->pointer);
    close(rig->stream);
    close(rig->output_pipe);
    close(rig->listen_fd);
    munmap(rig->history, sizeof(struct history));
    g_unlink(rig->path);
    g_rmdir(rig->folder);
    g_free(rig->path);
    g_free(rig->folder);
    g_free(rig);
}

void
rig_gpu_send(Rig *rig, const void *message, gsize size, int fd)
{
    g_assert_cmpint(message_send(rig->gpu, message, size, &fd, fd >= 0 ? 1 : 0), ==, 0);
}

/* One datagram, in at most RIG_WAIT_MS. */
static gsize
receive(int socket, void *message, gsize size)
{
    struct pollfd wait = {.fd = socket, .events = POLLIN};
    ssize_t n;

    g_assert_cmpint(poll(&wait, 1, RIG_WAIT_MS), ==, 1);
    n = message_receive(socket, message, size, NULL);
    g_assert_cmpint(n, >, 0);
    return (gsize)n;
}

GDBusConnection *
rig_connect(Rig *rig)
{
    g_autoptr(GError) error = NULL;
    GDBusConnection *connection = peer_connect(rig->path, &error);

    g_assert_no_error(error);
    return connection;
}

void
rig_wait_for_consoles(GDBusConnection *connection, guint n)
{
    for (int i = 0; i < 100; i++) {
        g_autoptr(GVariant) ids =
            peer_get(connection, "/org/qemu/Display1/VM", "org.qemu.Display1.VM", "ConsoleIDs");

        if (g_variant_n_children(ids) == n) {
            return;
        }
        rig_run(20);
    }
    g_assert_not_reached();
}

void
rig_gpu_hello(Rig *rig, guint n_scanouts)
{
    const struct gpu_hello hello = {.header = {GPU_HELLO, sizeof(hello)}, .n_scanouts = n_scanouts};
    struct start_header greeting;

    g_assert_cmpint(receive(rig->gpu, &greeting, sizeof(greeting)), ==, sizeof(greeting));
    g_assert_cmpint(greeting.type, ==, GPU_DISPLAY_HELLO);
    rig_gpu_send(rig, &hello, sizeof(hello), -1);
    for (guint i = 0; i < n_scanouts; i++) {
        rig_gpu_display(rig, i, 1, 640, 480);
    }
}

void
rig_gpu_display(Rig *rig, guint number, guint enabled, guint width, guint height)
{
    const struct gpu_mode display = {.header = {GPU_DISPLAY, sizeof(display)},
                                     .scanout = number,
                                     .enabled = enabled,
                                     .width = width,
                                     .height = height};

    rig_gpu_send(rig, &display, sizeof(display), -1);
}

void
rig_gpu_scanout(Rig *rig, guint buffer, guint64 offset, guint width, guint height)
{
    const struct gpu_scanout scanout = {
        .header = {GPU_SCANOUT, sizeof(scanout)},
        .buffer = buffer,
        .offset = offset,
        .width = width,
        .height = height,
        .stride = width * 4,
        .format = RIG_XRGB,
    };

    rig_gpu_send(rig, &scanout, sizeof(scanout), -1);
}

int
rig_make_dmabuf(int memory, gsize size)
{
    const struct udmabuf_create create = {
        .memfd = (guint32)memory, .flags = UDMABUF_FLAGS_CLOEXEC, .size = size};
    cleanup_fd int device = open("/dev/udmabuf", O_RDWR | O_CLOEXEC);
    int dmabuf = ioctl(device, UDMABUF_CREATE, &create);

    g_assert_cmpint(dmabuf, >=, 0);
    return dmabuf;
}

gboolean
rig_may_make_dmabufs(void)
{
    cleanup_fd int device = open("/dev/udmabuf", O_RDWR | O_CLOEXEC);

    if (device < 0) {
        g_test_skip("no /dev/udmabuf");
    }
    return device >= 0;
}

static void
send_dmabuf(Rig *rig, const struct gpu_buffer *announced, int memory)
{
    struct gpu_buffer message = *announced;
    cleanup_fd int dmabuf = rig_make_dmabuf(memory, announced->size);

    message.header.type = GPU_BUFFER_DMABUF;
    rig_gpu_send(rig, &message, sizeof(message), dmabuf);
}

guint32 *
rig_gpu_show(Rig *rig, guint buffer, guint width, guint height)
{
    gsize size = (gsize)width * height * 4;
    const struct gpu_buffer announce = {
        .header = {GPU_BUFFER, sizeof(announce)}, .id = buffer, .size = size};
    cleanup_fd int fd = fd_memory_file("scanout", size);
    void *pixels = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    g_assert_true(pixels != MAP_FAILED);
    rig_gpu_send(rig, &announce, sizeof(announce), fd);
    if (rig->makes_dmabufs) {
        send_dmabuf(rig, &announce, fd);
    }
    rig_gpu_scanout(rig, buffer, 0, width, height);
    return pixels;
}

guint32 *
rig_gpu_begin(Rig *rig, guint width, guint height)
{
    rig_gpu_hello(rig, 1);
    return rig_gpu_show(rig, 1, width, height);
}

void
rig_gpu_update(Rig *rig, guint x, guint y, guint width, guint height)
{
    const struct gpu_update update = {
        .header = {GPU_UPDATE, sizeof(update)},
        .x = x,
        .y = y,
        .width = width,
        .height = height,
    };

    rig_gpu_send(rig, &update, sizeof(update), -1);
}

gsize
rig_gpu_receive(Rig *rig, gpointer ret_message, gsize size)
{
    struct pollfd wait = {.fd = rig->gpu, .events = POLLIN};

    rig_wait((rig_run(10), poll(&wait, 1, 0) == 1));
    return receive(rig->gpu, ret_message, size);
}

void
rig_gpu_receive_mode(Rig *rig, struct gpu_mode *ret_mode)
{
    g_assert_cmpint(receive(rig->gpu, ret_mode, sizeof(*ret_mode)), ==, sizeof(*ret_mode));
}

void
rig_gpu_expect_mode(Rig *rig, guint width, guint height)
{
    struct gpu_mode mode;

    g_assert_cmpint(receive(rig->gpu, &mode, sizeof(mode)), ==, sizeof(mode));
    g_assert_cmpint(mode.header.type, ==, GPU_MODE);
    g_assert_cmpint(mode.header.size, ==, sizeof(mode));
    g_assert_cmpint(mode.enabled, ==, 1);
    g_assert_cmpint(mode.width, ==, width);
    g_assert_cmpint(mode.height, ==, height);
}

guint
rig_gpu_await_mode(Rig *rig, guint width)
{
    struct gpu_mode mode;
    guint n = 0;

    do {
        g_assert_cmpint(receive(rig->gpu, &mode, sizeof(mode)), ==, sizeof(mode));
        g_assert_cmpint(mode.header.type, ==, GPU_MODE);
        n++;
    } while (mode.width != width);
    return n;
}

void
rig_expect_event(int device, guint type, guint code, gint value)
{
    struct input_report report;

    g_assert_cmpint(receive(device, &report, sizeof(report)), ==, 4 + 2 * sizeof(report.events[0]));
    g_assert_cmpint(report.count, ==, 2);
    g_assert_cmpint(report.events[0].type, ==, type);
    g_assert_cmpint(report.events[0].code, ==, code);
    g_assert_cmpint(report.events[0].value, ==, value);
    g_assert_cmpint(report.events[1].type, ==, EV_SYN);
    g_assert_cmpint(report.events[1].code, ==, SYN_REPORT);
}

void
rig_expect_anew(int device)
{
    rig_expect_event(device, EV_SYN, SYN_DROPPED, 0);
}

void
rig_expect_motion(Rig *rig, guint x, guint y)
{
    struct input_report report;

    g_assert_cmpint(receive(rig->pointer, &report, sizeof(report)), ==,
                    4 + 3 * sizeof(report.events[0]));
    g_assert_cmpint(report.events[0].type, ==, EV_ABS);
    g_assert_cmpint(report.events[0].code, ==, ABS_X);
    g_assert_cmpint(report.events[0].value, ==, x);
    g_assert_cmpint(report.events[1].code, ==, ABS_Y);
    g_assert_cmpint(report.events[1].value, ==, y);
    g_assert_cmpint(report.events[2].type, ==, EV_SYN);
}

void
rig_expect_silence(int device)
{
    struct pollfd wait = {.fd = device, .events = POLLIN};

    g_assert_cmpint(poll(&wait, 1, 50), ==, 0);
}

void
rig_set_state(Rig *rig, enum display_vm_state state, guint status, const char *id,
              const char *sentence)
{
    struct display_state message = {.header = {DISPLAY_STATE, sizeof(message)},
                                    .state = state,
                                    .exit_status = status,
                                    .gpu_slot = 5,
                                    .render_device = rig->render_device};

    g_strlcpy(message.id, id, sizeof(message.id));
    g_strlcpy(message.sentence, sentence, sizeof(message.sentence));
    g_assert_cmpint(message_send(rig->control, &message, sizeof(message), NULL, 0), ==, 0);
}

void
rig_expect_request(Rig *rig, enum display_type type, int *ret_fd)
{
    struct start_header header;

    g_assert_cmpint(receive_control(rig, &header, sizeof(header), ret_fd), ==, sizeof(header));
    g_assert_cmpint(header.type, ==, type);
}

void
rig_serial_write(Rig *rig, const void *bytes, gsize size)
{
    g_assert_cmpint(fd_write_full(rig->stream, bytes, size), ==, 0);
}

static gboolean
do_nothing(gpointer user_data)
{
    return G_SOURCE_REMOVE;
}

void
rig_iterate(void)
{
    guint timer = g_timeout_add(10, do_nothing, NULL);

    g_main_context_iteration(NULL, TRUE);
    if (g_main_context_find_source_by_id(NULL, timer)) {
        g_source_remove(timer);
    }
}

void
rig_run(guint ms)
{
    gint64 end = g_get_monotonic_time() + ms * G_TIME_SPAN_MILLISECOND;

    while (g_get_monotonic_time() < end) {
        rig_iterate();
    }
}
