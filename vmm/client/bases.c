/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/client/bases.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/client/paths.h"
#include "vmm/client/plain-text.h"

enum {
    DEPTH_MAX = 8,  /* as vmm/config has it */
    FILES_MAX = 32, /* all together: eight deep could be very many */
    FILE_MAX = 1 << 20,
    PATH_SHOWN = 1000, /* characters */
    SENTENCE_MAX = 1200,
};

struct VmBases {
    VmJson *whole;
    VmJson *flat;
    VmJson *theirs; /* what the files say */
    GHashTable *their_files;
    GPtrArray *paths;  /* of the files, NULL at the end */
    GHashTable *files; /* "mem", "block.0" → path, fit to be shown */
    char *problem;
    guint left; /* of the files that may be read */
};

/* The chain of files being read, from the inner to the outer one. */
struct including {
    const char *path;
    const struct including *outer;
};

static void
vm_bases_clear(gpointer data)
{
    VmBases *self = data;

    vm_json_free(self->whole);
    vm_json_free(self->flat);
    vm_json_free(self->theirs);
    g_hash_table_unref(self->their_files);
    g_ptr_array_unref(self->paths);
    g_hash_table_unref(self->files);
    g_free(self->problem);
}

VmBases *
vm_bases_ref(VmBases *self)
{
    return g_rc_box_acquire(self);
}

void
vm_bases_unref(VmBases *self)
{
    g_rc_box_release_full(self, vm_bases_clear);
}

/* ------------------------------------------------------------------ a file */

/* The first problem stays: the machine is refused for that one. */
G_GNUC_PRINTF(2, 3)
static void
complain(VmBases *self, const char *format, ...)
{
    va_list arguments;

    if (!self->problem) {
        g_autofree char *said = NULL;
        va_start(arguments, format);
        said = g_strdup_vprintf(format, arguments);
        va_end(arguments);
        self->problem = vm_plain_text(said, SENTENCE_MAX);
    }
}

static char *
read_open(VmBases *self, int fd, const char *path, gsize *ret_size)
{
    g_autofree char *text = NULL;
    struct stat st;
    ssize_t n = 0;

    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        complain(self, "“%s” is not a file.", path);
        return NULL;
    }
    if (st.st_size > FILE_MAX) {
        complain(self, "“%s” is longer than 1 MiB.", path);
        return NULL;
    }
    text = g_malloc((gsize)st.st_size + 1);
    n = read(fd, text, (size_t)st.st_size);
    if (n < 0) {
        complain(self, "“%s” cannot be read.", path);
        return NULL;
    }
    *ret_size = (gsize)n;
    return g_steal_pointer(&text);
}

/* A pipe could be waited for without end. */
static VmJson *
read_json(VmBases *self, const char *path)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    g_autofree char *text = NULL;
    gsize size = 0;
    VmJson *json = NULL;

    if (fd < 0) {
        if (errno == ENOENT) {
            complain(self, "“%s” is not there.", path);
        } else {
            complain(self, "“%s” cannot be read.", path);
        }
        return NULL;
    }
    text = read_open(self, fd, path, &size);
    (void)close(fd);
    json = text ? vm_json_parse(text, size, NULL) : NULL;
    if (text && (!json || vm_json_is_list(json, ""))) {
        complain(self, "“%s” is not a JSON file that says what a machine has.", path);
        g_clear_pointer(&json, vm_json_free);
    }
    return json;
}

/* ------------------------------------------------------------------ all of them */

/* What is about the file itself; and no option of vmm has a point, which here leads into one. */
static gboolean
is_its_own(const char *option)
{
    return g_str_equal(option, "cfg") || g_str_equal(option, "manager") || option[0] == '$' ||
           option[0] == '\0' || strchr(option, '.');
}

static void
note_file(VmBases *self, const char *key, const char *path)
{
    if (path) {
        g_hash_table_replace(self->files, g_strdup(key), vm_plain_text(path, PATH_SHOWN));
    } else {
        g_hash_table_remove(self->files, key);
    }
}

