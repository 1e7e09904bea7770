/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Dmabufs of cross-domain contexts: images that are some, and resources of another renderer. */

#include "tests/unit/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/fakes/cross-rig.h"
#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"
#include "vmm/base/message.h"

#define XR24 0x34325258

/* What the compositor gets for blob `id`: a descriptor, or -1. */
static int
send_resource(struct cross_rig *rig, uint32_t id)
{
    struct cross_rig_send send = cross_rig_make_send("here");
    struct message_fds fds = {.count = 0};
    char text[64];

    send.message.n_ids = htole32(1);
    send.message.ids[0] = htole32(id);
    send.message.types[0] = htole32(CROSS_ID_BLOB);
    if (cross_rig_submit(rig, 1, &send, sizeof(send)) < 0 ||
        message_receive(rig->compositor, text, sizeof(text), &fds) != 4 || fds.count != 1) {
        return -1;
    }
    return message_take_fd(&fds, 0);
}

static uint32_t
capset_word(struct cross_rig *rig, size_t offset)
{
    uint8_t capset[sizeof(struct cross_capset)];
    const struct renderer_capset info = {.size = sizeof(capset)};

    rig->renderer->ops->fill_capset(rig->renderer, &info, capset);
    return load_le32(capset + offset);
}
#define CAPSET_WORD(rig, name) capset_word(rig, offsetof(struct cross_capset, name))

/* Real ones with /dev/udmabuf, which both ends of the same pages see; else a file stands in. */
TAP_TEST(images_may_be_dmabufs)
{
    struct cross_rig rig;
    struct cross_rig_how how = {.udmabuf = open("/dev/udmabuf", O_RDWR | O_CLOEXEC)};
    uint32_t map_info;
    int memory = -1;

    how.makes_dmabufs = how.udmabuf < 0;
    printf("# %s\n", how.udmabuf < 0 ? "memory files stand in" : "real dmabufs");
    check(cross_rig_open_how(&rig, how) && cross_rig_context(&rig, 1));
    check_int(CAPSET_WORD(&rig, extensions), CROSS_EXTENSION_IMAGES);
    check_int(CAPSET_WORD(&rig, supports_dmabuf), 0); /* other proxies know nothing of flags */
    check_int(rig.n_dmabufs, 1);                      /* to see whether the host can */
    check_int(cross_rig_ask_image(&rig, 33, 10, XR24, CROSS_IMAGE_DMABUF), 0);
    struct cross_image image = *(struct cross_image *)cross_rig_look(&rig, CROSS_QUERY);
    check_int(image.strides[0], 256); /* as graphics cards want it */
    check_int(image.size, 4096);
    check_int(cross_rig_blob(&rig, 1, 5, image.blob_id, image.size), 0);
    check_int(rig.renderer->ops->export_blob(rig.renderer, 5, &memory, &map_info), 0);
    uint32_t *guest = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
    for (int i = 0; i < 2; i++) {
        int sent = send_resource(&rig, 5);
        check(sent >= 0 && (how.udmabuf < 0 || fd_check_dmabuf(sent, 4096) == 0));
        const uint32_t *host = mmap(NULL, 4096, PROT_READ, MAP_SHARED, sent, 0);
        check(guest != MAP_FAILED && host != MAP_FAILED);
        guest[70] = 0x12345678U + (uint32_t)i;
        check_int(host[70], 0x12345678U + (uint32_t)i);
        munmap((void *)host, 4096);
        close(sent);
    }
    check_int(rig.n_dmabufs, 2); /* it is made once */
    check_int(cross_rig_ask_image(&rig, 4096, 4097, XR24, CROSS_IMAGE_DMABUF),
              0); /* more than the kernel makes */
    check_int(((struct cross_image *)cross_rig_look(&rig, CROSS_QUERY))->size, 0);
    /* With the flags of other proxies an image is for wl_shm: a file. */
    check_int(cross_rig_ask_image(&rig, 33, 10, XR24, 1 << 4 | 1), 0);
    image = *(struct cross_image *)cross_rig_look(&rig, CROSS_QUERY);
    check_int(image.strides[0], 132);
    check_int(cross_rig_blob(&rig, 1, 6, image.blob_id, image.size), 0);
    int file = send_resource(&rig, 6);
    check(fd_check_memory_file(file, 4096) == 0);
    check_int(rig.n_dmabufs, 2);
    const uint64_t used = rig.resources.used;
    rig.renderer->ops->destroy_resource(rig.renderer, 5);
    check_int(used - rig.resources.used, 4096);
    munmap(guest, 4096);
    close(file);
    close(memory);
    cross_rig_close(&rig);
    fd_closep(&how.udmabuf);
}

