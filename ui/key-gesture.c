/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/key-gesture.h"

#include <gdk/gdk.h>
#include <glib/gi18n.h>
#include <linux/input-event-codes.h>

/* One or two groups; each group's keys stand for one another. */
static const guint16 gesture_keys[][2][3] = {
    [VM_RELEASE_CTRL_ALT] = {{KEY_LEFTCTRL, KEY_RIGHTCTRL}, {KEY_LEFTALT, KEY_RIGHTALT}},
    [VM_RELEASE_RIGHT_CTRL] = {{KEY_RIGHTCTRL}},
    [VM_RELEASE_PAUSE] = {{KEY_PAUSE}},
    [VM_RELEASE_SCROLL_LOCK] = {{KEY_SCROLLLOCK}},
    [VM_RELEASE_CTRL_SHIFT] = {{KEY_LEFTCTRL, KEY_RIGHTCTRL}, {KEY_LEFTSHIFT, KEY_RIGHTSHIFT}},
    [VM_RELEASE_NONE] = {{0}},
};

static const GdkModifierType gesture_modifiers[][2] = {
    [VM_RELEASE_CTRL_ALT] = {GDK_CONTROL_MASK, GDK_MOD1_MASK},
    [VM_RELEASE_CTRL_SHIFT] = {GDK_CONTROL_MASK, GDK_SHIFT_MASK},
    [VM_RELEASE_NONE] = {0},
};

const char *
vm_key_gesture_name(VmReleaseGesture which)
{
    switch (which) {
    case VM_RELEASE_RIGHT_CTRL:
        return _("Right Ctrl");
    case VM_RELEASE_PAUSE:
        return _("Pause");
    case VM_RELEASE_SCROLL_LOCK:
        return _("Scroll Lock");
    case VM_RELEASE_CTRL_SHIFT:
        return _("Ctrl+Shift");
    case VM_RELEASE_CTRL_ALT:
    case VM_RELEASE_NONE:
    default:
        return _("Ctrl+Alt");
    }
}

static int
group_of(const VmKeyGesture *self, guint code)
{
    for (int group = 0; group < 2; group++) {
        for (int i = 0; i < 3; i++) {
            if (code != 0 && gesture_keys[self->which][group][i] == code) {
                return group;
            }
        }
    }
    return -1;
}

static gboolean
is_single(const VmKeyGesture *self)
{
    return gesture_keys[self->which][1][0] == 0;
}

void
vm_key_gesture_set(VmKeyGesture *self, VmReleaseGesture which)
{
    g_return_if_fail(which <= VM_RELEASE_NONE);

    self->which = which;
    vm_key_gesture_reset(self);
}

void
vm_key_gesture_reset(VmKeyGesture *self)
{
    self->member_down[0] = FALSE;
    self->member_down[1] = FALSE;
    self->spoiled = FALSE;
    self->complete = FALSE;
}

void
vm_key_gesture_press(VmKeyGesture *self, guint code, guint state)
{
    int group = group_of(self, code);
    int other = 1 - group;

    if (group < 0) {
        self->spoiled = TRUE;
        return;
    }
    if (!self->member_down[0] && !self->member_down[1]) {
        self->spoiled = FALSE;
        self->complete = FALSE;
    }
    self->member_down[group] = TRUE;
    if (is_single(self) || self->member_down[other] ||
        (state & gesture_modifiers[self->which][other])) {
        self->complete = TRUE;
    }
}

gboolean
vm_key_gesture_release(VmKeyGesture *self, guint code)
{
    int group = group_of(self, code);
    gboolean fires = group >= 0 && self->complete && !self->spoiled;

    if (group >= 0) {
        self->member_down[group] = FALSE;
    }
    if (fires || (!self->member_down[0] && !self->member_down[1])) {
        vm_key_gesture_reset(self);
    }
    return fires;
}

gboolean
vm_key_gesture_has(const VmKeyGesture *self, guint code)
{
    return group_of(self, code) >= 0;
}

gboolean
vm_key_gesture_is_held(const VmKeyGesture *self)
{
    return self->member_down[0] && (is_single(self) || self->member_down[1]);
}
