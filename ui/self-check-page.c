/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/self-check-page.h"

#include <glib/gi18n.h>

#include "manager/model/check.h"
#include "ui/wrap-box.h"

#define TEXT_WIDTH     76
#define COMMAND_MARGIN 6

struct _VmSelfCheckPage {
    GtkBox parent_instance;
    GtkImage *head_icon;
    GtkLabel *title_label;
    GtkLabel *count_label;
    GtkListBox *checks;
    GtkWidget *again_button;
    GPtrArray *rows;
    gboolean running;
    GCancellable *cancellable;
};

G_DEFINE_FINAL_TYPE(VmSelfCheckPage, vm_self_check_page, GTK_TYPE_BOX)

enum {
    CONTINUED,
    CHECKED,
    N_SIGNALS
};
static guint signals[N_SIGNALS]; /* NOLINT(cppcoreguidelines-avoid-non-const-global-variables) */

static GtkWidget *
label_new(const char *text, const char *class)
{
    GtkWidget *label = gtk_label_new(text);

    gtk_label_set_xalign(GTK_LABEL(label), 0);
    gtk_label_set_line_wrap(GTK_LABEL(label), TRUE);
    gtk_label_set_line_wrap_mode(GTK_LABEL(label), PANGO_WRAP_WORD_CHAR);
    gtk_label_set_max_width_chars(GTK_LABEL(label), TEXT_WIDTH);
    if (class) {
        gtk_style_context_add_class(gtk_widget_get_style_context(label), class);
    }
    return label;
}

static const char *
word_for(const VmCheckRow *check)
{
    return check->ok ? _("Fine") : check->blocks ? _("In the way") : _("Warning");
}

static GtkWidget *
icon_for(const VmCheckRow *check)
{
    const char *name = check->ok       ? "emblem-ok-symbolic"
                       : check->blocks ? "dialog-error-symbolic"
                                       : "dialog-warning-symbolic";
    const char *class = check->ok ? "check-ok" : check->blocks ? "check-bad" : "check-warn";
    GtkWidget *image = gtk_image_new_from_icon_name(name, GTK_ICON_SIZE_MENU);

    gtk_style_context_add_class(gtk_widget_get_style_context(image), class);
    atk_object_set_name(gtk_widget_get_accessible(image), word_for(check));
    return image;
}

static void
copy_command(GtkEntry *entry)
{
    gtk_clipboard_set_text(gtk_widget_get_clipboard(GTK_WIDGET(entry), GDK_SELECTION_CLIPBOARD),
                           gtk_entry_get_text(entry), -1);
}

/* It can be selected, too; the button is for those who do not know how. */
static GtkWidget *
command_new(const VmCheckRow *check)
{
    GtkWidget *line = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, 0);
    GtkWidget *entry = gtk_entry_new();
    GtkWidget *button = gtk_button_new_from_icon_name("edit-copy-symbolic", GTK_ICON_SIZE_BUTTON);
    /* Translators: %s is what was checked, as “You may use /dev/kvm”. */
    g_autofree char *name = g_strdup_printf(_("Command to run in a terminal: %s"), check->title);
    /* Translators: the same. */
    g_autofree char *copy = g_strdup_printf(_("Copy the command: %s"), check->title);

    gtk_entry_set_text(GTK_ENTRY(entry), check->command);
    gtk_editable_set_editable(GTK_EDITABLE(entry), FALSE);
    gtk_style_context_add_class(gtk_widget_get_style_context(entry), "command");
    atk_object_set_name(gtk_widget_get_accessible(entry), name);
    gtk_widget_set_tooltip_text(button, _("Copy"));
    atk_object_set_name(gtk_widget_get_accessible(button), copy);
    gtk_style_context_add_class(gtk_widget_get_style_context(line), "linked");
    gtk_widget_set_margin_top(line, COMMAND_MARGIN);
    gtk_box_pack_start(GTK_BOX(line), entry, TRUE, TRUE, 0);
    gtk_box_pack_start(GTK_BOX(line), button, FALSE, FALSE, 0);
    g_signal_connect_swapped(button, "clicked", G_CALLBACK(copy_command), entry);
    return line;
}

