/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The bar that slides from the top edge in full screen. It hides 1.5 s after the pointer left unless
 * it is pinned, holds the focus, or one of its menus is open.
 */

#include <gtk/gtk.h>

G_BEGIN_DECLS

#define VM_TYPE_FULLSCREEN_BAR (vm_fullscreen_bar_get_type())
G_DECLARE_FINAL_TYPE(VmFullscreenBar, vm_fullscreen_bar, VM, FULLSCREEN_BAR, GtkRevealer)

GtkWidget *vm_fullscreen_bar_new(void);

void vm_fullscreen_bar_set_title(VmFullscreenBar *self, const char *title);
/* Without full screen it never shows. Entering shows it for 3 s. */
void vm_fullscreen_bar_set_active(VmFullscreenBar *self, gboolean active);
/* Show now; it hides by itself after `seconds`. */
void vm_fullscreen_bar_peek(VmFullscreenBar *self, guint seconds);
/* Show now with the keys to send; settings: see vm_keys_popover_set_settings(). */
void vm_fullscreen_bar_show_keys(VmFullscreenBar *self);
void vm_fullscreen_bar_set_settings(VmFullscreenBar *self, GSettings *settings);
/* So much room is there: what does not fit goes into a menu. */
void vm_fullscreen_bar_fit(VmFullscreenBar *self, int width);
/* The pointer moved over the display at height `y`: the top 2 px for 300 ms bring the bar. */
void vm_fullscreen_bar_pointer_at(VmFullscreenBar *self, double y);

G_END_DECLS
