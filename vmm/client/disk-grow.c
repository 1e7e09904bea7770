/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/client/disk-grow.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "vmm/client/bases.h"
#include "vmm/client/disk-users.h"
#include "vmm/client/paths.h"
#include "vmm/client/vm-machines.h"
#include "vmm/disk/qcow2-header.h"

enum {
    BLOCK_SIZE = 4096, /* the longest that a disk may have */
    /* docs/interop/qcow2 of QEMU */
    SIZE_AT = 24,
    L1_SIZE_AT = 36,
    L1_OFFSET_AT = 40,
    AUTOCLEAR_AT = 88,
    ENTRY_SIZE = 8,
};

/* A file that is to be longer. */
struct growing {
    const char *path;
    guint64 old_size; /* of the disk in it, bytes */
    guint64 size;
    gboolean sparse;
    int fd;
};

/* ------------------------------------------------------------------ whether it can */

static gboolean
check_file(const VmDiskFile *file, const char *name, GError **error)
{
    g_autofree char *user = vm_disk_dup_user(name, file->device, file->inode);
    struct stat status;

    if (g_str_equal(file->format, "composite")) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                    "“%s” is made of several files and cannot grow; add another disk", file->path);
    } else if (stat(file->path, &status) < 0 || !S_ISREG(status.st_mode)) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                    "“%s” is not a file; only a disk in a file can grow", file->path);
    } else if (user) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED,
                    "the machine “%s” needs “%s” as it is; give this machine a copy of it", user,
                    file->path);
    } else if (file->is_frozen) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED,
                    "“%s” is write-protected; make it writable, or give this machine a copy of it",
                    file->path);
    } else {
        return TRUE;
    }
    return FALSE;
}

/* Its files, of which the first can grow as far as can be seen, of a disk of the whole `json`; NULL with error. */
static GPtrArray *
look_at(VmJson *json, const char *name, guint index, GError **error)
{
    g_autoptr(GPtrArray) files = NULL;
    GError *trouble = NULL;
    VmDisk disk;

    if (!vm_disk_of(json, index, &disk)) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "there is no disk %u", index);
        return NULL;
    }
    if (disk.read_only) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_READ_ONLY,
                    "the disk “%s” is read-only; switch off “ro” of it first", disk.path);
        return NULL;
    }
    files = vm_disk_files(&disk, &trouble);
    if (trouble) {
        g_propagate_error(error, trouble);
        return NULL;
    }
    return check_file(g_ptr_array_index(files, 0), name, error) ? g_steal_pointer(&files) : NULL;
}

/* Without all files nobody knows which disk has that number. */
static VmJson *
dup_whole(VmJson *json, const char *name, GError **error)
{
    g_autoptr(VmBases) bases = vm_bases_new_of(json, name);

    return vm_bases_check(bases, error) ? vm_json_copy(vm_bases_get_whole(bases)) : NULL;
}

gboolean
vm_disk_look_at_size(VmJson *json, const char *name, guint index, guint64 *ret_size,
                     guint64 *ret_room, GError **error)
{
    g_autoptr(VmJson) whole = dup_whole(json, name, error);
    g_autoptr(GPtrArray) files = whole ? look_at(whole, name, index, error) : NULL;
    const VmDiskFile *file = files ? g_ptr_array_index(files, 0) : NULL;
    struct statvfs room = {0};

    if (!file) {
        return FALSE;
    }
    (void)statvfs(file->path, &room);
    *ret_size = file->size;
    *ret_room = (guint64)room.f_bavail * room.f_frsize;
    return TRUE;
}

/* ------------------------------------------------------------------ how it does */

static gboolean
fail_writing(const struct growing *growing, int number, GError **error)
{
    if (number == ENOSPC || number == EDQUOT) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NO_SPACE,
                    "there is no room for that beside “%s”; free some, or choose less",
                    growing->path);
    } else {
        g_set_error(error, G_IO_ERROR, g_io_error_from_errno(number),
                    "“%s” cannot be made that long: %s; choose less, or check the file",
                    growing->path, g_strerror(number));
    }
    return FALSE;
}

