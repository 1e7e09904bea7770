/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Reads the files that definitions include (vmm/client/bases.h) in threads: they may lie where nobody answers, as on
 * a network that is gone. One thread for a machine, whatever happens meanwhile.
 */

#include "vmm/client/bases.h"

G_BEGIN_DECLS

typedef struct VmBasesReader VmBasesReader;

/* came(data) after a reading for the machine that was last asked about; never for another one. */
VmBasesReader *vm_bases_reader_new(void (*came)(gpointer data), gpointer data);
/* No more of came(); threads end when they can. */
void vm_bases_reader_close(VmBasesReader *self);

/*
 * What is known of the machine `name` with that definition, at once: with its files as they were last read, or, with
 * ret_known FALSE, without them. vm_bases_unref().
 */
VmBases *vm_bases_reader_get(VmBasesReader *self, const char *name, VmJson *definition,
                             gboolean *ret_known);

/* Reads them, again if they are being read. */
void vm_bases_reader_read(VmBasesReader *self, const char *name, VmJson *definition);

G_END_DECLS
