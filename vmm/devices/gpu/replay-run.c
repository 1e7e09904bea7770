/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/devices/gpu/replay-run.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/base/fd.h"
#include "vmm/base/log.h"
#include "vmm/devices/gpu/gpu.h"
#include "vmm/devices/gpu/policy.h"
#include "vmm/devices/gpu/replay.h"
#include "vmm/devices/gpu/virgl.h"

enum {
    TEXT_SIZE = 4096
};

static int
fail(const char *why)
{
    char sentence[256];

    snprintf(sentence, sizeof(sentence), "The recording cannot be played: %s.\n", why);
    (void)fd_write_full(STDERR_FILENO, sentence, strlen(sentence));
    return 1;
}

/* The whole file; NULL with *ret_why when it is none. */
static const void *
map_file(size_t *ret_size, const char **ret_why)
{
    struct stat st;
    void *data = MAP_FAILED;

    if (fstat(REPLAY_FILE_FD, &st) == 0 && st.st_size > 0) {
        data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, REPLAY_FILE_FD, 0);
    }
    if (data == MAP_FAILED) {
        *ret_why = "it is empty or cannot be read";
        return NULL;
    }
    *ret_size = (size_t)st.st_size;
    return data;
}

static int
tell(const struct gpu *gpu, const struct replay_result *result)
{
    const struct gpu_counters *counters = &gpu->counters;
    const double seconds = (double)result->time_ns / 1e9;
    const double frames = result->updates ? (double)result->updates : 1;
    char text[TEXT_SIZE];
    int n = snprintf(text, sizeof(text),
                     "requests          %" PRIu64 " (%" PRIu64 " failed)\n"
                     "command streams   %" PRIu64 " (%" PRIu64 " bytes)\n"
                     "guest wrote       %" PRIu64 " bytes\n"
                     "frames            %" PRIu64 "\n"
                     "time              %.3f s (%.1f frames per second)\n"
                     "a frame           %.1f requests, %.0f bytes copied, %.3f ms\n",
                     result->requests, result->failed, counters->submits, counters->command_bytes,
                     result->memory_bytes, result->updates, seconds,
                     seconds > 0 ? (double)result->updates / seconds : 0,
                     (double)result->requests / frames, (double)counters->copied_bytes / frames,
                     seconds * 1000 / frames);

    for (unsigned int i = 0; i < GPU_SCANOUTS_MAX; i++) {
        const struct replay_picture *picture = &result->picture[i];

        if (picture->width > 0 && n > 0 && (size_t)n < sizeof(text)) {
            n +=
                snprintf(text + n, sizeof(text) - (size_t)n,
                         "last picture      screen %u, %" PRIu32 " x %" PRIu32 ", %016" PRIx64 "\n",
                         i + 1, picture->width, picture->height, picture->sum);
        }
    }
    return fd_write_full(STDOUT_FILENO, text, strlen(text)) < 0 ? 1 : 0;
}

/* Start the library for the card; NULL is fine at level 2D. False with *ret_why when it fails. */
static bool
add_renderer(struct loop *loop, struct gpu *gpu, const char *level, const char **ret_why)
{
    const bool drm = strcmp(level, "drm") == 0;
    struct renderer *renderer;

    if (strcmp(level, "2d") == 0) {
        return true;
    }
    renderer = virgl_create(loop, drm ? REPLAY_RENDER_FD : -1, -1, ret_why);
    if (!renderer) {
        return false;
    }
    virgl_set_gpu(renderer, gpu);
    gpu_add_renderer(gpu, renderer);
    return true;
}

int
replay_run(const char *level, uint32_t flags)
{
    const struct jail_policy *policy = strcmp(level, "drm") == 0    ? &gpu_drm_policy
                                       : strcmp(level, "soft") == 0 ? &gpu_soft_policy
                                                                    : &gpu_policy;
    const char *why = "its jail cannot be prepared";
    cleanup(loop_destroyp) struct loop *loop = loop_create();
    cleanup(replay_destroyp) struct replay *replay = NULL; /* outlives the card */
    cleanup(gpu_destroyp) struct gpu *gpu = NULL;
    struct jail_early *early = NULL;
    struct replay_result result;
    struct gpu_setup setup;
    size_t size = 0;
    const void *data = map_file(&size, &why);

    log_set_level(LOG_LEVEL_WARNING);
    log_set_prefix("replay");
    replay = loop && data ? replay_create(loop, data, size, &setup, &why) : NULL;
    if (!replay) {
        return fail(why);
    }
    why = "the card cannot start";
    gpu = gpu_create(loop, &setup);
    early = gpu && strcmp(level, "2d") != 0 ? jail_drop_early(flags) : NULL;
    if (!gpu || (strcmp(level, "2d") != 0 && !early) || !add_renderer(loop, gpu, level, &why)) {
        return fail(why);
    }
    int r = early ? jail_enter_late(policy, flags, early, &why) : jail_enter(policy, flags, &why);
    if (r < 0 || replay_play(replay, gpu, &result, &why) < 0) {
        return fail(why);
    }
    return tell(gpu, &result);
}
