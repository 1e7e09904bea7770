/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager/model/battery.h"

struct _VmBattery {
    GObject parent_instance;
    GDBusProxy *upower; /* NULL until it is known */
    GCancellable *cancellable;
};

G_DEFINE_FINAL_TYPE(VmBattery, vm_battery, G_TYPE_OBJECT)

static void
upower_known(GObject *source, GAsyncResult *result, gpointer data)
{
    g_autoptr(GError) error = NULL;
    GDBusProxy *upower = g_dbus_proxy_new_for_bus_finish(result, &error);

    if (upower) {
        VM_BATTERY(data)->upower = upower; /* not cancelled: it lives */
    } else if (!g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED)) {
        g_debug("no UPower: %s", error->message);
    }
}

static void
vm_battery_dispose(GObject *object)
{
    VmBattery *self = VM_BATTERY(object);

    g_cancellable_cancel(self->cancellable);
    g_clear_object(&self->cancellable);
    g_clear_object(&self->upower);
    G_OBJECT_CLASS(vm_battery_parent_class)->dispose(object);
}

static void
vm_battery_class_init(VmBatteryClass *klass)
{
    G_OBJECT_CLASS(klass)->dispose = vm_battery_dispose;
}

static void
vm_battery_init(VmBattery *self)
{
    self->cancellable = g_cancellable_new();
    g_dbus_proxy_new_for_bus(G_BUS_TYPE_SYSTEM,
                             G_DBUS_PROXY_FLAGS_DO_NOT_CONNECT_SIGNALS |
                                 G_DBUS_PROXY_FLAGS_DO_NOT_AUTO_START_AT_CONSTRUCTION,
                             NULL, "org.freedesktop.UPower", "/org/freedesktop/UPower",
                             "org.freedesktop.UPower", self->cancellable, upower_known, self);
}

VmBattery *
vm_battery_new(void)
{
    return g_object_new(VM_TYPE_BATTERY, NULL);
}

gboolean
vm_battery_is_used(VmBattery *self)
{
    g_autoptr(GVariant) value =
        self->upower ? g_dbus_proxy_get_cached_property(self->upower, "OnBattery") : NULL;

    return value && g_variant_is_of_type(value, G_VARIANT_TYPE_BOOLEAN) &&
           g_variant_get_boolean(value);
}
