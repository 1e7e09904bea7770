/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/client/disk-files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/disk/qcow2-header.h"

enum {
    BLOCK_SIZE = 512, /* that stat() counts in */
    ENTRY_SIZE = 8,   /* of a table of a qcow2 image */
};

static void
file_free(gpointer data)
{
    VmDiskFile *file = data;

    g_free(file->path);
    g_free(file->name);
    g_free(file);
}

gboolean
vm_disk_of(VmJson *json, guint index, VmDisk *ret_disk)
{
    g_autofree char *path = g_strdup_printf("block.%u.path", index);
    g_autofree char *format = g_strdup_printf("block.%u.format", index);
    g_autofree char *shorter = g_strdup_printf("block.%u.ro", index);
    g_autofree char *longer = g_strdup_printf("block.%u.read-only", index);
    g_autofree char *outside = g_strdup_printf("block.%u.outside-files", index);

    *ret_disk = (VmDisk){
        .path = vm_json_get_string(json, path),
        .format = vm_json_get_string(json, format),
        .read_only =
            vm_json_get_bool(json, shorter, FALSE) || vm_json_get_bool(json, longer, FALSE),
        .anywhere = vm_json_get_bool(json, outside, FALSE),
    };
    return ret_disk->path != NULL;
}

static const char *
format_of_name(const char *path)
{
    if (g_str_has_suffix(path, ".composite")) {
        return "composite";
    }
    return g_str_has_suffix(path, ".qcow2") ? "qcow2" : "raw";
}

static const char *
format_of(const VmDisk *disk)
{
    static const char *const formats[] = {"raw", "qcow2", "composite"};

    for (guint i = 0; disk->format && i < G_N_ELEMENTS(formats); i++) {
        if (g_str_equal(disk->format, formats[i])) {
            return formats[i];
        }
    }
    return format_of_name(disk->path);
}

static gboolean
fail(GError **error, int code, const char *path, const char *why)
{
    g_set_error(error, G_IO_ERROR, code, "“%s” cannot be used: %s", path, why);
    return FALSE;
}

/* A file that another one names has a sentence that says so. */
static gboolean
fail_open(const VmDiskFile *file, const char *first, int number, GError **error)
{
    if (!file->name) {
        g_set_error(error, G_IO_ERROR, g_io_error_from_errno(number),
                    "“%s” cannot be read: %s; put it there, or change the machine's disk",
                    file->path, g_strerror(number));
    } else {
        g_set_error(error, G_IO_ERROR, g_io_error_from_errno(number),
                    "“%s”, which the disk “%s” needs, cannot be read: %s; put it there and make it "
                    "readable",
                    file->path, first, g_strerror(number));
    }
    return FALSE;
}

static gboolean
look_at(VmDiskFile *file, const char *first, GError **error)
{
    struct stat status;

    if (stat(file->path, &status) < 0) {
        return fail_open(file, first, errno, error);
    }
    if (file->name && !S_ISREG(status.st_mode)) {
        return fail(error, G_IO_ERROR_NOT_REGULAR_FILE, file->path, "it is not a file");
    }
    if (file->name && access(file->path, R_OK) < 0) {
        return fail_open(file, first, errno, error);
    }
    file->size = (guint64)status.st_size;
    file->room = (guint64)status.st_blocks * BLOCK_SIZE;
    file->device = status.st_dev;
    file->inode = status.st_ino;
    file->is_frozen = !(status.st_mode & (S_IWUSR | S_IWGRP | S_IWOTH));
    return TRUE;
}

/* The first `room` bytes of a file, or all there are; their number, or -1. */
static gssize
read_start(const char *path, guint8 *bytes, gsize room)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    gssize n = -1;

    if (fd >= 0) {
        n = pread(fd, bytes, room, 0);
        close(fd);
    }
    return n;
}

/* No part of the disk has a place of its own yet: all reads as the file behind it, or as zeros. */
static gboolean
table_is_empty(const char *path, const struct qcow2_header *header)
{
    const gsize size = (gsize)header->l1_size * ENTRY_SIZE;
    g_autofree guint8 *table = g_malloc0(size + 1);
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    gboolean empty = fd >= 0 && pread(fd, table, size, (off_t)header->l1_offset) == (gssize)size;

    for (gsize i = 0; empty && i < size; i++) {
        empty = table[i] == 0;
    }
    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): g_autofree frees it */
    if (fd >= 0) {
        close(fd);
    }
    return empty && header->n_snapshots == 0;
}

static gboolean
read_header(VmDiskFile *file, const char *first, struct qcow2_header *ret_header, GError **error)
{
    g_autofree guint8 *bytes = g_malloc(QCOW2_HEADER_BYTES_MAX);
    const gssize n = read_start(file->path, bytes, QCOW2_HEADER_BYTES_MAX);
    const char *why = NULL;
    struct qcow2_start start = {.bytes = bytes, .file_size = file->size};

    if (n < 0) {
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): g_autofree frees it */
        return fail_open(file, first, errno, error);
    }
    start.size = (gsize)n;
    if (qcow2_header_read(&start, ret_header, &why) < 0) {
        return fail(error, G_IO_ERROR_INVALID_DATA, file->path, why);
    }
    file->size = ret_header->size;
    file->is_empty = table_is_empty(file->path, ret_header);
    return TRUE;
}

/* Where the file is that `of` calls `name`. */
static char *
path_of_name(const VmDiskFile *of, const char *name)
{
    g_autofree char *folder = g_path_get_dirname(of->path);

    return g_path_is_absolute(name) ? g_strdup(name) : g_build_filename(folder, name, NULL);
}

