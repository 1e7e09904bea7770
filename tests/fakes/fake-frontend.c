/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/fakes/fake-frontend.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_ring.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"
#include "vmm/base/log.h"

#define BIT(n) (UINT64_C(1) << (n))

/* In the child: descriptors to their numbers, then exec. */
static void
run_child(const char *executable, const int *fds, size_t n)
{
    int high[8];

    for (size_t i = 0; i < n; i++) {
        high[i] = fcntl(fds[i], F_DUPFD, 100);
    }
    for (size_t i = 0; i < n; i++) {
        dup2(high[i], START_FD_CONTROL + (int)i);
    }
    close_range((unsigned int)(START_FD_CONTROL + (int)n), ~0U, 0);
    execl(executable, executable, (char *)NULL);
    _exit(127);
}

static bool
spawn(struct fake *fake, const char *executable, const int *more)
{
    int control[2];
    int vhost[2];
    size_t n = 2;

    if (fd_socket_pair(SOCK_SEQPACKET, control) < 0 || fd_socket_pair(SOCK_STREAM, vhost) < 0) {
        return false;
    }
    int fds[4] = {control[1], vhost[1], -1, -1};
    for (size_t i = 0; more && i < 2 && more[i] >= 0; i++) {
        fds[n++] = more[i];
    }
    fake->pid = fork();
    if (fake->pid == 0) {
        run_child(executable, fds, n);
    }
    close(control[1]);
    close(vhost[1]);
    fake->control_fd = control[0];
    fake->fd = vhost[0];
    return fake->pid > 0;
}

static bool
make_memory(struct fake *fake)
{
    fake->ram_fd = fd_memory_file("guest", 2 * (uint64_t)FAKE_REGION);
    fake->ram =
        mmap(NULL, 2 * (size_t)FAKE_REGION, PROT_READ | PROT_WRITE, MAP_SHARED, fake->ram_fd, 0);
    return fake->ram_fd >= 0 && fake->ram != MAP_FAILED;
}

static bool
start_process(struct fake *fake, const char *variable, void *setup, size_t size, const int fds[2])
{
    const char *executable = getenv(variable);
    struct device_setup *device = setup;
    struct start_failed answer;
    ssize_t n;

    if (!executable || !spawn(fake, executable, fds)) {
        printf("# %s does not name a program that starts\n", variable);
        return false;
    }
    device->start = (struct start_setup){
        .header = {.type = START_SETUP, .size = (uint32_t)size},
        /* Sanitizers make calls that no policy knows. */
        .flags = getenv("FAKE_NO_JAIL") ? START_FLAG_NO_JAIL : START_FLAG_NO_NAMESPACES,
        .log_level = getenv("FAKE_VERBOSE") ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR,
        .name = "under-test",
    };
    device->vhost_fd = FAKE_FD_VHOST;
    if (message_send(fake->control_fd, setup, size, NULL, 0) < 0) {
        return false;
    }
    n = message_receive(fake->control_fd, &answer, sizeof(answer), NULL);
    if (n >= (ssize_t)sizeof(answer.header) && answer.header.type == START_READY) {
        return true;
    }
    printf("# the device says: %.*s\n", START_SENTENCE_SIZE,
           n == (ssize_t)sizeof(answer) ? answer.sentence : "nothing");
    return false;
}

bool
fake_start(struct fake *fake, const char *variable, void *setup, size_t size, const int fds[2])
{
    memset(fake, 0, sizeof(*fake));
    fake->accept = UINT64_MAX;
    for (unsigned int i = 0; i < FAKE_QUEUES; i++) {
        fake->queues[i].kick_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        fake->queues[i].call_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        fake->queues[i].error_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    }
    return make_memory(fake) && start_process(fake, variable, setup, size, fds);
}

