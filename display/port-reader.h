/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One reader of a port, or the port's own output and input (stdout and stdin). Used by port.c only. */

#include <glib.h>

G_BEGIN_DECLS

typedef struct vm_port_reader VmPortReader;

/* The bytes of the port that are still known: [total - kept, total); byte n is at data[n % size]. */
typedef struct {
    const guint8 *data;
    gsize size;
    guint64 total;
} VmPortRing;

typedef struct {
    const VmPortRing *ring; /* outlives the reader */
    /* Bytes from the reader for the guest; returns how many were taken (0: ask later). */
    gsize (*take_input)(gpointer owner, const guint8 *bytes, gsize size);
    /* The reader is gone (closed, or wrote to by nobody any more); it may be freed in here. */
    void (*gone)(gpointer owner, VmPortReader *reader);
    gpointer owner;
} VmPortReaderHost;

/*
 * Takes the descriptors. A client's socket is both; the port's own output and input are separate, may be
 * -1, and are not switched to non-blocking, because others may share them.
 */
VmPortReader *vm_port_reader_new_socket(const VmPortReaderHost *host, int fd, guint64 start);
VmPortReader *vm_port_reader_new_own(const VmPortReaderHost *host, int output_fd, int input_fd);
void vm_port_reader_free(VmPortReader *self);

/* New bytes are in the ring. Writes what fits; the rest goes out by itself. */
void vm_port_reader_wake(VmPortReader *self);
/* The guest takes input again. */
void vm_port_reader_resume_input(VmPortReader *self);
/* How many bytes of the ring it has not written yet. */
guint64 vm_port_reader_get_lag(const VmPortReader *self);
/* Forget everything up to the end of the ring. */
void vm_port_reader_skip(VmPortReader *self);

G_END_DECLS
