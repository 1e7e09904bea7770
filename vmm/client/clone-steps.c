/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/client/clone-steps.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "vmm/client/copy-file.h"
#include "vmm/client/half-made.h"
#include "vmm/disk/qcow2.h"

enum {
    CLUSTER_BITS = 16,
};

#define WRITE_BITS 0222
#define MODE_BITS  07777

enum kind {
    COPY,
    LINK,
    WRITE,
    OVERLAY,
    FREEZE,
};

struct step {
    enum kind kind;
    char *from; /* of COPY and LINK; what FREEZE is about */
    char *to;
    GBytes *bytes;
    char *backing;
    char *format;
    guint64 size; /* COPY: bytes on the disk; OVERLAY: of the disk in it */
    gboolean must;
    gboolean done;
    int fd;      /* FREEZE: one of VmCloneSteps::held, when `done` */
    mode_t mode; /* of that file then */
};

struct VmCloneSteps {
    char *folder;
    GArray *steps;      /* struct step */
    GPtrArray *folders; /* that were made, in that order */
    GArray *held;       /* descriptors of what nobody may write */
    int marker;         /* of vmm/client/half-made.h, or -1 */
    guint64 size;
    guint64 finished;
    gboolean room_is_known;
    int percent; /* atomic: written by the thread */
};

static void
step_clear(gpointer data)
{
    struct step *step = data;

    g_free(step->from);
    g_free(step->to);
    g_clear_pointer(&step->bytes, g_bytes_unref);
    g_free(step->backing);
    g_free(step->format);
}

static void
close_one(gpointer data)
{
    close(*(int *)data);
}

VmCloneSteps *
vm_clone_steps_new(const char *folder)
{
    VmCloneSteps *steps = g_new0(VmCloneSteps, 1);

    steps->folder = g_strdup(folder);
    steps->steps = g_array_new(FALSE, FALSE, sizeof(struct step));
    g_array_set_clear_func(steps->steps, step_clear);
    steps->folders = g_ptr_array_new_with_free_func(g_free);
    steps->marker = -1;
    steps->held = g_array_new(FALSE, FALSE, sizeof(int));
    g_array_set_clear_func(steps->held, close_one);
    return steps;
}

void
vm_clone_steps_free(VmCloneSteps *steps)
{
    g_array_unref(steps->steps);
    g_array_unref(steps->held);
    if (steps->marker >= 0) {
        close(steps->marker);
    }
    g_ptr_array_unref(steps->folders);
    g_free(steps->folder);
    g_free(steps);
}

void
vm_clone_steps_copy(VmCloneSteps *steps, const char *from, const char *to, guint64 room)
{
    const struct step step = {
        .kind = COPY, .from = g_strdup(from), .to = g_strdup(to), .size = room};

    g_array_append_val(steps->steps, step);
    steps->size += room;
}

void
vm_clone_steps_link(VmCloneSteps *steps, const char *from, const char *to, gboolean must)
{
    const struct step step = {
        .kind = LINK, .from = g_strdup(from), .to = g_strdup(to), .must = must};

    if (!vm_clone_steps_has(steps, to)) {
        g_array_append_val(steps->steps, step);
    }
}

void
vm_clone_steps_write(VmCloneSteps *steps, const char *to, GBytes *bytes)
{
    const struct step step = {.kind = WRITE, .to = g_strdup(to), .bytes = g_bytes_ref(bytes)};

    g_array_append_val(steps->steps, step);
}

void
vm_clone_steps_overlay(VmCloneSteps *steps, const char *to, const char *backing, const char *format,
                       guint64 size)
{
    const struct step step = {.kind = OVERLAY,
                              .to = g_strdup(to),
                              .backing = g_strdup(backing),
                              .format = g_strdup(format),
                              .size = size};

    g_array_append_val(steps->steps, step);
}

void
vm_clone_steps_freeze(VmCloneSteps *steps, const char *path)
{
    const struct step step = {.kind = FREEZE, .from = g_strdup(path)};

    g_array_append_val(steps->steps, step);
}

gboolean
vm_clone_steps_has(VmCloneSteps *steps, const char *to)
{
    for (guint i = 0; i < steps->steps->len; i++) {
        const struct step *step = &g_array_index(steps->steps, struct step, i);
        if (step->to && g_str_equal(step->to, to)) {
            return TRUE;
        }
    }
    return FALSE;
}

guint64
vm_clone_steps_get_size(VmCloneSteps *steps)
{
    return steps->size;
}

int
vm_clone_steps_get_percent(VmCloneSteps *steps)
{
    return g_atomic_int_get(&steps->percent);
}

static gboolean
fail(GError **error, const char *path, int number, const char *cure)
{
    g_set_error(error, G_IO_ERROR, g_io_error_from_errno(number), "“%s”: %s; %s", path,
                g_strerror(number), cure);
    return FALSE;
}

static gboolean
fail_writing(GError **error, const char *path, int number)
{
    return fail(error, path, number,
                number == ENOSPC || number == EDQUOT ? "make room on that disk"
                                                     : "check the folder that it is in");
}

