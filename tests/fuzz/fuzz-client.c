/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A hostile client of vmm-display: it does the handshake well, nearly or not at all, then calls every
 * method with values of the right types, or sends any bytes. The display's own server stands behind the
 * socket, with a model whose neighbours are ours. Requests that it passes on must be well-formed, and
 * nothing is left of a client that has gone.
 */

#include <gio/gio.h>
#include <gio/gunixfdlist.h>
#include <linux/input-event-codes.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "display/model.h"
#include "display/peer.h"
#include "display/server.h"
#include "tests/fuzz/fuzz.h"
#include "vm-dbus-display1.h"
#include "vm-dbus-vmm1.h"
#include "vmm/base/assert.h"
#include "vmm/base/fd.h"
#include "vmm/base/log.h"
#include "vmm/base/message.h"
#include "vmm/protocol/gpu.h"
#include "vmm/protocol/history.h"
#include "vmm/protocol/input.h"

enum {
    CALLS_MAX = 64,
    FDS_MAX = 3,
    PATIENCE_S = 30,
    ARGUMENTS_MAX = 16,
};

enum edge {
    EDGE_SUPERVISOR,
    EDGE_GPU,
    EDGE_KEYBOARD,
    EDGE_POINTER,
    EDGE_STREAM,
    EDGE_LAST_STREAM, /* of the port that the client asks for last */
    EDGES
};

#define LAST_PATH "/org/qemu/Display1/Chardev_serial_1"
#define LAST_WORD "the last answer"

struct rig {
    int ours[EDGES];
    int theirs[EDGES];
    VmSupervisorLink *supervisor;
    VmModel *model;
    VmServer *server;
    int client;
    gboolean is_damaged; /* what the client says ends in the middle */
    gboolean is_answered;
};

static const char *const paths[] = {
    "/org/qemu/Display1/VM",
    "/org/qemu/Display1/Console_0",
    "/org/qemu/Display1/Chardev_serial_0",
    "/org/vitrine/Vmm1/Machine",
    "/org/vitrine/Vmm1/Guest",
    "/org/vitrine/Vmm1",
    "/org/qemu/Display1",
    "/",
};

/* Those of the bus itself that GLib or an object manager answers with our properties. */
static const struct {
    const char *interface;
    const char *member;
    const char *signature;
} common[] = {
    {"org.freedesktop.DBus.Properties", "GetAll", "s"},
    {"org.freedesktop.DBus.Properties", "Get", "ss"},
    {"org.freedesktop.DBus.Properties", "Set", "ssv"},
    {"org.freedesktop.DBus.Introspectable", "Introspect", ""},
    {"org.freedesktop.DBus.Peer", "Ping", ""},
};

static GDBusInterfaceInfo *
interface_at(uint64_t index)
{
    GDBusInterfaceInfo *(*const infos[])(void) = {
        vm_dbus_vm_interface_info,
        vm_dbus_console_interface_info,
        vm_dbus_keyboard_interface_info,
        vm_dbus_mouse_interface_info,
        vm_dbus_chardev_interface_info,
        vm_dbus_machine_interface_info,
        vm_dbus_statistics_interface_info,
        vm_dbus_displays_interface_info,
        vm_dbus_sandbox_interface_info,
        vm_dbus_guest_interface_info,
        vm_dbus_balloon_controller_interface_info,
        vm_dbus_picture_interface_info,
        vm_dbus_port_interface_info,
    };

    return infos[index % G_N_ELEMENTS(infos)]();
}

/* -- the display around it -- */

static void
make_model(struct rig *rig)
{
    struct display_setup setup = {.vm_name = "fuzz", .vm_uuid = "none", .n_chardevs = 2};
    struct gpu_hello hello = {.header = {GPU_HELLO, sizeof(hello)}, .n_scanouts = 2};
    struct gpu_mode display = {
        .header = {GPU_DISPLAY, sizeof(display)}, .enabled = 1, .width = 64, .height = 64};
    struct display_state state = {.header = {DISPLAY_STATE, sizeof(state)},
                                  .state = DISPLAY_VM_RUNNING};

    for (int i = 0; i < EDGES; i++) {
        int pair[2];

        assert(fd_socket_pair(i >= EDGE_STREAM ? SOCK_STREAM : SOCK_SEQPACKET, pair) == 0);
        assert(fd_set_nonblocking(pair[0]) == 0 && fd_set_nonblocking(pair[1]) == 0);
        rig->ours[i] = pair[0];
        rig->theirs[i] = pair[1];
    }
    setup.listen_fd = -1;
    setup.gpu_fd = rig->theirs[EDGE_GPU];
    setup.keyboard_fd = rig->theirs[EDGE_KEYBOARD];
    setup.pointer_fd = rig->theirs[EDGE_POINTER];
    for (int i = 0; i < 2; i++) {
        setup.chardev[i] = (struct display_chardev){
            .name = "serial.0",
            .label = LAST_WORD,
            .stream_fd = rig->theirs[EDGE_STREAM + i],
            .history_fd = fd_memory_file("history", sizeof(struct history)),
            .output_fd = -1,
            .input_fd = -1,
        };
    }
    setup.chardev[1].name[7] = '1';
    setup.chardev[0].label[0] = 'T';
    rig->supervisor = vm_supervisor_link_new(rig->theirs[EDGE_SUPERVISOR]);
    rig->model = vm_model_new(&setup, rig->supervisor, NULL);
    assert(rig->model);
    rig->server = vm_server_new(rig->model, -1, NULL);
    assert(message_send(rig->ours[EDGE_GPU], &hello, sizeof(hello), NULL, 0) == 0);
    assert(message_send(rig->ours[EDGE_GPU], &display, sizeof(display), NULL, 0) == 0);
    assert(message_send(rig->ours[EDGE_SUPERVISOR], &state, sizeof(state), NULL, 0) == 0);
    while (!vm_gpu_link_get_screen(vm_model_get_gpu(rig->model), 0)) {
        g_main_context_iteration(NULL, TRUE);
    }
}

