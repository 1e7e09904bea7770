/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/devices/gpu/venus-test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"
#include "vmm/devices/gpu/resource.h"
#include "vmm/devices/gpu/virgl.h"

enum {
    CONTEXT = 1,
    CAPSET = 4,
    CAPSET_MAX = 4096,
    WIRE_FORMAT = 1,
    BLOB_HOST = 2, /* virtio 1.2 section 5.7.6.8 */
    BLOB_MAPPABLE = 1,

    /* Resources. */
    REPLIES = 1,
    MEMORY = 2,

    REPLIES_SIZE = 4096,
    MEMORY_SIZE = 65536,
    WORDS_MAX = 256,
    COMMAND_AT = 9, /* behind SET_REPLY_COMMAND_STREAM */
    DEVICES_MAX = 4,
    NAME_SIZE = 256,      /* VK_MAX_PHYSICAL_DEVICE_NAME_SIZE */
    MEMORY_TYPES_MAX = 32 /* VK_MAX_MEMORY_TYPES */
};

/* Commands, VkCommandTypeEXT. */
enum {
    CREATE_INSTANCE = 0,
    ENUMERATE_PHYSICAL_DEVICES = 2,
    GET_PHYSICAL_DEVICE_PROPERTIES = 6,
    GET_PHYSICAL_DEVICE_MEMORY_PROPERTIES = 8,
    CREATE_DEVICE = 11,
    ALLOCATE_MEMORY = 21,
    ENUMERATE_INSTANCE_VERSION = 137,
    SET_REPLY_COMMAND_STREAM = 178,
    WITH_REPLY = 1, /* VK_COMMAND_GENERATE_REPLY_BIT_EXT */
};

/* Structures and bits of Vulkan 1.1. */
enum {
    APPLICATION_INFO = 0,
    INSTANCE_CREATE_INFO = 1,
    DEVICE_QUEUE_CREATE_INFO = 2,
    DEVICE_CREATE_INFO = 3,
    MEMORY_ALLOCATE_INFO = 5,
    MEMORY_HOST_VISIBLE = 1 << 1,
    MEMORY_HOST_COHERENT = 1 << 2,
    VULKAN_1_1 = 1 << 22 | 1 << 12,
};

#define ONE     0x3f800000U /* 1.0f */
#define PATTERN 0x12345678U

/* Handles are the guest's to choose. */
enum {
    INSTANCE = 1,
    DEVICE = 2,
    DEVICE_MEMORY = 3,
    PHYSICAL_DEVICES = 16, /* and those after it */
};

struct test {
    struct renderer *renderer;
    uint8_t *replies; /* shared with the render server */
    uint8_t reply[REPLIES_SIZE];
    uint32_t words[WORDS_MAX];
    size_t n;
    char *why;
    size_t why_size;
};

static void
put32(struct test *test, uint32_t value)
{
    if (test->n < WORDS_MAX) {
        test->words[test->n++] = htole32(value);
    }
}

static void
put64(struct test *test, uint64_t value)
{
    put32(test, (uint32_t)value);
    put32(test, (uint32_t)(value >> 32));
}

/* A pointer that is there, and one that is not; the same words say "no elements". */
static void
put_pointer(struct test *test)
{
    put64(test, 1);
}

static void
put_null(struct test *test)
{
    put64(test, 0);
}

static void
begin(struct test *test, uint32_t command)
{
    test->n = 0;
    put32(test, SET_REPLY_COMMAND_STREAM);
    put32(test, 0);
    put_pointer(test);
    put32(test, REPLIES);
    put64(test, 0);
    put64(test, REPLIES_SIZE);
    put32(test, command);
    put32(test, WITH_REPLY);
}

static void
begin_structure(struct test *test, uint32_t type)
{
    put_pointer(test);
    put32(test, type);
    put_null(test); /* pNext */
}

/* Send what was put and copy the answer, which begins with the command. 0 or -EIO. */
static int
ask(struct test *test)
{
    const uint32_t command = test->words[COMMAND_AT];

    memset(test->replies, 0xff, REPLIES_SIZE);
    if (test->renderer->ops->submit(test->renderer, CONTEXT, test->words,
                                    (uint32_t)(test->n * sizeof(uint32_t))) < 0 ||
        virgl_finish(test->renderer, CONTEXT) < 0) {
        return -EIO;
    }
    memcpy(test->reply, test->replies, REPLIES_SIZE);
    return memcmp(test->reply, &command, sizeof(command)) == 0 ? 0 : -EIO;
}

/* The same for a command with a VkResult, which follows. */
static int
ask_result(struct test *test)
{
    return ask(test) == 0 && load_le32(test->reply + 4) == 0 ? 0 : -EIO;
}

