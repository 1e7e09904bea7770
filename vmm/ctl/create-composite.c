/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* create_composite: a disk whose partitions are files, with a table of partitions of its own. */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/ctl/command.h"
#include "vmm/disk/composite-spec.h"
#include "vmm/disk/gpt.h"

enum {
    PAGE_BYTES = 4096,
    DISK_STEP = 65536, /* other programs that read such disks want whole ones */
    PARTITIONS_MAX = COMPOSITE_PARTS_MAX - 2,
};

/* What is being made. The path of one that was not made stays NULL. */
typedef struct {
    const char *path;
    char *folder; /* with “/” at its end */
    gboolean outside;
    struct composite_spec spec;
    struct gpt_partition partition[PARTITIONS_MAX];
    gsize n_partitions;
    guint64 end; /* of what was placed */
    gboolean has_filler;
    char *made[4];
    gsize n_made;
} NewDisk;

static void
new_disk_free(NewDisk *disk)
{
    g_free(disk->folder);
    for (gsize i = 0; i < disk->n_made; i++) {
        g_free(disk->made[i]);
    }
    g_free(disk);
}

static gboolean
refuse_word(const char *word, const char *why)
{
    command_say("create_composite: “%s” %s.", word, why);
    return FALSE;
}

/* The next part of the disk; `path` as the disk's file shall hold it. */
static gboolean
add_part(NewDisk *disk, const char *path, guint64 length, gboolean writable)
{
    struct composite_part *part = &disk->spec.part[disk->spec.n_parts];

    if (disk->spec.n_parts == COMPOSITE_PARTS_MAX) {
        command_say(
            "create_composite: a disk takes 22 files at most, and half as many whose lengths "
            "are no multiples of 4096; give fewer.");
        return FALSE;
    }
    if (strlen(path) >= sizeof(part->path)) {
        return refuse_word(path, "is too long a path for a disk; move the file");
    }
    g_strlcpy(part->path, path, sizeof(part->path));
    part->offset = disk->end;
    part->length = length;
    part->writable = writable;
    disk->spec.n_parts++;
    disk->end += length;
    return TRUE;
}

/* A file of our own beside the disk's, by its name alone. */
static char *
name_beside(const NewDisk *disk, const char *ending)
{
    g_autofree char *name = g_path_get_basename(disk->path);

    return g_strconcat(name, ending, NULL);
}

static gboolean
read_name(const char *label, struct gpt_partition *partition)
{
    glong n = 0;
    g_autofree gunichar2 *units = g_utf8_to_utf16(label, -1, NULL, &n, NULL);

    if (!units || n == 0 || n > GPT_NAME_UNITS) {
        return refuse_word(label, "is no label: give 1 to 36 characters of UTF-8");
    }
    memcpy(partition->name, units, (gsize)n * sizeof(*units));
    return TRUE;
}

static gboolean
read_length(const char *file, gboolean writable, guint64 *ret_length)
{
    struct stat st;

    if (stat(file, &st) < 0 || access(file, R_OK) < 0) {
        g_autofree char *why =
            g_strdup_printf("cannot be opened (%s); check it", g_strerror(errno));

        return refuse_word(file, why);
    }
    if (!S_ISREG(st.st_mode) || st.st_size <= 0) {
        return refuse_word(file, S_ISREG(st.st_mode) ? "is empty; give another"
                                                     : "is not a file; give a file");
    }
    if (writable && st.st_size % PAGE_BYTES != 0) {
        return refuse_word(file, "is to be written, but its length is no multiple of 4096 bytes; "
                                 "make it longer with “truncate -s %4096”");
    }
    *ret_length = (guint64)st.st_size;
    return TRUE;
}

/* “writable”, and the partition's own GUID. */
static gboolean
read_flags(char **words, gboolean *writable, struct gpt_partition *partition)
{
    g_autofree char *guid = g_uuid_string_random();

    (void)gpt_guid_from_text(guid, partition->guid);
    for (; *words; words++) {
        if (g_str_equal(*words, "writable")) {
            *writable = TRUE;
        } else if (!gpt_guid_from_text(*words, partition->guid)) {
            return refuse_word(*words, "is neither “writable” nor a GUID");
        }
    }
    return TRUE;
}

static gboolean
is_known_name(const NewDisk *disk, const struct gpt_partition *partition)
{
    for (gsize i = 0; i < disk->n_partitions; i++) {
        if (memcmp(disk->partition[i].name, partition->name, sizeof(partition->name)) == 0) {
            return TRUE;
        }
    }
    return FALSE;
}

/* Relative where that will do: then all files can be moved, and `vmm run` follows it unasked. */
static gboolean
place_file(NewDisk *disk, const char *given, guint64 length, gboolean writable)
{
    g_autofree char *file = g_canonicalize_filename(given, NULL);
    const gboolean outside = !g_str_has_prefix(file, disk->folder);
    const guint64 rest = (PAGE_BYTES - length % PAGE_BYTES) % PAGE_BYTES;
    g_autofree char *filler = name_beside(disk, ".filler");

    disk->outside = disk->outside || outside;
    if (!add_part(disk, outside ? file : file + strlen(disk->folder), length, writable)) {
        return FALSE;
    }
    disk->has_filler = disk->has_filler || rest > 0;
    return rest == 0 || add_part(disk, filler, rest, FALSE);
}

