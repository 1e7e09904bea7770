/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "display/balloon-object.h"

#include <errno.h>

#include "display/guest-error.h"
#include "display/peer.h"

#define GUEST_PATH "/org/vitrine/Vmm1/Guest"

static void
refuse(GDBusMethodInvocation *invocation, int error)
{
    switch (error) {
    case -ENODEV:
        g_dbus_method_invocation_return_error_literal(invocation, VM_GUEST_ERROR,
                                                      GUEST_ERROR_DEVICE_NOT_PRESENT,
                                                      "The machine has no balloon device.");
        break;
    case -EINVAL:
        g_dbus_method_invocation_return_dbus_error(invocation, "org.vitrine.Vmm1.Error.TooLarge",
                                                   "that is more memory than the guest has");
        break;
    case -ENOTCONN:
        g_dbus_method_invocation_return_dbus_error(invocation, VM_ERROR_UNAVAILABLE,
                                                   "the guest has no driver for its balloon");
        break;
    case -ETIMEDOUT:
        g_dbus_method_invocation_return_dbus_error(invocation, VM_ERROR_UNAVAILABLE,
                                                   "the guest does not answer");
        break;
    default:
        g_dbus_method_invocation_return_dbus_error(invocation, VM_ERROR_BUSY,
                                                   "There are too many questions to the balloon.");
        break;
    }
}

/* -- the controller -- */

static void
answer_size(const struct balloon_answer *answer, gpointer user_data)
{
    GDBusMethodInvocation *invocation = user_data;

    if (answer->error) {
        refuse(invocation, answer->error);
    } else {
        g_dbus_method_invocation_return_value(
            invocation, g_variant_new("(uu)", answer->actual, answer->requested));
    }
}

static void
answer_request(const struct balloon_answer *answer, gpointer user_data)
{
    GDBusMethodInvocation *invocation = user_data;

    if (answer->error) {
        refuse(invocation, answer->error);
    } else {
        g_dbus_method_invocation_return_value(invocation, NULL);
    }
}

static void
answer_statistics(const struct balloon_answer *answer, gpointer user_data)
{
    GDBusMethodInvocation *invocation = user_data;
    GVariantBuilder statistics;

    if (answer->error) {
        refuse(invocation, answer->error);
        return;
    }
    g_variant_builder_init(&statistics, G_VARIANT_TYPE("a(qt)"));
    for (guint i = 0; i < answer->n_statistics; i++) {
        g_variant_builder_add(&statistics, "(qt)", (guint16)answer->statistic[i].tag,
                              answer->statistic[i].value);
    }
    g_dbus_method_invocation_return_value(invocation, g_variant_new("(a(qt))", &statistics));
}

static void
ask(VmClient *client, GDBusMethodInvocation *invocation, enum balloon_what what, guint pages,
    VmBallooned callback)
{
    VmSupervisorLink *supervisor = vm_model_get_supervisor(vm_client_get_model(client));

    if (!vm_supervisor_link_ask_balloon(supervisor, what, pages, callback, invocation)) {
        refuse(invocation, -EBUSY);
    }
}

static gboolean
handle_get_size(VmDbusBalloonController *balloon, GDBusMethodInvocation *invocation,
                VmClient *client)
{
    ask(client, invocation, BALLOON_TELL_SIZE, 0, answer_size);
    return TRUE;
}

static gboolean
handle_request(VmDbusBalloonController *balloon, GDBusMethodInvocation *invocation, guint pages,
               VmClient *client)
{
    ask(client, invocation, BALLOON_SET_SIZE, pages, answer_request);
    return TRUE;
}

static gboolean
handle_get_statistics(VmDbusBalloonController *balloon, GDBusMethodInvocation *invocation,
                      VmClient *client)
{
    ask(client, invocation, BALLOON_TELL_STATISTICS, 0, answer_statistics);
    return TRUE;
}

static void
update_nothing(GDBusInterfaceSkeleton *interface, VmClient *client, gpointer data)
{
}

void
vm_balloon_object_export(VmClient *client)
{
    g_autoptr(VmDbusBalloonController) balloon = vm_dbus_balloon_controller_skeleton_new();

    g_signal_connect_object(balloon, "handle-get-balloon-size", G_CALLBACK(handle_get_size), client,
                            0);
    g_signal_connect_object(balloon, "handle-request-num-pages", G_CALLBACK(handle_request), client,
                            0);
    g_signal_connect_object(balloon, "handle-get-mem-stats", G_CALLBACK(handle_get_statistics),
                            client, 0);
    vm_client_export(client, GUEST_PATH, G_DBUS_INTERFACE_SKELETON(balloon), update_nothing, NULL);
}

/* -- a link for it -- */

struct brought {
    GDBusMethodInvocation *invocation;
    VmClient *client;
    GSocketConnection *stream;
};

/* Whether there is a balloon decides whether the socket is served. */
static void
answer_controller(const struct balloon_answer *answer, gpointer user_data)
{
    g_autofree struct brought *brought = user_data;
    g_autoptr(VmClient) client = brought->client;
    g_autoptr(GSocketConnection) stream = brought->stream;

    if (answer->error) {
        refuse(brought->invocation, answer->error);
    } else if (vm_client_bring(client, stream)) {
        g_dbus_method_invocation_return_value(brought->invocation, NULL);
    } else {
        g_dbus_method_invocation_return_error_literal(brought->invocation, G_DBUS_ERROR,
                                                      G_DBUS_ERROR_LIMITS_EXCEEDED,
                                                      "There are 16 clients already.");
    }
}

gboolean
vm_balloon_object_get_controller(VmDbusGuest *guest, GDBusMethodInvocation *invocation,
                                 GUnixFDList *fds, GVariant *handle, VmClient *client)
{
    VmSupervisorLink *supervisor = vm_model_get_supervisor(vm_client_get_model(client));
    g_autoptr(GError) error = NULL;
    int fd = vm_client_take_handle(fds, handle, &error);
    g_autoptr(GSocketConnection) stream = fd >= 0 ? vm_peer_import(fd, &error) : NULL;
    struct brought *brought;

    if (!stream) {
        g_dbus_method_invocation_return_gerror(invocation, error);
        return TRUE;
    }
    brought = g_new(struct brought, 1);
    *brought = (struct brought){invocation, g_object_ref(client), g_object_ref(stream)};
    if (!vm_supervisor_link_ask_balloon(supervisor, BALLOON_TELL_SIZE, 0, answer_controller,
                                        brought)) {
        const struct balloon_answer busy = {.error = -EBUSY};

        answer_controller(&busy, brought);
    }
    return TRUE;
}
