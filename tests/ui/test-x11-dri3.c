/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What is said to an X server that draws with a card, and what its answers mean. Xvfb has no DRI3: this
 * program is linked so that the answers are its own.
 */

#include <fcntl.h>
#include <stdlib.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include <xcb/dri3.h>

#include "ui/x11-dri3.h"

enum {
    WIDTH = 64,
    HEIGHT = 32,
    STRIDE = 256,
};

/* NOLINTBEGIN(cppcoreguidelines-avoid-non-const-global-variables): of one test */
static const char *node; /* that the server gives; NULL: none */
static int node_fd;
static gboolean lists_linear;
static guint n_linear;   /* imports that are said to be */
static guint n_implicit; /* without a modifier */
/* NOLINTEND(cppcoreguidelines-avoid-non-const-global-variables) */

/* The linker's names (--wrap): what the manager calls instead. */
/* Libraries call that one too, and the linker wants it to be seen by them. */
__attribute__((visibility("default"))) const xcb_query_extension_reply_t *
wrap_data(xcb_connection_t *connection,
          xcb_extension_t *extension) __asm__("__wrap_xcb_get_extension_data");
xcb_dri3_query_version_reply_t *
wrap_version(xcb_connection_t *connection, xcb_dri3_query_version_cookie_t cookie,
             xcb_generic_error_t **error) __asm__("__wrap_xcb_dri3_query_version_reply");
xcb_dri3_query_version_cookie_t
wrap_ask_version(xcb_connection_t *connection, uint32_t major,
                 uint32_t minor) __asm__("__wrap_xcb_dri3_query_version");
xcb_dri3_get_supported_modifiers_cookie_t
wrap_ask_modifiers(xcb_connection_t *connection, uint32_t window, uint8_t depth,
                   uint8_t bits) __asm__("__wrap_xcb_dri3_get_supported_modifiers");
xcb_dri3_get_supported_modifiers_reply_t *wrap_modifiers(
    xcb_connection_t *connection, xcb_dri3_get_supported_modifiers_cookie_t cookie,
    xcb_generic_error_t **error) __asm__("__wrap_xcb_dri3_get_supported_modifiers_reply");
xcb_dri3_open_cookie_t wrap_ask_open(xcb_connection_t *connection, xcb_drawable_t drawable,
                                     uint32_t provider) __asm__("__wrap_xcb_dri3_open");
xcb_dri3_open_reply_t *wrap_open(xcb_connection_t *connection, xcb_dri3_open_cookie_t cookie,
                                 xcb_generic_error_t **error) __asm__("__wrap_xcb_dri3_open_reply");
int *wrap_open_fds(xcb_connection_t *connection,
                   xcb_dri3_open_reply_t *reply) __asm__("__wrap_xcb_dri3_open_reply_fds");
xcb_void_cookie_t
wrap_buffers(xcb_connection_t *connection, xcb_pixmap_t pixmap, xcb_window_t window, uint8_t n,
             uint16_t width, uint16_t height, uint32_t stride0, uint32_t offset0, uint32_t stride1,
             uint32_t offset1, uint32_t stride2, uint32_t offset2, uint32_t stride3,
             uint32_t offset3, uint8_t depth, uint8_t bits, uint64_t modifier,
             const int32_t *fds) __asm__("__wrap_xcb_dri3_pixmap_from_buffers_checked");
xcb_void_cookie_t wrap_buffer(xcb_connection_t *connection, xcb_pixmap_t pixmap,
                              xcb_drawable_t drawable, uint32_t size, uint16_t width,
                              uint16_t height, uint16_t stride, uint8_t depth, uint8_t bits,
                              int32_t fd) __asm__("__wrap_xcb_dri3_pixmap_from_buffer_checked");

const xcb_query_extension_reply_t *
wrap_data(xcb_connection_t *connection, xcb_extension_t *extension)
{
    static const xcb_query_extension_reply_t there = {.present = 1};

    return &there;
}

xcb_dri3_query_version_cookie_t
wrap_ask_version(xcb_connection_t *connection, uint32_t major, uint32_t minor)
{
    return (xcb_dri3_query_version_cookie_t){0};
}

xcb_dri3_query_version_reply_t *
wrap_version(xcb_connection_t *connection, xcb_dri3_query_version_cookie_t cookie,
             xcb_generic_error_t **error)
{
    xcb_dri3_query_version_reply_t *reply = calloc(1, sizeof(*reply));

    reply->major_version = 1;
    reply->minor_version = 2;
    return reply;
}

xcb_dri3_get_supported_modifiers_cookie_t
wrap_ask_modifiers(xcb_connection_t *connection, uint32_t window, uint8_t depth, uint8_t bits)
{
    return (xcb_dri3_get_supported_modifiers_cookie_t){0};
}

/* Those of the window come first, none here; the screen's follow it: linear, as 0. */
xcb_dri3_get_supported_modifiers_reply_t *
wrap_modifiers(xcb_connection_t *connection, xcb_dri3_get_supported_modifiers_cookie_t cookie,
               xcb_generic_error_t **error)
{
    xcb_dri3_get_supported_modifiers_reply_t *reply = calloc(1, sizeof(*reply) + sizeof(guint64));

    reply->num_screen_modifiers = lists_linear ? 1 : 0;
    return reply;
}

