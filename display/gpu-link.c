/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "display/gpu-link.h"

#include <errno.h>

#include "display/watch.h"
#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"
#include "vmm/base/log.h"
#include "vmm/base/message.h"

enum {
    MODE_DELAY_MS = 50,
    MESSAGES_PER_WAKE = 256, /* then others get their turn */
};

union gpu_message {
    struct start_header header;
    struct gpu_hello hello;
    struct gpu_buffer buffer;
    struct gpu_scanout scanout;
    struct gpu_update update;
    struct gpu_cursor cursor;
    struct gpu_cursor_move move;
    struct gpu_statistics statistics;
    struct gpu_mode display;
    struct gpu_restarted restarted;
    struct gpu_texture texture;
};

/* About one scanout. */
struct plugging {
    VmGpuPlugged callback;
    gpointer user_data;
};

struct question {
    VmGpuStatistics callback;
    gpointer user_data;
};

struct restarting {
    VmGpuRestarted callback;
    gpointer user_data;
};

struct _VmGpuLink {
    GObject parent_instance;
    int fd;
    guint source;
    gboolean in_sync; /* GPU_HELLO was seen */
    GHashTable *buffers;
    guint n_screens;
    VmScreen *screens[VM_SCREENS_MAX];
    struct gpu_mode modes[VM_SCREENS_MAX]; /* header.type 0: nothing to send */
    guint mode_timer;
    GQueue questions;                 /* struct question, about statistics */
    GQueue restarts;                  /* struct restarting */
    GQueue pluggings[VM_SCREENS_MAX]; /* struct plugging */
    struct log_limit limit;
    union gpu_message message; /* too large for the stack */
};

G_DEFINE_FINAL_TYPE(VmGpuLink, vm_gpu_link, G_TYPE_OBJECT)

enum {
    SCREEN_ADDED,
    SCREEN_REMOVED,
    MODE_CHANGED,
    N_SIGNALS
};

static guint signals[N_SIGNALS]; /* NOLINT(cppcoreguidelines-avoid-non-const-global-variables) */

static void
complain(VmGpuLink *self, const char *what)
{
    log_limited(&self->limit, LOG_LEVEL_WARNING, "gpu: %s, left out", what);
}

static void
tell_flips(VmGpuLink *self, VmScreen *screen)
{
    const struct gpu_flips message = {.header = {GPU_FLIPS, sizeof(message)},
                                      .scanout = vm_screen_get_number(screen),
                                      .wanted = vm_screen_get_flips(screen)};

    /* Without it a frame may be seen half drawn, no more. */
    if (self->source && message_send(self->fd, &message, sizeof(message), NULL, 0) < 0) {
        log_debug("gpu: does not take a wish for flips");
    }
}

static void
tell_shown(VmGpuLink *self, guint buffer, VmScreen *screen)
{
    const struct gpu_shown message = {.header = {GPU_SHOWN, sizeof(message)},
                                      .scanout = vm_screen_get_number(screen),
                                      .buffer = buffer};

    if (self->source && message_send(self->fd, &message, sizeof(message), NULL, 0) < 0) {
        log_debug("gpu: does not take what is shown");
    }
}

static void
tell_textures(VmGpuLink *self, VmScreen *screen)
{
    const struct gpu_flips message = {.header = {GPU_TEXTURES, sizeof(message)},
                                      .scanout = vm_screen_get_number(screen),
                                      .wanted = vm_screen_get_textures(screen)};

    if (self->source && message_send(self->fd, &message, sizeof(message), NULL, 0) < 0) {
        log_warning("gpu: does not take a wish for textures");
    }
}

static void
ask_pixels(VmGpuLink *self, VmScreen *screen)
{
    const struct gpu_ask_pixels message = {.header = {GPU_ASK_PIXELS, sizeof(message)},
                                           .scanout = vm_screen_get_number(screen)};

    if (!self->source || message_send(self->fd, &message, sizeof(message), NULL, 0) < 0) {
        vm_screen_set_pixels(screen, NULL);
    }
}

