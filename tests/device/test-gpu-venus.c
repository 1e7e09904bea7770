/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Vulkan contexts (capset 4) in virglrenderer's render server, which runs in its own jail beside the
 * card: the guest's ring, its fences, and what is left when the server ends. Needs package
 * virgl-server and a Vulkan driver; Mesa's software one will do.
 */

#include "tests/unit/tap.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/device/gpu-card.h"
#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"
#include "vmm/base/memory.h"
#include "vmm/protocol/start.h"

enum {
    OK = VIRTIO_GPU_RESP_OK_NODATA,
    CAPSET = 4,
    CONTEXT = 7,
    OTHER = 8,

    /* Resources, and where in the window they are. */
    REPLIES = 1,
    RING = 2,
    PAGE = 4096,
    RING_AT = 0x10000,
    RING_SIZE = 8192,

    /* The ring's page: three words and the commands. */
    HEAD = 0,
    TAIL = 64,
    STATUS = 128,
    BUFFER = 4096,
    BUFFER_SIZE = 4096,

    WORDS_MAX = 64,
    WAIT_MS = 60000,

    /* Commands of Mesa's venus protocol. */
    ENUMERATE_INSTANCE_VERSION = 137,
    SET_REPLY_COMMAND_STREAM = 178,
    CREATE_RING = 188,
    NOTIFY_RING = 190,
    RING_CREATE_INFO = 1000384000,
};

struct rig {
    struct card card;
    pid_t server;
    uint8_t *replies;
    uint8_t *ring;
    uint32_t words[WORDS_MAX];
    size_t n;
};

static void
put32(struct rig *rig, uint32_t value)
{
    rig->words[rig->n++] = htole32(value);
}

static void
put64(struct rig *rig, uint64_t value)
{
    put32(rig, (uint32_t)value);
    put32(rig, (uint32_t)(value >> 32));
}

/* Ask for the instance's version, with the answer in REPLIES. */
static void
put_question(struct rig *rig)
{
    put32(rig, SET_REPLY_COMMAND_STREAM);
    put32(rig, 0);
    put64(rig, 1);
    put32(rig, REPLIES);
    put64(rig, 0);
    put64(rig, PAGE);
    put32(rig, ENUMERATE_INSTANCE_VERSION);
    put32(rig, 1);
    put64(rig, 1);
}

/* The server with its end of a socket, jailed as far as an ordinary process can; -1 without one. */
static int
start_server(struct rig *rig)
{
    const char *program = getenv("VMM_RENDER");
    const bool no_jail = getenv("FAKE_NO_JAIL") != NULL;
    int pair[2];

    rig->server = 0;
    if (!program || access("/usr/libexec/virgl_render_server", X_OK) < 0 ||
        fd_socket_pair(SOCK_SEQPACKET, pair) < 0) {
        return -1;
    }
    rig->server = fork();
    if (rig->server == 0) {
        int high = fcntl(pair[1], F_DUPFD_CLOEXEC, 100); /* its number may be the one it goes to */
        char flags[16];

        snprintf(flags, sizeof(flags), "%d",
                 no_jail ? START_FLAG_NO_JAIL : START_FLAG_NO_NAMESPACES);
        dup2(high, START_FD_FIRST);
        close(START_FD_CONTROL);
        execl(program, program, "--probe", flags, NULL);
        _exit(127);
    }
    close(pair[1]);
    return pair[0];
}

static bool
start(struct rig *rig)
{
    cleanup_fd int fd = start_server(rig);
    const struct gpu_setup setup = {.level = GPU_LEVEL_VENUS,
                                    .wayland_fd = -1,
                                    .record_fd = -1,
                                    .udmabuf_fd = -1,
                                    .venus_fd = FAKE_FD_MORE + 1};

    return fd >= 0 && card_start_setup(&rig->card, setup, fd) &&
           fake_open_requests(&rig->card.fake);
}

static int
stop(struct rig *rig)
{
    int status = card_stop(&rig->card);

    if (rig->server > 0) {
        waitpid(rig->server, NULL, 0); /* it ends with the card */
    }
    return status;
}

static uint32_t
create_context(struct rig *rig, uint32_t id)
{
    struct virtio_gpu_ctx_create request = {
        .hdr.ctx_id = id, .nlen = 4, .context_init = CAPSET, .debug_name = "test"};

    return card_ask(&rig->card, VIRTIO_GPU_CMD_CTX_CREATE, &request, sizeof(request), NULL);
}

