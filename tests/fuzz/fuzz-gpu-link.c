/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A hostile vmm-gpu before vmm-display: messages that are nearly right, with files of all kinds.
 * What a screen then shows is read to its last byte, as for a client's picture.
 */

#include "display/gpu-link.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "display/picture.h"
#include "tests/fuzz/fuzz.h"
#include "vmm/base/assert.h"
#include "vmm/base/fd.h"
#include "vmm/base/message.h"

enum {
    FILE_SIZE = 16384,
    EDGE = 32,
    KIND_TEXTURE = 10,
    KIND_PIXELS = 11,
};

static union {
    struct start_header header;
    struct gpu_hello hello;
    struct gpu_buffer buffer;
    struct gpu_scanout scanout;
    struct gpu_update update;
    struct gpu_cursor cursor;
    struct gpu_cursor_move move;
    struct gpu_statistics statistics;
    struct gpu_mode display;
    struct gpu_texture texture;
    uint32_t words[8];
    uint8_t bytes[sizeof(struct gpu_cursor) + 8];
} message; /* NOLINT(cppcoreguidelines-avoid-non-const-global-variables): too large for a stack */

/* Sealed as it should be, not at all, only against growing, no memory at all, or none. */
static int
make_file(uint64_t kind)
{
    int fd;

    switch (kind % 8) {
    case 0:
        fd = memfd_create("loose", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        assert(ftruncate(fd, FILE_SIZE) == 0);
        return fd;
    case 1:
        fd = memfd_create("grow", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        assert(ftruncate(fd, FILE_SIZE) == 0 && fcntl(fd, F_ADD_SEALS, F_SEAL_GROW) == 0);
        return fd;
    case 2:
        return open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    case 3:
        return open("/dev/null", O_RDWR | O_CLOEXEC);
    default:
        return fd_memory_file("good", FILE_SIZE);
    }
}

static void
fill(struct fuzz_input *input, uint64_t how)
{
    switch (message.header.type) {
    case GPU_HELLO:
        message.hello.n_scanouts = (uint32_t)(how >> 8 & 3);
        break;
    case GPU_BUFFER:
    case GPU_BUFFER_GONE:
    case GPU_BUFFER_DMABUF:
        message.buffer.id = 1 + (uint32_t)(how >> 8 & 3);
        message.buffer.size = FILE_SIZE;
        break;
    case GPU_TEXTURE:
        message.texture.id = 1 + (uint32_t)(how >> 8 & 3);
        message.texture.width = EDGE;
        message.texture.height = EDGE;
        message.texture.stride = EDGE * 4;
        message.texture.format = GPU_FORMAT_AB24;
        break;
    case GPU_PIXELS:
    case GPU_SCANOUT:
        message.scanout.scanout = (uint32_t)(how >> 7 & 1);
        message.scanout.buffer = (uint32_t)(how >> 8 & 3);
        message.scanout.width = EDGE;
        message.scanout.height = EDGE;
        message.scanout.stride = EDGE * 4;
        message.scanout.format = GPU_FORMAT_XR24;
        break;
    case GPU_CURSOR:
        message.cursor.visible = 1;
        break;
    case GPU_DISPLAY:
        message.display.scanout = (uint32_t)(how >> 8 & 1);
        message.display.enabled = (uint32_t)(how >> 9 & 1);
        message.display.width = EDGE;
        message.display.height = EDGE;
        break;
    case GPU_STATISTICS:
        message.statistics.n_contexts = (uint32_t)(how >> 8 & 0xff);
        message.statistics.n_commands = (uint32_t)(how >> 8 & 0x7f);
        message.statistics.n_largest = (uint32_t)(how >> 9 & 0x7f);
        message.statistics.n_timelines = (uint32_t)(how >> 10 & 0x7f);
        memset(message.statistics.context, (int)(how >> 8), sizeof(message.statistics.context[0]));
        break;
    default:
        break;
    }
    for (uint64_t i = how >> 4 & 3; i > 0; i--) {
        static const uint32_t edges[] = {0,     1,     3,      31,     33,         127,
                                         16383, 16384, 0x4001, 0x7fff, 0x80000000, UINT32_MAX};
        uint64_t where = fuzz_take(input, 1);

        message.words[2 + where % 6] =
            where & 0x80 ? (uint32_t)fuzz_take(input, 4) : edges[(where >> 3) % ARRAY_SIZE(edges)];
    }
}

int wrap_check_dmabuf(int fd, uint64_t size) __asm__("__wrap_fd_check_dmabuf");

/* A dmabuf is a sealed memory file here: those who read it cannot tell. */
int
wrap_check_dmabuf(int fd, uint64_t size)
{
    return fd_check_memory_file(fd, size);
}

static uint32_t
choose_kind(uint64_t how)
{
    switch (how & 0xc7) {
    case 0xc7:
        return 9;
    case 0x87:
        return 8;
    case 0x47:
        return how & 8 ? KIND_TEXTURE : KIND_PIXELS;
    default:
        return (uint32_t)(how & 7);
    }
}

/* True when the link still stands. */
static bool
send_one(struct fuzz_input *input, int socket)
{
    static const uint32_t sizes[] = {
        sizeof(struct gpu_hello),       sizeof(struct gpu_buffer),     sizeof(struct gpu_buffer),
        sizeof(struct gpu_scanout),     sizeof(struct gpu_update),     sizeof(struct gpu_cursor),
        sizeof(struct gpu_cursor_move), sizeof(struct gpu_statistics), sizeof(struct gpu_mode),
        sizeof(struct gpu_restarted),   sizeof(struct gpu_texture),    sizeof(struct gpu_scanout)};
    uint64_t how = fuzz_take(input, 2);
    uint32_t kind = choose_kind(how);
    cleanup_fd int fd = kind == 1 || kind == KIND_TEXTURE ? make_file(how >> 10) : -1;

    memset(&message, 0, sizeof(message));
    message.header.type = kind == 1 && (how & 8) ? (uint32_t)GPU_BUFFER_DMABUF
                          : kind == 8            ? (uint32_t)GPU_DISPLAY
                          : kind == 9            ? (uint32_t)GPU_RESTARTED
                          : kind == KIND_TEXTURE ? (uint32_t)GPU_TEXTURE
                          : kind == KIND_PIXELS  ? (uint32_t)GPU_PIXELS
                                                 : GPU_HELLO + kind;
    message.header.size = sizes[kind];
    fill(input, how);
    if ((how & 0xfc00) == 0xfc00) { /* a wrong form ends the link */
        message.header.size = (uint32_t)fuzz_take(input, 2);
    }
    uint32_t size = MIN_OF(message.header.size, (uint32_t)sizeof(message));
    return message_send(socket, &message, size, &fd, fd >= 0) == 0;
}

static void
look(VmGpuLink *link)
{
    for (guint i = 0; i < vm_gpu_link_get_maximum(link); i++) {
        VmScreen *screen = vm_gpu_link_get_screen(link, i);

        if (!screen) {
            continue;
        }
        assert(vm_screen_get_mode(screen)->width - 1 < GPU_EDGE_MAX &&
               vm_screen_get_mode(screen)->height - 1 < GPU_EDGE_MAX);
        const VmScanout *scanout = vm_screen_get_scanout(screen);
        const VmCursorState *cursor = vm_screen_get_cursor(screen);
        g_autoptr(GError) error = NULL;
        VmPictureFile picture;

        assert(!cursor->visible ||
               (cursor->hot_x < GPU_CURSOR_SIZE && cursor->hot_y < GPU_CURSOR_SIZE));
        if (!scanout->buffer) {
            continue;
        }
        assert(scanout->width > 0 && scanout->height > 0);
        if (vm_screen_shows_texture(screen)) {
            const struct gpu_texture *texture = &scanout->buffer->texture;

            assert((guint64)scanout->x + scanout->width <= texture->width &&
                   (guint64)scanout->y + scanout->height <= texture->height);
            assert(!vm_picture_copy(scanout, 64, 64, &picture, &error));
            continue;
        }
        assert(scanout->offset + (gsize)scanout->stride * scanout->height <= scanout->buffer->size);
        if (vm_picture_copy(scanout, 64, 64, &picture, &error)) {
            close(picture.fd);
        }
    }
}

static void
count_plugged(const struct gpu_mode *display, gpointer data)
{
    (*(guint *)data)++;
}

static void
count_restarted(const struct gpu_restarted *restarted, gpointer data)
{
    (*(guint *)data)++;
}

static void
count(const struct gpu_statistics *statistics, gpointer data)
{
    assert(!statistics ||
           (statistics->n_capsets <= GPU_CAPSETS_TOLD && statistics->n_frames <= GPU_FRAMES_TOLD &&
            statistics->n_commands <= GPU_COMMANDS_TOLD &&
            statistics->n_largest <= GPU_RESOURCES_TOLD &&
            statistics->n_timelines <= GPU_TIMELINES_TOLD));
    for (guint i = 0; statistics && i < statistics->n_contexts; i++) {
        assert(i < GPU_CONTEXTS_TOLD &&
               strlen(statistics->context[i].name) < GPU_CONTEXT_NAME_SIZE);
    }
    (*(guint *)data)++;
}

static void
ask_pixels(VmGpuLink *link)
{
    for (guint i = 0; i < vm_gpu_link_get_maximum(link); i++) {
        VmScreen *screen = vm_gpu_link_get_screen(link, i);

        if (screen && vm_screen_shows_texture(screen)) {
            vm_screen_ask_pixels(screen);
        }
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    guint asked = 0;
    guint answered = 0;
    int pair[2];

    assert(fd_socket_pair(SOCK_SEQPACKET, pair) == 0);
    assert(fd_set_nonblocking(pair[1]) == 0); /* a link that ended reads no more */
    VmGpuLink *link = vm_gpu_link_new(pair[0]);

    message.hello =
        (struct gpu_hello){.header = {GPU_HELLO, sizeof(message.hello)}, .n_scanouts = 2};
    assert(message_send(pair[1], &message, sizeof(message.hello), NULL, 0) == 0);
    for (uint32_t i = 0; i < 2; i++) {
        message.display = (struct gpu_mode){.header = {GPU_DISPLAY, sizeof(message.display)},
                                            .scanout = i,
                                            .enabled = 1,
                                            .width = EDGE,
                                            .height = EDGE};
        assert(message_send(pair[1], &message, sizeof(message.display), NULL, 0) == 0);
    }
    for (int i = 0; i < 64 && input.size > 0 && send_one(&input, pair[1]); i++) {
        vm_gpu_link_ask_statistics(link, count, &answered);
        vm_gpu_link_restart(link, count_restarted, &answered);
        ask_pixels(link);
        asked += 2;
        asked += vm_gpu_link_get_maximum(link) > 0 &&
                 vm_gpu_link_plug(link, &(struct gpu_mode){0}, count_plugged, &answered);
        while (g_main_context_iteration(NULL, FALSE)) {
        }
        look(link);
        while (recv(pair[1], &message, sizeof(message), 0) > 0) {
        }
    }
    g_object_unref(link);
    assert(answered == asked);
    close(pair[1]);
    return 0;
}
