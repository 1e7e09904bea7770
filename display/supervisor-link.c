/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "display/supervisor-link.h"

#include <errno.h>
#include <glib-unix.h>
#include <string.h>

#include "vmm/base/fd.h"
#include "vmm/base/log.h"
#include "vmm/base/message.h"

struct _VmSupervisorLink {
    GObject parent_instance;
    int fd;
    guint source;
    struct display_state state;
    guint32 serial;       /* of the last request with an answer */
    GHashTable *resizing; /* serial -> struct resizing */
    GHashTable *asking;   /* serial -> struct asking: the balloon */
    GHashTable *tracing;  /* serial -> struct tracing */
};

struct resizing {
    VmResized callback;
    gpointer user_data;
};

struct tracing {
    VmTraced callback;
    gpointer user_data;
};

struct asking {
    VmBallooned callback;
    gpointer user_data;
};

G_DEFINE_FINAL_TYPE(VmSupervisorLink, vm_supervisor_link, G_TYPE_OBJECT)

enum {
    STATE_CHANGED,
    STATISTICS,
    LAST_FRAME_WANTED,
    CREATED,
    ENDED,
    CLOSED,
    N_SIGNALS
};

static guint signals[N_SIGNALS]; /* NOLINT(cppcoreguidelines-avoid-non-const-global-variables) */

union supervisor_message {
    struct start_header header;
    struct display_state state;
    struct display_statistics statistics;
    struct display_created created;
    struct display_ended ended;
    struct display_resized resized;
    struct balloon_answer balloon;
    struct display_traced traced;
};

/* Make a text from a message safe to send: terminated and UTF-8. */
static void
clean_text(char *text, gsize size)
{
    const char *end;

    text[size - 1] = '\0';
    if (!g_utf8_validate(text, -1, &end)) {
        text[end - text] = '\0';
    }
}

static void
handle_state(VmSupervisorLink *self, const struct display_state *state)
{
    self->state = *state;
    clean_text(self->state.id, sizeof(self->state.id));
    clean_text(self->state.sentence, sizeof(self->state.sentence));
    clean_text(self->state.graphics, sizeof(self->state.graphics));
    clean_text(self->state.graphics_sentence, sizeof(self->state.graphics_sentence));
    g_signal_emit(self, signals[STATE_CHANGED], 0);
}

static void
handle_statistics(VmSupervisorLink *self, struct display_statistics *statistics)
{
    for (guint i = 0; i < statistics->count; i++) {
        clean_text(statistics->process[i].name, sizeof(statistics->process[i].name));
        clean_text(statistics->process[i].part, sizeof(statistics->process[i].part));
    }
    g_signal_emit(self, signals[STATISTICS], 0, statistics);
}

gboolean
vm_supervisor_setup_is_valid(const struct display_setup *setup)
{
    gboolean valid = setup->n_chardevs <= DISPLAY_CHARDEVS_MAX &&
                     memchr(setup->vm_name, '\0', sizeof(setup->vm_name)) &&
                     memchr(setup->vm_uuid, '\0', sizeof(setup->vm_uuid));

    for (guint i = 0; valid && i < setup->n_chardevs; i++) {
        valid = memchr(setup->chardev[i].name, '\0', sizeof(setup->chardev[i].name)) &&
                memchr(setup->chardev[i].label, '\0', sizeof(setup->chardev[i].label));
    }
    return valid;
}

/* The messages of lifecycle mode. */
static gboolean
dispatch_lifecycle(VmSupervisorLink *self, union supervisor_message *message, gsize size,
                   struct message_fds *fds)
{
    struct display_created *created = &message->created;
    struct display_ended *ended = &message->ended;

    if (message->header.type == DISPLAY_CREATED) {
        if (size != sizeof(*created) || created->error >= GUEST_ERRORS ||
            !vm_supervisor_setup_is_valid(&created->setup)) {
            return FALSE;
        }
        clean_text(created->sentence, sizeof(created->sentence));
        self->state = (struct display_state){.state = DISPLAY_VM_STARTING};
        g_signal_emit(self, signals[CREATED], 0, created, fds);
        return TRUE;
    }
    if (message->header.type != DISPLAY_ENDED || size != sizeof(*ended) ||
        ended->error >= GUEST_ERRORS) {
        return FALSE;
    }
    clean_text(ended->sentence, sizeof(ended->sentence));
    g_signal_emit(self, signals[ENDED], 0, ended);
    return TRUE;
}

static void
handle_resized(VmSupervisorLink *self, const struct display_resized *resized)
{
    gpointer key = GUINT_TO_POINTER(resized->serial);
    const struct resizing *known = g_hash_table_lookup(self->resizing, key);

    if (known) { /* else it was asked by a display process that is gone */
        known->callback(resized->error, known->user_data);
        g_hash_table_remove(self->resizing, key);
    }
}

