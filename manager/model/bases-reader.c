/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager/model/bases-reader.h"

#include <gio/gio.h>

struct VmBasesReader {
    void (*came)(gpointer data); /* NULL: closed */
    gpointer data;
    char *name; /* of the machine that was last asked about */
    VmBases *read;
    VmJson *read_for; /* the definition of that machine then */
    GHashTable *busy; /* names of machines whose files are being read → to read next, or NULL */
};

struct reading {
    VmBasesReader *reader;
    VmJson *json;
    char *name;
};

static void
forget(VmBasesReader *self)
{
    g_clear_pointer(&self->read, vm_bases_unref);
    g_clear_pointer(&self->read_for, vm_json_free);
}

static void
reader_clear(gpointer data)
{
    VmBasesReader *self = data;

    forget(self);
    g_hash_table_unref(self->busy);
    g_free(self->name);
}

/* Only in the thread that has the reader: that is not the one that reads. */
static void
reading_free(struct reading *reading)
{
    g_rc_box_release_full(reading->reader, reader_clear);
    vm_json_free(reading->json);
    g_free(reading->name);
    g_free(reading);
}

static void
free_next(gpointer json)
{
    g_clear_pointer((VmJson **)&json, vm_json_free);
}

VmBasesReader *
vm_bases_reader_new(void (*came)(gpointer data), gpointer data)
{
    VmBasesReader *self = g_rc_box_new0(VmBasesReader);

    self->came = came;
    self->data = data;
    self->busy = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_next);
    return self;
}

void
vm_bases_reader_close(VmBasesReader *self)
{
    self->came = NULL;
    g_rc_box_release_full(self, reader_clear);
}

VmBases *
vm_bases_reader_get(VmBasesReader *self, const char *name, VmJson *definition, gboolean *ret_known)
{
    const gboolean includes = vm_json_has(definition, "cfg");
    gboolean known = FALSE;

    if (g_strcmp0(self->name, name) != 0) {
        forget(self);
        g_free(self->name);
        self->name = g_strdup(name);
    }
    known = self->read && vm_json_is_same(definition, self->read_for, "cfg");
    *ret_known = known || !includes;
    return includes && known ? vm_bases_new_with(self->read, definition)
                             : vm_bases_new_own(definition);
}

static void begin(VmBasesReader *self, const char *name, VmJson *definition);

static void
read_in_thread(GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
    const struct reading *reading = data;

    g_task_return_pointer(task, vm_bases_new_of(reading->json, reading->name),
                          (GDestroyNotify)vm_bases_unref);
}

static void
take(VmBasesReader *self, struct reading *reading, VmBases *bases)
{
    forget(self);
    self->read = vm_bases_ref(bases);
    self->read_for = g_steal_pointer(&reading->json);
    self->came(self->data);
}

static void
came(GObject *source, GAsyncResult *result, gpointer data)
{
    struct reading *reading = data;
    VmBasesReader *self = reading->reader;
    g_autoptr(VmBases) bases = g_task_propagate_pointer(G_TASK(result), NULL);
    VmJson *next = g_hash_table_lookup(self->busy, reading->name);
    g_autoptr(VmJson) again = next ? vm_json_copy(next) : NULL;

    g_hash_table_remove(self->busy, reading->name);
    if (self->came && g_strcmp0(self->name, reading->name) == 0) {
        if (again) {
            begin(self, reading->name, again);
        }
        take(self, reading, bases);
    }
    reading_free(reading);
}

static void
begin(VmBasesReader *self, const char *name, VmJson *definition)
{
    struct reading *reading = g_new0(struct reading, 1);
    g_autoptr(GTask) task = g_task_new(NULL, NULL, came, reading);

    g_hash_table_insert(self->busy, g_strdup(name), NULL);
    reading->reader = g_rc_box_acquire(self);
    reading->json = vm_json_copy(definition);
    reading->name = g_strdup(name);
    g_task_set_task_data(task, reading, NULL);
    g_task_run_in_thread(task, read_in_thread);
}

void
vm_bases_reader_read(VmBasesReader *self, const char *name, VmJson *definition)
{
    if (g_hash_table_contains(self->busy, name)) {
        g_hash_table_insert(self->busy, g_strdup(name), vm_json_copy(definition));
    } else {
        begin(self, name, definition);
    }
}