static int
fail(struct test *test, const char *why)
{
    snprintf(test->why, test->why_size, "%s", why);
    return -EIO;
}

static int
make_blob(struct test *test, uint32_t id, uint64_t blob_id, uint64_t size, int *ret_fd)
{
    const struct renderer_blob blob = {.context = CONTEXT,
                                       .memory = BLOB_HOST,
                                       .flags = BLOB_MAPPABLE,
                                       .blob_id = blob_id,
                                       .size = size};
    struct resource resource = {.id = id, .kind = RESOURCE_HOST_BLOB, .renderer = test->renderer};
    const struct renderer_ops *ops = test->renderer->ops;
    uint32_t map_info;
    int r = ops->create_blob(test->renderer, id, &blob);

    r = r < 0 ? r : ops->attach(test->renderer, CONTEXT, &resource);
    return r < 0 ? r : ops->export_blob(test->renderer, id, ret_fd, &map_info);
}

/* The Mesa of current guests (25.0 checks it) wants wire format 1, which virglrenderer has from 1.0 on. */
static int
check_wire_format(struct test *test)
{
    const struct renderer_ops *ops = test->renderer->ops;
    struct renderer_capset capset = {0};
    uint8_t data[CAPSET_MAX];

    for (unsigned int i = 0; capset.id != CAPSET; i++) {
        if (!ops->capset(test->renderer, i, &capset)) {
            return fail(test, "virglrenderer was built without Vulkan");
        }
    }
    if (capset.size < sizeof(uint32_t) || capset.size > sizeof(data)) {
        return fail(test, "virglrenderer does not say which Vulkan it speaks");
    }
    ops->fill_capset(test->renderer, &capset, data);
    if (load_le32(data) < WIRE_FORMAT) {
        return fail(test, "the installed virglrenderer is too old for the Vulkan driver of current "
                          "guests; it takes version 1.0 or newer");
    }
    return 0;
}