static gboolean
handle_balloon(VmSupervisorLink *self, const struct balloon_answer *answer)
{
    gpointer key = GUINT_TO_POINTER(answer->serial);
    const struct asking *known = g_hash_table_lookup(self->asking, key);

    if (answer->n_statistics > BALLOON_STATISTICS_MAX) {
        return FALSE;
    }
    if (known) {
        known->callback(answer, known->user_data);
        g_hash_table_remove(self->asking, key);
    }
    return TRUE;
}

static gboolean
handle_traced(VmSupervisorLink *self, struct display_traced *traced, const struct message_fds *fds)
{
    gpointer key = GUINT_TO_POINTER(traced->serial);
    const struct tracing *known = g_hash_table_lookup(self->tracing, key);

    if (traced->count > DISPLAY_TRACED_MAX || traced->count != fds->count) {
        return FALSE;
    }
    for (guint i = 0; i < traced->count; i++) {
        clean_text(traced->name[i], sizeof(traced->name[i]));
    }
    if (known) {
        known->callback(traced, fds->fd, known->user_data);
        g_hash_table_remove(self->tracing, key);
    }
    return TRUE;
}

static gboolean
dispatch(VmSupervisorLink *self, union supervisor_message *message, gsize size,
         struct message_fds *fds)
{
    if (size < sizeof(message->header) || message->header.size != size) {
        return FALSE;
    }
    switch (message->header.type) {
    case DISPLAY_STATE:
        if (size != sizeof(message->state) || message->state.state > DISPLAY_VM_STOPPED) {
            return FALSE;
        }
        handle_state(self, &message->state);
        return TRUE;
    case DISPLAY_SEND_LAST_FRAME:
        g_signal_emit(self, signals[LAST_FRAME_WANTED], 0);
        return TRUE;
    case DISPLAY_STATISTICS:
        if (size != sizeof(message->statistics) ||
            message->statistics.count > DISPLAY_PROCESSES_MAX) {
            return FALSE;
        }
        handle_statistics(self, &message->statistics);
        return TRUE;
    case DISPLAY_RESIZED:
        if (size != sizeof(message->resized)) {
            return FALSE;
        }
        handle_resized(self, &message->resized);
        return TRUE;
    case DISPLAY_BALLOON:
        return size == sizeof(message->balloon) && handle_balloon(self, &message->balloon);
    case DISPLAY_TRACED:
        return size == sizeof(message->traced) && handle_traced(self, &message->traced, fds);
    default:
        return dispatch_lifecycle(self, message, size, fds);
    }
}

static gboolean
handle_readable(gint fd, GIOCondition condition, gpointer user_data)
{
    VmSupervisorLink *self = VM_SUPERVISOR_LINK(user_data);
    g_autoptr(VmSupervisorLink) keep = g_object_ref(self);
    union supervisor_message message;
    struct message_fds fds;
    ssize_t n = message_receive(fd, &message, sizeof(message), &fds);
    gboolean known;

    if (n == -EAGAIN) {
        return G_SOURCE_CONTINUE;
    }
    known = n > 0 && dispatch(self, &message, (gsize)n, &fds);
    message_close_fds(&fds);
    if (known) {
        return G_SOURCE_CONTINUE;
    }
    if (n != 0 && n != -ECONNRESET) {
        log_error("the supervisor sent a message of a wrong form");
    }
    self->source = 0;
    g_signal_emit(self, signals[CLOSED], 0);
    return G_SOURCE_REMOVE;
}

static void
vm_supervisor_link_finalize(GObject *object)
{
    VmSupervisorLink *self = VM_SUPERVISOR_LINK(object);

    g_clear_handle_id(&self->source, g_source_remove);
    g_clear_pointer(&self->resizing, g_hash_table_unref);
    g_clear_pointer(&self->tracing, g_hash_table_unref);
    g_clear_pointer(&self->asking, g_hash_table_unref);
    G_OBJECT_CLASS(vm_supervisor_link_parent_class)->finalize(object);
}

