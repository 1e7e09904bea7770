/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Between the manager and an X server that takes dmabufs and textures: what it asks for is counted here, may be
 * refused, and is done by pixmaps of this program's own in the mode "stand-in" (test-x11-dmabuf.c). The linker
 * puts these in place of the real functions (--wrap).
 */

#include <gtk/gtk.h>

#include "vmm/client/vm-console.h"

enum {
    X11_MARGIN = 8, /* of a texture that is larger than the picture */
};

typedef enum {
    X11_NO_TEXTURE,
    X11_PLAIN,     /* a pixmap can be made of it */
    X11_SWAPPED,   /* red and blue */
    X11_PART,      /* is shown of it */
    X11_BOTTOM_UP, /* in memory */
} X11Kind;

/* What the manager told and was told, and what it is to be told. */
typedef struct {
    gboolean takes;
    gboolean paced;
    guint64 presented;
    guint asked;     /* imports */
    gboolean refuse; /* the next ones */
    VmTextures takes_textures;
    guint copies; /* asked for */
    gboolean refuse_copies;
    X11Kind kind;    /* what the memory is said to be */
    GArray *pixmaps; /* of the stand-in */
} X11Seen;

/* NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables): of one test */
extern X11Seen x11_seen;

/* Whether $TEST_DMABUF is this. */
gboolean x11_is_mode(const char *mode);
/* Before each test. */
void x11_forget(void);
/* The pixmaps show what the memory has now; copies do when they are told to. */
void x11_fill_stand_ins(void);
