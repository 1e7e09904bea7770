/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "display/greeting.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vmm/base/fd.h"

enum {
    LINE_MAX_BYTES = 512,
    ANSWER_MAX_BYTES = 512,
    SEND_BUFFER = 8 << 20, /* asked for, as sd-bus does for its own socket; the kernel gives less */
};

struct vm_greeting {
    int client;
    int pair; /* our end of what sd-bus has */
    char line[LINE_MAX_BYTES];
    gsize length; /* of the line, as far as it came */
};

int
vm_greeting_get_fd(const VmGreeting *self)
{
    return self->client;
}

static int
send_all(int fd, const char *bytes, gsize size)
{
    const ssize_t n = send(fd, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);

    if (n < 0) {
        return -errno;
    }
    return n == (ssize_t)size ? 0 : -EAGAIN;
}

/* One byte at a time: what follows the line stays in the socket. Descriptors that come with it are lost. */
int
vm_greeting_take_line(VmGreeting *self)
{
    int r;

    do {
        ssize_t n;

        if (self->length == sizeof(self->line)) {
            return -EMSGSIZE;
        }
        n = recv(self->client, self->line + self->length, 1, MSG_DONTWAIT);
        if (n <= 0) {
            r = n == 0 ? -ECONNRESET : -errno;
            return r == -EAGAIN || r == -EINTR ? 0 : r;
        }
        self->length++;
    } while (self->line[self->length - 1] != '\n');
    r = send_all(self->pair, self->line, self->length);
    self->length = 0;
    return r < 0 ? r : 1;
}

int
vm_greeting_give_answer(VmGreeting *self)
{
    char answer[ANSWER_MAX_BYTES];
    ssize_t n;
    int r = 0;

    while (r == 0 && (n = recv(self->pair, answer, sizeof(answer), MSG_DONTWAIT)) > 0) {
        r = send_all(self->client, answer, (gsize)n);
    }
    return r;
}

int
vm_greeting_end(VmGreeting *self, int bus_fd)
{
    const int size = SEND_BUFFER;

    (void)!setsockopt(self->client, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    return dup3(self->client, bus_fd, O_CLOEXEC) < 0 ? -errno : 0;
}

VmGreeting *
vm_greeting_new(int client_fd, int *ret_bus_fd)
{
    VmGreeting *self;
    int pair[2];

    if (fd_socket_pair(SOCK_STREAM, pair) < 0) {
        return NULL;
    }
    self = g_new0(VmGreeting, 1);
    self->client = client_fd;
    self->pair = pair[0];
    *ret_bus_fd = pair[1];
    return self;
}

void
vm_greeting_free(VmGreeting *self)
{
    fd_closep(&self->client);
    fd_closep(&self->pair);
    g_free(self);
}