static void
take_list(VmBases *self, const char *list, VmJson *json, const char *path)
{
    const guint before = vm_json_length(self->whole, list);

    vm_json_append(self->whole, list, json);
    for (guint i = before; path && i < vm_json_length(self->whole, list); i++) {
        g_autofree char *key = g_strdup_printf("%s.%u", list, i);
        note_file(self, key, path);
    }
}

/* A list here and something else there, which vmm refuses: what comes later holds, so that all is of one kind. */
static void
take_other_kind(VmBases *self, const char *option, VmJson *json, const char *path)
{
    const char *before = g_hash_table_lookup(self->files, option);
    g_autofree char *file = g_strdup(path ? path : before);

    complain(self, "“%s” is not a JSON file that says what a machine has.", file ? file : option);
    for (guint n = vm_bases_count(self, option); n-- > 0;) {
        g_autofree char *key = g_strdup_printf("%s.%u", option, n);
        note_file(self, key, NULL);
    }
    vm_json_set_copy(self->whole, option, json);
}

static gboolean
is_other_kind(VmBases *self, const char *option, VmJson *json)
{
    return vm_json_has(self->whole, option) && !g_str_equal(option, "params") &&
           !g_str_equal(option, "cfg") &&
           vm_json_is_list(self->whole, option) != vm_json_is_list(json, option);
}

/* path: NULL for the definition. */
static void
take_options(VmBases *self, VmJson *json, const char *path)
{
    g_auto(GStrv) options = vm_json_keys(json, "");

    for (guint i = 0; options[i]; i++) {
        const char *option = options[i];
        const gboolean words = g_str_equal(option, "params");

        if (path && is_its_own(option)) {
            continue;
        }
        if (is_other_kind(self, option, json)) {
            take_other_kind(self, option, json, path);
        } else if (words ? path != NULL
                         : !g_str_equal(option, "cfg") && vm_json_is_list(json, option)) {
            take_list(self, option, json, path);
        } else {
            vm_json_set_copy(self->whole, option, json);
        }
        note_file(self, option, path);
    }
}

static void read_bases(VmBases *self, VmJson *json, const struct including *including);

static gboolean
may_include(VmBases *self, const char *path, const struct including *outer)
{
    guint depth = 0;

    for (const struct including *file = outer; file; file = file->outer) {
        if (g_str_equal(file->path, path) || ++depth >= DEPTH_MAX) {
            complain(self, "“%s” is included by itself, or more than 8 deep.", path);
            return FALSE;
        }
    }
    if (self->left == 0) {
        complain(self, "“%s” is one file too many: at most 32 are read here.", path);
        return FALSE;
    }
    self->left--;
    return TRUE;
}

static void /* NOLINTNEXTLINE(misc-no-recursion): bounded by DEPTH_MAX */
add_base(VmBases *self, const char *path, const struct including *outer)
{
    const struct including including = {path, outer};
    g_autoptr(VmJson) json = may_include(self, path, outer) ? read_json(self, path) : NULL;

    if (json) {
        g_ptr_array_add(self->paths, g_strdup(path));
        read_bases(self, json, &including);
        take_options(self, json, path);
    }
}

static void /* NOLINTNEXTLINE(misc-no-recursion): bounded by DEPTH_MAX */
read_bases(VmBases *self, VmJson *json, const struct including *including)
{
    g_autofree char *folder = g_path_get_dirname(including->path);
    const char *alone = vm_json_get_string(json, "cfg");
    const guint n = alone ? 1 : vm_json_length(json, "cfg");

    for (guint i = 0; i < n; i++) {
        g_autofree char *member = g_strdup_printf("cfg.%u", i);
        const char *name = alone ? alone : vm_json_get_string(json, member);
        g_autofree char *path = name ? g_canonicalize_filename(name, folder) : NULL;

        if (path) {
            add_base(self, path, including);
        }
    }
}

