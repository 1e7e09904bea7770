/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What programs say about their windows: ICCCM 4.1.2, EWMH, and Motif's hints. */

#include <stdlib.h>

#include "vmm/base/bytes.h"
#include "vmm/base/memory.h"
#include "vmm/guest/x11/x11-private.h"

/* A property's value, inside the reply. */
struct value {
    uint32_t type;
    uint8_t format;
    const uint8_t *data;
    size_t count; /* of items */
};

static bool
value_read(const uint8_t *reply, size_t size, struct value *ret_value)
{
    if (!reply || size < X_EVENT_SIZE) {
        return false;
    }
    const uint8_t format = reply[1];
    const uint64_t count = x_u32(reply + 16);
    if ((format != 8 && format != 16 && format != 32) ||
        !range_inside(X_EVENT_SIZE, count * format / 8, size)) {
        return false;
    }
    *ret_value = (struct value){x_u32(reply + 8), format, reply + X_EVENT_SIZE, (size_t)count};
    return true;
}

static uint32_t
word_at(const struct value *value, size_t index)
{
    return value->format == 32 && index < value->count ? x_u32(value->data + index * 4) : 0;
}

static bool
has_word(const struct value *value, uint32_t word)
{
    for (size_t i = 0; i < value->count; i++) {
        if (word_at(value, i) == word) {
            return true;
        }
    }
    return false;
}