static int
open_replies(struct test *test)
{
    cleanup_fd int fd = -1;
    void *memory = MAP_FAILED;

    if (make_blob(test, REPLIES, 0, REPLIES_SIZE, &fd) == 0) {
        memory = mmap(NULL, REPLIES_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    }
    if (memory == MAP_FAILED) {
        return fail(test, "the Vulkan renderer shares no memory");
    }
    test->replies = memory;
    return 0;
}

static int
create_instance(struct test *test)
{
    begin(test, ENUMERATE_INSTANCE_VERSION);
    put_pointer(test);
    if (ask_result(test) < 0) {
        return fail(test, "the Vulkan renderer does not answer");
    }
    if (load_le32(test->reply + 16) < VULKAN_1_1) {
        return fail(test, "the host's Vulkan is older than 1.1");
    }
    begin(test, CREATE_INSTANCE);
    begin_structure(test, INSTANCE_CREATE_INFO);
    put32(test, 0); /* flags */
    begin_structure(test, APPLICATION_INFO);
    put_null(test); /* name */
    put32(test, 0);
    put_null(test); /* engine */
    put32(test, 0);
    put32(test, VULKAN_1_1);
    for (int i = 0; i < 2; i++) { /* layers, extensions */
        put32(test, 0);
        put_null(test);
    }
    put_null(test); /* allocator */
    put_pointer(test);
    put64(test, INSTANCE);
    return ask_result(test) < 0 ? fail(test, "the host's Vulkan does not start") : 0;
}

static int
find_devices(struct test *test, uint32_t *ret_n)
{
    begin(test, ENUMERATE_PHYSICAL_DEVICES);
    put64(test, INSTANCE);
    put_pointer(test);
    put32(test, DEVICES_MAX);
    put64(test, DEVICES_MAX);
    for (uint32_t i = 0; i < DEVICES_MAX; i++) {
        put64(test, PHYSICAL_DEVICES + i);
    }
    if (ask(test) < 0) { /* VK_INCOMPLETE is fine too */
        return fail(test, "the host's Vulkan drivers do not answer");
    }
    *ret_n = MIN_OF(load_le32(test->reply + 16), (uint32_t)DEVICES_MAX);
    return *ret_n == 0 || (int32_t)load_le32(test->reply + 4) < 0
               ? fail(test, "the host has no Vulkan driver; install mesa-vulkan-drivers")
               : 0;
}

static void
make_printable(char *name)
{
    for (; *name; name++) {
        if (*name < 0x20 || *name == 0x7f) {
            *name = '?';
        }
    }
}

static void
read_name(struct test *test, uint64_t device, char name[static NAME_SIZE])
{
    snprintf(name, NAME_SIZE, "the Vulkan driver");
    begin(test, GET_PHYSICAL_DEVICE_PROPERTIES);
    put64(test, device);
    put_pointer(test);
    if (ask(test) == 0) {
        memcpy(name, test->reply + 40, NAME_SIZE); /* after five words and the length */
        name[NAME_SIZE - 1] = '\0';
        make_printable(name);
    }
}

static int
create_device(struct test *test, uint64_t device)
{
    begin(test, CREATE_DEVICE);
    put64(test, device);
    begin_structure(test, DEVICE_CREATE_INFO);
    put32(test, 0); /* flags */
    put32(test, 1);
    put64(test, 1);
    put32(test, DEVICE_QUEUE_CREATE_INFO);
    put_null(test); /* pNext */
    put32(test, 0);
    put32(test, 0); /* the first family of queues */
    put32(test, 1);
    put64(test, 1);
    put32(test, ONE);
    for (int i = 0; i < 2; i++) { /* layers, extensions */
        put32(test, 0);
        put_null(test);
    }
    put_null(test); /* features */
    put_null(test); /* allocator */
    put_pointer(test);
    put64(test, DEVICE);
    return ask_result(test);
}

/* The first type that the guest can map, or -1. */
static int
find_memory_type(struct test *test, uint64_t device)
{
    const uint32_t wanted = MEMORY_HOST_VISIBLE | MEMORY_HOST_COHERENT;

    begin(test, GET_PHYSICAL_DEVICE_MEMORY_PROPERTIES);
    put64(test, device);
    put_pointer(test);
    put64(test, MEMORY_TYPES_MAX);
    put64(test, 16); /* VK_MAX_MEMORY_HEAPS */
    if (ask(test) < 0) {
        return -1;
    }
    for (uint32_t i = 0; i < MIN_OF(load_le32(test->reply + 12), (uint32_t)MEMORY_TYPES_MAX); i++) {
        if ((load_le32(test->reply + 24 + (size_t)i * 8) & wanted) == wanted) {
            return (int)i;
        }
    }
    return -1;
}

static int
share_memory(struct test *test, uint64_t device)
{
    cleanup_fd int fd = -1;
    int type = find_memory_type(test, device);

    if (type < 0) {
        return -EIO;
    }
    begin(test, ALLOCATE_MEMORY);
    put64(test, DEVICE);
    begin_structure(test, MEMORY_ALLOCATE_INFO);
    put64(test, MEMORY_SIZE);
    put32(test, (uint32_t)type);
    put_null(test); /* allocator */
    put_pointer(test);
    put64(test, DEVICE_MEMORY);
    if (ask_result(test) < 0 || make_blob(test, MEMORY, DEVICE_MEMORY, MEMORY_SIZE, &fd) < 0) {
        return -EIO;
    }
    void *memory = mmap(NULL, MEMORY_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED) {
        return -EIO;
    }
    volatile uint32_t *word = memory;
    *word = PATTERN;
    int r = *word == PATTERN ? 0 : -EIO;
    munmap(memory, MEMORY_SIZE);
    return r;
}

static int
run(struct test *test, bool without_memory)
{
    char name[NAME_SIZE];
    uint32_t n = 0;
    int r = open_replies(test);

    r = r < 0 ? r : create_instance(test);
    r = r < 0 ? r : find_devices(test, &n);
    if (r < 0) {
        return r;
    }
    /* The first is the one that programs take, and the loader puts hardware before software. */
    read_name(test, PHYSICAL_DEVICES, name);
    if (create_device(test, PHYSICAL_DEVICES) < 0) {
        snprintf(test->why, test->why_size, "%.100s makes no device", name);
        return -EIO;
    }
    if (!without_memory && share_memory(test, PHYSICAL_DEVICES) < 0) {
        snprintf(
            test->why, test->why_size,
            "%.100s cannot share its memory as a dma-buf, which takes a graphics card's driver",
            name);
        return -EIO;
    }
    return 0;
}

int
venus_self_test(
    struct renderer *renderer, bool without_memory,
    char *why, /* NOLINT(readability-non-const-parameter): written through struct test */
    size_t size)
{
    const struct renderer_context context = {.id = CONTEXT, .capset = CAPSET, .name = "trial"};
    struct test test = {.renderer = renderer, .why = why, .why_size = size};

    if (renderer->ops->create_context(renderer, &context) < 0) {
        return fail(&test, "the Vulkan renderer makes no context");
    }
    int r = without_memory ? 0 : check_wire_format(&test);
    r = r < 0 ? r : run(&test, without_memory);
    if (test.replies) {
        munmap(test.replies, REPLIES_SIZE);
    }
    /* Its resources and Vulkan objects end with it. */
    renderer->ops->destroy_context(renderer, CONTEXT);
    return r;
}