xcb_dri3_open_cookie_t
wrap_ask_open(xcb_connection_t *connection, xcb_drawable_t drawable, uint32_t provider)
{
    g_assert_cmpuint(provider, ==, 0);
    return (xcb_dri3_open_cookie_t){0};
}

xcb_dri3_open_reply_t *
wrap_open(xcb_connection_t *connection, xcb_dri3_open_cookie_t cookie, xcb_generic_error_t **error)
{
    xcb_dri3_open_reply_t *reply = node ? calloc(1, sizeof(*reply)) : NULL;

    if (reply) {
        node_fd = open(node, O_RDONLY | O_CLOEXEC);
        reply->nfd = 1;
    }
    return reply;
}

int *
wrap_open_fds(xcb_connection_t *connection, xcb_dri3_open_reply_t *reply)
{
    return &node_fd;
}

xcb_void_cookie_t
/* NOLINTNEXTLINE(readability-function-size): the library's form */
wrap_buffers(xcb_connection_t *connection, xcb_pixmap_t pixmap, xcb_window_t window, uint8_t n,
             uint16_t width, uint16_t height, uint32_t stride0, uint32_t offset0, uint32_t stride1,
             uint32_t offset1, uint32_t stride2, uint32_t offset2, uint32_t stride3,
             uint32_t offset3, uint8_t depth, uint8_t bits, uint64_t modifier, const int32_t *fds)
{
    g_assert_cmpuint(modifier, ==, VM_DRM_LINEAR);
    n_linear++;
    close(fds[0]);
    return xcb_no_operation_checked(connection); /* which is no error */
}

xcb_void_cookie_t
/* NOLINTNEXTLINE(readability-function-size): the library's form */
wrap_buffer(xcb_connection_t *connection, xcb_pixmap_t pixmap, xcb_drawable_t drawable,
            uint32_t size, uint16_t width, uint16_t height, uint16_t stride, uint8_t depth,
            uint8_t bits, int32_t fd)
{
    n_implicit++;
    close(fd);
    return xcb_no_operation_checked(connection); /* which is no error */
}

/* A server that is asked anew. */
static GdkDisplay *
set_server(const char *path, gboolean linear)
{
    GdkDisplay *display = gdk_display_get_default();

    node = path;
    lists_linear = linear;
    n_linear = 0;
    n_implicit = 0;
    g_object_set_data(G_OBJECT(display), "vitrine-x11-dri3", NULL);
    g_assert_true(vm_x11_dri3_is_there(display));
    return display;
}

static void
test_cards(void)
{
    const guint64 same = makedev(1, 3); /* no cards, but the kernel has numbers for them */
    const guint64 other = makedev(1, 5);
    GdkDisplay *display = set_server("/dev/null", TRUE);

    g_assert_cmpint(vm_x11_dri3_find_textures(display, same), ==, VM_TEXTURES_ALL);
    g_assert_cmpint(vm_x11_dri3_find_textures(display, 0), ==, VM_TEXTURES_ALL);
    g_assert_cmpint(vm_x11_dri3_find_textures(display, other), ==, VM_TEXTURES_LINEAR);
    g_assert_cmpint(fcntl(node_fd, F_GETFD), ==, -1); /* it was closed */
    display = set_server("/dev/null", FALSE);
    g_assert_cmpint(vm_x11_dri3_find_textures(display, same), ==, VM_TEXTURES_ALL);
    g_assert_cmpint(vm_x11_dri3_find_textures(display, other), ==, VM_TEXTURES_NONE);
    display = set_server(NULL, TRUE); /* it gives none */
    g_assert_cmpint(vm_x11_dri3_find_textures(display, other), ==, VM_TEXTURES_ALL);
}

static void
import(GdkDisplay *display, guint width, guint64 modifier)
{
    const VmGuestPicture picture = {
        .picture = {.width = WIDTH, .height = HEIGHT, .stride = STRIDE},
        .dmabuf = STDIN_FILENO,
        .texture = {.width = width, .height = HEIGHT, .stride = STRIDE, .modifier = modifier}};

    g_assert_cmpuint(vm_x11_dri3_import(display, &picture), !=, 0);
}

/* What a card drew is not called linear when nobody said so. */
static void
test_modifiers(void)
{
    GdkDisplay *display = set_server("/dev/null", TRUE);

    import(display, 0, 0); /* the machine's own pictures */
    import(display, WIDTH, VM_DRM_LINEAR);
    g_assert_cmpuint(n_linear, ==, 2);
    g_assert_cmpuint(n_implicit, ==, 0);
    import(display, WIDTH, VM_DRM_IMPLICIT);
    g_assert_cmpuint(n_linear, ==, 2);
    g_assert_cmpuint(n_implicit, ==, 1);
    display = set_server("/dev/null", FALSE);
    import(display, 0, 0);
    g_assert_cmpuint(n_linear, ==, 0);
    g_assert_cmpuint(n_implicit, ==, 1);
}

int
main(int argc, char **argv)
{
    gtk_test_init(&argc, &argv, NULL);
    g_test_add_func("/x11-dri3/cards", test_cards);
    g_test_add_func("/x11-dri3/modifiers", test_modifiers);
    return g_test_run();
}
