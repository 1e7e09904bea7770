/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/same-card.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>

/* The device on its bus, whose nodes they are. */
static gboolean
find_device(const char *sysfs, guint64 node, struct stat *ret)
{
    g_autofree char *path =
        g_strdup_printf("%s/%u:%u/device", sysfs, major((dev_t)node), minor((dev_t)node));

    return stat(path, ret) == 0;
}

gboolean
vm_same_card_may_be(const char *sysfs, guint64 a, guint64 b)
{
    struct stat of_a;
    struct stat of_b;

    if (a == 0 || b == 0 || a == b) {
        return TRUE;
    }
    return find_device(sysfs, a, &of_a) && find_device(sysfs, b, &of_b) &&
           of_a.st_dev == of_b.st_dev && of_a.st_ino == of_b.st_ino;
}