static GHashTable *
new_files(void)
{
    return g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
}

static GHashTable *
copy_files(GHashTable *files)
{
    GHashTable *copy = new_files();
    GHashTableIter iter;
    gpointer key = NULL;
    gpointer value = NULL;

    g_hash_table_iter_init(&iter, files);
    while (g_hash_table_iter_next(&iter, &key, &value)) {
        g_hash_table_insert(copy, g_strdup(key), g_strdup(value));
    }
    return copy;
}

/* From what the files say to what all say. */
static void
make_flat(VmBases *self, VmJson *definition)
{
    g_autoptr(VmJson) words = vm_json_copy(self->theirs);

    self->flat = vm_json_copy(self->whole);
    if (vm_json_has(definition, "params")) {
        vm_json_append(words, "params", definition);
        vm_json_set_copy(self->flat, "params", words);
    }
    vm_json_remove(self->flat, "cfg");
}

/* With no file yet. */
static VmBases *
bases_begin(void)
{
    VmBases *self = g_rc_box_new0(VmBases);

    self->whole = vm_json_new();
    self->paths = g_ptr_array_new_with_free_func(g_free);
    self->files = new_files();
    self->left = FILES_MAX;
    return self;
}

/* All files are there. */
static VmBases *
bases_end(VmBases *self, VmJson *definition)
{
    g_ptr_array_add(self->paths, NULL);
    self->theirs = vm_json_copy(self->whole);
    self->their_files = copy_files(self->files);
    take_options(self, definition, NULL);
    make_flat(self, definition);
    return self;
}

VmBases *
vm_bases_new(VmJson *definition, const char *path)
{
    const struct including including = {path, NULL};
    VmBases *self = bases_begin();

    read_bases(self, definition, &including);
    return bases_end(self, definition);
}

VmBases *
vm_bases_new_own(VmJson *definition)
{
    return bases_end(bases_begin(), definition);
}

VmBases *
vm_bases_new_with(VmBases *read, VmJson *definition)
{
    VmBases *self = bases_begin();

    vm_json_free(self->whole);
    self->whole = vm_json_copy(read->theirs);
    g_hash_table_unref(self->files);
    self->files = copy_files(read->their_files);
    self->problem = g_strdup(read->problem);
    for (guint i = 0; read->paths->pdata[i]; i++) {
        g_ptr_array_add(self->paths, g_strdup(read->paths->pdata[i]));
    }
    return bases_end(self, definition);
}

VmBases *
vm_bases_new_of(VmJson *definition, const char *name)
{
    g_autofree char *path = vm_paths_definition(name);

    return vm_bases_new(definition, path);
}

VmJson *
vm_bases_get_whole(VmBases *self)
{
    return self->whole;
}

VmJson *
vm_bases_dup_flat(VmBases *self)
{
    return vm_json_copy(self->flat);
}

const char *const *
vm_bases_get_paths(VmBases *self)
{
    return (const char *const *)self->paths->pdata;
}

const char *
vm_bases_get_file(VmBases *self, const char *option)
{
    return g_hash_table_lookup(self->files, option);
}

const char *
vm_bases_get_file_of(VmBases *self, const char *list, guint index)
{
    g_autofree char *key = g_strdup_printf("%s.%u", list, index);

    return g_hash_table_lookup(self->files, key);
}

guint
vm_bases_count(VmBases *self, const char *list)
{
    guint n = 0;

    while (vm_bases_get_file_of(self, list, n)) {
        n++;
    }
    return n;
}

const char *
vm_bases_get_problem(VmBases *self)
{
    return self->problem;
}

gboolean
vm_bases_check(VmBases *self, GError **error)
{
    if (self->problem) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                    "a file that the machine includes cannot be used; mend it, or take it out of "
                    "“cfg”: %s",
                    self->problem);
    }
    return self->problem == NULL;
}
