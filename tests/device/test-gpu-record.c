/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a card writes down about its guest, the same played again, and faults on purpose. */

#include "tests/unit/tap.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/device/gpu-card.h"
#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"
#include "vmm/devices/gpu/record-format.h"
#include "vmm/protocol/start.h"

enum {
    OK = VIRTIO_GPU_RESP_OK_NODATA,
    EDGE = 96,
    SIZE = EDGE * EDGE * 4,
    TEXT_SIZE = 4096,
    FILE_FD = 3,
};

static struct gpu_setup
plain_setup(void)
{
    return (struct gpu_setup){.wayland_fd = -1, .record_fd = -1, .udmabuf_fd = -1};
}

static bool
start_recorded(struct card *card, uint32_t level, int file)
{
    struct gpu_setup setup = plain_setup();

    setup.level = level;
    setup.record_fd = FAKE_FD_MORE + 1;
    return card_start_setup(card, setup, file);
}

/* The card's own program plays the file: its exit status, and what it said. */
static int
replay(const char *level, int file, char text[static TEXT_SIZE])
{
    const char *program = getenv("VMM_GPU");
    const char *flags = getenv("FAKE_NO_JAIL") ? "2" : "1";
    size_t used = 0;
    int status = 0;
    int output[2];
    ssize_t n;

    _Static_assert(START_FLAG_NO_NAMESPACES == 1 && START_FLAG_NO_JAIL == 2, "as above");
    if (!program || pipe2(output, O_CLOEXEC) < 0) {
        return -1;
    }
    pid_t pid = fork();
    if (pid == 0) {
        dup2(output[1], STDOUT_FILENO);
        dup2(output[1], STDERR_FILENO);
        int copy = fcntl(file, F_DUPFD, FILE_FD + 1);
        dup2(copy, FILE_FD);
        execl(program, "vmm-gpu", "--replay", level, flags, (char *)NULL);
        _exit(127);
    }
    close(output[1]);
    while (used < TEXT_SIZE - 1 && (n = read(output[0], text + used, TEXT_SIZE - 1 - used)) > 0) {
        used += (size_t)n;
    }
    text[used] = '\0';
    close(output[0]);
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static uint64_t
sum_of(const uint8_t *pixels)
{
    uint64_t sum = UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < SIZE; i++) {
        sum = (sum ^ (i % 4 == 3 ? 0 : pixels[i])) * UINT64_C(0x100000001b3);
    }
    return sum;
}

static bool
shows_sum(const char *text, const uint8_t *pixels)
{
    char line[64];

    snprintf(line, sizeof(line), "screen 1, %d x %d, %016llx\n", EDGE, EDGE,
             (unsigned long long)sum_of(pixels));
    if (!strstr(text, line)) {
        printf("# wanted %s# in: %s", line, text);
        return false;
    }
    return true;
}

TAP_TEST(a_desktop_in_2d)
{
    const struct virtio_gpu_rect all = RECT(0, 0, EDGE, EDGE);
    struct card card;
    static struct shown shown;
    static char text[TEXT_SIZE];
    int file = memfd_create("recording", MFD_CLOEXEC);

    check(start_recorded(&card, GPU_LEVEL_2D, file) && card_say_hello(&card));
    check_int(card_create_2d(&card, 7, EDGE, EDGE), OK);
    check_int(card_attach(&card, 7, SIZE), OK);
    card_paint(&card, SIZE, 1);
    check_int(card_transfer(&card, 7, all, 0), OK);
    check_int(card_set_scanout(&card, 0, 7, all), OK);
    check_int(card_flush(&card, 7, all), OK);
    check_int(card_next(&card, &shown), GPU_BUFFER);
    const uint8_t *pixels = shown_map(&shown);
    check(pixels);
    *card_pixel(&card, SIZE, 4096 + 5) ^= 0xff; /* one byte of one page */
    check_int(card_transfer(&card, 7, RECT(0, 8, EDGE, 8), 8UL * EDGE * 4), OK);
    check_int(card_flush(&card, 7, all), OK);
    check_int(card_transfer(&card, 9, all, 0), VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID);
    check_int(card_stop(&card), 0);

    off_t size = lseek(file, 0, SEEK_END);
    check(size > SIZE && size < SIZE + 8192); /* what did not change is not told twice */
    check_int(replay("2d", file, text), 0);
    check(shows_sum(text, pixels));
    check(strstr(text, "frames            2\n"));
    check(strstr(text, "requests          8 (1 failed)\n"));
    close(file);
}

