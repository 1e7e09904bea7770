/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The control socket: a stream of lines, one command each. An answer is any number of lines and then one
 * that begins with "ok" or "error". Numbers are decimal; places are logical ones of the output.
 *
 *   surfaces                 id role parent x y width height buffer-width buffer-height commits
 *                            pixels-taken opaque-area active title; a line each, mapped ones, bottom
 *                            first within a window
 *   shot PATH                the output in device pixels, a PPM file
 *   pixels ID PATH           what one surface shows, buffer pixels
 *   record [FOLDER] | stop   note each frame, with a picture in the folder
 *   frames                   what was noted: surface width height bare checksum steps
 *   overwritten              how many buffers their client changed while they were held (all surfaces)
 *   dmabufs                  how many were to be imported so far, and how many buffers there are
 *   refuse 0|1               do not import dmabufs from now on
 *   hold 0|1                 hold buffers from now on
 *   keep 0|1                 keep dmabufs when another buffer has come, until it is 0
 *   still 0|1                hold frame callbacks back from now on, as for a window that nobody sees
 *   move X Y, button CODE 0|1, scroll STEPS, key CODE 0|1 (Super is the
 *                            compositor's own while no inhibitor is active)
 *   focus ID, resize ID W H, fullscreen ID 0|1, close ID, scale X
 *   configures ID            how often a window was told a size and states
 *   inhibitors               surface ids; inhibit 0|1: make them active or not
 *   copy TEXT                offer it as the clipboard's content
 *   place ID X Y             where a window is
 *   drag                     of the drag that is on: surface below, whether it takes it, action
 *   paste TYPE PATH          ask the clipboard's owner and write what comes
 *   cursor                   id hot-x hot-y
 *   contexts                 0|1 (takes clients) clients engine app-id instance-id; a line each
 *   quit
 */
#include "tests/fakes/compositor/compositor.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
    LINE_SIZE = 65536,
};

struct connection {
    struct compositor *compositor;
    struct wl_list link;
    struct wl_event_source *source;
    FILE *out;
    int fd;
    char line[LINE_SIZE];
    size_t used;
};

/* Exactly `n` numbers. */
static bool
read_numbers(const char *text, double *ret, int n)
{
    char *end;

    for (int i = 0; i < n; i++) {
        ret[i] = strtod(text, &end);
        if (end == text || !(fabs(ret[i]) <= UINT32_MAX)) {
            return false;
        }
        text = end;
    }
    return *text == '\0';
}

static const char *
role_name(enum role role)
{
    static const char *const names[] = {[ROLE_NONE] = "none",     [ROLE_TOPLEVEL] = "toplevel",
                                        [ROLE_POPUP] = "popup",   [ROLE_SUBSURFACE] = "subsurface",
                                        [ROLE_CURSOR] = "cursor", [ROLE_DRAG_ICON] = "drag-icon"};

    return names[role];
}

static uint64_t
area(const pixman_region32_t *region)
{
    uint64_t sum = 0;
    int n;
    const pixman_box32_t *boxes = pixman_region32_rectangles((pixman_region32_t *)region, &n);

    for (int i = 0; i < n; i++) {
        sum += (uint64_t)(boxes[i].x2 - boxes[i].x1) * (uint64_t)(boxes[i].y2 - boxes[i].y1);
    }
    return sum;
}

/* NOLINTNEXTLINE(misc-no-recursion): subsurfaces nest */
static void
print_tree(FILE *out, const struct surface *surface)
{
    struct stack_entry *entry;

    if (!surface->image.pixels) {
        return;
    }
    wl_list_for_each(entry, &surface->stack, link) {
        const struct surface *at = entry->surface;
        if (at != surface) {
            print_tree(out, at);
            continue;
        }
        pixman_region32_t seen;
        pixman_region32_init(&seen);
        pixman_region32_intersect_rect(&seen, (pixman_region32_t *)&at->current.opaque, 0, 0,
                                       (unsigned)surface_width(at), (unsigned)surface_height(at));
        fprintf(out, "%u %s %u %d %d %d %d %d %d %u %llu %llu %d %s\n", at->id, role_name(at->role),
                at->parent ? at->parent->id : 0, at->x, at->y, surface_width(at),
                surface_height(at), at->image.width, at->image.height, at->n_commits,
                (unsigned long long)at->n_pixels_taken, (unsigned long long)area(&seen),
                at->xdg ? at->xdg->active : 0, at->xdg && at->xdg->title ? at->xdg->title : "");
        pixman_region32_fini(&seen);
    }
}

