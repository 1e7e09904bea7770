/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A client of org.qemu.Display1 in plain GDBus, independent of our client library. */

#include <gio/gio.h>

G_BEGIN_DECLS

#define CONSOLE_0 "/org/qemu/Display1/Console_0"
#define SERIAL_0  "/org/qemu/Display1/Chardev_serial_0"
#define MACHINE   "/org/vitrine/Vmm1"

GDBusConnection *peer_connect(const char *path, GError **error);

/* Call and wait; NULL is an error, whose name is given to ret_error when that is wanted (else fatal). */
GVariant *peer_call(GDBusConnection *connection, const char *path, const char *method,
                    GVariant *arguments, char **ret_error);
/* Send without waiting and without wanting a reply. */
void peer_send(GDBusConnection *connection, const char *path, const char *method,
               GVariant *arguments);
/* Pass one descriptor (the caller's). */
gboolean peer_pass(GDBusConnection *connection, const char *path, const char *method, int fd,
                   GError **error);
GVariant *peer_get(GDBusConnection *connection, const char *path, const char *interface,
                   const char *property);

/* Open the stream of a port. */
int peer_open_port(GDBusConnection *connection, const char *path);
/* Read exactly so many bytes. */
void peer_read(int fd, void *bytes, gsize size);

/* A listener that records what it is told. */
typedef struct {
    GDBusConnection *connection;
    gboolean hold;                   /* do not answer */
    gboolean dmabuf;                 /* of peer_listen_dmabuf() */
    gboolean refuse;                 /* answer ScanoutDMABUF2 with an error */
    gboolean late;                   /* of peer_listen_late() */
    GDBusMethodInvocation *question; /* its; about Interfaces */
    GQueue held;                     /* invocations without an answer */
    GPtrArray *calls;                /* texts such as "UpdateMap 1 2 3 4" */
    guint answered;
    guint registered[3]; /* object numbers of the link */
    /* Of the last scanout, of any kind: */
    int fd;
    guint offset;
    guint width;
    guint height;
    guint stride;
    guint format;
    /* Of the last one that was a dmabuf: */
    guint x;
    guint y;
    guint whole_width;
    guint whole_height;
    guint64 modifier;
    gboolean y0_top;
    GVariant *pixels; /* of the last Scanout or Update */
    GVariant *cursor; /* arguments of the last CursorDefine */
} PeerListener;

PeerListener *peer_listen(GDBusConnection *connection, const char *path, gboolean map);
/* One that names both Unix.Map and ScanoutDMABUF2. */
PeerListener *peer_listen_dmabuf(GDBusConnection *connection, const char *path);
/* One that names Unix.Map, but only when peer_listener_tell_interfaces() is called; till then it knows no Scanout. */
PeerListener *peer_listen_late(GDBusConnection *connection, const char *path);
void peer_listener_tell_interfaces(PeerListener *self);
void peer_listener_free(PeerListener *self);
/* Answer what was held and stop holding. */
void peer_listener_go_on(PeerListener *self);
const char *peer_listener_last(PeerListener *self);
guint peer_listener_count(PeerListener *self, const char *prefix);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PeerListener, peer_listener_free)

G_END_DECLS