static gboolean
add_partition(NewDisk *disk, const char *word)
{
    g_auto(GStrv) words = g_strsplit(word, ":", -1);
    struct gpt_partition *partition = &disk->partition[disk->n_partitions];
    gboolean writable = FALSE;
    guint64 length;

    if (g_strv_length(words) < 2) {
        return refuse_word(word, "is no LABEL:FILE; give a label, a colon and a file");
    }
    if (g_str_has_suffix(words[1], ".qcow2") || g_str_has_suffix(words[1], ".composite")) {
        return refuse_word(words[1],
                           "is not raw, as the files of such a disk have to be; convert it "
                           "with qemu-img");
    }
    if (!read_name(words[0], partition) || !read_flags(words + 2, &writable, partition) ||
        !read_length(words[1], writable, &length)) {
        return FALSE;
    }
    if (is_known_name(disk, partition)) {
        return refuse_word(words[0], "is the label of two partitions; give another");
    }
    partition->offset = disk->end;
    if (!place_file(disk, words[1], length, writable)) {
        return FALSE;
    }
    partition->length = disk->end - partition->offset;
    disk->n_partitions++;
    return TRUE;
}

static int
write_bytes(int fd, const guint8 *bytes, gsize size)
{
    while (size > 0) {
        const gssize n = write(fd, bytes, size);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return n < 0 ? -errno : -EIO;
        }
        bytes += n;
        size -= (gsize)n;
    }
    return 0;
}

static gboolean
write_file(NewDisk *disk, const char *ending, const guint8 *bytes, gsize size)
{
    g_autofree char *path = g_strconcat(disk->path, ending, NULL);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    int r = fd < 0 ? -errno : 0;

    if (r == -EEXIST) {
        return refuse_word(path, "is there already; give another name, or remove it");
    }
    if (r == 0) {
        disk->made[disk->n_made++] = g_strdup(path);
        r = write_bytes(fd, bytes, size);
        close(fd);
    }
    if (r < 0) {
        g_autofree char *why =
            g_strdup_printf("cannot be made (%s); check the folder", g_strerror(-r));

        return refuse_word(path, why);
    }
    return TRUE;
}

/* The table of partitions at both ends, what fills pages, and last the disk's own file. */
static gboolean
write_files(NewDisk *disk, const struct gpt *gpt, guint64 footer_size)
{
    static const guint8 filler[PAGE_BYTES];
    g_autofree guint8 *start = g_malloc0(GPT_START_BYTES);
    g_autofree guint8 *footer = g_malloc0(footer_size);
    g_autofree guint8 *spec = g_malloc(COMPOSITE_SPEC_BYTES_MAX);
    const gsize size = composite_spec_write(&disk->spec, spec, COMPOSITE_SPEC_BYTES_MAX);

    gpt_fill(gpt, start, footer + footer_size - GPT_END_BYTES);
    return write_file(disk, ".header", start, GPT_START_BYTES) &&
           (!disk->has_filler || write_file(disk, ".filler", filler, sizeof(filler))) &&
           write_file(disk, ".footer", footer, footer_size) && write_file(disk, "", spec, size);
}

static gboolean
make_disk(NewDisk *disk)
{
    const guint64 size = (disk->end + GPT_END_BYTES + DISK_STEP - 1) / DISK_STEP * DISK_STEP;
    const guint64 footer_size = size - disk->end;
    g_autofree char *footer = name_beside(disk, ".footer");
    g_autofree char *guid = g_uuid_string_random();
    struct gpt gpt = {
        .size = size, .n_partitions = disk->n_partitions, .partition = disk->partition};

    (void)gpt_guid_from_text(guid, gpt.guid);
    if (!add_part(disk, footer, footer_size, FALSE)) {
        return FALSE;
    }
    disk->spec.length = size;
    if (write_files(disk, &gpt, footer_size)) {
        return TRUE;
    }
    for (gsize i = 0; i < disk->n_made; i++) {
        unlink(disk->made[i]);
    }
    return FALSE;
}

static void
name_folder(NewDisk *disk)
{
    g_autofree char *path = g_canonicalize_filename(disk->path, NULL);
    g_autofree char *folder = g_path_get_dirname(path);

    disk->folder =
        g_str_has_suffix(folder, "/") ? g_strdup(folder) : g_strconcat(folder, "/", NULL);
}

static gboolean
create(NewDisk *disk, char **words)
{
    g_autofree char *header = name_beside(disk, ".header");

    name_folder(disk);
    if (!add_part(disk, header, GPT_START_BYTES, FALSE)) {
        return FALSE;
    }
    for (; *words; words++) {
        if (!add_partition(disk, *words)) {
            return FALSE;
        }
    }
    return make_disk(disk);
}

static void
say_what_is_wanted(const NewDisk *disk)
{
    if (!g_str_has_suffix(disk->path, ".composite")) {
        g_print("Its name does not end in “.composite”: give --block %s,format=composite.\n",
                disk->path);
    }
    if (disk->outside) {
        g_print("Some of its files lie in another folder: give --block %s,outside-files.\n",
                disk->path);
    }
}

int
command_create_composite(const Command *command, int argc, char **argv)
{
    NewDisk *disk;
    gboolean done;

    if (!command_parse(command, NULL, &argc, &argv)) {
        return STATUS_USAGE;
    }
    disk = g_new0(NewDisk, 1);
    disk->path = argv[1];
    done = create(disk, argv + 2);
    if (done) {
        say_what_is_wanted(disk);
    }
    new_disk_free(disk);
    return done ? STATUS_DONE : STATUS_USAGE;
}