static void
free_model(struct rig *rig)
{
    vm_server_close(rig->server);
    while (g_main_context_iteration(NULL, FALSE)) {
    }
    g_object_unref(rig->server);
    g_object_unref(rig->model);
    g_object_unref(rig->supervisor);
    for (int i = 0; i < EDGES; i++) {
        close(rig->ours[i]);
    }
    close(rig->theirs[EDGE_SUPERVISOR]);
}

static void
check_report(const struct input_report *report, size_t size)
{
    assert(report->count > 0 && report->count <= INPUT_EVENTS_MAX);
    assert(size == offsetof(struct input_report, events[report->count]));
    assert(report->events[report->count - 1].type == EV_SYN);
}

/* What the display passed on to its neighbours. */
static void
listen_to_it(struct rig *rig)
{
    union {
        struct start_header header;
        struct input_report report;
        uint8_t bytes[4096];
    } message;
    struct message_fds fds;

    for (int i = 0; i < EDGE_STREAM; i++) {
        ssize_t n;

        while ((n = message_receive(rig->ours[i], &message, sizeof(message), &fds)) > 0) {
            message_close_fds(&fds);
            if (i > EDGE_GPU) {
                check_report(&message.report, (size_t)n);
                continue;
            }
            assert((size_t)n >= sizeof(message.header) && message.header.size == (size_t)n);
            assert(i != EDGE_SUPERVISOR || (message.header.type >= START_TYPE_FROM_CHILD &&
                                            message.header.type <= DISPLAY_ASK_TRACE));
        }
    }
    for (int i = EDGE_STREAM; i < EDGES; i++) {
        while (read(rig->ours[i], &message, sizeof(message)) > 0) {
        }
    }
    while (rig->client >= 0) {
        ssize_t n = read(rig->client, &message, sizeof(message));

        if (n <= 0) {
            break;
        }
        rig->is_answered |= memmem(message.bytes, (size_t)n, LAST_WORD, strlen(LAST_WORD)) != NULL;
    }
}

/* -- the client -- */