/* A context paints texture 5: no pixel of it ever was in guest memory. */
static bool
paint_in_3d(struct card *card)
{
    const uint32_t words[] = {1 | 8 << 8 | 5 << 16,
                              105,
                              5,
                              1,
                              0,
                              0, /* a surface of it */
                              5 | 3 << 16,
                              1,
                              0,
                              105, /* to draw to */
                              7 | 8 << 16,
                              4,
                              0x3f800000, /* clear */
                              0,
                              0x3e800000,
                              0x3f800000,
                              0,
                              0,
                              0};
    struct virtio_gpu_ctx_create context = {.hdr.ctx_id = 1, .nlen = 4, .context_init = 2};
    struct virtio_gpu_ctx_resource attach = {.hdr.ctx_id = 1, .resource_id = 5};
    struct virtio_gpu_resource_create_3d texture = {.resource_id = 5,
                                                    .target = 2,
                                                    .format = 1,
                                                    .bind = 1 << 1 | 1 << 3,
                                                    .width = EDGE,
                                                    .height = EDGE,
                                                    .depth = 1,
                                                    .array_size = 1};
    struct {
        struct virtio_gpu_cmd_submit request;
        uint32_t words[ARRAY_SIZE(words)];
    } submit = {.request = {.hdr = {.ctx_id = 1, .flags = VIRTIO_GPU_FLAG_FENCE, .fence_id = 3},
                            .size = sizeof(words)}};

    memcpy(submit.words, words, sizeof(words));
    return card_ask(card, VIRTIO_GPU_CMD_CTX_CREATE, &context, sizeof(context), NULL) == OK &&
           card_ask(card, VIRTIO_GPU_CMD_RESOURCE_CREATE_3D, &texture, sizeof(texture), NULL) ==
               OK &&
           card_ask(card, VIRTIO_GPU_CMD_CTX_ATTACH_RESOURCE, &attach, sizeof(attach), NULL) ==
               OK &&
           card_ask(card, VIRTIO_GPU_CMD_SUBMIT_3D, &submit, sizeof(submit), NULL) == OK;
}

TAP_TEST(a_context)
{
    struct card card;
    static struct shown shown;
    static char text[TEXT_SIZE];
    int file = memfd_create("recording", MFD_CLOEXEC);

    check(start_recorded(&card, GPU_LEVEL_SOFT, file) && card_say_hello(&card));
    check(paint_in_3d(&card));
    check_int(card_set_scanout(&card, 0, 5, RECT(0, 0, EDGE, EDGE)), OK);
    check_int(card_flush(&card, 5, RECT(0, 0, EDGE, EDGE)), OK);
    check_int(card_next(&card, &shown), GPU_BUFFER);
    const uint8_t *pixels = shown_map(&shown);
    check(pixels && load_le32(pixels) == 0xffff0040 && load_le32(pixels + SIZE - 4) == 0xffff0040);
    check_int(card_stop(&card), 0);

    check_int(replay("soft", file, text), 0);
    check(shows_sum(text, pixels));
    check(strstr(text, "(0 failed)\n"));
    check_int(replay("2d", file, text), 0); /* a card without 3D says so, and the player goes on */
    check(!strstr(text, "(0 failed)\n") && !strstr(text, "last picture"));
    close(file);
}

static bool
refused(const char *why, const void *data, size_t size)
{
    static char text[TEXT_SIZE];
    int file = memfd_create("recording", MFD_CLOEXEC);
    bool ok =
        fd_write_full(file, data, size) == 0 && replay("2d", file, text) == 1 && strstr(text, why);

    if (!ok) {
        printf("# wanted “%s”, it says “%s”\n", why, text);
    }
    close(file);
    return ok;
}

