/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the three files of a drag from X share. drag.c: the host's drag and the pointer, and when it
 * begins and ends. drag-window.c: the window that nobody sees, which speaks XDND with the program.
 * drag-data.c: what the program drags, and what may be done with it.
 */

#include "vmm/guest/x11/drag.h"

/* wl_data_device_manager.dnd_action */
enum {
    HOST_COPY = 1,
    HOST_MOVE = 2,
};

enum stage {
    STAGE_NONE,
    STAGE_CLAIMED, /* the window is there */
    STAGE_ASKING,  /* what kinds there are */
    STAGE_ON,      /* the host drags */
    STAGE_LET_GO,
};

/* Xwayland's pointer; surfaces are outer ids, 0 for none. */
struct pointer {
    uint32_t inner, outer;
    uint32_t surface;
    uint32_t origin; /* where the first button was pressed */
    uint32_t button;
    uint32_t n_buttons;
};

struct drag {
    struct x11 *x11;
    struct loop_source *patience;
    enum stage stage;
    struct pointer pointer;
    /* What the program says. */
    uint32_t owner, source; /* windows */
    struct types types;
    uint32_t n_waiting;  /* answers of the X server's */
    uint32_t generation; /* answers to older questions are of no use */
    uint32_t actions;
    uint32_t proposed; /* atom; 0: it has not said yet */
    bool dropped;      /* XdndDrop came */
    /* What the host says. */
    uint32_t host_source;
    uint32_t offer;  /* the same, over a window of X's */
    bool has_it;     /* the host has the pointer */
    bool inside;     /* over a window of X's */
    bool accepted;   /* by the host's program below */
    uint32_t action; /* that the host chose */
    bool finished, failed;
    bool other;      /* what the host drags now is no affair of this one */
    uint32_t window; /* of X's, that it is over or was */
    /* Where Xwayland's pointer shall be in the root window, in 256ths. */
    int32_t x, y;
    uint32_t n_asked;   /* whether the button is up in X */
    uint32_t n_syncing; /* the X server is to have done what it was told before */
    bool moves, releases;
    bool told; /* the program, that what the host's program below takes is taken */
    /* The pointer came to a window before the button's release could be told: it waits. */
    bool enters;
    struct entering {
        uint32_t inner, outer, serial, surface, x, y;
    } entering;
};

/* drag.c */

/* Nothing is dragged any more; what both sides hold of it is given back. */
void drag_end(struct drag *drag);
/* End it if both sides know how it ended. */
void drag_conclude(struct drag *drag);
/* Go on when the X server has done all that it was told. */
void drag_sync(struct drag *drag);
/* The host drags: all kinds are known, and the pointer is over our window. */
void drag_start(struct drag *drag);
/* Both windows were made by one program. */
bool drag_same_program(const struct x11 *x11, uint32_t one, uint32_t other);

/* drag-window.c: answers to the program's `window` as XDND has them. */

/* Above all of X, or away. */
void drag_cover(struct drag *drag, bool covers);
void drag_send_status(struct drag *drag, uint32_t window);
void drag_send_finished(struct drag *drag, uint32_t window, bool done);

/* drag-data.c */

/* Ask the X server what the program drags; `data` is of its XdndEnter. */
void drag_data_ask(struct drag *drag, const uint32_t data[5]);
/* Start the host's drag if all is known. */
void drag_data_go_on(struct drag *drag);
/* drag_reply() for answers to these questions. */
int drag_data_reply(struct drag *drag, const struct x_ticket *ticket, const uint8_t *reply,
                    size_t size);
