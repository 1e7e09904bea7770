/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager/model/console-file.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <glib/gi18n.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum {
    HISTORY_SIZE = 1 << 20,
    HEAD_SIZE = 1 << 16,    /* of a stream, which is looked for in the file */
    JOIN_MS = 250,          /* so long the head may take to come */
    CERTAIN_SIZE = 64,      /* an overlap that is no chance */
    CHUNK_SIZE = 1 << 16,   /* that is shown at once, */
    CHUNK_MS = 10,          /* every so often */
    ROOM_INTERVAL = 1 << 20 /* bytes between two looks at the disk */
};

struct VmConsoleFile {
    int fd;
    guint64 size;
    guint64 shown; /* of it */
    guint64 room_checked;
    VmConsoleShow show;
    gpointer data;
    GByteArray *head; /* of a stream that is not joined yet, or NULL */
    guint join_timer;
    guint show_timer;
    gboolean full;
    char chunk[CHUNK_SIZE]; /* that is being shown */
};

static gboolean
show_chunk(gpointer data)
{
    VmConsoleFile *self = data;
    guint64 left = self->size > self->shown ? self->size - self->shown : 0;
    gsize wanted = (gsize)MIN(left, (guint64)CHUNK_SIZE);
    ssize_t size = wanted > 0 ? pread(self->fd, self->chunk, wanted, (off_t)self->shown) : 0;

    if (size > 0) {
        self->shown += (guint64)size;
        self->show(self->chunk, (gsize)size, self->data);
        return G_SOURCE_CONTINUE;
    }
    self->show_timer = 0;
    return G_SOURCE_REMOVE;
}

static void
show_soon(VmConsoleFile *self)
{
    if (!self->show_timer && self->shown < self->size) {
        self->show_timer = g_timeout_add(CHUNK_MS, show_chunk, self);
    }
}

static gboolean
has_room(VmConsoleFile *self)
{
    struct statvfs disk;

    if (self->size < self->room_checked + ROOM_INTERVAL && self->room_checked > 0) {
        return TRUE;
    }
    self->room_checked = MAX(self->size, 1);
    return fstatvfs(self->fd, &disk) < 0 ||
           (guint64)disk.f_bavail * disk.f_frsize > VM_CONSOLE_FILE_ROOM;
}

static void
append(VmConsoleFile *self, const char *bytes, gsize size)
{
    self->full = self->full || !has_room(self);
    while (size > 0 && !self->full) {
        ssize_t n = pwrite(self->fd, bytes, size, (off_t)self->size);
        if (n > 0) {
            self->size += (guint64)n;
            bytes += n;
            size -= (gsize)n;
        } else if (errno != EINTR) {
            self->full = TRUE;
        }
    }
    if (size > 0 && self->shown >= self->size) {
        self->show(bytes, size, self->data);
    }
    show_soon(self);
}

/* For each length of a beginning of head: the longest shorter one that it ends with (Knuth, Morris, Pratt;
 * a guest chooses the bytes, so nothing here may take longer for some than for others). */
static GArray *
make_borders(const GByteArray *head)
{
    GArray *borders = g_array_set_size(g_array_new(FALSE, TRUE, sizeof(guint32)), head->len + 1);
    guint32 *border = (guint32 *)(void *)borders->data;
    guint32 k = 0;

    for (guint32 i = 1; i < head->len; i++) {
        while (k > 0 && head->data[i] != head->data[k]) {
            k = border[k];
        }
        k += head->data[i] == head->data[k];
        border[i + 1] = k;
    }
    return borders;
}

