/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/fakes/fake-display.h"

#include <errno.h>
#include <gio/gio.h>
#include <gio/gunixfdlist.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vm-dbus-display1.h"
#include "vm-dbus-vmm1.h"
#include "vmm/base/fd.h"

#define MACHINE        "/org/vitrine/Vmm1"
#define ROOT           "/org/qemu/Display1"
#define CONSOLE        ROOT "/Console_0"
#define PORT           ROOT "/Chardev_serial_0"
#define LISTENER       ROOT "/Listener"
#define LISTENER_IFACE "org.qemu.Display1.Listener"
#define MAP_IFACE      LISTENER_IFACE ".Unix.Map"

/* Breaks out of isolates and turns what follows; markup; controls; a very long line. */
#define EVIL_WORDS \
    "\u2069\u202e<b>evil</b>&amp;\n\r\t\033[31m</span><a href='http://example.org'>click</a>"

enum {
    WIDTH = 640,
    HEIGHT = 480,
    PICTURE_BYTES = WIDTH * HEIGHT * 4,
    XRGB = 0x20020888, /* pixman's */
    XBGR = 0x20030888,
    TICK_MS = 1,
    CURSOR_TICKS = 20,
    BIG_CURSOR_TICKS = 1000,
    WORDS_TICKS = 100,
    PORT_BYTES_PER_MS = 10 * 1000,
    IN_FLIGHT_MAX = 256,
    BLOCK_BYTES = 8192,
    LONG_WORDS = 64 * 1024,
};

struct FakeDisplay {
    GThread *thread;
    GMainContext *context;
    GMainLoop *loop;
    GDBusServer *server;
    GPtrArray *links;     /* of clients */
    GPtrArray *listeners; /* connections to them */
    GArray *ports;        /* our ends of streams */
    GSource *tick;
    GSocketConnection *stream;
    GDBusNodeInfo *manager;
    int picture;
    int pipe[2];
    char *words;
    guint ticks;
    gint64 began;
    guint64 due; /* bytes of console that should have been written */
    gint in_flight;

    GMutex lock;
    FakeDisplayCounts counts;
};

/* ------------------------------------------------------------------ what it tells */

static GVariant *
properties_of_machine(FakeDisplay *self)
{
    GVariantDict dict;

    g_variant_dict_init(&dict, NULL);
    g_variant_dict_insert(&dict, "Name", "s", self->words ? self->words : "machine");
    g_variant_dict_insert(&dict, "State", "s", "running");
    g_variant_dict_insert(&dict, "ExitStatus", "u", 0);
    g_variant_dict_insert(&dict, "Cause", "s", self->words ? self->words : "");
    g_variant_dict_insert(&dict, "Sentence", "s", self->words ? self->words : "");
    g_variant_dict_insert(&dict, "Graphics", "s", "2d");
    g_variant_dict_insert(&dict, "GraphicsSentence", "s", self->words ? self->words : "As asked.");
    g_variant_dict_insert(&dict, "ClientCount", "u", self->words ? G_MAXUINT : 1);
    return g_variant_dict_end(&dict);
}

static GVariant *
properties_of_port(FakeDisplay *self)
{
    GVariantDict dict;

    g_variant_dict_init(&dict, NULL);
    g_variant_dict_insert(&dict, "Name", "s", "org.qemu.console.serial.0");
    g_variant_dict_insert(&dict, "Label", "s", self->words ? self->words : "Serial 1");
    g_variant_dict_insert(&dict, "FEOpened", "b", TRUE);
    return g_variant_dict_end(&dict);
}

static GVariant *
properties_of_console(FakeDisplay *self)
{
    GVariantDict dict;

    g_variant_dict_init(&dict, NULL);
    g_variant_dict_insert(&dict, "Label", "s", self->words ? self->words : "Screen");
    g_variant_dict_insert(&dict, "Width", "u", self->words ? G_MAXUINT : WIDTH);
    g_variant_dict_insert(&dict, "Height", "u", self->words ? G_MAXUINT : HEIGHT);
    return g_variant_dict_end(&dict);
}

