/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What zwp_linux_dmabuf_v1 tells clients: this kernel's device, and of what the host's compositor takes
 * the formats and layouts that pass either way.
 */

#include <errno.h>
#include <sys/mman.h>

#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"
#include "vmm/base/memory.h"
#include "vmm/guest/wayland-proxy/dmabuf-formats.h"
#include "vmm/guest/wayland-proxy/session-private.h"

#define FOURCC(a, b, c, d) \
    ((uint32_t)(a) | (uint32_t)(b) << 8 | (uint32_t)(c) << 16 | (uint32_t)(d) << 24)

enum {
    TABLE_MAX = 65536, /* entries that an index reaches */
};

#define ONE_PLANE(bytes) \
    {                    \
        {                \
            bytes, 1, 1  \
        }                \
    }

const struct dmabuf_format dmabuf_formats[DMABUF_FORMATS] = {
    {FOURCC('A', 'R', '2', '4'), ONE_PLANE(4)},
    {FOURCC('X', 'R', '2', '4'), ONE_PLANE(4)},
    {FOURCC('A', 'B', '2', '4'), ONE_PLANE(4)},
    {FOURCC('X', 'B', '2', '4'), ONE_PLANE(4)},
    {FOURCC('A', 'R', '3', '0'), ONE_PLANE(4)},
    {FOURCC('X', 'R', '3', '0'), ONE_PLANE(4)},
    {FOURCC('A', 'B', '3', '0'), ONE_PLANE(4)},
    {FOURCC('X', 'B', '3', '0'), ONE_PLANE(4)},
    {FOURCC('R', 'G', '1', '6'), ONE_PLANE(2)},
    {FOURCC('A', 'B', '4', 'H'), ONE_PLANE(8)},
    {FOURCC('X', 'B', '4', 'H'), ONE_PLANE(8)},
    /* Of videos: brightness, then colour for each four pixels. */
    {FOURCC('N', 'V', '1', '2'), {{1, 1, 1}, {2, 2, 2}}},
    {FOURCC('N', 'V', '2', '1'), {{1, 1, 1}, {2, 2, 2}}},
    {FOURCC('P', '0', '1', '0'), {{2, 1, 1}, {4, 2, 2}}},
    {FOURCC('Y', 'U', '1', '2'), {{1, 1, 1}, {1, 2, 2}, {1, 2, 2}}},
    {FOURCC('Y', 'V', '1', '2'), {{1, 1, 1}, {1, 2, 2}, {1, 2, 2}}},
};

/* The format_table event's; as the protocol has it. */
struct table_entry {
    uint32_t format;
    uint32_t pad;
    uint64_t modifier;
};

/* zwp_linux_dmabuf_v1: formats that the client was told of there */
struct told {
    bool format[DMABUF_FORMATS];
};

/* zwp_linux_dmabuf_feedback_v1: the host's table, 0 or the number of the format + 1 */
struct feedback {
    uint32_t n;
    uint8_t offers[TABLE_MAX];
    uint8_t format[TABLE_MAX];
};

size_t
dmabuf_format_find(uint32_t fourcc)
{
    size_t i = 0;

    while (i < DMABUF_FORMATS && dmabuf_formats[i].fourcc != fourcc) {
        i++;
    }
    return i;
}

uint64_t
dmabuf_row(const struct plane_shape *plane, uint32_t width)
{
    return plane->bytes == 0 ? 0 : ((uint64_t)width + plane->x - 1) / plane->x * plane->bytes;
}

uint64_t
dmabuf_rows(const struct plane_shape *plane, uint32_t height)
{
    return plane->bytes == 0 ? 0 : ((uint64_t)height + plane->y - 1) / plane->y;
}

unsigned int
dmabuf_offer_of(uint64_t modifier)
{
    return modifier == MODIFIER_LINEAR    ? OFFERS_LINEAR
           : modifier == MODIFIER_INVALID ? OFFERS_INVALID
                                          : 0;
}

