/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What is shown before there is a machine: two ways to get one. */

#include <gtk/gtk.h>

#define VM_TYPE_EMPTY_PAGE (vm_empty_page_get_type())
G_DECLARE_FINAL_TYPE(VmEmptyPage, vm_empty_page, VM, EMPTY_PAGE, GtkBox)
