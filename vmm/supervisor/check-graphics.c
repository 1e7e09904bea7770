/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/base/fd.h"
#include "vmm/supervisor/check-private.h"
#include "vmm/supervisor/graphics.h"
#include "vmm/supervisor/unix-socket.h"

enum {
    TRIAL_LIMIT_MS = 5000,
    PATH_SIZE = 256,
};

/* The cure for a device that we may not open: its group, where that would help. */
static void
cure_denied(struct row *row, const char *path)
{
    const struct passwd *user = getpwuid(geteuid());
    const struct group *group = NULL;
    char cure[TEXT_SIZE];
    char command[sizeof(row->command)];
    struct stat st;

    if (stat(path, &st) == 0 && st.st_gid != 0 && (st.st_mode & 0060) == 0060) {
        group = getgrgid(st.st_gid);
    }
    if (!group) {
        check_set_cure(row, "Have the system's device rules (udev) give it to your group.", "");
        return;
    }
    snprintf(cure, sizeof(cure), "Join the group “%s”, then log in again.", group->gr_name);
    snprintf(command, sizeof(command), "sudo usermod -aG %s %s", group->gr_name,
             user ? user->pw_name : "$USER");
    check_set_cure(row, cure, command);
}

/* 0 when it can be opened, else -errno. */
static int
try_device(const char *path)
{
    cleanup_fd int fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);

    return fd < 0 ? -errno : 0;
}

/* The first that may be used, or else the first that is there; -ENOENT when none is. */
static int
find_render_node(char ret_path[static PATH_SIZE])
{
    int r = -ENOENT;

    for (int i = 0; i < RENDER_NODES; i++) {
        char path[PATH_SIZE];

        snprintf(path, sizeof(path), "/dev/dri/renderD%d", RENDER_NODE_FIRST + i);
        int error = try_device(path);
        if (error == 0 || (r == -ENOENT && error != -ENOENT)) {
            memcpy(ret_path, path, PATH_SIZE);
            r = error;
        }
        if (error == 0) {
            break;
        }
    }
    return r;
}

static void
check_render_node(struct report *report)
{
    char path[PATH_SIZE] = "";
    char sentence[TEXT_SIZE];
    int r = find_render_node(path);
    struct row *row;

    if (r == -ENOENT) {
        row = check_add_row(report, "render-node", false,
                            "This computer has no render node (/dev/dri/renderD128).");
        check_set_cure(row, "Load the driver of the graphics card.", "");
    } else if (r < 0) {
        snprintf(sentence, sizeof(sentence), "The render node %s cannot be used (%s).", path,
                 strerror(-r));
        row = check_add_row(report, "render-node", false, sentence);
        if (r == -EACCES || r == -EPERM) {
            cure_denied(row, path);
        } else {
            check_set_cure(row, "Load the driver of the graphics card.", "");
        }
    } else {
        snprintf(sentence, sizeof(sentence), "You may use the render node %s.", path);
        row = check_add_row(report, "render-node", true, sentence);
    }
    row->warns = true;
}

/* The trials that a machine with 3D has, with less patience. */
static void
check_3d(struct report *report)
{
    const struct gpu_config config = {.backend = GPU_BACKEND_VIRGLRENDERER};
    struct graphics graphics;
    struct row *row;

    graphics_choose(&(struct graphics_wish){.config = &config, .limit_ms = TRIAL_LIMIT_MS},
                    &graphics);
    fd_closep(&graphics.render_fd);
    row = check_add_row(report, "graphics", graphics.level != GPU_LEVEL_2D, graphics.sentence);
    row->warns = true;
    check_set_cure(row, "Install Mesa's drivers and virglrenderer.",
                   "sudo apt install libgl1-mesa-dri libegl1 libvirglrenderer1");
}

static void
check_udmabuf(struct report *report)
{
    static const char path[] = "/dev/udmabuf";
    int r = try_device(path);
    const char *sentence = r == 0         ? "Pictures pass without a copy (/dev/udmabuf)."
                           : r == -ENOENT ? "The kernel has no /dev/udmabuf: pictures are copied."
                                          : "You may not use /dev/udmabuf: pictures are copied.";
    struct row *row = check_add_row(report, "udmabuf", r == 0, sentence);

    row->warns = true;
    if (r == -ENOENT) {
        check_set_cure(row, "Load the kernel's module for it.", "sudo modprobe udmabuf");
    } else {
        cure_denied(row, path);
    }
}

static void
check_wayland(struct report *report)
{
    const char *name = getenv("WAYLAND_DISPLAY");
    const char *folder = getenv("XDG_RUNTIME_DIR");
    const bool whole = name && name[0] == '/';
    char path[PATH_SIZE];
    char sentence[TEXT_SIZE];
    struct row *row;

    if (!name || !name[0]) {
        row = check_add_row(report, "wayland", false,
                            "No Wayland compositor is named ($WAYLAND_DISPLAY): a guest's programs "
                            "cannot be windows of this desktop.");
    } else {
        snprintf(path, sizeof(path), "%s%s%s", whole || !folder ? "" : folder,
                 whole || !folder ? "" : "/", name);
        cleanup_fd int fd = unix_socket_connect(path);
        snprintf(sentence, sizeof(sentence),
                 fd >= 0 ? "A Wayland compositor answers at “%s”."
                         : "No Wayland compositor answers at “%s”: a guest's programs cannot be "
                           "windows of this desktop.",
                 path);
        row = check_add_row(report, "wayland", fd >= 0, sentence);
    }
    row->warns = true;
    check_set_cure(row, "Use a Wayland session for single windows.", "");
}

static void
check_render_server(struct report *report)
{
    const bool there = access(RENDER_SERVER, X_OK) == 0;
    struct row *row = check_add_row(report, "vulkan", there,
                                    there ? "Vulkan's render server is installed."
                                          : "Vulkan's render server is not installed.");

    row->warns = true;
    check_set_cure(row, "Install the package virgl-server.", "sudo apt install virgl-server");
}

void
check_graphics(struct report *report, bool sandbox)
{
    check_render_node(report);
    if (sandbox) {
        check_3d(report);
    }
    check_udmabuf(report);
    check_wayland(report);
    check_render_server(report);
}
