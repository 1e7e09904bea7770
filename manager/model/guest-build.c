/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager/model/guest-build.h"

#include <glib/gi18n.h>
#include <signal.h>
#include <string.h>

#include "vmm/client/paths.h"

#define GUEST_MEMORY_MIB 1024
#define GUEST_PROCESSORS 2
#define SENTENCE_MAX     512

struct _VmGuestBuild {
    GObject parent_instance;
    char *recipe;
    char *folder;
    char *text;
    char *sentence; /* the last line of its standard error */
    int percent;
    gboolean cancelled;
    GSubprocess *process;
    GCancellable *reading;
};

G_DEFINE_FINAL_TYPE(VmGuestBuild, vm_guest_build, G_TYPE_OBJECT)

enum {
    PROP_PERCENT = 1,
    PROP_TEXT,
    N_PROPERTIES
};
static GParamSpec
    *properties[N_PROPERTIES]; /* NOLINT(cppcoreguidelines-avoid-non-const-global-variables) */

enum {
    FINISHED,
    N_SIGNALS
};
static guint signals[N_SIGNALS]; /* NOLINT(cppcoreguidelines-avoid-non-const-global-variables) */

static void
vm_guest_build_dispose(GObject *object)
{
    VmGuestBuild *self = VM_GUEST_BUILD(object);

    g_cancellable_cancel(self->reading);
    g_clear_object(&self->reading);
    g_clear_object(&self->process);
    g_clear_pointer(&self->recipe, g_free);
    g_clear_pointer(&self->folder, g_free);
    g_clear_pointer(&self->text, g_free);
    g_clear_pointer(&self->sentence, g_free);
    G_OBJECT_CLASS(vm_guest_build_parent_class)->dispose(object);
}

static void
vm_guest_build_get_property(GObject *object, guint id, GValue *value, GParamSpec *spec)
{
    VmGuestBuild *self = VM_GUEST_BUILD(object);

    switch (id) {
    case PROP_PERCENT:
        g_value_set_int(value, self->percent);
        break;
    case PROP_TEXT:
        g_value_set_string(value, self->text);
        break;
    default:
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
    }
}

