/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/fakes/cross-rig.h"
#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"
#include "vmm/base/message.h"

#define XR24 0x34325258

struct write_command {
    struct cross_pipe_data pipe;
    uint8_t data[64];
};

static int
ask_image(struct cross_rig *rig, uint32_t width, uint32_t height, uint32_t fourcc)
{
    return cross_rig_ask_image(rig, width, height, fourcc, 0);
}

TAP_TEST(bytes_go_both_ways)
{
    struct cross_rig rig;
    struct cross_rig_send send = cross_rig_make_send("from the guest");
    char text[64] = "";

    check(cross_rig_open(&rig) && cross_rig_context(&rig, 1));
    check_int(cross_rig_submit(&rig, 1, &send, sizeof(send)), 0);
    check_int(read(rig.compositor, text, sizeof(text)), 14);
    check_str(text, "from the guest");
    /* Nothing is read before the guest polls, one message comes for each POLL. */
    check(write(rig.compositor, "to the guest", 12) == 12);
    cross_rig_run(&rig);
    check_int(rig.n_retired, 0);
    check_int(cross_rig_poll(&rig, 1), 0);
    check_int(cross_rig_poll(&rig, 1), 0);
    cross_rig_run(&rig);
    check_int(rig.n_retired, 1);
    check_int(rig.retired, 1);
    const struct cross_message *message = cross_rig_look(&rig, CROSS_CHANNEL);
    check_int(load_le32(cross_rig_look(&rig, CROSS_CHANNEL)), CROSS_RECEIVE); /* 32 bits of it */
    check_int(message->data_size, 12);
    check_int(message->n_ids, 0);
    check(memcmp(message + 1, "to the guest", 12) == 0);
    check(write(rig.compositor, "more", 4) == 4);
    cross_rig_run(&rig);
    check_int(rig.retired, 2);
    cross_rig_close(&rig);
}

TAP_TEST(long_messages_come_in_pages)
{
    struct cross_rig rig;
    static uint8_t data[3 * CROSS_RECEIVE_MAX];
    size_t got = 0;

    check(cross_rig_open(&rig) && cross_rig_context(&rig, 1));
    for (size_t i = 0; i < sizeof(data); i++) {
        data[i] = (uint8_t)(i * 7 / 3);
    }
    check(write(rig.compositor, data, sizeof(data)) == (ssize_t)sizeof(data));
    while (got < sizeof(data)) {
        check_int(cross_rig_poll(&rig, 1), 0);
        cross_rig_run(&rig);
        check_int(rig.retired, rig.token);
        const struct cross_message *message = cross_rig_look(&rig, CROSS_CHANNEL);
        check(message->data_size > 0 && message->data_size <= CROSS_RECEIVE_MAX);
        check(memcmp(message + 1, data + got, message->data_size) == 0);
        got += message->data_size;
    }
    check_int(rig.n_retired, 3);
    cross_rig_close(&rig);
}

