/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/devices/gpu/probe.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "vmm/base/fd.h"
#include "vmm/devices/gpu/policy.h"
#include "vmm/devices/gpu/venus-test.h"
#include "vmm/devices/gpu/virgl.h"

/* The jail has write(2) for it. */
static int
answer(const char *text)
{
    (void)fd_write_full(STDOUT_FILENO, text, strlen(text));
    return strcmp(text, "ok") == 0 ? 0 : 1;
}

int
probe_run(const char *level, uint32_t flags, bool crash)
{
    const bool venus = strncmp(level, "venus", strlen("venus")) == 0;
    const bool drm = strcmp(level, "drm") == 0 || (venus && fcntl(PROBE_RENDER_FD, F_GETFD) >= 0);
    cleanup(loop_destroyp) struct loop *loop = loop_create();
    const char *why = "there are no descriptors left";
    char sentence[256];

    struct jail_early *early = jail_drop_early(flags);
    struct renderer *renderer = loop && early ? virgl_create(loop, drm ? PROBE_RENDER_FD : -1,
                                                             venus ? PROBE_VENUS_FD : -1, &why)
                                              : NULL;
    if (!renderer) {
        return answer(why);
    }
    if (crash) {
        __builtin_trap();
    }
    int r = jail_enter_late(venus ? &gpu_venus_policy
                            : drm ? &gpu_drm_policy
                                  : &gpu_soft_policy,
                            flags, early, &why);
    if (r < 0) {
        snprintf(sentence, sizeof(sentence), "its jail does not close: %s", why);
        return answer(sentence);
    }
    if (venus) {
        r = venus_self_test(renderer, strcmp(level, "venus-unproved") == 0, sentence,
                            sizeof(sentence));
        renderer->ops->destroy(renderer);
        return answer(r < 0 ? sentence : "ok");
    }
    r = virgl_self_test(renderer);
    renderer->ops->destroy(renderer);
    return answer(r < 0 ? "what it draws is wrong" : "ok");
}
