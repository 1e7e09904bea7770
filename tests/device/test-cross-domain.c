/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/tap.h"

#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/device/gpu-card.h"
#include "tests/device/guard-rig.h"
#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"
#include "vmm/base/message.h"
#include "vmm/protocol/cross-domain.h"

#define XR24 0x34325258

enum {
    CONTEXT = 7,
    QUERY = 1, /* resources */
    CHANNEL = 2,
    IMAGE = 3,
    PAGES_AT = FAKE_DATA_AT + 0x100000,
    POLL_AT = FAKE_DATA_AT + 0x40000,
    WIDTH = 64,
    HEIGHT = 48,
    POOL_SIZE = WIDTH * HEIGHT * 4,
};

/* The card, with us as its guest and its guard. */
struct rig {
    struct card card;
    int guard;
    uint64_t fence;
    uint16_t poll_head;
};

static bool
wait_for(int fd)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};

    return poll(&wait, 1, FAKE_LIMIT_MS) == 1;
}

static bool
rig_begin(struct rig *rig)
{
    int pair[2];

    *rig = (struct rig){.guard = -1};
    if (fd_socket_pair(SOCK_SEQPACKET, pair) < 0) {
        return false;
    }
    rig->guard = pair[0];
    bool ok = card_start_full(&rig->card, GPU_LEVEL_2D, pair[1]);
    close(pair[1]);
    return ok;
}

static int
rig_end(struct rig *rig)
{
    close(rig->guard);
    return card_stop(&rig->card);
}

static uint32_t
make_context(struct rig *rig)
{
    struct virtio_gpu_ctx_create request = {
        .hdr = {.ctx_id = CONTEXT}, .nlen = 4, .context_init = CROSS_CAPSET, .debug_name = "test"};

    return card_ask(&rig->card, VIRTIO_GPU_CMD_CTX_CREATE, &request, sizeof(request), NULL);
}

static uint32_t
attach(struct rig *rig, uint32_t id)
{
    struct virtio_gpu_ctx_resource request = {.hdr = {.ctx_id = CONTEXT}, .resource_id = id};

    return card_ask(&rig->card, VIRTIO_GPU_CMD_CTX_ATTACH_RESOURCE, &request, sizeof(request),
                    NULL);
}

static void *
page(struct rig *rig, uint32_t id)
{
    return fake_ram(&rig->card.fake, PAGES_AT + (uint64_t)id * CROSS_PAGE_SIZE);
}

static uint32_t
make_page(struct rig *rig, uint32_t id)
{
    struct virtio_gpu_mem_entry entry = {.addr = PAGES_AT + (uint64_t)id * CROSS_PAGE_SIZE,
                                         .length = CROSS_PAGE_SIZE};
    struct virtio_gpu_resource_create_blob request = {.hdr = {.ctx_id = CONTEXT},
                                                      .resource_id = id,
                                                      .blob_mem = VIRTIO_GPU_BLOB_MEM_GUEST,
                                                      .blob_flags = 1,
                                                      .nr_entries = 1,
                                                      .size = CROSS_PAGE_SIZE};
    uint32_t type = card_ask(&rig->card, VIRTIO_GPU_CMD_RESOURCE_CREATE_BLOB, &request,
                             sizeof(request), &(struct iovec){&entry, sizeof(entry)});

    return type == VIRTIO_GPU_RESP_OK_NODATA ? attach(rig, id) : type;
}

static uint32_t
submit(struct rig *rig, const void *commands, size_t size)
{
    struct virtio_gpu_cmd_submit request = {.hdr = {.ctx_id = CONTEXT}, .size = (uint32_t)size};
    struct iovec extra = {.iov_len = size};

    memcpy(&extra.iov_base, &commands, sizeof(commands));
    return card_ask(&rig->card, VIRTIO_GPU_CMD_SUBMIT_3D, &request, sizeof(request), &extra);
}