/* As `vmm run` would look it up: beneath the folder of the file that names it, links and all. */
static gboolean
check_place(const VmDisk *disk, const VmDiskFile *of, const char *path, GError **error)
{
    g_autofree char *folder = g_path_get_dirname(of->path);
    g_autofree char *real_folder = realpath(folder, NULL);
    g_autofree char *real = realpath(path, NULL);
    gsize length = real_folder ? strlen(real_folder) : 0;

    if (disk->anywhere || !real || !real_folder) {
        return TRUE; /* what is not there is said later */
    }
    if (strncmp(real, real_folder, length) == 0 &&
        (real[length] == '/' || g_str_equal(real_folder, "/"))) {
        return TRUE;
    }
    g_set_error(
        error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED,
        "“%s” names the file “%s”, which is not in its folder; switch on “outside-files” of "
        "that disk if you made the image yourself",
        of->path, path);
    return FALSE;
}

static const char *
format_behind(const struct qcow2_header *header, const char *of, const char *path, GError **error)
{
    guint8 bytes[4];
    gssize n;

    if (g_str_equal(header->backing_format, "qcow2") ||
        (!header->backing_format[0] && g_str_has_suffix(path, ".qcow2"))) {
        return "qcow2";
    }
    n = header->backing_format[0] ? 0 : read_start(path, bytes, sizeof(bytes));
    if (g_str_equal(header->backing_format, "raw") ||
        (!header->backing_format[0] && !qcow2_magic(bytes, n < 0 ? 0 : (gsize)n))) {
        return "raw";
    }
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                "“%s” does not say that “%s” is raw or qcow2; say it with “qemu-img rebase -u -F "
                "FORMAT -b FILE”",
                of, path);
    return NULL;
}

static gboolean
is_known(GPtrArray *files, const VmDiskFile *file)
{
    for (guint i = 0; i < files->len; i++) {
        const VmDiskFile *other = g_ptr_array_index(files, i);
        if (other->device == file->device && other->inode == file->inode) {
            return TRUE;
        }
    }
    return FALSE;
}

/* The file behind the last one; *header is its own then. */
static gboolean
add_behind(const VmDisk *disk, GPtrArray *files, struct qcow2_header *header, GError **error)
{
    const VmDiskFile *of = g_ptr_array_index(files, files->len - 1);
    VmDiskFile *file = g_new0(VmDiskFile, 1);
    gboolean done;

    file->name = g_strdup(header->backing);
    file->path = path_of_name(of, header->backing);
    done = check_place(disk, of, file->path, error) && look_at(file, disk->path, error);
    if (done && is_known(files, file)) {
        done = fail(error, G_IO_ERROR_INVALID_DATA, disk->path, "it is based on itself");
    } else if (done && files->len > VM_DISK_CHAIN_MAX) {
        done = fail(error, G_IO_ERROR_INVALID_DATA, disk->path,
                    "more than 8 images lie behind it; make one of them with “qemu-img convert”");
    }
    file->format = done ? format_behind(header, of->path, file->path, error) : NULL;
    if (!file->format) {
        file_free(file);
        return FALSE;
    }
    g_ptr_array_add(files, file);
    header->backing[0] = '\0';
    return g_str_equal(file->format, "raw") || read_header(file, disk->path, header, error);
}

static gboolean
add_chain(const VmDisk *disk, GPtrArray *files, GError **error)
{
    g_autofree struct qcow2_header *header = g_new0(struct qcow2_header, 1);
    gboolean done = read_header(g_ptr_array_index(files, 0), disk->path, header, error);

    while (done && header->backing[0]) {
        done = add_behind(disk, files, header, error);
    }
    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): g_autofree frees it */
    return done;
}

struct composite_spec *
vm_disk_read_spec(const char *path, GError **error)
{
    g_autofree guint8 *bytes = g_malloc(COMPOSITE_SPEC_BYTES_MAX + 1);
    g_autofree struct composite_spec *spec = g_new0(struct composite_spec, 1);
    const gssize n = read_start(path, bytes, COMPOSITE_SPEC_BYTES_MAX + 1);
    const char *why = "it cannot be read";

    if (n < 0 || composite_spec_read(bytes, (gsize)n, spec, &why) < 0) {
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): g_autofree frees it */
        (void)fail(error, G_IO_ERROR_INVALID_DATA, path, why);
        return NULL;
    }
    return g_steal_pointer(&spec);
}

static gboolean
add_parts(const VmDisk *disk, GPtrArray *files, GError **error)
{
    g_autofree struct composite_spec *spec = vm_disk_read_spec(disk->path, error);
    const VmDiskFile *of = g_ptr_array_index(files, 0);

    for (gsize i = 0; spec && i < spec->n_parts; i++) {
        VmDiskFile *file = g_new0(VmDiskFile, 1);

        file->name = g_strdup(spec->part[i].path);
        file->path = path_of_name(of, file->name);
        file->format = "raw";
        file->is_part = TRUE;
        file->writable = spec->part[i].writable && !disk->read_only;
        if (!check_place(disk, of, file->path, error) || !look_at(file, disk->path, error)) {
            file_free(file);
            return FALSE;
        }
        g_ptr_array_add(files, file);
    }
    return spec != NULL;
}

GPtrArray *
vm_disk_files(const VmDisk *disk, GError **error)
{
    GPtrArray *files = g_ptr_array_new_with_free_func(file_free);
    VmDiskFile *first = g_new0(VmDiskFile, 1);

    first->path = g_strdup(disk->path);
    first->format = format_of(disk);
    if (!look_at(first, disk->path, error)) {
        file_free(first);
        return files;
    }
    g_ptr_array_add(files, first);
    if (g_str_equal(first->format, "qcow2")) {
        (void)add_chain(disk, files, error);
    } else if (g_str_equal(first->format, "composite")) {
        (void)add_parts(disk, files, error);
    }
    return files;
}
