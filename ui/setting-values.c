/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/setting-values.h"

#include <glib/gi18n.h>

#include "ui/create-sources.h"
#include "ui/graphics-level.h"
#include "ui/guest-windows.h"
#include "vmm/client/definition.h"

const VmSetting vm_settings[VM_N_SETTINGS] = {
    {"general", "manager.title", VM_SETTING_TEXT, TRUE, N_("Name"),
     N_("What this window calls it")},
    {"general", "manager.group", VM_SETTING_TEXT, FALSE, N_("Group"),
     N_("Its heading in the list; empty for none")},
    {"general", "manager.note", VM_SETTING_NOTE, FALSE, N_("Note"),
     N_("For you; the search finds it")},
    {"general", "manager.icon", VM_SETTING_ICON, FALSE, N_("Icon"),
     N_("Stands for it where there is no picture of its screen")},
    {"system", "cpus.num-cores", VM_SETTING_NUMBER, TRUE, N_("Processors"), NULL},
    {"system", "mem.size", VM_SETTING_NUMBER, TRUE, N_("Memory"), N_("In MiB")},
    {"system", "balloon-page-reporting", VM_SETTING_FLAG, FALSE, N_("Give back unused memory"),
     N_("By itself, as long as it runs; Linux guests can from 5.7 on")},
    {"display", "gpu", VM_SETTING_SCREEN, FALSE, N_("Screen, keyboard and pointer"),
     N_("Drawn in this window")},
    {"display", "wayland-sock", VM_SETTING_WINDOWS, FALSE, N_("Guest windows on this desktop"),
     N_("Programs of the guest open windows among yours; one may pretend to be a program of "
        "yours")},
    {"input", "display-window-keyboard", VM_SETTING_INPUT, FALSE, N_("Keyboard"),
     N_("What is typed into its display; the console needs none")},
    {"input", "display-window-mouse", VM_SETTING_INPUT, FALSE, N_("Pointer"),
     N_("Moves as the pointer of your desktop does, and is never caught")},
    {"sandbox", "gpu.backend", VM_SETTING_GRAPHICS, FALSE, N_("Graphics"),
     N_("2D uses no driver of this computer. With 3D the guest's commands reach one, in a process "
        "with a jail of its own: more that could be attacked")},
    {"start", "kernel", VM_SETTING_PATH, TRUE, N_("Kernel"),
     N_("A Linux kernel: vmlinux or bzImage")},
    {"start", "initrd", VM_SETTING_PATH, FALSE, N_("Initrd"),
     N_("Its first file system; empty for none")},
    {"start", "params", VM_SETTING_WORDS, FALSE, N_("Kernel options"),
     N_("Words on the kernel's command line")},
    {"start", "manager.autostart", VM_SETTING_AUTOSTART, FALSE, N_("Start with your session"),
     N_("When you log in, without a window")},
    {"start", "manager.restart-on-crash", VM_SETTING_FLAG, FALSE, N_("Restart on crash"),
     N_("When a part of it fails, up to 3 times in 5 minutes, as long as this program runs")},
    {"start", "disposable", VM_SETTING_FLAG, FALSE, N_("Forget changes"),
     N_("What the guest writes to its disks is gone when it is off")},
};

gboolean
vm_setting_is_switch(const VmSetting *setting)
{
    return setting->kind == VM_SETTING_SCREEN || setting->kind == VM_SETTING_AUTOSTART ||
           setting->kind == VM_SETTING_FLAG || setting->kind == VM_SETTING_WINDOWS ||
           setting->kind == VM_SETTING_INPUT;
}

char *
vm_setting_dup_value(VmJson *json, const VmSetting *setting)
{
    char *text = NULL;

    if (setting->kind == VM_SETTING_WORDS) {
        return vm_definition_params(json);
    }
    if (setting->kind == VM_SETTING_SCREEN) {
        return g_strdup(vm_json_has(json, "gpu") ? "1" : "0");
    }
    if (setting->kind == VM_SETTING_WINDOWS) {
        return g_strdup(vm_guest_windows_get(json) ? "1" : "0");
    }
    if (setting->kind == VM_SETTING_INPUT) {
        return g_strdup(vm_json_get_bool(json, setting->path, vm_json_has(json, "gpu")) ? "1"
                                                                                        : "0");
    }
    if (vm_setting_is_switch(setting)) {
        return g_strdup(vm_json_get_bool(json, setting->path, FALSE) ? "1" : "0");
    }
    if (setting->kind == VM_SETTING_GRAPHICS) {
        const char *level = vm_graphics_level_get(json);
        return g_strdup(level ? level : "");
    }
    text = vm_json_get_text(json, setting->path);
    return text ? text : g_strdup("");
}

