/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What stands for a machine where there is no picture of its screen: "manager.icon" of its definition. */

#include <glib.h>

#include "manager/model/machine.h"

G_BEGIN_DECLS

/* The words of a definition, "" first, which is no icon of its own; NULL: no more. */
const char *vm_machine_icon_word(guint number);
/* For people. */
const char *vm_machine_icon_title(guint number);

/* The name of an icon: the machine's own, or one that tells whether it runs. machine may be NULL. */
const char *vm_machine_icon_name(VmMachine *machine);

G_END_DECLS
