/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/fakes/compositor/control-client.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static int
connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    g_strlcpy(address.sun_path, path, sizeof(address.sun_path));
    g_assert_cmpint(connect(fd, (struct sockaddr *)&address, sizeof(address)), ==, 0);
    return fd;
}

TestCompositor *
test_compositor_new(const char *const *options)
{
    TestCompositor *self = g_new0(TestCompositor, 1);
    g_autoptr(GPtrArray) argv = g_ptr_array_new();
    g_autoptr(GError) error = NULL;
    g_autofree char *path = NULL;
    char ready[6];
    int output;

    self->folder = g_dir_make_tmp("compositor-XXXXXX", &error);
    g_assert_no_error(error);
    self->socket = g_build_filename(self->folder, "wayland-0", NULL);
    path = g_build_filename(self->folder, "control", NULL);
    g_ptr_array_add(argv, (char *)g_getenv("TEST_COMPOSITOR"));
    g_ptr_array_add(argv, self->socket);
    g_ptr_array_add(argv, path);
    for (; options && *options; options++) {
        g_ptr_array_add(argv, (char *)*options);
    }
    g_ptr_array_add(argv, NULL);
    g_spawn_async_with_pipes(NULL, (char **)argv->pdata, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL,
                             NULL, &self->pid, NULL, &output, NULL, &error);
    g_assert_no_error(error);
    g_assert_cmpint(read(output, ready, sizeof(ready)), ==, sizeof(ready));
    close(output);
    self->control = connect_to(path);
    return self;
}

void
test_compositor_free(TestCompositor *self)
{
    int status;

    g_free(test_compositor_say(self, "quit"));
    g_assert_cmpint(waitpid(self->pid, &status, 0), ==, self->pid);
    g_assert_cmpint(status, ==, 0);
    close(self->control);
    g_rmdir(self->folder);
    g_free(self->folder);
    g_free(self->socket);
    g_free(self);
}

/* Whether the text ends with a line that ends an answer; that line is cut off then. */
static gboolean
cut_last_line(GString *text)
{
    const char *last;
    gboolean good;

    if (text->len == 0 || text->str[text->len - 1] != '\n') {
        return FALSE;
    }
    g_string_truncate(text, text->len - 1);
    last = strrchr(text->str, '\n');
    last = last ? last + 1 : text->str;
    g_assert_false(g_str_has_prefix(last, "error"));
    good = strcmp(last, "ok") == 0;
    if (good) {
        g_string_truncate(text, (gsize)(last - text->str));
    } else {
        g_string_append_c(text, '\n');
    }
    return good;
}

char *
test_compositor_say(TestCompositor *self, const char *format, ...)
{
    g_autoptr(GString) answer = g_string_new(NULL);
    g_autofree char *command = NULL;
    g_autofree char *line = NULL;
    char part[4096];
    va_list arguments;

    va_start(arguments, format);
    command = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    line = g_strconcat(command, "\n", NULL);
    g_assert_cmpint(write(self->control, line, strlen(line)), ==, strlen(line));
    while (!cut_last_line(answer)) {
        ssize_t n = read(self->control, part, sizeof(part));
        g_assert_cmpint(n, >, 0);
        g_string_append_len(answer, part, n);
    }
    return g_string_free(g_steal_pointer(&answer), FALSE);
}

gboolean
test_compositor_find(TestCompositor *self, const char *role, guint n, TestSurface *ret)
{
    g_autofree char *answer = test_compositor_say(self, "surfaces");
    g_auto(GStrv) lines = g_strsplit(answer, "\n", -1);

    for (char **line = lines; *line; line++) {
        g_auto(GStrv) words = g_strsplit(*line, " ", 14);
        if (g_strv_length(words) < 13 || strcmp(words[1], role) != 0 || n-- > 0) {
            continue;
        }
        int numbers[10];
        for (guint i = 0; i < G_N_ELEMENTS(numbers); i++) {
            numbers[i] = (int)strtol(words[i], NULL, 10);
        }
        *ret = (TestSurface){.id = (guint)numbers[0],
                             .parent = (guint)numbers[2],
                             .x = numbers[3],
                             .y = numbers[4],
                             .width = numbers[5],
                             .height = numbers[6],
                             .buffer_width = numbers[7],
                             .buffer_height = numbers[8],
                             .commits = (guint)numbers[9],
                             .pixels_taken = g_ascii_strtoull(words[10], NULL, 10),
                             .opaque = g_ascii_strtoull(words[11], NULL, 10)};
        g_strlcpy(ret->role, words[1], sizeof(ret->role));
        return TRUE;
    }
    return FALSE;
}

static void
read_picture(const char *path, TestPicture *ret)
{
    g_autofree char *data = NULL;
    g_autoptr(GError) error = NULL;
    gsize size;
    char *at;

    g_file_get_contents(path, &data, &size, &error);
    g_assert_no_error(error);
    g_assert_true(g_str_has_prefix(data, "P6\n"));
    ret->width = (guint)strtoul(data + 3, &at, 10);
    ret->height = (guint)strtoul(at, &at, 10);
    at += strlen("\n255\n");
    g_assert_cmpint(size, ==, (gsize)(at - data) + (gsize)ret->width * ret->height * 3);
    ret->pixels = g_new(guint32, (gsize)ret->width * ret->height);
    for (gsize i = 0; i < (gsize)ret->width * ret->height; i++) {
        const guint8 *pixel = (const guint8 *)at + i * 3;
        ret->pixels[i] = (guint32)pixel[0] << 16 | (guint32)pixel[1] << 8 | pixel[2];
    }
    g_unlink(path);
}

void
test_compositor_shot(TestCompositor *self, TestPicture *ret)
{
    g_autofree char *path = g_build_filename(self->folder, "shot.ppm", NULL);

    g_free(test_compositor_say(self, "shot %s", path));
    read_picture(path, ret);
}

void
test_compositor_pixels(TestCompositor *self, guint id, TestPicture *ret)
{
    g_autofree char *path = g_build_filename(self->folder, "pixels.ppm", NULL);

    g_free(test_compositor_say(self, "pixels %u %s", id, path));
    read_picture(path, ret);
}
