/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/client/iso-image.h"

#include <string.h>

/* Sectors: sixteen empty ones, then these, then the files. */
enum {
    DESCRIPTOR_AT = 16,
    END_AT,
    TABLE_LITTLE_AT,
    TABLE_BIG_AT,
    FOLDER_AT,
    FILES_AT,
};

enum {
    TABLE_BYTES = 10, /* one folder */
    RECORD_BYTES = 33,
    FLAG_FOLDER = 2,
    PX_BYTES = 36,
    IMAGE_STEP = 4096, /* whole pages, as other disks are */
    MODE_FOLDER = 0040500,
    MODE_FILE = 0100400,
};

static void
put_bytes(guint8 *to, const void *from, gsize size)
{
    memcpy(to, from, size);
}

static void
put_both_16(guint8 *to, guint16 value)
{
    to[0] = to[3] = (guint8)value;
    to[1] = to[2] = (guint8)(value >> 8);
}

static void
put_both_32(guint8 *to, guint32 value)
{
    const guint32 little = GUINT32_TO_LE(value);
    const guint32 big = GUINT32_TO_BE(value);

    put_bytes(to, &little, sizeof(little));
    put_bytes(to + sizeof(little), &big, sizeof(big));
}

static void
put_text(guint8 *to, gsize size, const char *text)
{
    memset(to, ' ', size);
    put_bytes(to, text, MIN(strlen(text), size));
}

/* Seven bytes (ECMA-119, 9.1.5). */
static void
put_time(guint8 *to)
{
    g_autoptr(GDateTime) now = g_date_time_new_now_utc();

    to[0] = (guint8)(g_date_time_get_year(now) - 1900);
    to[1] = (guint8)g_date_time_get_month(now);
    to[2] = (guint8)g_date_time_get_day_of_month(now);
    to[3] = (guint8)g_date_time_get_hour(now);
    to[4] = (guint8)g_date_time_get_minute(now);
    to[5] = (guint8)g_date_time_get_second(now);
}

/* What stands after the plain record; each returns the bytes it took (SUSP 1.10, RRIP 1.10). */
static guint8
put_start(guint8 *to)
{
    put_bytes(to, "SP\7\1\276\357\0", 7);
    return 7;
}

static guint8
put_extension(guint8 *to)
{
    put_bytes(to, "ER\22\1\12\0\0\1RRIP_1991A", 18);
    return 18;
}

static guint8
put_mode(guint8 *to, guint32 mode, guint32 links)
{
    put_bytes(to, "PX\44\1", 4);
    put_both_32(to + 4, mode);
    put_both_32(to + 12, links);
    return PX_BYTES;
}

static guint8
put_name(guint8 *to, const char *name)
{
    const guint8 size = (guint8)(5 + strlen(name));

    put_bytes(to, "NM", 2);
    to[2] = size;
    to[3] = 1;
    put_bytes(to + 5, name, strlen(name));
    return size;
}

typedef struct {
    guint32 sector;
    guint32 size;
    guint8 flags;
    const char *name; /* the plain one */
    guint8 name_size;
} Extent;

/* Returns where what follows the record goes. */
static guint8 *
put_record(guint8 *to, const Extent *extent)
{
    put_both_32(to + 2, extent->sector);
    put_both_32(to + 10, extent->size);
    put_time(to + 18);
    to[25] = extent->flags;
    put_both_16(to + 28, 1);
    to[32] = extent->name_size;
    put_bytes(to + RECORD_BYTES, extent->name, extent->name_size);
    return to + RECORD_BYTES + extent->name_size + (extent->name_size % 2 == 0);
}

/* Its length is even; returns where the next one goes. */
static guint8 *
end_record(guint8 *record, guint8 *end)
{
    end += (end - record) % 2;
    record[0] = (guint8)(end - record);
    return end;
}

static guint8 *
put_folder_record(guint8 *to, gboolean parent)
{
    const Extent extent = {FOLDER_AT, VM_ISO_SECTOR, FLAG_FOLDER, parent ? "\1" : "\0", 1};
    guint8 *end = put_record(to, &extent);

    if (!parent) {
        end += put_start(end);
    }
    end += put_mode(end, MODE_FOLDER, 2);
    if (!parent) {
        end += put_extension(end);
    }
    return end_record(to, end);
}

