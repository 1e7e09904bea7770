/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/fakes/fake-display.h"

#include <gio/gunixfdlist.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/fakes/fake-display-private.h"
#include "vm-dbus-display1.h"
#include "vm-dbus-vmm1.h"
#include "vmm/base/fd.h"

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
    g_variant_dict_insert(&dict, "GraphicsRestarts", "u", self->card_restarts);
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

GVariant *
fake_display_console(FakeDisplay *self)
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
    add_object(&objects, CONSOLE, "org.qemu.Display1.Console", fake_display_console(self));
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

void
fake_display_tell(FakeDisplay *self, const char *interface, const char *method, GVariant *arguments,
                  int fd)
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
    fake_display_tell(self, MAP_IFACE, "ScanoutMap",
                      g_variant_new("(huuuuu)", 0, 0, WIDTH, HEIGHT, WIDTH * 4, XRGB),
                      self->picture);
}

/* ------------------------------------------------------------------ words and console */

void
fake_display_emit_words(FakeDisplay *self)
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
                                                    fake_display_console(self), NULL),
                                      NULL);
        g_dbus_connection_emit_signal(link, NULL, PORT, "org.freedesktop.DBus.Properties",
                                      "PropertiesChanged",
                                      g_variant_new("(s@a{sv}as)", "org.qemu.Display1.Chardev",
                                                    properties_of_port(self), NULL),
                                      NULL);
    }
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
behave(gpointer data)
{
    FakeDisplay *self = data;

    if (self->tick) {
        g_source_destroy(self->tick);
        g_clear_pointer(&self->tick, g_source_unref);
    }
    g_clear_pointer(&self->words, g_free);
    show_picture(self);
    fake_display_emit_words(self);
    return G_SOURCE_REMOVE;
}

static gboolean
crash_card(gpointer data)
{
    FakeDisplay *self = data;

    self->card_restarts++;
    fake_display_emit_words(self);
    return G_SOURCE_REMOVE;
}

void
fake_display_crash_card(FakeDisplay *self)
{
    g_main_context_invoke(self->context, crash_card, self);
}

void
fake_display_misbehave(FakeDisplay *self, gboolean on)
{
    g_main_context_invoke(self->context, on ? fake_display_begin_evil : behave, self);
}

void
fake_display_get_counts(FakeDisplay *self, FakeDisplayCounts *ret)
{
    g_mutex_lock(&self->lock);
    *ret = self->counts;
    g_mutex_unlock(&self->lock);
}
