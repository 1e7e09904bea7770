/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The rows of the settings page: what each is called, and its value between definition and control. */

#include <gtk/gtk.h>

#include "vmm/client/json.h"

G_BEGIN_DECLS

#define VM_N_SETTINGS 18U

typedef enum {
    VM_SETTING_TEXT,
    VM_SETTING_NOTE,  /* of several lines */
    VM_SETTING_PATH,  /* a file that must be there */
    VM_SETTING_WORDS, /* kernel options: a list in the file, one line on screen */
    VM_SETTING_NUMBER,
    VM_SETTING_SCREEN,    /* the object "gpu" is there or not */
    VM_SETTING_AUTOSTART, /* not in the file: starts with the session */
    VM_SETTING_FLAG,      /* true, or not in the file */
    VM_SETTING_WINDOWS,   /* the guest's windows on this desktop */
    VM_SETTING_INPUT,     /* true or false; as "gpu" where the file says nothing */
    VM_SETTING_ICON,      /* a word of machine-icon.h, or nothing */
    VM_SETTING_GRAPHICS,  /* a level of graphics-level.h; nothing without a graphics card */
} VmSettingKind;

typedef struct {
    const char *section;
    const char *path;
    VmSettingKind kind;
    gboolean required;
    const char *title;
    const char *explain;
} VmSetting;

extern const VmSetting vm_settings[VM_N_SETTINGS];

/* Shown as a switch, whose value is "1" or "0". */
gboolean vm_setting_is_switch(const VmSetting *setting);
/* What the definition says; "" for nothing. The caller frees it. */
char *vm_setting_dup_value(VmJson *json, const VmSetting *setting);
void vm_setting_put_value(VmJson *json, const VmSetting *setting, const char *value);
/* `control` is the row's: a spin button, a switch, a combo box or an entry, by its kind. */
void vm_setting_show(GtkWidget *control, const VmSetting *setting, const char *value);
/* What the control holds. The caller frees it. */
char *vm_setting_read(GtkWidget *control, const VmSetting *setting);
/* Why it cannot be had, for people; NULL when it can. The caller frees it. */
char *vm_setting_complain(const VmSetting *setting, const char *value);
/* Whether it changed by itself; what comes and goes with the graphics card did not. */
gboolean vm_setting_is_changed(VmJson *before, VmJson *now, const VmSetting *setting);

G_END_DECLS