static guint8 *
put_file_record(guint8 *to, const VmIsoFile *file, guint32 sector)
{
    g_autofree char *upper = g_ascii_strup(file->name, -1);
    g_autofree char *plain = g_strconcat(g_strdelimit(upper, "-", '_'), ".;1", NULL);
    const Extent extent = {sector, (guint32)file->size, 0, plain, (guint8)strlen(plain)};
    guint8 *end = put_record(to, &extent);

    end += put_mode(end, MODE_FILE, 1);
    end += put_name(end, file->name);
    return end_record(to, end);
}

static void
fill_descriptor(guint8 *to, const char *label, guint32 sectors)
{
    const Extent root = {FOLDER_AT, VM_ISO_SECTOR, FLAG_FOLDER, "\0", 1};
    const guint32 little = GUINT32_TO_LE(TABLE_LITTLE_AT);
    const guint32 big = GUINT32_TO_BE(TABLE_BIG_AT);

    put_bytes(to, "\1CD001\1", 7);
    put_text(to + 8, 32, "");
    put_text(to + 40, VM_ISO_LABEL_MAX, label);
    put_both_32(to + 80, sectors);
    put_both_16(to + 120, 1);
    put_both_16(to + 124, 1);
    put_both_16(to + 128, VM_ISO_SECTOR);
    put_both_32(to + 132, TABLE_BYTES);
    put_bytes(to + 140, &little, sizeof(little));
    put_bytes(to + 148, &big, sizeof(big));
    (void)end_record(to + 156, put_record(to + 156, &root));
    put_text(to + 190, 623, "");
    for (guint i = 0; i < 4; i++) {
        memset(to + 813 + (gsize)i * 17, '0', 16); /* times that are not told */
    }
    to[881] = 1;
}

static void
fill_tables(guint8 *image)
{
    guint8 *little = image + (gsize)TABLE_LITTLE_AT * VM_ISO_SECTOR;
    guint8 *big = image + (gsize)TABLE_BIG_AT * VM_ISO_SECTOR;

    little[0] = big[0] = 1;
    little[2] = FOLDER_AT;
    big[5] = FOLDER_AT;
    little[6] = 1;
    big[7] = 1;
}

static guint32
sectors_of(gsize size)
{
    return (guint32)((size + VM_ISO_SECTOR - 1) / VM_ISO_SECTOR);
}

GBytes *
vm_iso_image_new(const char *label, const VmIsoFile *files, guint n_files)
{
    guint32 sectors = FILES_AT;
    guint8 *image = NULL;
    guint8 *record = NULL;
    gsize size = 0;

    g_return_val_if_fail(n_files <= VM_ISO_FILES_MAX && strlen(label) <= VM_ISO_LABEL_MAX, NULL);
    for (guint i = 0; i < n_files; i++) {
        g_return_val_if_fail(strlen(files[i].name) <= VM_ISO_NAME_MAX, NULL);
        sectors += sectors_of(files[i].size);
    }
    size = ((gsize)sectors * VM_ISO_SECTOR + IMAGE_STEP - 1) / IMAGE_STEP * IMAGE_STEP;
    image = g_malloc0(size);
    fill_descriptor(image + (gsize)DESCRIPTOR_AT * VM_ISO_SECTOR, label,
                    (guint32)(size / VM_ISO_SECTOR));
    put_bytes(image + (gsize)END_AT * VM_ISO_SECTOR, "\377CD001\1", 7);
    fill_tables(image);
    record = put_folder_record(image + (gsize)FOLDER_AT * VM_ISO_SECTOR, FALSE);
    record = put_folder_record(record, TRUE);
    sectors = FILES_AT;
    for (guint i = 0; i < n_files; i++) {
        record = put_file_record(record, &files[i], sectors);
        if (files[i].size > 0) {
            put_bytes(image + (gsize)sectors * VM_ISO_SECTOR, files[i].text, files[i].size);
        }
        sectors += sectors_of(files[i].size);
    }
    return g_bytes_new_take(image, size);
}