static GtkWidget *
row_new(const VmCheckRow *check)
{
    GtkWidget *row = gtk_list_box_row_new();
    GtkWidget *box = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, 14);
    GtkWidget *texts = gtk_box_new(GTK_ORIENTATION_VERTICAL, 1);
    g_autofree char *second = NULL;
    g_autofree char *name = g_strdup_printf("%s: %s", check->title, word_for(check));

    second = check->ok || !check->cure
                 ? g_strdup(check->sentence)
                 : g_strdup_printf("%s %s", check->sentence ? check->sentence : "", check->cure);
    gtk_box_pack_start(GTK_BOX(texts), label_new(check->title, NULL), FALSE, FALSE, 0);
    if (second && second[0]) {
        GtkWidget *line = label_new(second, "second");
        gtk_style_context_add_class(gtk_widget_get_style_context(line), "dim-label");
        gtk_box_pack_start(GTK_BOX(texts), line, FALSE, FALSE, 0);
    }
    if (!check->ok && check->command && check->command[0]) {
        gtk_box_pack_start(GTK_BOX(texts), command_new(check), FALSE, FALSE, 0);
    }
    gtk_box_pack_start(GTK_BOX(box), icon_for(check), FALSE, FALSE, 0);
    gtk_box_pack_start(GTK_BOX(box), texts, TRUE, TRUE, 0);
    g_object_set(box, "margin-start", 14, "margin-end", 14, "margin-top", 9, "margin-bottom", 9,
                 NULL);
    gtk_container_add(GTK_CONTAINER(row), box);
    gtk_list_box_row_set_activatable(GTK_LIST_BOX_ROW(row), FALSE);
    gtk_list_box_row_set_selectable(GTK_LIST_BOX_ROW(row), FALSE);
    atk_object_set_name(gtk_widget_get_accessible(row), name);
    atk_object_set_description(gtk_widget_get_accessible(row), second ? second : "");
    gtk_widget_show_all(row);
    return row;
}

static void
set_head(VmSelfCheckPage *self, const char *icon, const char *title, const char *count)
{
    gtk_image_set_from_icon_name(self->head_icon, icon, GTK_ICON_SIZE_DIALOG);
    gtk_image_set_pixel_size(self->head_icon, 48);
    gtk_label_set_text(self->title_label, title);
    gtk_label_set_text(self->count_label, count);
}

static void
show_rows(VmSelfCheckPage *self)
{
    guint blocking = 0;

    for (guint i = 0; i < self->rows->len; i++) {
        const VmCheckRow *check = g_ptr_array_index(self->rows, i);
        gtk_list_box_insert(self->checks, row_new(check), -1);
        blocking += check->blocks;
    }
    if (blocking == 0) {
        set_head(self, "emblem-ok-symbolic", _("This computer can run machines"),
                 _("Nothing is in the way."));
    } else {
        g_autofree char *count = g_strdup_printf(
            ngettext("%u thing is in the way. You can still look at and edit machines.",
                     "%u things are in the way. You can still look at and edit machines.",
                     blocking),
            blocking);
        set_head(self, "dialog-warning-symbolic", _("This computer cannot run machines yet"),
                 blocking == 1
                     ? _("One thing is in the way. You can still look at and edit machines.")
                     : count);
    }
    g_signal_emit(self, signals[CHECKED], 0, blocking == 0);
}

static void
clear_rows(VmSelfCheckPage *self)
{
    g_autoptr(GList) rows = gtk_container_get_children(GTK_CONTAINER(self->checks));

    g_list_foreach(rows, (GFunc)(void (*)(void))gtk_widget_destroy, NULL);
    g_clear_pointer(&self->rows, g_ptr_array_unref);
}

static void
check_answered(GObject *source, GAsyncResult *result, gpointer data)
{
    g_autoptr(VmSelfCheckPage) self = VM_SELF_CHECK_PAGE(data);
    g_autoptr(GError) error = NULL;
    GPtrArray *rows = vm_check_run_finish(result, &error);

    self->running = FALSE;
    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED)) {
        return;
    }
    gtk_widget_set_sensitive(self->again_button, TRUE);
    clear_rows(self);
    if (rows) {
        self->rows = rows;
        gtk_widget_show(GTK_WIDGET(self->checks));
        show_rows(self);
        return;
    }
    gtk_widget_hide(GTK_WIDGET(self->checks));
    set_head(self, "dialog-error-symbolic", _("This computer could not be checked"),
             error->message);
    g_signal_emit(self, signals[CHECKED], 0, FALSE);
}

