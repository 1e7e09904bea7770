/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/wayland-guard/filter.h"

#include <errno.h>
#include <string.h>

#include "vmm/base/bytes.h"

enum {
    DISPLAY_ID = 1,
    DISPLAY_GET_REGISTRY = 1, /* new_id */
    REGISTRY_BIND = 0,        /* name, interface, version, new_id */
    REGISTRY_GLOBAL = 0,      /* name, interface, version */
};

/*
 * Windows, their content, input to them, clipboard and drag-and-drop. Not here: whatever sees or
 * moves other windows, takes the screen's content, injects input, or holds the keyboard.
 */
static const char *const allowed[] = {
    "wl_compositor",
    "wl_subcompositor",
    "wl_shm",
    "wl_seat",
    "wl_output",
    "wl_data_device_manager",
    "xdg_wm_base",
    "zxdg_decoration_manager_v1",
    "zxdg_output_manager_v1",
    "xdg_activation_v1",
    "wp_viewporter",
    "wp_fractional_scale_manager_v1",
    "wp_presentation",
    "wp_single_pixel_buffer_manager_v1",
    "wp_content_type_manager_v1",
    "wp_cursor_shape_manager_v1",
    "zwp_linux_dmabuf_v1",
    "zwp_primary_selection_device_manager_v1",
    "zwp_text_input_manager_v1",
    "zwp_text_input_manager_v3",
    "zwp_relative_pointer_manager_v1",
    "zwp_pointer_constraints_v1",
    "zwp_pointer_gestures_v1",
    "zwp_tablet_manager_v2",
    "zwp_idle_inhibit_manager_v1",
};

static uint32_t
word_at(const uint8_t *message, size_t offset)
{
    uint32_t word;

    memcpy(&word, message + offset, sizeof(word));
    return word;
}

int
filter_message_size(const uint8_t *data, size_t size)
{
    if (size < FILTER_HEADER_SIZE) {
        return 0;
    }
    uint32_t length = word_at(data, 4) >> 16;
    return length < FILTER_HEADER_SIZE || length % 4 != 0 ? -EPROTO : (int)length;
}

static const char *
find_allowed(const char *interface, size_t length)
{
    for (size_t i = 0; i < ARRAY_SIZE(allowed); i++) {
        if (strlen(allowed[i]) == length && memcmp(allowed[i], interface, length) == 0) {
            return allowed[i];
        }
    }
    return NULL;
}

bool
filter_allows(const char *interface, size_t length)
{
    return find_allowed(interface, length) != NULL;
}

/*
 * The string at `offset`: length with its NUL, the bytes, padding to four. NULL when it does not fit;
 * *ret_end is where the next argument begins.
 */
static const char *
string_at(const uint8_t *message, size_t size, size_t offset, size_t *ret_length, size_t *ret_end)
{
    if (size < offset + 4) {
        return NULL;
    }
    uint64_t length = word_at(message, offset);
    uint64_t end = offset + 4 + align_up(length, 4);
    if (length == 0 || end > size || message[offset + 4 + length - 1] != '\0') {
        return NULL;
    }
    *ret_length = (size_t)length - 1;
    *ret_end = (size_t)end;
    return (const char *)message + offset + 4;
}

static bool
is_registry(const struct filter *filter, uint32_t id)
{
    for (uint32_t i = 0; i < filter->n_registries; i++) {
        if (filter->registry[i] == id) {
            return true;
        }
    }
    return false;
}

static struct filter_global *
find_global(struct filter *filter, uint32_t name)
{
    for (uint32_t i = 0; i < filter->n_globals; i++) {
        if (filter->global[i].name == name) {
            return &filter->global[i];
        }
    }
    return NULL;
}

static enum filter_verdict
on_get_registry(struct filter *filter, const uint8_t *message, size_t size)
{
    if (size != FILTER_HEADER_SIZE + 4 || filter->n_registries >= FILTER_REGISTRIES_MAX) {
        return FILTER_REFUSE;
    }
    filter->registry[filter->n_registries++] = word_at(message, FILTER_HEADER_SIZE);
    return FILTER_PASS;
}

static enum filter_verdict
on_bind(struct filter *filter, const uint8_t *message, size_t size)
{
    size_t length;
    size_t end;
    const char *interface = string_at(message, size, FILTER_HEADER_SIZE + 4, &length, &end);

    if (!interface || size != end + 8) {
        return FILTER_REFUSE;
    }
    const struct filter_global *global = find_global(filter, word_at(message, FILTER_HEADER_SIZE));
    if (!global || strlen(global->interface) != length ||
        memcmp(global->interface, interface, length) != 0) {
        return FILTER_REFUSE;
    }
    return FILTER_PASS;
}

enum filter_verdict
filter_request(struct filter *filter, const uint8_t *message, size_t size)
{
    uint32_t id = word_at(message, 0);
    uint32_t opcode = word_at(message, 4) & 0xffff;

    if (id == DISPLAY_ID && opcode == DISPLAY_GET_REGISTRY) {
        return on_get_registry(filter, message, size);
    }
    if (is_registry(filter, id)) {
        return opcode == REGISTRY_BIND ? on_bind(filter, message, size) : FILTER_REFUSE;
    }
    return FILTER_PASS;
}

enum filter_verdict
filter_event(struct filter *filter, const uint8_t *message, size_t size)
{
    uint32_t opcode = word_at(message, 4) & 0xffff;
    size_t length;
    size_t end;

    if (!is_registry(filter, word_at(message, 0)) || opcode != REGISTRY_GLOBAL) {
        return FILTER_PASS;
    }
    const char *interface = string_at(message, size, FILTER_HEADER_SIZE + 4, &length, &end);
    if (!interface) {
        return FILTER_REFUSE;
    }
    const char *known = find_allowed(interface, length);
    uint32_t name = word_at(message, FILTER_HEADER_SIZE);
    struct filter_global *global = find_global(filter, name);
    if (!known) {
        if (global) { /* the name has a new meaning */
            *global = filter->global[--filter->n_globals];
        }
        return FILTER_DROP;
    }
    if (!global && filter->n_globals >= FILTER_GLOBALS_MAX) {
        return FILTER_DROP;
    }
    if (!global) {
        global = &filter->global[filter->n_globals++];
    }
    *global = (struct filter_global){name, known};
    return FILTER_PASS;
}