/* Without holes it takes its room at once; what was got of it is given back where that is too little. */
static gboolean
grow_raw(const struct growing *growing, GError **error)
{
    const off_t old = (off_t)growing->old_size;
    gboolean done = growing->sparse ||
                    fallocate(growing->fd, 0, old, (off_t)growing->size - old) == 0 ||
                    errno == EOPNOTSUPP;
    const int number = done && ftruncate(growing->fd, (off_t)growing->size) == 0 ? 0 : errno;

    if (number) {
        const int back = ftruncate(growing->fd, old);
        (void)back;
        return fail_writing(growing, number, error);
    }
    return TRUE;
}

static gboolean
read_header(const struct growing *growing, guint8 *bytes, struct qcow2_header *ret_header,
            GError **error)
{
    struct qcow2_start start = {.bytes = bytes, .writable = TRUE};
    struct stat status = {0};
    const char *why = "it cannot be read";
    const gssize n = pread(growing->fd, bytes, QCOW2_HEADER_BYTES_MAX, 0);

    start.size = n < 0 ? 0 : (gsize)n;
    if (n < 0 || fstat(growing->fd, &status) < 0) {
        return fail_writing(growing, errno, error);
    }
    start.file_size = (guint64)status.st_size;
    if (qcow2_header_read(&start, ret_header, &why) < 0) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED, "“%s” cannot be used: %s",
                    growing->path, why);
        return FALSE;
    }
    return TRUE;
}

static void
put_big_endian(guint8 *bytes, guint64 value, guint size)
{
    for (guint i = 0; i < size; i++) {
        bytes[i] = (guint8)(value >> 8 * (size - 1 - i));
    }
}

static gboolean
put(const struct growing *growing, const guint8 *bytes, gsize size, guint64 at)
{
    gsize done = 0;

    while (done < size) {
        const gssize n = pwrite(growing->fd, bytes + done, size - done, (off_t)(at + done));

        if (n <= 0 && errno != EINTR) {
            errno = n < 0 ? errno : EIO;
            return FALSE;
        }
        done += n > 0 ? (gsize)n : 0;
    }
    return TRUE;
}

/* Entries that the first table has room for in its own clusters. */
static guint64
entries_max(const struct qcow2_header *header)
{
    const guint64 cluster = G_GUINT64_CONSTANT(1) << header->cluster_bits;
    const guint64 bytes = (guint64)header->l1_size * ENTRY_SIZE;

    return (bytes + cluster - 1) / cluster * cluster / ENTRY_SIZE;
}

/*
 * The first table gets entries without a place, in clusters that it has already; then, when those are on the
 * disk, the header tells of both.
 */
static gboolean
write_growth(const struct growing *growing, const struct qcow2_header *header, guint8 *bytes,
             guint64 entries)
{
    const gsize size = (entries - header->l1_size) * ENTRY_SIZE;
    const guint64 at = header->l1_offset + (guint64)header->l1_size * ENTRY_SIZE;
    g_autofree guint8 *nothing = g_malloc0(size + ENTRY_SIZE);
    gboolean done;

    put_big_endian(bytes + SIZE_AT, growing->size, 8);
    put_big_endian(bytes + L1_SIZE_AT, entries, 4);
    /* NOLINTBEGIN(clang-analyzer-unix.Malloc): g_autofree frees it */
    done = put(growing, nothing, size, at) &&
           (header->autoclear == 0 || put(growing, nothing, ENTRY_SIZE, AUTOCLEAR_AT)) &&
           fdatasync(growing->fd) == 0 &&
           put(growing, bytes + SIZE_AT, L1_OFFSET_AT - SIZE_AT, SIZE_AT) &&
           fdatasync(growing->fd) == 0;
    return done;
    /* NOLINTEND(clang-analyzer-unix.Malloc) */
}

