/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Shared by overview-page.c and overview-columns.c. */

#include "ui/overview-page.h"

#define VM_OVERVIEW_COLUMN_MIN_WIDTH 60
#define VM_OVERVIEW_TEXT_CHARS       12 /* of a name, a group, a note, where there is no room for more */

typedef enum {
    VM_OVERVIEW_NAME,
    VM_OVERVIEW_GROUP,
    VM_OVERVIEW_STATE,
    VM_OVERVIEW_CPU,
    VM_OVERVIEW_MEMORY,
    VM_OVERVIEW_DISK,
    VM_OVERVIEW_TIME,
    VM_OVERVIEW_NOTE,
    VM_OVERVIEW_N_COLUMNS
} VmOverviewColumn;

typedef struct {
    const char *id;
    const char *title; /* not translated */
    gboolean number;
    gboolean hidden; /* at first */
    gboolean drawn;  /* the last minute of `figure` */
    VmMachineFigure figure;
} VmOverviewColumnKind;

struct _VmOverviewPage {
    GtkBox parent_instance;
    GtkTreeView *tree;
    GtkTreeSelection *selection;
    GtkRevealer *action_revealer;
    GtkLabel *count_label;
    GtkWidget *start_button;
    GtkWidget *shut_down_button;
    GtkWidget *group_button;
    GtkWidget *delete_button;

    GtkListStore *rows; /* one column: VmMachine */
    GtkTreeViewColumn *columns[VM_OVERVIEW_N_COLUMNS];
    GtkCellRenderer *group_cell;
    guint fitting; /* an idle source */
    VmStore *store;
    GSettings *settings;
    VmPictureFunc picture;
    gpointer picture_data;
};

/* `id` is one of them. */
const VmOverviewColumnKind *vm_overview_column_kind(VmOverviewColumn id);
/* Keeps the order; for the signal of the tree. */
void vm_overview_columns_changed(VmOverviewPage *self);
/* Soon: long groups get what room the names have left. */
void vm_overview_columns_fit(VmOverviewPage *self);
/* Keeps the widths. */
void vm_overview_columns_save_widths(VmOverviewPage *self);