static uint32_t
destroy_context(struct rig *rig, uint32_t id)
{
    struct virtio_gpu_ctx_destroy request = {.hdr.ctx_id = id};

    return card_ask(&rig->card, VIRTIO_GPU_CMD_CTX_DESTROY, &request, sizeof(request), NULL);
}

/* Memory of the server, as the guest sees it; NULL on failure. */
static uint8_t *
make_memory(struct rig *rig, uint32_t id, uint64_t size, uint64_t offset)
{
    struct virtio_gpu_resource_create_blob create = {.hdr.ctx_id = CONTEXT,
                                                     .resource_id = id,
                                                     .blob_mem = VIRTIO_GPU_BLOB_MEM_HOST3D,
                                                     .blob_flags = 1,
                                                     .size = size};
    struct virtio_gpu_ctx_resource attach = {.hdr.ctx_id = CONTEXT, .resource_id = id};
    struct virtio_gpu_resource_map_blob map = {
        .hdr.type = VIRTIO_GPU_CMD_RESOURCE_MAP_BLOB, .resource_id = id, .offset = offset};
    struct fake *fake = &rig->card.fake;
    const struct fake_segment segments[] = {
        {REQUEST_AT, sizeof(map), false},
        {RESPONSE_AT, sizeof(struct virtio_gpu_resp_map_info), true}};
    const struct virtio_gpu_resp_map_info *answer = fake_ram(fake, RESPONSE_AT);
    struct vhost_mmap place;
    uint16_t head;
    uint32_t written;

    if (card_ask(&rig->card, VIRTIO_GPU_CMD_RESOURCE_CREATE_BLOB, &create, sizeof(create), NULL) !=
            OK ||
        card_ask(&rig->card, VIRTIO_GPU_CMD_CTX_ATTACH_RESOURCE, &attach, sizeof(attach), NULL) !=
            OK) {
        return NULL;
    }
    memcpy(fake_ram(fake, REQUEST_AT), &map, sizeof(map));
    fake_offer(fake, 0, segments, 2);
    fake_kick(fake, 0);
    cleanup_fd int fd = fake_serve_shmem(fake, 0, &place);
    if (fd < 0 || !fake_wait(fake, 0, &head, &written) ||
        answer->hdr.type != VIRTIO_GPU_RESP_OK_MAP_INFO || place.shmem_offset != offset ||
        place.size != size || fd_check_memory_file(fd, size) < 0) {
        return NULL;
    }
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

/* Send the words, with a fence on timeline `ring` of the context; the answer comes when it is done. */
static uint32_t
submit(struct rig *rig, uint32_t context, uint8_t ring, uint64_t fence)
{
    struct {
        struct virtio_gpu_cmd_submit request;
        uint32_t words[WORDS_MAX];
    } message = {.request = {.hdr = {.ctx_id = context,
                                     .flags = VIRTIO_GPU_FLAG_FENCE | VIRTIO_GPU_FLAG_INFO_RING_IDX,
                                     .fence_id = fence,
                                     .ring_idx = ring},
                             .size = (uint32_t)(rig->n * sizeof(uint32_t))}};

    memcpy(message.words, rig->words, rig->n * sizeof(uint32_t));
    uint32_t type = card_ask(&rig->card, VIRTIO_GPU_CMD_SUBMIT_3D, &message,
                             sizeof(message.request) + rig->n * sizeof(uint32_t), NULL);
    rig->n = 0;
    const struct virtio_gpu_ctrl_hdr *header = rig->card.header;
    return header->fence_id == fence && header->ctx_id == context && header->ring_idx == ring ? type
                                                                                              : 0;
}

static bool
answered(const struct rig *rig)
{
    return load_le32(rig->replies) == ENUMERATE_INSTANCE_VERSION &&
           load_le32(rig->replies + 4) == 0 &&
           load_le32(rig->replies + 16) >= (1U << 22 | 1U << 12); /* Vulkan 1.1 */
}

static bool
start_context(struct rig *rig)
{
    rig->n = 0;
    rig->ring = NULL;
    rig->replies = NULL;
    if (!start(rig) || create_context(rig, CONTEXT) != OK) {
        return false;
    }
    rig->replies = make_memory(rig, REPLIES, PAGE, 0);
    rig->ring = make_memory(rig, RING, RING_SIZE, RING_AT);
    return rig->replies && rig->ring;
}

TAP_TEST(capset_is_there)
{
    struct rig rig;
    struct virtio_gpu_get_capset_info request = {.capset_index = 2};
    struct virtio_gpu_get_capset fill = {.capset_id = CAPSET};

    check(start(&rig));
    check_int(card_ask(&rig.card, VIRTIO_GPU_CMD_GET_CAPSET_INFO, &request, sizeof(request), NULL),
              VIRTIO_GPU_RESP_OK_CAPSET_INFO);
    const struct virtio_gpu_resp_capset_info *info = (const void *)rig.card.response;
    check_int(info->capset_id, CAPSET);
    check(info->capset_max_size >= 16);
    check_int(card_ask(&rig.card, VIRTIO_GPU_CMD_GET_CAPSET, &fill, sizeof(fill), NULL),
              VIRTIO_GPU_RESP_OK_CAPSET);
    /* The version of the wire format, 0 with virglrenderer 0.10, and of Vulkan's registry. */
    check(load_le32(rig.card.response + 24) <= 1 && load_le32(rig.card.response + 28) != 0);
    check_int(stop(&rig), 0);
}

TAP_TEST(commands_and_fences)
{
    struct rig rig;

    check(start_context(&rig));
    put_question(&rig);
    check_int(submit(&rig, CONTEXT, 0, 100), OK);
    check(answered(&rig));
    /* Contexts do not see each other, and one may go. */
    check_int(create_context(&rig, OTHER), OK);
    memset(rig.replies, 0, 32);
    put_question(&rig);
    (void)submit(&rig, OTHER, 0, 101);
    check(!answered(&rig));
    check_int(destroy_context(&rig, OTHER), OK);
    put_question(&rig);
    check_int(submit(&rig, CONTEXT, 0, 102), OK);
    check(answered(&rig));
    check_int(stop(&rig), 0);
}

/* What a Mesa guest does: commands in a ring of shared memory, which the server watches by itself. */
TAP_TEST(ring)
{
    struct rig rig;

    check(start_context(&rig));
    put32(&rig, CREATE_RING);
    put32(&rig, 0);
    put64(&rig, 1); /* the ring's name */
    put64(&rig, 1);
    put32(&rig, RING_CREATE_INFO);
    put64(&rig, 0);
    put32(&rig, 0);
    put32(&rig, RING);
    const uint64_t layout[] = {0,      RING_SIZE, 1000000,     HEAD, TAIL,
                               STATUS, BUFFER,    BUFFER_SIZE, 0,    0};
    for (size_t i = 0; i < ARRAY_SIZE(layout); i++) {
        put64(&rig, layout[i]);
    }
    check_int(submit(&rig, CONTEXT, 0, 200), OK);
    put_question(&rig);
    const uint32_t size = (uint32_t)(rig.n * sizeof(uint32_t));
    memcpy(rig.ring + BUFFER, rig.words, size);
    rig.n = 0;
    atomic_store((_Atomic uint32_t *)(void *)(rig.ring + TAIL), size);
    put32(&rig, NOTIFY_RING);
    put32(&rig, 0);
    put64(&rig, 1);
    put32(&rig, size);
    put32(&rig, 0);
    check_int(submit(&rig, CONTEXT, 0, 201), OK);
    const _Atomic uint32_t *head = (const _Atomic uint32_t *)(const void *)(rig.ring + HEAD);
    for (int i = 0; i < WAIT_MS && atomic_load(head) != size; i++) {
        (void)poll(NULL, 0, 1);
    }
    check_int(atomic_load(head), size);
    check(answered(&rig));
    check_int(stop(&rig), 0);
}

/* The text of /proc/PID/NAME; empty on failure. */
static void
read_proc(pid_t pid, const char *name, char *text, size_t size)
{
    char path[64];

    snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
    cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, size - 1);
    text[n < 0 ? 0 : n] = '\0';
}

