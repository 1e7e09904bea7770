/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "display/client-limits.h"

VmClientLimits *
vm_client_limits_ref(VmClientLimits *limits)
{
    return g_atomic_rc_box_acquire(limits);
}

static void
limits_clear(gpointer data)
{
    VmClientLimits *limits = data;

    g_weak_ref_clear(&limits->owner);
}

void
vm_client_limits_unref(VmClientLimits *limits)
{
    g_atomic_rc_box_release_full(limits, limits_clear);
}

static gboolean
tell_exceeded(gpointer user_data)
{
    VmClientLimits *limits = user_data;
    g_autoptr(GObject) owner = g_weak_ref_get(&limits->owner);

    if (owner) {
        limits->exceeded(owner);
    }
    return G_SOURCE_REMOVE;
}

static gboolean
tell_drained(gpointer user_data)
{
    VmClientLimits *limits = user_data;
    g_autoptr(GObject) owner = g_weak_ref_get(&limits->owner);

    if (owner) {
        limits->drained(owner);
    }
    return G_SOURCE_REMOVE;
}

/* A call that wants no reply counts until the main context has come to it. */
static gboolean
forget_call(gpointer user_data)
{
    VmClientLimits *limits = user_data;

    g_atomic_int_add(&limits->calls, -1);
    return G_SOURCE_REMOVE;
}

static void
run_in_main(VmClientLimits *limits, GSourceFunc function)
{
    g_idle_add_full(G_PRIORITY_DEFAULT, function, vm_client_limits_ref(limits),
                    (GDestroyNotify)(void (*)(void))vm_client_limits_unref);
}

/* FALSE: the message is dropped. */
static gboolean
count_incoming(VmClientLimits *limits, GDBusMessage *message)
{
    if (g_atomic_int_get(&limits->tripped)) {
        return FALSE;
    }
    if (g_dbus_message_get_message_type(message) != G_DBUS_MESSAGE_TYPE_METHOD_CALL) {
        return TRUE;
    }
    if (g_atomic_int_add(&limits->calls, 1) >= (gint)limits->calls_max) {
        if (g_atomic_int_compare_and_exchange(&limits->tripped, 0, 1)) {
            run_in_main(limits, tell_exceeded);
        }
        return FALSE;
    }
    if (g_dbus_message_get_flags(message) & G_DBUS_MESSAGE_FLAGS_NO_REPLY_EXPECTED) {
        run_in_main(limits, forget_call);
    }
    return TRUE;
}

static void
count_outgoing(VmClientLimits *limits, GDBusMessage *message)
{
    switch (g_dbus_message_get_message_type(message)) {
    case G_DBUS_MESSAGE_TYPE_METHOD_RETURN:
    case G_DBUS_MESSAGE_TYPE_ERROR:
        g_atomic_int_add(&limits->calls, -1);
        break;
    case G_DBUS_MESSAGE_TYPE_SIGNAL:
        if (g_strcmp0(g_dbus_message_get_member(message), "PropertiesChanged") == 0 &&
            g_atomic_int_dec_and_test(&limits->signals)) {
            run_in_main(limits, tell_drained);
        }
        break;
    case G_DBUS_MESSAGE_TYPE_INVALID:
    case G_DBUS_MESSAGE_TYPE_METHOD_CALL:
    default:
        break;
    }
}

static GDBusMessage *
filter(GDBusConnection *connection, GDBusMessage *message, gboolean incoming, gpointer user_data)
{
    VmClientLimits *limits = user_data;

    if (!incoming) {
        count_outgoing(limits, message);
        return message;
    }
    if (count_incoming(limits, message)) {
        return message;
    }
    g_object_unref(message);
    return NULL;
}

VmClientLimits *
vm_client_limits_new(GDBusConnection *connection, GObject *owner, guint calls_max)
{
    VmClientLimits *limits = g_atomic_rc_box_new0(VmClientLimits);

    g_weak_ref_init(&limits->owner, owner);
    limits->calls_max = calls_max;
    g_dbus_connection_add_filter(connection, filter, vm_client_limits_ref(limits),
                                 (GDestroyNotify)(void (*)(void))vm_client_limits_unref);
    return limits;
}

void
vm_client_limits_add_signals(VmClientLimits *limits, guint count)
{
    g_atomic_int_add(&limits->signals, (gint)count);
}

gboolean
vm_client_limits_is_drained(VmClientLimits *limits)
{
    return g_atomic_int_get(&limits->signals) <= 0;
}
