/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Stands in for `vmm run` in tests of the window that need a picture: the real vmm-display with its
 * neighbours played (tests/display/rig.h). The guest draws red by column and green by row, takes every
 * size that it is given, and its keys go as "code value" lines to the file "keys" of its state folder.
 * It has a driver for its balloon, and moves 16 MiB whenever it is asked how much it holds.
 * SIGUSR1: it draws a corner anew several times a second, till the next SIGUSR1.
 */

#include <fcntl.h>
#include <glib-unix.h>
#include <glib/gstdio.h>
#include <linux/input-event-codes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/display/rig.h"
#include "vmm/protocol/balloon.h"

enum {
    WIDTH = 640,
    HEIGHT = 480,
    BLUE = 0x80,
    DRAW_MS = 100,
    MOVE_PAGES = (16 << 20) / BALLOON_PAGE_SIZE,
    FREE_TAG = 4, /* of a balloon's statistics */
    FREE_BYTES = 100 << 20,
};

typedef struct {
    Rig *rig;
    GMainLoop *loop;
    FILE *keys;
    guint buffers;
    guint drawing;
    guint32 held; /* pages, in the balloon */
    guint32 wanted;
} Guest;

static void
draw(Guest *self, guint width, guint height)
{
    guint32 *pixels = rig_gpu_show(self->rig, ++self->buffers, width, height);

    for (guint y = 0; y < height; y++) {
        for (guint x = 0; x < width; x++) {
            pixels[y * width + x] = (x & 0xff) << 16 | (y & 0xff) << 8 | BLUE;
        }
    }
    rig_gpu_update(self->rig, 0, 0, width, height);
}

static gboolean
on_gpu(gint fd, GIOCondition condition, gpointer data)
{
    struct gpu_mode mode = {0};

    (void)condition;
    if (recv(fd, &mode, sizeof(mode), 0) == sizeof(mode) && mode.header.type == GPU_MODE &&
        mode.scanout == 0 && mode.enabled) {
        draw(data, mode.width, mode.height);
    }
    return G_SOURCE_CONTINUE;
}

static gboolean
on_keys(gint fd, GIOCondition condition, gpointer data)
{
    Guest *self = data;
    struct input_report report = {0};
    ssize_t size = recv(fd, &report, sizeof(report), 0);

    (void)condition;
    for (guint i = 0; size > 0 && i < report.count; i++) {
        if (report.events[i].type == EV_KEY) {
            (void)fprintf(self->keys, "%u %d\n", report.events[i].code,
                          (int)report.events[i].value);
        }
    }
    (void)fflush(self->keys);
    return G_SOURCE_CONTINUE;
}

static gboolean
on_request(gint fd, GIOCondition condition, gpointer data)
{
    Guest *self = data;
    struct balloon_question question = {0};
    struct balloon_answer answer = {
        .header = {.type = DISPLAY_BALLOON, .size = sizeof(answer)},
        .n_statistics = 1,
        .statistic = {{.tag = FREE_TAG, .value = FREE_BYTES}},
    };

    const ssize_t size = recv(fd, &question, sizeof(question), 0);

    (void)condition;
    if (size != sizeof(question) || question.header.type != DISPLAY_ASK_BALLOON) {
        return size > 0;
    }
    if (question.what == BALLOON_SET_SIZE) {
        self->wanted = question.pages;
    } else if (question.what == BALLOON_TELL_SIZE && self->held < self->wanted) {
        self->held += MIN(self->wanted - self->held, MOVE_PAGES);
    } else if (question.what == BALLOON_TELL_SIZE) {
        self->held -= MIN(self->held - self->wanted, MOVE_PAGES);
    }
    answer.serial = question.serial;
    answer.requested = self->wanted;
    answer.actual = self->held;
    return send(fd, &answer, sizeof(answer), MSG_NOSIGNAL) > 0;
}

static gboolean
drop(gint fd, GIOCondition condition, gpointer data)
{
    struct input_report report;

    (void)condition;
    (void)data;
    return recv(fd, &report, sizeof(report), 0) > 0;
}

static gboolean
draw_corner(gpointer data)
{
    Guest *self = data;

    rig_gpu_update(self->rig, 0, 0, 1, 1);
    return G_SOURCE_CONTINUE;
}

static gboolean
on_draw(gpointer data)
{
    Guest *self = data;

    if (self->drawing) {
        g_clear_handle_id(&self->drawing, g_source_remove);
    } else {
        self->drawing = g_timeout_add(DRAW_MS, draw_corner, self);
    }
    return G_SOURCE_CONTINUE;
}

static gboolean
on_term(gpointer data)
{
    g_main_loop_quit(data);
    return G_SOURCE_CONTINUE;
}

static FILE *
open_in(const char *folder, const char *name)
{
    g_autofree char *path = g_build_filename(folder, name, NULL);
    FILE *file = NULL;

    g_assert_cmpint(g_mkdir_with_parents(folder, 0700), ==, 0);
    file = g_fopen(path, "we");
    g_assert_nonnull(file);
    return file;
}

/* What the window finds a running machine by: lock, process id, definition, control socket. */
static FILE *
announce(const char *folder, const char *control)
{
    g_autofree char *link = g_build_filename(folder, "control", NULL);
    FILE *lock = open_in(folder, "lock");
    FILE *pid = open_in(folder, "pid");
    FILE *config = open_in(folder, "config");

    g_assert_cmpint(flock(fileno(lock), LOCK_EX | LOCK_NB), ==, 0);
    (void)fprintf(pid, "%d", (int)getpid());
    (void)fputs("{}", config);
    g_assert_cmpint(fclose(pid) + fclose(config), ==, 0);
    (void)g_unlink(link);
    g_assert_cmpint(symlink(control, link), ==, 0);
    return lock;
}

int
main(int argc, char **argv)
{
    const char *name = NULL;
    Guest self = {0};

    if (argc > 1 && strcmp(argv[1], "check") == 0) {
        puts("[]");
        return 0;
    }
    for (int i = 1; i + 1 < argc; i++) {
        name = strcmp(argv[i], "--name") == 0 ? argv[i + 1] : name;
    }
    if (!name) {
        return 35;
    }
    g_autofree char *state = g_build_filename(g_getenv("XDG_STATE_HOME"), "vitrine", name, NULL);
    g_autofree char *folder = g_build_filename(g_get_user_runtime_dir(), "vitrine", name, NULL);
    self.keys = open_in(state, "keys");
    self.rig = rig_new();
    rig_gpu_hello(self.rig, 1);
    rig_set_state(self.rig, DISPLAY_VM_RUNNING, 0, "", "");
    draw(&self, WIDTH, HEIGHT);
    self.loop = g_main_loop_new(NULL, FALSE);
    g_unix_fd_add(self.rig->gpu, G_IO_IN, on_gpu, &self);
    g_unix_fd_add(self.rig->control, G_IO_IN, on_request, &self);
    g_unix_signal_add(SIGUSR1, on_draw, &self);
    g_unix_fd_add(self.rig->keyboard, G_IO_IN, on_keys, &self);
    g_unix_fd_add(self.rig->pointer, G_IO_IN, drop, NULL);
    g_unix_signal_add(SIGTERM, on_term, self.loop);
    FILE *lock = announce(folder, self.rig->path);
    g_main_loop_run(self.loop);
    rig_free(self.rig);
    (void)fclose(self.keys);
    (void)fclose(lock);
    return 0;
}
