/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/gdb/server.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"
#include "vmm/base/log.h"
#include "vmm/base/memory.h"
#include "vmm/base/message.h"
#include "vmm/gdb/session.h"

enum {
    INPUT_SIZE = 4096,
    OUTPUT_SIZE = 64 * 1024, /* a client that reads nothing has no use of more */
};

struct server {
    struct loop *loop;
    uint32_t n_cpus;
    int listen_fd;
    int machine_fd; /* -1: the machine is over */
    struct loop_source *listen_source;
    struct loop_source *machine_source;

    int client_fd; /* -1: none */
    struct loop_source *client_source;
    struct session *session;
    bool leaving; /* when the output is out */
    size_t n_output;
    char output[OUTPUT_SIZE];

    bool is_stopped;
    struct debug_stopped stopped;
    bool stop_is_new; /* not told to the session yet */
    bool has_ended;
    uint32_t end_reason;
};

union event {
    struct start_header header;
    struct debug_stopped stopped;
    struct debug_ended ended;
    union debug_answer answer;
};

/* -- the machine -- */

static void
lose_machine(struct server *server)
{
    loop_remove(server->machine_source);
    server->machine_source = NULL;
    fd_closep(&server->machine_fd);
}

/* What comes by itself; false when it is an answer. */
static bool
take_event(struct server *server, const union event *event)
{
    if (event->header.type == DEBUG_STOPPED && event->header.size == sizeof(event->stopped)) {
        server->is_stopped = true;
        server->stop_is_new = true;
        server->stopped = event->stopped;
        return true;
    }
    if (event->header.type == DEBUG_ENDED && event->header.size == sizeof(event->ended)) {
        server->has_ended = true;
        server->end_reason = event->ended.reason;
        return true;
    }
    return false;
}

/* 0, or -errno; waits for the machine, which answers at once. */
static int
receive(struct server *server, union event *ret_event)
{
    ssize_t n = message_receive(server->machine_fd, ret_event, sizeof(*ret_event), NULL);

    if (n < (ssize_t)sizeof(ret_event->header) || ret_event->header.size != (size_t)n) {
        lose_machine(server);
        return n < 0 ? (int)n : -EPIPE;
    }
    return 0;
}

static int
ask_machine(void *data, const void *request, size_t size, union debug_answer *ret_answer)
{
    struct server *server = data;
    const struct start_header *header = request;
    union event event;
    int r =
        server->machine_fd < 0 ? -EPIPE : message_send(server->machine_fd, request, size, NULL, 0);

    if (r == 0 && (header->type == DEBUG_RESUME || header->type == DEBUG_DETACH)) {
        server->is_stopped = false;
    }
    while (r == 0) {
        r = receive(server, &event);
        if (r == 0 && !take_event(server, &event)) {
            memcpy(ret_answer, &event.answer, event.header.size);
            return 0;
        }
    }
    return r;
}

/* -- the client -- */

static void
hang_up(struct server *server)
{
    const struct start_header detach = {DEBUG_DETACH, sizeof(detach)};
    union debug_answer answer;

    loop_remove(server->client_source);
    server->client_source = NULL;
    fd_closep(&server->client_fd);
    session_destroy(server->session);
    server->session = NULL;
    server->n_output = 0;
    server->leaving = false;
    (void)ask_machine(server, &detach, sizeof(detach), &answer);
    log_info("the debugger has gone");
}

/* False: the client has gone. */
static bool
flush(struct server *server)
{
    ssize_t n = 1;

    while (server->n_output > 0 && n > 0) {
        n = message_send_part(server->client_fd, server->output, server->n_output, NULL, 0);
        if (n > 0) {
            server->n_output -= (size_t)n;
            memmove(server->output, server->output + n, server->n_output);
        }
    }
    if ((n < 0 && n != -EAGAIN) || (server->leaving && server->n_output == 0)) {
        hang_up(server);
        return false;
    }
    loop_modify(server->client_source,
                (uint32_t)EPOLLIN | (server->n_output > 0 ? (uint32_t)EPOLLOUT : 0));
    return true;
}