static void
add_object(GVariantBuilder *objects, const char *path, const char *interface, GVariant *values)
{
    GVariantBuilder interfaces;

    g_variant_builder_init(&interfaces, G_VARIANT_TYPE("a{sa{sv}}"));
    g_variant_builder_add(&interfaces, "{s@a{sv}}", interface, values);
    g_variant_builder_add(objects, "{oa{sa{sv}}}", path, &interfaces);
}

static GVariant *
all_objects(FakeDisplay *self)
{
    GVariantBuilder objects;

    g_variant_builder_init(&objects, G_VARIANT_TYPE("a{oa{sa{sv}}}"));
    add_object(&objects, CONSOLE, "org.qemu.Display1.Console", properties_of_console(self));
    add_object(&objects, PORT, "org.qemu.Display1.Chardev", properties_of_port(self));
    return g_variant_new("(a{oa{sa{sv}}})", &objects);
}

static GVariant *
all_processes(void)
{
    GVariantBuilder list;

    g_variant_builder_init(&list, G_VARIANT_TYPE("a(suutt)"));
    for (guint i = 0; i < 1000; i++) {
        g_variant_builder_add(&list, "(suutt)", EVIL_WORDS, i % 3 ? i : G_MAXUINT, G_MAXUINT,
                              G_MAXUINT64 - i, G_MAXUINT64 / 3 * i);
    }
    return g_variant_new("(a(suutt))", &list);
}

static GVariant *
all_jails(void)
{
    GVariantBuilder list;

    g_variant_builder_init(&list, G_VARIANT_TYPE("a(sua{sv})"));
    for (guint i = 0; i < 1000; i++) {
        GVariantDict facts;

        g_variant_dict_init(&facts, NULL);
        g_variant_dict_insert(&facts, "Part", "s", "../../" EVIL_WORDS);
        g_variant_dict_insert(&facts, "Capabilities", "t", G_MAXUINT64);
        g_variant_dict_insert(&facts, "Blocked", "s", "a text where a number belongs");
        g_variant_builder_add(&list, "(su@a{sv})", EVIL_WORDS, i, g_variant_dict_end(&facts));
    }
    return g_variant_new("(a(sua{sv}))", &list);
}

static GVariant *
totals(void)
{
    GVariantDict dict;

    g_variant_dict_init(&dict, NULL);
    g_variant_dict_insert(&dict, "GuestMemory", "t", G_MAXUINT64);
    g_variant_dict_insert(&dict, "DiskRead", "t", g_random_int() % 2 ? G_MAXUINT64 : 0);
    g_variant_dict_insert(&dict, "DiskWritten", "s", "");
    return g_variant_new("(@a{sv})", g_variant_dict_end(&dict));
}

/* ------------------------------------------------------------------ pictures */

static void
answered(GObject *source, GAsyncResult *result, gpointer data)
{
    FakeDisplay *self = data;
    g_autoptr(GVariant) reply = g_dbus_connection_call_with_unix_fd_list_finish(
        G_DBUS_CONNECTION(source), NULL, result, NULL);

    self->in_flight--;
}

static void
tell(FakeDisplay *self, const char *interface, const char *method, GVariant *arguments, int fd)
{
    g_autoptr(GVariant) owned = g_variant_ref_sink(arguments);

    for (guint i = 0; i < self->listeners->len; i++) {
        g_autoptr(GUnixFDList) fds = g_unix_fd_list_new();

        if (fd >= 0) {
            g_assert_cmpint(g_unix_fd_list_append(fds, fd, NULL), ==, 0);
        }
        self->in_flight++;
        g_dbus_connection_call_with_unix_fd_list(
            g_ptr_array_index(self->listeners, i), NULL, LISTENER, interface, method, owned, NULL,
            G_DBUS_CALL_FLAGS_NONE, -1, fds, NULL, answered, self);
    }
}

