/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One or two keys that mean something to us, recognised from raw key codes: pressed and let go without
 * another key between (the release gesture), or held while another key is pressed (the host key).
 */

#include <glib.h>

typedef enum {
    VM_RELEASE_CTRL_ALT, /* press both, let go without another key */
    VM_RELEASE_RIGHT_CTRL,
    VM_RELEASE_PAUSE,
    VM_RELEASE_SCROLL_LOCK,
    VM_RELEASE_CTRL_SHIFT,
    VM_RELEASE_NONE, /* of a host key: there is none */
} VmReleaseGesture;

typedef struct {
    VmReleaseGesture which;
    gboolean member_down[2];
    gboolean spoiled;  /* another key or button came in */
    gboolean complete; /* all members were down together */
} VmKeyGesture;

/* Nothing is down; also what begins the use of another gesture. */
void vm_key_gesture_set(VmKeyGesture *self, VmReleaseGesture which);
void vm_key_gesture_reset(VmKeyGesture *self);
/* code is evdev's; state GdkModifierType: with sticky keys a modifier is latched, not held. */
void vm_key_gesture_press(VmKeyGesture *self, guint code, guint state);
/* TRUE when this release ends the gesture. */
gboolean vm_key_gesture_release(VmKeyGesture *self, guint code);
gboolean vm_key_gesture_has(const VmKeyGesture *self, guint code);
/* All its keys are down. */
gboolean vm_key_gesture_is_held(const VmKeyGesture *self);
/* In words, in the language of the desktop: "Ctrl+Alt". */
const char *vm_key_gesture_name(VmReleaseGesture which);
