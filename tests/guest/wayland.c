/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>

#include "tests/guest/wayland.h"

void
wayland_say(struct wayland *w, uint32_t id, uint32_t opcode, const uint32_t *words, size_t n)
{
    const uint32_t header[] = {id, (uint32_t)(8 + n * 4) << 16 | opcode};

    memcpy(w->said + w->n_said, header, sizeof(header));
    if (n > 0) {
        memcpy(w->said + w->n_said + 8, words, n * 4);
    }
    w->n_said += 8 + n * 4;
}

void
wayland_say_hello(struct wayland *w)
{
    SAY(w, WAYLAND_DISPLAY, 1, WAYLAND_REGISTRY);
    SAY(w, WAYLAND_DISPLAY, 0, WAYLAND_SYNC);
}

uint32_t
wayland_word(const struct wayland *w, size_t at)
{
    uint32_t value;

    memcpy(&value, w->heard + at, sizeof(value));
    return value;
}

bool
wayland_find(const struct wayland *w, uint32_t id, uint32_t opcode, size_t *at)
{
    while (w->n_heard - *at >= 8 && w->n_heard - *at >= wayland_word(w, *at + 4) >> 16) {
        uint32_t said = wayland_word(w, *at + 4);

        if (wayland_word(w, *at) == id && (said & 0xffff) == opcode) {
            return true;
        }
        if (wayland_word(w, *at) == WAYLAND_DISPLAY && (said & 0xffff) == 0) {
            errno = EPROTO;
            fail((const char *)w->heard + *at + 20);
        }
        *at += said >> 16;
    }
    return false;
}

uint32_t
wayland_global(const struct wayland *w, const char *interface)
{
    for (size_t at = 0; at + 20 < w->n_heard; at += wayland_word(w, at + 4) >> 16) {
        if (wayland_word(w, at) == WAYLAND_REGISTRY &&
            strcmp((const char *)w->heard + at + 16, interface) == 0) {
            return wayland_word(w, at + 8);
        }
    }
    return 0;
}

void
wayland_bind(struct wayland *w, const char *interface, uint32_t version, uint32_t id)
{
    uint32_t words[16] = {wayland_global(w, interface)};
    uint32_t length = (uint32_t)strlen(interface) + 1;
    size_t n = 2 + (length + 3) / 4;

    words[1] = length;
    memcpy(words + 2, interface, length);
    words[n++] = version;
    words[n++] = id;
    wayland_say(w, WAYLAND_REGISTRY, 0, words, n);
}

void
wayland_say_window(struct wayland *w, const struct wayland_window *window)
{
    SAY(w, window->compositor, 0, window->surface);
    SAY(w, window->wm_base, 2, window->xdg_surface, window->surface);
    SAY(w, window->xdg_surface, 1, window->toplevel);
    wayland_say(w, window->surface, 6, NULL, 0);
}
