/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Shared by create-assistant.c, create-copy.c, create-definition.c and create-start.c. */

#include "ui/clone-choice.h"
#include "ui/cloud-user.h"
#include "ui/create-assistant.h"
#include "ui/create-sources.h"

#define VM_SMALLEST_MIB   128 /* of memory, where its slider begins */
#define VM_PROCESSORS_MAX 32

struct _VmCreateAssistant {
    GtkWindow parent_instance;
    GtkButton *back_button;
    GtkButton *next_button;
    GtkHeaderBar *header;
    GtkStack *steps;

    GtkListBox *source_list;
    GtkWidget *kernel_check;
    GtkWidget *disk_check;
    GtkWidget *copy_row; /* NULL: there is nothing to copy */
    GtkWidget *copy_check;
    GtkWidget *file_check;
    GtkWidget *copy_box;
    GtkComboBox *copy_combo;
    VmCloneChoice *clone_choice;
    GtkWidget *file_grid;
    GtkEntry *file_entry;
    GtkWidget *boot_grid;
    GtkEntry *disk_entry;
    GtkEntry *kernel_entry;
    GtkEntry *initrd_entry;
    GtkEntry *options_entry;
    GtkLabel *import_note;
    GtkLabel *kernel_hint;
    GtkLabel *source_problem;

    GtkEntry *name_entry;
    GtkLabel *name_on_disk_label;
    GtkLabel *processors_label;
    GtkSpinButton *processors_spin;
    GtkLabel *memory_label;
    GtkLabel *memory_warning;
    GtkRange *memory_scale;
    int memory_steps; /* as many as this computer's memory makes sensible */
    GtkSwitch *graphics_switch;
    GtkWidget *windows_row;
    GtkSwitch *windows_switch;
    VmCloudUser *cloud_user;

    GtkListBox *check_list;
    GtkListBoxRow *check_sizes_row;
    GtkListBoxRow *check_start_row;
    GtkListBoxRow *check_disk_row;
    GtkWidget *check_sandbox_row;
    GtkLabel *check_title;
    GtkLabel *check_sizes;
    GtkLabel *check_start;
    GtkLabel *check_disk;
    GtkWidget *check_user_row;
    GtkLabel *check_user;
    GtkLabel *command_label;
    GtkToggleButton *without_start_check;

    VmStore *store;
    VmSourceKind kind;
    VmJson *loaded; /* of a configuration file */
    char
        *imported; /* the file of libvirt or with a command line that the fields were filled from */
    char *left_out; /* of it, in words; or NULL */
    VmJson *boot;   /* what was taken out of boot_disk */
    char *boot_disk;
    GCancellable *reading; /* a disk is being read */
    char *asked;           /* the file with a command line that vmm was asked about; or NULL */
    char *asked_problem;   /* what it said against it */
    GCancellable *asking;  /* it has not answered yet */
    gboolean go_on;        /* with the next step, when it has */
    gboolean name_given;
};

/* ------------------------------------------------------------------ create-assistant.c */

/* Which of the three is shown, from 0. */
int vm_create_assistant_get_step(VmCreateAssistant *self);
/* What the button "Next" does. */
void vm_create_assistant_next(VmCreateAssistant *self);

/* ------------------------------------------------------------------ create-copy.c */

/* Once, before anything is chosen. */
void vm_create_assistant_offer_copies(VmCreateAssistant *self, VmStore *store);
/* Of the template. */
void vm_create_assistant_original_chosen(VmCreateAssistant *self);
/* The first step's words and buttons, while a copy is the source. */
void vm_create_assistant_copy_changed(VmCreateAssistant *self);

/* ------------------------------------------------------------------ create-definition.c */

/* A machine of libvirt or of a command line: what it starts from can still be chosen. */
gboolean vm_create_assistant_is_import(VmCreateAssistant *self);
/* Its kernel may come out of its disk. */
gboolean vm_create_assistant_may_read_disk(VmCreateAssistant *self);
gboolean vm_create_assistant_lacks_kernel(VmCreateAssistant *self);
/* A disk of libvirt is what its file says, whatever a guest wrote to its beginning. */
gboolean vm_create_assistant_disk_is_qcow2(VmCreateAssistant *self);
/* Where the slider stands for so many MiB. */
int vm_create_assistant_memory_step(guint64 mib);
/* MiB; what the file says, where the slider was not moved from there. */
guint64 vm_create_assistant_get_memory(VmCreateAssistant *self);
/* As the fields are now; for vm_json_free(). */
VmJson *vm_create_assistant_make_definition(VmCreateAssistant *self);

/* ------------------------------------------------------------------ create-start.c */

/* The path that the kind of source cannot do without; "" without one. */
const char *vm_create_assistant_main_file(VmCreateAssistant *self);
/* What is wrong with the files, for g_free(); NULL when nothing is. *ret_empty: a required field has no text. */
char *vm_create_assistant_source_problem(VmCreateAssistant *self, gboolean *ret_empty);
void vm_create_assistant_set_kind(VmCreateAssistant *self, VmSourceKind kind);
/* The second step begins with what the file says. */
void vm_create_assistant_take_sizes(VmCreateAssistant *self);
/* Its kernel is to come out of the disk, which takes a second. */
void vm_create_assistant_read_disk(VmCreateAssistant *self);

/* Of the template. */
void vm_create_assistant_source_changed(VmCreateAssistant *self);
void vm_create_assistant_source_activated(VmCreateAssistant *self, GtkListBoxRow *row);
void vm_create_assistant_choose_file(VmCreateAssistant *self, GtkEntryIconPosition position,
                                     GdkEvent *event, GtkEntry *entry);
