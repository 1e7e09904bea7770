/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "display/objects.h"
#include "vm-dbus-display1.h"

static void
update_vm(GDBusInterfaceSkeleton *interface, VmClient *client, gpointer data)
{
    VmModel *model = vm_client_get_model(client);
    VmGpuLink *gpu = vm_model_get_gpu(model);
    guint32 ids[VM_SCREENS_MAX];
    guint n = 0;

    for (guint i = 0; i < vm_gpu_link_get_maximum(gpu); i++) {
        if (vm_gpu_link_get_screen(gpu, i)) {
            ids[n++] = i;
        }
    }
    vm_dbus_vm_set_console_ids(
        VM_DBUS_VM(interface),
        g_variant_new_fixed_array(G_VARIANT_TYPE_UINT32, ids, n, sizeof(ids[0])));
}

void
vm_vm_object_export(VmClient *client)
{
    static const char *const interfaces[] = {NULL};
    g_autoptr(VmDbusVM) vm = vm_dbus_vm_skeleton_new();
    VmModel *model = vm_client_get_model(client);

    vm_dbus_vm_set_name(vm, vm_model_get_name(model));
    vm_dbus_vm_set_uuid(vm, vm_model_get_uuid(model));
    vm_dbus_vm_set_interfaces(vm, interfaces);
    vm_client_export(client, "/org/qemu/Display1/VM", G_DBUS_INTERFACE_SKELETON(vm), update_vm,
                     NULL);
}