/* A POLL with its fence, which stays out until poll_done(). */
static void
poll_begin(struct rig *rig)
{
    struct {
        struct virtio_gpu_cmd_submit submit;
        struct cross_header poll;
    } request = {.submit = {.hdr = {.type = VIRTIO_GPU_CMD_SUBMIT_3D,
                                    .flags = VIRTIO_GPU_FLAG_FENCE | VIRTIO_GPU_FLAG_INFO_RING_IDX,
                                    .fence_id = ++rig->fence,
                                    .ctx_id = CONTEXT,
                                    .ring_idx = CROSS_RING_CHANNEL},
                            .size = sizeof(request.poll)},
                 .poll = {.command = CROSS_POLL, .size = sizeof(request.poll)}};
    const struct fake_segment segments[] = {{POLL_AT, sizeof(request), false},
                                            {POLL_AT + 0x1000, 64, true}};

    memcpy(fake_ram(&rig->card.fake, POLL_AT), &request, sizeof(request));
    rig->poll_head = fake_offer(&rig->card.fake, 0, segments, 2);
    fake_kick(&rig->card.fake, 0);
}

static bool
poll_done(struct rig *rig)
{
    const struct virtio_gpu_ctrl_hdr *answer = fake_ram(&rig->card.fake, POLL_AT + 0x1000);
    uint16_t head;
    uint32_t written;

    return fake_wait(&rig->card.fake, 0, &head, &written) && head == rig->poll_head &&
           written == sizeof(*answer) && answer->type == VIRTIO_GPU_RESP_OK_NODATA &&
           answer->fence_id == rig->fence && answer->ring_idx == CROSS_RING_CHANNEL;
}

static uint32_t
say_init(struct rig *rig)
{
    const struct cross_init init = {.header = {.command = CROSS_INIT, .size = sizeof(init)},
                                    .query_ring = QUERY,
                                    .channel_ring = CHANNEL,
                                    .channel_type = CROSS_CHANNEL_WAYLAND};

    return submit(rig, &init, sizeof(init));
}

/* Play the guard: give `fd` (stays ours) for what was asked. */
static bool
give_connection(struct rig *rig, int fd)
{
    struct wayland_open asked;
    struct wayland_opened answer = {.header = {.type = WAYLAND_OPENED, .size = sizeof(answer)}};

    if (!wait_for(rig->guard) ||
        message_receive(rig->guard, &asked, sizeof(asked), NULL) != sizeof(asked) ||
        asked.header.type != WAYLAND_OPEN) {
        return false;
    }
    answer.serial = asked.serial;
    return message_send(rig->guard, &answer, sizeof(answer), &fd, fd >= 0) == 0;
}

/* A context with its pages, connected to `fd`. */
static bool
open_context(struct rig *rig, int fd)
{
    const uint32_t ok = VIRTIO_GPU_RESP_OK_NODATA;

    return make_context(rig) == ok && make_page(rig, QUERY) == ok &&
           make_page(rig, CHANNEL) == ok && say_init(rig) == ok && give_connection(rig, fd);
}

static uint32_t
send_bytes(struct rig *rig, const void *data, size_t size, uint32_t blob)
{
    struct {
        struct cross_message message;
        uint8_t data[1024];
    } send = {.message = {.header = {.command = CROSS_SEND},
                          .n_ids = blob != 0,
                          .data_size = (uint32_t)size,
                          .ids = {blob},
                          .types = {CROSS_ID_BLOB}}};

    send.message.header.size = (uint16_t)(sizeof(send.message) + size);
    memcpy(send.data, data, size);
    return submit(rig, &send, sizeof(send.message) + size);
}

/* Ask for MAP_BLOB, play the machine, and map what came. NULL on failure. */
static uint8_t *
map_blob(struct rig *rig, uint32_t id, uint64_t offset, uint64_t size)
{
    struct fake *fake = &rig->card.fake;
    struct virtio_gpu_resource_map_blob request = {
        .hdr = {.type = VIRTIO_GPU_CMD_RESOURCE_MAP_BLOB}, .resource_id = id, .offset = offset};
    const struct virtio_gpu_resp_map_info *answer = fake_ram(fake, RESPONSE_AT);
    const struct fake_segment segments[] = {{REQUEST_AT, sizeof(request), false},
                                            {RESPONSE_AT, sizeof(*answer), true}};
    struct vhost_mmap map;
    uint16_t head;
    uint32_t written;

    memcpy(fake_ram(fake, REQUEST_AT), &request, sizeof(request));
    fake_offer(fake, 0, segments, 2);
    fake_kick(fake, 0);
    cleanup_fd int fd = fake_serve_shmem(fake, 0, &map);
    if (fd < 0 || !fake_wait(fake, 0, &head, &written) || written != sizeof(*answer) ||
        answer->hdr.type != VIRTIO_GPU_RESP_OK_MAP_INFO || answer->map_info != 1 ||
        map.shmem_id != 1 || map.shmem_offset != offset || map.size != size ||
        fd_check_memory_file(fd, size) < 0) {
        return NULL;
    }
    void *pixels = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    return pixels == MAP_FAILED ? NULL : pixels;
}