TAP_TEST(files_that_are_none)
{
    struct {
        struct record_header header;
        struct record_entry entry;
        uint8_t rest[24];
    } file = {.header = {.magic = RECORD_MAGIC,
                         .version = RECORD_VERSION,
                         .n_scanouts = 1,
                         .width = 640,
                         .height = 480},
              .entry = {.kind = 77}};

    check(refused("it is empty or cannot be read", "", 0));
    check(refused("it is too short", "VITGPU", 6));
    check(refused("the recording is damaged", &file, sizeof(file)));
    file.entry = (struct record_entry){.kind = RECORD_CONTROL, .size = UINT32_MAX};
    check(refused("the recording is damaged", &file, sizeof(file)));
    file.entry.size = 23;
    check(refused("the recording is damaged", &file, sizeof(file)));
    file.header.n_scanouts = 17;
    check(refused("its header is damaged", &file, sizeof(file)));
    file.header.version = 2;
    check(refused("another version of Vitrine made it", &file, sizeof(file)));
    file.header.magic[0] = 'X';
    check(refused("it is no recording of a graphics card", &file, sizeof(file)));
}

static bool
start_faulty(struct card *card, uint32_t fault, uint32_t every)
{
    struct gpu_setup setup = plain_setup();

    setup.fault = fault;
    setup.fault_every = every;
    return card_start_setup(card, setup, -1);
}

TAP_TEST(every_third_resource_finds_no_memory)
{
    struct card card;

    check(start_faulty(&card, GPU_FAULT_NO_MEMORY, 3));
    for (uint32_t id = 1; id <= 9; id++) {
        check_int(card_create_2d(&card, id, 16, 16),
                  id % 3 == 0 ? VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY : OK);
    }
    check_int(card_stop(&card), 0);
}

TAP_TEST(every_second_drawing_command_gets_lost)
{
    const struct virtio_gpu_rect all = RECT(0, 0, EDGE, EDGE);
    struct card card;
    static struct shown shown;

    check(start_faulty(&card, GPU_FAULT_LOST_COMMAND, 2) && card_say_hello(&card));
    check_int(card_create_2d(&card, 7, EDGE, EDGE), OK);
    check_int(card_attach(&card, 7, SIZE), OK);
    card_paint(&card, SIZE, 1);
    check_int(card_set_scanout(&card, 0, 7, all), OK);
    check_int(card_next(&card, &shown), GPU_BUFFER);
    check_int(card_next(&card, &shown), GPU_SCANOUT);
    check_int(card_transfer(&card, 7, all, 0), OK);
    check_int(card_flush(&card, 7, all), OK); /* as if it had been done */
    check_int(card_next(&card, &shown), 0);
    check_int(card_transfer(&card, 9, all, 0), VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID);
    check_int(card_transfer(&card, 9, all, 0), OK);
    check_int(card_flush(&card, 7, all), OK);
    check_int(card_next(&card, &shown), GPU_UPDATE);
    check_int(card_stop(&card), 0);
}

static int64_t
now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

TAP_TEST(every_second_fence_is_late)
{
    struct virtio_gpu_get_capset_info request = {0};
    struct card card;

    check(start_faulty(&card, GPU_FAULT_LATE_FENCE, 2));
    for (int i = 1; i <= 4; i++) {
        int64_t start = now_ms();

        request.hdr.flags = VIRTIO_GPU_FLAG_FENCE;
        request.hdr.fence_id = (uint64_t)i;
        check(card_ask(&card, VIRTIO_GPU_CMD_GET_DISPLAY_INFO, &request.hdr, sizeof(request.hdr),
                       NULL) == VIRTIO_GPU_RESP_OK_DISPLAY_INFO);
        check_int(card.header->fence_id, i);
        check(i % 2 == 1 || now_ms() - start >= 90);
    }
    check_int(card_stop(&card), 0);
}

TAP_MAIN(TAP_CASE(a_desktop_in_2d), TAP_CASE(a_context), TAP_CASE(files_that_are_none),
         TAP_CASE(every_third_resource_finds_no_memory),
         TAP_CASE(every_second_drawing_command_gets_lost), TAP_CASE(every_second_fence_is_late))