static void
put(struct rig *rig, const void *bytes, size_t size)
{
    (void)!send(rig->client, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void
put_line(struct rig *rig, struct fuzz_input *input)
{
    g_autofree char *uid = g_strdup_printf("%u", geteuid());
    g_autoptr(GString) line = g_string_new(NULL);
    uint64_t kind = fuzz_take(input, 1);

    switch (kind % 8) {
    case 0:
        put(rig, "", 1);
        return;
    case 1:
        g_string_append(line, "AUTH EXTERNAL");
        break;
    case 2:
        g_string_append(line, kind & 8 ? "AUTH EXTERNAL " : "DATA ");
        for (const char *c = uid; *c; c++) {
            g_string_append_printf(line, "%02x", *c);
        }
        break;
    case 3:
        g_string_append(line, kind & 8 ? "NEGOTIATE_UNIX_FD" : "AUTH ANONYMOUS");
        break;
    case 4:
        g_string_append(line, kind & 8 ? "BEGIN" : "CANCEL");
        break;
    case 5:
        g_string_append(line, kind & 8 ? "DATA" : "AUTH");
        break;
    case 6: /* long, and not ended */
        for (uint64_t i = fuzz_take(input, 1) * 4; i > 0; i--) {
            g_string_append_c(line, 'A');
        }
        put(rig, line->str, line->len);
        return;
    default:
        for (uint64_t i = fuzz_take(input, 1) % 32; i > 0; i--) {
            g_string_append_c(line, (char)fuzz_take(input, 1));
        }
        break;
    }
    g_string_append(line, "\r\n");
    g_assert(line); /* GLib's inline functions make GCC 14 doubt it */
    put(rig, line->str, line->len);
}

static void
greet_well(struct rig *rig)
{
    g_autofree char *uid = g_strdup_printf("%u", geteuid());
    g_autoptr(GString) text = g_string_new("AUTH EXTERNAL ");

    for (const char *c = uid; *c; c++) {
        g_string_append_printf(text, "%02x", *c);
    }
    g_string_append(text, "\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n");
    put(rig, "", 1);
    put(rig, text->str, text->len);
}

static const char *
take_text(struct fuzz_input *input)
{
    static const char *const texts[] = {
        "", "org.qemu.Display1.Console", "org.vitrine.Vmm1.Machine", "Name", "a\nb\xc3\xa9",
    };

    return texts[fuzz_take(input, 1) % G_N_ELEMENTS(texts)];
}

static uint64_t
take_number(struct fuzz_input *input)
{
    static const uint64_t edges[] = {0,         1,          2,         255,       65535,
                                     INT32_MAX, UINT32_MAX, INT64_MAX, UINT64_MAX};
    uint64_t how = fuzz_take(input, 1);

    return how & 0x80 ? fuzz_take(input, 8) : edges[how % G_N_ELEMENTS(edges)];
}

static GVariant *
make_value(struct fuzz_input *input, const char *signature)
{
    static const uint8_t bytes[64];
    uint64_t number;

    switch (*signature) {
    case 's':
        return g_variant_new_string(take_text(input));
    case 'b':
        return g_variant_new_boolean((gboolean)(fuzz_take(input, 1) & 1));
    case 'h':
        return g_variant_new_handle((gint32)(fuzz_take(input, 1) % 6) - 1);
    case 'd':
        number = take_number(input);
        return g_variant_new_double((double)number);
    case 'y':
        return g_variant_new_byte((guchar)take_number(input));
    case 'q':
        return g_variant_new_uint16((guint16)take_number(input));
    case 'i':
        return g_variant_new_int32((gint32)take_number(input));
    case 'u':
        return g_variant_new_uint32((guint32)take_number(input));
    case 't':
        return g_variant_new_uint64(take_number(input));
    case 'x':
        return g_variant_new_int64((gint64)take_number(input));
    case 'v':
        return g_variant_new_variant(g_variant_new_uint32((guint32)take_number(input)));
    default:
        break;
    }
    if (strcmp(signature, "ay") == 0) {
        return g_variant_new_fixed_array(G_VARIANT_TYPE_BYTE, bytes, fuzz_take(input, 1) % 64, 1);
    }
    if (strcmp(signature, "(qqiiuu)") == 0) {
        return g_variant_new("(qqiiuu)", (guint16)take_number(input), (guint16)take_number(input),
                             (gint32)take_number(input), (gint32)take_number(input),
                             (guint32)take_number(input), (guint32)take_number(input));
    }
    return g_variant_new_array(G_VARIANT_TYPE(signature[0] == 'a' ? signature + 1 : "s"), NULL, 0);
}

/* Files of all kinds for the `h` of a call. */
static int
make_file(uint64_t kind)
{
    int pair[2];

    switch (kind % 4) {
    case 0:
        return fd_memory_file("any", 4096);
    case 1:
        assert(fd_socket_pair(SOCK_SEQPACKET, pair) == 0);
        break;
    default:
        assert(fd_socket_pair(SOCK_STREAM, pair) == 0);
        break;
    }
    close(pair[1]);
    return pair[0];
}

static void
send_blob(struct rig *rig, GDBusMessage *message, struct fuzz_input *input, uint64_t n_fds)
{
    g_autoptr(GUnixFDList) list = g_unix_fd_list_new();
    g_autofree guchar *blob = NULL;
    gsize size = 0;

    for (uint64_t i = 0; i < n_fds; i++) {
        cleanup_fd int fd = make_file(fuzz_take(input, 1));

        assert(g_unix_fd_list_append(list, fd, NULL) >= 0);
    }
    if (n_fds > 0) {
        g_dbus_message_set_unix_fd_list(message, list);
    }
    blob = g_dbus_message_to_blob(message, &size, G_DBUS_CAPABILITY_FLAGS_UNIX_FD_PASSING, NULL);
    if (!blob) {
        return;
    }
    for (int i = 0; rig->is_damaged && i < 3; i++) {
        blob[fuzz_take(input, 2) % size] = (guchar)fuzz_take(input, 1);
    }
    (void)message_send_part(rig->client, blob, size, g_unix_fd_list_peek_fds(list, NULL),
                            (size_t)n_fds);
}

static void
call(struct rig *rig, struct fuzz_input *input, guint serial)
{
    const char *path = paths[fuzz_take(input, 1) % G_N_ELEMENTS(paths)];
    uint64_t which = fuzz_take(input, 1);
    GVariant *values[ARGUMENTS_MAX];
    gsize n = 0;
    g_autoptr(GDBusMessage) message = NULL;

    if (which % 8 == 7) {
        const gsize at = (which >> 3) % G_N_ELEMENTS(common);

        message =
            g_dbus_message_new_method_call(NULL, path, common[at].interface, common[at].member);
        for (; common[at].signature[n]; n++) {
            values[n] = make_value(input, common[at].signature + n);
        }
    } else {
        GDBusInterfaceInfo *info = interface_at(which);
        guint n_methods = 0;

        while (info->methods && info->methods[n_methods]) {
            n_methods++;
        }
        if (n_methods == 0) {
            return;
        }
        const GDBusMethodInfo *method = info->methods[fuzz_take(input, 1) % n_methods];
        message = g_dbus_message_new_method_call(NULL, path, info->name, method->name);
        for (; method->in_args && method->in_args[n] && n < ARGUMENTS_MAX; n++) {
            values[n] = make_value(input, method->in_args[n]->signature);
        }
    }
    uint64_t how = fuzz_take(input, 1);

    g_dbus_message_set_body(message, g_variant_new_tuple(values, n));
    g_dbus_message_set_serial(message, serial);
    g_dbus_message_set_flags(message, how & 4 ? G_DBUS_MESSAGE_FLAGS_NO_REPLY_EXPECTED : 0);
    send_blob(rig, message, input, how % 4);
}

/* Answered behind all other calls. */
static void
ask_last(struct rig *rig)
{
    struct fuzz_input nothing = {NULL, 0};
    g_autoptr(GDBusMessage) message = g_dbus_message_new_method_call(
        NULL, LAST_PATH, "org.freedesktop.DBus.Properties", "GetAll");

    g_dbus_message_set_body(message, g_variant_new("(s)", "org.vitrine.Vmm1.Port"));
    g_dbus_message_set_serial(message, CALLS_MAX + 1);
    send_blob(rig, message, &nothing, 0);
}

static void
talk(struct rig *rig, struct fuzz_input *input)
{
    uint64_t how = fuzz_take(input, 1);

    if (how & 1) {
        greet_well(rig);
    } else {
        for (uint64_t i = how >> 4; i > 0; i--) {
            put_line(rig, input);
        }
    }
    rig->is_damaged = !(how & 1) || how & 2 || (how & 0x3c) == 0x3c;
    if (how & 2) {
        put(rig, input->data, input->size);
        return;
    }
    for (guint i = 1; i <= CALLS_MAX && input->size > 0; i++) {
        call(rig, input, i);
    }
    if (!rig->is_damaged) {
        ask_last(rig);
    }
}

/* The display sees the end of the client's words, reads them all before, and lets it go. */
static void
wait_for_end(struct rig *rig)
{
    const gint64 end = g_get_monotonic_time() + PATIENCE_S * G_TIME_SPAN_SECOND;

    gboolean is_over = rig->is_damaged;

    if (is_over) {
        assert(shutdown(rig->client, SHUT_WR) == 0);
    }
    while (vm_model_get_client_count(rig->model) > 0) {
        if (rig->is_answered && !is_over) {
            is_over = TRUE;
            assert(shutdown(rig->client, SHUT_WR) == 0);
        }
        assert(g_get_monotonic_time() < end);
        listen_to_it(rig);
        if (!g_main_context_iteration(NULL, FALSE)) {
            g_usleep(20);
        }
    }
    listen_to_it(rig);
}

static GLogWriterOutput
write_no_log(GLogLevelFlags level, const GLogField *fields, gsize n_fields, gpointer user_data)
{
    return G_LOG_WRITER_HANDLED;
}

static gpointer
be_quiet(gpointer data)
{
    g_log_set_writer_func(write_no_log, NULL, NULL);
    log_set_level(LOG_LEVEL_ERROR);
    signal(SIGPIPE, SIG_IGN); /* as vmm-display does */
    return NULL;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    struct rig rig = {.client = -1};
    static GOnce once =
        G_ONCE_INIT; /* NOLINT(cppcoreguidelines-avoid-non-const-global-variables) */
    int pair[2];

    g_once(&once, be_quiet, NULL);
    make_model(&rig);
    assert(fd_socket_pair(SOCK_STREAM, pair) == 0 && fd_set_nonblocking(pair[0]) == 0);
    rig.client = pair[0];
    GSocketConnection *stream = vm_peer_import(pair[1], NULL);
    assert(stream && vm_server_add(rig.server, stream));
    g_object_unref(stream);
    talk(&rig, &input);
    wait_for_end(&rig);
    fd_closep(&rig.client);
    free_model(&rig);
    return 0;
}
