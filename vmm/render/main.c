/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * vmm-render: where the guest's Vulkan is executed. Closes a jail around itself and becomes
 * virglrenderer's render server, a program that is not ours: it makes a process for each Vulkan
 * context, and the host's Vulkan driver runs there. It ends when vmm-gpu closes its socket.
 *
 * `vmm-render --probe FLAGS` does the same for a trial, without a supervisor to tell.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "vmm/jail/start.h"
#include "vmm/protocol/device.h"
#include "vmm/render/policy.h"

/* As Debian's virgl-server has it; the library has the same path built in. */
#define RENDER_SERVER "/usr/libexec/virgl_render_server"

/*
 * What a process of a context may map: the blobs of a whole card (setup_gpu()) and as much again for what
 * its driver keeps for itself. Measured: Mesa's software driver maps 0.6 GiB before it has any memory.
 */
static const struct rlimit address_space = {UINT64_C(4) << 30, UINT64_C(4) << 30};

static int
become_server(int fd)
{
    char number[16];
    char *const argv[] = {(char[]){"virgl_render_server"}, (char[]){"--socket-fd"}, number, NULL};
    /* There is no folder for shaders, and the guest needs the processors more than llvmpipe. */
    char *const environment[] = {(char[]){"MESA_SHADER_CACHE_DISABLE=true"},
                                 (char[]){"LP_NUM_THREADS=1"}, NULL};

    snprintf(number, sizeof(number), "%d", fd);
    if (setrlimit(RLIMIT_AS, &address_space) < 0) {
        perror("setrlimit");
        return 1;
    }
    (void)fcntl(START_FD_CONTROL, F_SETFD, FD_CLOEXEC); /* what it says is nothing for us */
    execve(RENDER_SERVER, argv, environment);
    fprintf(stderr, "%s does not start: %s\n", RENDER_SERVER, strerror(errno));
    return 1;
}

static int
run_probe(uint32_t flags)
{
    const char *what;
    int r = jail_enter(&render_policy, flags, &what);

    if (r < 0) {
        fprintf(stderr, "could not %s: %s\n", what, strerror(-r));
        return 1;
    }
    return become_server(START_FD_FIRST);
}

int
main(int argc, char **argv)
{
    struct render_setup setup;

    if (jail_print_policy(&render_policy, argc, argv)) {
        return 0;
    }
    if (argc == 3 && strcmp(argv[1], "--probe") == 0) {
        return run_probe((uint32_t)strtoul(argv[2], NULL, 10));
    }
    if (start_receive_setup(&setup, sizeof(setup)) < 0) {
        return 1;
    }
    if (access(RENDER_SERVER, X_OK) < 0) {
        return start_fail("cannot-start",
                          "The Vulkan renderer “%s” is not installed; install virgl-server.",
                          RENDER_SERVER);
    }
    if (start_enter_jail(&render_policy, &setup.start) < 0) {
        return 1;
    }
    return become_server(setup.venus_fd);
}
