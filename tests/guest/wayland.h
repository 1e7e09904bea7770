/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the clients of windows.py have in common: Wayland's words, put together and taken apart. How they
 * get to the compositor and back is each program's own.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    WAYLAND_DISPLAY = 1,
    WAYLAND_REGISTRY,
    WAYLAND_SYNC,
    WAYLAND_FREE, /* the first id that the program may use */
};

struct wayland {
    uint8_t heard[65536]; /* of the compositor */
    size_t n_heard;
    uint8_t said[1024]; /* not sent yet */
    size_t n_said;
};

/* Of the program: says in its own words what could not be done, with errno, and ends it. */
_Noreturn void fail(const char *what);

/* One more request, to be sent with the others. */
void wayland_say(struct wayland *w, uint32_t id, uint32_t opcode, const uint32_t *words, size_t n);
#define SAY(w, id, opcode, ...)                                 \
    wayland_say(w, id, opcode, (const uint32_t[]){__VA_ARGS__}, \
                sizeof((const uint32_t[]){__VA_ARGS__}) / 4)

/* Ask for what the compositor has, and for word when that was all. */
void wayland_say_hello(struct wayland *w);

/* The word at that byte of what was heard. */
uint32_t wayland_word(const struct wayland *w, size_t at);

/*
 * Look for that event from the message at *AT on; there is *AT then, or, when it was not heard yet, where
 * the first message begins that is not all there. Fails when the compositor said that we are wrong.
 */
bool wayland_find(const struct wayland *w, uint32_t id, uint32_t opcode, size_t *at);

/* The name of a global among what was heard, 0 when the compositor has it not. */
uint32_t wayland_global(const struct wayland *w, const char *interface);

void wayland_bind(struct wayland *w, const char *interface, uint32_t version, uint32_t id);

/* The objects of a window; the first two are bound already, the others are ids for it. */
struct wayland_window {
    uint32_t compositor, wm_base;
    uint32_t surface, xdg_surface, toplevel;
};

/* Make a window, and commit it empty, so that the compositor configures it. */
void wayland_say_window(struct wayland *w, const struct wayland_window *window);