/* As its namespace's end does: the server and the processes of its contexts. */
static void
kill_server(struct rig *rig)
{
    char name[64];
    char text[256];
    char *at = text;

    snprintf(name, sizeof(name), "task/%d/children", rig->server);
    read_proc(rig->server, name, text, sizeof(text));
    for (long worker = strtol(at, &at, 10); worker > 0; worker = strtol(at, &at, 10)) {
        kill((pid_t)worker, SIGKILL);
    }
    kill(rig->server, SIGKILL);
    waitpid(rig->server, NULL, 0);
    rig->server = 0;
}

/* Ticks of the processor that the card has used: proc(5), fields 14 and 15. */
static unsigned long
ticks_of_card(const struct rig *rig)
{
    char text[1024];
    char *at = text;

    read_proc(rig->card.fake.pid, "stat", text, sizeof(text));
    for (int field = 1; field < 14 && at; field++) {
        at = strchr(at, ' ');
        at += at != NULL;
    }
    if (!at) {
        return 0;
    }
    unsigned long user = strtoul(at, &at, 10);
    return user + strtoul(at, NULL, 10);
}

/* Whether it comes to rest: a thread that turns in circles never does. */
static bool
comes_to_rest(const struct rig *rig)
{
    for (int i = 0; i < WAIT_MS / 500; i++) {
        unsigned long before = ticks_of_card(rig);

        (void)poll(NULL, 0, 500);
        if (ticks_of_card(rig) - before <= 2) {
            return true;
        }
    }
    return false;
}

