/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a machine can be made from: guesses about files, and facts about this computer. */

#include "vmm/client/json.h"

typedef enum {
    VM_SOURCE_KERNEL,
    VM_SOURCE_DISK,
    VM_SOURCE_COPY, /* of another machine */
    VM_SOURCE_CONFIGURATION,
} VmSourceKind;

/* By the first bytes; an unreadable file counts as a disk. */
VmSourceKind vm_source_guess(const char *path);

/* "debian-12-generic-amd64.raw" -> "Debian 12", "vmlinuz-6.1.0-56-amd64" -> "Linux 6.1.0"; g_free(). */
char *vm_source_title(const char *path);

/* A file that begins as XML does. */
gboolean vm_source_is_xml(const char *path);

/* Text that is neither XML nor a configuration: vm_command_line_load_async() says whether it is a command line. */
gboolean vm_source_is_text(const char *path);

/* A configuration file, or a machine of libvirt, with its paths made absolute; NULL with error set.
 * *ret_left_out: a sentence about what was left out, g_free(), or NULL. */
VmJson *vm_source_load_configuration(const char *path, char **ret_left_out, GError **error);

/* The last part of the path in a member, NULL without one; g_free(). */
char *vm_source_file_of(VmJson *json, const char *member);

/* The disk that vm_store_add() makes for a user, where it usually is. */
void vm_source_add_seed(VmJson *json, const char *name);

/* NULL when the file can be used, else why not, in words; g_free(). */
char *vm_source_complain(const char *path);

/* The same for a disk: what is no image that can be used, by the first bytes. */
char *vm_source_complain_of_disk(const char *path);
/* The same for a kernel. */
char *vm_source_complain_of_kernel(const char *path);

/* A qcow2 image whose name does not say so: the definition has to. */
gboolean vm_source_wants_format(const char *path);

/* MiB; 0 when unknown. */
guint64 vm_source_free_memory(void);
guint64 vm_source_total_memory(void);

/* "4 GiB", "512 MiB"; g_free(). */
char *vm_source_memory_words(guint64 mib);

/* A sentence with both figures when more MiB are wanted than there are; NULL: enough, or unknown (0); g_free(). */
char *vm_source_complain_of_memory(guint64 wanted, guint64 available);
