/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/keys-popover.h"

#include <glib/gi18n.h>

struct _VmKeysPopover {
    GtkPopover parent_instance;
    GtkWidget *heading_label;
    GtkWidget *function_grid;
    GtkBox *sysrq_box;
    GtkBox *own_box;
    GtkToggleButton *add_button;
    GSettings *settings;
};

G_DEFINE_FINAL_TYPE(VmKeysPopover, vm_keys_popover, GTK_TYPE_POPOVER)

void
vm_keys_popover_set_title(VmKeysPopover *self, const char *title)
{
    g_autofree char *text = NULL;

    g_return_if_fail(VM_IS_KEYS_POPOVER(self));

    text = g_strdup_printf(_("Send to \342\201\250%s\342\201\251"), title);
    gtk_label_set_text(GTK_LABEL(self->heading_label), text);
}

static void
add_function_key(VmKeysPopover *self, int number)
{
    g_autofree char *label = g_strdup_printf("F%d", number);
    g_autofree char *keys = g_strdup_printf("LEFTCTRL+LEFTALT+F%d", number);
    g_autofree char *name = g_strdup_printf("Ctrl+Alt+F%d", number);
    GtkWidget *button = gtk_button_new_with_label(label);

    gtk_actionable_set_action_name(GTK_ACTIONABLE(button), "machine.send-keys");
    gtk_actionable_set_action_target(GTK_ACTIONABLE(button), "s", keys);
    atk_object_set_name(gtk_widget_get_accessible(button), name);
    gtk_widget_show(button);
    gtk_grid_attach(GTK_GRID(self->function_grid), button, (number - 1) % 6, (number - 1) / 6, 1,
                    1);
}

/* ------------------------------------------------------------------ combinations of one's own */

static void
remove_child(GtkWidget *child, gpointer data)
{
    gtk_widget_destroy(child);
}

static void
remove_clicked(GtkWidget *button, VmKeysPopover *self)
{
    guint wanted = GPOINTER_TO_UINT(g_object_get_data(G_OBJECT(button), "index"));
    g_autoptr(GVariant) all = g_settings_get_value(self->settings, "key-combinations");
    GVariantBuilder rest;

    g_variant_builder_init(&rest, G_VARIANT_TYPE("a(ss)"));
    for (gsize i = 0; i < g_variant_n_children(all); i++) {
        if (i != wanted) {
            g_autoptr(GVariant) one = g_variant_get_child_value(all, i);
            g_variant_builder_add_value(&rest, one);
        }
    }
    g_settings_set_value(self->settings, "key-combinations", g_variant_builder_end(&rest));
}

static GtkWidget *
send_button(const char *label, const char *keys)
{
    GtkWidget *button = g_object_new(GTK_TYPE_MODEL_BUTTON, "text", label, "visible", TRUE, NULL);

    gtk_actionable_set_action_name(GTK_ACTIONABLE(button), "machine.send-keys");
    gtk_actionable_set_action_target(GTK_ACTIONABLE(button), "s", keys);
    return button;
}

static void
add_own_row(VmKeysPopover *self, guint index, const char *label, const char *keys)
{
    GtkWidget *row = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, 6);
    GtkWidget *remove = gtk_button_new_from_icon_name("window-close-symbolic", GTK_ICON_SIZE_MENU);
    /* Translators: %s is a key combination. */
    g_autofree char *name = g_strdup_printf(_("Remove %s"), label);

    gtk_button_set_relief(GTK_BUTTON(remove), GTK_RELIEF_NONE);
    gtk_widget_set_tooltip_text(remove, name);
    atk_object_set_name(gtk_widget_get_accessible(remove), name);
    g_object_set_data(G_OBJECT(remove), "index", GUINT_TO_POINTER(index));
    g_signal_connect(remove, "clicked", G_CALLBACK(remove_clicked), self);
    gtk_box_pack_start(GTK_BOX(row), send_button(label, keys), TRUE, TRUE, 0);
    gtk_box_pack_end(GTK_BOX(row), remove, FALSE, FALSE, 0);
    gtk_widget_show_all(row);
    gtk_box_pack_start(self->own_box, row, FALSE, FALSE, 0);
}

static void
show_own(VmKeysPopover *self)
{
    g_autoptr(GVariant) all = g_settings_get_value(self->settings, "key-combinations");

    gtk_container_foreach(GTK_CONTAINER(self->own_box), remove_child, NULL);
    for (gsize i = 0; i < g_variant_n_children(all); i++) {
        const char *label = NULL;
        const char *keys = NULL;
        g_variant_get_child(all, i, "(&s&s)", &label, &keys);
        add_own_row(self, (guint)i, label, keys);
    }
}

static void
add_toggled(VmKeysPopover *self)
{
    gboolean on = gtk_toggle_button_get_active(self->add_button);

    gtk_button_set_label(GTK_BUTTON(self->add_button),
                         on ? _("Press the keys, or Escape…") : _("Add a combination…"));
    if (on) {
        gtk_widget_grab_focus(GTK_WIDGET(self->add_button));
    }
}