static void
vm_supervisor_link_class_init(VmSupervisorLinkClass *klass)
{
    GType type = G_TYPE_FROM_CLASS(klass);

    G_OBJECT_CLASS(klass)->finalize = vm_supervisor_link_finalize;
    signals[STATE_CHANGED] =
        g_signal_new("state-changed", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
    signals[STATISTICS] = g_signal_new("statistics", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                       G_TYPE_NONE, 1, G_TYPE_POINTER);
    signals[LAST_FRAME_WANTED] = g_signal_new("last-frame-wanted", type, G_SIGNAL_RUN_LAST, 0, NULL,
                                              NULL, NULL, G_TYPE_NONE, 0);
    signals[CREATED] = g_signal_new("created", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                    G_TYPE_NONE, 2, G_TYPE_POINTER, G_TYPE_POINTER);
    signals[ENDED] = g_signal_new("ended", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                  G_TYPE_NONE, 1, G_TYPE_POINTER);
    signals[CLOSED] =
        g_signal_new("closed", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void
vm_supervisor_link_init(VmSupervisorLink *self)
{
    self->state.state = DISPLAY_VM_STARTING;
    self->resizing = g_hash_table_new_full(g_direct_hash, g_direct_equal, NULL, g_free);
    self->asking = g_hash_table_new_full(g_direct_hash, g_direct_equal, NULL, g_free);
    self->tracing = g_hash_table_new_full(g_direct_hash, g_direct_equal, NULL, g_free);
}

VmSupervisorLink *
vm_supervisor_link_new(int fd)
{
    VmSupervisorLink *self = g_object_new(VM_TYPE_SUPERVISOR_LINK, NULL);

    self->fd = fd;
    if (fd_set_nonblocking(fd) < 0) {
        log_warning("the supervisor's socket stays blocking");
    }
    self->source = g_unix_fd_add(fd, G_IO_IN | G_IO_HUP | G_IO_ERR, handle_readable, self);
    return self;
}

const struct display_state *
vm_supervisor_link_get_state(VmSupervisorLink *self)
{
    g_return_val_if_fail(VM_IS_SUPERVISOR_LINK(self), NULL);
    return &self->state;
}

const char *
vm_supervisor_link_get_state_name(VmSupervisorLink *self)
{
    static const char *const names[] = {
        [DISPLAY_VM_STARTING] = "starting", [DISPLAY_VM_RUNNING] = "running",
        [DISPLAY_VM_PAUSED] = "paused",     [DISPLAY_VM_SHUTTING_DOWN] = "shutting-down",
        [DISPLAY_VM_STOPPED] = "stopped",
    };

    g_return_val_if_fail(VM_IS_SUPERVISOR_LINK(self), NULL);
    return names[self->state.state];
}

gboolean
vm_supervisor_link_send(VmSupervisorLink *self, enum display_type type)
{
    return vm_supervisor_link_send_fds(self, type, NULL, 0);
}

gboolean
vm_supervisor_link_send_fds(VmSupervisorLink *self, enum display_type type, const int *fds,
                            gsize n_fds)
{
    const struct start_header header = {.type = type, .size = sizeof(header)};

    g_return_val_if_fail(VM_IS_SUPERVISOR_LINK(self), FALSE);
    return message_send(self->fd, &header, sizeof(header), fds, n_fds) == 0;
}

void
vm_supervisor_link_send_last_frame(VmSupervisorLink *self, int fd)
{
    const struct start_header header = {.type = DISPLAY_LAST_FRAME, .size = sizeof(header)};

    g_return_if_fail(VM_IS_SUPERVISOR_LINK(self));
    if (message_send(self->fd, &header, sizeof(header), &fd, fd >= 0 ? 1 : 0) < 0) {
        log_warning("the supervisor does not take the last picture");
    }
}

gboolean
vm_supervisor_link_resize_disk(VmSupervisorLink *self, guint disk, guint64 size, VmResized callback,
                               gpointer user_data)
{
    struct display_resize request = {
        .header = {.type = DISPLAY_RESIZE_DISK, .size = sizeof(request)},
        .disk = disk,
        .size = size,
    };
    struct resizing *resizing;

    g_return_val_if_fail(VM_IS_SUPERVISOR_LINK(self), FALSE);
    request.serial = ++self->serial;
    if (message_send(self->fd, &request, sizeof(request), NULL, 0) < 0) {
        return FALSE;
    }
    resizing = g_new(struct resizing, 1);
    *resizing = (struct resizing){callback, user_data};
    g_hash_table_insert(self->resizing, GUINT_TO_POINTER(request.serial), resizing);
    return TRUE;
}

gboolean
vm_supervisor_link_ask_balloon(VmSupervisorLink *self, enum balloon_what what, guint pages,
                               VmBallooned callback, gpointer user_data)
{
    struct balloon_question question = {
        .header = {.type = DISPLAY_ASK_BALLOON, .size = sizeof(question)},
        .what = what,
        .pages = pages,
    };
    struct asking *asking;

    g_return_val_if_fail(VM_IS_SUPERVISOR_LINK(self), FALSE);
    question.serial = ++self->serial;
    if (message_send(self->fd, &question, sizeof(question), NULL, 0) < 0) {
        return FALSE;
    }
    asking = g_new(struct asking, 1);
    *asking = (struct asking){callback, user_data};
    g_hash_table_insert(self->asking, GUINT_TO_POINTER(question.serial), asking);
    return TRUE;
}

gboolean
vm_supervisor_link_ask_trace(VmSupervisorLink *self, guint32 events, VmTraced callback,
                             gpointer user_data)
{
    struct display_ask_trace ask = {
        .header = {.type = DISPLAY_ASK_TRACE, .size = sizeof(ask)},
        .events = events,
    };
    struct tracing *tracing;

    g_return_val_if_fail(VM_IS_SUPERVISOR_LINK(self), FALSE);
    ask.serial = callback ? ++self->serial : 0;
    if (message_send(self->fd, &ask, sizeof(ask), NULL, 0) < 0) {
        return FALSE;
    }
    if (callback) {
        tracing = g_new(struct tracing, 1);
        *tracing = (struct tracing){callback, user_data};
        g_hash_table_insert(self->tracing, GUINT_TO_POINTER(ask.serial), tracing);
    }
    return TRUE;
}
