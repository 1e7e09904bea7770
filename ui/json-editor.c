/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/json-editor.h"

#include <glib/gi18n.h>
#include <glib/gstdio.h>
#include <string.h>

#include "ui/machine-slot.h"
#include "vmm/client/json.h"
#include "vmm/client/paths.h"

#define CHECK_MS 300

struct _VmJsonEditor {
    GtkBox parent_instance;
    GtkRevealer *changed_bar; /* over an edit that is not saved */
    GtkTextView *text_view;
    GtkImage *status_image;
    GtkLabel *status_label;
    GtkWidget *revert_button;
    GtkWidget *save_button;

    GtkTextBuffer *buffer;
    GtkTextTag *error_tag;
    VmMachine *machine;
    char *saved; /* what the file holds, as we show it */
    guint check_timer;
    guint round; /* of checks; an answer to an older one is dropped */
    gboolean filling;
    gboolean right;
    GCancellable *cancellable;
};

G_DEFINE_FINAL_TYPE(VmJsonEditor, vm_json_editor, GTK_TYPE_BOX)

static char *
text_of(VmJsonEditor *self)
{
    GtkTextIter start;
    GtkTextIter end;

    gtk_text_buffer_get_bounds(self->buffer, &start, &end);
    return gtk_text_buffer_get_text(self->buffer, &start, &end, FALSE);
}

static gboolean
is_changed(VmJsonEditor *self)
{
    g_autofree char *text = text_of(self);

    return g_strcmp0(text, self->saved) != 0;
}

static void
show_verdict(VmJsonEditor *self, gboolean right, const char *sentence)
{
    gboolean changed = is_changed(self);

    self->right = right;
    gtk_image_set_from_icon_name(self->status_image,
                                 right ? "emblem-ok-symbolic" : "dialog-error-symbolic",
                                 GTK_ICON_SIZE_BUTTON);
    gtk_label_set_text(self->status_label, sentence);
    gtk_widget_set_sensitive(self->save_button, right && changed);
    gtk_widget_set_sensitive(self->revert_button, changed);
}

/* "… line 3, column 7 …" and "FILE:3: …" both name a line. */
static int
line_in(const char *sentence)
{
    const char *word = strstr(sentence, "line ");
    const char *colon = strchr(sentence, ':');

    if (word) {
        return (int)g_ascii_strtoll(word + strlen("line "), NULL, 10);
    }
    return colon ? (int)g_ascii_strtoll(colon + 1, NULL, 10) : 0;
}

static void
underline(VmJsonEditor *self, int line)
{
    GtkTextIter start;
    GtkTextIter end;

    gtk_text_buffer_get_bounds(self->buffer, &start, &end);
    gtk_text_buffer_remove_tag(self->buffer, self->error_tag, &start, &end);
    if (line > 0) {
        gtk_text_buffer_get_iter_at_line(self->buffer, &start, line - 1);
        end = start;
        if (!gtk_text_iter_ends_line(&end)) {
            gtk_text_iter_forward_to_line_end(&end);
        }
        gtk_text_buffer_apply_tag(self->buffer, self->error_tag, &start, &end);
    }
}

struct question {
    VmJsonEditor *editor;
    guint round;
    char *path;
};

static void
question_free(struct question *question)
{
    g_unlink(question->path);
    g_free(question->path);
    g_object_unref(question->editor);
    g_free(question);
}

/* vmm's own sentence, with the file's name in it shortened. */
static void
take_answer(VmJsonEditor *self, const char *path, const char *errors)
{
    g_autoptr(GString) sentence = g_string_new(errors);

    g_string_replace(sentence, path, _("The file"), 0);
    if (g_str_has_prefix(sentence->str, "vmm: ")) {
        g_string_erase(sentence, 0, (gssize)strlen("vmm: "));
    }
    g_strchomp(sentence->str);
    underline(self, line_in(errors));
    show_verdict(self, FALSE, sentence->str);
}

static void
vmm_answered(GObject *source, GAsyncResult *result, gpointer data)
{
    struct question *question = data;
    VmJsonEditor *self = question->editor;
    g_autofree char *errors = NULL;
    gboolean answered =
        g_subprocess_communicate_utf8_finish(G_SUBPROCESS(source), result, NULL, &errors, NULL);

    if (answered && question->round == self->round && self->machine) {
        if (g_subprocess_get_if_exited(G_SUBPROCESS(source)) &&
            g_subprocess_get_exit_status(G_SUBPROCESS(source)) == 0) {
            underline(self, 0);
            show_verdict(self, TRUE, _("No errors"));
        } else {
            take_answer(self, question->path, errors && errors[0] ? errors : _("Not accepted"));
        }
    }
    question_free(question);
}

