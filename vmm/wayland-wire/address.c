/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/wayland-wire/address.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "vmm/base/cleanup.h"
#include "vmm/base/log.h"
#include "vmm/base/memory.h"

int
wayland_address(const char *name, const char *option, struct sockaddr_un *ret_address)
{
    const char *folder = getenv("XDG_RUNTIME_DIR");

    if (name[0] != '/' && !folder) {
        log_error("XDG_RUNTIME_DIR is not set: give %s a path", option);
        return -1;
    }
    cleanup_free char *path = name[0] == '/' ? xstrdup(name) : xasprintf("%s/%s", folder, name);
    if (strlen(path) >= sizeof(ret_address->sun_path)) {
        log_error("%s: the path is too long for a socket", path);
        return -1;
    }
    *ret_address = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(ret_address->sun_path, path, strlen(path) + 1);
    return 0;
}
