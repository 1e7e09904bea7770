/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/fakes/compositor/compositor.h"

#include <linux/input-event-codes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    XKB_OFFSET = 8,
};

static bool
is_focused(struct wl_resource *keyboard, const struct seat *seat)
{
    return seat->keyboard_focus && wl_resource_get_client(keyboard) ==
                                       wl_resource_get_client(seat->keyboard_focus->resource);
}

bool
keyboard_init(struct seat *seat)
{
    const struct xkb_rule_names names = {.rules = "evdev", .model = "pc105", .layout = "us"};
    char *text;

    wl_array_init(&seat->keys);
    seat->xkb = xkb_context_new(XKB_CONTEXT_NO_FLAGS);
    seat->keymap = seat->xkb
                       ? xkb_keymap_new_from_names(seat->xkb, &names, XKB_KEYMAP_COMPILE_NO_FLAGS)
                       : NULL;
    if (!seat->keymap) {
        return false;
    }
    seat->state = xkb_state_new(seat->keymap);
    text = xkb_keymap_get_as_string(seat->keymap, XKB_KEYMAP_FORMAT_TEXT_V1);
    seat->keymap_size = (uint32_t)strlen(text) + 1;
    seat->keymap_fd = memfd_create("keymap", MFD_CLOEXEC);
    bool good = write(seat->keymap_fd, text, seat->keymap_size) == (ssize_t)seat->keymap_size;
    free(text);
    return good;
}

void
keyboard_finish(struct seat *seat)
{
    xkb_state_unref(seat->state);
    xkb_keymap_unref(seat->keymap);
    xkb_context_unref(seat->xkb);
    wl_array_release(&seat->keys);
    close(seat->keymap_fd);
}

static void
send_modifiers(struct seat *seat, uint32_t serial)
{
    struct wl_resource *keyboard;

    wl_resource_for_each(keyboard, &seat->keyboards)
    {
        if (is_focused(keyboard, seat)) {
            wl_keyboard_send_modifiers(
                keyboard, serial, xkb_state_serialize_mods(seat->state, XKB_STATE_MODS_DEPRESSED),
                xkb_state_serialize_mods(seat->state, XKB_STATE_MODS_LATCHED),
                xkb_state_serialize_mods(seat->state, XKB_STATE_MODS_LOCKED),
                xkb_state_serialize_layout(seat->state, XKB_STATE_LAYOUT_EFFECTIVE));
        }
    }
}

void
seat_focus_keyboard(struct seat *seat, struct surface *surface)
{
    uint32_t serial = wl_display_next_serial(seat->compositor->display);
    struct wl_resource *keyboard;

    if (seat->keyboard_focus == surface) {
        return;
    }
    wl_resource_for_each(keyboard, &seat->keyboards)
    {
        if (is_focused(keyboard, seat)) {
            wl_keyboard_send_leave(keyboard, serial, seat->keyboard_focus->resource);
        }
    }
    seat->keyboard_focus = surface;
    data_focus(seat, surface);
    wl_resource_for_each(keyboard, &seat->keyboards)
    {
        if (is_focused(keyboard, seat)) {
            wl_keyboard_send_enter(keyboard, serial, surface->resource, &seat->keys);
        }
    }
    send_modifiers(seat, serial);
}

/* Whether the key was not in that state before. */
static bool
note_key(struct seat *seat, uint32_t code, bool pressed)
{
    uint32_t *keys = seat->keys.data;
    size_t n = seat->keys.size / sizeof(*keys);

    for (size_t i = 0; i < n; i++) {
        if (keys[i] == code) {
            if (!pressed) {
                keys[i] = keys[n - 1];
                seat->keys.size -= sizeof(*keys);
            }
            return !pressed;
        }
    }
    if (pressed) {
        keys = wl_array_add(&seat->keys, sizeof(*keys));
        *keys = code;
    }
    return pressed;
}

/* Super is the compositor's own, unless the focused window asked for it. */
static bool
is_shortcut(const struct seat *seat, uint32_t code)
{
    const struct inhibitor *inhibitor;

    if (code != KEY_LEFTMETA && code != KEY_RIGHTMETA) {
        return false;
    }
    wl_list_for_each(inhibitor, &seat->inhibitors, link) {
        if (!seat->refuse_inhibitors && inhibitor->surface &&
            inhibitor->surface == seat->keyboard_focus) {
            return false;
        }
    }
    return true;
}

void
seat_key(struct seat *seat, uint32_t code, bool pressed)
{
    uint32_t serial = wl_display_next_serial(seat->compositor->display);
    struct wl_resource *keyboard;

    if ((pressed && is_shortcut(seat, code)) || !note_key(seat, code, pressed)) {
        return;
    }
    wl_resource_for_each(keyboard, &seat->keyboards)
    {
        if (is_focused(keyboard, seat)) {
            wl_keyboard_send_key(keyboard, serial, now_ms(), code, pressed);
        }
    }
    xkb_state_update_key(seat->state, code + XKB_OFFSET, pressed ? XKB_KEY_DOWN : XKB_KEY_UP);
    send_modifiers(seat, serial);
}

/* wl_keyboard */

static void
handle_release(struct wl_client *client, struct wl_resource *resource)
{
    (void)client;
    wl_resource_destroy(resource);
}

static const struct wl_keyboard_interface keyboard_requests = {
    .release = handle_release,
};

static void
unlink_resource(struct wl_resource *resource)
{
    wl_list_remove(wl_resource_get_link(resource));
}

void
keyboard_add(struct seat *seat, struct wl_client *client, struct wl_resource *resource, uint32_t id)
{
    struct wl_resource *keyboard =
        wl_resource_create(client, &wl_keyboard_interface, wl_resource_get_version(resource), id);
    uint32_t serial = wl_display_next_serial(seat->compositor->display);

    wl_resource_set_implementation(keyboard, &keyboard_requests, seat, unlink_resource);
    wl_list_insert(&seat->keyboards, wl_resource_get_link(keyboard));
    wl_keyboard_send_keymap(keyboard, WL_KEYBOARD_KEYMAP_FORMAT_XKB_V1, seat->keymap_fd,
                            seat->keymap_size);
    if (wl_resource_get_version(keyboard) >= WL_KEYBOARD_REPEAT_INFO_SINCE_VERSION) {
        wl_keyboard_send_repeat_info(keyboard, 0, 0);
    }
    if (is_focused(keyboard, seat)) {
        wl_keyboard_send_enter(keyboard, serial, seat->keyboard_focus->resource, &seat->keys);
        send_modifiers(seat, serial);
    }
}