TAP_TEST(images_reach_the_compositor)
{
    struct cross_rig rig;
    struct cross_rig_send send = cross_rig_make_send("create_pool");
    struct message_fds fds;
    char text[64];
    struct stat st;
    int exported = -1;
    uint32_t map_info = 0;

    check(cross_rig_open(&rig) && cross_rig_context(&rig, 1));
    check_int(ask_image(&rig, 33, 10, XR24), 0);
    struct cross_image image = *(struct cross_image *)cross_rig_look(&rig, CROSS_QUERY);
    check_int(image.strides[0], 132);
    check_int(image.offsets[0], 0);
    check_int(image.size, 4096);
    check_int(image.map_info, 1);
    check_int(image.memory_index, -1);
    check_int(cross_rig_blob(&rig, 1, 5, image.blob_id, 8192), -EINVAL);
    check_int(cross_rig_blob(&rig, 1, 5, image.blob_id + 1, 4096), -EINVAL);
    check_int(cross_rig_blob(&rig, 1, 5, image.blob_id, 4096), 0);
    check_int(cross_rig_blob(&rig, 1, 6, image.blob_id, 4096), 0); /* as often as one likes */
    check_int(rig.renderer->ops->export_blob(rig.renderer, 5, &exported, &map_info), 0);
    check_int(map_info, 1);
    check(pwrite(exported, "pixels", 6, 100) == 6);
    check_int(fd_check_memory_file(exported, 4096), 0);

    send.message.n_ids = htole32(1);
    send.message.ids[0] = htole32(5);
    send.message.types[0] = htole32(CROSS_ID_BLOB);
    check_int(cross_rig_submit(&rig, 1, &send, sizeof(send)), 0);
    check_int(message_receive(rig.compositor, text, sizeof(text), &fds), 11);
    check_int(fds.count, 1);
    check(fstat(fds.fd[0], &st) == 0 && st.st_size == 4096);
    check(pread(fds.fd[0], text, 6, 100) == 6 && memcmp(text, "pixels", 6) == 0);
    message_close_fds(&fds);
    close(exported);
    rig.renderer->ops->destroy_resource(rig.renderer, 5);
    check_int(cross_rig_submit(&rig, 1, &send, sizeof(send)), -ENOENT);
    cross_rig_close(&rig);
}

/* A keymap, a clipboard's pipe, and something that nobody can have. */
TAP_TEST(descriptors_of_the_compositor_become_names)
{
    struct cross_rig rig;
    int pipe_ends[2];
    int keymap = fd_memory_file("keymap", 5000);
    char text[64];
    int copy = -1;
    uint32_t map_info;

    check(cross_rig_open(&rig) && cross_rig_context(&rig, 1));
    check(pipe2(pipe_ends, O_CLOEXEC) == 0 && pwrite(keymap, "xkb_keymap", 10, 0) == 10);
    const int given[] = {keymap, pipe_ends[1], rig.loop ? rig.compositor : -1};
    check_int(message_send(rig.compositor, "x", 1, given, 3), 0);
    close(pipe_ends[1]);
    check_int(cross_rig_poll(&rig, 1), 0);
    cross_rig_run(&rig);
    struct cross_message message = *(struct cross_message *)cross_rig_look(&rig, CROSS_CHANNEL);
    check_int(message.n_ids, 3);
    check_int(message.types[0], CROSS_ID_BLOB);
    check_int(message.sizes[0], 5000);
    check_int(message.types[1], CROSS_ID_WRITE_PIPE);
    check_int(message.types[2], CROSS_ID_BLOB);
    check_int(message.sizes[2], 4096);

    check_int(cross_rig_blob(&rig, 1, 5, message.ids[0], 8192), 0);
    check_int(cross_rig_blob(&rig, 1, 6, message.ids[0], 8192), -EINVAL); /* once only */
    check_int(rig.renderer->ops->export_blob(rig.renderer, 5, &copy, &map_info), 0);
    check(pread(copy, text, 10, 0) == 10 && memcmp(text, "xkb_keymap", 10) == 0);
    check_int(fd_check_memory_file(copy, 8192), 0);
    check(pwrite(copy, "overwritten", 11, 0) == 11);
    check(pread(keymap, text, 10, 0) == 10 && memcmp(text, "xkb_keymap", 10) == 0);
    close(copy);
    close(keymap);

    struct write_command words = {
        .pipe = {.header = {.command = CROSS_WRITE, .size = htole16(sizeof(words))},
                 .id = message.ids[1],
                 .hang_up = htole32(1),
                 .data_size = htole32(5)},
        .data = "paste"};
    check_int(cross_rig_submit(&rig, 1, &words, sizeof(words)), 0);
    check(read(pipe_ends[0], text, sizeof(text)) == 5 && memcmp(text, "paste", 5) == 0);
    check_int(read(pipe_ends[0], text, sizeof(text)), 0);
    check_int(cross_rig_submit(&rig, 1, &words, sizeof(words)), 0); /* late, and no harm */
    close(pipe_ends[0]);
    cross_rig_close(&rig);
}