static void
add_screen(VmGpuLink *self)
{
    VmScreen *screen = vm_screen_new(self->n_screens);

    g_signal_connect_object(screen, "flips-changed", G_CALLBACK(tell_flips), self,
                            G_CONNECT_SWAPPED);
    g_signal_connect_object(screen, "shown", G_CALLBACK(tell_shown), self, G_CONNECT_SWAPPED);
    g_signal_connect_object(screen, "textures-changed", G_CALLBACK(tell_textures), self,
                            G_CONNECT_SWAPPED);
    g_signal_connect_object(screen, "pixels-wanted", G_CALLBACK(ask_pixels), self,
                            G_CONNECT_SWAPPED);
    self->screens[self->n_screens++] = screen;
}

static gboolean
may_add_buffer(VmGpuLink *self, guint32 id, const struct message_fds *fds)
{
    if (id == 0 || fds->count != 1 || g_hash_table_size(self->buffers) >= VM_BUFFERS_MAX ||
        g_hash_table_contains(self->buffers, GUINT_TO_POINTER(id))) {
        complain(self, "buffer with a bad number or without a file");
        return FALSE;
    }
    return TRUE;
}

static void
add_buffer(VmGpuLink *self, guint32 id, VmBuffer *buffer, const GError *error)
{
    if (buffer) {
        g_hash_table_insert(self->buffers, GUINT_TO_POINTER(id), buffer);
    } else {
        complain(self, error->message);
    }
}

static void
handle_buffer(VmGpuLink *self, const union gpu_message *message, struct message_fds *fds)
{
    const guint32 id = message->buffer.id;
    g_autoptr(GError) error = NULL;

    if (may_add_buffer(self, id, fds)) {
        VmBuffer *buffer = vm_buffer_new(message_take_fd(fds, 0), message->buffer.size, &error);

        add_buffer(self, id, buffer, error);
    }
}

static void
handle_texture(VmGpuLink *self, const union gpu_message *message, struct message_fds *fds)
{
    const guint32 id = message->texture.id;
    g_autoptr(GError) error = NULL;

    if (may_add_buffer(self, id, fds)) {
        VmBuffer *buffer =
            vm_buffer_new_texture(message_take_fd(fds, 0), &message->texture, &error);

        add_buffer(self, id, buffer, error);
    }
}

/* Without it everything works, with a copy more. */
static void
handle_buffer_dmabuf(VmGpuLink *self, const union gpu_message *message, struct message_fds *fds)
{
    VmBuffer *buffer = g_hash_table_lookup(self->buffers, GUINT_TO_POINTER(message->buffer.id));

    if (!buffer || !vm_buffer_set_dmabuf(buffer, message_take_fd(fds, 0))) {
        complain(self, "a dmabuf that is none, or for no buffer");
    }
}

static void
handle_buffer_gone(VmGpuLink *self, const union gpu_message *message, struct message_fds *fds)
{
    if (!g_hash_table_remove(self->buffers, GUINT_TO_POINTER(message->buffer.id))) {
        complain(self, "unknown buffer is gone");
    }
}

static gboolean
texture_scanout_fits(const struct gpu_scanout *scanout, const struct gpu_texture *texture)
{
    return scanout->width > 0 && scanout->height > 0 &&
           range_inside(scanout->x, scanout->width, texture->width) &&
           range_inside(scanout->y, scanout->height, texture->height);
}

static gboolean
scanout_fits(const struct gpu_scanout *scanout, const VmBuffer *buffer)
{
    guint64 length;

    if (!buffer->data) {
        return texture_scanout_fits(scanout, &buffer->texture);
    }

    if (scanout->width == 0 || scanout->width > GPU_EDGE_MAX || scanout->height == 0 ||
        scanout->height > GPU_EDGE_MAX || scanout->stride < scanout->width * 4 ||
        ((scanout->stride | scanout->offset) & 3) != 0 ||
        vm_screen_pixman_format(scanout->format) == 0) {
        return FALSE;
    }
    return mul_fits(scanout->stride, scanout->height, &length) &&
           range_inside(scanout->offset, length, buffer->size);
}