static bool
do_surfaces(struct connection *self, const char *rest)
{
    struct xdg_surface *xdg;

    (void)rest;
    wl_list_for_each(xdg, &self->compositor->toplevels, link) {
        print_tree(self->out, xdg->surface);
    }
    return true;
}

static bool
do_shot(struct connection *self, const char *rest)
{
    struct image image;

    if (!compose_output(self->compositor, &image)) {
        return false;
    }
    bool good = image_write(&image, rest);
    free(image.pixels);
    return good;
}

static bool
do_pixels(struct connection *self, const char *rest)
{
    char *end;
    const struct surface *surface =
        surface_by_id(self->compositor, (uint32_t)strtoul(rest, &end, 10));

    return surface && surface->image.pixels && *end == ' ' && image_write(&surface->image, end + 1);
}

static bool
do_record(struct connection *self, const char *rest)
{
    struct recorder *recorder = &self->compositor->recorder;

    free(recorder->folder);
    recorder->folder = NULL;
    recorder->on = strcmp(rest, "stop") != 0;
    if (recorder->on) {
        recorder->frames.size = 0;
        recorder->folder = rest[0] == '/' ? strdup(rest) : NULL;
    }
    return true;
}

static bool
do_frames(struct connection *self, const char *rest)
{
    const struct frame_record *record;

    (void)rest;
    wl_array_for_each(record, &self->compositor->recorder.frames)
    {
        fprintf(self->out, "%u %d %d %u %08x %u\n", record->surface, record->width, record->height,
                record->bare, record->checksum, record->steps);
    }
    return true;
}

static bool
do_overwritten(struct connection *self, const char *rest)
{
    const struct surface *surface;
    uint32_t n = 0;

    (void)rest;
    wl_list_for_each(surface, &self->compositor->surfaces, link) {
        n += surface->n_overwritten;
    }
    fprintf(self->out, "%u\n", n);
    return true;
}

static bool
do_dmabufs(struct connection *self, const char *rest)
{
    (void)rest;
    fprintf(self->out, "%u %u\n", self->compositor->n_imports, self->compositor->n_dmabufs);
    return true;
}

static bool
do_refuse(struct connection *self, const char *rest)
{
    self->compositor->refuse_dmabufs = strcmp(rest, "1") == 0;
    return true;
}

static bool
do_hold(struct connection *self, const char *rest)
{
    self->compositor->hold = strcmp(rest, "1") == 0;
    return true;
}

static bool
do_keep(struct connection *self, const char *rest)
{
    self->compositor->keep = strcmp(rest, "1") == 0;
    if (!self->compositor->keep) {
        surface_release_kept(self->compositor);
    }
    return true;
}

static bool
do_still(struct connection *self, const char *rest)
{
    self->compositor->still = strcmp(rest, "1") == 0;
    return true;
}

static bool
do_move(struct connection *self, const char *rest)
{
    double at[2];

    if (!read_numbers(rest, at, 2)) {
        return false;
    }
    seat_move(&self->compositor->seat, at[0], at[1]);
    return true;
}

static bool
do_button(struct connection *self, const char *rest)
{
    double what[2];

    if (!read_numbers(rest, what, 2)) {
        return false;
    }
    seat_button(&self->compositor->seat, (uint32_t)fabs(what[0]), what[1] != 0);
    return true;
}

static bool
do_scroll(struct connection *self, const char *rest)
{
    seat_scroll(&self->compositor->seat, strtod(rest, NULL));
    return true;
}

