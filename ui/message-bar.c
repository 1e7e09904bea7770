/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/message-bar.h"

#include <glib/gi18n.h>

#include "ui/wrap-box.h"

struct _VmMessageBar {
    GtkBox parent_instance;
    GtkImage *icon;
    GtkLabel *title_label;
    GtkLabel *cure_label;
    GtkLabel *cause_label;
    VmWrapBox *button_box;
    GtkToggleButton *details_toggle;
    GtkRevealer *details_revealer;
    GtkTextView *details_view;
};

G_DEFINE_FINAL_TYPE(VmMessageBar, vm_message_bar, GTK_TYPE_BOX)

enum {
    CLOSED,
    N_SIGNALS
};
static guint signals[N_SIGNALS]; /* NOLINT(cppcoreguidelines-avoid-non-const-global-variables) */

static void
close_clicked(VmMessageBar *self)
{
    g_signal_emit(self, signals[CLOSED], 0);
}

static void
vm_message_bar_class_init(VmMessageBarClass *klass)
{
    GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(klass);

    signals[CLOSED] = g_signal_new("closed", VM_TYPE_MESSAGE_BAR, G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                                   NULL, G_TYPE_NONE, 0);
    gtk_widget_class_set_accessible_role(widget_class, ATK_ROLE_ALERT);
    g_type_ensure(VM_TYPE_WRAP_BOX);
    gtk_widget_class_set_template_from_resource(widget_class,
                                                "/org/vitrine/Vitrine/ui/message-bar.ui");
    gtk_widget_class_bind_template_child(widget_class, VmMessageBar, icon);
    gtk_widget_class_bind_template_child(widget_class, VmMessageBar, title_label);
    gtk_widget_class_bind_template_child(widget_class, VmMessageBar, cure_label);
    gtk_widget_class_bind_template_child(widget_class, VmMessageBar, cause_label);
    gtk_widget_class_bind_template_child(widget_class, VmMessageBar, button_box);
    gtk_widget_class_bind_template_child(widget_class, VmMessageBar, details_toggle);
    gtk_widget_class_bind_template_child(widget_class, VmMessageBar, details_revealer);
    gtk_widget_class_bind_template_child(widget_class, VmMessageBar, details_view);
    gtk_widget_class_bind_template_callback(widget_class, close_clicked);
}

static void
vm_message_bar_init(VmMessageBar *self)
{
    gtk_widget_init_template(GTK_WIDGET(self));
}

static void
add_buttons(VmMessageBar *self, const VmProblem *problem)
{
    const struct vm_problem_button *buttons = vm_problem_get_buttons(problem);

    for (guint i = 0; i < VM_PROBLEM_BUTTONS_MAX && buttons[i].label; i++) {
        GtkWidget *button = gtk_button_new_with_label(_(buttons[i].label));
        gtk_actionable_set_detailed_action_name(GTK_ACTIONABLE(button), buttons[i].action);
        gtk_widget_show(button);
        vm_wrap_box_insert(self->button_box, button, (int)i);
    }
}

/* A reader speaks an alert at once, and a notice when it is its turn. */
static void
show_kind(VmMessageBar *self, gboolean informs)
{
    GtkWidget *icon = GTK_WIDGET(self->icon);

    g_object_set(self->icon, "icon-name",
                 informs ? "dialog-information-symbolic" : "dialog-error-symbolic", NULL);
    gtk_style_context_add_class(gtk_widget_get_style_context(GTK_WIDGET(self)),
                                informs ? "info" : "error");
    if (informs) {
        atk_object_set_role(gtk_widget_get_accessible(GTK_WIDGET(self)), ATK_ROLE_NOTIFICATION);
    } else {
        gtk_style_context_add_class(gtk_widget_get_style_context(icon), "error-icon");
    }
}

GtkWidget *
vm_message_bar_new(const VmProblem *problem)
{
    VmMessageBar *self = g_object_new(VM_TYPE_MESSAGE_BAR, NULL);
    g_autofree char *title = vm_problem_dup_title(problem);
    g_autofree char *cure = vm_problem_dup_cure(problem);
    const char *cause = vm_problem_get_cause(problem);
    g_autofree char *words = cause ? g_strdup_printf("%s %s", cure, cause) : g_strdup(cure);
    const char *details = vm_problem_get_details(problem);
    AtkObject *accessible = gtk_widget_get_accessible(GTK_WIDGET(self));

    show_kind(self, vm_problem_informs(problem));
    gtk_label_set_text(self->title_label, title);
    gtk_label_set_text(self->cure_label, cure);
    gtk_label_set_text(self->cause_label, cause ? cause : "");
    gtk_widget_set_visible(GTK_WIDGET(self->cause_label), cause != NULL);
    atk_object_set_name(accessible, title);
    atk_object_set_description(accessible, words);
    /* Read as the description; a reader would say them again for themselves. */
    atk_object_add_relationship(gtk_widget_get_accessible(GTK_WIDGET(self->cure_label)),
                                ATK_RELATION_DESCRIPTION_FOR, accessible);
    atk_object_add_relationship(gtk_widget_get_accessible(GTK_WIDGET(self->cause_label)),
                                ATK_RELATION_DESCRIPTION_FOR, accessible);
    add_buttons(self, problem);
    gtk_widget_set_visible(GTK_WIDGET(self->details_toggle), details != NULL);
    if (details) {
        gtk_text_buffer_set_text(gtk_text_view_get_buffer(self->details_view), details, -1);
    }
    return GTK_WIDGET(self);
}

void
vm_message_bar_set_retry(VmMessageBar *self, guint seconds)
{
    g_autofree char *text =
        g_strdup_printf(ngettext("The machine still runs. Trying again in %u second.",
                                 "The machine still runs. Trying again in %u seconds.", seconds),
                        seconds);

    gtk_label_set_text(self->cure_label,
                       seconds > 0 ? text : _("The machine still runs. Trying again."));
}

void
vm_message_bar_name_user(VmMessageBar *self, const char *title, const char *name)
{
    g_autofree char *isolated = g_strdup_printf("\u2068%s\u2069", title);
    /* Translators: the title of another machine. */
    g_autofree char *cure = g_strdup_printf(
        _("“%s” has its disk open. Shut that machine down, then try again."), isolated);
    g_autofree char *label = g_strdup_printf(_("Show “%s”"), title);
    GtkWidget *button = gtk_button_new_with_label(label);
    AtkObject *accessible = gtk_widget_get_accessible(GTK_WIDGET(self));

    gtk_label_set_text(self->cure_label, cure);
    atk_object_set_description(accessible, cure);
    gtk_actionable_set_action_name(GTK_ACTIONABLE(button), "app.show-machine");
    gtk_actionable_set_action_target(GTK_ACTIONABLE(button), "s", name);
    gtk_widget_show(button);
    vm_wrap_box_insert(self->button_box, button, 1);
}
