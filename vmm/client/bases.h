/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the files say that a definition includes ("cfg": [FILE, …]), by the rules of `vmm run --cfg`: included files
 * come first, in order, the including file decides, and lists of devices grow. Files are somebody else's: at most
 * 32 of at most 1 MiB are read, none that is no plain file, and what cannot be read is named.
 */

#include <glib.h>

#include "vmm/client/json.h"

G_BEGIN_DECLS

typedef struct VmBases VmBases;

/* definition lies in `path`. */
VmBases *vm_bases_new(VmJson *definition, const char *path);
/* That of the machine `name`. */
VmBases *vm_bases_new_of(VmJson *definition, const char *name);
VmBases *vm_bases_ref(VmBases *self);
void vm_bases_unref(VmBases *self);

/* Without reading: as if nothing were included. */
VmBases *vm_bases_new_own(VmJson *definition);
/* Without reading: another definition with what the files said when `read` was made. */
VmBases *vm_bases_new_with(VmBases *read, VmJson *definition);

/* All of it in one. Of “params” the definition's own stand alone, as they can be changed. */
VmJson *vm_bases_get_whole(VmBases *self);

/* The same as a definition that includes nothing: all “params”, and the notes ("manager") of the definition. */
VmJson *vm_bases_dup_flat(VmBases *self);

/* The files that were found, their whole paths; borrowed. */
const char *const *vm_bases_get_paths(VmBases *self);

/* The file that decides this option ("mem") alone, fit to be shown; NULL: the definition does, or nobody. */
const char *vm_bases_get_file(VmBases *self, const char *option);

/* The same of one device of a list ("block"). Those of files come before the definition's own. */
const char *vm_bases_get_file_of(VmBases *self, const char *list, guint index);
guint vm_bases_count(VmBases *self, const char *list);

/* Why one of the files cannot be used, the first one; NULL: all can. */
const char *vm_bases_get_problem(VmBases *self);
/* The same as an error, with the cure: not all that the definition means is known. */
gboolean vm_bases_check(VmBases *self, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmBases, vm_bases_unref)

G_END_DECLS