static bool
do_key(struct connection *self, const char *rest)
{
    double what[2];

    if (!read_numbers(rest, what, 2)) {
        return false;
    }
    seat_key(&self->compositor->seat, (uint32_t)fabs(what[0]), what[1] != 0);
    return true;
}

/* The window with that id at the beginning of the words. */
static struct xdg_surface *
find_window(struct connection *self, const char *rest)
{
    struct surface *surface = surface_by_id(self->compositor, (uint32_t)strtoul(rest, NULL, 10));

    return surface && surface->role == ROLE_TOPLEVEL ? surface->xdg : NULL;
}

static bool
do_focus(struct connection *self, const char *rest)
{
    struct xdg_surface *xdg = find_window(self, rest);

    shell_activate(self->compositor, xdg ? xdg->surface : NULL);
    return xdg || strcmp(rest, "0") == 0;
}

static bool
do_resize(struct connection *self, const char *rest)
{
    struct xdg_surface *xdg = find_window(self, rest);
    double size[3];

    if (!xdg || !read_numbers(rest, size, 3)) {
        return false;
    }
    shell_resize(xdg, (int)size[1], (int)size[2]);
    return true;
}

static bool
do_place(struct connection *self, const char *rest)
{
    struct xdg_surface *xdg = find_window(self, rest);
    double place[3];

    if (!xdg || !read_numbers(rest, place, 3)) {
        return false;
    }
    xdg->surface->x = (int)place[1];
    xdg->surface->y = (int)place[2];
    seat_update_pointer(&self->compositor->seat);
    return true;
}

static bool
do_drag(struct connection *self, const char *rest)
{
    (void)rest;
    drag_print(&self->compositor->seat, self->out);
    return true;
}

static bool
do_fullscreen(struct connection *self, const char *rest)
{
    struct xdg_surface *xdg = find_window(self, rest);
    double on[2];

    if (!xdg || !read_numbers(rest, on, 2)) {
        return false;
    }
    shell_set_fullscreen(xdg, on[1] != 0);
    return true;
}

static bool
do_close(struct connection *self, const char *rest)
{
    struct xdg_surface *xdg = find_window(self, rest);

    if (xdg) {
        shell_close(xdg);
    }
    return xdg;
}

static bool
do_configures(struct connection *self, const char *rest)
{
    const struct xdg_surface *xdg = find_window(self, rest);

    if (xdg) {
        fprintf(self->out, "%u\n", xdg->n_configures);
    }
    return xdg;
}

static bool
do_scale(struct connection *self, const char *rest)
{
    double scale = strtod(rest, NULL);

    if (!(scale >= 0.5 && scale <= 8)) {
        return false;
    }
    output_set_scale(self->compositor, (uint32_t)lround(scale * SCALE_ONE));
    return true;
}

static bool
do_inhibitors(struct connection *self, const char *rest)
{
    const struct inhibitor *inhibitor;

    (void)rest;
    wl_list_for_each(inhibitor, &self->compositor->seat.inhibitors, link) {
        fprintf(self->out, "%u\n", inhibitor->surface ? inhibitor->surface->id : 0);
    }
    return true;
}

static bool
do_inhibit(struct connection *self, const char *rest)
{
    inhibitors_set_active(&self->compositor->seat, strcmp(rest, "1") == 0);
    return true;
}

static bool
do_copy(struct connection *self, const char *rest)
{
    data_offer_text(&self->compositor->seat, rest);
    return true;
}