/* The monitor itself says whether it would take the file. */
static void
ask_vmm(VmJsonEditor *self, const char *text)
{
    g_autofree char *program = vm_paths_vmm();
    struct question *question = g_new0(struct question, 1);
    g_autoptr(GSubprocess) process = NULL;
    int fd = -1;

    question->editor = g_object_ref(self);
    question->round = self->round;
    fd = g_file_open_tmp("vitrine-XXXXXX.json", &question->path, NULL);
    if (fd >= 0 && g_close(fd, NULL) && g_file_set_contents(question->path, text, -1, NULL)) {
        process =
            g_subprocess_new(G_SUBPROCESS_FLAGS_STDOUT_SILENCE | G_SUBPROCESS_FLAGS_STDERR_PIPE,
                             NULL, program, "run", "--cfg", question->path, "--print-config", NULL);
    }
    if (!process) {
        /* Without it the form alone is checked. */
        show_verdict(self, TRUE, _("No errors of form"));
        question_free(question);
        return;
    }
    g_subprocess_communicate_utf8_async(process, NULL, self->cancellable, vmm_answered, question);
}

static void
check(VmJsonEditor *self)
{
    g_autofree char *text = text_of(self);
    g_autoptr(GError) error = NULL;
    g_autoptr(VmJson) json = vm_json_parse(text, strlen(text), &error);

    self->round++;
    if (!json) {
        underline(self, line_in(error->message));
        show_verdict(self, FALSE, error->message);
        return;
    }
    ask_vmm(self, text);
}

static gboolean
check_later(gpointer data)
{
    VmJsonEditor *self = VM_JSON_EDITOR(data);

    self->check_timer = 0;
    check(self);
    return G_SOURCE_REMOVE;
}

static void
text_changed(VmJsonEditor *self)
{
    if (self->filling) {
        return;
    }
    gtk_widget_set_sensitive(self->save_button, FALSE);
    gtk_widget_set_sensitive(self->revert_button, TRUE);
    g_clear_handle_id(&self->check_timer, g_source_remove);
    self->check_timer = g_timeout_add(CHECK_MS, check_later, self);
}

static void
show_changed(VmJsonEditor *self, gboolean changed)
{
    gtk_widget_set_visible(GTK_WIDGET(self->changed_bar), changed);
    gtk_revealer_set_reveal_child(self->changed_bar, changed);
}

static void
load(VmJsonEditor *self)
{
    VmJson *definition = self->machine ? vm_machine_get_definition(self->machine) : NULL;
    g_autofree char *path =
        self->machine ? vm_paths_definition(vm_machine_get_name(self->machine)) : NULL;
    char *text = definition ? vm_json_to_text(definition) : NULL;

    /* One that is no JSON is shown as it is, to be mended here. */
    if (!text && path) {
        (void)g_file_get_contents(path, &text, NULL, NULL);
    }
    if (text && !g_utf8_validate(text, -1, NULL)) {
        char *valid = g_utf8_make_valid(text, -1);
        g_free(text);
        text = valid;
    }
    g_free(self->saved);
    self->saved = text ? text : g_strdup("");
    self->filling = TRUE;
    gtk_text_buffer_set_text(self->buffer, self->saved, -1);
    self->filling = FALSE;
    show_changed(self, FALSE);
    if (gtk_widget_get_mapped(GTK_WIDGET(self))) {
        check(self);
    }
}

/* The definition is another one: ours is kept when there is something typed. */
static void
definition_changed(VmJsonEditor *self)
{
    VmJson *definition = vm_machine_get_definition(self->machine);
    g_autofree char *text = definition ? vm_json_to_text(definition) : NULL;

    if (!text) {
        return;
    }
    if (g_strcmp0(text, self->saved) == 0) {
        show_changed(self, FALSE); /* it is again what this edit began with */
    } else if (is_changed(self)) {
        show_changed(self, TRUE);
    } else {
        load(self);
    }
}

static void
load_clicked(VmJsonEditor *self)
{
    load(self);
    gtk_widget_grab_focus(GTK_WIDGET(self->text_view)); /* the button goes */
}

static void
keep_clicked(VmJsonEditor *self)
{
    VmJson *definition = self->machine ? vm_machine_get_definition(self->machine) : NULL;

    if (definition) {
        g_free(self->saved);
        self->saved = vm_json_to_text(definition);
    }
    show_changed(self, FALSE);
    check(self);
    gtk_widget_grab_focus(GTK_WIDGET(self->text_view));
}