/* What is behind the end of a shorter file that this one lies over is zeros. */
static gboolean
grow_qcow2(const struct growing *growing, guint64 behind, GError **error)
{
    g_autofree guint8 *bytes = g_malloc0(QCOW2_HEADER_BYTES_MAX);
    g_autofree struct qcow2_header *header = g_new0(struct qcow2_header, 1);
    gboolean done = read_header(growing, bytes, header, error);
    guint64 need = 0;

    if (done) {
        need = MAX(qcow2_l1_entries(header->cluster_bits, growing->size), header->l1_size);
    }
    if (done && (need > entries_max(header) || behind > growing->old_size)) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                    "“%s” can grow that far only while its machine runs; start it, then try again",
                    growing->path);
        done = FALSE;
    } else if (done && !write_growth(growing, header, bytes, need)) {
        done = fail_writing(growing, errno, error);
    }
    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): g_autofree frees it */
    return done;
}

static gboolean
check_size(const struct growing *growing, GError **error)
{
    if (growing->size <= growing->old_size) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                    "“%s” has %" G_GUINT64_FORMAT
                    " bytes already, and a disk can only become longer; give more",
                    growing->path, growing->old_size);
    } else if (growing->size % BLOCK_SIZE != 0 || growing->size > G_MAXINT64) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                    "%" G_GUINT64_FORMAT
                    " bytes is no size of a disk; give a multiple of 4096, below 8 EiB",
                    growing->size);
    } else {
        return TRUE;
    }
    return FALSE;
}

static gboolean
grow_held(const struct growing *growing, GPtrArray *files, GError **error)
{
    const VmDiskFile *file = g_ptr_array_index(files, 0);
    const VmDiskFile *behind = files->len > 1 ? g_ptr_array_index(files, 1) : NULL;

    if (flock(growing->fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_BUSY, "another program uses “%s”; stop it first",
                    growing->path);
        return FALSE;
    }
    if (g_str_equal(file->format, "qcow2")) {
        return grow_qcow2(growing, behind ? behind->size : 0, error);
    }
    return grow_raw(growing, error);
}

gboolean
vm_disk_grow(VmJson *json, const char *name, guint index, guint64 size, GError **error)
{
    g_autoptr(VmJson) whole = dup_whole(json, name, error);
    g_autoptr(GPtrArray) files = whole ? look_at(whole, name, index, error) : NULL;
    const VmDiskFile *file = files ? g_ptr_array_index(files, 0) : NULL;
    g_autofree char *sparse = g_strdup_printf("block.%u.sparse", index);
    struct growing growing = {.size = size};
    gboolean done;

    if (!file) {
        return FALSE;
    }
    growing.sparse = vm_json_get_bool(whole, sparse, TRUE);
    growing.path = file->path;
    growing.old_size = file->size;
    if (!check_size(&growing, error)) {
        return FALSE;
    }
    growing.fd = open(file->path, O_RDWR | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (growing.fd < 0) {
        return fail_writing(&growing, errno, error);
    }
    done = grow_held(&growing, files, error);
    close(growing.fd);
    return done;
}

/* ------------------------------------------------------------------ for everybody */

struct request {
    char *name;
    guint disk;
    guint64 size;
};

static void
request_free(gpointer data)
{
    struct request *request = data;

    g_free(request->name);
    g_free(request);
}

static void
grow_in_thread(GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
    const struct request *request = data;
    g_autofree char *path = vm_paths_definition(request->name);
    GError *error = NULL;
    g_autoptr(VmJson) json = vm_json_load(path, &error);

    (void)source;
    (void)cancellable;
    if (json && vm_disk_grow(json, request->name, request->disk, request->size, &error)) {
        g_task_return_boolean(task, TRUE);
    } else {
        g_task_return_error(task, error);
    }
}

void
vm_machines_resize_disk_async(const char *name, guint disk, guint64 size, GCancellable *cancellable,
                              GAsyncReadyCallback callback, gpointer user_data)
{
    g_autoptr(GTask) task = g_task_new(NULL, cancellable, callback, user_data);
    struct request *request = g_new0(struct request, 1);

    g_return_if_fail(name != NULL);
    request->name = g_strdup(name);
    request->disk = disk;
    request->size = size;
    g_task_set_task_data(task, request, request_free);
    g_task_run_in_thread(task, grow_in_thread);
}

gboolean
vm_machines_resize_disk_finish(GAsyncResult *result, GError **error)
{
    g_return_val_if_fail(g_task_is_valid(result, NULL), FALSE);
    return g_task_propagate_boolean(G_TASK(result), error);
}
