/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager/model/command-line.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gunixinputstream.h>
#include <glib/gi18n.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "manager/model/definition-paths.h"
#include "manager/model/phrases.h"
#include "vmm/client/definition.h"
#include "vmm/client/paths.h"

/* What a shell reads as more than a letter outside quotes. */
#define SHELL_CHARACTERS ";|&<>`$(){}*?"
#define BYTE_ORDER_MARK  "\xef\xbb\xbf"

enum {
    SHOWN_MAX = 24, /* characters of what is complained about */
};

/* A copy of the text in one line without comments, or what is wrong with it. */
struct scan {
    const char *at;
    GString *out;
    guint line;
    gboolean in_word;
    gboolean is_over; /* the command's line has ended */
};

G_DEFINE_QUARK(vm - command - line - error - quark, vm_command_line_error)

/* ------------------------------------------------------------------ what a shell would read */

/* Up to the next blank, not too much; for g_free(). */
static char *
dup_piece(const char *at)
{
    gsize size = strcspn(at, " \t\r\n");
    g_autofree char *piece = g_strndup(at, size);

    return g_utf8_strlen(piece, -1) > SHOWN_MAX ? g_utf8_substring(piece, 0, SHOWN_MAX)
                                                : g_steal_pointer(&piece);
}

static gboolean
refuse_shell(const char *at, GError **error)
{
    g_autofree char *piece = dup_piece(at);

    g_set_error(error, VM_COMMAND_LINE_ERROR, VM_COMMAND_LINE_ERROR_SHELL,
                /* Translators: %s is a piece of a command line, as “| tee log”. */
                _("“%s” is for a shell, and none reads this: take it out, or put it in single "
                  "quotes."),
                piece);
    return FALSE;
}

/* The size of a line's end at this place, or 0. */
static gsize
line_end(const char *at)
{
    return at[0] == '\n' ? 1 : at[0] == '\r' && at[1] == '\n' ? 2 : 0;
}

/* A backslash with what follows it. */
static void
take_escaped(struct scan *scan)
{
    const gsize end = line_end(scan->at + 1);

    if (end > 0) { /* the line goes on */
        scan->at += 1 + end;
        scan->line++;
    } else if (scan->at[1] == '\0') {
        scan->at++;
    } else {
        g_string_append_len(scan->out, scan->at, 2);
        scan->at += 2;
        scan->in_word = TRUE;
    }
}

/* From a quotation mark to its partner. */
static gboolean
take_quoted(struct scan *scan, GError **error)
{
    const char mark = *scan->at;
    const guint line = scan->line;

    g_string_append_c(scan->out, *scan->at++);
    scan->in_word = TRUE;
    while (*scan->at && *scan->at != mark) {
        if (mark == '"' && *scan->at == '\\') {
            take_escaped(scan);
            continue;
        }
        if (mark == '"' && strchr("$`", *scan->at)) {
            return refuse_shell(scan->at, error);
        }
        scan->line += *scan->at == '\n';
        g_string_append_c(scan->out, *scan->at++);
    }
    if (*scan->at == '\0') {
        g_set_error(error, VM_COMMAND_LINE_ERROR, VM_COMMAND_LINE_ERROR_QUOTE,
                    _("The quotation mark in line %u has no partner."), line);
        return FALSE;
    }
    g_string_append_c(scan->out, *scan->at++);
    return TRUE;
}

/* Blanks, ends of lines and comments; FALSE when none of them is here. */
static gboolean
take_blank(struct scan *scan)
{
    if (*scan->at == '#' && !scan->in_word) {
        scan->at += strcspn(scan->at, "\n");
        return TRUE;
    }
    if (!strchr(" \t\r\n", *scan->at)) {
        return FALSE;
    }
    scan->is_over = scan->is_over || (*scan->at == '\n' && scan->out->len > 0);
    scan->line += *scan->at == '\n';
    if (scan->out->len > 0) {
        g_string_append_c(scan->out, ' ');
    }
    scan->in_word = FALSE;
    scan->at++;
    return TRUE;
}