static void
revert_clicked(VmJsonEditor *self)
{
    load(self);
}

static void
save_clicked(VmJsonEditor *self)
{
    g_autofree char *text = text_of(self);
    g_autoptr(GError) error = NULL;
    g_autoptr(VmJson) json = vm_json_parse(text, strlen(text), &error);

    if (!json || !self->right) {
        return;
    }
    g_free(self->saved);
    self->saved = vm_json_to_text(json);
    if (!vm_machine_save(self->machine, json, &error)) {
        show_verdict(self, FALSE, error->message);
        return;
    }
    load(self);
}

static gboolean
key_pressed(VmJsonEditor *self, GdkEventKey *event)
{
    gboolean control = (event->state & GDK_CONTROL_MASK) != 0;

    if (control && event->keyval == GDK_KEY_s) {
        save_clicked(self);
        return GDK_EVENT_STOP;
    }
    if (control && (event->keyval == GDK_KEY_Tab || event->keyval == GDK_KEY_ISO_Left_Tab)) {
        gtk_widget_child_focus(gtk_widget_get_toplevel(GTK_WIDGET(self)),
                               event->keyval == GDK_KEY_Tab ? GTK_DIR_TAB_FORWARD
                                                            : GTK_DIR_TAB_BACKWARD);
        return GDK_EVENT_STOP;
    }
    return GDK_EVENT_PROPAGATE;
}

static void
vm_json_editor_map(GtkWidget *widget)
{
    GTK_WIDGET_CLASS(vm_json_editor_parent_class)->map(widget);
    check(VM_JSON_EDITOR(widget));
}

static void
vm_json_editor_dispose(GObject *object)
{
    VmJsonEditor *self = VM_JSON_EDITOR(object);

    g_clear_handle_id(&self->check_timer, g_source_remove);
    g_cancellable_cancel(self->cancellable);
    g_clear_object(&self->cancellable);
    g_clear_object(&self->machine);
    g_clear_pointer(&self->saved, g_free);
    G_OBJECT_CLASS(vm_json_editor_parent_class)->dispose(object);
}

static void
vm_json_editor_class_init(VmJsonEditorClass *klass)
{
    GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(klass);

    G_OBJECT_CLASS(klass)->dispose = vm_json_editor_dispose;
    widget_class->map = vm_json_editor_map;
    gtk_widget_class_set_template_from_resource(widget_class,
                                                "/org/vitrine/Vitrine/ui/json-editor.ui");
    gtk_widget_class_bind_template_child(widget_class, VmJsonEditor, changed_bar);
    gtk_widget_class_bind_template_child(widget_class, VmJsonEditor, text_view);
    gtk_widget_class_bind_template_child(widget_class, VmJsonEditor, status_image);
    gtk_widget_class_bind_template_child(widget_class, VmJsonEditor, status_label);
    gtk_widget_class_bind_template_child(widget_class, VmJsonEditor, revert_button);
    gtk_widget_class_bind_template_child(widget_class, VmJsonEditor, save_button);
    gtk_widget_class_bind_template_callback(widget_class, key_pressed);
    gtk_widget_class_bind_template_callback(widget_class, load_clicked);
    gtk_widget_class_bind_template_callback(widget_class, keep_clicked);
    gtk_widget_class_bind_template_callback(widget_class, revert_clicked);
    gtk_widget_class_bind_template_callback(widget_class, save_clicked);
}

static void
vm_json_editor_init(VmJsonEditor *self)
{
    self->cancellable = g_cancellable_new();
    gtk_widget_init_template(GTK_WIDGET(self));
    self->buffer = gtk_text_view_get_buffer(self->text_view);
    self->error_tag =
        gtk_text_buffer_create_tag(self->buffer, NULL, "underline", PANGO_UNDERLINE_ERROR, NULL);
    g_signal_connect_object(self->buffer, "changed", G_CALLBACK(text_changed), self,
                            G_CONNECT_SWAPPED);
    /* The file is read from left to right in every language. */
    gtk_widget_set_direction(GTK_WIDGET(self->text_view), GTK_TEXT_DIR_LTR);
}

void
vm_json_editor_set_machine(VmJsonEditor *self, VmMachine *machine)
{
    if (!vm_machine_slot_set(&self->machine, machine, self)) {
        return;
    }
    if (machine) {
        g_signal_connect_object(machine, "notify::title", G_CALLBACK(definition_changed), self,
                                G_CONNECT_SWAPPED);
    }
    load(self);
}
