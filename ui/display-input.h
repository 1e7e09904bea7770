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
#include "ui/key-gesture.h"

G_BEGIN_DECLS

/*
 * Property "captured" boolean (read only, notifies).
 * Signals: "system-keys-refused" (): the desktop did not hand over Super and Alt+Tab; "host-action"
 * (string): an action with its target as g_action_parse_detailed_name() takes it, asked for with the
 * host key.
 */
#define VM_TYPE_DISPLAY_INPUT (vm_display_input_get_type())
G_DECLARE_FINAL_TYPE(VmDisplayInput, vm_display_input, VM, DISPLAY_INPUT, GObject)

/* The view is not owned; it must outlive this object. */
VmDisplayInput *vm_display_input_new(VmDisplayView *view);

gboolean vm_display_input_get_captured(VmDisplayInput *self);
/* By the gesture or vm_display_input_release(), and not captured since. */
gboolean vm_display_input_was_released(VmDisplayInput *self);
/* Focus the view and send keys from now on. */
void vm_display_input_capture(VmDisplayInput *self);
/* Stop sending, let every key go; the focus stays. */
void vm_display_input_release(VmDisplayInput *self);

/* FALSE (machine not running): nothing is captured and nothing sent. */
void vm_display_input_set_enabled(VmDisplayInput *self, gboolean enabled);
void vm_display_input_set_gesture(VmDisplayInput *self, VmReleaseGesture gesture);
/* Held, it makes some keys ours while captured; VM_RELEASE_NONE: there is none. */
void vm_display_input_set_host_key(VmDisplayInput *self, VmReleaseGesture host_key);
/* Ask the desktop for Super, Alt+Tab and the like while captured. */
void vm_display_input_set_system_keys(VmDisplayInput *self, gboolean system_keys);

G_END_DECLS
