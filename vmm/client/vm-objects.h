/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The consoles and chardevs of one machine, by their objects' paths, as VmConnection hears of them.
 * Other paths, and more than a machine can have, are not believed. Not for users of the library.
 */

#include <gio/gio.h>

G_BEGIN_DECLS

typedef struct {
    GListStore *consoles; /* VmConsole, by their numbers */
    GListStore *chardevs; /* VmChardev */
} VmObjects;

void vm_objects_init(VmObjects *self);
void vm_objects_clear(VmObjects *self);

/* Makes the object at that path, if it is new. */
void vm_objects_make(VmObjects *self, const char *path);

/* Properties of one interface of the object (a{sv}), if it is known. */
void vm_objects_update(VmObjects *self, const char *path, GVariant *values);

/* Lets the object work, if it is known. */
void vm_objects_link(VmObjects *self, const char *path, GDBusConnection *link);

/* None of them has a link any more. */
void vm_objects_unlink(VmObjects *self);

/* A console that was taken away. */
void vm_objects_forget_console(VmObjects *self, const char *path);

/* Consoles that were lost while there was no link. Where none is known, all may still come. */
void vm_objects_forget_lost(VmObjects *self);

G_END_DECLS