static void
show_picture(FakeDisplay *self)
{
    tell(self, MAP_IFACE, "ScanoutMap",
         g_variant_new("(huuuuu)", 0, 0, WIDTH, HEIGHT, WIDTH * 4, XRGB), self->picture);
}

static void
bad_scanout(FakeDisplay *self, guint n)
{
    static const struct {
        guint offset;
        guint width;
        guint height;
        guint stride;
        guint format;
    } absurd[] = {
        {0, 0, 0, 0, XRGB},
        {0, G_MAXUINT, G_MAXUINT, G_MAXUINT, XRGB},
        {0, 1 << 30, 1, 0, XRGB},           /* its bytes are 2^32 */
        {G_MAXUINT - 3, 64, 64, 256, XRGB}, /* beyond the file */
        {2, 64, 64, 256, XRGB},
        {0, 64, 64, 255, XRGB},
        {0, 64, 64, 0x80000000, XRGB},
        {0, 16384, 16384, 65536, XBGR},
        {0, 32768, 1, 131072, XRGB},
        {0, 64, 64, 256, 0xffffffff},
    };
    guint i = n % G_N_ELEMENTS(absurd);

    tell(self, MAP_IFACE, "ScanoutMap",
         g_variant_new("(huuuuu)", n % 7 ? 0 : 5, absurd[i].offset, absurd[i].width,
                       absurd[i].height, absurd[i].stride, absurd[i].format),
         n % 3 ? self->picture : self->pipe[0]);
}

static void
good_scanout(FakeDisplay *self, guint n)
{
    guint width = 1 + n * 7 % WIDTH;
    guint height = 1 + n * 5 % HEIGHT;

    tell(self, MAP_IFACE, "ScanoutMap",
         g_variant_new("(huuuuu)", 0, 0, width, height, WIDTH * 4, n % 2 ? XRGB : XBGR),
         self->picture);
}

static void
bad_damage(FakeDisplay *self, guint n)
{
    static const int areas[][4] = {
        {-1, -1, 10, 10},
        {G_MININT, G_MININT, G_MAXINT, G_MAXINT},
        {0, 0, G_MAXINT, G_MAXINT},
        {G_MAXINT, G_MAXINT, G_MAXINT, G_MAXINT},
        {5, 5, -5, -5},
        {WIDTH - 1, HEIGHT - 1, G_MAXINT, 1},
        {0, 0, 0, 0},
        {3, 3, 20, 20},
    };
    const int *area = areas[n % G_N_ELEMENTS(areas)];

    tell(self, MAP_IFACE, "UpdateMap", g_variant_new("(iiii)", area[0], area[1], area[2], area[3]),
         -1);
}

static GVariant *
blank_pixels(gsize size)
{
    g_autoptr(GBytes) bytes = g_bytes_new_take(g_malloc0(size), size);

    return g_variant_new_from_bytes(G_VARIANT_TYPE_BYTESTRING, bytes, TRUE);
}

static void
bad_cursor(FakeDisplay *self, guint n)
{
    static const struct {
        int width;
        int height;
        int hot_x;
        int hot_y;
        gsize size;
    } shapes[] = {
        {8192, 8192, 0, 0, 64},
        {8192, 8, 9000, 9000, 8192UL * 8 * 4},
        {-8192, -8192, -1, -1, 0},
        {G_MAXINT, G_MAXINT, 0, 0, 4},
        {0, 0, 0, 0, 0},
        {512, 512, G_MAXINT, G_MININT, 512UL * 512 * 4},
        {16, 16, -5, 100, 16UL * 16 * 4},
        {0x8000, 0x8000, 0, 0, 0}, /* four times the product is 2^32 */
        {1, 1, 1, 1, 4},
    };
    guint i = n % G_N_ELEMENTS(shapes);

    tell(self, LISTENER_IFACE, "CursorDefine",
         g_variant_new("(iiii@ay)", shapes[i].width, shapes[i].height, shapes[i].hot_x,
                       shapes[i].hot_y, blank_pixels(shapes[i].size)),
         -1);
    tell(self, LISTENER_IFACE, "MouseSet",
         g_variant_new("(iii)", G_MAXINT, G_MININT, (int)(n % 5) - 1), -1);
}