/* An image of WIDTH x HEIGHT as resource IMAGE, mapped. */
static uint8_t *
make_image(struct rig *rig)
{
    const struct cross_get_image ask = {
        .header = {.command = CROSS_GET_IMAGE_REQUIREMENTS, .size = sizeof(ask)},
        .width = WIDTH,
        .height = HEIGHT,
        .fourcc = XR24};

    if (submit(rig, &ask, sizeof(ask)) != VIRTIO_GPU_RESP_OK_NODATA) {
        return NULL;
    }
    const struct cross_image *image = page(rig, QUERY);
    struct virtio_gpu_resource_create_blob create = {.hdr = {.ctx_id = CONTEXT},
                                                     .resource_id = IMAGE,
                                                     .blob_mem = VIRTIO_GPU_BLOB_MEM_HOST3D,
                                                     .blob_flags = 1,
                                                     .blob_id = image->blob_id,
                                                     .size = image->size};
    if (image->size != POOL_SIZE || image->strides[0] != WIDTH * 4 ||
        card_ask(&rig->card, VIRTIO_GPU_CMD_RESOURCE_CREATE_BLOB, &create, sizeof(create), NULL) !=
            VIRTIO_GPU_RESP_OK_NODATA ||
        attach(rig, IMAGE) != VIRTIO_GPU_RESP_OK_NODATA) {
        return NULL;
    }
    return map_blob(rig, IMAGE, 0x10000, POOL_SIZE);
}

TAP_TEST(the_capset_is_offered)
{
    struct rig rig;
    struct virtio_gpu_config config;
    struct virtio_gpu_get_capset_info info = {.capset_index = 0};
    struct virtio_gpu_get_capset get = {.capset_id = CROSS_CAPSET};

    check(rig_begin(&rig));
    check(rig.card.fake.features & 1U << VIRTIO_GPU_F_VIRGL);
    check(rig.card.fake.features & 1U << VIRTIO_GPU_F_CONTEXT_INIT);
    check(fake_get_config(&rig.card.fake, 0, &config, sizeof(config)));
    check_int(config.num_capsets, 1);
    check_int(card_ask(&rig.card, VIRTIO_GPU_CMD_GET_CAPSET_INFO, &info, sizeof(info), NULL),
              VIRTIO_GPU_RESP_OK_CAPSET_INFO);
    const struct virtio_gpu_resp_capset_info *told = (void *)rig.card.response;
    check_int(told->capset_id, CROSS_CAPSET);
    check_int(told->capset_max_size, sizeof(struct cross_capset));
    check_int(card_ask(&rig.card, VIRTIO_GPU_CMD_GET_CAPSET, &get, sizeof(get), NULL),
              VIRTIO_GPU_RESP_OK_CAPSET);
    const struct cross_capset *capset = (void *)(rig.card.response + 24);
    check_int(capset->version, 1);
    check_int(capset->supported_channels, 2);
    check_int(capset->supports_dmabuf, 0);
    check_int(rig_end(&rig), 0);
}

