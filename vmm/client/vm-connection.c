/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/client/vm-connection.h"

#include <string.h>

#include "vmm/client/plain-text.h"
#include "vmm/client/private.h"
#include "vmm/client/vm-objects.h"

#define DISPLAY_ROOT      "/org/qemu/Display1"
#define CONSOLE_INTERFACE "org.qemu.Display1.Console"
#define PROPERTIES        "org.freedesktop.DBus.Properties"
#define OBJECT_MANAGER    "org.freedesktop.DBus.ObjectManager"

enum {
    TEXT_MAX = 1000, /* characters of anything that the display process says */
};

/* How long to wait before each try, in ms; the last one is used from there on. */
static const guint waits_ms[] = {200, 1000, 2000, 4000, 8000, 16000, 30000};

struct _VmConnection {
    GObject parent_instance;
    char *path;
    VmConnectionState state;
    guint tries; /* since it was last ready */
    gint64 retry_at;
    guint retry_timer;
    guint handshake_timer; /* a process that takes the connection and says nothing */
    guint retry_seconds;
    gboolean crowded; /* the last try was refused: too many clients */
    char *error_message;
    GCancellable *cancellable; /* of everything that belongs to this try */
    GDBusConnection *link;
    guint subscriptions[3];
    VmObjects objects;
    char *name;
    char *machine_state;
    char *cause;
    char *sentence;
    char *graphics;
    char *graphics_sentence;
    guint exit_status;
    guint graphics_restarts;
    guint64 render_device;
    guint client_count;
};

G_DEFINE_FINAL_TYPE(VmConnection, vm_connection, G_TYPE_OBJECT)

enum {
    PROP_0,
    PROP_PATH,
    PROP_STATE,
    PROP_RETRY_SECONDS,
    PROP_ERROR_MESSAGE,
    PROP_NAME,
    PROP_MACHINE_STATE,
    PROP_EXIT_STATUS,
    PROP_CAUSE,
    PROP_SENTENCE,
    PROP_GRAPHICS,
    PROP_GRAPHICS_SENTENCE,
    PROP_GRAPHICS_RESTARTS,
    PROP_RENDER_DEVICE,
    PROP_CLIENT_COUNT,
    N_PROPS
};

static GParamSpec
    *properties[N_PROPS]; /* NOLINT(cppcoreguidelines-avoid-non-const-global-variables) */

static void try_now(VmConnection *self);

static void
notify(VmConnection *self, guint property)
{
    g_object_notify_by_pspec(G_OBJECT(self), properties[property]);
}

static void
set_state(VmConnection *self, VmConnectionState state)
{
    if (self->state != state) {
        self->state = state;
        notify(self, PROP_STATE);
    }
}

static void
set_text(VmConnection *self, char **text, const char *value, guint property)
{
    g_autofree char *plain = value ? vm_plain_text(value, TEXT_MAX) : NULL;

    if (g_strcmp0(*text, plain) != 0) {
        g_free(*text);
        *text = g_steal_pointer(&plain);
        notify(self, property);
    }
}

static void
set_number(VmConnection *self, guint *number, guint value, guint property)
{
    if (*number != value) {
        *number = value;
        notify(self, property);
    }
}

/* The order is the supervisor's: what explains "stopped" is there before it. */
static void
update_machine(VmConnection *self, GVariant *values)
{
    const char *text;
    guint64 device;
    guint number;

    if (g_variant_lookup(values, "Name", "&s", &text)) {
        set_text(self, &self->name, text, PROP_NAME);
    }
    if (g_variant_lookup(values, "ExitStatus", "u", &number)) {
        set_number(self, &self->exit_status, number, PROP_EXIT_STATUS);
    }
    if (g_variant_lookup(values, "Cause", "&s", &text)) {
        set_text(self, &self->cause, text, PROP_CAUSE);
    }
    if (g_variant_lookup(values, "Sentence", "&s", &text)) {
        set_text(self, &self->sentence, text, PROP_SENTENCE);
    }
    g_object_freeze_notify(G_OBJECT(self)); /* these belong together */
    if (g_variant_lookup(values, "Graphics", "&s", &text)) {
        set_text(self, &self->graphics, text, PROP_GRAPHICS);
    }
    if (g_variant_lookup(values, "GraphicsSentence", "&s", &text)) {
        set_text(self, &self->graphics_sentence, text, PROP_GRAPHICS_SENTENCE);
    }
    if (g_variant_lookup(values, "GraphicsRestarts", "u", &number)) {
        set_number(self, &self->graphics_restarts, number, PROP_GRAPHICS_RESTARTS);
    }
    if (g_variant_lookup(values, "RenderDevice", "t", &device) && self->render_device != device) {
        self->render_device = device;
        notify(self, PROP_RENDER_DEVICE);
    }
    g_object_thaw_notify(G_OBJECT(self));
    if (g_variant_lookup(values, "ClientCount", "u", &number)) {
        set_number(self, &self->client_count, number, PROP_CLIENT_COUNT);
    }
    if (g_variant_lookup(values, "State", "&s", &text)) {
        set_text(self, &self->machine_state, text, PROP_MACHINE_STATE);
    }
}