/* Where in the file's end the stream's head begins; FALSE: nowhere. */
static gboolean
find_join(VmConsoleFile *self, guint64 *ret_at)
{
    guint64 wanted = MIN(self->size, (guint64)HISTORY_SIZE + HEAD_SIZE);
    guint64 start = self->size - wanted;
    g_autoptr(GByteArray) tail = g_byte_array_new();
    g_autoptr(GArray) borders = make_borders(self->head);
    const guint32 *border = (const guint32 *)(const void *)borders->data;
    guint8 *end = g_byte_array_set_size(tail, (guint)wanted)->data;
    ssize_t size = pread(self->fd, end, (gsize)wanted, (off_t)start);
    guint32 match = 0; /* bytes of head that end at i */
    ssize_t i = 0;

    for (; i < size && match < self->head->len; i++) {
        while (match > 0 && end[i] != self->head->data[match]) {
            match = border[match];
        }
        match += end[i] == self->head->data[match];
    }
    *ret_at = start + (guint64)i - match;
    return match == self->head->len || match >= CERTAIN_SIZE || (match > 0 && *ret_at == 0);
}

static void
join(VmConsoleFile *self)
{
    g_autoptr(GByteArray) head = NULL;
    guint64 at = 0;

    g_clear_handle_id(&self->join_timer, g_source_remove);
    if (self->head->len > 0 && self->size > 0) {
        if (find_join(self, &at)) {
            /* The same bytes come again, and are not shown again. */
            self->full = self->full || ftruncate(self->fd, (off_t)at) < 0;
            self->size = at;
        } else {
            g_autofree char *line =
                g_strdup_printf("\030\033[0m\r\n──── %s ────\r\n", _("Something is missing here"));
            append(self, line, strlen(line));
        }
    }
    head = g_steal_pointer(&self->head);
    append(self, (const char *)head->data, head->len);
}

static gboolean
join_timed_out(gpointer data)
{
    VmConsoleFile *self = data;

    self->join_timer = 0;
    join(self);
    return G_SOURCE_REMOVE;
}

void
vm_console_file_push(VmConsoleFile *self, const void *bytes, gsize size)
{
    if (!self->head) {
        append(self, bytes, size);
        return;
    }
    g_byte_array_append(self->head, bytes, (guint)size);
    if (self->head->len >= HEAD_SIZE || self->size == 0) {
        join(self);
    } else if (!self->join_timer) {
        self->join_timer = g_timeout_add(JOIN_MS, join_timed_out, self);
    }
}

void
vm_console_file_restart(VmConsoleFile *self)
{
    if (self->head) {
        join(self);
    }
    self->head = g_byte_array_new();
}

gboolean
vm_console_file_is_full(VmConsoleFile *self)
{
    return self->full;
}

static gint64
written_us(const struct stat *status)
{
    return (gint64)status->st_mtim.tv_sec * G_USEC_PER_SEC + status->st_mtim.tv_nsec / 1000;
}

VmConsoleFile *
vm_console_file_new(const char *path, gint64 started, VmConsoleShow show, gpointer data,
                    GError **error)
{
    g_autofree char *before = g_strconcat(path, ".1", NULL);
    g_autofree char *folder = g_path_get_dirname(path);
    struct stat status;
    int fd = -1;

    (void)g_mkdir_with_parents(folder, S_IRWXU);
    if (lstat(path, &status) == 0 && written_us(&status) < started) {
        (void)g_rename(path, before);
    }
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR);
    if (fd < 0 || fstat(fd, &status) < 0 || !S_ISREG(status.st_mode)) {
        int saved = errno;
        g_set_error(error, G_IO_ERROR, g_io_error_from_errno(saved), _("“%s” cannot be made: %s"),
                    path, g_strerror(saved));
        if (fd >= 0) {
            close(fd);
        }
        return NULL;
    }
    VmConsoleFile *self = g_new0(VmConsoleFile, 1);
    self->fd = fd;
    self->size = (guint64)status.st_size;
    self->show = show;
    self->data = data;
    self->head = g_byte_array_new();
    show_soon(self);
    return self;
}

void
vm_console_file_free(VmConsoleFile *self)
{
    g_clear_handle_id(&self->join_timer, g_source_remove);
    g_clear_handle_id(&self->show_timer, g_source_remove);
    if (self->head) {
        g_byte_array_unref(self->head);
    }
    close(self->fd);
    g_free(self);
}