/* FALSE, with a line in the log, when its numbers make no sense. Without a buffer: there is no picture. */
static gboolean
read_scanout(VmGpuLink *self, const struct gpu_scanout *scanout, VmScanout *ret_view)
{
    VmScanout view = {.buffer = NULL};
    const struct gpu_texture *texture;

    if (scanout->scanout >= self->n_screens) {
        complain(self, "scanout with a bad number");
        return FALSE;
    }
    if (scanout->buffer != 0) {
        view.buffer = g_hash_table_lookup(self->buffers, GUINT_TO_POINTER(scanout->buffer));
        if (!view.buffer || !scanout_fits(scanout, view.buffer)) {
            complain(self, "scanout outside of its buffer or with a bad format");
            return FALSE;
        }
        texture = view.buffer->data ? NULL : &view.buffer->texture;
        view.offset = texture ? texture->offset : scanout->offset;
        view.width = scanout->width;
        view.height = scanout->height;
        view.stride = texture ? texture->stride : scanout->stride;
        view.fourcc = texture ? texture->format : scanout->format;
        view.buffer_id = scanout->buffer;
        view.x = texture ? scanout->x : 0;
        view.y = texture ? scanout->y : 0;
    }
    *ret_view = view;
    return TRUE;
}

static void
handle_scanout(VmGpuLink *self, const union gpu_message *message, struct message_fds *fds)
{
    VmScanout view;

    if (read_scanout(self, &message->scanout, &view)) {
        vm_screen_set_scanout(self->screens[message->scanout.scanout], &view);
    }
}

static void
handle_pixels(VmGpuLink *self, const union gpu_message *message, struct message_fds *fds)
{
    const guint number = message->scanout.scanout;
    VmScanout view;

    if (read_scanout(self, &message->scanout, &view)) {
        vm_screen_set_pixels(self->screens[number],
                             view.buffer && view.buffer->data ? &view : NULL);
    }
}

static void
handle_update(VmGpuLink *self, const union gpu_message *message, struct message_fds *fds)
{
    const struct gpu_update *update = &message->update;

    if (update->scanout >= self->n_screens) {
        complain(self, "update with a bad scanout");
        return;
    }
    vm_screen_damage(self->screens[update->scanout], update->x, update->y, update->width,
                     update->height);
}

static void
handle_cursor(VmGpuLink *self, const union gpu_message *message, struct message_fds *fds)
{
    if (message->cursor.scanout >= self->n_screens) {
        complain(self, "cursor with a bad scanout");
        return;
    }
    vm_screen_set_cursor(self->screens[message->cursor.scanout], &message->cursor);
}

static void
handle_cursor_move(VmGpuLink *self, const union gpu_message *message, struct message_fds *fds)
{
    const struct gpu_cursor_move *move = &message->move;

    if (move->scanout >= self->n_screens) {
        complain(self, "cursor move with a bad scanout");
        return;
    }
    vm_screen_move_cursor(self->screens[move->scanout], move->x, move->y);
}

static void
answer_questions(VmGpuLink *self, const struct gpu_statistics *statistics)
{
    struct question *question;

    while ((question = g_queue_pop_head(&self->questions))) {
        question->callback(statistics, question->user_data);
        g_free(question);
    }
}

static void
handle_statistics(VmGpuLink *self, const union gpu_message *message, struct message_fds *fds)
{
    struct gpu_statistics *statistics = &self->message.statistics; /* the same */

    if (message->statistics.n_contexts > GPU_CONTEXTS_TOLD) {
        statistics->n_contexts = GPU_CONTEXTS_TOLD;
    }
    statistics->n_capsets = MIN(statistics->n_capsets, GPU_CAPSETS_TOLD);
    statistics->n_frames = MIN(statistics->n_frames, GPU_FRAMES_TOLD);
    statistics->n_commands = MIN(statistics->n_commands, GPU_COMMANDS_TOLD);
    statistics->n_largest = MIN(statistics->n_largest, GPU_RESOURCES_TOLD);
    statistics->n_timelines = MIN(statistics->n_timelines, GPU_TIMELINES_TOLD);
    for (guint i = 0; i < statistics->n_contexts; i++) {
        char *name = statistics->context[i].name;

        name[GPU_CONTEXT_NAME_SIZE - 1] = '\0';
        for (; *name; name++) {
            *name = g_ascii_isprint(*name) ? *name : '?';
        }
    }
    answer_questions(self, statistics);
}

static void
answer_pluggings(VmGpuLink *self, guint number, const struct gpu_mode *display)
{
    struct plugging *plugging;

    while ((plugging = g_queue_pop_head(&self->pluggings[number]))) {
        plugging->callback(display, plugging->user_data);
        g_free(plugging);
    }
}

static void
answer_restarts(VmGpuLink *self, const struct gpu_restarted *restarted)
{
    struct restarting *restarting;

    while ((restarting = g_queue_pop_head(&self->restarts))) {
        restarting->callback(restarted, restarting->user_data);
        g_free(restarting);
    }
}