static void
update_object(VmConnection *self, const char *path, const char *interface, GVariant *values)
{
    if (!g_str_equal(path, VM_MACHINE_PATH)) {
        vm_objects_update(&self->objects, path, values);
    } else if (g_str_equal(interface, VM_MACHINE_INTERFACE)) {
        update_machine(self, values);
    }
}

/* `interfaces` is a{sa{sv}}: make the object if it is new, fill it, then let it work. */
static void
add_object(VmConnection *self, const char *path, GVariant *interfaces)
{
    GVariantIter iter;
    const char *interface;
    GVariant *values;

    vm_objects_make(&self->objects, path);
    g_variant_iter_init(&iter, interfaces);
    while (g_variant_iter_next(&iter, "{&s@a{sv}}", &interface, &values)) {
        update_object(self, path, interface, values);
        g_variant_unref(values);
    }
    vm_objects_link(&self->objects, path, self->link);
}

static void
drop_link(VmConnection *self)
{
    g_clear_handle_id(&self->handshake_timer, g_source_remove);
    if (self->cancellable) {
        g_cancellable_cancel(self->cancellable);
        g_clear_object(&self->cancellable);
    }
    if (self->link) {
        for (guint i = 0; i < G_N_ELEMENTS(self->subscriptions); i++) {
            g_dbus_connection_signal_unsubscribe(self->link, self->subscriptions[i]);
        }
        g_signal_handlers_disconnect_by_data(self->link, self);
        g_dbus_connection_close(self->link, NULL, NULL, NULL);
        g_clear_object(&self->link);
    }
    vm_objects_unlink(&self->objects);
}

static gboolean
handle_retry_tick(gpointer user_data)
{
    VmConnection *self = VM_CONNECTION(user_data);
    gint64 left = self->retry_at - g_get_monotonic_time();

    self->retry_timer = 0;
    if (left <= 0) {
        try_now(self);
        return G_SOURCE_REMOVE;
    }
    set_number(self, &self->retry_seconds, (guint)((left + G_USEC_PER_SEC - 1) / G_USEC_PER_SEC),
               PROP_RETRY_SECONDS);
    self->retry_timer = g_timeout_add((guint)MIN(left / 1000 + 1, 1000), handle_retry_tick, self);
    return G_SOURCE_REMOVE;
}

/* This try is over: wait, then try again. */
static void
wait_for_next(VmConnection *self, const char *message)
{
    guint wait_ms = waits_ms[MIN(self->tries, G_N_ELEMENTS(waits_ms) - 1)];

    drop_link(self);
    self->tries++;
    self->retry_at = g_get_monotonic_time() + wait_ms * G_TIME_SPAN_MILLISECOND;
    set_text(self, &self->error_message, message, PROP_ERROR_MESSAGE);
    g_clear_handle_id(&self->retry_timer, g_source_remove);
    handle_retry_tick(self);
    set_state(self, VM_CONNECTION_WAITING);
}

static void
handle_closed(VmConnection *self, gboolean remote_vanished, GError *error)
{
    wait_for_next(self, error ? error->message : "The connection was closed.");
}