TAP_TEST(server_dies)
{
    struct rig rig;
    struct virtio_gpu_rect all = RECT(0, 0, 64, 64);

    check(start_context(&rig));
    check(create_context(&rig, OTHER) == OK && destroy_context(&rig, OTHER) == OK);
    kill_server(&rig);
    check(comes_to_rest(&rig));
    /* Fences still end, so that the guest's programs can; new contexts cannot be had. */
    for (uint64_t fence = 300; fence < 400; fence++) {
        put_question(&rig);
        (void)submit(&rig, CONTEXT, 0, fence);
        check(rig.card.header->fence_id == fence);
    }
    check(create_context(&rig, OTHER) != OK);
    check_int(destroy_context(&rig, CONTEXT), OK);
    /* The screen goes on. */
    check_int(card_create_2d(&rig.card, 5, 64, 64), OK);
    check_int(card_attach(&rig.card, 5, UINT64_C(64) * 64 * 4), OK);
    check_int(card_set_scanout(&rig.card, 0, 5, all), OK);
    check_int(card_transfer(&rig.card, 5, all, 0), OK);
    check_int(card_flush(&rig.card, 5, all), OK);
    check_int(stop(&rig), 0);
}

/* Lost memory stays in the window until the guest takes it out; here it forgets it altogether. */
static bool
unref_memory(struct rig *rig, uint32_t id, uint64_t offset)
{
    struct virtio_gpu_resource_unref request = {.hdr.type = VIRTIO_GPU_CMD_RESOURCE_UNREF,
                                                .resource_id = id};
    struct fake *fake = &rig->card.fake;
    const struct fake_segment segments[] = {
        {REQUEST_AT, sizeof(request), false},
        {RESPONSE_AT, sizeof(struct virtio_gpu_ctrl_hdr), true}};
    const struct virtio_gpu_ctrl_hdr *answer = fake_ram(fake, RESPONSE_AT);
    struct vhost_mmap place;
    uint16_t head;
    uint32_t written;

    memcpy(fake_ram(fake, REQUEST_AT), &request, sizeof(request));
    fake_offer(fake, 0, segments, 2);
    fake_kick(fake, 0);
    return fake_serve_shmem(fake, 0, &place) == -1 && place.shmem_offset == offset &&
           fake_wait(fake, 0, &head, &written) && answer->type == OK;
}

TAP_TEST(a_restart_ends_contexts)
{
    struct rig rig;
    struct gpu_restarted restarted;
    struct virtio_gpu_resource_map_blob map = {.resource_id = RING, .offset = RING_AT};
    struct virtio_gpu_resource_unmap_blob unmap = {.resource_id = 4242};

    check(start_context(&rig) && card_say_hello(&rig.card));
    put_question(&rig);
    check_int(submit(&rig, CONTEXT, 0, 600), OK);
    check(card_restart(&rig.card, &restarted));
    check(restarted.error == 0 && restarted.contexts == 1 && restarted.resources == 2);
    for (uint64_t fence = 601; fence < 650; fence++) {
        put_question(&rig);
        check_int(submit(&rig, CONTEXT, fence % 64, fence), VIRTIO_GPU_RESP_ERR_INVALID_CONTEXT_ID);
    }
    /* The guest's programs still look at it. */
    check_int(card_ask(&rig.card, VIRTIO_GPU_CMD_RESOURCE_MAP_BLOB, &map, sizeof(map), NULL),
              VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER);
    check_int(card_ask(&rig.card, VIRTIO_GPU_CMD_RESOURCE_UNMAP_BLOB, &unmap, sizeof(unmap), NULL),
              VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID);
    check(unref_memory(&rig, REPLIES, 0) && unref_memory(&rig, RING, RING_AT));
    /* The next program. */
    check_int(create_context(&rig, CONTEXT), OK);
    rig.replies = make_memory(&rig, REPLIES, PAGE, 0);
    check(rig.replies && !answered(&rig));
    put_question(&rig);
    check_int(submit(&rig, CONTEXT, 0, 650), OK);
    check(answered(&rig));
    check_int(stop(&rig), 0);
}

