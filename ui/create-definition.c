/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the fields of the create assistant mean: the definition. */
#include "ui/create-assistant-private.h"
#include "ui/guest-windows.h"

gboolean
vm_create_assistant_is_import(VmCreateAssistant *self)
{
    return self->kind == VM_SOURCE_CONFIGURATION && self->imported;
}

gboolean
vm_create_assistant_may_read_disk(VmCreateAssistant *self)
{
    return self->kind == VM_SOURCE_DISK || vm_create_assistant_is_import(self);
}

gboolean
vm_create_assistant_lacks_kernel(VmCreateAssistant *self)
{
    return gtk_entry_get_text_length(self->kernel_entry) == 0;
}

static void
set_path(VmJson *json, const char *member, GtkEntry *entry)
{
    const char *path = gtk_entry_get_text(entry);

    if (path[0]) {
        vm_json_set_string(json, member, path);
    } else {
        vm_json_remove(json, member);
    }
}

static gboolean
is_disk_of_import(VmCreateAssistant *self)
{
    return vm_create_assistant_is_import(self) &&
           g_strcmp0(vm_json_get_string(self->loaded, "block.0.path"),
                     gtk_entry_get_text(self->disk_entry)) == 0;
}

gboolean
vm_create_assistant_disk_is_qcow2(VmCreateAssistant *self)
{
    const char *disk = gtk_entry_get_text(self->disk_entry);

    if (is_disk_of_import(self)) {
        return g_strcmp0(vm_json_get_string(self->loaded, "block.0.format"), "qcow2") == 0;
    }
    return g_str_has_suffix(disk, ".qcow2") || vm_source_wants_format(disk);
}

static void
set_disk(VmCreateAssistant *self, VmJson *json)
{
    if (is_disk_of_import(self)) {
        return;
    }
    vm_json_remove(json, "block.0.format");
    vm_json_remove(json, "block.0.ro");
    set_path(json, "block.0.path", self->disk_entry);
    if (gtk_entry_get_text_length(self->disk_entry) == 0) {
        vm_json_remove(json, "block.0");
    } else if (vm_source_wants_format(gtk_entry_get_text(self->disk_entry))) {
        vm_json_set_string(json, "block.0.format", "qcow2");
    }
}

int
vm_create_assistant_memory_step(guint64 mib)
{
    int step = 0;

    while (((guint64)VM_SMALLEST_MIB << step) < mib && step < 16) {
        step++;
    }
    return step;
}

guint64
vm_create_assistant_get_memory(VmCreateAssistant *self)
{
    const int step = (int)gtk_range_get_value(self->memory_scale);
    const gboolean is_file = self->kind == VM_SOURCE_CONFIGURATION && self->loaded;
    const gint64 said = is_file ? vm_json_get_int(self->loaded, "mem.size", 0) : 0;

    if (said > 0 && vm_create_assistant_memory_step((guint64)said) == step) {
        return (guint64)said;
    }
    return (guint64)VM_SMALLEST_MIB << step;
}

VmJson *
vm_create_assistant_make_definition(VmCreateAssistant *self)
{
    VmJson *json = self->kind == VM_SOURCE_CONFIGURATION && self->loaded
                       ? vm_json_copy(self->loaded)
                       : vm_json_new();
    const char *options = gtk_entry_get_text(self->options_entry);

    if (self->kind != VM_SOURCE_CONFIGURATION || vm_create_assistant_is_import(self)) {
        set_path(json, "kernel", self->kernel_entry);
        set_path(json, "initrd", self->initrd_entry);
        set_disk(self, json);
        vm_json_remove(json, "params");
        if (options[0]) {
            vm_json_set_string(json, "params.0", options);
        }
    }
    if (self->kind != VM_SOURCE_CONFIGURATION) {
        vm_json_set_string(json, "serial.0.type", "sink");
        vm_json_set_string(json, "serial.0.hardware", "serial");
        vm_json_set_bool(json, "serial.0.console", TRUE);
    }
    vm_json_set_int(json, "cpus.num-cores",
                    gtk_spin_button_get_value_as_int(self->processors_spin));
    vm_json_set_int(json, "mem.size", (gint64)vm_create_assistant_get_memory(self));
    if (!gtk_switch_get_active(self->graphics_switch)) {
        vm_json_remove(json, "gpu");
        vm_json_remove(json, "wayland-sock"); /* it wants a graphics card */
    } else if (!vm_json_has(json, "gpu")) {
        vm_json_set_string(json, "gpu.backend", "2d");
    }
    if (gtk_widget_get_visible(self->windows_row) && vm_json_has(json, "gpu")) {
        vm_guest_windows_set(json, gtk_switch_get_active(self->windows_switch));
    }
    vm_json_remove(json, "name");
    vm_json_set_string(json, "manager.title", gtk_entry_get_text(self->name_entry));
    return json;
}
