/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Shared by display-page.c, display-page-boxes.c and display-page-keys.c. */

#include "ui/display-input.h"
#include "ui/display-page.h"
#include "ui/key-typist.h"

struct _VmDisplayPage {
    GtkOverlay parent_instance;
    GtkWidget *box;
    GtkWidget *scroll;
    GtkWidget *off_box;
    GtkWidget *off_title_label;
    GtkWidget *since_label;
    GtkWidget *wait_box;
    GtkWidget *spinner;
    GtkWidget *wait_title_label;
    GtkWidget *wait_label;
    GtkWidget *last_line_label;
    GtkWidget *show_console_button;
    GtkWidget *add_display_button;
    GtkWidget *paused_button;

    GtkWidget *tabs;
    GtkWidget *view;
    GtkWidget *hint;
    GtkWidget *bar;
    VmDisplayInput *input;
    VmConnection *connection;
    VmKeyTypist *typist;

    int display; /* the one that was chosen */
    guint n_displays;
    VmDisplayPhase phase;
    VmScaling scaling;
    VmReleaseGesture gesture;
    VmReleaseGesture host_key;
    gboolean resize_guest;
    gboolean system_keys;
    gboolean fullscreen;
    gboolean refusal_told;
    char *title;
    gboolean release_known; /* released by hand once, in this installation */
    gboolean hint_stays;
    guint captures;            /* so far, of this installation: for the length of the hint */
    gint64 waits_since;        /* monotonic; 0: it does not wait for a picture any more */
    GtkWidget *focus_at_start; /* where the focus was when the machine was started; compared only */
    gboolean focus_wanted;
};

/* Emits "message". */
void vm_display_page_say(VmDisplayPage *self, const char *sentence);

/* After a change of what they show. */
void vm_display_page_update_boxes(VmDisplayPage *self);
void vm_display_page_update_accessible(VmDisplayPage *self);
/* A picture is waited for from now on, or no longer. */
void vm_display_page_restart_waiting(VmDisplayPage *self, gboolean wait);
/* It is gone again: waited for since the same moment. */
void vm_display_page_wait_again(VmDisplayPage *self);