int
fake_wait_exit(struct fake *fake)
{
    int status = 0;
    int waited = 0;
    pid_t r = 0;

    while (fake->pid > 0 && (r = waitpid(fake->pid, &status, WNOHANG)) == 0 &&
           waited < FAKE_LIMIT_MS) {
        usleep(1000);
        waited++;
    }
    if (fake->pid > 0 && r == 0) {
        kill(fake->pid, SIGKILL);
        waitpid(fake->pid, &status, 0);
        status = -1;
    }
    fd_closep(&fake->control_fd);
    fd_closep(&fake->fd);
    fd_closep(&fake->ram_fd);
    if (fake->inflight_fd > 0) {
        close(fake->inflight_fd);
    }
    if (fake->request_fd > 0) {
        close(fake->request_fd);
    }
    munmap(fake->ram, 2 * (size_t)FAKE_REGION);
    for (unsigned int i = 0; i < FAKE_QUEUES; i++) {
        fd_closep(&fake->queues[i].kick_fd);
        fd_closep(&fake->queues[i].call_fd);
        fd_closep(&fake->queues[i].error_fd);
    }
    if (status == -1) {
        return -1000;
    }
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

int
fake_end(struct fake *fake)
{
    fd_closep(&fake->fd);
    return fake_wait_exit(fake);
}

bool
fake_send(struct fake *fake, struct vhost_message *message)
{
    message->header.flags |= VHOST_VERSION;
    return vhost_message_send(fake->fd, message, vhost_deadline(FAKE_LIMIT_MS)) == 0;
}

bool
fake_ask(struct fake *fake, struct vhost_message *message)
{
    uint32_t request = message->header.request;

    if (!fake_send(fake, message) ||
        vhost_message_receive(fake->fd, message, vhost_deadline(FAKE_LIMIT_MS)) < 0) {
        return false;
    }
    message_close_fds(&message->fds);
    return message->header.request == request && (message->header.flags & VHOST_FLAG_REPLY);
}

int
fake_tell(struct fake *fake, struct vhost_message *message)
{
    message->header.flags = VHOST_FLAG_NEED_REPLY;
    if (!fake_ask(fake, message) || message->header.size != sizeof(uint64_t)) {
        return -1;
    }
    return message->payload.u64 == 0 ? 0 : 1;
}

int
fake_tell_u64(struct fake *fake, uint32_t request, uint64_t value)
{
    struct vhost_message message = {.header = {.request = request, .size = sizeof(value)},
                                    .payload.u64 = value};

    return fake_tell(fake, &message);
}

int
fake_tell_state(struct fake *fake, uint32_t request, uint32_t index, uint32_t num)
{
    struct vhost_message message = {
        .header = {.request = request, .size = sizeof(message.payload.state)},
        .payload.state = {.index = index, .num = num},
    };

    return fake_tell(fake, &message);
}

int
fake_tell_fd(struct fake *fake, uint32_t request, uint64_t value, int fd)
{
    struct vhost_message message = {
        .header = {.request = request, .size = sizeof(value)},
        .payload.u64 = value,
        .fds = {.fd = {fd}, .count = fd >= 0 ? 1 : 0},
    };

    return fake_tell(fake, &message);
}

uint64_t
fake_ask_u64(struct fake *fake, uint32_t request)
{
    struct vhost_message message = {.header = {.request = request}};

    return fake_ask(fake, &message) && message.header.size == 8 ? message.payload.u64 : 0;
}

int
fake_set_memory(struct fake *fake)
{
    struct vhost_message message = {
        .header = {.request = VHOST_SET_MEM_TABLE, .size = 8 + 2 * 32},
        .payload.memory =
            {
                .n_regions = 2,
                .region = {{0, FAKE_REGION, FAKE_USER_BASE, 0},
                           {FAKE_HIGH_BASE, FAKE_REGION, FAKE_USER_BASE + FAKE_HIGH_BASE,
                            FAKE_REGION}},
            },
        .fds = {.fd = {fake->ram_fd, fake->ram_fd}, .count = 2},
    };

    return fake_tell(fake, &message);
}

static uint64_t
rings_at(unsigned int queue)
{
    return FAKE_RINGS_AT + (uint64_t)queue * 0x10000;
}

int
fake_set_addresses(struct fake *fake, unsigned int queue)
{
    uint64_t rings = FAKE_USER_BASE + rings_at(queue);
    struct vhost_message message = {
        .header = {.request = VHOST_SET_VRING_ADDR, .size = sizeof(message.payload.addr)},
        .payload.addr = {.index = queue,
                         .descriptor = rings,
                         .available = rings + 0x4000,
                         .used = rings + 0x8000},
    };

    return fake_tell(fake, &message);
}

static bool
start_queue(struct fake *fake, unsigned int queue)
{
    const struct fake_queue *q = &fake->queues[queue];

    return fake_tell_state(fake, VHOST_SET_VRING_NUM, queue, FAKE_QUEUE_SIZE) == 0 &&
           fake_tell_state(fake, VHOST_SET_VRING_BASE, queue, 0) == 0 &&
           fake_set_addresses(fake, queue) == 0 &&
           fake_tell_fd(fake, VHOST_SET_VRING_KICK, queue, q->kick_fd) == 0 &&
           fake_tell_fd(fake, VHOST_SET_VRING_CALL, queue, q->call_fd) == 0 &&
           fake_tell_fd(fake, VHOST_SET_VRING_ERR, queue, q->error_fd) == 0 &&
           fake_tell_state(fake, VHOST_SET_VRING_ENABLE, queue, 1) == 0;
}

bool
fake_start_queue(struct fake *fake, unsigned int queue)
{
    struct fake_queue *q = &fake->queues[queue];

    memset(fake->ram + rings_at(queue), 0, 0x10000);
    q->available = 0;
    q->used = 0;
    return start_queue(fake, queue);
}

int
fake_stop_queue(struct fake *fake, unsigned int queue)
{
    struct vhost_message message = {
        .header = {.request = VHOST_GET_VRING_BASE, .size = sizeof(message.payload.state)},
        .payload.state = {.index = queue},
    };

    return fake_ask(fake, &message) && message.payload.state.index == queue
               ? (int)message.payload.state.num
               : -1;
}

static bool
set_inflight(struct fake *fake)
{
    struct vhost_message message = {
        .header = {.request = VHOST_GET_INFLIGHT_FD, .size = sizeof(fake->inflight)},
        .payload.inflight = {.n_queues = FAKE_QUEUES, .queue_size = FAKE_QUEUE_SIZE}};

    if (fake->inflight_fd == 0) {
        if (!fake_send(fake, &message) ||
            vhost_message_receive(fake->fd, &message, vhost_deadline(FAKE_LIMIT_MS)) < 0 ||
            message.header.size != sizeof(fake->inflight) || message.fds.count != 1) {
            return false;
        }
        fake->inflight = message.payload.inflight;
        fake->inflight_fd = message.fds.fd[0];
    }
    message = (struct vhost_message){
        .header = {.request = VHOST_SET_INFLIGHT_FD, .size = sizeof(fake->inflight)},
        .payload.inflight = fake->inflight,
        .fds = {.fd = {fake->inflight_fd}, .count = 1}};
    return fake_tell(fake, &message) == 0;
}

static bool
negotiate(struct fake *fake)
{
    struct vhost_message message = {
        .header = {.request = VHOST_SET_PROTOCOL_FEATURES, .size = sizeof(uint64_t)}};
    bool ok;

    fake->features = fake_ask_u64(fake, VHOST_GET_FEATURES);
    fake->protocol_features = fake_ask_u64(fake, VHOST_GET_PROTOCOL_FEATURES);
    message.payload.u64 = fake->protocol_features;
    ok = (fake->features & BIT(VHOST_FEATURE_PROTOCOL_FEATURES)) && fake_send(fake, &message) &&
         fake_tell_u64(fake, VHOST_SET_FEATURES, fake->features & fake->accept) == 0 &&
         fake_set_memory(fake) == 0;
    return ok && (!fake->tracks_inflight || set_inflight(fake));
}

bool
fake_open(struct fake *fake, unsigned int n)
{
    bool ok = negotiate(fake);

    for (unsigned int i = 0; ok && i < n; i++) {
        ok = fake_start_queue(fake, i);
    }
    return ok;
}

void
fake_kill(struct fake *fake)
{
    int status;

    kill(fake->pid, SIGKILL);
    waitpid(fake->pid, &status, 0);
    fake->pid = 0;
    fd_closep(&fake->control_fd);
    fd_closep(&fake->fd);
}

bool
fake_take_over(struct fake *fake, const char *variable, void *setup, size_t size, const int fds[2])
{
    bool ok = start_process(fake, variable, setup, size, fds) && negotiate(fake);

    for (unsigned int i = 0; ok && i < FAKE_QUEUES; i++) {
        ok = start_queue(fake, i);
    }
    return ok;
}

bool
fake_open_requests(struct fake *fake)
{
    struct vhost_message message = {
        .header = {.request = VHOST_SET_PROTOCOL_FEATURES, .size = sizeof(uint64_t)}};
    int pair[2];

    message.payload.u64 = fake_ask_u64(fake, VHOST_GET_PROTOCOL_FEATURES);
    if (!fake_send(fake, &message) || fd_socket_pair(SOCK_STREAM, pair) < 0) {
        return false;
    }
    message = (struct vhost_message){.header = {.request = VHOST_SET_BACKEND_REQ_FD},
                                     .fds = {.fd = {pair[1]}, .count = 1}};
    bool ok = fake_send(fake, &message);
    close(pair[1]);
    fake->request_fd = pair[0];
    return ok;
}

int
fake_serve_shmem(struct fake *fake, uint64_t answer, struct vhost_mmap *ret_map)
{
    struct vhost_message message;

    if (vhost_message_receive(fake->request_fd, &message, vhost_deadline(FAKE_LIMIT_MS)) < 0 ||
        message.header.size != sizeof(*ret_map)) {
        return -2;
    }
    *ret_map = message.payload.mmap;
    int fd = message_take_fd(&message.fds, 0);
    message_close_fds(&message.fds);
    message.header.flags = VHOST_VERSION | VHOST_FLAG_REPLY;
    message.header.size = sizeof(uint64_t);
    message.payload.u64 = answer;
    return vhost_message_send(fake->request_fd, &message, vhost_deadline(FAKE_LIMIT_MS)) < 0 ? -2
                                                                                             : fd;
}

bool
fake_start_and_open(struct fake *fake, const char *variable, unsigned int n)
{
    struct device_setup setup;

    return fake_start(fake, variable, &setup, sizeof(setup), NULL) && fake_open(fake, n);
}

bool
fake_get_config(struct fake *fake, uint32_t offset, void *data, uint32_t size)
{
    struct vhost_message message = {
        .header = {.request = VHOST_GET_CONFIG, .size = 12 + size},
        .payload.config = {.offset = offset, .size = size},
    };

    if (!fake_ask(fake, &message) || message.header.size != 12 + size) {
        return false;
    }
    memcpy(data, message.payload.config.data, size);
    return true;
}

int
fake_set_config(struct fake *fake, uint32_t offset, const void *data, uint32_t size)
{
    struct vhost_message message = {
        .header = {.request = VHOST_SET_CONFIG, .size = 12 + size},
        .payload.config = {.offset = offset, .size = size},
    };

    memcpy(message.payload.config.data, data, size);
    return fake_tell(fake, &message);
}

void *
fake_ram(struct fake *fake, uint64_t guest_address)
{
    return guest_address >= FAKE_HIGH_BASE
               ? fake->ram + FAKE_REGION + (guest_address - FAKE_HIGH_BASE)
               : fake->ram + guest_address;
}

uint16_t
fake_offer(struct fake *fake, unsigned int queue, const struct fake_segment *segments, size_t n)
{
    struct fake_queue *q = &fake->queues[queue];
    uint8_t *rings = fake->ram + rings_at(queue);
    uint16_t head = q->next_descriptor;

    for (size_t i = 0; i < n; i++) {
        uint16_t at = q->next_descriptor;
        uint16_t next = (uint16_t)((at + 1) % FAKE_QUEUE_SIZE);
        struct vring_desc d = {
            .addr = segments[i].address,
            .len = segments[i].length,
            .flags = (uint16_t)((i + 1 < n ? VRING_DESC_F_NEXT : 0) |
                                (segments[i].writable ? VRING_DESC_F_WRITE : 0)),
            .next = next,
        };
        memcpy(rings + (size_t)at * sizeof(d), &d, sizeof(d));
        q->next_descriptor = next;
    }
    store_le16(rings + 0x4000 + 4 + (size_t)(q->available % FAKE_QUEUE_SIZE) * 2, head);
    /* Always want an interrupt for the very next entry. */
    store_le16(rings + 0x4000 + 4 + (size_t)FAKE_QUEUE_SIZE * 2, q->used);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    store_le16(rings + 0x4000 + 2, ++q->available);
    return head;
}

void
fake_kick(struct fake *fake, unsigned int queue)
{
    const uint64_t one = 1;

    if (write(fake->queues[queue].kick_fd, &one, sizeof(one)) < 0) {
        printf("# kick: %s\n", strerror(errno));
    }
}

static bool
wait_used(struct fake *fake, unsigned int queue, int ms)
{
    struct fake_queue *q = &fake->queues[queue];
    const uint8_t *used = fake->ram + rings_at(queue) + 0x8000;

    while (load_le16(used + 2) == q->used) {
        struct pollfd wait = {.fd = q->call_fd, .events = POLLIN};
        uint64_t count;

        if (poll(&wait, 1, ms) <= 0 || read(q->call_fd, &count, sizeof(count)) < 0) {
            return false;
        }
    }
    return true;
}

bool
fake_wait(struct fake *fake, unsigned int queue, uint16_t *ret_head, uint32_t *ret_written)
{
    struct fake_queue *q = &fake->queues[queue];
    const uint8_t *element =
        fake->ram + rings_at(queue) + 0x8000 + 4 + (size_t)(q->used % FAKE_QUEUE_SIZE) * 8;

    if (!wait_used(fake, queue, FAKE_LIMIT_MS)) {
        return false;
    }
    *ret_head = (uint16_t)load_le32(element);
    *ret_written = load_le32(element + 4);
    q->used++;
    store_le16(fake->ram + rings_at(queue) + 0x4000 + 4 + (size_t)FAKE_QUEUE_SIZE * 2, q->used);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return true;
}

bool
fake_is_quiet(struct fake *fake, unsigned int queue, int ms)
{
    return !wait_used(fake, queue, ms);
}

int
fake_request(struct fake *fake, unsigned int queue, const struct fake_segment *segments, size_t n)
{
    uint16_t head = fake_offer(fake, queue, segments, n);
    uint16_t done;
    uint32_t written;

    fake_kick(fake, queue);
    return fake_wait(fake, queue, &done, &written) && done == head ? (int)written : -1;
}