/* Where the host makes none, a guest is told so, and flags change nothing. */
TAP_TEST(without_dmabufs_images_are_files)
{
    struct cross_rig rig;

    check(cross_rig_open(&rig) && cross_rig_context(&rig, 1));
    check_int(CAPSET_WORD(&rig, supports_dmabuf), 0);
    check_int(CAPSET_WORD(&rig, extensions), 0);
    check_int(cross_rig_ask_image(&rig, 33, 10, XR24, CROSS_IMAGE_DMABUF), 0);
    const struct cross_image image = *(struct cross_image *)cross_rig_look(&rig, CROSS_QUERY);
    check_int(image.strides[0], 132);
    check_int(cross_rig_blob(&rig, 1, 5, image.blob_id, image.size), 0);
    int file = send_resource(&rig, 5);
    check(fd_check_memory_file(file, 4096) == 0);
    close(file);
    cross_rig_close(&rig);
}

/* Resources of another renderer, whose memory RIG_FILE is: the guest hears how they lie. */
static int
exporter_export(struct renderer *renderer, uint32_t id, struct renderer_dmabuf *ret)
{
    (void)renderer;
    if (id == 6) {
        return -EOPNOTSUPP;
    }
    *ret = (struct renderer_dmabuf){.fd = fd_memory_file("texture", 4096),
                                    .size = 4096,
                                    .n_planes = id == 7 ? 5 : 1, /* 7 is nonsense */
                                    .strides = {512},
                                    .offsets = {64},
                                    .modifier = 77};
    ret->fourcc = id + 100;
    return 0;
}

static void
exporter_forget(struct renderer *renderer, uint32_t id)
{
    (void)renderer;
    (void)id;
}

static const struct renderer_ops exporter_ops = {.name = "exporter",
                                                 .destroy_resource = exporter_forget,
                                                 .detach_pages = exporter_forget,
                                                 .export_dmabuf = exporter_export};

static int
describe(struct cross_rig *rig, uint32_t id)
{
    const struct cross_describe ask = {
        .header = {.command = CROSS_DESCRIBE_RESOURCE, .size = htole16(sizeof(ask))},
        .resource = htole32(id)};

    return cross_rig_submit(rig, 1, &ask, sizeof(ask));
}

TAP_TEST(resources_of_others_are_described_and_sent)
{
    struct cross_rig rig;
    struct renderer exporter = {&exporter_ops};
    const unsigned int before = cross_rig_descriptors();
    check(cross_rig_open_how(&rig, (struct cross_rig_how){.udmabuf = -1, .sends_resources = true}));
    check(cross_rig_context(&rig, 1));
    check_int(CAPSET_WORD(&rig, extensions), CROSS_EXTENSION_DESCRIBE);
    for (uint32_t id = 5; id < 9; id++) {
        check(cross_rig_page(&rig, 1, id));
        struct resource *resource = resource_find(&rig.resources, id);
        resource->kind =
            id == 8 ? RESOURCE_2D : RESOURCE_TEXTURE; /* 8: its pixels are the guest's */
        resource->renderer = &exporter;
        check_int(describe(&rig, id), 0);
        const struct cross_image image = *(struct cross_image *)cross_rig_look(&rig, CROSS_QUERY);
        check_int(image.size, id == 5 ? 4096 : 0);
        check_int(image.strides[0], id == 5 ? 512 : 0);
        check_int(image.offsets[0], id == 5 ? 64 : 0);
        check_int(image.modifier, id == 5 ? 77 : 0);
        check_int(image.blob_id, id == 5 ? 1 : 0);
        check_int(image.map_info, id == 5 ? 105 : 0);
        resource->kind = RESOURCE_TEXTURE;
    }
    check_int(describe(&rig, 14), 0); /* not this context's */
    check_int(((struct cross_image *)cross_rig_look(&rig, CROSS_QUERY))->size, 0);
    int sent = send_resource(&rig, 5);
    check(fd_check_memory_file(sent, 4096) == 0 && close(sent) == 0);
    check_int(send_resource(&rig, 6), -1);
    check_int(describe(&rig, 5), -EPIPE); /* that was the context's end */
    cross_rig_close(&rig);
    check_int(cross_rig_descriptors(), before);

    check(cross_rig_open(&rig) && cross_rig_context(&rig, 1));
    check_int(describe(&rig, 5), -EINVAL); /* nobody offered it */
    cross_rig_close(&rig);
}

TAP_MAIN(TAP_CASE(images_may_be_dmabufs), TAP_CASE(without_dmabufs_images_are_files),
         TAP_CASE(resources_of_others_are_described_and_sent))