static gboolean
take_more(struct scan *scan, GError **error)
{
    if (scan->is_over) {
        g_set_error_literal(error, VM_COMMAND_LINE_ERROR, VM_COMMAND_LINE_ERROR_COMMAND,
                            _("There is more than one command: leave only “vmm run …”, with a "
                              "backslash at the end of each line but the last."));
        return FALSE;
    }
    if (scan->out->len == 0 && scan->at[0] == '$' && scan->at[1] && strchr(" \t", scan->at[1])) {
        scan->at++; /* a prompt */
        return TRUE;
    }
    if (strchr(SHELL_CHARACTERS, *scan->at) || (*scan->at == '~' && !scan->in_word)) {
        return refuse_shell(scan->at, error);
    }
    if (strchr("'\"", *scan->at)) {
        return take_quoted(scan, error);
    }
    if (*scan->at == '\\') {
        take_escaped(scan);
        return TRUE;
    }
    /* GLib takes more of them for the beginning of a comment than a shell does. */
    g_string_append(scan->out, *scan->at == '#' ? "\\" : "");
    g_string_append_c(scan->out, *scan->at++);
    scan->in_word = TRUE;
    return TRUE;
}

static gboolean
is_assignment(const char *word)
{
    const gsize length = strcspn(word, "=");

    for (gsize i = 0; i < length; i++) {
        if (word[i] != '_' && !(i > 0 ? g_ascii_isalnum(word[i]) : g_ascii_isalpha(word[i]))) {
            return FALSE;
        }
    }
    return length > 0 && word[length] == '=';
}

/* “vmm run” or “crosvm run”; the program may be a path, which is never used. */
static gboolean
check_command(char **words, GError **error)
{
    g_autofree char *program = g_path_get_basename(words[0]);
    g_autofree char *said = NULL;
    g_autofree char *piece = NULL;

    if (is_assignment(words[0])) {
        piece = dup_piece(words[0]);
        g_set_error(error, VM_COMMAND_LINE_ERROR, VM_COMMAND_LINE_ERROR_VARIABLE,
                    _("“%s” sets a variable, which no machine has: take it out."), piece);
        return FALSE;
    }
    if ((g_str_equal(program, "vmm") || g_str_equal(program, "crosvm")) &&
        g_strcmp0(words[1], "run") == 0) {
        return TRUE;
    }
    said = g_strjoin(" ", words[0], words[1], NULL);
    piece = g_utf8_strlen(said, -1) > SHOWN_MAX ? g_utf8_substring(said, 0, SHOWN_MAX)
                                                : g_steal_pointer(&said);
    g_set_error(error, VM_COMMAND_LINE_ERROR, VM_COMMAND_LINE_ERROR_COMMAND,
                _("“%s” makes no machine: a command has to begin with “vmm run” or “crosvm run”."),
                piece);
    return FALSE;
}

GStrv
vm_command_line_parse(const char *text, gsize size, GError **error)
{
    g_autofree char *copy = g_strndup(text, MIN(size, VM_COMMAND_LINE_SIZE_MAX));
    const char *start =
        g_str_has_prefix(copy, BYTE_ORDER_MARK) ? copy + strlen(BYTE_ORDER_MARK) : copy;
    g_autoptr(GString) out = g_string_new(NULL);
    struct scan scan = {.at = start, .out = out, .line = 1};
    g_auto(GStrv) words = NULL;

    if (size > VM_COMMAND_LINE_SIZE_MAX) {
        g_set_error_literal(error, VM_COMMAND_LINE_ERROR, VM_COMMAND_LINE_ERROR_SIZE,
                            _("This file is larger than 64 KiB, which no command line is."));
        return NULL;
    }
    if (!g_utf8_validate(text, (gssize)size, NULL)) {
        g_set_error_literal(error, VM_COMMAND_LINE_ERROR, VM_COMMAND_LINE_ERROR_TEXT,
                            _("This file is neither a configuration nor text."));
        return NULL;
    }
    while (*scan.at) {
        if (!take_blank(&scan) && !take_more(&scan, error)) {
            return NULL;
        }
    }
    if (!g_shell_parse_argv(out->str, NULL, &words, NULL) || !words[0][0]) {
        g_set_error_literal(error, VM_COMMAND_LINE_ERROR, VM_COMMAND_LINE_ERROR_EMPTY,
                            _("There is no command in this file; it can hold one that begins with "
                              "“vmm run”."));
        return NULL;
    }
    return check_command(words, error) ? g_strdupv(words + 2) : NULL;
}