/* Those of several planes are copied always: a texture of the host's is one. */
static bool
may_be_told(const struct session *session, size_t format)
{
    return format < DMABUF_FORMATS &&
           (session->channel.makes_dmabufs || dmabuf_formats[format].plane[1].bytes == 0);
}

/* What the host has, before version 4: the formats alone, or with their layouts. */
static int
on_format(struct session *session, const struct wire_call *call)
{
    return may_be_told(session, dmabuf_format_find(call->value[0].word)) ? 0 : 1;
}

static int
send_modifier(struct session *session, uint32_t id, uint32_t fourcc, uint64_t modifier)
{
    struct wire_writer writer;

    wire_begin(&writer, id, WIRE_ZWP_LINUX_DMABUF_V1_EVENT_MODIFIER);
    wire_put(&writer, fourcc);
    wire_put(&writer, (uint32_t)(modifier >> 32));
    wire_put(&writer, (uint32_t)modifier);
    int size = wire_end(&writer);
    return session_to_client(session, writer.bytes, (size_t)size, NULL, 0);
}

/* Either layout of the two is as good as the other here: a client is told of both, once. */
static int
on_modifier(struct session *session, const struct wire_call *call)
{
    const uint64_t modifier = (uint64_t)call->value[1].word << 32 | call->value[2].word;
    const size_t format = dmabuf_format_find(call->value[0].word);
    const unsigned int offer = dmabuf_offer_of(modifier);
    struct told *told = call->object->data;

    if (!may_be_told(session, format) || offer == 0 || call->object->dead) {
        return 1;
    }
    session->dmabuf_offered[format] |= (uint8_t)offer;
    if (!told) {
        told = xalloc(sizeof(*told));
        session_set_data(session, call->id, told);
    }
    if (told->format[format]) {
        return 1;
    }
    told->format[format] = true;
    int r = send_modifier(session, call->id, dmabuf_formats[format].fourcc, MODIFIER_LINEAR);
    r = r < 0 ? r
              : send_modifier(session, call->id, dmabuf_formats[format].fourcc, MODIFIER_INVALID);
    return r < 0 ? r : 1;
}

/* The host's table; empty when it cannot be read. */
static void
read_table(struct feedback *feedback, int fd, uint32_t size)
{
    const uint32_t n = MIN_OF(size / (uint32_t)sizeof(struct table_entry), (uint32_t)TABLE_MAX);
    struct table_entry entry;

    *feedback = (struct feedback){0};
    while (feedback->n < n &&
           fd_pread_full(fd, &entry, sizeof(entry), feedback->n * sizeof(entry)) == 0) {
        size_t format = dmabuf_format_find(entry.format);
        bool known = format < DMABUF_FORMATS && dmabuf_offer_of(entry.modifier) != 0;

        feedback->format[feedback->n] = known ? (uint8_t)(format + 1) : 0;
        feedback->offers[feedback->n++] = (uint8_t)dmabuf_offer_of(entry.modifier);
    }
}

/* A table of our own: each format with both layouts. */
static int
make_table(void)
{
    struct table_entry *entries;
    const size_t size = sizeof(*entries) * 2 * DMABUF_FORMATS;
    cleanup_fd int fd = fd_memory_file("formats", size);

    if (fd < 0) {
        return fd;
    }
    entries = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (entries == MAP_FAILED) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < DMABUF_FORMATS; i++) {
        entries[2 * i] = (struct table_entry){dmabuf_formats[i].fourcc, 0, MODIFIER_LINEAR};
        entries[2 * i + 1] = (struct table_entry){dmabuf_formats[i].fourcc, 0, MODIFIER_INVALID};
    }
    munmap(entries, size);
    return take_fd(&fd);
}

