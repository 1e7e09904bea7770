/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Shared by window.c and what is named window-*.c. */

#include "manager/model/start-queue.h"
#include "ui/building-page.h"
#include "ui/machine-page.h"
#include "ui/machine-sidebar.h"
#include "ui/message-bar.h"
#include "ui/message-stack.h"
#include "ui/overview-page.h"
#include "ui/self-check-page.h"
#include "ui/undo-toast.h"
#include "ui/view-state.h"
#include "ui/window.h"

struct _VmWindow {
    GtkApplicationWindow parent_instance;

    GtkHeaderBar *side_header;
    GtkHeaderBar *main_header;
    GtkWidget *header_separator;
    GtkWidget *search_button;
    GtkWidget *main_menu_button;
    GtkWidget *back_button;
    GtkWidget *power_box;
    GtkButton *power_button;
    GtkStack *power_stack;
    GtkWidget *start_label;
    GtkWidget *shut_label;
    GtkWidget *force_label;
    GtkWidget *power_menu_button;
    GMenuModel *power_menu; /* while it runs */
    GMenuModel *off_menu;
    GMenuModel *row_menu; /* of the list */
    GtkWidget *disposable_strip;
    GtkStack *title_stack;
    GtkStackSwitcher *view_switcher;
    GtkLabel *title_label;
    GtkLabel *state_label;
    GtkWidget *elsewhere_label;
    GtkMenuButton *keys_button;
    GtkWidget *screenshot_button;
    GtkWidget *fullscreen_button;
    GtkWidget *more_button;
    GtkWidget *sidebar_box;
    VmMachineSidebar *sidebar;
    GtkWidget *content_overlay;
    VmMessageStack *message_box;
    GtkStack *page_stack;
    VmMachinePage *machine_page;
    VmBuildingPage *building_page;
    VmSelfCheckPage *self_check_page;
    VmOverviewPage *overview_page;
    GtkMenuButton *columns_button;
    GtkWidget *bottom_switcher;
    VmUndoToast *undo_toast;

    VmStore *store;
    GSettings *settings;
    VmStartQueue *start_queue;
    VmViewState *view_state;
    gboolean alone;     /* one machine in a window of its own, without the list */
    int alone_display;  /* which display that window was opened for */
    gboolean overview;  /* "All machines" is shown, not a machine */
    VmMachine *machine; /* the shown one, or NULL */
    GtkWidget *problem_bar;
    GSimpleActionGroup *machine_actions;
    GtkWidget *keys_popover;

    /* Layout. */
    gboolean narrow;
    gboolean show_content; /* narrow: content, not sidebar */
    gboolean icons;        /* the switcher shows icons */
    gboolean fullscreen;
    char *place; /* the monitor that the window was on before the last full screen, or NULL */
    gboolean sidebar_wanted;
    gboolean tight;   /* the power button has no word */
    int beside_width; /* least width of sidebar and page beside each other, 0: unknown */
    int word_width;   /* least width of the header with that word */
    int text_width;   /* natural width of the header with words, 0: unknown */
    guint layout_idle;
    guint typing_timer;
    int normal_width; /* of the window when neither maximised nor full screen */
    int normal_height;
    gboolean maximized;
};

/* window.c */
void vm_window_take_machine(VmWindow *self, VmMachine *machine);

/* window-create.c: new machines; more of it is in window.h */
/* A file that is dropped on the window begins one. */
void vm_window_take_files(VmWindow *self);

/* window-overview.c: "All machines" and the order of the sidebar */
void vm_window_setup_overview(VmWindow *self);
void vm_window_show_overview(VmWindow *self);
void vm_window_sidebar_overview(VmWindow *self, gboolean pressed);
void vm_window_row_moved(VmWindow *self, VmMachine *machine, const char *group);
void vm_window_overview_act(VmWindow *self, const char *what, GPtrArray *machines);

/* window-actions.c */
void vm_window_add_actions(VmWindow *self);

/* window-usable.c: which actions can be used; nothing before there are any */
void vm_window_update_actions(VmWindow *self);

/* window-monitor.c: full screen, on the monitor where the machine was so before unless the window was moved
 * to another since */
void vm_window_enter_fullscreen(VmWindow *self);
void vm_window_leave_fullscreen(VmWindow *self);
/* Keeps where it is, when it is in full screen. */
void vm_window_note_monitor(VmWindow *self);

/* window-pages.c: the actions of single pages */
void vm_window_add_page_actions(VmWindow *self);

/* window-layout.c */
void vm_window_show_strip(VmWindow *self);

/* window-displays.c: displays that come and go */
void vm_window_add_display(VmWindow *self);
void vm_window_remove_display(VmWindow *self);
/* What draws on them in 3D begins anew; asks first. */
void vm_window_restart_renderer(VmWindow *self);
/* The display that is shown, in a window of its own. */
void vm_window_display_window(VmWindow *self);

/* window-words.c: title and group, with undo */
void vm_window_rename(VmWindow *self);
void vm_window_change_group(VmWindow *self);
/* machines: (element-type VmMachine). An empty group is none. */
void vm_window_set_group(VmWindow *self, GPtrArray *machines, const char *group);
/* The same, for the group that a person types. */
void vm_window_ask_group(VmWindow *self, GPtrArray *machines);
/* What can be seen now and stands for the shown machine: a question is asked beside it. */
GtkWidget *vm_window_anchor(VmWindow *self);
/* Asks for a name, and writes a definition for the one that is shown and was started elsewhere. */
void vm_window_keep(VmWindow *self);

/* window-files.c: the file that the problem of the shown machine is about */
void vm_window_choose_file(VmWindow *self);
void vm_window_remove_file(VmWindow *self);
/* As much memory as fits, where too much is the problem. */
void vm_window_use_less(VmWindow *self);
/* Which of our machines has it open is told in the bar. */
void vm_window_name_user(VmWindow *self, const VmProblem *problem, VmMessageBar *bar);

/* window-machine.c: what a person does with one machine besides running it */
void vm_window_clone(VmWindow *self);
/* flags: VmCloneFlags. Nothing while the machine runs. */
void vm_window_copy(VmWindow *self, VmMachine *machine, const char *title, guint flags);
/* hardware: as vm_ports_add() takes it. */
void vm_window_add_console(VmWindow *self, const char *hardware);
/* Asks first, where the preferences say so. */
void vm_window_force_off(VmWindow *self);
void vm_window_new_window(VmWindow *self);
void vm_window_delete(VmWindow *self);
/* Those that are off; (element-type VmMachine). */
void vm_window_delete_machines(VmWindow *self, GPtrArray *machines);
/* path in the definition of machine; an empty text removes it. */
void vm_window_set_member(VmWindow *self, VmMachine *machine, const char *path, const char *text);
void vm_window_copy_command(VmWindow *self);
void vm_window_copy_report(VmWindow *self);
void vm_window_open_folder(VmWindow *self);
void vm_window_save_screenshot(VmWindow *self);
void vm_window_copy_screenshot(VmWindow *self);
/* Types the clipboard's text; a long one shows how far it is, with a button to stop. */
void vm_window_type_clipboard(VmWindow *self);
void vm_window_toast(VmWindow *self, const char *text);

/* window-layout.c */
void vm_window_setup_layout(VmWindow *self);
/* For a window of that width; 0: as it is. */
void vm_window_layout(VmWindow *self, int width);
void vm_window_layout_soon(VmWindow *self);
void vm_window_show_content(VmWindow *self, gboolean content);