/* GDBus's own form. */
static void
handle_properties_changed(GDBusConnection *link, const char *sender, const char *path,
                          const char *interface, const char *signal, GVariant *arguments,
                          gpointer user_data)
{
    VmConnection *self = VM_CONNECTION(user_data);
    g_autoptr(GVariant) values = NULL;
    const char *changed;

    if (link == self->link && g_variant_is_of_type(arguments, G_VARIANT_TYPE("(sa{sv}as)"))) {
        g_variant_get(arguments, "(&s@a{sv}as)", &changed, &values, NULL);
        update_object(self, path, changed, values);
    }
}

/* GDBus's own form. */
static void
handle_interfaces_added(GDBusConnection *link, const char *sender, const char *path,
                        const char *interface, const char *signal, GVariant *arguments,
                        gpointer user_data)
{
    VmConnection *self = VM_CONNECTION(user_data);
    g_autoptr(GVariant) interfaces = NULL;
    const char *object;

    if (link == self->link && g_variant_is_of_type(arguments, G_VARIANT_TYPE("(oa{sa{sv}})"))) {
        g_variant_get(arguments, "(&o@a{sa{sv}})", &object, &interfaces);
        add_object(self, object, interfaces);
    }
}

/* GDBus's own form. */
static void
handle_interfaces_removed(GDBusConnection *link, const char *sender, const char *path,
                          const char *interface, const char *signal, GVariant *arguments,
                          gpointer user_data)
{
    VmConnection *self = VM_CONNECTION(user_data);
    g_autofree const char **interfaces = NULL;
    const char *object;

    if (link != self->link || !g_variant_is_of_type(arguments, G_VARIANT_TYPE("(oas)"))) {
        return;
    }
    g_variant_get(arguments, "(&o^a&s)", &object, &interfaces);
    if (g_strv_contains(interfaces, CONSOLE_INTERFACE)) {
        vm_objects_forget_console(&self->objects, object);
    }
}

/* FALSE when this answer belongs to a try that is over. */
static gboolean
check_answer(VmConnection *self, GObject *source, GVariant *reply, GError *error)
{
    if (G_DBUS_CONNECTION(source) != self->link) {
        return FALSE;
    }
    if (!reply) {
        wait_for_next(self, error->message);
        return FALSE;
    }
    return TRUE;
}

static void
handle_objects(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(VmConnection) self = VM_CONNECTION(user_data);
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) reply =
        g_dbus_connection_call_finish(G_DBUS_CONNECTION(source), result, &error);
    g_autoptr(GVariantIter) iter = NULL;
    const char *path;
    GVariant *interfaces;

    if (!check_answer(self, source, reply, error)) {
        return;
    }
    g_variant_get(reply, "(a{oa{sa{sv}}})", &iter);
    while (g_variant_iter_next(iter, "{&o@a{sa{sv}}}", &path, &interfaces)) {
        add_object(self, path, interfaces);
        g_variant_unref(interfaces);
    }
    vm_objects_forget_lost(&self->objects);
    self->tries = 0;
    set_text(self, &self->error_message, NULL, PROP_ERROR_MESSAGE);
    set_state(self, VM_CONNECTION_READY);
}

static void
handle_machine(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(VmConnection) self = VM_CONNECTION(user_data);
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) values = NULL;
    g_autoptr(GVariant) reply =
        g_dbus_connection_call_finish(G_DBUS_CONNECTION(source), result, &error);

    if (!check_answer(self, source, reply, error)) {
        return;
    }
    g_variant_get(reply, "(@a{sv})", &values);
    update_machine(self, values);
    g_dbus_connection_call(self->link, NULL, DISPLAY_ROOT, OBJECT_MANAGER, "GetManagedObjects",
                           NULL, G_VARIANT_TYPE("(a{oa{sa{sv}}})"), G_DBUS_CALL_FLAGS_NONE,
                           VM_CALL_TIMEOUT_MS, self->cancellable, handle_objects,
                           g_object_ref(self));
}

