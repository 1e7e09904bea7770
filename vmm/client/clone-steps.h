/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Files that are made one after the other, and taken away again when one of them cannot be. First they are
 * planned; then all of it may be run in a thread.
 */

#include <gio/gio.h>

typedef struct VmCloneSteps VmCloneSteps;

/* New files go to `folder`, or to folders in it; made when it is needed. */
VmCloneSteps *vm_clone_steps_new(const char *folder);
/* What was made stays; what was held may be written again, where it is not frozen. */
void vm_clone_steps_free(VmCloneSteps *steps);

/* A copy, of `room` bytes on the disk; blocks are shared where the file system can, holes stay holes. */
void vm_clone_steps_copy(VmCloneSteps *steps, const char *from, const char *to, guint64 room);
/* A second name of the same file; where there can be none, a copy, or with `must` a failure. */
void vm_clone_steps_link(VmCloneSteps *steps, const char *from, const char *to, gboolean must);
void vm_clone_steps_write(VmCloneSteps *steps, const char *to, GBytes *bytes);
/* An empty qcow2 image over the file that is called `backing` beside it. */
void vm_clone_steps_overlay(VmCloneSteps *steps, const char *to, const char *backing,
                            const char *format, guint64 size);
/* Nobody writes to the file any more, from vm_clone_steps_end() on. */
void vm_clone_steps_freeze(VmCloneSteps *steps, const char *path);

/* Whether a step makes that file. */
gboolean vm_clone_steps_has(VmCloneSteps *steps, const char *to);
/* Bytes that copies take where no blocks can be shared. */
guint64 vm_clone_steps_get_size(VmCloneSteps *steps);

/*
 * Does them all. What is copied or frozen may not be written by others meanwhile: G_IO_ERROR_BUSY when
 * somebody does, and nobody may begin before the steps are freed. G_IO_ERROR_NO_SPACE before the first
 * byte where that can be known. After a failure call vm_clone_steps_undo().
 */
gboolean vm_clone_steps_run(VmCloneSteps *steps, GCancellable *cancellable, GError **error);
/* Of the bytes; from any thread. */
int vm_clone_steps_get_percent(VmCloneSteps *steps);
/*
 * The definitions are saved: what is to be frozen is. Not before: a file that a definition still names for
 * writing must be writable when we are killed in between.
 */
void vm_clone_steps_end(VmCloneSteps *steps);
/* Nothing of it is undone any more. */
void vm_clone_steps_keep(VmCloneSteps *steps);
/* Removes what was made, and nothing else. */
void vm_clone_steps_undo(VmCloneSteps *steps);