/* The folder and those above it; which of them are new is noted. */
static gboolean
make_folder(VmCloneSteps *steps, const char *folder, GError **error)
{
    g_autofree char *parent = g_path_get_dirname(folder);

    if (g_file_test(folder, G_FILE_TEST_IS_DIR)) {
        return TRUE;
    }
    if (!g_str_equal(folder, steps->folder) && !make_folder(steps, parent, error)) {
        return FALSE;
    }
    if (g_str_equal(folder, steps->folder) && g_mkdir_with_parents(parent, 0700) < 0) {
        return fail_writing(error, parent, errno);
    }
    if (g_mkdir(folder, 0700) < 0) {
        return fail_writing(error, folder, errno);
    }
    g_ptr_array_add(steps->folders, g_strdup(folder));
    if (g_str_equal(folder, steps->folder)) {
        steps->marker = vm_half_made_begin(folder);
    }
    return TRUE;
}

/* Open what is copied or frozen, and keep others from writing it. Descriptor, or -1. */
static int
hold(VmCloneSteps *steps, const char *path, GError **error)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

    if (fd < 0) {
        (void)fail(error, path, errno, "put it there and make it readable");
        return -1;
    }
    g_array_append_val(steps->held, fd);
    if (flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_BUSY,
                    "another program writes to “%s”; stop it first", path);
        return -1;
    }
    return fd;
}

static void
copied(guint64 bytes, gpointer data)
{
    VmCloneSteps *steps = data;
    guint64 percent;

    steps->finished += bytes;
    percent = steps->size > 0 ? steps->finished * 100 / steps->size : 100;
    g_atomic_int_set(&steps->percent, (int)MIN(percent, 100));
}

/* When the first file cannot share its blocks, the others will hardly. */
static gboolean
check_room(VmCloneSteps *steps, const struct step *first, GError **error)
{
    const struct step *all = &g_array_index(steps->steps, struct step, 0);
    struct statvfs status;
    guint64 wanted = 0;
    guint64 there;

    if (steps->room_is_known || statvfs(steps->folder, &status) < 0) {
        return TRUE;
    }
    steps->room_is_known = TRUE;
    for (const struct step *step = first; step < all + steps->steps->len; step++) {
        wanted += step->kind == COPY ? step->size : 0;
    }
    there = (guint64)status.f_bavail * status.f_frsize;
    if (wanted > there) {
        g_autofree char *takes = g_format_size(wanted);
        g_autofree char *has = g_format_size(there);

        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NO_SPACE,
                    "“%s” has room for %s, and the copies take %s; make room there, or make a "
                    "linked clone",
                    steps->folder, has, takes);
        return FALSE;
    }
    return TRUE;
}

static int
make_file_at(const char *path, GError **error)
{
    const int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd < 0) {
        (void)fail_writing(error, path, errno);
    }
    return fd;
}

/* A new file; step->done from then on. */
static int
make_file(struct step *step, GError **error)
{
    const int fd = make_file_at(step->to, error);

    step->done = fd >= 0;
    return fd;
}

static gboolean
run_copy(VmCloneSteps *steps, struct step *step, GCancellable *cancellable, GError **error)
{
    const int from = hold(steps, step->from, error);
    const int to = from >= 0 ? make_file(step, error) : -1;
    int r = 0;

    if (to < 0) {
        return FALSE;
    }
    if (vm_copy_shares(from, to)) {
        copied(step->size, steps);
    } else if (!check_room(steps, step, error)) {
        r = 1;
    } else {
        r = vm_copy_bytes(from, to, cancellable, copied, steps);
    }
    if (r == 0 && fsync(to) < 0) {
        r = -errno; /* a definition will rely on it, and its user may delete what it is a copy of */
    }
    close(to);
    if (r == -ECANCELED) {
        return !g_cancellable_set_error_if_cancelled(cancellable, error);
    }
    return r < 0 ? fail_writing(error, step->to, -r) : r == 0;
}

static gboolean
run_link(VmCloneSteps *steps, struct step *step, GCancellable *cancellable, GError **error)
{
    if (link(step->from, step->to) == 0) {
        step->done = TRUE;
        return TRUE;
    }
    if (errno == ENOENT) {
        return fail(error, step->from, errno, "put it there");
    }
    if (errno == EEXIST || errno == ENOSPC || errno == EDQUOT) {
        return fail_writing(error, step->to, errno);
    }
    if (!step->must) {
        return run_copy(steps, step, cancellable, error);
    }
    if (errno == EXDEV) {
        g_set_error(
            error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
            "“%s” lies on another disk or partition than “%s”, so that a linked clone cannot "
            "share it; make a full clone, or choose a folder for disks there in the "
            "preferences",
            step->from, steps->folder);
        return FALSE;
    }
    return fail(error, step->from, errno,
                "a linked clone needs a second name of that file; make a full clone");
}

static gboolean
run_write(struct step *step, GError **error)
{
    gsize size = 0;
    const guint8 *bytes = g_bytes_get_data(step->bytes, &size);
    const int fd = make_file(step, error);
    gssize n;
    int saved;

    if (fd < 0) {
        return FALSE;
    }
    n = write(fd, bytes, size);
    saved = n < 0 ? errno : ENOSPC;
    if (n == (gssize)size && fsync(fd) < 0) {
        n = -1;
        saved = errno;
    }
    close(fd);
    return n == (gssize)size || fail_writing(error, step->to, saved);
}