static void
handle_restarted(VmGpuLink *self, const union gpu_message *message, struct message_fds *fds)
{
    const struct gpu_restarted restarted = message->restarted; /* callbacks may send */

    answer_restarts(self, &restarted);
}

static void
handle_hello(VmGpuLink *self, const union gpu_message *message, struct message_fds *fds)
{
    guint n = message->hello.n_scanouts;

    if (n > VM_SCREENS_MAX) {
        complain(self, "too many scanouts");
        return;
    }
    if (self->in_sync) { /* what the gpu process before this one was asked */
        answer_questions(self, NULL);
        answer_restarts(self, NULL);
    }
    /* A new start of the gpu process or of ours: buffer numbers begin again. */
    g_hash_table_remove_all(self->buffers);
    self->in_sync = TRUE;
    for (guint i = 0; i < self->n_screens; i++) {
        vm_screen_hide_cursor(self->screens[i]); /* only visible ones are told */
    }
    for (guint i = 0; i < self->n_screens; i++) {
        if (vm_screen_get_flips(self->screens[i])) {
            tell_flips(self, self->screens[i]);
        }
        if (vm_screen_get_textures(self->screens[i])) {
            tell_textures(self, self->screens[i]);
        }
        vm_screen_set_pixels(self->screens[i], NULL); /* who asked before gets no answer */
    }
    while (self->n_screens < n) {
        add_screen(self);
    }
    g_signal_emit(self, signals[MODE_CHANGED], 0);
}

static void
answer_nobody(VmGpuLink *self)
{
    answer_questions(self, NULL);
    answer_restarts(self, NULL);
    for (guint i = 0; i < VM_SCREENS_MAX; i++) {
        answer_pluggings(self, i, NULL);
    }
    for (guint i = 0; i < self->n_screens; i++) {
        vm_screen_set_pixels(self->screens[i], NULL);
    }
}

static void
handle_display(VmGpuLink *self, const union gpu_message *message, struct message_fds *fds)
{
    const struct gpu_mode display = message->display; /* handlers may send */
    VmScreen *screen;
    gboolean was;

    if (display.scanout >= self->n_screens || display.enabled > 1 ||
        (display.enabled && (display.width == 0 || display.width > GPU_EDGE_MAX ||
                             display.height == 0 || display.height > GPU_EDGE_MAX))) {
        complain(self, "display with a bad number or mode");
        return;
    }
    screen = self->screens[display.scanout];
    was = vm_screen_get_mode(screen)->enabled != 0;
    vm_screen_set_mode(screen, &display);
    if (!was && display.enabled) {
        g_signal_emit(self, signals[SCREEN_ADDED], 0, screen);
    } else if (was && !display.enabled) {
        self->modes[display.scanout].header.type = 0;
        g_signal_emit(self, signals[SCREEN_REMOVED], 0, screen);
    }
    g_signal_emit(self, signals[MODE_CHANGED], 0);
    answer_pluggings(self, display.scanout, &display);
}

static const struct {
    gsize size;
    gsize fds;
    void (*handle)(VmGpuLink *self, const union gpu_message *message, struct message_fds *fds);
} handlers[] = {
    [0] = {sizeof(struct gpu_hello), 0, handle_hello},
    [GPU_BUFFER - GPU_HELLO] = {sizeof(struct gpu_buffer), 1, handle_buffer},
    [GPU_BUFFER_GONE - GPU_HELLO] = {sizeof(struct gpu_buffer), 0, handle_buffer_gone},
    [GPU_SCANOUT - GPU_HELLO] = {sizeof(struct gpu_scanout), 0, handle_scanout},
    [GPU_UPDATE - GPU_HELLO] = {sizeof(struct gpu_update), 0, handle_update},
    [GPU_CURSOR - GPU_HELLO] = {sizeof(struct gpu_cursor), 0, handle_cursor},
    [GPU_CURSOR_MOVE - GPU_HELLO] = {sizeof(struct gpu_cursor_move), 0, handle_cursor_move},
    [GPU_STATISTICS - GPU_HELLO] = {sizeof(struct gpu_statistics), 0, handle_statistics},
    [GPU_BUFFER_DMABUF - GPU_HELLO] = {sizeof(struct gpu_buffer), 1, handle_buffer_dmabuf},
    [GPU_DISPLAY - GPU_HELLO] = {sizeof(struct gpu_mode), 0, handle_display},
    [GPU_RESTARTED - GPU_HELLO] = {sizeof(struct gpu_restarted), 0, handle_restarted},
    [GPU_TEXTURE - GPU_HELLO] = {sizeof(struct gpu_texture), 1, handle_texture},
    [GPU_PIXELS - GPU_HELLO] = {sizeof(struct gpu_scanout), 0, handle_pixels},
};

