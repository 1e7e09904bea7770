/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/supervisor/replay.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vmm/base/fd.h"
#include "vmm/base/memory.h"
#include "vmm/config/machine-config.h"
#include "vmm/jail/spawn.h"
#include "vmm/supervisor/failure.h"
#include "vmm/supervisor/graphics.h"
#include "vmm/supervisor/paths.h"
#include "vmm/supervisor/processes.h"

static const char usage[] =
    "Usage: vmm gpu replay FILE [--backend NAME]\n"
    "\n"
    "Plays a recording of a machine's graphics card (vmm run --gpu record=FILE) to a card without "
    "a\n"
    "machine, in its jail, and prints what that took and a sum of the last picture.\n"
    "  --backend NAME   2d, virglrenderer (default: on a render node, else by the processor)\n";

struct arguments {
    const char *file;
    uint64_t backend; /* enum gpu_backend */
};

/* The word after --backend. -1 after saying what is wrong. */
static int
read_backend(const char *name, uint64_t *ret_backend)
{
    if (name && strcmp(name, "2d") == 0) {
        *ret_backend = GPU_BACKEND_2D;
        return 0;
    }
    if (name && strcmp(name, "virglrenderer") == 0) {
        *ret_backend = GPU_BACKEND_VIRGLRENDERER;
        return 0;
    }
    fprintf(stderr, "vmm: --backend “%s” is not known; it is 2d or virglrenderer.\n",
            name ? name : "");
    return -1;
}

/* The one file. -1 after saying what is wrong. */
static int
read_file(const char *name, const char **ret_file)
{
    if (*ret_file || name[0] == '-') {
        fprintf(stderr, "vmm: “%s” is too much; `vmm gpu replay --help` shows how.\n", name);
        return -1;
    }
    *ret_file = name;
    return 0;
}

/* -1 after saying what is wrong. */
static int
read_arguments(int argc, char **argv, struct arguments *ret)
{
    *ret = (struct arguments){.backend = GPU_BACKEND_VIRGLRENDERER};
    for (int i = 0; i < argc; i++) {
        int r = 0;

        if (strcmp(argv[i], "--backend") == 0) {
            r = read_backend(argv[++i], &ret->backend); /* the last of argv is NULL */
        } else {
            r = read_file(argv[i], &ret->file);
        }
        if (r < 0) {
            return -1;
        }
    }
    if (!ret->file) {
        fputs("vmm: Which recording? `vmm gpu replay FILE` plays it.\n", stderr);
        return -1;
    }
    return 0;
}

/* 0, or 1 after somebody said what is wrong. */
static int
play(const struct graphics *graphics, int file)
{
    static const char *const levels[] = {
        [GPU_LEVEL_2D] = "2d", [GPU_LEVEL_SOFT] = "soft", [GPU_LEVEL_DRM] = "drm"};
    const struct process_row *row = graphics_row(graphics->level);
    cleanup_free char *helpers = path_helpers();
    cleanup_free char *executable = xasprintf("%s/%s", helpers, row->executable);
    cleanup_fd int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    const char *const argv[] = {row->executable, "--replay", levels[graphics->level], "0", NULL};
    const int fds[] = {null, STDOUT_FILENO, STDERR_FILENO, file, graphics->render_fd};
    const struct jail_spawn spawn = {.executable = executable,
                                     .argv = argv,
                                     .fds = fds,
                                     .n_fds = 5,
                                     .nofile = row->nofile,
                                     .threads = row->threads,
                                     .root_paths = row->root_paths};
    struct jail_child child = {.pidfd = -1};
    const char *what = "start";
    siginfo_t info = {0};

    fflush(stdout);
    int r = null < 0 ? -errno : jail_spawn(&spawn, &child, &what);
    if (r < 0) {
        fprintf(stderr, "vmm: The graphics card could not be started: it could not %s (%s).\n",
                what, strerror(-r));
        return 1;
    }
    waitid(P_PIDFD, (id_t)child.pidfd, &info, WEXITED | __WALL);
    fd_closep(&child.pidfd);
    if (info.si_code != CLD_EXITED) {
        fputs("vmm: The graphics card crashed; another --backend may bear the recording.\n",
              stderr);
        return 1;
    }
    return info.si_status;
}

int
replay_command(int argc, char **argv)
{
    struct arguments arguments;
    struct graphics graphics;

    if (argc > 0 && strcmp(argv[0], "--help") == 0) {
        fputs(usage, stdout);
        return 0;
    }
    if (read_arguments(argc, argv, &arguments) < 0) {
        return EXIT_STATUS_USAGE;
    }
    cleanup_fd int file = open(arguments.file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (file < 0) {
        fprintf(stderr, "vmm: The recording “%s” cannot be opened (%s); check the path.\n",
                arguments.file, strerror(errno));
        return EXIT_STATUS_USAGE;
    }
    const struct gpu_config config = {
        .backend = arguments.backend,
        .context_types = arguments.backend == GPU_BACKEND_2D
                             ? 0
                             : GPU_CONTEXT_VIRGL | GPU_CONTEXT_VIRGL2, /* no Vulkan is recorded */
    };
    graphics_choose(&(struct graphics_wish){.config = &config}, &graphics);
    printf("%s\n", graphics.sentence);
    int status = play(&graphics, file);
    fd_closep(&graphics.render_fd);
    return status == 0 ? 0 : EXIT_STATUS_FAILED;
}
