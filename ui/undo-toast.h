/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One sentence at the top for 10 s, with a button that takes it back or does one more thing. */

#include <gtk/gtk.h>

#define VM_TYPE_UNDO_TOAST (vm_undo_toast_get_type())
G_DECLARE_FINAL_TYPE(VmUndoToast, vm_undo_toast, VM, UNDO_TOAST, GtkRevealer)

typedef void (*VmToastFunc)(gpointer data);

GtkWidget *vm_undo_toast_new(void);

/* Messages of anything in window are shown here from now on. */
void vm_undo_toast_attach(VmUndoToast *self, GtkWindow *window);
/* The one of the window that widget is in; NULL: there is none. */
VmUndoToast *vm_undo_toast_find(GtkWidget *widget);

/* Shows text; a toast that is already shown is committed first. button NULL: no button. Exactly one
 * of act (the button, Ctrl+Z) and commit (time is up, closed, replaced) is called; either may be
 * NULL. data is freed with destroy after it. */
void vm_undo_toast_show(VmUndoToast *self, const char *text, const char *button, VmToastFunc act,
                        VmToastFunc commit, gpointer data, GDestroyNotify destroy);

/* The button of what is shown takes nothing back: Ctrl+Z is not for it. */
void vm_undo_toast_set_offer(VmUndoToast *self);

/* Shows text with a button that opens the file; Ctrl+Z is not for it. */
void vm_undo_toast_show_file(VmUndoToast *self, const char *text, const char *path);

/*
 * A box to tick below the text of what is shown, off at first; tooltip says what it is about in full.
 * Which one it is can be asked in act and commit.
 */
void vm_undo_toast_add_option(VmUndoToast *self, const char *text, const char *tooltip);
/* A second sentence below what is shown; tooltip: the same in full. */
void vm_undo_toast_add_note(VmUndoToast *self, const char *text, const char *tooltip);
gboolean vm_undo_toast_get_option(VmUndoToast *self);

/* As if the button was pressed, and says so; FALSE when nothing is shown that can be taken back. */
gboolean vm_undo_toast_act(VmUndoToast *self);

/* Hides it and commits what it stood for. */
void vm_undo_toast_commit(VmUndoToast *self);

/* Other words for what is shown; the time starts again. */
void vm_undo_toast_set_text(VmUndoToast *self, const char *text);