static int
on_table(struct session *session, struct wire_call *call)
{
    cleanup_fd int theirs = session_take_item(session);
    struct feedback *feedback = call->object->data;
    struct wire_writer writer;

    if (theirs < 0) {
        call->why = "its descriptor is missing";
        return theirs;
    }
    if (call->object->dead) {
        return 1;
    }
    if (!feedback) {
        feedback = xalloc(sizeof(*feedback));
        session_set_data(session, call->id, feedback);
    }
    read_table(feedback, theirs, call->value[1].word);
    int ours = make_table();
    if (ours < 0) {
        return ours;
    }
    wire_begin(&writer, call->id, WIRE_ZWP_LINUX_DMABUF_FEEDBACK_V1_EVENT_FORMAT_TABLE);
    wire_put(&writer, (uint32_t)(sizeof(struct table_entry) * 2 * DMABUF_FORMATS));
    int r = session_to_client(session, writer.bytes, (size_t)wire_end(&writer), &ours, 1);
    return r < 0 ? r : 1;
}

/* main_device and tranche_target_device: the one that programs of this kernel can open. */
static int
send_device(struct session *session, const struct wire_call *call)
{
    struct wire_writer writer;

    wire_begin(&writer, call->id, call->opcode);
    wire_put(&writer, sizeof(session->channel.device));
    wire_put(&writer, (uint32_t)session->channel.device);
    wire_put(&writer, (uint32_t)(session->channel.device >> 32));
    int r = session_to_client(session, writer.bytes, (size_t)wire_end(&writer), NULL, 0);
    return r < 0 ? r : 1;
}

static int
send_formats(struct session *session, const struct wire_call *call)
{
    const struct feedback *feedback = call->object->data;
    bool has[DMABUF_FORMATS] = {false};
    struct wire_writer writer;
    uint32_t n = 0;

    for (uint32_t i = 0; feedback && i + 1 < call->value[0].word; i += 2) {
        const uint16_t index = load_le16(call->value[0].data + i);
        const uint8_t format = index < feedback->n ? feedback->format[index] : 0;

        if (format != 0 && may_be_told(session, format - 1U)) {
            session->dmabuf_offered[format - 1] |= feedback->offers[index];
            n += !has[format - 1];
            has[format - 1] = true;
        }
    }
    wire_begin(&writer, call->id, WIRE_ZWP_LINUX_DMABUF_FEEDBACK_V1_EVENT_TRANCHE_FORMATS);
    wire_put(&writer, n * 2 * (uint32_t)sizeof(uint16_t));
    for (uint32_t i = 0; i < DMABUF_FORMATS; i++) {
        if (has[i]) {
            wire_put(&writer, 2 * i | (2 * i + 1) << 16); /* two indices */
        }
    }
    int r = session_to_client(session, writer.bytes, (size_t)wire_end(&writer), NULL, 0);
    return r < 0 ? r : 1;
}

static int
on_feedback(struct session *session, struct wire_call *call)
{
    switch (call->opcode) {
    case WIRE_ZWP_LINUX_DMABUF_FEEDBACK_V1_EVENT_FORMAT_TABLE:
        return on_table(session, call);
    case WIRE_ZWP_LINUX_DMABUF_FEEDBACK_V1_EVENT_MAIN_DEVICE:
    case WIRE_ZWP_LINUX_DMABUF_FEEDBACK_V1_EVENT_TRANCHE_TARGET_DEVICE:
        return send_device(session, call);
    case WIRE_ZWP_LINUX_DMABUF_FEEDBACK_V1_EVENT_TRANCHE_FORMATS:
        return send_formats(session, call);
    default:
        return 0;
    }
}

int
dmabuf_event(struct session *session, struct wire_call *call)
{
    if (call->object->interface == &wire_zwp_linux_dmabuf_feedback_v1) {
        return on_feedback(session, call);
    }
    if (wire_is(call, zwp_linux_dmabuf_v1, WIRE_ZWP_LINUX_DMABUF_V1_EVENT_FORMAT)) {
        return on_format(session, call);
    }
    if (wire_is(call, zwp_linux_dmabuf_v1, WIRE_ZWP_LINUX_DMABUF_V1_EVENT_MODIFIER)) {
        return on_modifier(session, call);
    }
    return 0;
}
