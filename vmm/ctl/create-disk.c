/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* create_qcow2: a new image of a disk. */

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/ctl/command.h"
#include "vmm/disk/qcow2.h"

enum {
    CLUSTER_BITS = 16,
    SECTOR_SIZE = 512,
};

typedef struct {
    const char *path;
    const char *file;   /* as given, or NULL */
    const char *format; /* as given, or NULL */
    guint64 size;       /* 0: the backing file's */
    char *name;         /* of the backing file, as the image shall hold it */
    gboolean outside;   /* of the image's folder */
} NewImage;

static gboolean
read_size(const NewImage *image, gboolean is_qcow2, guint64 *ret_size)
{
    g_autofree guint8 *bytes = g_malloc(QCOW2_HEADER_BYTES_MAX);
    int fd = open(image->file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct qcow2_start start = {.bytes = bytes};
    struct qcow2_header header;
    const char *why = "it cannot be read";
    struct stat st;
    gssize n;
    gboolean done = FALSE;

    if (fd < 0 || fstat(fd, &st) < 0) {
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): g_autofree frees it */
        command_say("create_qcow2: “%s” cannot be opened (%s); check it.", image->file,
                    g_strerror(errno));
    } else if (!S_ISREG(st.st_mode)) {
        command_say("create_qcow2: “%s” is not a file; give a file.", image->file);
    } else if (is_qcow2) {
        n = pread(fd, bytes, QCOW2_HEADER_BYTES_MAX, 0);
        start.size = n < 0 ? 0 : (gsize)n;
        start.file_size = (guint64)st.st_size;
        done = qcow2_header_read(&start, &header, &why) == 0;
        if (done) {
            *ret_size = header.size;
        } else {
            command_say("create_qcow2: “%s” cannot be used: %s; give another, or its "
                        "--backing-format.",
                        image->file, why);
        }
    } else {
        *ret_size = (guint64)st.st_size;
        done = TRUE;
    }
    if (fd >= 0) {
        close(fd);
    }
    return done;
}

/* Relative where that will do: then both files can be moved, and `vmm run` follows it unasked. */
static void
name_backing(NewImage *image)
{
    g_autofree char *path = g_canonicalize_filename(image->path, NULL);
    g_autofree char *file = g_canonicalize_filename(image->file, NULL);
    g_autofree char *folder = g_path_get_dirname(path);
    g_autofree char *start =
        g_str_has_suffix(folder, "/") ? g_strdup(folder) : g_strconcat(folder, "/", NULL);

    image->outside = !g_str_has_prefix(file, start);
    image->name = g_strdup(image->outside ? file : file + strlen(start));
}

static gboolean
look_at_backing(NewImage *image)
{
    guint64 size;

    if (!image->format) {
        image->format = g_str_has_suffix(image->file, ".qcow2") ? "qcow2" : "raw";
    }
    if (!g_str_equal(image->format, "raw") && !g_str_equal(image->format, "qcow2")) {
        command_say("create_qcow2: “%s” is not a format; give raw or qcow2.", image->format);
        return FALSE;
    }
    if (!read_size(image, g_str_equal(image->format, "qcow2"), &size)) {
        return FALSE;
    }
    if (image->size == 0) {
        image->size = (size + SECTOR_SIZE - 1) / SECTOR_SIZE * SECTOR_SIZE;
    }
    name_backing(image);
    if (strlen(image->name) >= QCOW2_NAME_SIZE) {
        command_say("create_qcow2: the path “%s” is too long for an image; move the file.",
                    image->name);
        return FALSE;
    }
    return TRUE;
}

static int
write_image(const NewImage *image)
{
    const struct qcow2_new new_image = {
        .size = image->size,
        .cluster_bits = CLUSTER_BITS,
        .backing = image->name,
        .backing_format = image->format,
    };
    int fd = open(image->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    int r;

    if (fd < 0 && errno == EEXIST) {
        command_say("create_qcow2: “%s” is there already; give another name.", image->path);
        return STATUS_USAGE;
    }
    if (fd < 0) {
        command_say("create_qcow2: “%s” cannot be made (%s); check the folder.", image->path,
                    g_strerror(errno));
        return STATUS_FAILED;
    }
    r = qcow2_create(fd, &new_image);
    close(fd);
    if (r < 0) {
        unlink(image->path);
        command_say("create_qcow2: “%s” cannot be written (%s)%s", image->path, g_strerror(-r),
                    r == -EINVAL ? "; give a size that is a multiple of 512 bytes, below 2 PiB."
                                 : "; make room on the disk.");
        return r == -EINVAL ? STATUS_USAGE : STATUS_FAILED;
    }
    if (!g_str_has_suffix(image->path, ".qcow2")) {
        g_print("Its name does not end in “.qcow2”: give --block %s,format=qcow2.\n", image->path);
    }
    if (image->outside) {
        g_print("“%s” lies in another folder: give --block %s,outside-files.\n", image->name,
                image->path);
    }
    return STATUS_DONE;
}

int
command_create_qcow2(const Command *command, int argc, char **argv)
{
    g_autofree char *file = NULL;
    g_autofree char *format = NULL;
    NewImage image = {0};
    int status;
    const GOptionEntry entries[] = {
        {"backing-file", 0, 0, G_OPTION_ARG_FILENAME, &file,
         "what the new image is based on; it is not written", "FILE"},
        {"backing-format", 0, 0, G_OPTION_ARG_STRING, &format,
         "raw or qcow2; qcow2 if its name ends in “.qcow2”, else raw", "FORMAT"},
        {NULL},
    };

    if (!command_parse(command, entries, &argc, &argv)) {
        return STATUS_USAGE;
    }
    image.path = argv[1];
    image.file = file;
    image.format = format;
    if (argc > 2 && !g_ascii_string_to_unsigned(argv[2], 10, 1, G_MAXINT64, &image.size, NULL)) {
        command_say("create_qcow2: “%s” is not a size; give bytes.", argv[2]);
        return STATUS_USAGE;
    }
    if (argc < 3 && !file) {
        command_say("create_qcow2: takes a size in bytes, or --backing-file, or both.");
        return STATUS_USAGE;
    }
    if (format && !file) {
        command_say("create_qcow2: --backing-format is for --backing-file; give that too.");
        return STATUS_USAGE;
    }
    if (file && !look_at_backing(&image)) {
        return STATUS_USAGE;
    }
    status = write_image(&image);
    g_free(image.name);
    return status;
}