static gboolean
fill_overlay(const struct step *step, int fd, const char *path, GError **error)
{
    const struct qcow2_new new_image = {.size = step->size,
                                        .cluster_bits = CLUSTER_BITS,
                                        .backing = step->backing,
                                        .backing_format = step->format};
    int r;

    if (fd < 0) {
        return FALSE;
    }
    r = qcow2_create(fd, &new_image);
    if (r == 0 && fsync(fd) < 0) {
        r = -errno; /* a definition will rely on it */
    }
    close(fd);
    return r == 0 || fail_writing(error, path, -r);
}

static gboolean
is_elsewhere(VmCloneSteps *steps, const struct step *step)
{
    g_autofree char *start = g_strconcat(steps->folder, "/", NULL);

    return steps->marker >= 0 && !g_str_has_prefix(step->to, start);
}

/* Beside the old machine's disk. In our folder first, so that who finds that half-made knows what else is. */
static gboolean
run_overlay_elsewhere(VmCloneSteps *steps, struct step *step, GError **error)
{
    g_autofree char *path = vm_half_made_elsewhere(steps->folder, steps->marker, step->to);

    if (!path) {
        return fail_writing(error, steps->folder, errno);
    }
    if (!fill_overlay(step, make_file_at(path, error), path, error)) {
        return FALSE;
    }
    step->done = link(path, step->to) == 0;
    return step->done || fail_writing(error, step->to, errno);
}

static gboolean
run_overlay(VmCloneSteps *steps, struct step *step, GError **error)
{
    return is_elsewhere(steps, step) ? run_overlay_elsewhere(steps, step, error)
                                     : fill_overlay(step, make_file(step, error), step->to, error);
}

/* Whether it can be: vm_clone_steps_end() does it. */
static gboolean
run_freeze(VmCloneSteps *steps, struct step *step, GError **error)
{
    const int fd = hold(steps, step->from, error);
    struct stat status;

    if (fd < 0) {
        return FALSE;
    }
    if (fstat(fd, &status) < 0 || fchmod(fd, status.st_mode & MODE_BITS) < 0) {
        return fail(error, step->from, errno,
                    "a linked clone needs it to be read-only; make a full clone");
    }
    step->fd = fd;
    step->mode = status.st_mode & MODE_BITS;
    step->done = TRUE;
    return TRUE;
}

static gboolean
run_step(VmCloneSteps *steps, struct step *step, GCancellable *cancellable, GError **error)
{
    g_autofree char *folder = NULL;

    if (g_cancellable_set_error_if_cancelled(cancellable, error)) {
        return FALSE;
    }
    if (step->kind == FREEZE) {
        return run_freeze(steps, step, error);
    }
    folder = g_path_get_dirname(step->to);
    if (!make_folder(steps, folder, error)) {
        return FALSE;
    }
    switch (step->kind) {
    case COPY:
        return run_copy(steps, step, cancellable, error);
    case LINK:
        return run_link(steps, step, cancellable, error);
    case WRITE:
        return run_write(step, error);
    default:
        return run_overlay(steps, step, error);
    }
}

gboolean
vm_clone_steps_run(VmCloneSteps *steps, GCancellable *cancellable, GError **error)
{
    for (guint i = 0; i < steps->steps->len; i++) {
        struct step *step = &g_array_index(steps->steps, struct step, i);

        if (!run_step(steps, step, cancellable, error)) {
            return FALSE;
        }
    }
    return !g_cancellable_set_error_if_cancelled(cancellable, error);
}

static void
end_marker(VmCloneSteps *steps)
{
    vm_half_made_end(steps->folder, steps->marker);
    steps->marker = -1;
}

void
vm_clone_steps_end(VmCloneSteps *steps)
{
    end_marker(steps);
    for (guint i = 0; i < steps->steps->len; i++) {
        const struct step *step = &g_array_index(steps->steps, struct step, i);

        if (step->done && step->kind == FREEZE) {
            (void)fchmod(step->fd, step->mode & ~(mode_t)WRITE_BITS); /* run_freeze() tried */
        }
    }
}

void
vm_clone_steps_keep(VmCloneSteps *steps)
{
    end_marker(steps);
    g_array_set_size(steps->steps, 0);
    g_ptr_array_set_size(steps->folders, 0);
}

void
vm_clone_steps_undo(VmCloneSteps *steps)
{
    for (guint i = steps->steps->len; i > 0; i--) {
        struct step *step = &g_array_index(steps->steps, struct step, i - 1);

        if (step->done && step->kind != FREEZE) {
            (void)g_unlink(step->to);
        }
        step->done = FALSE;
    }
    end_marker(steps);
    for (guint i = steps->folders->len; i > 0; i--) {
        (void)g_rmdir(g_ptr_array_index(steps->folders, i - 1));
    }
    g_ptr_array_set_size(steps->folders, 0);
}