/* evdev numbers: an X key code is 8 more. */
static char *
keys_of(const GdkEventKey *event)
{
    static const struct {
        GdkModifierType modifier;
        const char *name;
    } modifiers[] = {{GDK_CONTROL_MASK, "LEFTCTRL"},
                     {GDK_MOD1_MASK, "LEFTALT"},
                     {GDK_SHIFT_MASK, "LEFTSHIFT"},
                     {GDK_SUPER_MASK, "LEFTMETA"}};
    GString *keys = g_string_new(NULL);

    for (guint i = 0; i < G_N_ELEMENTS(modifiers); i++) {
        if ((event->state & modifiers[i].modifier) != 0) {
            g_string_append_printf(keys, "%s+", modifiers[i].name);
        }
    }
    g_string_append_printf(keys, "%u", (guint)event->hardware_keycode - 8U);
    return g_string_free(keys, FALSE);
}

static void
take_combination(VmKeysPopover *self, const GdkEventKey *event)
{
    g_autoptr(GVariant) all = g_settings_get_value(self->settings, "key-combinations");
    g_autofree char *keys = keys_of(event);
    g_autofree char *label = gtk_accelerator_get_label(
        gdk_keyval_to_lower(event->keyval), event->state & gtk_accelerator_get_default_mod_mask());
    GVariantBuilder more;

    g_variant_builder_init(&more, G_VARIANT_TYPE("a(ss)"));
    for (gsize i = 0; i < g_variant_n_children(all); i++) {
        g_autoptr(GVariant) one = g_variant_get_child_value(all, i);
        g_variant_builder_add_value(&more, one);
    }
    g_variant_builder_add(&more, "(ss)", label, keys);
    g_settings_set_value(self->settings, "key-combinations", g_variant_builder_end(&more));
}

static gboolean
vm_keys_popover_key_press_event(GtkWidget *widget, GdkEventKey *event)
{
    VmKeysPopover *self = VM_KEYS_POPOVER(widget);

    if (!gtk_toggle_button_get_active(self->add_button) || !self->settings) {
        return GTK_WIDGET_CLASS(vm_keys_popover_parent_class)->key_press_event(widget, event);
    }
    if (event->is_modifier || event->hardware_keycode <= 8) {
        return GDK_EVENT_STOP;
    }
    if (event->keyval != GDK_KEY_Escape) {
        take_combination(self, event);
    }
    gtk_toggle_button_set_active(self->add_button, FALSE);
    return GDK_EVENT_STOP;
}

static void
add_sysrq(VmKeysPopover *self)
{
    static const struct {
        const char *label;
        const char *keys;
    } calls[] = {
        {N_("Write all to disk (S)"), "LEFTALT+SYSRQ+S"},
        {N_("Make disks read-only (U)"), "LEFTALT+SYSRQ+U"},
        {N_("Show tasks (T)"), "LEFTALT+SYSRQ+T"},
        {N_("Take the keyboard from programs (R)"), "LEFTALT+SYSRQ+R"},
        {N_("Restart at once (B)"), "LEFTALT+SYSRQ+B"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(calls); i++) {
        gtk_box_pack_start(self->sysrq_box, send_button(_(calls[i].label), calls[i].keys), FALSE,
                           FALSE, 0);
    }
}

void
vm_keys_popover_set_settings(VmKeysPopover *self, GSettings *settings)
{
    g_set_object(&self->settings, settings);
    g_signal_connect_object(settings, "changed::key-combinations", G_CALLBACK(show_own), self,
                            G_CONNECT_SWAPPED);
    show_own(self);
}

static void
vm_keys_popover_dispose(GObject *object)
{
    g_clear_object(&VM_KEYS_POPOVER(object)->settings);
    G_OBJECT_CLASS(vm_keys_popover_parent_class)->dispose(object);
}

static void
vm_keys_popover_class_init(VmKeysPopoverClass *klass)
{
    GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(klass);

    G_OBJECT_CLASS(klass)->dispose = vm_keys_popover_dispose;
    widget_class->key_press_event = vm_keys_popover_key_press_event;
    gtk_widget_class_set_template_from_resource(widget_class,
                                                "/org/vitrine/Vitrine/ui/keys-popover.ui");
    gtk_widget_class_bind_template_child(widget_class, VmKeysPopover, heading_label);
    gtk_widget_class_bind_template_child(widget_class, VmKeysPopover, function_grid);
    gtk_widget_class_bind_template_child(widget_class, VmKeysPopover, sysrq_box);
    gtk_widget_class_bind_template_child(widget_class, VmKeysPopover, own_box);
    gtk_widget_class_bind_template_child(widget_class, VmKeysPopover, add_button);
    gtk_widget_class_bind_template_callback(widget_class, add_toggled);
}

static void
vm_keys_popover_init(VmKeysPopover *self)
{
    gtk_widget_init_template(GTK_WIDGET(self));
    for (int number = 1; number <= 12; number++) {
        add_function_key(self, number);
    }
    add_sysrq(self);
}

GtkWidget *
vm_keys_popover_new(void)
{
    return g_object_new(VM_TYPE_KEYS_POPOVER, NULL);
}
