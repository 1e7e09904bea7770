/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the honest side of the pretended display and the other share. */

#include <gio/gio.h>

#include "tests/fakes/fake-display.h"

G_BEGIN_DECLS

#define MACHINE        "/org/vitrine/Vmm1"
#define ROOT           "/org/qemu/Display1"
#define CONSOLE        ROOT "/Console_0"
#define PORT           ROOT "/Chardev_serial_0"
#define LISTENER       ROOT "/Listener"
#define LISTENER_IFACE "org.qemu.Display1.Listener"
#define MAP_IFACE      LISTENER_IFACE ".Unix.Map"

/* Breaks out of isolates and turns what follows; markup; controls; a very long line. */
#define EVIL_WORDS \
    "\u2069\u202e<b>evil</b>&amp;\n\r\t\033[31m</span><a href='http://example.org'>click</a>"

enum {
    WIDTH = 640,
    HEIGHT = 480,
    PICTURE_BYTES = WIDTH * HEIGHT * 4,
    XRGB = 0x20020888, /* pixman's */
};

struct FakeDisplay {
    GThread *thread;
    GMainContext *context;
    GMainLoop *loop;
    GDBusServer *server;
    GPtrArray *links;     /* of clients */
    GPtrArray *listeners; /* connections to them */
    GArray *ports;        /* our ends of streams */
    GSource *tick;
    GSocketConnection *stream;
    GDBusNodeInfo *manager;
    int picture;
    int pipe[2];
    char *words;
    guint card_restarts;
    guint ticks;
    gint64 began;
    guint64 due; /* bytes of console that should have been written */
    gint in_flight;

    GMutex lock;
    FakeDisplayCounts counts;
};

/* fake-display.c */
/* To all listeners, with a descriptor unless it is -1; `arguments` is taken. */
void fake_display_tell(FakeDisplay *self, const char *interface, const char *method,
                       GVariant *arguments, int fd);
/* Its words, to all clients. */
void fake_display_emit_words(FakeDisplay *self);
/* The properties of its console (a{sv}). */
GVariant *fake_display_console(FakeDisplay *self);

/* fake-display-evil.c: in the thread; begins with all that no honest one would send. */
gboolean fake_display_begin_evil(gpointer data);

G_END_DECLS