/* As many of its pixels as a message can hold. */
static void
big_cursor(FakeDisplay *self)
{
    tell(self, LISTENER_IFACE, "CursorDefine",
         g_variant_new("(iiii@ay)", 8192, 512, 8191, 511, blank_pixels(8192UL * 512 * 4)), -1);
}

/* ------------------------------------------------------------------ words and console */

static void
emit_words(FakeDisplay *self)
{
    for (guint i = 0; i < self->links->len; i++) {
        GDBusConnection *link = g_ptr_array_index(self->links, i);

        g_dbus_connection_emit_signal(link, NULL, MACHINE, "org.freedesktop.DBus.Properties",
                                      "PropertiesChanged",
                                      g_variant_new("(s@a{sv}as)", "org.vitrine.Vmm1.Machine",
                                                    properties_of_machine(self), NULL),
                                      NULL);
        g_dbus_connection_emit_signal(link, NULL, CONSOLE, "org.freedesktop.DBus.Properties",
                                      "PropertiesChanged",
                                      g_variant_new("(s@a{sv}as)", "org.qemu.Display1.Console",
                                                    properties_of_console(self), NULL),
                                      NULL);
        g_dbus_connection_emit_signal(link, NULL, PORT, "org.freedesktop.DBus.Properties",
                                      "PropertiesChanged",
                                      g_variant_new("(s@a{sv}as)", "org.qemu.Display1.Chardev",
                                                    properties_of_port(self), NULL),
                                      NULL);
    }
}

/* More and more displays. */
static void
add_console(FakeDisplay *self, guint n)
{
    g_autofree char *path = g_strdup_printf(ROOT "/Console_%u", n);

    for (guint i = 0; i < self->links->len; i++) {
        GVariantBuilder interfaces;

        g_variant_builder_init(&interfaces, G_VARIANT_TYPE("a{sa{sv}}"));
        g_variant_builder_add(&interfaces, "{s@a{sv}}", "org.qemu.Display1.Console",
                              properties_of_console(self));
        g_dbus_connection_emit_signal(g_ptr_array_index(self->links, i), NULL, ROOT,
                                      "org.freedesktop.DBus.ObjectManager", "InterfacesAdded",
                                      g_variant_new("(oa{sa{sv}})", path, &interfaces), NULL);
    }
}

/* Text with colours, titles, links, clipboard, questions and bells in it. */
static void
write_console(FakeDisplay *self)
{
    static const char *const phrases[] = {
        "an honest line of some words\r\n",
        "\033[31mred\033[0m ",
        "\033]0;Your computer is infected\007",
        "\033]8;;http://example.org\033\\click\033]8;;\033\\",
        "\033]52;c;ZXZpbA==\007",
        "\033[6n\033[c\033[5n",
        "\a\a\a",
        "\033[8;9999;9999t",
        "\033[2J\033[H",
        "e\u0301\u0302\u0303\u0304\u0305\u0306",
        "\u202eback\u202c ",
        "no end to this line no end to this line no end to this line ",
    };
    g_autoptr(GString) block = g_string_sized_new(BLOCK_BYTES);
    guint n = self->ticks;

    self->due += (guint64)PORT_BYTES_PER_MS * TICK_MS;
    while (block->len < BLOCK_BYTES) {
        g_string_append(block, phrases[n++ % G_N_ELEMENTS(phrases)]);
    }
    for (guint i = 0; i < self->ports->len; i++) {
        guint64 written = self->counts.console;
        ssize_t size = 1;

        while (written < self->due && size > 0) {
            size = send(g_array_index(self->ports, int, i), block->str, block->len,
                        MSG_DONTWAIT | MSG_NOSIGNAL);
            written += size > 0 ? (guint64)size : 0;
        }
        g_mutex_lock(&self->lock);
        self->counts.console = written;
        g_mutex_unlock(&self->lock);
    }
}