/* The guest asks for a pipe that the compositor writes into. */
static bool
open_read_pipe(struct cross_rig *rig, struct cross_rig_send *send, struct message_fds *fds)
{
    char text[64];

    send->message.n_ids = htole32(1);
    send->message.ids[0] = htole32(0x80000001);
    send->message.types[0] = htole32(CROSS_ID_READ_PIPE);
    return cross_rig_open(rig) && cross_rig_context(rig, 1) &&
           cross_rig_submit(rig, 1, send, sizeof(*send)) == 0 &&
           message_receive(rig->compositor, text, sizeof(text), fds) == 7 && fds->count == 1;
}

TAP_TEST(pipes_of_the_guest_are_read)
{
    struct cross_rig rig;
    struct message_fds fds;
    struct cross_rig_send send = cross_rig_make_send("receive");

    check(open_read_pipe(&rig, &send, &fds));
    check(write(fds.fd[0], "clipboard", 9) == 9);
    check_int(cross_rig_poll(&rig, 1), 0);
    cross_rig_run(&rig);
    const struct cross_pipe_data *read = cross_rig_look(&rig, CROSS_CHANNEL);
    check_int(load_le32(cross_rig_look(&rig, CROSS_CHANNEL)), CROSS_READ);
    check_int(read->id, 0x80000001);
    check(read->hang_up == 0 && read->data_size == 9);
    check(memcmp(read + 1, "clipboard", 9) == 0);
    message_close_fds(&fds);
    check_int(cross_rig_poll(&rig, 1), 0);
    cross_rig_run(&rig);
    read = cross_rig_look(&rig, CROSS_CHANNEL);
    check_int(read->header.command, CROSS_READ);
    check(read->hang_up == 1 && read->data_size == 0);
    /* The next pipe's name must be the next number. */
    check_int(cross_rig_submit(&rig, 1, &send, sizeof(send)), -EINVAL);
    cross_rig_close(&rig);
}

/* sommelier's way: each READ goes into a pipe of its own, with 4096 bytes out at every other turn. */
TAP_TEST(a_guest_reads_its_own_pipe)
{
    struct cross_rig rig;
    struct cross_rig_send send = cross_rig_make_send("receive");
    struct message_fds fds;
    uint8_t bytes[4096] = {0};
    int own[2];
    size_t given = 0;

    check(open_read_pipe(&rig, &send, &fds));
    check(pipe2(own, O_NONBLOCK) == 0 && fcntl(fds.fd[0], F_SETFL, O_NONBLOCK) == 0);
    for (unsigned int turn = 0; given < 1 << 20; turn++) {
        while (write(fds.fd[0], bytes, sizeof(bytes)) > 0) {
        }
        check_int(cross_rig_poll(&rig, 1), 0);
        cross_rig_run(&rig);
        const struct cross_pipe_data *part = cross_rig_look(&rig, CROSS_CHANNEL);
        check_int(part->header.command, CROSS_READ);
        check(write(own[1], part + 1, part->data_size) == (ssize_t)part->data_size);
        given += part->data_size;
        check(turn % 2 != 0 || read(own[0], bytes, sizeof(bytes)) > 0);
    }
    message_close_fds(&fds);
    close(own[0]);
    close(own[1]);
    cross_rig_close(&rig);
}

TAP_TEST(a_fence_behind_a_poll_waits_for_it)
{
    struct cross_rig rig;
    struct cross_rig_send send = cross_rig_make_send("x");

    check(cross_rig_open(&rig) && cross_rig_context(&rig, 1));
    check_int(cross_rig_submit_fenced(&rig, 1, &send, sizeof(send), 1), 1);
    check_int(cross_rig_submit_fenced(&rig, 1, &send, sizeof(send), 0), 1);
    check_int(cross_rig_poll(&rig, 1), 0);
    check_int(cross_rig_submit_fenced(&rig, 1, &send, sizeof(send), 0), 1);
    check_int(cross_rig_submit_fenced(&rig, 1, &send, sizeof(send), 1), 0);
    check(write(rig.compositor, "x", 1) == 1);
    cross_rig_run(&rig);
    check_int(rig.n_retired, 1);
    check_int(rig.retired, rig.token); /* both */
    cross_rig_close(&rig);
}