/* Pixels that the guest draws are those that the compositor maps: nobody copies them. */
TAP_TEST(pixels_reach_the_compositor)
{
    struct rig rig;
    struct message_fds fds;
    char text[64];
    int pair[2];

    check(rig_begin(&rig) && fd_socket_pair(SOCK_STREAM, pair) == 0);
    check(open_context(&rig, pair[1]));
    close(pair[1]);
    uint8_t *drawn = make_image(&rig);
    check(drawn != NULL);
    for (uint32_t i = 0; i < POOL_SIZE; i++) {
        drawn[i] = (uint8_t)(i * 31 / 7);
    }
    check_int(send_bytes(&rig, "create_pool", 11, IMAGE), VIRTIO_GPU_RESP_OK_NODATA);
    check(wait_for(pair[0]));
    check_int(message_receive(pair[0], text, sizeof(text), &fds), 11);
    check_int(fds.count, 1);
    const uint8_t *seen = mmap(NULL, POOL_SIZE, PROT_READ, MAP_SHARED, fds.fd[0], 0);
    check(seen != MAP_FAILED && memcmp(seen, drawn, POOL_SIZE) == 0);
    drawn[100] ^= 0xff;
    check_int(seen[100], drawn[100]);
    message_close_fds(&fds);

    poll_begin(&rig);
    check(fake_is_quiet(&rig.card.fake, 0, 50));
    check(write(pair[0], "hello", 5) == 5);
    check(poll_done(&rig));
    const struct cross_message *message = page(&rig, CHANNEL);
    check_int(message->data_size, 5);
    check(memcmp(message + 1, "hello", 5) == 0);
    /* Half closed: what is left is delivered, then the end. */
    shutdown(pair[0], SHUT_WR);
    poll_begin(&rig);
    check(poll_done(&rig));
    check_int(message->data_size, 0);
    close(pair[0]);
    check_int(rig_end(&rig), 0);
}

/* Resources and contexts that go while they are used, in every order. */
TAP_TEST(mapped_images_go_away_cleanly)
{
    struct rig rig;
    struct virtio_gpu_ctx_destroy destroy = {.hdr = {.ctx_id = CONTEXT}};
    struct fake_segment segments[] = {{REQUEST_AT, sizeof(struct virtio_gpu_resource_unref), false},
                                      {RESPONSE_AT, 64, true}};
    struct virtio_gpu_resource_unref unref = {.hdr = {.type = VIRTIO_GPU_CMD_RESOURCE_UNREF},
                                              .resource_id = IMAGE};
    struct vhost_mmap map;
    uint16_t head;
    uint32_t written;
    int pair[2];

    check(rig_begin(&rig) && fd_socket_pair(SOCK_STREAM, pair) == 0);
    check(open_context(&rig, pair[1]));
    close(pair[1]);
    check(make_image(&rig) != NULL);
    poll_begin(&rig);
    check_int(card_unref(&rig.card, CHANNEL), VIRTIO_GPU_RESP_OK_NODATA);
    /* The image is taken out of the window before it goes. */
    memcpy(fake_ram(&rig.card.fake, REQUEST_AT), &unref, sizeof(unref));
    fake_offer(&rig.card.fake, 0, segments, 2);
    fake_kick(&rig.card.fake, 0);
    check_int(fake_serve_shmem(&rig.card.fake, 0, &map), -1);
    check_int(map.shmem_offset, 0x10000);
    check_int(map.size, POOL_SIZE);
    check(fake_wait(&rig.card.fake, 0, &head, &written));
    check(write(pair[0], "x", 1) == 1);
    check(poll_done(&rig)); /* without its page */
    check_int(send_bytes(&rig, "x", 1, IMAGE), VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID);
    poll_begin(&rig);
    check(poll_done(&rig)); /* the context was ended by that */
    check_int(card_ask(&rig.card, VIRTIO_GPU_CMD_CTX_DESTROY, &destroy, sizeof(destroy), NULL),
              VIRTIO_GPU_RESP_OK_NODATA);
    close(pair[0]);
    check_int(rig_end(&rig), 0);
}

TAP_TEST(a_context_that_goes_completes_its_fence)
{
    struct rig rig;
    struct virtio_gpu_ctrl_hdr destroy = {.type = VIRTIO_GPU_CMD_CTX_DESTROY, .ctx_id = CONTEXT};
    const struct fake_segment segments[] = {{REQUEST_AT, sizeof(destroy), false},
                                            {RESPONSE_AT, 64, true}};
    uint16_t head;
    uint32_t written;
    char byte;
    int pair[2];

    check(rig_begin(&rig) && fd_socket_pair(SOCK_STREAM, pair) == 0);
    check(open_context(&rig, pair[1]));
    close(pair[1]);
    poll_begin(&rig);
    check(fake_is_quiet(&rig.card.fake, 0, 20));
    memcpy(fake_ram(&rig.card.fake, REQUEST_AT), &destroy, sizeof(destroy));
    fake_offer(&rig.card.fake, 0, segments, 2);
    fake_kick(&rig.card.fake, 0);
    check(poll_done(&rig));
    check(fake_wait(&rig.card.fake, 0, &head, &written));
    check(wait_for(pair[0]) && recv(pair[0], &byte, 1, 0) == 0);
    close(pair[0]);
    check_int(rig_end(&rig), 0);
}