void
vm_setting_put_value(VmJson *json, const VmSetting *setting, const char *value)
{
    if (setting->kind == VM_SETTING_NUMBER) {
        vm_json_set_int(json, setting->path, g_ascii_strtoll(value, NULL, 10));
        return;
    }
    if (setting->kind == VM_SETTING_WINDOWS) {
        vm_guest_windows_set(json, value[0] == '1');
        return;
    }
    if (setting->kind == VM_SETTING_GRAPHICS) {
        if (value[0]) {
            vm_graphics_level_set(json, value);
        }
        return;
    }
    vm_json_remove(json, setting->path);
    if (setting->kind == VM_SETTING_AUTOSTART || setting->kind == VM_SETTING_FLAG) {
        if (value[0] == '1') {
            vm_json_set_bool(json, setting->path, TRUE);
        }
    } else if (setting->kind == VM_SETTING_INPUT) {
        if ((value[0] == '1') != vm_json_has(json, "gpu")) {
            vm_json_set_bool(json, setting->path, value[0] == '1');
        }
    } else if (setting->kind == VM_SETTING_SCREEN) {
        vm_json_remove(json, "wayland-sock"); /* it wants a graphics card */
        if (value[0] == '1') {
            vm_json_set_string(json, "gpu.backend", "2d");
        }
    } else if (value[0] && setting->kind == VM_SETTING_WORDS) {
        vm_json_set_string(json, "params.0", value);
    } else if (value[0]) {
        vm_json_set_string(json, setting->path, value);
    }
}

static const char *
preset_number(const VmSetting *setting)
{
    return g_str_equal(setting->path, "mem.size") ? "256" : "1";
}

/* What is being typed is not taken away. */
static void
show_note(GtkWidget *control, const char *value)
{
    GtkTextBuffer *buffer = gtk_text_view_get_buffer(GTK_TEXT_VIEW(control));
    g_autofree char *text = NULL;

    g_object_get(buffer, "text", &text, NULL);
    if (!gtk_widget_is_focus(control) && g_strcmp0(text, value) != 0) {
        gtk_text_buffer_set_text(buffer, value, -1);
    }
}

/* Also what this computer has not got. */
static void
show_number(GtkSpinButton *control, const char *text)
{
    const double value = g_ascii_strtod(text, NULL);
    double least = 0;
    double most = 0;

    gtk_spin_button_get_range(control, &least, &most);
    gtk_spin_button_set_range(control, MIN(least, value), MAX(most, value));
    gtk_spin_button_set_value(control, value);
}

void
vm_setting_show(GtkWidget *control, const VmSetting *setting, const char *value)
{
    switch (setting->kind) {
    case VM_SETTING_NUMBER:
        show_number(GTK_SPIN_BUTTON(control), value[0] ? value : preset_number(setting));
        break;
    case VM_SETTING_SCREEN:
    case VM_SETTING_AUTOSTART:
    case VM_SETTING_FLAG:
    case VM_SETTING_WINDOWS:
    case VM_SETTING_INPUT:
        gtk_switch_set_active(GTK_SWITCH(control), value[0] == '1');
        break;
    case VM_SETTING_ICON:
        gtk_combo_box_set_active_id(GTK_COMBO_BOX(control), value);
        break;
    case VM_SETTING_GRAPHICS:
        if (!gtk_combo_box_set_active_id(GTK_COMBO_BOX(control), value)) {
            gtk_combo_box_set_active(GTK_COMBO_BOX(control), -1);
        }
        gtk_widget_set_sensitive(control, value[0] != '\0');
        break;
    case VM_SETTING_NOTE:
        show_note(control, value);
        break;
    case VM_SETTING_TEXT:
    case VM_SETTING_PATH:
    case VM_SETTING_WORDS:
    default:
        /* What is being typed is not taken away. */
        if (!gtk_widget_is_focus(control)) {
            gtk_entry_set_text(GTK_ENTRY(control), value);
        }
    }
}

char *
vm_setting_read(GtkWidget *control, const VmSetting *setting)
{
    if (setting->kind == VM_SETTING_NUMBER) {
        return g_strdup_printf("%d", gtk_spin_button_get_value_as_int(GTK_SPIN_BUTTON(control)));
    }
    if (vm_setting_is_switch(setting)) {
        return g_strdup(gtk_switch_get_active(GTK_SWITCH(control)) ? "1" : "0");
    }
    if (setting->kind == VM_SETTING_GRAPHICS || setting->kind == VM_SETTING_ICON) {
        const char *word = gtk_combo_box_get_active_id(GTK_COMBO_BOX(control));
        return g_strdup(word ? word : "");
    }
    if (setting->kind == VM_SETTING_NOTE) {
        char *text = NULL;
        g_object_get(gtk_text_view_get_buffer(GTK_TEXT_VIEW(control)), "text", &text, NULL);
        return text;
    }
    return g_strdup(gtk_entry_get_text(GTK_ENTRY(control)));
}

char *
vm_setting_complain(const VmSetting *setting, const char *value)
{
    if (setting->required && value[0] == '\0') {
        return g_strdup(_("This cannot be empty."));
    }
    if (setting->kind == VM_SETTING_PATH && value[0]) {
        return vm_source_complain(value);
    }
    if (setting->kind == VM_SETTING_WINDOWS && value[0] == '1') {
        g_autofree char *socket = vm_guest_windows_dup_socket();
        return socket ? NULL : g_strdup(_("This needs a Wayland desktop; this one is not."));
    }
    return NULL;
}

gboolean
vm_setting_is_changed(VmJson *before, VmJson *now, const VmSetting *setting)
{
    g_autofree char *old_value = vm_setting_dup_value(before, setting);
    g_autofree char *new_value = vm_setting_dup_value(now, setting);
    gboolean with_card = setting->kind == VM_SETTING_INPUT || setting->kind == VM_SETTING_GRAPHICS;

    return !g_str_equal(old_value, new_value) &&
           !(with_card && vm_json_has(before, "gpu") != vm_json_has(now, "gpu"));
}
