/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which nodes are one graphics card's, in a folder that looks as the kernel's. */

#include "tests/unit/tap.h"

#include <ftw.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "ui/same-card.h"

enum {
    DRM = 226,
};

/* On a bus, with that node. */
static bool
add_node(const char *root, unsigned int minor, const char *device)
{
    char path[200];
    char target[200];

    snprintf(path, sizeof(path), "%s/%s", root, device);
    (void)mkdir(path, 0700);
    snprintf(path, sizeof(path), "%s/%d:%u", root, DRM, minor);
    if (mkdir(path, 0700) < 0) {
        return false;
    }
    snprintf(path, sizeof(path), "%s/%d:%u/device", root, DRM, minor);
    snprintf(target, sizeof(target), "../%s", device);
    return symlink(target, path) == 0;
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

TAP_TEST(nodes)
{
    char root[] = "/tmp/same-card-XXXXXX";

    check(mkdtemp(root) != NULL);
    check(add_node(root, 0, "0000:00:02.0"));
    check(add_node(root, 128, "0000:00:02.0"));
    check(add_node(root, 1, "0000:01:00.0"));
    check(add_node(root, 129, "0000:01:00.0"));
    check(vm_same_card_may_be(root, makedev(DRM, 0), makedev(DRM, 128)));
    check(vm_same_card_may_be(root, makedev(DRM, 129), makedev(DRM, 1)));
    check(!vm_same_card_may_be(root, makedev(DRM, 128), makedev(DRM, 129)));
    check(!vm_same_card_may_be(root, makedev(DRM, 0), makedev(DRM, 129)));
    check(!vm_same_card_may_be(root, makedev(DRM, 0), makedev(DRM, 1)));
    check(nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS) == 0);
}

TAP_TEST(unknown)
{
    const char *nowhere = "/nonexistent";

    check(vm_same_card_may_be(nowhere, 0, makedev(DRM, 128)));
    check(vm_same_card_may_be(nowhere, makedev(DRM, 128), 0));
    check(vm_same_card_may_be(nowhere, 0, 0));
    check(vm_same_card_may_be(nowhere, makedev(DRM, 128), makedev(DRM, 128)));
    check(!vm_same_card_may_be(nowhere, makedev(DRM, 0), makedev(DRM, 128)));
    check(!vm_same_card_may_be(VM_SAME_CARD_SYSFS, UINT64_MAX, makedev(1, 3)));
}

TAP_MAIN(TAP_CASE(nodes), TAP_CASE(unknown))
