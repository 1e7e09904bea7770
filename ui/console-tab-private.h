/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Shared by the two files of a console's tab: console-tab.c has the stream and the terminal,
 * console-tab-actions.c what a user does with the text.
 */

#include <vte/vte.h>

#include "manager/model/console-file.h"
#include "ui/console-feed.h"
#include "ui/console-links.h"
#include "ui/console-tab.h"

G_BEGIN_DECLS

struct _VmConsoleTab {
    GtkBox parent_instance;
    GtkScrolledWindow *terminal_scroll;
    VteTerminal *terminal;
    GtkRevealer *find_bar;
    GtkEntry *find_entry;
    GtkLabel *status_label;
    GtkRevealer *past_strip;
    GtkLabel *past_label;

    VmConsoleFeed *feed;
    VmConsoleLinks *links;
    VmChardev *chardev;
    char *name;
    char *machine; /* its title */
    char *palette; /* a word of vm_terminal_colours_apply() */
    char *path;    /* for all that it says, or NULL */
    gint64 started;
    VmConsoleFile *file; /* while there is no limit, or NULL */
    int lines;           /* to scroll back, 0: no limit */
    int fd;
    guint read_source;
    guint write_source;
    GByteArray *waiting; /* typed, not yet taken by the machine */
    gboolean used;       /* the terminal holds text of an earlier stream */
    gboolean new_run;
    gint64 opened;   /* when the stream was: what comes at once is history */
    guint new_lines; /* since the tab was last in view */
    GCancellable *cancellable;
};

/* For the signals of the bar that finds. */
void vm_console_tab_find_previous(VmConsoleTab *self);
void vm_console_tab_find_next(VmConsoleTab *self);
void vm_console_tab_find_closed(VmConsoleTab *self);

G_END_DECLS