/* What was due since the last time: a slow computer's timers come late. */
static gboolean
misbehave(gpointer data)
{
    FakeDisplay *self = data;
    guint due = (guint)((g_get_monotonic_time() - self->began) / 1000 / TICK_MS);

    while (self->ticks < due) {
        guint n = ++self->ticks;

        write_console(self);
        if (self->in_flight > IN_FLIGHT_MAX || self->listeners->len == 0) {
            continue;
        }
        if (n % 4 == 0) {
            bad_scanout(self, n / 4);
        } else {
            good_scanout(self, n);
        }
        bad_damage(self, n);
        if (n % CURSOR_TICKS == 0) {
            bad_cursor(self, n / CURSOR_TICKS);
        }
        if (n % BIG_CURSOR_TICKS == 0) {
            big_cursor(self);
        }
        if (n % WORDS_TICKS == 0) {
            emit_words(self);
            add_console(self, n / WORDS_TICKS);
        }
        g_mutex_lock(&self->lock);
        self->counts.scanouts++;
        self->counts.cursors += n % CURSOR_TICKS == 0;
        g_mutex_unlock(&self->lock);
    }
    return G_SOURCE_CONTINUE;
}

/* ------------------------------------------------------------------ what it answers */

static int
fd_of(GDBusMethodInvocation *invocation)
{
    GUnixFDList *fds =
        g_dbus_message_get_unix_fd_list(g_dbus_method_invocation_get_message(invocation));

    g_assert_nonnull(fds);
    return g_unix_fd_list_get(fds, 0, NULL);
}

static void
listener_ready(GObject *source, GAsyncResult *result, gpointer data)
{
    FakeDisplay *self = data;
    GDBusConnection *listener = g_dbus_connection_new_finish(result, NULL);

    if (listener) {
        g_ptr_array_add(self->listeners, listener);
        show_picture(self);
    }
}

static void
take_listener(FakeDisplay *self, int fd)
{
    g_autoptr(GSocket) socket = g_socket_new_from_fd(fd, NULL);
    g_autoptr(GSocketConnection) stream = g_socket_connection_factory_create_connection(socket);
    g_autofree char *guid = g_dbus_generate_guid();

    g_mutex_lock(&self->lock);
    self->counts.listeners++;
    g_mutex_unlock(&self->lock);
    g_dbus_connection_new(G_IO_STREAM(stream), guid,
                          G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_SERVER |
                              G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_ALLOW_ANONYMOUS,
                          NULL, NULL, listener_ready, self);
}

/* A picture that is not what was asked for, in a file that is shorter than it says. */
static void
answer_picture(FakeDisplay *self, GDBusMethodInvocation *invocation)
{
    g_autoptr(GUnixFDList) fds = g_unix_fd_list_new();
    gboolean honest = self->words == NULL;

    g_mutex_lock(&self->lock);
    self->counts.pictures++;
    g_mutex_unlock(&self->lock);
    g_unix_fd_list_append(fds, self->picture, NULL);
    g_dbus_method_invocation_return_value_with_unix_fd_list(
        invocation,
        g_variant_new("(huuu)", 0, honest ? 64 : 256, honest ? 40 : 160,
                      honest ? 256 : 65536 * 4 / 2),
        fds);
}

