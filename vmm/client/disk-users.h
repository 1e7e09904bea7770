/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Which machines need which files: always found from the definitions, the files that those include (which count as
 * needed themselves) and the headers of their disks, kept nowhere else. A definition that includes a file that cannot
 * be used is one that cannot be read.
 */

#include "vmm/client/disk-files.h"

/* Another machine than `name` that may write that very file as its disk; NULL: none. g_free(). */
char *vm_disk_writer(const char *name, const VmDiskFile *file);

/* Whether another definition than that of `name` needs the file, whatever it calls it; or cannot be read. */
gboolean vm_disk_is_needed(const char *name, guint64 device, guint64 inode);

/* A definition other than that of `name` that needs the file, of those that can be read; NULL: none. g_free(). */
char *vm_disk_dup_user(const char *name, guint64 device, guint64 inode);

/*
 * Files in the own folder of the machine `name` that other machines' disks lie over, or are made of: paths
 * without links in them. A file that others have a second name of is not among them. Never NULL;
 * g_strfreev().
 */
GStrv vm_disk_kept_files(VmJson *json, const char *name);

/* Another machine than `name` whose definition cannot be read, and so may need any file; NULL: none. g_free(). */
char *vm_disk_unknown_user(const char *name);

/* Whether another definition than that of `name` needs a file in `folder`, or cannot be read. */
gboolean vm_disk_folder_is_needed(const char *name, const char *folder);

/*
 * Folders of machines that were deleted, left for the disks of the machine `name` (vm_disk_kept_files()),
 * which nobody but it needs. Those of machines whose definition alone was removed are not among them: their
 * disks are to stay. Never NULL; g_strfreev().
 */
GStrv vm_disk_left_folders(VmJson *json, const char *name);

/* The file that says of a folder of disks that its machine was deleted; g_free(). */
char *vm_disk_left_mark(const char *folder);
