/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/wayland-guard/probe.h"

#include <errno.h>
#include <string.h>

#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"
#include "vmm/base/log.h"
#include "vmm/base/memory.h"
#include "vmm/base/message.h"
#include "vmm/wayland-guard/filter.h"

enum {
    ANSWER_MS = 30000, /* a desktop that is just being started, on a slow machine */
    BUFFER_SIZE = 65536,
    REQUESTS_SIZE = 1024,

    /* Our objects. */
    ID_DISPLAY = 1,
    ID_REGISTRY,
    ID_GLOBALS_DONE, /* wl_callback */
    ID_MANAGER,
    ID_CONTEXT,
    ID_COMMITTED, /* wl_callback */

    /* Opcodes. */
    DISPLAY_SYNC = 0,
    DISPLAY_GET_REGISTRY = 1,
    DISPLAY_ERROR = 0,
    REGISTRY_BIND = 0,
    REGISTRY_GLOBAL = 0,
    CALLBACK_DONE = 0,
    MANAGER_CREATE_LISTENER = 1, /* new_id, fd listen, fd close */
    CONTEXT_SET_ENGINE = 1,
    CONTEXT_SET_APP_ID = 2,
    CONTEXT_SET_INSTANCE_ID = 3,
    CONTEXT_COMMIT = 4,
};

#define MANAGER "wp_security_context_manager_v1"
#define ENGINE  "org.vitrine.Vitrine"

struct probe {
    struct loop *loop;
    int fd;
    struct loop_source *source;
    struct loop_source *timer;
    const struct probe_context *context;
    probe_done done;
    void *data;
    uint32_t manager; /* name of the global */
    bool has_manager;
    uint8_t in[BUFFER_SIZE];
    size_t in_size;
    uint8_t out[REQUESTS_SIZE];
    size_t out_size;
};

static void
put_word(struct probe *probe, uint32_t word)
{
    memcpy(probe->out + probe->out_size, &word, sizeof(word));
    probe->out_size += sizeof(word);
}

static uint32_t
string_size(const char *text)
{
    return 4 + (uint32_t)align_up(strlen(text) + 1, 4);
}

static void
put_string(struct probe *probe, const char *text)
{
    size_t length = strlen(text) + 1;

    put_word(probe, (uint32_t)length);
    memset(probe->out + probe->out_size, 0, align_up(length, 4));
    memcpy(probe->out + probe->out_size, text, length);
    probe->out_size += align_up(length, 4);
}

static void
put_header(struct probe *probe, uint32_t id, uint32_t opcode, uint32_t arguments)
{
    put_word(probe, id);
    put_word(probe, (FILTER_HEADER_SIZE + arguments) << 16 | opcode);
}

static void
put_text_request(struct probe *probe, uint32_t opcode, const char *text)
{
    put_header(probe, ID_CONTEXT, opcode, string_size(text));
    put_string(probe, text);
}

/* A few hundred bytes into an empty socket: what does not fit at once never will. */
static int
send_requests(struct probe *probe, const int *fds, size_t n_fds)
{
    ssize_t n = message_send_part(probe->fd, probe->out, probe->out_size, fds, n_fds);
    bool all = n == (ssize_t)probe->out_size;

    probe->out_size = 0;
    return all ? 0 : -EIO;
}

static int
ask_for_globals(struct probe *probe)
{
    put_header(probe, ID_DISPLAY, DISPLAY_GET_REGISTRY, 4);
    put_word(probe, ID_REGISTRY);
    put_header(probe, ID_DISPLAY, DISPLAY_SYNC, 4);
    put_word(probe, ID_GLOBALS_DONE);
    return send_requests(probe, NULL, 0);
}

static int
make_context(struct probe *probe)
{
    const int fds[] = {probe->context->listen_fd, probe->context->alive_fd};

    put_header(probe, ID_REGISTRY, REGISTRY_BIND, 4 + string_size(MANAGER) + 8);
    put_word(probe, probe->manager);
    put_string(probe, MANAGER);
    put_word(probe, 1); /* version */
    put_word(probe, ID_MANAGER);
    put_header(probe, ID_MANAGER, MANAGER_CREATE_LISTENER, 4);
    put_word(probe, ID_CONTEXT);
    put_text_request(probe, CONTEXT_SET_ENGINE, ENGINE);
    put_text_request(probe, CONTEXT_SET_APP_ID, probe->context->app_id);
    put_text_request(probe, CONTEXT_SET_INSTANCE_ID, probe->context->instance);
    put_header(probe, ID_CONTEXT, CONTEXT_COMMIT, 0);
    put_header(probe, ID_DISPLAY, DISPLAY_SYNC, 4);
    put_word(probe, ID_COMMITTED);
    return send_requests(probe, fds, ARRAY_SIZE(fds));
}