static void
handle_link(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(VmConnection) self = VM_CONNECTION(user_data);
    g_autoptr(GError) error = NULL;
    g_autoptr(GDBusConnection) link = g_dbus_connection_new_for_address_finish(result, &error);

    if (self->state != VM_CONNECTION_CONNECTING || self->link ||
        g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED)) {
        return;
    }
    /* The line that display/refusals.h describes, inside GDBus's own words. */
    self->crowded = !link && strstr(error->message, "too-many-clients: ") != NULL;
    if (!link) {
        wait_for_next(self, self->crowded ? "There are too many clients already." : error->message);
        return;
    }
    g_clear_handle_id(&self->handshake_timer, g_source_remove);
    self->link = g_steal_pointer(&link);
    g_signal_connect_object(self->link, "closed", G_CALLBACK(handle_closed), self,
                            G_CONNECT_SWAPPED);
    self->subscriptions[0] = g_dbus_connection_signal_subscribe(
        self->link, NULL, PROPERTIES, "PropertiesChanged", NULL, NULL, G_DBUS_SIGNAL_FLAGS_NONE,
        handle_properties_changed, self, NULL);
    self->subscriptions[1] = g_dbus_connection_signal_subscribe(
        self->link, NULL, OBJECT_MANAGER, "InterfacesAdded", DISPLAY_ROOT, NULL,
        G_DBUS_SIGNAL_FLAGS_NONE, handle_interfaces_added, self, NULL);
    self->subscriptions[2] = g_dbus_connection_signal_subscribe(
        self->link, NULL, OBJECT_MANAGER, "InterfacesRemoved", DISPLAY_ROOT, NULL,
        G_DBUS_SIGNAL_FLAGS_NONE, handle_interfaces_removed, self, NULL);
    g_dbus_connection_start_message_processing(self->link);
    g_dbus_connection_call(self->link, NULL, VM_MACHINE_PATH, PROPERTIES, "GetAll",
                           g_variant_new("(s)", VM_MACHINE_INTERFACE), G_VARIANT_TYPE("(a{sv})"),
                           G_DBUS_CALL_FLAGS_NONE, VM_CALL_TIMEOUT_MS, self->cancellable,
                           handle_machine, g_object_ref(self));
}

static gboolean
handle_silence(gpointer user_data)
{
    VmConnection *self = VM_CONNECTION(user_data);

    self->handshake_timer = 0;
    self->crowded = FALSE;
    wait_for_next(self, "The machine did not answer.");
    return G_SOURCE_REMOVE;
}

static void
try_now(VmConnection *self)
{
    g_autofree char *escaped = g_dbus_address_escape_value(self->path);
    g_autofree char *address = g_strconcat("unix:path=", escaped, NULL);

    g_clear_handle_id(&self->retry_timer, g_source_remove);
    set_number(self, &self->retry_seconds, 0, PROP_RETRY_SECONDS);
    drop_link(self);
    self->cancellable = g_cancellable_new();
    self->handshake_timer = g_timeout_add(VM_CALL_TIMEOUT_MS, handle_silence, self);
    set_state(self, VM_CONNECTION_CONNECTING);
    g_dbus_connection_new_for_address(address,
                                      G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
                                          G_DBUS_CONNECTION_FLAGS_DELAY_MESSAGE_PROCESSING,
                                      NULL, self->cancellable, handle_link, g_object_ref(self));
}

void
vm_connection_open(VmConnection *self)
{
    g_return_if_fail(VM_IS_CONNECTION(self));
    if (self->state == VM_CONNECTION_CLOSED) {
        self->tries = 0;
        try_now(self);
    }
}

void
vm_connection_close(VmConnection *self)
{
    g_return_if_fail(VM_IS_CONNECTION(self));
    g_clear_handle_id(&self->retry_timer, g_source_remove);
    drop_link(self);
    set_state(self, VM_CONNECTION_CLOSED);
}

void
vm_connection_retry_now(VmConnection *self)
{
    g_return_if_fail(VM_IS_CONNECTION(self));
    if (self->state == VM_CONNECTION_WAITING) {
        try_now(self);
    }
}

static void
vm_connection_dispose(GObject *object)
{
    VmConnection *self = VM_CONNECTION(object);

    g_clear_handle_id(&self->retry_timer, g_source_remove);
    if (self->objects.consoles) {
        drop_link(self);
    }
    vm_objects_clear(&self->objects);
    G_OBJECT_CLASS(vm_connection_parent_class)->dispose(object);
}

