/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What `vmm check` says about this computer, a row for each thing, with cures. */

#include <gtk/gtk.h>

#define VM_TYPE_SELF_CHECK_PAGE (vm_self_check_page_get_type())
G_DECLARE_FINAL_TYPE(VmSelfCheckPage, vm_self_check_page, VM, SELF_CHECK_PAGE, GtkBox)

/* Signals: "continued"; "checked" (gboolean: machines can run). */
void vm_self_check_page_run(VmSelfCheckPage *self);
/* What the last check found, for a report; g_free(). */
char *vm_self_check_page_dup_report(VmSelfCheckPage *self);