/* ------------------------------------------------------------------ what is no part of a machine */

char *
vm_command_line_left_out(const char *const *words)
{
    /* “--restart” is what the manager does anyway. */
    static const char *const options[] = {"--disable-sandbox", "--allow-no-namespaces",
                                          "--log-level",       "--trace-marker",
                                          "--verbose",         "-v"};
    g_autoptr(GString) list = g_string_new(NULL);

    for (guint i = 0; i < G_N_ELEMENTS(options); i++) {
        gboolean found = FALSE;

        for (guint j = 0; words[j]; j++) {
            const gsize length = strcspn(words[j], "=");
            found = found ||
                    (strlen(options[i]) == length && strncmp(words[j], options[i], length) == 0);
        }
        if (found) {
            g_string_append_printf(list, "%s%s", list->len ? ", " : "", options[i]);
        }
    }
    return list->len ? g_strdup_printf(_("Left out: %s."), list->str) : NULL;
}

/* ------------------------------------------------------------------ what vmm makes of it */

/* For g_object_unref(); what never ends, or waits for a writer, is no file here. */
static GInputStream *
open_file(const char *path, GError **error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st;
    int saved = 0;

    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
        return g_unix_input_stream_new(fd, TRUE);
    }
    saved = fd >= 0 ? EINVAL : errno;
    if (fd >= 0) {
        close(fd);
    }
    g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(saved), _("“%s” cannot be used: %s."),
                path, g_strerror(saved));
    return NULL;
}

static GStrv
read_words(const char *path, GError **error)
{
    g_autoptr(GInputStream) file = open_file(path, error);
    g_autofree char *text = NULL;
    gsize size = 0;

    if (!file) {
        return NULL;
    }
    text = g_malloc(VM_COMMAND_LINE_SIZE_MAX + 1);
    if (!g_input_stream_read_all(file, text, VM_COMMAND_LINE_SIZE_MAX + 1, &size, NULL, error)) {
        return NULL;
    }
    return vm_command_line_parse(text, size, error);
}

void
vm_command_line_take_ports(VmJson *json)
{
    for (guint i = 0; i < vm_json_length(json, "serial"); i++) {
        g_autofree char *type = g_strdup_printf("serial.%u.type", i);
        g_autofree char *input = g_strdup_printf("serial.%u.stdin", i);

        vm_json_remove(json, input);
        if (g_strcmp0(vm_json_get_string(json, type), "stdout") == 0) {
            vm_json_set_string(json, type, "sink");
        }
    }
}

/* The machine that vmm printed, as the manager keeps them. */
static VmJson *
make_definition(const char *printed, const char *folder)
{
    g_autoptr(VmJson) json = vm_json_parse(printed, strlen(printed), NULL);
    g_auto(GStrv) keys = json ? vm_json_keys(json, "") : NULL;
    g_autofree char *params = NULL;
    g_autofree char *name = NULL;

    if (!json || !vm_json_has(json, "cpus")) {
        return NULL; /* --help */
    }
    /* Lists with nothing in them say nothing, but for one: no port at all is not the port that is the default. */
    for (guint i = 0; keys[i]; i++) {
        if (vm_json_is_list(json, keys[i]) && vm_json_length(json, keys[i]) == 0 &&
            !g_str_equal(keys[i], "serial")) {
            vm_json_remove(json, keys[i]);
        }
    }
    params = vm_definition_params(json);
    vm_json_remove(json, "params");
    if (params[0]) {
        vm_json_set_string(json, "params.0", params);
    }
    name = g_strdup(vm_json_get_string(json, "name"));
    vm_json_remove(json, "name");
    if (name) {
        vm_json_set_string(json, "manager.title", name);
    }
    vm_command_line_take_ports(json);
    vm_definition_paths_complete(json, folder);
    return g_steal_pointer(&json);
}

