/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Pictures that a graphics card has, as the machine's gpu process tells of them. The memory of each buffer holds the
 * same picture with all colours inverted, so that it is seen who takes it from there. Failures end the test (g_assert).
 */

#include "tests/display/rig.h"

enum {
    CARD_MARGIN = 8, /* of a texture that is larger than the picture */
};

typedef enum {
    CARD_NO_TEXTURE, /* a buffer of the machine's memory */
    CARD_PLAIN,
    CARD_SWAPPED,   /* red and blue */
    CARD_PART,      /* is shown of it */
    CARD_BOTTOM_UP, /* in memory */
} CardKind;

typedef struct {
    const guint32 *pixels; /* 0xRRGGBB */
    guint width;
    guint height;
    CardKind kind;
} CardPicture;

typedef struct CardBuffers CardBuffers;

/* `node`: the card's render node. */
CardBuffers *card_buffers_new(Rig *rig, const char *node);
/* When nobody shows one of them any more. */
void card_buffers_free(CardBuffers *self);
/* What the first display shows from now on, by a new buffer of that number. */
void card_buffers_show(CardBuffers *self, guint id, const CardPicture *picture);
/* Other pixels into one that is there. */
void card_buffers_draw(CardBuffers *self, guint id, const CardPicture *picture);