TAP_TEST(bad_numbers_are_refused)
{
    struct rig rig;
    struct virtio_gpu_resource_create_blob bad = {.hdr.ctx_id = CONTEXT,
                                                  .resource_id = 9,
                                                  .blob_mem = VIRTIO_GPU_BLOB_MEM_HOST3D,
                                                  .blob_flags = 1,
                                                  .blob_id = 12345, /* no such memory */
                                                  .size = PAGE};

    check(start_context(&rig));
    check(card_ask(&rig.card, VIRTIO_GPU_CMD_RESOURCE_CREATE_BLOB, &bad, sizeof(bad), NULL) != OK);
    bad.blob_id = 0;
    bad.size = UINT64_MAX - 4095;
    check(card_ask(&rig.card, VIRTIO_GPU_CMD_RESOURCE_CREATE_BLOB, &bad, sizeof(bad), NULL) != OK);
    bad.size = UINT64_C(1) << 40;
    check(card_ask(&rig.card, VIRTIO_GPU_CMD_RESOURCE_CREATE_BLOB, &bad, sizeof(bad), NULL) != OK);
    bad.size = MEMORY_LIMIT; /* some of which is taken */
    check_int(card_ask(&rig.card, VIRTIO_GPU_CMD_RESOURCE_CREATE_BLOB, &bad, sizeof(bad), NULL),
              VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY);
    bad.size = MEMORY_LIMIT / 2;
    for (int i = 0; i < 4; i++) { /* what is given back can be had again */
        check_int(card_ask(&rig.card, VIRTIO_GPU_CMD_RESOURCE_CREATE_BLOB, &bad, sizeof(bad), NULL),
                  OK);
        check_int(card_unref(&rig.card, 9), OK);
    }
    /* Nonsense ends what its context draws, and nothing else. */
    for (int i = 0; i < WORDS_MAX; i++) {
        put32(&rig, 0xffffffff);
    }
    (void)submit(&rig, CONTEXT, 63, 500);
    check(rig.card.header->fence_id == 500);
    check_int(create_context(&rig, OTHER), OK);
    check_int(destroy_context(&rig, OTHER), OK);
    check_int(stop(&rig), 0);
}

/* Each is a process with memory of its own: so many, and no more; other kinds are not counted. */
TAP_TEST(contexts_have_a_limit)
{
    struct rig rig;
    struct virtio_gpu_ctx_create drawing = {
        .hdr.ctx_id = 100, .nlen = 4, .context_init = 2, .debug_name = "virg"};

    check(start(&rig));
    for (int again = 0; again < 3; again++) {
        for (uint32_t id = 1; id <= VULKAN_CONTEXTS; id++) {
            check_int(create_context(&rig, id), OK);
        }
        check_int(create_context(&rig, OTHER), VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY);
        check_int(card_ask(&rig.card, VIRTIO_GPU_CMD_CTX_CREATE, &drawing, sizeof(drawing), NULL),
                  OK);
        drawing.hdr.ctx_id++;
        check_int(destroy_context(&rig, 1), OK); /* what is given back can be had again */
        check_int(create_context(&rig, OTHER), OK);
        check_int(destroy_context(&rig, OTHER), OK);
        for (uint32_t id = 2; id <= VULKAN_CONTEXTS; id++) {
            check_int(destroy_context(&rig, id), OK);
        }
    }
    check_int(stop(&rig), 0);
}

static const struct tap_case cases[] = {TAP_CASE(capset_is_there),
                                        TAP_CASE(commands_and_fences),
                                        TAP_CASE(ring),
                                        TAP_CASE(server_dies),
                                        TAP_CASE(a_restart_ends_contexts),
                                        TAP_CASE(bad_numbers_are_refused),
                                        TAP_CASE(contexts_have_a_limit)};

int
main(void)
{
    if (access("/usr/libexec/virgl_render_server", X_OK) < 0) {
        puts("1..0 # SKIP virgl-server is not installed");
        return 0;
    }
    return tap_run(cases, ARRAY_SIZE(cases));
}
