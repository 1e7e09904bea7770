/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Between the manager and an X server that takes dmabufs and textures: what it asks for is counted here, may be
 * refused, and is done by pixmaps of this program's own in the mode "stand-in" (test-x11-dmabuf.c). The linker
 * puts these in place of the real functions (--wrap).
 */

#include <gtk/gtk.h>

#include "tests/ui/card-buffers.h"

/* What the manager asked for, and what it is to be told; console-told.h has what it told. */
typedef struct {
    guint asked;     /* imports */
    gboolean refuse; /* the next ones */
    guint copies;    /* asked for */
    gboolean refuse_copies;
    CardKind kind;   /* what the memory is said to be */
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
