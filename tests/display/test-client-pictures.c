/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* libvitrine-client against the real vmm-display: pictures, whole, small and lost. */

#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "tests/display/library.h"

enum {
    PAUSE_MS = 7000, /* longer than the library waits for an answer */
    FDS_MAX = 1024,
};

static void
test_picture(void)
{
    g_autoptr(Rig) rig = rig_new();
    g_autoptr(VmConnection) connection = NULL;
    g_autoptr(VmConsole) console = NULL;
    static struct gpu_cursor shape = {
        .header = {GPU_CURSOR, sizeof(shape)}, .visible = 1, .hot_x = 3, .hot_y = 4};
    struct library_told told = {0};
    VmPicture picture;
    VmCursor cursor;
    guint32 *pixels;
    guint width;

    pixels = rig_gpu_begin(rig, 64, 48);
    connection = library_open(rig);
    console = library_console(connection);
    library_listen(console, &told);
    rig_run(50);
    g_assert_cmpuint(told.scanouts, ==, 0); /* nobody holds it */
    vm_console_hold(console);
    rig_wait(told.scanouts == 1);
    g_assert_true(vm_console_get_picture(console, &picture));
    g_assert_cmpuint(picture.width, ==, 64);
    g_assert_cmpuint(picture.height, ==, 48);
    g_assert_cmpint(picture.format, ==, VM_FORMAT_XRGB8888);
    pixels[64 * 2 + 1] = 0xfedcba;
    rig_gpu_update(rig, 1, 2, 3, 4);
    rig_wait(told.damages == 1);
    g_assert_cmpint(told.damage[0], ==, 1);
    g_assert_cmpint(told.damage[3], ==, 4);
    g_assert_cmpint(memcmp(picture.pixels + (gsize)2 * picture.stride + 4, "\xba\xdc\xfe", 3), ==,
                    0);
    g_assert_false(vm_console_get_cursor(console, &cursor));
    shape.pixels[1] = 0xff010203;
    rig_gpu_send(rig, &shape, sizeof(shape), -1);
    rig_wait(vm_console_get_cursor(console, &cursor));
    g_assert_cmpuint(cursor.hot_y, ==, 4);
    g_assert_cmphex(cursor.pixels[1], ==, 0xff010203);
    rig_gpu_show(rig, 2, 100, 50);
    rig_wait(told.scanouts == 2);
    g_object_get(console, "width", &width, NULL);
    g_assert_cmpuint(width, ==, 100);
    rig_gpu_scanout(rig, 0, 0, 0, 0);
    rig_wait(told.scanouts == 3);
    g_assert_false(vm_console_get_picture(console, &picture));
    vm_console_release(console);
    rig_gpu_scanout(rig, 1, 0, 64, 48);
    rig_run(50);
    g_assert_false(vm_console_get_picture(console, &picture));
}

