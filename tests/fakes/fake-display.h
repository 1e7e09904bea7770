/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A display process of the worst kind, in a thread: one console, one serial port, a machine that runs.
 * It answers what a client needs, and on demand sends cursors, pictures, damage, words and console
 * output that no honest one would. Failures end the test (g_assert).
 */

#include <glib.h>

G_BEGIN_DECLS

typedef struct FakeDisplay FakeDisplay;

typedef struct {
    guint scanouts;  /* sent, good ones and bad ones */
    guint cursors;   /* the same */
    guint64 console; /* bytes that the client's end took */
    guint keys;      /* pressed by the client */
    guint listeners; /* registered so far */
    guint pictures;  /* small ones that were asked for */
} FakeDisplayCounts;

/* Listens at `path`. Shows one picture of 640 x 480. */
FakeDisplay *fake_display_new(const char *path);
/* As if killed: every connection ends at once, nobody listens any more. */
void fake_display_free(FakeDisplay *self);

/* A thousand scanouts, each followed by damage, and fifty cursors a second; 10 MB/s of console; words
 * that mean to deceive. Off: back to the picture of 640 x 480. */
void fake_display_misbehave(FakeDisplay *self, gboolean on);
/* Its graphics card has crashed and come again, once more. */
void fake_display_crash_card(FakeDisplay *self);
void fake_display_get_counts(FakeDisplay *self, FakeDisplayCounts *ret);

G_END_DECLS