TAP_TEST(the_end_of_the_compositor_is_told)
{
    struct cross_rig rig;
    struct cross_rig_send send = cross_rig_make_send("x");

    check(cross_rig_open(&rig) && cross_rig_context(&rig, 1));
    check(write(rig.compositor, "bye", 3) == 3);
    fd_closep(&rig.compositor);
    check_int(cross_rig_poll(&rig, 1), 0);
    cross_rig_run(&rig);
    check_int(((struct cross_message *)cross_rig_look(&rig, CROSS_CHANNEL))->data_size, 3);
    check_int(cross_rig_poll(&rig, 1), 0);
    cross_rig_run(&rig);
    check_int(rig.retired, rig.token);
    check_int(((struct cross_message *)cross_rig_look(&rig, CROSS_CHANNEL))->data_size, 0);
    check_int(cross_rig_poll(&rig, 1), 1); /* and again */
    check_int(cross_rig_submit(&rig, 1, &send, sizeof(send)), -EPIPE);
    cross_rig_close(&rig);
}

TAP_TEST(nobody_connects)
{
    struct cross_rig rig;
    const struct renderer_context info = {.id = 3, .capset = CROSS_CAPSET};
    const struct cross_init init = {
        .header = {.command = CROSS_INIT, .size = htole16(sizeof(init))},
        .query_ring = htole32(5),
        .channel_ring = htole32(6),
        .channel_type = htole32(CROSS_CHANNEL_WAYLAND)};
    struct cross_rig_send send = cross_rig_make_send("early");
    char text[8];
    int pair[2];

    check(cross_rig_open(&rig) && cross_rig_context(&rig, 1));
    check_int(rig.renderer->ops->create_context(rig.renderer, &info), 0);
    check(cross_rig_page(&rig, 3, 5) && cross_rig_page(&rig, 3, 6));
    check_int(cross_rig_submit(&rig, 3, &init, sizeof(init)), 0);
    /* What is said before the connection stands waits for it, also over a restart of the guard. */
    check_int(cross_rig_submit(&rig, 3, &send, sizeof(send)), 0);
    check_int(cross_rig_poll(&rig, 3), 0);
    check_int(rig.asked, 2);
    cross_domain_connect_again(rig.renderer);
    check_int(rig.asked, 3);
    check_int(fd_socket_pair(SOCK_STREAM, pair), 0);
    cross_domain_connected(rig.renderer, rig.serial + 1, -1); /* nobody's */
    cross_domain_connected(rig.renderer, rig.serial, pair[1]);
    check(read(pair[0], text, sizeof(text)) == 5 && memcmp(text, "early", 5) == 0);
    close(pair[0]);
    cross_rig_run(&rig);
    check_int(rig.retired, rig.token);

    rig.renderer->ops->destroy_context(rig.renderer, 3);
    check_int(rig.renderer->ops->create_context(rig.renderer, &info), 0);
    check(rig.renderer->ops->attach(rig.renderer, 3, resource_find(&rig.resources, 5)) == 0);
    check(rig.renderer->ops->attach(rig.renderer, 3, resource_find(&rig.resources, 6)) == 0);
    check_int(cross_rig_submit(&rig, 3, &init, sizeof(init)), 0);
    check_int(cross_rig_poll(&rig, 3), 0);
    cross_domain_no_connections(rig.renderer);
    check_int(rig.retired, rig.token);
    check_int(((struct cross_message *)cross_rig_look(&rig, 6))->data_size, 0);
    check_int(cross_rig_poll(&rig, 1), 0); /* others live */
    cross_rig_close(&rig);
}