/* NOLINTBEGIN(readability-function-size): GDBus's own form */
static void
called(GDBusConnection *link, const char *sender, const char *path, const char *interface,
       const char *method, GVariant *arguments, GDBusMethodInvocation *invocation, gpointer data)
{
    FakeDisplay *self = data;
    GVariant *reply = NULL;
    int fd;

    if (g_str_equal(method, "RegisterListener")) {
        take_listener(self, fd_of(invocation));
    } else if (g_str_equal(method, "Register")) {
        fd = fd_of(invocation);
        g_array_append_val(self->ports, fd);
    } else if (g_str_equal(method, "Press") && strstr(interface, "Keyboard")) {
        g_mutex_lock(&self->lock);
        self->counts.keys++;
        g_mutex_unlock(&self->lock);
    } else if (g_str_equal(method, "GetPicture")) {
        answer_picture(self, invocation);
        return;
    } else if (g_str_equal(method, "GetManagedObjects")) {
        reply = all_objects(self);
    } else if (g_str_equal(method, "GetProcesses")) {
        reply = all_processes();
    } else if (g_str_equal(method, "GetJails")) {
        reply = all_jails();
    } else if (g_str_equal(method, "GetTotals")) {
        reply = totals();
    } else if (g_str_equal(method, "GetGraphics")) {
        g_dbus_method_invocation_return_error_literal(invocation, G_DBUS_ERROR, G_DBUS_ERROR_FAILED,
                                                      EVIL_WORDS);
        return;
    }
    g_dbus_method_invocation_return_value(invocation, reply);
}

static GVariant *
get_property(GDBusConnection *link, const char *sender, const char *path, const char *interface,
             const char *property, GError **error, gpointer data)
{
    FakeDisplay *self = data;
    g_autoptr(GVariant) values = g_variant_ref_sink(properties_of_machine(self));
    GVariant *value = g_str_has_suffix(interface, ".Machine")
                          ? g_variant_lookup_value(values, property, NULL)
                          : NULL;

    if (!value) {
        g_set_error_literal(error, G_DBUS_ERROR, G_DBUS_ERROR_UNKNOWN_PROPERTY, "none");
    }
    return value;
}

/* NOLINTEND(readability-function-size) */
static const GDBusInterfaceVTable vtable = {called, get_property, NULL, {0}};

static void export(FakeDisplay *self, GDBusConnection *link)
{
    const struct {
        const char *path;
        GDBusInterfaceInfo *interface;
    } objects[] = {
        {MACHINE, vm_dbus_machine_interface_info()},
        {MACHINE, vm_dbus_statistics_interface_info()},
        {MACHINE, vm_dbus_sandbox_interface_info()},
        {CONSOLE, vm_dbus_console_interface_info()},
        {CONSOLE, vm_dbus_keyboard_interface_info()},
        {CONSOLE, vm_dbus_mouse_interface_info()},
        {CONSOLE, vm_dbus_picture_interface_info()},
        {PORT, vm_dbus_chardev_interface_info()},
        {ROOT, self->manager->interfaces[0]},
    };

    for (guint i = 0; i < G_N_ELEMENTS(objects); i++) {
        g_assert_cmpuint(g_dbus_connection_register_object(link, objects[i].path,
                                                           objects[i].interface, &vtable, self,
                                                           NULL, NULL),
                         >, 0);
    }
}

static gboolean
client_came(GDBusServer *server, GDBusConnection *link, FakeDisplay *self)
{
    export(self, link);
    g_ptr_array_add(self->links, g_object_ref(link));
    return TRUE;
}

/* ------------------------------------------------------------------ life */

static gpointer
serve(gpointer data)
{
    FakeDisplay *self = data;

    g_main_context_push_thread_default(self->context);
    g_dbus_server_start(self->server);
    g_main_loop_run(self->loop);
    g_main_context_pop_thread_default(self->context);
    return NULL;
}