/* The driver goes while a POLL is out and an image is mapped. */
TAP_TEST(a_reset_in_flight_is_survived)
{
    struct rig rig;
    char byte;
    int pair[2];

    check(rig_begin(&rig) && fd_socket_pair(SOCK_STREAM, pair) == 0);
    check(open_context(&rig, pair[1]));
    close(pair[1]);
    check(make_image(&rig) != NULL);
    poll_begin(&rig);
    check(fake_is_quiet(&rig.card.fake, 0, 20));
    check(fake_stop_queue(&rig.card.fake, 0) >= 0);
    struct vhost_message reset = {.header = {.request = VHOST_RESET_DEVICE}};
    check_int(fake_tell(&rig.card.fake, &reset), 0);
    check(wait_for(pair[0]) && recv(pair[0], &byte, 1, 0) == 0);
    close(pair[0]);
    check_int(rig_end(&rig), 0);
}

TAP_TEST(the_guard_may_leave)
{
    struct rig rig;
    struct wayland_open asked;
    const struct start_header hello = {WAYLAND_HELLO, sizeof(hello)};
    const uint32_t ok = VIRTIO_GPU_RESP_OK_NODATA;

    check(rig_begin(&rig));
    check(make_context(&rig) == ok && make_page(&rig, QUERY) == ok &&
          make_page(&rig, CHANNEL) == ok && say_init(&rig) == ok);
    check(wait_for(rig.guard));
    check_int(message_receive(rig.guard, &asked, sizeof(asked), NULL), sizeof(asked));
    /* A new one knows nothing: it is asked again. */
    check_int(message_send(rig.guard, &hello, sizeof(hello), NULL, 0), 0);
    check(wait_for(rig.guard));
    check_int(message_receive(rig.guard, &asked, sizeof(asked), NULL), sizeof(asked));
    poll_begin(&rig);
    check(fake_is_quiet(&rig.card.fake, 0, 20));
    fd_closep(&rig.guard);
    check(poll_done(&rig));
    check_int(((struct cross_message *)page(&rig, CHANNEL))->data_size, 0);
    check_int(card_create_2d(&rig.card, 9, 64, 64), ok);
    check_int(rig_end(&rig), 0);
}