static void
finish(struct probe *probe, bool guarded)
{
    loop_remove(probe->source);
    loop_remove(probe->timer);
    probe->source = NULL;
    probe->timer = NULL;
    fd_closep(&probe->fd); /* a security context outlives the client that made it */
    probe->done(probe->data, guarded);
}

static void
on_global(struct probe *probe, const uint8_t *message, size_t size)
{
    const size_t at = FILTER_HEADER_SIZE + 8; /* behind the name and the length of the string */

    if (size >= at + sizeof(MANAGER) && memcmp(message + at, MANAGER, sizeof(MANAGER)) == 0) {
        memcpy(&probe->manager, message + FILTER_HEADER_SIZE, sizeof(probe->manager));
        probe->has_manager = true;
    }
}

/* True while the conversation goes on. */
static bool
on_event(struct probe *probe, const uint8_t *message, size_t size)
{
    uint32_t id;
    uint32_t opcode;

    memcpy(&id, message, sizeof(id));
    memcpy(&opcode, message + 4, sizeof(opcode));
    opcode &= 0xffff;
    if (id == ID_REGISTRY && opcode == REGISTRY_GLOBAL) {
        on_global(probe, message, size);
    } else if (id == ID_GLOBALS_DONE && opcode == CALLBACK_DONE) {
        if (!probe->has_manager || make_context(probe) < 0) {
            finish(probe, false);
            return false;
        }
    } else if (id == ID_COMMITTED && opcode == CALLBACK_DONE) {
        finish(probe, true);
        return false;
    } else if (id == ID_DISPLAY && opcode == DISPLAY_ERROR) {
        log_warning("The compositor refuses a security context");
        finish(probe, false);
        return false;
    }
    return true;
}

static void
on_readable(void *data, uint32_t events)
{
    struct probe *probe = data;
    struct message_fds fds;
    ssize_t n =
        message_receive(probe->fd, probe->in + probe->in_size, BUFFER_SIZE - probe->in_size, &fds);
    int length;

    (void)events;
    if (n == -EAGAIN) {
        return;
    }
    if (n <= 0) {
        finish(probe, false);
        return;
    }
    message_close_fds(&fds);
    probe->in_size += (size_t)n;
    while ((length = filter_message_size(probe->in, probe->in_size)) > 0 &&
           (size_t)length <= probe->in_size) {
        if (!on_event(probe, probe->in, (size_t)length)) {
            return;
        }
        probe->in_size -= (size_t)length;
        memmove(probe->in, probe->in + length, probe->in_size);
    }
    if (length < 0) {
        finish(probe, false);
    }
}

static void
on_late(void *data, uint32_t events)
{
    (void)events;
    log_warning("The compositor does not answer");
    finish(data, false);
}

struct probe *
probe_create(struct loop *loop, int fd, const struct probe_context *context, probe_done done,
             void *data)
{
    struct probe *probe = xalloc(sizeof(*probe));

    probe->loop = loop;
    probe->fd = fd;
    probe->context = context;
    probe->done = done;
    probe->data = data;
    int r = fd_set_nonblocking(fd);
    if (r == 0) {
        probe->source = loop_add(loop, fd, EPOLLIN, on_readable, probe);
        probe->timer = loop_add_timer(loop, on_late, probe);
        r = probe->source && probe->timer ? loop_timer_set(probe->timer, ANSWER_MS, 0) : -errno;
    }
    r = r < 0 ? r : ask_for_globals(probe);
    if (r < 0) {
        probe_destroy(probe);
        errno = -r;
        return NULL;
    }
    return probe;
}

void
probe_destroy(struct probe *probe)
{
    if (probe) {
        loop_remove(probe->source);
        loop_remove(probe->timer);
        fd_closep(&probe->fd);
        free(probe);
    }
}