static void
vm_guest_build_class_init(VmGuestBuildClass *klass)
{
    GObjectClass *object_class = G_OBJECT_CLASS(klass);

    object_class->dispose = vm_guest_build_dispose;
    object_class->get_property = vm_guest_build_get_property;
    properties[PROP_PERCENT] = g_param_spec_int("percent", NULL, NULL, 0, 100, 0,
                                                G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
    properties[PROP_TEXT] =
        g_param_spec_string("text", NULL, NULL, NULL, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
    g_object_class_install_properties(object_class, N_PROPERTIES, properties);
    signals[FINISHED] = g_signal_new("finished", VM_TYPE_GUEST_BUILD, G_SIGNAL_RUN_LAST, 0, NULL,
                                     NULL, NULL, G_TYPE_NONE, 1, G_TYPE_ERROR);
}

static void
vm_guest_build_init(VmGuestBuild *self)
{
    self->text = g_strdup(_("Starting"));
    self->reading = g_cancellable_new();
}

VmGuestBuild *
vm_guest_build_new(const char *recipe, const char *folder)
{
    VmGuestBuild *self = g_object_new(VM_TYPE_GUEST_BUILD, NULL);

    self->recipe = g_strdup(recipe);
    self->folder = g_strdup(folder);
    return self;
}

static void
progress_line(VmGuestBuild *self, const char *line)
{
    char *text = NULL;
    gint64 percent = 0;

    if (!g_str_has_prefix(line, "PROGRESS ")) {
        return;
    }
    percent = g_ascii_strtoll(line + strlen("PROGRESS "), &text, 10);
    if (percent < 0 || percent > 100 || *text != ' ') {
        return;
    }
    self->percent = (int)percent;
    g_free(self->text);
    self->text = g_utf8_make_valid(text + 1, (gssize)MIN(strlen(text + 1), SENTENCE_MAX));
    g_object_notify_by_pspec(G_OBJECT(self), properties[PROP_PERCENT]);
    g_object_notify_by_pspec(G_OBJECT(self), properties[PROP_TEXT]);
}

static void
output_read(GObject *source, GAsyncResult *result, gpointer data)
{
    g_autoptr(VmGuestBuild) self = VM_GUEST_BUILD(data);
    g_autofree char *line =
        g_data_input_stream_read_line_finish(G_DATA_INPUT_STREAM(source), result, NULL, NULL);

    if (!line) {
        return;
    }
    progress_line(self, line);
    g_data_input_stream_read_line_async(G_DATA_INPUT_STREAM(source), G_PRIORITY_DEFAULT,
                                        self->reading, output_read, g_object_ref(self));
}

static void
error_read(GObject *source, GAsyncResult *result, gpointer data)
{
    g_autoptr(VmGuestBuild) self = VM_GUEST_BUILD(data);
    g_autofree char *line =
        g_data_input_stream_read_line_finish(G_DATA_INPUT_STREAM(source), result, NULL, NULL);

    if (!line) {
        return;
    }
    if (line[0] != '\0' && line[0] != ' ') {
        const char *text = g_str_has_prefix(line, "build-guest: ") ? strchr(line, ' ') + 1 : line;
        g_free(self->sentence);
        self->sentence = g_utf8_make_valid(text, -1);
    }
    g_data_input_stream_read_line_async(G_DATA_INPUT_STREAM(source), G_PRIORITY_DEFAULT,
                                        self->reading, error_read, g_object_ref(self));
}

static char *
sentence_for_people(const char *text)
{
    g_autofree char *first = NULL;

    if (!text || !text[0]) {
        return g_strdup(_("The builder stopped without saying why."));
    }
    first = g_utf8_substring(text, 0, 1);
    if (g_unichar_islower(g_utf8_get_char(first))) {
        g_autofree char *upper = g_utf8_strup(first, -1);
        return g_strdup_printf("%s%s.", upper, g_utf8_next_char(text));
    }
    return g_strdup(text);
}

static void
build_ended(GObject *source, GAsyncResult *result, gpointer data)
{
    g_autoptr(VmGuestBuild) self = VM_GUEST_BUILD(data);
    g_autoptr(GError) error = NULL;
    gboolean ok = g_subprocess_wait_check_finish(G_SUBPROCESS(source), result, &error);

    g_clear_object(&self->process);
    if (!ok && self->cancelled) {
        g_clear_error(&error);
        g_set_error_literal(&error, G_IO_ERROR, G_IO_ERROR_CANCELLED, _("Cancelled"));
    } else if (!ok) {
        g_autofree char *sentence = sentence_for_people(self->sentence);
        g_clear_error(&error);
        g_set_error_literal(&error, G_IO_ERROR, G_IO_ERROR_FAILED, sentence);
    }
    g_signal_emit(self, signals[FINISHED], 0, error);
}

static void
read_lines(VmGuestBuild *self, GInputStream *stream, GAsyncReadyCallback callback)
{
    g_autoptr(GDataInputStream) lines = g_data_input_stream_new(stream);

    g_data_input_stream_read_line_async(lines, G_PRIORITY_DEFAULT, self->reading, callback,
                                        g_object_ref(self));
}

gboolean
vm_guest_build_start(VmGuestBuild *self, GError **error)
{
    g_autofree char *program = vm_paths_helper("build-guest");

    self->process =
        g_subprocess_new(G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_PIPE, error,
                         program, self->recipe, self->folder, NULL);
    if (!self->process) {
        return FALSE;
    }
    read_lines(self, g_subprocess_get_stdout_pipe(self->process), output_read);
    read_lines(self, g_subprocess_get_stderr_pipe(self->process), error_read);
    g_subprocess_wait_check_async(self->process, NULL, build_ended, g_object_ref(self));
    return TRUE;
}

void
vm_guest_build_cancel(VmGuestBuild *self)
{
    self->cancelled = TRUE;
    if (self->process) {
        g_subprocess_send_signal(self->process, SIGTERM);
    }
}

int
vm_guest_build_get_percent(VmGuestBuild *self)
{
    return self->percent;
}

const char *
vm_guest_build_get_text(VmGuestBuild *self)
{
    return self->text;
}

VmJson *
vm_guest_build_definition(const char *folder, const char *title, GError **error)
{
    g_autoptr(VmJson) json = vm_json_new();
    g_autofree char *kernel = g_build_filename(folder, "vmlinux", NULL);
    g_autofree char *initrd = g_build_filename(folder, "initrd", NULL);
    g_autofree char *disk = g_build_filename(folder, "disk.img", NULL);
    g_autofree char *cmdline = g_build_filename(folder, "cmdline", NULL);
    g_autofree char *params = NULL;

    if (!g_file_get_contents(cmdline, &params, NULL, error)) {
        return NULL;
    }
    vm_json_set_string(json, "kernel", kernel);
    vm_json_set_string(json, "initrd", initrd);
    vm_json_set_string(json, "params.0", g_strstrip(params));
    vm_json_set_int(json, "cpus.num-cores", GUEST_PROCESSORS);
    vm_json_set_int(json, "mem.size", GUEST_MEMORY_MIB);
    vm_json_set_string(json, "block.0.path", disk);
    vm_json_set_string(json, "serial.0.type", "sink");
    vm_json_set_string(json, "serial.0.hardware", "serial");
    vm_json_set_string(json, "gpu.backend", "2d");
    vm_json_set_string(json, "manager.title", title);
    return g_steal_pointer(&json);
}
