/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A small file system that nobody writes again: ECMA-119 (ISO 9660) with the names of Rock Ridge. */

#include <glib.h>

enum {
    VM_ISO_SECTOR = 2048,
    VM_ISO_FILES_MAX = 8,
    VM_ISO_NAME_MAX = 26, /* so that the other name of a file, with “.;1”, stays below 30 */
    VM_ISO_LABEL_MAX = 32,
};

/* A file of the top folder: the name is of a-z, 0-9 and “-”. */
typedef struct {
    const char *name;
    const char *text;
    gsize size; /* below 4 GiB */
} VmIsoFile;

/* The whole image; files must be sorted by name. Only root of the guest may read them. */
GBytes *vm_iso_image_new(const char *label, const VmIsoFile *files, guint n_files);