/* Length of the UTF-8 sequence at `data`; 0 when there is none. */
static size_t
utf8_length(const uint8_t *data, size_t size)
{
    const uint8_t first = data[0];
    const size_t length = first < 0x80                    ? 1
                          : first >= 0xc2 && first < 0xe0 ? 2
                          : first >= 0xe0 && first < 0xf0 ? 3
                          : first >= 0xf0 && first < 0xf5 ? 4
                                                          : 0;

    if (length == 0 || length > size) {
        return 0;
    }
    for (size_t i = 1; i < length; i++) {
        if ((data[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    if ((first == 0xe0 && data[1] < 0xa0) || (first == 0xed && data[1] >= 0xa0) ||
        (first == 0xf0 && data[1] < 0x90) || (first == 0xf4 && data[1] >= 0x90)) {
        return 0;
    }
    return length;
}

/* Valid UTF-8 without control characters, malloc'ed; what is not UTF-8 is Latin-1 or becomes '?'. */
static char *
text_make(const uint8_t *data, size_t size, bool latin1)
{
    char *text = xalloc(TEXT_MAX + 8);
    size_t n = 0;

    for (size_t at = 0; at < size && n < TEXT_MAX;) {
        const uint8_t byte = data[at];
        const size_t length = latin1 ? 0 : utf8_length(data + at, size - at);

        if (byte < 0x20 || byte == 0x7f) {
            text[n++] = ' ';
        } else if (latin1 && byte >= 0x80) {
            text[n++] = (char)(0xc0 | byte >> 6);
            text[n++] = (char)(0x80 | (byte & 0x3f));
        } else if (latin1 || length == 0) {
            const uint8_t shown = byte < 0x80 ? byte : '?';
            text[n++] = (char)shown;
        } else {
            memcpy(text + n, data + at, length);
            n += length;
        }
        at += MAX_OF(length, (size_t)1);
    }
    return text;
}

static void
replace(char **text, char *with)
{
    free(*text);
    *text = with;
}

static void
read_title(struct x11 *x11, struct window *window, const struct value *value)
{
    if (value->format != 8 || window->title_is_utf8) {
        return;
    }
    replace(&window->title,
            text_make(value->data, value->count, value->type != x11->atoms[ATOM_UTF8_STRING]));
}

static void
read_net_title(struct x11 *x11, struct window *window, const struct value *value)
{
    (void)x11;
    window->title_is_utf8 = value->format == 8 && value->count > 0;
    if (window->title_is_utf8) {
        replace(&window->title, text_make(value->data, value->count, false));
    }
}

/* Two strings, each with its NUL: the program's name and its class. */
static void
read_class(struct x11 *x11, struct window *window, const struct value *value)
{
    (void)x11;
    if (value->format != 8) {
        return;
    }
    const uint8_t *end = memchr(value->data, '\0', value->count);
    const uint8_t *begin = end ? end + 1 : value->data;
    size_t size = value->count - (size_t)(begin - value->data);
    end = size > 0 ? memchr(begin, '\0', size) : NULL;
    if (end) {
        size = (size_t)(end - begin);
    }
    replace(&window->app_id, size > 0 ? text_make(begin, size, true) : NULL);
}

static void
read_transient(struct x11 *x11, struct window *window, const struct value *value)
{
    (void)x11;
    window->transient_for = word_at(value, 0);
}

static uint32_t
size_of(uint32_t word)
{
    return word > INT16_MAX ? 0 : word;
}

static void
read_sizes(struct x11 *x11, struct window *window, const struct value *value)
{
    const uint32_t flags = word_at(value, 0);
    const uint32_t has_min = 1 << 4;
    const uint32_t has_max = 1 << 5;

    (void)x11;
    window->min_width = flags & has_min ? size_of(word_at(value, 5)) : 0;
    window->min_height = flags & has_min ? size_of(word_at(value, 6)) : 0;
    window->max_width = flags & has_max ? size_of(word_at(value, 7)) : 0;
    window->max_height = flags & has_max ? size_of(word_at(value, 8)) : 0;
    /* A maximum below the minimum is against the protocol. */
    if ((window->max_width && window->max_width < window->min_width) ||
        (window->max_height && window->max_height < window->min_height)) {
        window->max_width = window->max_height = 0;
    }
}

static void
read_protocols(struct x11 *x11, struct window *window, const struct value *value)
{
    window->takes_focus = has_word(value, x11->atoms[ATOM_WM_TAKE_FOCUS]);
    window->deletes = has_word(value, x11->atoms[ATOM_WM_DELETE_WINDOW]);
}

static void
read_hints(struct x11 *x11, struct window *window, const struct value *value)
{
    (void)x11;
    window->no_input = word_at(value, 0) & 1 && word_at(value, 1) == 0;
}

static void
read_motif(struct x11 *x11, struct window *window, const struct value *value)
{
    const uint32_t has_decorations = 1 << 1;

    (void)x11;
    window->undecorated = word_at(value, 0) & has_decorations && word_at(value, 2) == 0;
}

/* What a program wants at first; later it sends messages. */
static void
read_state(struct x11 *x11, struct window *window, const struct value *value)
{
    if (window->surface && window->surface->role != ROLE_NONE) {
        return;
    }
    window->wants_fullscreen = has_word(value, x11->atoms[ATOM_NET_WM_STATE_FULLSCREEN]);
    window->wants_maximized = has_word(value, x11->atoms[ATOM_NET_WM_STATE_MAXIMIZED_VERT]) &&
                              has_word(value, x11->atoms[ATOM_NET_WM_STATE_MAXIMIZED_HORZ]);
}

/* The newest version of XDND that the program knows; before 3 it was another protocol. */
static void
read_xdnd(struct x11 *x11, struct window *window, const struct value *value)
{
    const uint32_t oldest = 3;
    const uint32_t newest = 5;
    const uint32_t version = MIN_OF(word_at(value, 0), newest);

    (void)x11;
    window->xdnd_version = version >= oldest ? version : 0;
}

static const struct property {
    uint32_t atom; /* of the core protocol; 0: own */
    enum x11_atom own;
    void (*read)(struct x11 *x11, struct window *window, const struct value *value);
} properties[] = {
    {0, ATOM_NET_WM_NAME, read_net_title},  {XA_WM_NAME, 0, read_title},
    {XA_WM_CLASS, 0, read_class},           {XA_WM_TRANSIENT_FOR, 0, read_transient},
    {XA_WM_NORMAL_HINTS, 0, read_sizes},    {XA_WM_HINTS, 0, read_hints},
    {0, ATOM_WM_PROTOCOLS, read_protocols}, {0, ATOM_MOTIF_WM_HINTS, read_motif},
    {0, ATOM_NET_WM_STATE, read_state},     {0, ATOM_XDND_AWARE, read_xdnd},
};

static const struct property *
find_property(const struct x11 *x11, uint32_t atom)
{
    for (size_t i = 0; i < ARRAY_SIZE(properties); i++) {
        const struct property *property = &properties[i];

        if (atom == (property->atom ? property->atom : x11->atoms[property->own])) {
            return property;
        }
    }
    return NULL;
}

static void
ask(struct x11 *x11, struct window *window, uint32_t atom)
{
    window->n_loading++;
    x_get_property(x11->conn, window->id, atom,
                   (struct x_ticket){TICKET_PROPERTY, window->id, atom});
}

void
properties_ask(struct x11 *x11, struct window *window)
{
    for (size_t i = 0; i < ARRAY_SIZE(properties); i++) {
        ask(x11, window, properties[i].atom ? properties[i].atom : x11->atoms[properties[i].own]);
    }
}

void
properties_changed(struct x11 *x11, struct window *window, uint32_t atom)
{
    if (find_property(x11, atom)) {
        ask(x11, window, atom);
    }
}

void
properties_reply(struct x11 *x11, struct window *window, uint32_t atom, const uint8_t *reply,
                 size_t size)
{
    const struct property *property = find_property(x11, atom);
    struct value value = {0};

    if (window->n_loading > 0) {
        window->n_loading--;
    }
    if (!property) {
        return;
    }
    /* A title that is taken away stays; anything else goes back to what it is without. */
    if (value_read(reply, size, &value) ||
        (property->read != read_title && property->read != read_net_title)) {
        property->read(x11, window, &value);
    }
}

void
properties_clear(struct window *window)
{
    replace(&window->title, NULL);
    replace(&window->app_id, NULL);
}
