/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Whether what draws and what shows are one graphics card. A texture without a modifier has the layout that the
 * driver gave it: another card's driver would show noise, and say nothing.
 */

#include <glib.h>

G_BEGIN_DECLS

#define VM_SAME_CARD_SYSFS "/sys/dev/char"

/*
 * Device numbers as stat() has them, of a card's primary or render node; 0: nobody told one, and then it may be. The
 * folder `sysfs` knows which nodes are one card's; of numbers that it does not know, only equal ones are.
 */
gboolean vm_same_card_may_be(const char *sysfs, guint64 a, guint64 b);

G_END_DECLS