FakeDisplay *
fake_display_new(const char *path)
{
    FakeDisplay *self = g_new0(FakeDisplay, 1);
    g_autofree char *address = g_strconcat("unix:path=", path, NULL);
    g_autofree char *guid = g_dbus_generate_guid();
    g_autoptr(GError) error = NULL;

    g_mutex_init(&self->lock);
    self->context = g_main_context_new();
    self->loop = g_main_loop_new(self->context, FALSE);
    self->links = g_ptr_array_new_with_free_func(g_object_unref);
    self->listeners = g_ptr_array_new_with_free_func(g_object_unref);
    self->ports = g_array_new(FALSE, FALSE, sizeof(int));
    self->manager = g_dbus_node_info_new_for_xml(
        "<node><interface name='org.freedesktop.DBus.ObjectManager'><method "
        "name='GetManagedObjects'>"
        "<arg type='a{oa{sa{sv}}}' direction='out'/></method></interface></node>",
        NULL);
    self->picture = fd_memory_file("picture", PICTURE_BYTES);
    g_assert_cmpint(self->picture, >=, 0);
    g_assert_cmpint(pipe(self->pipe), ==, 0);
    g_main_context_push_thread_default(self->context);
    self->server =
        g_dbus_server_new_sync(address, G_DBUS_SERVER_FLAGS_NONE, guid, NULL, NULL, &error);
    g_assert_no_error(error);
    g_signal_connect(self->server, "new-connection", G_CALLBACK(client_came), self);
    g_main_context_pop_thread_default(self->context);
    self->thread = g_thread_new("display", serve, self);
    return self;
}

/* Runs in the thread. */
static gboolean
end(gpointer data)
{
    FakeDisplay *self = data;

    if (self->tick) {
        g_source_destroy(self->tick);
    }
    g_dbus_server_stop(self->server);
    for (guint i = 0; i < self->links->len; i++) {
        g_dbus_connection_close_sync(g_ptr_array_index(self->links, i), NULL, NULL);
    }
    for (guint i = 0; i < self->listeners->len; i++) {
        g_dbus_connection_close_sync(g_ptr_array_index(self->listeners, i), NULL, NULL);
    }
    for (guint i = 0; i < self->ports->len; i++) {
        close(g_array_index(self->ports, int, i));
    }
    g_main_loop_quit(self->loop);
    return G_SOURCE_REMOVE;
}

void
fake_display_free(FakeDisplay *self)
{
    g_main_context_invoke(self->context, end, self);
    g_thread_join(self->thread);
    while (self->in_flight > 0) {
        g_main_context_iteration(self->context, TRUE); /* calls that found no one */
    }
    g_clear_pointer(&self->tick, g_source_unref);
    g_object_unref(self->server);
    g_ptr_array_unref(self->links);
    g_ptr_array_unref(self->listeners);
    g_array_unref(self->ports);
    g_dbus_node_info_unref(self->manager);
    g_main_loop_unref(self->loop);
    g_main_context_unref(self->context);
    g_mutex_clear(&self->lock);
    close(self->picture);
    close(self->pipe[0]);
    close(self->pipe[1]);
    g_free(self->words);
    g_free(self);
}

static gboolean
begin(gpointer data)
{
    FakeDisplay *self = data;
    GString *words = g_string_new(EVIL_WORDS);

    while (words->len < LONG_WORDS) {
        g_string_append(words, " and so on");
    }
    self->words = g_string_free(words, FALSE);
    self->began = g_get_monotonic_time();
    self->ticks = 0;
    self->due = self->counts.console;
    self->tick = g_timeout_source_new(TICK_MS);
    g_source_set_callback(self->tick, misbehave, self, NULL);
    g_source_attach(self->tick, self->context);
    return G_SOURCE_REMOVE;
}

static gboolean
behave(gpointer data)
{
    FakeDisplay *self = data;

    if (self->tick) {
        g_source_destroy(self->tick);
        g_clear_pointer(&self->tick, g_source_unref);
    }
    g_clear_pointer(&self->words, g_free);
    show_picture(self);
    emit_words(self);
    return G_SOURCE_REMOVE;
}

void
fake_display_misbehave(FakeDisplay *self, gboolean on)
{
    g_main_context_invoke(self->context, on ? begin : behave, self);
}

void
fake_display_get_counts(FakeDisplay *self, FakeDisplayCounts *ret)
{
    g_mutex_lock(&self->lock);
    *ret = self->counts;
    g_mutex_unlock(&self->lock);
}