static void
test_thumbnail(void)
{
    g_autoptr(Rig) rig = rig_new();
    g_autoptr(VmConnection) connection = NULL;
    g_autoptr(VmConsole) console = NULL;
    g_autoptr(VmThumbnail) thumbnail = NULL;
    g_autofree char *name = NULL;
    g_autoptr(GAsyncResult) early = NULL;
    g_autoptr(GAsyncResult) result = NULL;
    GError *error = NULL;
    guint32 *pixels;

    rig_gpu_hello(rig, 1);
    connection = library_open(rig);
    console = library_console(connection);
    vm_console_get_thumbnail_async(console, 64, 64, NULL, library_keep_result, &early);
    rig_wait(early != NULL);
    g_assert_null(vm_console_get_thumbnail_finish(console, early, &error));
    name = g_dbus_error_get_remote_error(error);
    g_assert_cmpstr(name, ==, "org.vitrine.Vmm1.Error.NoPicture");
    g_clear_error(&error);
    pixels = rig_gpu_show(rig, 1, 128, 96);
    pixels[0] = 0x00ff00;
    vm_console_get_thumbnail_async(console, 0, 0, NULL, library_keep_result, &result);
    rig_wait(result != NULL);
    thumbnail = vm_console_get_thumbnail_finish(console, result, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(thumbnail->width, ==, 128);
    g_assert_cmpuint(g_bytes_get_size(thumbnail->bytes), ==, 128UL * 96 * 4);
    g_assert_cmphex(*(const guint32 *)g_bytes_get_data(thumbnail->bytes, NULL), ==, 0x00ff00);
}

static void
take_thumbnail(VmConsole *console)
{
    g_autoptr(GAsyncResult) result = NULL;
    g_autoptr(GError) error = NULL;
    VmThumbnail *thumbnail;

    vm_console_get_thumbnail_async(console, 16, 16, NULL, library_keep_result, &result);
    rig_wait(result != NULL);
    thumbnail = vm_console_get_thumbnail_finish(console, result, &error);
    g_clear_pointer(&thumbnail, vm_thumbnail_free);
}

/* What is drawn is told once for each copy; what is still, not at all. */
static void
test_changes(void)
{
    g_autoptr(Rig) rig = rig_new();
    g_autoptr(VmConnection) connection = library_open(rig);
    g_autoptr(VmConnection) other = library_open(rig);
    g_autoptr(VmConsole) console = NULL;
    g_autoptr(VmConsole) others = NULL;
    guint64 changes;

    rig_gpu_hello(rig, 1);
    console = library_console(connection);
    others = library_console(other);
    take_thumbnail(console); /* there is none yet */
    changes = vm_console_get_changes(console);
    g_assert_cmpuint(vm_console_get_changes(console), ==, changes);
    rig_gpu_show(rig, 1, 64, 48);
    rig_wait(vm_console_get_changes(console) == changes + 1);
    take_thumbnail(console);
    rig_run(200);
    g_assert_cmpuint(vm_console_get_changes(console), ==, changes + 1);
    for (guint i = 0; i < 20; i++) {
        rig_gpu_update(rig, i, 0, 1, 1);
    }
    rig_wait(vm_console_get_changes(console) == changes + 2);
    rig_gpu_show(rig, 2, 64, 48);
    rig_run(200);
    g_assert_cmpuint(vm_console_get_changes(console), ==, changes + 2);
    g_assert_cmpuint(vm_console_get_changes(others), ==, changes); /* it never asked */
    take_thumbnail(console);
    rig_gpu_update(rig, 1, 0, 1, 1);
    rig_wait(vm_console_get_changes(console) == changes + 3);
}

/* The sockets that this process has now. */
static GArray *
list_sockets(void)
{
    GArray *sockets = g_array_new(FALSE, FALSE, sizeof(int));
    struct stat st;

    for (int fd = 0; fd < FDS_MAX; fd++) {
        if (fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode)) {
            g_array_append_val(sockets, fd);
        }
    }
    return sockets;
}

static gboolean
has_socket(GArray *sockets, int fd)
{
    for (guint i = 0; i < sockets->len; i++) {
        if (g_array_index(sockets, int, i) == fd) {
            return TRUE;
        }
    }
    return FALSE;
}

static gboolean
has_picture(VmConsole *console)
{
    VmPicture picture;

    return vm_console_get_picture(console, &picture);
}

/* A display process that comes to nothing for longer than it is waited for, as on a busy computer. */
static void
test_picture_after_pause(void)
{
    g_autoptr(Rig) rig = rig_new();
    g_autoptr(VmConnection) connection = library_open(rig);
    g_autoptr(VmConsole) console = NULL;

    rig_gpu_begin(rig, 64, 48);
    console = library_console(connection);
    rig_signal(rig, SIGSTOP);
    vm_console_hold(console);
    rig_run(PAUSE_MS);
    rig_signal(rig, SIGCONT);
    rig_wait(has_picture(console));
    vm_console_release(console);
}

/* The listener's link breaks: the picture stays, and new ones come. */
static void
test_picture_after_break(void)
{
    g_autoptr(Rig) rig = rig_new();
    g_autoptr(VmConnection) connection = library_open(rig);
    g_autoptr(VmConsole) console = NULL;
    g_autoptr(GArray) before = NULL;
    g_autoptr(GArray) after = NULL;
    struct library_told told = {0};
    guint scanouts;

    rig_gpu_begin(rig, 64, 48);
    console = library_console(connection);
    before = list_sockets();
    library_listen(console, &told);
    vm_console_hold(console);
    rig_wait(has_picture(console));
    scanouts = told.scanouts;
    after = list_sockets();
    for (guint i = 0; i < after->len; i++) {
        int fd = g_array_index(after, int, i);

        if (!has_socket(before, fd)) {
            g_assert_cmpint(shutdown(fd, SHUT_RDWR), ==, 0);
        }
    }
    while (told.scanouts == scanouts) {
        g_assert_true(has_picture(console));
        rig_run(50);
    }
    g_assert_true(has_picture(console));
    told.damages = 0;
    rig_gpu_update(rig, 1, 2, 3, 4);
    rig_wait(told.damages == 1);
    vm_console_release(console);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/client-pictures/whole", test_picture);
    g_test_add_func("/client-pictures/after-pause", test_picture_after_pause);
    g_test_add_func("/client-pictures/after-break", test_picture_after_break);
    g_test_add_func("/client-pictures/thumbnail", test_thumbnail);
    g_test_add_func("/client-pictures/changes", test_changes);
    return g_test_run();
}
