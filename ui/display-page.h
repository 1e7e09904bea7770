/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The Display page of a machine: the guest's picture, its off, starting, waiting and paused states,
 * the grab hint and the full screen bar. manager.md section 4.1.
 *
 * It knows no machine model, only a connection and a phase, both set by its owner. Its buttons use the
 * actions machine.start, machine.display, machine.start-disposable, machine.pause, machine.shut-down and
 * machine.send-keys::KEYS, machine.type-clipboard, machine.screenshot, win.fullscreen,
 * win.next-machine, win.previous-machine, win.view::console and win.view::settings, which the window
 * provides; for those that act on the display the window calls the functions below.
 *
 * Keyboard: while captured the page takes every key event of its toplevel before the toplevel's
 * accelerators see it; the window needs to do nothing for that.
 */

#include <gtk/gtk.h>

#include "vmm/client/vm-connection.h"
#include "vmm/client/vm-console.h"

G_BEGIN_DECLS

typedef enum {
    VM_DISPLAY_OFF,
    VM_DISPLAY_STARTING,
    VM_DISPLAY_RUNNING,
    VM_DISPLAY_PAUSED,
    VM_DISPLAY_LOST, /* runs, but does not answer: the last picture, dimmed */
} VmDisplayPhase;

typedef enum {
    VM_SCALING_FIT,   /* keep shape, fill the page */
    VM_SCALING_NEVER, /* device pixels, scrolls */
    VM_SCALING_WHOLE, /* whole steps only */
} VmScaling;

/*
 * Properties: "connection" VmConnection or NULL, "phase" int, "title" string (the machine's, for
 * people), "off-text" string ("Off · last ran on ..."), "scaling" int, "resize-guest" boolean,
 * "display" int (number of the one that is shown, -1: none; while the wanted one is not there it is the
 * first), "n-displays" uint (read only), "captured" boolean (read only, notifies), "release-gesture" and
 * "host-key" int (VmReleaseGesture of ui/key-gesture.h),
 * "system-keys" boolean, "fullscreen" boolean (set by the window when its state changes).
 * "release-known" boolean: the keyboard was released by hand once, so that how it is done is known.
 * Signal "stalled" (): keys or pointer got no answer for 5 s; they were released.
 * Signal "message" (string sentence): something to show in a toast ("3 characters could not be typed").
 */
#define VM_TYPE_DISPLAY_PAGE (vm_display_page_get_type())
G_DECLARE_FINAL_TYPE(VmDisplayPage, vm_display_page, VM, DISPLAY_PAGE, GtkOverlay)

GtkWidget *vm_display_page_new(void);

void vm_display_page_set_connection(VmDisplayPage *self, VmConnection *connection);
void vm_display_page_set_phase(VmDisplayPage *self, VmDisplayPhase phase);
void vm_display_page_set_title(VmDisplayPage *self, const char *title);
void vm_display_page_set_off_text(VmDisplayPage *self, const char *text);
/* The last picture of a machine that is off, or NULL; drawn at 35 %. */
void vm_display_page_set_last_picture(VmDisplayPage *self, cairo_surface_t *picture);
/* While starting: the last console line (escape sequences are stripped here). */
void vm_display_page_set_last_line(VmDisplayPage *self, const char *line);
void vm_display_page_set_fullscreen(VmDisplayPage *self, gboolean fullscreen);
/* In full screen the bar at the edge is shown, and stays while it has the focus. Not owned. */
GtkWidget *vm_display_page_show_bar(VmDisplayPage *self);
/* What shows the guest and has its keys. Not owned. */
GtkWidget *vm_display_page_get_view(VmDisplayPage *self);

/* In full screen: the keys to send, from the bar. */
void vm_display_page_show_keys(VmDisplayPage *self);
/* Combinations of the user's own are kept there. */
void vm_display_page_set_settings(VmDisplayPage *self, GSettings *settings);

gboolean vm_display_page_get_captured(VmDisplayPage *self);
void vm_display_page_capture(VmDisplayPage *self);
void vm_display_page_release(VmDisplayPage *self);

/*
 * Press and release a combination: evdev names without KEY_, joined by '+' ("LEFTCTRL+LEFTALT+DELETE").
 * Unknown names are reported with g_warning() and nothing is sent.
 */
void vm_display_page_send_keys(VmDisplayPage *self, const char *keys);
/* Type what the clipboard holds; the outcome comes as "message". */
void vm_display_page_type_clipboard(VmDisplayPage *self);
void vm_display_page_stop_typing(VmDisplayPage *self);
/* Per cent of a long text that is typed now; -1 when none is. */
int vm_display_page_get_typed(VmDisplayPage *self);
/* A copy of the current picture in guest pixels, or NULL when there is none that can be read at once; caller unrefs. */
GdkPixbuf *vm_display_page_get_screenshot(VmDisplayPage *self);
/* The same of any picture, also of one that the machine has to be asked for. */
void vm_display_page_take_screenshot_async(VmDisplayPage *self, GCancellable *cancellable,
                                           GAsyncReadyCallback callback, gpointer user_data);
GdkPixbuf *vm_display_page_take_screenshot_finish(VmDisplayPage *self, GAsyncResult *result,
                                                  GError **error);
/* Write it to the user's Pictures folder as "TITLE 2026-11-21 14-07-31.png". */
void vm_display_page_save_screenshot_async(VmDisplayPage *self, GCancellable *cancellable,
                                           GAsyncReadyCallback callback, gpointer user_data);
/* The path, to be freed with g_free(), or NULL with `error` set. */
char *vm_display_page_save_screenshot_finish(VmDisplayPage *self, GAsyncResult *result,
                                             GError **error);

G_END_DECLS
