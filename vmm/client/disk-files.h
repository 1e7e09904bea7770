/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The files that a disk is made of: one; or a qcow2 image and what it is based on; or what names the parts
 * of a composite disk, and the parts. Kinds are found as `vmm run` finds them (docs/threat-model.md): by the
 * format or the name, never by what a guest may have written. Only headers are read.
 */

#include <gio/gio.h>

#include "vmm/client/json.h"
#include "vmm/disk/composite-spec.h"

enum {
    VM_DISK_CHAIN_MAX = 8, /* images behind a qcow2 image that a machine starts with */
};

typedef struct {
    char *path;         /* absolute where the disk's is */
    char *name;         /* as the file that refers to it has it; NULL: nothing refers to it */
    const char *format; /* "raw", "qcow2" or "composite" */
    guint64 size;       /* of the disk in it, bytes */
    guint64 room;       /* that it takes on the host's disk */
    guint64 device;     /* with the next: which file it is, whatever its name */
    guint64 inode;
    gboolean is_part;   /* of a composite disk */
    gboolean writable;  /* such a part */
    gboolean is_frozen; /* nobody may write to it */
    gboolean is_empty;  /* a qcow2 image in which nothing was written yet */
} VmDiskFile;

/* What a definition says of a disk; strings are the definition's. */
typedef struct {
    const char *path;
    const char *format; /* or NULL */
    gboolean read_only;
    gboolean anywhere; /* outside-files: it may name files outside of its folder */
} VmDisk;

/* Disk number `index` of a definition; FALSE when it has no path. */
gboolean vm_disk_of(VmJson *json, guint index, VmDisk *ret_disk);

/*
 * Its files, the first one first, in the order of the chain or of the parts: VmDiskFile. With `error` set
 * those that were found before the trouble. Never NULL; g_ptr_array_unref().
 */
GPtrArray *vm_disk_files(const VmDisk *disk, GError **error);

/* What names the parts of a composite disk; g_free(). NULL with error set. */
struct composite_spec *vm_disk_read_spec(const char *path, GError **error);