/* Streams that are wrong in one way each, and end their context alone. */
TAP_TEST(bad_streams_end_the_context)
{
    struct {
        struct cross_rig_send send;
        size_t size;
        int r;
    } bad[11];
    struct cross_rig rig;

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        bad[i].send = cross_rig_make_send("x");
        bad[i].size = sizeof(bad[i].send);
        bad[i].r = -EINVAL;
    }
    bad[0].send.message.header.size = htole16(0);
    bad[1].send.message.header.size = htole16(7);
    bad[2].send.message.header.size = htole16(sizeof(bad[2].send) + 1);
    bad[3].send.message.header.size = htole16(sizeof(struct cross_message) - 1);
    bad[4].send.message.data_size = htole32(65);
    bad[5].send.message.data_size = htole32(UINT32_MAX);
    bad[6].send.message.n_ids = htole32(CROSS_IDS_MAX + 1);
    bad[7].send.message.n_ids = htole32(1); /* id 0 of type 0 */
    bad[7].r = -EOPNOTSUPP;
    bad[8].send.message.n_ids = htole32(1);
    bad[8].send.message.types[0] = htole32(CROSS_ID_BLOB);
    bad[8].send.message.ids[0] = htole32(1); /* the guest's own memory cannot be sent */
    bad[8].r = -ENOENT;
    bad[9].send.message.header.command = 99;
    bad[9].r = -EOPNOTSUPP;
    bad[10].size = 5;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        check(cross_rig_open(&rig) && cross_rig_context(&rig, 1));
        check_int(cross_rig_poll(&rig, 1), 0);
        check_int(cross_rig_submit(&rig, 1, &bad[i].send, bad[i].size), bad[i].r);
        check_int(rig.retired, rig.token);
        const struct cross_message *message = cross_rig_look(&rig, CROSS_CHANNEL);
        check_int(message->header.command, CROSS_RECEIVE);
        check_int(message->data_size, 0);
        cross_rig_close(&rig);
    }
}

TAP_TEST(bad_beginnings_are_refused)
{
    struct cross_rig rig;
    const struct renderer_context info = {.id = 1, .capset = CROSS_CAPSET};
    struct cross_init init = {.header = {.command = CROSS_INIT, .size = htole16(sizeof(init))}};
    const struct cross_header poll = {.command = CROSS_POLL, .size = htole16(sizeof(poll))};

    for (int i = 0; i < 5; i++) {
        check(cross_rig_open(&rig));
        check_int(rig.renderer->ops->create_context(rig.renderer, &info), 0);
        check(cross_rig_page(&rig, 1, 1) && cross_rig_page(&rig, 1, 2));
        init.query_ring = htole32(i == 0 ? 3 : 1);
        init.channel_ring = htole32(i == 1 ? 0 : 2);
        init.channel_type = htole32(i == 2 ? 2 : 1);
        if (i == 3) {
            check_int(cross_rig_submit(&rig, 1, &poll, sizeof(poll)), -EINVAL);
        } else if (i == 4) {
            check_int(cross_rig_submit(&rig, 1, &init, sizeof(init)), 0);
            check_int(cross_rig_submit(&rig, 1, &init, sizeof(init)), -EINVAL); /* twice */
        } else {
            check(cross_rig_submit(&rig, 1, &init, sizeof(init)) < 0);
            check_int(rig.asked, 0);
        }
        cross_rig_close(&rig);
    }
}

/* The page is taken away while the compositor talks: nothing is written, nothing hangs. */
TAP_TEST(a_lost_page_is_survived)
{
    struct cross_rig rig;

    check(cross_rig_open(&rig) && cross_rig_context(&rig, 1));
    check_int(cross_rig_poll(&rig, 1), 0);
    struct resource *page = resource_find(&rig.resources, CROSS_CHANNEL);
    rig.renderer->ops->detach(rig.renderer, 1, page);
    resource_destroy(&rig.resources, page);
    check(write(rig.compositor, "x", 1) == 1);
    cross_rig_run(&rig);
    check_int(rig.retired, rig.token);
    guest_memory_clear(rig.memory);
    check_int(ask_image(&rig, 1, 1, XR24), -ENXIO);
    cross_rig_close(&rig);
}