TAP_TEST(bad_numbers_are_refused)
{
    struct rig rig;
    struct virtio_gpu_resource_create_blob blob = {.hdr = {.ctx_id = CONTEXT},
                                                   .resource_id = IMAGE,
                                                   .blob_mem = VIRTIO_GPU_BLOB_MEM_HOST3D,
                                                   .blob_flags = 1,
                                                   .size = 4096};
    struct virtio_gpu_resource_map_blob map = {.resource_id = QUERY};
    struct virtio_gpu_resource_unmap_blob unmap = {.resource_id = QUERY};
    const uint32_t bad = VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
    struct card *card = &rig.card;

    check(rig_begin(&rig));
    check_int(say_init(&rig), VIRTIO_GPU_RESP_ERR_INVALID_CONTEXT_ID);
    check_int(card_ask(card, VIRTIO_GPU_CMD_RESOURCE_CREATE_BLOB, &blob, sizeof(blob), NULL),
              VIRTIO_GPU_RESP_ERR_INVALID_CONTEXT_ID);
    check_int(make_context(&rig), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(make_page(&rig, QUERY), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(card_ask(card, VIRTIO_GPU_CMD_RESOURCE_CREATE_BLOB, &blob, sizeof(blob), NULL), bad);
    blob.blob_id = UINT64_MAX;
    check_int(card_ask(card, VIRTIO_GPU_CMD_RESOURCE_CREATE_BLOB, &blob, sizeof(blob), NULL), bad);
    blob.size = UINT64_MAX;
    check_int(card_ask(card, VIRTIO_GPU_CMD_RESOURCE_CREATE_BLOB, &blob, sizeof(blob), NULL), bad);
    blob.blob_mem = VIRTIO_GPU_BLOB_MEM_HOST3D_GUEST;
    check_int(card_ask(card, VIRTIO_GPU_CMD_RESOURCE_CREATE_BLOB, &blob, sizeof(blob), NULL), bad);
    check_int(card_ask(card, VIRTIO_GPU_CMD_RESOURCE_MAP_BLOB, &map, sizeof(map), NULL), bad);
    check_int(card_ask(card, VIRTIO_GPU_CMD_RESOURCE_UNMAP_BLOB, &unmap, sizeof(unmap), NULL), bad);
    map.resource_id = 99;
    check_int(card_ask(card, VIRTIO_GPU_CMD_RESOURCE_MAP_BLOB, &map, sizeof(map), NULL),
              VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID);
    check_int(say_init(&rig),
              VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID); /* there is no channel page */
    check_int(rig_end(&rig), 0);
}

/* --- a compositor that nobody here wrote --- */

struct weston {
    pid_t pid;
    char folder[32];
};

static bool
weston_start(struct weston *weston)
{
    *weston = (struct weston){.folder = "/tmp/weston-XXXXXX"};
    if (access("/usr/bin/weston", X_OK) < 0 || !mkdtemp(weston->folder)) {
        return false;
    }
    weston->pid = fork();
    if (weston->pid == 0) {
        setenv("XDG_RUNTIME_DIR", weston->folder, 1);
        execl("/usr/bin/weston", "weston", "--backend=headless-backend.so", "--socket=wayland-7",
              "--idle-time=0", "--no-config", "--log=/dev/null", (char *)NULL);
        _exit(127);
    }
    return weston->pid > 0;
}

static int
weston_connect(const struct weston *weston)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(address.sun_path, sizeof(address.sun_path), "%s/wayland-7", weston->folder);
    for (int i = 0; i < FAKE_LIMIT_MS / 10; i++) {
        if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0) {
            return fd;
        }
        usleep(10000);
    }
    close(fd);
    return -1;
}

static void
weston_stop(struct weston *weston)
{
    char path[64];
    static const char *const files[] = {"wayland-7", "wayland-7.lock"};

    if (weston->pid > 0) {
        kill(weston->pid, SIGTERM);
        waitpid(weston->pid, NULL, 0);
    }
    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        snprintf(path, sizeof(path), "%s/%s", weston->folder, files[i]);
        unlink(path);
    }
    rmdir(weston->folder);
}

/* What the compositor said through the ring, until an event `opcode` of object `id`; its message. */
static const uint8_t *
await_event(struct rig *rig, struct wire *wire, uint32_t id, uint32_t opcode)
{
    for (size_t at = 0;;) {
        while (wire->size - at < 8 || wire->size - at < load_le32(wire->data + at + 4) >> 16) {
            const struct cross_message *message = page(rig, CHANNEL);

            poll_begin(rig);
            if (!poll_done(rig) || message->data_size == 0 ||
                wire->size + message->data_size > sizeof(wire->data)) {
                return NULL;
            }
            memcpy(wire->data + wire->size, message + 1, message->data_size);
            wire->size += message->data_size;
        }
        const uint8_t *event = wire->data + at;
        at += load_le32(event + 4) >> 16;
        if (load_le32(event) == id && (load_le32(event + 4) & 0xffff) == opcode) {
            return event;
        }
    }
}

/* The name of a global, from the registry's events. */
static uint32_t
global_name(const struct wire *wire, const char *interface)
{
    for (size_t at = 0; at + 20 < wire->size; at += load_le32(wire->data + at + 4) >> 16) {
        if (load_le32(wire->data + at) == 2 &&
            strcmp((const char *)wire->data + at + 16, interface) == 0) {
            return load_le32(wire->data + at + 8);
        }
    }
    return 0;
}

enum {
    REGISTRY = 2,
    SYNC,
    COMPOSITOR,
    SHM,
    WM_BASE,
    SURFACE,
    XDG_SURFACE,
    TOPLEVEL,
    POOL,
    BUFFER,
    FRAME,
};

