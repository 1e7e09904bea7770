/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Keyboard and pointer of a display view: what reaches the guest, and how a person always gets the
 * keyboard back. Captured = the view has the keyboard focus and was not released. The release gesture
 * is recognised from raw key events, whatever the guest does; keys are forwarded meanwhile, and at
 * release every key that the guest saw go down is sent up.
 */

#include <gtk/gtk.h>

#include "ui/display-view.h"

G_BEGIN_DECLS

typedef enum {
    VM_RELEASE_CTRL_ALT, /* press both, let go without another key */
    VM_RELEASE_RIGHT_CTRL,
    VM_RELEASE_PAUSE,
    VM_RELEASE_SCROLL_LOCK,
    VM_RELEASE_CTRL_SHIFT,
} VmReleaseGesture;

/*
 * Property "captured" boolean (read only, notifies).
 * Signals: "system-keys-refused" (): the desktop did not hand over Super and Alt+Tab.
 */
#define VM_TYPE_DISPLAY_INPUT (vm_display_input_get_type())
G_DECLARE_FINAL_TYPE(VmDisplayInput, vm_display_input, VM, DISPLAY_INPUT, GObject)

/* The view is not owned; it must outlive this object. */
VmDisplayInput *vm_display_input_new(VmDisplayView *view);

gboolean vm_display_input_get_captured(VmDisplayInput *self);
/* Focus the view and send keys from now on. */
void vm_display_input_capture(VmDisplayInput *self);
/* Stop sending, let every key go; the focus stays. */
void vm_display_input_release(VmDisplayInput *self);

/* FALSE (machine not running): nothing is captured and nothing sent. */
void vm_display_input_set_enabled(VmDisplayInput *self, gboolean enabled);
void vm_display_input_set_gesture(VmDisplayInput *self, VmReleaseGesture gesture);
/* Ask the desktop for Super, Alt+Tab and the like while captured. */
void vm_display_input_set_system_keys(VmDisplayInput *self, gboolean system_keys);
/* The gesture in words: "Ctrl+Alt". */
const char *vm_display_input_gesture_name(VmReleaseGesture gesture);

G_END_DECLS
