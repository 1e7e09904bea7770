/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A Wayland compositor without a screen, for tests.
 *
 * usage: test-compositor SOCKET CONTROL [scale=1.25] [size=1280x800] [hold] [plain] [contexts]
 *        [dmabuf=3|4] [dmabuf=refused] [device=NUMBER]
 *
 * Clients connect to SOCKET, the test to CONTROL (control.c has its language). Writes one line to
 * stdout when both can be used; ends on SIGTERM, on "quit" and with its parent. "hold" keeps each
 * buffer until the next one is committed; "plain" offers neither viewports nor fractional scales nor
 * inhibition of shortcuts; "contexts" offers wp_security_context_v1, "dmabuf=4" that version of
 * zwp_linux_dmabuf_v1, with "dmabuf=refused" nothing is imported then; "device"
 * is the number of the card that it names for them (none otherwise).
 */
#include "tests/fakes/compositor/compositor.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

static int
on_frame_timer(void *data)
{
    struct compositor *compositor = data;

    if (!compositor->still) {
        surface_send_frames(compositor);
    }
    wl_event_source_timer_update(compositor->frame_timer, FRAME_MS);
    return 0;
}

static int
on_signal(int number, void *data)
{
    struct compositor *compositor = data;

    (void)number;
    wl_display_terminate(compositor->display);
    return 0;
}

static bool
read_option(struct compositor *compositor, const char *word)
{
    char *end;

    if (strncmp(word, "scale=", 6) == 0) {
        double scale = strtod(word + 6, &end);
        compositor->scale = (uint32_t)lround(scale * SCALE_ONE);
        return *end == '\0' && scale >= 0.5 && scale <= 8;
    }
    if (strncmp(word, "size=", 5) == 0) {
        compositor->width = (int)strtol(word + 5, &end, 10);
        compositor->height = *end == 'x' ? (int)strtol(end + 1, &end, 10) : 0;
        return *end == '\0' && compositor->width > 0 && compositor->width <= 4096 &&
               compositor->height > 0 && compositor->height <= 4096;
    }
    if (strncmp(word, "dmabuf=", 7) == 0) {
        compositor->refuse_dmabufs = strcmp(word + 7, "refused") == 0;
        compositor->dmabuf_version = strcmp(word + 7, "3") == 0 ? 3 : 4;
        return compositor->refuse_dmabufs || strcmp(word + 7, "3") == 0 ||
               strcmp(word + 7, "4") == 0;
    }
    if (strncmp(word, "device=", 7) == 0) {
        compositor->device = strtoull(word + 7, &end, 10);
        return *end == '\0' && compositor->device > 0;
    }
    compositor->hold = compositor->hold || strcmp(word, "hold") == 0;
    compositor->plain = compositor->plain || strcmp(word, "plain") == 0;
    compositor->contexts = compositor->contexts || strcmp(word, "contexts") == 0;
    compositor->patient = compositor->patient || strcmp(word, "patient") == 0;
    return strcmp(word, "hold") == 0 || strcmp(word, "plain") == 0 ||
           strcmp(word, "contexts") == 0 || strcmp(word, "patient") == 0;
}

static bool
listen_at(struct compositor *compositor, const char *path)
{
    setenv("XDG_RUNTIME_DIR", "/", 1); /* libwayland wants one, though the path is absolute */
    return path[0] == '/' && wl_display_add_socket(compositor->display, path) == 0;
}

static void
lists_init(struct compositor *compositor)
{
    struct seat *seat = &compositor->seat;

    wl_list_init(&compositor->surfaces);
    wl_list_init(&compositor->outputs);
    wl_list_init(&compositor->toplevels);
    wl_list_init(&compositor->sandboxes);
    wl_list_init(&compositor->kept);
    wl_list_init(&seat->resources);
    wl_list_init(&seat->pointers);
    wl_list_init(&seat->keyboards);
    wl_list_init(&seat->inhibitors);
    wl_list_init(&seat->data_devices);
    wl_array_init(&compositor->recorder.frames);
}

static void
globals_init(struct compositor *compositor)
{
    compositor_globals(compositor);
    subcompositor_global(compositor);
    output_global(compositor);
    data_global(compositor);
    seat_global(&compositor->seat);
    shell_global(compositor);
    if (!compositor->plain) {
        extensions_globals(compositor);
        decoration_global(compositor);
    }
    if (compositor->contexts) {
        sandboxes_global(compositor);
    }
    if (compositor->dmabuf_version > 0) {
        dmabuf_global(compositor);
    }
}

int
main(int argc, char **argv)
{
    struct compositor compositor = {
        .width = 1280, .height = 800, .scale = SCALE_ONE, .background = 0xffff00ff};

    if (argc < 3) {
        fprintf(stderr, "usage: test-compositor SOCKET CONTROL [scale=X] [size=WxH] [hold] [plain] "
                        "[contexts] [patient] [dmabuf=3|4] [dmabuf=refused] "
                        "[device=NUMBER]\n");
        return 2;
    }
    for (int i = 3; i < argc; i++) {
        if (!read_option(&compositor, argv[i])) {
            fprintf(stderr, "test-compositor: bad option %s\n", argv[i]);
            return 2;
        }
    }
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    compositor.seat.compositor = &compositor;
    compositor.seat.x = -1;
    lists_init(&compositor);
    compositor.display = wl_display_create();
    compositor.loop = wl_display_get_event_loop(compositor.display);
    if (!keyboard_init(&compositor.seat) || !listen_at(&compositor, argv[1]) ||
        !control_init(&compositor, argv[2])) {
        fprintf(stderr, "test-compositor: cannot begin\n");
        return 1;
    }
    globals_init(&compositor);
    compositor.frame_timer = wl_event_loop_add_timer(compositor.loop, on_frame_timer, &compositor);
    wl_event_source_timer_update(compositor.frame_timer, FRAME_MS);
    compositor.end = wl_event_loop_add_signal(compositor.loop, SIGTERM, on_signal, &compositor);
    signal(SIGPIPE, SIG_IGN);
    puts("ready");
    fflush(stdout);
    wl_display_run(compositor.display);
    wl_display_destroy_clients(compositor.display);
    sandboxes_finish(&compositor);
    keyboard_finish(&compositor.seat);
    wl_event_source_remove(compositor.frame_timer);
    control_finish(&compositor);
    wl_event_source_remove(compositor.end);
    wl_display_destroy(compositor.display);
    wl_array_release(&compositor.recorder.frames);
    free(compositor.recorder.folder);
    free(compositor.seat.own_selection);
    unlink(argv[2]);
    return 0;
}
