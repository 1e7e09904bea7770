/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/fakes/compositor/control-client.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    NOBODY = 65534,
};

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

static void
write_sway_config(const char *path, double scale)
{
    g_autofree char *text = g_strdup_printf("output * resolution %dx%d scale %g\n"
                                            "output * bg #ff00ff solid_color\n"
                                            "default_border none\nxwayland disable\n",
                                            (int)(1280 * scale), (int)(800 * scale), scale);

    g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

/* sway refuses to be root. */
static void
become_nobody(gpointer data)
{
    (void)data;
    if (geteuid() == 0 && (setgroups(0, NULL) < 0 || setgid(NOBODY) < 0 || setuid(NOBODY) < 0)) {
        _exit(1);
    }
    prctl(PR_SET_PDEATHSIG, SIGTERM); /* setuid() takes it back */
}

TestCompositor *
test_compositor_new_sway(double scale)
{
    g_autofree char *sway = g_find_program_in_path("sway");
    g_autofree char *grim = g_find_program_in_path("grim");
    g_autofree char *config = NULL;
    g_auto(GStrv) environment = g_get_environ();
    g_autoptr(GError) error = NULL;
    TestCompositor *self;

    if (!sway || !grim) {
        return NULL;
    }
    self = g_new0(TestCompositor, 1);
    self->control = -1;
    self->folder = g_dir_make_tmp("sway-XXXXXX", &error);
    g_assert_no_error(error);
    self->socket = g_build_filename(self->folder, "wayland-1", NULL);
    config = g_build_filename(self->folder, "config", NULL);
    write_sway_config(config, scale);
    g_assert_true(geteuid() != 0 ||
                  (chmod(config, 0644) == 0 && chown(self->folder, NOBODY, NOBODY) == 0));
    environment = g_environ_setenv(environment, "XDG_RUNTIME_DIR", self->folder, TRUE);
    environment = g_environ_setenv(environment, "HOME", self->folder, TRUE);
    environment = g_environ_setenv(environment, "WLR_BACKENDS", "headless", TRUE);
    environment = g_environ_setenv(environment, "WLR_RENDERER", "pixman", TRUE);
    environment = g_environ_setenv(environment, "WLR_LIBINPUT_NO_DEVICES", "1", TRUE);
    environment = g_environ_unsetenv(environment, "WAYLAND_DISPLAY");
    g_spawn_async(NULL, (char *[]){sway, (char *)"-c", config, NULL}, environment,
                  G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_STDOUT_TO_DEV_NULL |
                      G_SPAWN_STDERR_TO_DEV_NULL,
                  become_nobody, NULL, &self->pid, &error);
    g_assert_no_error(error);
    for (guint i = 0; i < 300 && !g_file_test(self->socket, G_FILE_TEST_EXISTS); i++) {
        g_usleep(100000);
    }
    if (!g_file_test(self->socket, G_FILE_TEST_EXISTS)) {
        test_compositor_free(self);
        return NULL;
    }
    return self;
}

static void
free_sway(TestCompositor *self)
{
    g_autoptr(GDir) folder = g_dir_open(self->folder, 0, NULL);
    const char *name;

    kill(self->pid, SIGTERM);
    g_assert_cmpint(waitpid(self->pid, NULL, 0), ==, self->pid);
    while (folder && (name = g_dir_read_name(folder))) {
        g_autofree char *path = g_build_filename(self->folder, name, NULL);
        g_unlink(path);
    }
}

void
test_compositor_free(TestCompositor *self)
{
    int status;

    if (self->control < 0) {
        free_sway(self);
        g_rmdir(self->folder);
        g_free(self->folder);
        g_free(self->socket);
        g_free(self);
        return;
    }
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

    if (self->control < 0) {
        return g_strdup("");
    }
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

    if (self->control < 0) {
        const char *const argv[] = {"grim", "-t", "ppm", path, NULL};
        g_autoptr(GError) error = NULL;
        g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL,
                     &error);
        g_assert_no_error(error);
    }
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
