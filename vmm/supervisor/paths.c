/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/supervisor/paths.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/base/cleanup.h"
#include "vmm/base/memory.h"

char *
path_helpers(void)
{
    char self[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

    self[n < 0 ? 0 : n] = '\0';
    for (int i = 0; i < 2; i++) {
        char *slash = strrchr(self, '/');
        if (slash) {
            *slash = '\0';
        }
    }
    return xasprintf("%s/libexec/vitrine", self);
}

char *
path_state(const char *name)
{
    const char *state = getenv("XDG_STATE_HOME");
    const char *home = getenv("HOME");

    if (state && state[0] == '/') {
        return xasprintf("%s/vitrine/%s", state, name);
    }
    if (home && home[0] == '/') {
        return xasprintf("%s/.local/state/vitrine/%s", home, name);
    }
    return NULL;
}

int
path_make_folders(const char *path)
{
    cleanup_free char *copy = xstrdup(path);

    for (char *slash = strchr(copy + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(copy, 0700) < 0 && errno != EEXIST) {
            return -errno;
        }
        *slash = '/';
    }
    return mkdir(copy, 0700) < 0 && errno != EEXIST ? -errno : 0;
}