static bool
do_paste(struct connection *self, const char *rest)
{
    char type[128];
    int begin = 0;

    if (sscanf(rest, "%127s %n", type, &begin) != 1 || begin == 0 || rest[begin] != '/') {
        return false;
    }
    int fd = open(rest + begin, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool good = fd >= 0 && data_receive(&self->compositor->seat, type, fd);
    if (fd >= 0) {
        close(fd);
    }
    return good;
}

static bool
do_cursor(struct connection *self, const char *rest)
{
    const struct seat *seat = &self->compositor->seat;

    (void)rest;
    fprintf(self->out, "%u %d %d\n", seat->cursor ? seat->cursor->id : 0, seat->hot_x, seat->hot_y);
    return true;
}

static bool
do_contexts(struct connection *self, const char *rest)
{
    (void)rest;
    sandboxes_print(self->compositor, self->out);
    return true;
}

static bool
do_quit(struct connection *self, const char *rest)
{
    (void)rest;
    wl_display_terminate(self->compositor->display);
    return true;
}

static const struct {
    const char *name;
    bool (*run)(struct connection *self, const char *rest);
} commands[] = {
    {"surfaces", do_surfaces}, {"shot", do_shot},         {"pixels", do_pixels},
    {"record", do_record},     {"frames", do_frames},     {"move", do_move},
    {"button", do_button},     {"scroll", do_scroll},     {"key", do_key},
    {"focus", do_focus},       {"resize", do_resize},     {"fullscreen", do_fullscreen},
    {"close", do_close},       {"scale", do_scale},       {"inhibitors", do_inhibitors},
    {"inhibit", do_inhibit},   {"copy", do_copy},         {"paste", do_paste},
    {"cursor", do_cursor},     {"quit", do_quit},         {"hold", do_hold},
    {"keep", do_keep},         {"still", do_still},       {"dmabufs", do_dmabufs},
    {"refuse", do_refuse},     {"contexts", do_contexts}, {"overwritten", do_overwritten},
    {"place", do_place},       {"drag", do_drag},         {"configures", do_configures},
};

static void
run_line(struct connection *self, char *line)
{
    char *rest = strchr(line, ' ');

    if (rest) {
        *rest++ = '\0';
    } else {
        rest = line + strlen(line);
    }
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(commands[i].name, line) == 0) {
            fputs(commands[i].run(self, rest) ? "ok\n" : "error bad arguments\n", self->out);
            fflush(self->out);
            return;
        }
    }
    fputs("error no such command\n", self->out);
    fflush(self->out);
}

static void
end_connection(struct connection *self)
{
    wl_event_source_remove(self->source);
    wl_list_remove(&self->link);
    fclose(self->out);
    free(self);
}

static int
on_readable(int fd, uint32_t mask, void *data)
{
    struct connection *self = data;
    char *end;
    ssize_t n = read(fd, self->line + self->used, sizeof(self->line) - 1 - self->used);

    (void)mask;
    if (n <= 0) {
        end_connection(self);
        return 0;
    }
    self->used += (size_t)n;
    self->line[self->used] = '\0';
    while ((end = memchr(self->line, '\n', self->used))) {
        size_t length = (size_t)(end - self->line) + 1;
        *end = '\0';
        run_line(self, self->line);
        self->used -= length;
        memmove(self->line, self->line + length, self->used);
    }
    return 0;
}

static int
on_connection(int fd, uint32_t mask, void *data)
{
    struct compositor *compositor = data;
    int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
    struct connection *self;

    (void)mask;
    if (client < 0) {
        return 0;
    }
    self = calloc(1, sizeof(*self));
    self->compositor = compositor;
    wl_list_insert(&compositor->connections, &self->link);
    self->fd = client;
    self->out = fdopen(client, "w");
    self->source =
        wl_event_loop_add_fd(compositor->loop, client, WL_EVENT_READABLE, on_readable, self);
    return 0;
}

bool
control_init(struct compositor *compositor, const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || strlen(path) >= sizeof(address.sun_path)) {
        return false;
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    unlink(path);
    wl_list_init(&compositor->connections);
    if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 8) < 0) {
        return false;
    }
    compositor->listener =
        wl_event_loop_add_fd(compositor->loop, fd, WL_EVENT_READABLE, on_connection, compositor);
    return compositor->listener != NULL;
}

void
control_finish(struct compositor *compositor)
{
    struct connection *connection;
    struct connection *next;

    wl_list_for_each_safe(connection, next, &compositor->connections, link) {
        end_connection(connection);
    }
    wl_event_source_remove(compositor->listener);
}