static void
send_to_client(void *data, const void *bytes, size_t n)
{
    struct server *server = data;

    if (!range_inside(server->n_output, n, sizeof(server->output))) {
        server->leaving = true;
        server->n_output = 0;
        return;
    }
    memcpy(server->output + server->n_output, bytes, n);
    server->n_output += n;
}

static void
leave_client(void *data)
{
    struct server *server = data;

    server->leaving = true;
}

static const struct session_ops session_ops = {
    .ask = ask_machine,
    .send = send_to_client,
    .leave = leave_client,
};

/* Tell the session what came meanwhile, and the client what the session says. */
static void
settle(struct server *server)
{
    if (server->session && server->stop_is_new) {
        session_stopped(server->session, &server->stopped);
    }
    server->stop_is_new = false;
    if (server->session && server->has_ended) {
        session_ended(server->session, server->end_reason);
        server->leaving = true;
    }
    if (server->session) {
        flush(server);
    }
    if (server->has_ended) {
        lose_machine(server);
    }
}

static void
on_client(void *data, uint32_t events)
{
    struct server *server = data;
    uint8_t bytes[INPUT_SIZE];
    ssize_t n;

    if (events & EPOLLOUT && !flush(server)) {
        return;
    }
    if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR))) {
        return;
    }
    n = read(server->client_fd, bytes, sizeof(bytes));
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (n <= 0) {
        hang_up(server);
        return;
    }
    session_input(server->session, bytes, (size_t)n);
    settle(server);
}

static void
on_listen(void *data, uint32_t events)
{
    struct server *server = data;
    cleanup_fd int fd = accept4(server->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    (void)events;
    if (fd < 0) {
        return;
    }
    if (server->client_fd >= 0) { /* has it gone just now? */
        on_client(server, EPOLLIN);
    }
    if (server->client_fd >= 0 || server->machine_fd < 0) {
        log_warning("A second debugger was hung up on");
        return;
    }
    server->client_source = loop_add(server->loop, fd, EPOLLIN, on_client, server);
    if (!server->client_source) {
        return;
    }
    log_info("a debugger has come");
    server->client_fd = take_fd(&fd);
    server->stop_is_new = false;
    server->session = session_create(&session_ops, server, server->n_cpus,
                                     server->is_stopped ? &server->stopped : NULL);
    settle(server);
}

/* A client waits in the socket's queue until the machine stands for the first time. */
static int
begin_listening(struct server *server)
{
    if (!server->listen_source) {
        server->listen_source =
            loop_add(server->loop, server->listen_fd, EPOLLIN, on_listen, server);
    }
    return server->listen_source ? 0 : -errno;
}

/* False: what woke us up was read by ask_machine() meanwhile, for a client who came in the same round. */
static bool
has_words(int fd)
{
    char byte;
    struct iovec piece = {.iov_base = &byte, .iov_len = sizeof(byte)};
    struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};

    return recvmsg(fd, &message, MSG_PEEK | MSG_DONTWAIT) >= 0 || errno != EAGAIN;
}

static void
on_machine(void *data, uint32_t events)
{
    struct server *server = data;
    union event event;

    (void)events;
    if (!has_words(server->machine_fd)) {
        return;
    }
    if (receive(server, &event) < 0) {
        loop_quit(server->loop, 0);
        return;
    }
    if (!take_event(server, &event)) {
        log_error("The machine answered without a question");
        return;
    }
    settle(server);
    if (begin_listening(server) < 0) {
        log_error("No debugger can be taken in: %s", strerror(errno));
    }
}

struct server *
server_create(struct loop *loop, const struct gdb_setup *setup)
{
    cleanup(server_destroyp) struct server *server = xalloc(sizeof(*server));

    server->loop = loop;
    server->n_cpus = setup->n_cpus;
    server->listen_fd = setup->listen_fd;
    server->machine_fd = setup->machine_fd;
    server->client_fd = -1;
    server->machine_source = loop_add(loop, server->machine_fd, EPOLLIN, on_machine, server);
    return server->machine_source ? take_pointer(server) : NULL;
}

void
server_destroy(struct server *server)
{
    if (!server) {
        return;
    }
    loop_remove(server->client_source);
    loop_remove(server->listen_source);
    loop_remove(server->machine_source);
    session_destroy(server->session);
    fd_closep(&server->client_fd);
    free(server);
}