/* A compositor that does not read costs this context a bounded amount, then its life. */
TAP_TEST(what_waits_is_bounded)
{
    struct cross_rig rig;
    static struct {
        struct cross_message message;
        uint8_t data[60000];
    } send;
    unsigned int n = 0;
    int r = 0;

    check(cross_rig_open(&rig) && cross_rig_context(&rig, 1));
    send.message.header.command = CROSS_SEND;
    send.message.header.size = htole16(sizeof(send));
    send.message.data_size = htole32(sizeof(send.data));
    while (r == 0) {
        r = cross_rig_submit(&rig, 1, &send, sizeof(send));
        check(n++ < 1000);
    }
    check_int(r, -ENOBUFS);
    check(n > CROSS_QUEUED_MAX / sizeof(send));
    check(cross_rig_context(&rig, 2));
    cross_rig_close(&rig);
}

TAP_TEST(waiting_bytes_are_sent_later)
{
    struct cross_rig rig;
    static struct {
        struct cross_message message;
        uint8_t data[60000];
    } send;
    size_t sent = 0;
    size_t got = 0;

    check(cross_rig_open(&rig) && cross_rig_context(&rig, 1));
    send.message.header.command = CROSS_SEND;
    send.message.header.size = htole16(sizeof(send));
    send.message.data_size = htole32(sizeof(send.data));
    for (unsigned int i = 0; i < 20; i++) {
        memset(send.data, (int)i, sizeof(send.data));
        check_int(cross_rig_submit(&rig, 1, &send, sizeof(send)), 0);
        sent += sizeof(send.data);
    }
    while (got < sent) {
        static uint8_t in[60000];
        ssize_t n = read(rig.compositor, in, sizeof(in));

        check(n > 0 || errno == EAGAIN);
        for (ssize_t i = 0; i < n; i++) {
            check_int(in[i], (got + (size_t)i) / sizeof(send.data));
        }
        got += n > 0 ? (size_t)n : 0;
        cross_rig_run(&rig);
    }
    cross_rig_close(&rig);
}

/* A guest that never makes resources of what it gets, and names that nobody uses. */
TAP_TEST(descriptors_are_bounded_and_closed)
{
    struct cross_rig rig;
    unsigned int before = cross_rig_descriptors();
    int ends[2];
    int given[28];

    check(cross_rig_open(&rig) && cross_rig_context(&rig, 1));
    check(pipe2(ends, O_CLOEXEC) == 0);
    int file = fd_memory_file("file", 4096);
    for (int i = 0; i < 28; i++) {
        given[i] = i % 2 ? file : ends[1];
    }
    for (int i = 0; i < 200; i++) {
        check_int(message_send(rig.compositor, "x", 1, given, 28), 0);
        check_int(cross_rig_poll(&rig, 1), 0);
        cross_rig_run(&rig);
        check_int(rig.retired, rig.token);
    }
    check(cross_rig_descriptors() < before + CROSS_CONTEXT_FDS_MAX + 16);
    rig.renderer->ops->destroy_context(rig.renderer, 1);
    check(cross_rig_descriptors() < before + 16);
    close(ends[0]);
    close(ends[1]);
    close(file);
    cross_rig_close(&rig);
    check_int(cross_rig_descriptors(), before);
}

TAP_MAIN(TAP_CASE(bytes_go_both_ways), TAP_CASE(long_messages_come_in_pages),
         TAP_CASE(images_reach_the_compositor),
         TAP_CASE(descriptors_of_the_compositor_become_names),
         TAP_CASE(pipes_of_the_guest_are_read), TAP_CASE(a_guest_reads_its_own_pipe),
         TAP_CASE(a_fence_behind_a_poll_waits_for_it), TAP_CASE(the_end_of_the_compositor_is_told),
         TAP_CASE(nobody_connects), TAP_CASE(bad_streams_end_the_context),
         TAP_CASE(bad_beginnings_are_refused), TAP_CASE(a_lost_page_is_survived),
         TAP_CASE(what_waits_is_bounded), TAP_CASE(waiting_bytes_are_sent_later),
         TAP_CASE(descriptors_are_bounded_and_closed))