static void
vm_connection_finalize(GObject *object)
{
    VmConnection *self = VM_CONNECTION(object);

    g_clear_pointer(&self->path, g_free);
    g_clear_pointer(&self->error_message, g_free);
    g_clear_pointer(&self->name, g_free);
    g_clear_pointer(&self->machine_state, g_free);
    g_clear_pointer(&self->cause, g_free);
    g_clear_pointer(&self->sentence, g_free);
    g_clear_pointer(&self->graphics, g_free);
    g_clear_pointer(&self->graphics_sentence, g_free);
    G_OBJECT_CLASS(vm_connection_parent_class)->finalize(object);
}

static void
vm_connection_get_property(GObject *object, guint id, GValue *value, GParamSpec *spec)
{
    VmConnection *self = VM_CONNECTION(object);

    switch (id) {
    case PROP_PATH:
        g_value_set_string(value, self->path);
        break;
    case PROP_STATE:
        g_value_set_int(value, (int)self->state);
        break;
    case PROP_RETRY_SECONDS:
        g_value_set_uint(value, self->retry_seconds);
        break;
    case PROP_ERROR_MESSAGE:
        g_value_set_string(value, self->error_message);
        break;
    case PROP_NAME:
        g_value_set_string(value, self->name);
        break;
    case PROP_MACHINE_STATE:
        g_value_set_string(value, self->machine_state);
        break;
    case PROP_EXIT_STATUS:
        g_value_set_uint(value, self->exit_status);
        break;
    case PROP_CAUSE:
        g_value_set_string(value, self->cause);
        break;
    case PROP_SENTENCE:
        g_value_set_string(value, self->sentence);
        break;
    case PROP_GRAPHICS:
        g_value_set_string(value, self->graphics);
        break;
    case PROP_GRAPHICS_SENTENCE:
        g_value_set_string(value, self->graphics_sentence);
        break;
    case PROP_GRAPHICS_RESTARTS:
        g_value_set_uint(value, self->graphics_restarts);
        break;
    case PROP_RENDER_DEVICE:
        g_value_set_uint64(value, self->render_device);
        break;
    case PROP_CLIENT_COUNT:
        g_value_set_uint(value, self->client_count);
        break;
    default:
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
    }
}

static void
vm_connection_set_property(GObject *object, guint id, const GValue *value, GParamSpec *spec)
{
    VmConnection *self = VM_CONNECTION(object);

    if (id == PROP_PATH) {
        self->path = g_value_dup_string(value);
    } else {
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
    }
}

static void
vm_connection_class_init(VmConnectionClass *klass)
{
    GObjectClass *object_class = G_OBJECT_CLASS(klass);
    const GParamFlags flags = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY;

    object_class->dispose = vm_connection_dispose;
    object_class->finalize = vm_connection_finalize;
    object_class->get_property = vm_connection_get_property;
    object_class->set_property = vm_connection_set_property;
    properties[PROP_PATH] =
        g_param_spec_string("path", NULL, NULL, NULL,
                            G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);
    properties[PROP_STATE] =
        g_param_spec_int("state", NULL, NULL, 0, VM_CONNECTION_WAITING, 0, flags);
    properties[PROP_RETRY_SECONDS] =
        g_param_spec_uint("retry-seconds", NULL, NULL, 0, G_MAXUINT, 0, flags);
    properties[PROP_ERROR_MESSAGE] = g_param_spec_string("error-message", NULL, NULL, NULL, flags);
    properties[PROP_NAME] = g_param_spec_string("name", NULL, NULL, NULL, flags);
    properties[PROP_MACHINE_STATE] = g_param_spec_string("machine-state", NULL, NULL, NULL, flags);
    properties[PROP_EXIT_STATUS] =
        g_param_spec_uint("exit-status", NULL, NULL, 0, G_MAXUINT, 0, flags);
    properties[PROP_CAUSE] = g_param_spec_string("cause", NULL, NULL, NULL, flags);
    properties[PROP_SENTENCE] = g_param_spec_string("sentence", NULL, NULL, NULL, flags);
    properties[PROP_GRAPHICS] = g_param_spec_string("graphics", NULL, NULL, NULL, flags);
    properties[PROP_GRAPHICS_SENTENCE] =
        g_param_spec_string("graphics-sentence", NULL, NULL, NULL, flags);
    properties[PROP_GRAPHICS_RESTARTS] =
        g_param_spec_uint("graphics-restarts", NULL, NULL, 0, G_MAXUINT, 0, flags);
    properties[PROP_RENDER_DEVICE] =
        g_param_spec_uint64("render-device", NULL, NULL, 0, G_MAXUINT64, 0, flags);
    properties[PROP_CLIENT_COUNT] =
        g_param_spec_uint("client-count", NULL, NULL, 0, G_MAXUINT, 0, flags);
    g_object_class_install_properties(object_class, N_PROPS, properties);
}