/* FALSE when the message has no valid form. */
static gboolean
dispatch(VmGpuLink *self, const union gpu_message *message, gsize size, struct message_fds *fds)
{
    guint32 type;

    if (size < sizeof(message->header) || message->header.size != size ||
        message->header.type < GPU_HELLO) {
        return FALSE;
    }
    type = message->header.type - GPU_HELLO;
    if (type >= G_N_ELEMENTS(handlers) || handlers[type].size != size ||
        fds->count != handlers[type].fds) {
        return FALSE;
    }
    if (self->in_sync || message->header.type == GPU_HELLO) {
        handlers[type].handle(self, message, fds);
    }
    return TRUE;
}

static gboolean
handle_readable(gint fd, GIOCondition condition, gpointer user_data)
{
    VmGpuLink *self = VM_GPU_LINK(user_data);
    union gpu_message *message = &self->message;
    struct message_fds fds;

    for (int i = 0; i < MESSAGES_PER_WAKE; i++) {
        ssize_t n = message_receive(fd, message, sizeof(*message), &fds);
        gboolean valid;

        if (n == -EAGAIN) {
            return G_SOURCE_CONTINUE;
        }
        valid = n > 0 && dispatch(self, message, (gsize)n, &fds);
        if (n >= 0) {
            message_close_fds(&fds);
        }
        if (!valid) {
            gboolean ended = n == 0 || n == -ECONNRESET; /* the supervisor tells why */

            log_print(ended ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR, "gpu: %s; the picture stays",
                      ended ? "connection lost" : "message of a wrong form");
            self->source = 0;
            answer_nobody(self);
            return G_SOURCE_REMOVE;
        }
    }
    return G_SOURCE_CONTINUE;
}

static gboolean
send_modes(gpointer user_data)
{
    VmGpuLink *self = VM_GPU_LINK(user_data);

    for (guint i = 0; i < self->n_screens; i++) {
        struct gpu_mode *mode = &self->modes[i];

        if (mode->header.type == 0) {
            continue;
        }
        if (message_send(self->fd, mode, sizeof(*mode), NULL, 0) == -EAGAIN) {
            return G_SOURCE_CONTINUE; /* full: again after the next delay */
        }
        mode->header.type = 0;
    }
    self->mode_timer = 0;
    return G_SOURCE_REMOVE;
}

static void
vm_gpu_link_finalize(GObject *object)
{
    VmGpuLink *self = VM_GPU_LINK(object);

    g_clear_handle_id(&self->source, g_source_remove);
    g_clear_handle_id(&self->mode_timer, g_source_remove);
    answer_nobody(self);
    g_clear_pointer(&self->buffers, g_hash_table_unref);
    for (guint i = 0; i < self->n_screens; i++) {
        g_clear_object(&self->screens[i]);
    }
    fd_closep(&self->fd);
    G_OBJECT_CLASS(vm_gpu_link_parent_class)->finalize(object);
}