struct load {
    char *folder;
    char *left_out;
};

static void
load_free(struct load *load)
{
    g_free(load->folder);
    g_free(load->left_out);
    g_free(load);
}

static void
answered(GObject *source, GAsyncResult *result, gpointer data)
{
    g_autoptr(GTask) task = G_TASK(data);
    GSubprocess *process = G_SUBPROCESS(source);
    const struct load *load = g_task_get_task_data(task);
    g_autofree char *text = NULL;
    g_autofree char *said = NULL;
    g_autofree char *sentence = NULL;
    VmJson *json = NULL;
    GError *error = NULL;

    if (!g_subprocess_communicate_utf8_finish(process, result, &text, &said, &error)) {
        g_subprocess_force_exit(process);
        g_task_return_error(task, error);
        return;
    }
    json = g_subprocess_get_successful(process) ? make_definition(text, load->folder) : NULL;
    if (json) {
        g_task_return_pointer(task, json, (GDestroyNotify)vm_json_free);
        return;
    }
    sentence = vm_phrase_dup_said(said);
    g_task_return_new_error(task, VM_COMMAND_LINE_ERROR, VM_COMMAND_LINE_ERROR_MACHINE, "%s",
                            sentence[0] ? sentence : _("This command line describes no machine."));
}

/* Only ever vmm, and before all else the word that keeps it from running the machine: given twice, vmm
 * refuses it. */
static GSubprocess *
spawn(GStrv words, const char *folder, GError **error)
{
    g_autoptr(GSubprocessLauncher) launcher =
        g_subprocess_launcher_new(G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_PIPE);
    g_autoptr(GPtrArray) argv = g_ptr_array_new();
    g_autofree char *program = vm_paths_vmm();

    g_ptr_array_add(argv, program);
    g_ptr_array_add(argv, (gpointer) "run");
    g_ptr_array_add(argv, (gpointer) "--print-config");
    for (guint i = 0; words[i]; i++) {
        g_ptr_array_add(argv, words[i]);
    }
    g_ptr_array_add(argv, NULL);
    g_subprocess_launcher_set_cwd(launcher, folder);
    return g_subprocess_launcher_spawnv(launcher, (const char *const *)argv->pdata, error);
}

void
vm_command_line_load_async(const char *path, GCancellable *cancellable,
                           GAsyncReadyCallback callback, gpointer user_data)
{
    g_autoptr(GTask) task = g_task_new(NULL, cancellable, callback, user_data);
    struct load *load = g_new0(struct load, 1);
    g_autoptr(GSubprocess) process = NULL;
    g_auto(GStrv) words = NULL;
    GError *error = NULL;

    load->folder = g_path_get_dirname(path);
    g_task_set_task_data(task, load, (GDestroyNotify)load_free);
    words = read_words(path, &error);
    process = words ? spawn(words, load->folder, &error) : NULL;
    if (!process) {
        g_task_return_error(task, error);
        return;
    }
    load->left_out = vm_command_line_left_out((const char *const *)words);
    g_subprocess_communicate_utf8_async(process, NULL, cancellable, answered,
                                        g_steal_pointer(&task));
}

VmJson *
vm_command_line_load_finish(GAsyncResult *result, char **ret_left_out, GError **error)
{
    struct load *load = g_task_get_task_data(G_TASK(result));

    *ret_left_out = g_steal_pointer(&load->left_out);
    return g_task_propagate_pointer(G_TASK(result), error);
}