static void
vm_connection_init(VmConnection *self)
{
    vm_objects_init(&self->objects);
}

VmConnection *
vm_connection_new(const char *path)
{
    return g_object_new(VM_TYPE_CONNECTION, "path", path, NULL);
}

const char *
vm_connection_get_path(VmConnection *self)
{
    g_return_val_if_fail(VM_IS_CONNECTION(self), NULL);
    return self->path;
}

VmConnectionState
vm_connection_get_state(VmConnection *self)
{
    g_return_val_if_fail(VM_IS_CONNECTION(self), VM_CONNECTION_CLOSED);
    return self->state;
}

guint
vm_connection_get_retry_seconds(VmConnection *self)
{
    g_return_val_if_fail(VM_IS_CONNECTION(self), 0);
    return self->retry_seconds;
}

const char *
vm_connection_get_error_message(VmConnection *self)
{
    g_return_val_if_fail(VM_IS_CONNECTION(self), NULL);
    return self->error_message;
}

const char *
vm_connection_get_name(VmConnection *self)
{
    g_return_val_if_fail(VM_IS_CONNECTION(self), NULL);
    return self->name;
}

const char *
vm_connection_get_machine_state(VmConnection *self)
{
    g_return_val_if_fail(VM_IS_CONNECTION(self), NULL);
    return self->machine_state;
}

guint
vm_connection_get_exit_status(VmConnection *self)
{
    g_return_val_if_fail(VM_IS_CONNECTION(self), 0);
    return self->exit_status;
}

const char *
vm_connection_get_cause(VmConnection *self)
{
    g_return_val_if_fail(VM_IS_CONNECTION(self), NULL);
    return self->cause;
}

const char *
vm_connection_get_sentence(VmConnection *self)
{
    g_return_val_if_fail(VM_IS_CONNECTION(self), NULL);
    return self->sentence;
}

const char *
vm_connection_get_graphics(VmConnection *self)
{
    g_return_val_if_fail(VM_IS_CONNECTION(self), NULL);
    return self->graphics;
}

const char *
vm_connection_get_graphics_sentence(VmConnection *self)
{
    g_return_val_if_fail(VM_IS_CONNECTION(self), NULL);
    return self->graphics_sentence;
}

guint
vm_connection_get_graphics_restarts(VmConnection *self)
{
    g_return_val_if_fail(VM_IS_CONNECTION(self), 0);
    return self->graphics_restarts;
}

guint64
vm_connection_get_render_device(VmConnection *self)
{
    g_return_val_if_fail(VM_IS_CONNECTION(self), 0);
    return self->render_device;
}

guint
vm_connection_get_client_count(VmConnection *self)
{
    g_return_val_if_fail(VM_IS_CONNECTION(self), 0);
    return self->client_count;
}

gboolean
vm_connection_get_crowded(VmConnection *self)
{
    g_return_val_if_fail(VM_IS_CONNECTION(self), FALSE);
    return self->crowded;
}

GListModel *
vm_connection_get_consoles(VmConnection *self)
{
    g_return_val_if_fail(VM_IS_CONNECTION(self), NULL);
    return G_LIST_MODEL(self->objects.consoles);
}

GListModel *
vm_connection_get_chardevs(VmConnection *self)
{
    g_return_val_if_fail(VM_IS_CONNECTION(self), NULL);
    return G_LIST_MODEL(self->objects.chardevs);
}

GDBusConnection *
vm_connection_get_link(VmConnection *self)
{
    g_return_val_if_fail(VM_IS_CONNECTION(self), NULL);
    return self->link;
}