void
vm_self_check_page_run(VmSelfCheckPage *self)
{
    if (self->running) {
        return;
    }
    self->running = TRUE;
    gtk_widget_set_sensitive(self->again_button, FALSE);
    vm_check_run_async(self->cancellable, check_answered, g_object_ref(self));
}

char *
vm_self_check_page_dup_report(VmSelfCheckPage *self)
{
    GString *text = g_string_new(NULL);

    g_string_append_printf(text, "%s\n", gtk_label_get_text(self->title_label));
    for (guint i = 0; self->rows && i < self->rows->len; i++) {
        const VmCheckRow *check = g_ptr_array_index(self->rows, i);
        g_string_append_printf(text, "%s %s: %s %s\n", check->ok ? "[ok]" : "[--]", check->title,
                               check->sentence ? check->sentence : "",
                               check->cure ? check->cure : "");
    }
    return g_string_free(text, FALSE);
}

static void
copy_report(VmSelfCheckPage *self)
{
    g_autofree char *check = vm_self_check_page_dup_report(self);
    g_autofree char *text = g_strdup_printf("Vitrine %s\n%s", VITRINE_VERSION, check);

    gtk_clipboard_set_text(gtk_widget_get_clipboard(GTK_WIDGET(self), GDK_SELECTION_CLIPBOARD),
                           text, -1);
}

static void
continue_clicked(VmSelfCheckPage *self)
{
    g_signal_emit(self, signals[CONTINUED], 0);
}

static void
vm_self_check_page_dispose(GObject *object)
{
    VmSelfCheckPage *self = VM_SELF_CHECK_PAGE(object);

    g_cancellable_cancel(self->cancellable);
    g_clear_object(&self->cancellable);
    g_clear_pointer(&self->rows, g_ptr_array_unref);
    G_OBJECT_CLASS(vm_self_check_page_parent_class)->dispose(object);
}

static void
vm_self_check_page_class_init(VmSelfCheckPageClass *klass)
{
    GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(klass);

    G_OBJECT_CLASS(klass)->dispose = vm_self_check_page_dispose;
    signals[CONTINUED] = g_signal_new("continued", VM_TYPE_SELF_CHECK_PAGE, G_SIGNAL_RUN_LAST, 0,
                                      NULL, NULL, NULL, G_TYPE_NONE, 0);
    signals[CHECKED] = g_signal_new("checked", VM_TYPE_SELF_CHECK_PAGE, G_SIGNAL_RUN_LAST, 0, NULL,
                                    NULL, NULL, G_TYPE_NONE, 1, G_TYPE_BOOLEAN);
    g_type_ensure(VM_TYPE_WRAP_BOX);
    gtk_widget_class_set_template_from_resource(widget_class,
                                                "/org/vitrine/Vitrine/ui/self-check-page.ui");
    gtk_widget_class_bind_template_child(widget_class, VmSelfCheckPage, head_icon);
    gtk_widget_class_bind_template_child(widget_class, VmSelfCheckPage, title_label);
    gtk_widget_class_bind_template_child(widget_class, VmSelfCheckPage, count_label);
    gtk_widget_class_bind_template_child(widget_class, VmSelfCheckPage, checks);
    gtk_widget_class_bind_template_child(widget_class, VmSelfCheckPage, again_button);
    gtk_widget_class_bind_template_callback(widget_class, vm_self_check_page_run);
    gtk_widget_class_bind_template_callback(widget_class, copy_report);
    gtk_widget_class_bind_template_callback(widget_class, continue_clicked);
}

static void
vm_self_check_page_init(VmSelfCheckPage *self)
{
    gtk_widget_init_template(GTK_WIDGET(self));
    self->cancellable = g_cancellable_new();
    set_head(self, "dialog-question-symbolic", _("Checking this computer…"), "");
}