#define WORDS(...) (const uint32_t[]){__VA_ARGS__}, sizeof((const uint32_t[]){__VA_ARGS__}) / 4

/* A window: surface, role, and the commit that asks for its first configure. */
static size_t
put_window(uint8_t *out, const struct wire *globals)
{
    size_t n = wire_put_bind(out, REGISTRY, global_name(globals, "wl_compositor"), "wl_compositor",
                             COMPOSITOR);

    n += wire_put_bind(out + n, REGISTRY, global_name(globals, "wl_shm"), "wl_shm", SHM);
    n += wire_put_bind(out + n, REGISTRY, global_name(globals, "xdg_wm_base"), "xdg_wm_base",
                       WM_BASE);
    n += wire_put(out + n, COMPOSITOR, 0, WORDS(SURFACE));
    n += wire_put(out + n, WM_BASE, 2, WORDS(XDG_SURFACE, SURFACE));
    n += wire_put(out + n, XDG_SURFACE, 1, WORDS(TOPLEVEL));
    return n + wire_put(out + n, SURFACE, 6, NULL, 0);
}

/* Its first picture, from the pool whose memory goes with the message, and a frame callback. */
static size_t
put_picture(uint8_t *out, uint32_t serial)
{
    size_t n = wire_put(out, XDG_SURFACE, 4, WORDS(serial));

    n += wire_put(out + n, SHM, 0, WORDS(POOL, POOL_SIZE));
    n += wire_put(out + n, POOL, 0, WORDS(BUFFER, 0, WIDTH, HEIGHT, WIDTH * 4, 1));
    n += wire_put(out + n, SURFACE, 1, WORDS(BUFFER, 0, 0));
    n += wire_put(out + n, SURFACE, 2, WORDS(0, 0, WIDTH, HEIGHT));
    n += wire_put(out + n, SURFACE, 3, WORDS(FRAME));
    return n + wire_put(out + n, SURFACE, 6, NULL, 0);
}

TAP_TEST(weston_shows_a_window)
{
    static struct wire wire;
    struct weston weston;
    struct rig rig;
    uint8_t out[1024];
    const uint32_t ok = VIRTIO_GPU_RESP_OK_NODATA;

    if (!weston_start(&weston)) {
        printf("# weston is not installed: not tried\n");
        return;
    }
    cleanup_fd int fd = weston_connect(&weston);
    wire = (struct wire){.fd = -1};
    bool shown = fd >= 0 && rig_begin(&rig) && open_context(&rig, fd);
    if (shown) {
        size_t n = wire_put(out, 1, 1, WORDS(REGISTRY));
        n += wire_put(out + n, 1, 0, WORDS(SYNC));
        shown = send_bytes(&rig, out, n, 0) == ok && await_event(&rig, &wire, SYNC, 0) &&
                global_name(&wire, "wl_shm") != 0;
    }
    if (shown) {
        shown = send_bytes(&rig, out, put_window(out, &wire), 0) == ok;
        wire.size = 0;
        const uint8_t *configure = shown ? await_event(&rig, &wire, XDG_SURFACE, 0) : NULL;
        uint8_t *pixels = configure ? make_image(&rig) : NULL;
        shown = pixels != NULL;
        if (shown) {
            memset(pixels, 0x55, POOL_SIZE);
            shown = send_bytes(&rig, out, put_picture(out, load_le32(configure + 8)), IMAGE) == ok;
        }
        wire.size = 0;
        /* It mapped the pool, drew the surface and asks for the next frame. */
        shown = shown && await_event(&rig, &wire, FRAME, 0) != NULL;
    }
    weston_stop(&weston);
    check(shown);
    check_int(rig_end(&rig), 0);
}

TAP_MAIN(TAP_CASE(the_capset_is_offered), TAP_CASE(pixels_reach_the_compositor),
         TAP_CASE(mapped_images_go_away_cleanly), TAP_CASE(a_context_that_goes_completes_its_fence),
         TAP_CASE(a_reset_in_flight_is_survived), TAP_CASE(the_guard_may_leave),
         TAP_CASE(bad_numbers_are_refused), TAP_CASE(weston_shows_a_window))