static void
vm_gpu_link_class_init(VmGpuLinkClass *klass)
{
    G_OBJECT_CLASS(klass)->finalize = vm_gpu_link_finalize;
    signals[SCREEN_ADDED] =
        g_signal_new("screen-added", G_TYPE_FROM_CLASS(klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                     NULL, G_TYPE_NONE, 1, VM_TYPE_SCREEN);
    signals[SCREEN_REMOVED] =
        g_signal_new("screen-removed", G_TYPE_FROM_CLASS(klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                     NULL, G_TYPE_NONE, 1, VM_TYPE_SCREEN);
    signals[MODE_CHANGED] = g_signal_new("mode-changed", G_TYPE_FROM_CLASS(klass),
                                         G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void
vm_gpu_link_init(VmGpuLink *self)
{
    self->fd = -1;
    self->buffers =
        g_hash_table_new_full(NULL, NULL, NULL, (GDestroyNotify)(void (*)(void))vm_buffer_unref);
}

VmGpuLink *
vm_gpu_link_new(int fd)
{
    const struct start_header hello = {.type = GPU_DISPLAY_HELLO, .size = sizeof(hello)};
    VmGpuLink *self = g_object_new(VM_TYPE_GPU_LINK, NULL);

    self->fd = fd;
    if (fd >= 0 && fd_set_nonblocking(fd) == 0) {
        if (message_send(fd, &hello, sizeof(hello), NULL, 0) < 0) {
            log_warning("gpu: does not take our greeting");
        }
        self->source = vm_watch_add(fd, G_IO_IN | G_IO_HUP | G_IO_ERR, handle_readable, self);
    }
    return self;
}

guint
vm_gpu_link_get_maximum(VmGpuLink *self)
{
    g_return_val_if_fail(VM_IS_GPU_LINK(self), 0);
    return self->n_screens;
}

VmScreen *
vm_gpu_link_get_screen(VmGpuLink *self, guint number)
{
    g_return_val_if_fail(VM_IS_GPU_LINK(self), NULL);
    return number < self->n_screens && vm_screen_get_mode(self->screens[number])->enabled
               ? self->screens[number]
               : NULL;
}

gboolean
vm_gpu_link_is_free(VmGpuLink *self, guint number)
{
    g_return_val_if_fail(VM_IS_GPU_LINK(self), FALSE);
    return number < self->n_screens && !vm_gpu_link_get_screen(self, number) &&
           g_queue_is_empty(&self->pluggings[number]);
}

gboolean
vm_gpu_link_plug(VmGpuLink *self, const struct gpu_mode *mode, VmGpuPlugged callback,
                 gpointer user_data)
{
    const struct plugging plugging = {callback, user_data};
    struct gpu_mode message = *mode;

    g_return_val_if_fail(VM_IS_GPU_LINK(self), FALSE);
    g_return_val_if_fail(mode->scanout < self->n_screens, FALSE);
    message.header = (struct start_header){GPU_PLUG, sizeof(message)};
    if (!self->source || message_send(self->fd, &message, sizeof(message), NULL, 0) < 0) {
        return FALSE;
    }
    self->modes[mode->scanout].header.type = 0; /* an older wish */
    g_queue_push_tail(&self->pluggings[mode->scanout], g_memdup2(&plugging, sizeof(plugging)));
    return TRUE;
}

void
vm_gpu_link_set_mode(VmGpuLink *self, const struct gpu_mode *mode)
{
    g_return_if_fail(VM_IS_GPU_LINK(self));
    if (!vm_gpu_link_get_screen(self, mode->scanout) || !self->source) {
        return;
    }
    self->modes[mode->scanout] = *mode;
    self->modes[mode->scanout].header.type = GPU_MODE;
    self->modes[mode->scanout].header.size = sizeof(*mode);
    if (!self->mode_timer) {
        self->mode_timer = g_timeout_add(MODE_DELAY_MS, send_modes, self);
    }
}

void
vm_gpu_link_ask_statistics(VmGpuLink *self, VmGpuStatistics callback, gpointer user_data)
{
    const struct start_header ask = {.type = GPU_ASK_STATISTICS, .size = sizeof(ask)};
    const struct question question = {callback, user_data};

    g_return_if_fail(VM_IS_GPU_LINK(self));
    if (!self->source || (g_queue_is_empty(&self->questions) &&
                          message_send(self->fd, &ask, sizeof(ask), NULL, 0) < 0)) {
        callback(NULL, user_data);
        return;
    }
    g_queue_push_tail(&self->questions, g_memdup2(&question, sizeof(question)));
}

void
vm_gpu_link_restart(VmGpuLink *self, VmGpuRestarted callback, gpointer user_data)
{
    const struct start_header wish = {.type = GPU_RESTART, .size = sizeof(wish)};
    const struct restarting restarting = {callback, user_data};

    g_return_if_fail(VM_IS_GPU_LINK(self));
    if (!self->source || (g_queue_is_empty(&self->restarts) &&
                          message_send(self->fd, &wish, sizeof(wish), NULL, 0) < 0)) {
        callback(NULL, user_data);
        return;
    }
    g_queue_push_tail(&self->restarts, g_memdup2(&restarting, sizeof(restarting)));
}
