/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager/model/run-history.h"

#include "vmm/client/json.h"

#define SLACK_S    0.4 /* timers are late or early */
#define WAIT_MAX   60
#define SHARE_UNIT 10000.0

/* Members of a point as the file has them. */
static const struct {
    const char *name;
    gsize offset;
    double unit; /* the file holds whole numbers */
} members[] = {
    {"share", G_STRUCT_OFFSET(VmHourPoint, share), SHARE_UNIT},
    {"guest-memory", G_STRUCT_OFFSET(VmHourPoint, guest_memory), 1},
    {"own-memory", G_STRUCT_OFFSET(VmHourPoint, own_memory), 1},
    {"disk-read", G_STRUCT_OFFSET(VmHourPoint, disk_read), 1},
    {"disk-written", G_STRUCT_OFFSET(VmHourPoint, disk_written), 1},
};

static double *
member_of(VmHourPoint *point, guint member)
{
    return G_STRUCT_MEMBER_P(point, members[member].offset);
}

static void
halve(VmRunHistory *self)
{
    for (guint i = 0; i < self->count / 2; i++) {
        VmHourPoint *first = &self->points[(gsize)2 * i];
        for (guint j = 0; j < G_N_ELEMENTS(members); j++) {
            *member_of(&self->points[i], j) = (*member_of(first, j) + *member_of(first + 1, j)) / 2;
        }
    }
    self->count /= 2;
    self->interval *= 2;
}

void
vm_run_history_add(VmRunHistory *self, const VmHourSample *sample)
{
    double seconds = (double)(sample->time - self->last.time) / G_USEC_PER_SEC;
    VmHourPoint point;

    self->interval = MAX(self->interval, 1);
    if (self->last.time > 0 && seconds < self->interval - SLACK_S) {
        return;
    }
    if (vm_hour_point(&self->last, sample, &point)) {
        if (self->count == VM_RUN_POINTS) {
            halve(self);
        }
        self->points[self->count++] = point;
    }
    self->last = *sample;
}

guint
vm_run_history_wait(const VmRunHistory *self)
{
    return CLAMP(self->interval, 1, WAIT_MAX);
}

void
vm_run_history_save(const VmRunHistory *self, const char *path)
{
    g_autoptr(VmJson) json = vm_json_new();
    g_autofree char *text = NULL;

    vm_json_set_int(json, "interval", self->interval);
    vm_json_set_int(json, "memory", (gint64)self->memory);
    for (guint i = 0; i < self->count; i++) {
        VmHourPoint point = self->points[i];
        for (guint j = 0; j < G_N_ELEMENTS(members); j++) {
            g_autofree char *at = g_strdup_printf("%s.%u", members[j].name, i);
            vm_json_set_int(json, at, (gint64)(*member_of(&point, j) * members[j].unit + 0.5));
        }
    }
    text = vm_json_to_text(json);
    (void)g_file_set_contents(path, text, -1, NULL);
}

gboolean
vm_run_history_load(VmRunHistory *ret_history, const char *path)
{
    g_autoptr(VmJson) json = vm_json_load(path, NULL);
    VmRunHistory history = {0};

    if (!json) {
        return FALSE;
    }
    history.count = MIN(vm_json_length(json, members[0].name), VM_RUN_POINTS);
    history.interval = (guint)CLAMP(vm_json_get_int(json, "interval", 1), 1, G_MAXINT);
    history.memory = (guint64)MAX(vm_json_get_int(json, "memory", 0), 0);
    for (guint i = 0; i < history.count; i++) {
        for (guint j = 0; j < G_N_ELEMENTS(members); j++) {
            g_autofree char *at = g_strdup_printf("%s.%u", members[j].name, i);
            gint64 value = MAX(vm_json_get_int(json, at, 0), 0);
            *member_of(&history.points[i], j) = (double)value / members[j].unit;
        }
    }
    *ret_history = history;
    return history.count > 1;
}
