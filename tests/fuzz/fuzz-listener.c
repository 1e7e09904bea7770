/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A hostile client on the link on which the display calls it: any bytes, or the handshake and then answers,
 * calls and signals that are nearly right, between frames, pictures and cursors, and at any moment the end.
 * The listener always lets go of it, and never has more than its share of calls on the way.
 */

#include "display/listener.h"

#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "display/peer.h"
#include "tests/fuzz/fuzz.h"
#include "vmm/base/assert.h"
#include "vmm/base/fd.h"
#include "vmm/base/log.h"

enum {
    EDGE = 16,
    STEPS_MAX = 64,
    SERIALS = 16,
};

struct rig {
    int client;
    gboolean is_deaf; /* the client reads nothing */
    gboolean is_closed;
    VmScreen *screen;
    VmListener *listener;
};

static void
put(struct rig *rig, const void *bytes, size_t size)
{
    (void)!send(rig->client, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void
greet(struct rig *rig, uint64_t how)
{
    g_autoptr(GString) text = g_string_new(NULL);
    g_autofree char *uid = g_strdup_printf("%u", geteuid());

    g_string_append_c(text, '\0');
    if (how & 1) {
        g_string_append(text, "AUTH EXTERNAL\r\nDATA");
    } else {
        g_string_append(text, "AUTH EXTERNAL ");
        for (const char *c = uid; *c; c++) {
            g_string_append_printf(text, "%02x", *c);
        }
    }
    g_string_append(text, how & 2 ? "\r\nBEGIN\r\n" : "\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n");
    put(rig, text->str, text->len);
}

/* The answer to what the listener asks first. */
static GBytes *
make_interfaces(uint64_t how)
{
    static const char *const names[] = {"org.qemu.Display1.Listener.Unix.Map",
                                        "org.qemu.Display1.Listener.Unix.ScanoutDMABUF2", NULL};
    g_autoptr(GDBusMessage) message = g_dbus_message_new();
    gsize size;
    guchar *blob;

    g_dbus_message_set_message_type(message, how & 4 ? G_DBUS_MESSAGE_TYPE_ERROR
                                                     : G_DBUS_MESSAGE_TYPE_METHOD_RETURN);
    if (how & 4) {
        g_dbus_message_set_error_name(message, "org.freedesktop.DBus.Error.Failed");
    }
    g_dbus_message_set_reply_serial(message, 1);
    g_dbus_message_set_serial(message, 1);
    g_dbus_message_set_body(
        message,
        g_variant_new("(v)", how & 8 ? g_variant_new_uint32(7)
                                     : g_variant_new_strv(names, (gssize)(how >> 4 & 3) % 3)));
    blob = g_dbus_message_to_blob(message, &size, G_DBUS_CAPABILITY_FLAGS_NONE, NULL);
    assert(blob);
    return g_bytes_new_take(blob, size);
}

/* With up to three bytes that are others. */
static void
put_damaged(struct rig *rig, const guint8 *bytes, gsize size, struct fuzz_input *input)
{
    g_autofree guint8 *copy = g_memdup2(bytes, size);

    for (uint64_t i = fuzz_take(input, 1) % 4; i > 0; i--) {
        copy[fuzz_take(input, 2) % size] = (guint8)fuzz_take(input, 1);
    }
    put(rig, copy, size);
}

static void
pad(GByteArray *bytes, guint to)
{
    static const guint8 zeros[8] = {0};

    g_byte_array_append(bytes, zeros, (to - bytes->len % to) % to);
}

static void
add_number(GByteArray *bytes, guint32 number)
{
    g_byte_array_append(bytes, (const guint8 *)&number, sizeof(number));
}

/* A field of a header: a text, or the serial that is answered when there is none. */
static void
add_field(GByteArray *bytes, guint8 code, const char *text, guint32 serial)
{
    const guint8 head[] = {code, 1, text ? (code == 1 ? 'o' : 's') : 'u', 0};

    pad(bytes, 8);
    g_byte_array_append(bytes, head, sizeof(head));
    add_number(bytes, text ? (guint32)strlen(text) : serial);
    if (text) {
        g_byte_array_append(bytes, (const guint8 *)text, (guint)strlen(text) + 1);
    }
}

static void
put_message(struct rig *rig, struct fuzz_input *input)
{
    static const char *const texts[] = {
        NULL, "org.freedesktop.DBus.Peer", "Ping", "a.b", "", "Get.", "GetMachineId", "/a"};
    const uint64_t how = fuzz_take(input, 2);
    const guint32 body = MIN((guint32)(how >> 14 << 4), (guint32)input->size);
    const guint32 claimed = how == 0xffff ? (guint32)fuzz_take(input, 4) : body;
    const guint8 head[] = {'l', how % 5, how & 8 ? 1 : 0, 1};
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    guint32 fields;

    g_byte_array_append(bytes, head, sizeof(head));
    add_number(bytes, claimed);
    add_number(bytes, 1 + (guint32)(how >> 4 & 7));
    add_number(bytes, 0);
    add_field(bytes, 5, NULL, (guint32)fuzz_take(input, 1) % SERIALS);
    for (guint8 code = 1; code <= 4; code++) { /* path, interface, member, error */
        const char *text = texts[fuzz_take(input, 1) % G_N_ELEMENTS(texts)];

        if (text) {
            add_field(bytes, code, text, 0);
        }
    }
    fields = bytes->len - 16;
    memcpy(bytes->data + 12, &fields, sizeof(fields));
    pad(bytes, 8);
    g_byte_array_append(bytes, input->data, (guint)MIN(body, input->size));
    put_damaged(rig, bytes->data, bytes->len, input);
}

static void
show(struct rig *rig, uint64_t how)
{
    VmScanout scanout = {.width = EDGE, .height = 1 + (how & 7), .stride = EDGE * 4};

    scanout.fourcc = GPU_FORMAT_XR24;
    scanout.buffer = vm_buffer_new(fd_memory_file("picture", sizeof(guint32) * EDGE * EDGE),
                                   sizeof(guint32) * EDGE * EDGE, NULL);
    assert(scanout.buffer);
    vm_screen_set_scanout(rig->screen, &scanout);
    vm_buffer_unref(scanout.buffer);
}

static void
step(struct rig *rig, struct fuzz_input *input)
{
    static struct gpu_cursor
        cursor; /* NOLINT(cppcoreguidelines-avoid-non-const-global-variables): large */
    uint64_t how = fuzz_take(input, 1);

    switch (how & 7) {
    case 0:
        show(rig, how >> 3);
        break;
    case 1:
        cursor.visible = how >> 3 & 1;
        vm_screen_set_cursor(rig->screen, &cursor);
        break;
    case 2:
        vm_screen_move_cursor(rig->screen, (guint)how, 1);
        break;
    case 3:
        vm_screen_damage(rig->screen, how >> 3 & 7, 0, 4, 4);
        break;
    case 4:
        put_damaged(rig, (const guint8 *)"AUTH EXTERNAL\r\n", 15, input);
        break;
    default:
        put_message(rig, input);
        break;
    }
}

static void
iterate(struct rig *rig)
{
    char bytes[4096];

    while (g_main_context_iteration(NULL, FALSE)) {
    }
    while (!rig->is_deaf && recv(rig->client, bytes, sizeof(bytes), MSG_DONTWAIT) > 0) {
    }
}

static void
be_closed(struct rig *rig)
{
    rig->is_closed = TRUE;
}

static void
talk(struct rig *rig, struct fuzz_input *input)
{
    const uint64_t how = fuzz_take(input, 1);

    if ((how & 0xc0) == 0xc0) {
        put(rig, input->data, input->size);
        return;
    }
    rig->is_deaf = (fuzz_take(input, 1) & 3) == 3;
    greet(rig, how);
    if ((how & 0xc0) != 0x80) {
        g_autoptr(GBytes) answer = make_interfaces(how);

        put(rig, g_bytes_get_data(answer, NULL), g_bytes_get_size(answer));
    }
    for (guint i = 0; i < STEPS_MAX && input->size > 0 && !rig->is_closed; i++) {
        step(rig, input);
        iterate(rig);
    }
}

static gpointer
be_quiet(gpointer data)
{
    log_set_level(LOG_LEVEL_ERROR);
    signal(SIGPIPE, SIG_IGN);
    return NULL;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static GOnce once =
        G_ONCE_INIT; /* NOLINT(cppcoreguidelines-avoid-non-const-global-variables) */
    struct fuzz_input input = {data, size};
    struct rig rig = {.screen = vm_screen_new(0)};
    g_autoptr(GSocketConnection) stream = NULL;
    int pair[2];

    g_once(&once, be_quiet, NULL);
    assert(fd_socket_pair(SOCK_STREAM, pair) == 0);
    rig.client = pair[0];
    stream = vm_peer_import(pair[1], NULL);
    assert(stream);
    rig.listener = vm_listener_new(rig.screen, stream, NULL);
    assert(rig.listener);
    g_signal_connect_swapped(rig.listener, "closed", G_CALLBACK(be_closed), &rig);
    show(&rig, 7);
    talk(&rig, &input);
    iterate(&rig);
    close(rig.client);
    while (!rig.is_closed) {
        g_main_context_iteration(NULL, TRUE);
    }
    g_object_unref(rig.listener);
    g_object_unref(rig.screen);
    return 0;
}
