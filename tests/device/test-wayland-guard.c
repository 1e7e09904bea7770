/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/tap.h"

#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/device/guard-rig.h"
#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"
#include "vmm/base/memory.h"

enum {
    QUESTION_SIZE = 24,  /* get_registry and sync */
    REQUESTS_SIZE = 180, /* bind, create_listener, three texts, commit, sync */
};

/* The compositor's answer to the guard: its globals, and that these were all. */
static bool
answer_probe(struct guard_rig *rig, const char *const *interfaces, size_t n)
{
    struct wire *wire = xalloc(sizeof(*wire));
    uint8_t out[1024];
    size_t size = 0;

    wire->fd = rig->compositor;
    bool ok = wire_read(wire, QUESTION_SIZE);
    for (uint32_t i = 0; i < n; i++) {
        size += wire_put_global(out + size, 2, i + 1, interfaces[i], 1);
    }
    size += wire_put(out + size, 3, 0, (uint32_t[]){0}, 1);
    free(wire);
    return ok && wire_send(rig->compositor, out, size, NULL, 0);
}

static bool
start_filtering(struct guard_rig *rig, struct wire *guest, struct wire *compositor)
{
    static const char *const interfaces[] = {"wl_compositor", "zwlr_screencopy_manager_v1"};

    *guest = (struct wire){.fd = -1};
    *compositor = (struct wire){.fd = -1};
    if (!rig_start(rig) || !answer_probe(rig, interfaces, ARRAY_SIZE(interfaces)) ||
        !rig_open(rig, 7)) {
        return false;
    }
    compositor->fd = rig_connect(rig, GUARD_COMPOSITOR);
    guest->fd = rig_opened(rig, 7);
    return compositor->fd >= 0 && guest->fd >= 0;
}

/* The guest asks for the registry (object 2) and the compositor sends three globals. */
static bool
show_globals(struct wire *guest, struct wire *compositor)
{
    uint8_t out[512];
    uint8_t seen[512];
    size_t size = wire_put(out, 1, 1, (uint32_t[]){2}, 1);

    if (!wire_send(guest->fd, out, size, NULL, 0) || !wire_read(compositor, size) ||
        memcmp(compositor->data, out, size) != 0) {
        return false;
    }
    compositor->size = 0;
    size = wire_put_global(out, 2, 1, "wl_compositor", 4);
    size += wire_put_global(out + size, 2, 2, "zwlr_screencopy_manager_v1", 3);
    size += wire_put_global(out + size, 2, 3, "wl_seat", 7);
    size_t expected = wire_put_global(seen, 2, 1, "wl_compositor", 4);
    expected += wire_put_global(seen + expected, 2, 3, "wl_seat", 7);
    bool ok = wire_send(compositor->fd, out, size, NULL, 0) && wire_read(guest, expected) &&
              guest->size == expected && memcmp(guest->data, seen, expected) == 0;
    guest->size = 0;
    return ok;
}

TAP_TEST(what_is_not_for_guests_is_hidden)
{
    static struct wire guest;
    static struct wire compositor;
    struct guard_rig rig;
    uint8_t out[256];

    check(start_filtering(&rig, &guest, &compositor));
    check(show_globals(&guest, &compositor));
    size_t size = wire_put_bind(out, 2, 3, "wl_seat", 9);
    check(wire_send(guest.fd, out, size, NULL, 0) && wire_read(&compositor, size));
    check(memcmp(compositor.data, out, size) == 0);
    /* Guessing the name of a hidden one ends the connection, and this one only. */
    size = wire_put_bind(out, 2, 2, "zwlr_screencopy_manager_v1", 10);
    check(wire_send(guest.fd, out, size, NULL, 0));
    check(wire_ends(&guest));
    compositor.size = 0;
    check(wire_ends(&compositor));
    wire_close(&guest);
    wire_close(&compositor);
    check(rig_open(&rig, 8));
    compositor.fd = rig_connect(&rig, GUARD_COMPOSITOR);
    guest.fd = rig_opened(&rig, 8);
    check(show_globals(&guest, &compositor));
    wire_close(&guest);
    wire_close(&compositor);
    check_int(rig_stop(&rig), 0);
}

/* Requests to the registry that are wrong in one way each. */
TAP_TEST(broken_requests_end_the_connection)
{
    static struct wire guest;
    static struct wire compositor;
    struct guard_rig rig;

    for (int i = 0; i < 7; i++) {
        uint8_t out[256] = {0};
        size_t size = wire_put_bind(out, 2, 3, "wl_seat", 9);

        check(start_filtering(&rig, &guest, &compositor));
        check(show_globals(&guest, &compositor));
        switch (i) {
        case 0:
            out[4] = 1; /* a request that the registry does not have */
            break;
        case 1:
            store_le32(out + 12, 0xffffffff); /* length of the string */
            break;
        case 2:
            store_le32(out + 12, 0);
            break;
        case 3:
            memcpy(out + 16, "wl_shm\0\0", 8); /* another interface than that name's */
            break;
        case 4:
            out[6] = 7; /* size of the message */
            out[7] = 0;
            break;
        case 5:
            store_le32(out + 8, 99); /* a name that was never told */
            break;
        default:
            out[23] = 'x'; /* no end of the string */
            memset(out + 16, 'x', 8);
            break;
        }
        check(wire_send(guest.fd, out, size, NULL, 0));
        check(wire_ends(&guest));
        wire_close(&guest);
        wire_close(&compositor);
        check_int(rig_stop(&rig), 0);
    }
}

TAP_TEST(descriptors_go_with_their_messages)
{
    static struct wire guest;
    static struct wire compositor;
    struct guard_rig rig;
    uint8_t out[4096];
    int fds[28];
    struct stat mine;
    struct stat theirs;
    size_t size = 0;

    check(start_filtering(&rig, &guest, &compositor));
    for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
        fds[i] = fd_memory_file("given", 4096);
        size += wire_put(out + size, 20 + (uint32_t)i, 3, (uint32_t[]){(uint32_t)i}, 1);
    }
    /* In pieces, the first of which is half a message. */
    check(wire_send(guest.fd, out, 6, fds, 2));
    check(wire_send(guest.fd, out + 6, size - 6, fds + 2, 26));
    check(wire_read(&compositor, size));
    check_int(compositor.size, size);
    check_int(compositor.n_fds, ARRAY_SIZE(fds));
    check(memcmp(compositor.data, out, size) == 0);
    for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
        check(fstat(fds[i], &mine) == 0 && fstat(compositor.fds[i], &theirs) == 0);
        check_int(mine.st_ino, theirs.st_ino);
    }
    check(wire_send(compositor.fd, out, size, fds, 28));
    check(wire_read(&guest, size));
    check_int(guest.n_fds, 28);
    for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
        close(fds[i]);
    }
    wire_close(&guest);
    check(wire_ends(&compositor));
    wire_close(&compositor);
    check_int(rig_stop(&rig), 0);
}

/* A side that does not read holds the other up, and nothing is lost. */
TAP_TEST(a_slow_reader_holds_the_writer)
{
    static struct wire guest;
    static struct wire compositor;
    struct guard_rig rig;
    uint8_t out[4096];
    size_t sent = 0;
    size_t got = 0;

    check(start_filtering(&rig, &guest, &compositor));
    size_t size = wire_put(out, 30, 1, (uint32_t[1000]){1}, 1000);
    for (int quiet = 0; quiet < 50;) {
        ssize_t n = send(compositor.fd, out + sent % size, size - sent % size, MSG_DONTWAIT);
        quiet = n > 0 ? 0 : quiet + 1;
        sent += n > 0 ? (size_t)n : 0;
        if (n < 0) {
            usleep(2000);
        }
        check(sent < 8 << 20);
    }
    for (size_t whole = sent - sent % size; got < whole;) {
        guest.size = 0;
        check(wire_read(&guest, 1));
        for (size_t i = 0; i < guest.size; i++) {
            check_int(guest.data[i], out[(got + i) % size]);
        }
        got += guest.size;
    }
    wire_close(&guest);
    wire_close(&compositor);
    check_int(rig_stop(&rig), 0);
}

TAP_TEST(a_security_context_is_used)
{
    static const char *const interfaces[] = {"wl_compositor", "wp_security_context_manager_v1"};
    static struct wire wire;
    struct guard_rig rig;
    uint8_t out[64];
    struct stat given;
    struct stat mine;

    check(rig_start(&rig));
    check(rig_open(&rig, 1)); /* before the guard knows how */
    check(answer_probe(&rig, interfaces, 2));
    wire = (struct wire){.fd = rig.compositor};
    check(wire_read(&wire, REQUESTS_SIZE));
    check_int(load_le32(wire.data), 2);
    check(memmem(wire.data, wire.size, "wp_security_context_manager_v1", 30) != NULL);
    check(memmem(wire.data, wire.size, "org.vitrine.Vitrine", 19) != NULL);
    check(memmem(wire.data, wire.size, "org.vitrine.machine.demo", 24) != NULL);
    check(memmem(wire.data, wire.size, "1-2-3", 5) != NULL);
    check_int(wire.n_fds, 2);
    check(fstat(rig.listener, &mine) == 0 && fstat(wire.fds[0], &given) == 0);
    check_int(given.st_ino, mine.st_ino);
    check(fstat(wire.fds[1], &given) == 0 && S_ISFIFO(given.st_mode));
    check(load_le32(wire.data + wire.size - 20) == 5 && wire.data[wire.size - 16] == 4);
    check(wire_send(rig.compositor, out, wire_put(out, 6, 0, (uint32_t[]){0}, 1), NULL, 0));
    int ours = rig_connect(&rig, GUARD_LISTENER);
    int guest = rig_opened(&rig, 1);
    check(ours >= 0 && guest >= 0);
    /* Nobody stands between. */
    check(send(guest, "anything", 8, 0) == 8 && recv(ours, out, 8, 0) == 8);
    check(memcmp(out, "anything", 8) == 0);
    close(ours);
    close(guest);
    close(wire.fds[0]);
    close(wire.fds[1]);
    check_int(rig_stop(&rig), 0);
}

TAP_TEST(a_refused_security_context_falls_back)
{
    static const char *const interfaces[] = {"wp_security_context_manager_v1"};
    static struct wire wire;
    struct guard_rig rig;
    uint8_t out[64];

    check(rig_start(&rig));
    check(answer_probe(&rig, interfaces, 1));
    wire = (struct wire){.fd = rig.compositor};
    check(wire_read(&wire, REQUESTS_SIZE));
    check(wire_send(rig.compositor, out, wire_put(out, 1, 0, (uint32_t[]){5, 1, 0}, 3), NULL, 0));
    check(rig_open(&rig, 1));
    int ours = rig_connect(&rig, GUARD_COMPOSITOR);
    int guest = rig_opened(&rig, 1);
    check(ours >= 0 && guest >= 0);
    close(ours);
    close(guest);
    check_int(rig_stop(&rig), 0);
}

TAP_TEST(a_compositor_that_leaves_is_survived)
{
    static struct wire guest;
    struct guard_rig rig;
    struct guard_connect asked;
    const struct guard_connected refused = {
        .header = {.type = GUARD_CONNECTED, .size = sizeof(refused)}, .error = 111};

    check(rig_start(&rig));
    fd_closep(&rig.compositor);
    check(rig_open(&rig, 1) && rig_open(&rig, 2));
    check(recv(rig.control, &asked, sizeof(asked), 0) == sizeof(asked));
    check(send(rig.control, &refused, sizeof(refused), 0) == sizeof(refused));
    check_int(rig_opened(&rig, 1), -1);
    int ours = rig_connect(&rig, GUARD_COMPOSITOR);
    guest = (struct wire){.fd = rig_opened(&rig, 2)};
    check(ours >= 0 && guest.fd >= 0);
    close(ours);
    check(wire_ends(&guest));
    wire_close(&guest);
    check_int(rig_stop(&rig), 0);
}

TAP_TEST(connections_have_a_limit)
{
    struct guard_rig rig;
    static struct wire unused[2];
    int ours[65];
    int guest[65];

    check(start_filtering(&rig, &unused[0], &unused[1]));
    for (uint64_t i = 0; i < 64; i++) {
        check(rig_open(&rig, i + 1));
        ours[i] = rig_connect(&rig, GUARD_COMPOSITOR);
        guest[i] = rig_opened(&rig, i + 1);
        check(ours[i] >= 0 && (guest[i] >= 0) == (i < 63));
    }
    for (uint64_t i = 0; i < 64; i++) {
        close(ours[i]);
        fd_closep(&guest[i]);
    }
    wire_close(&unused[0]);
    wire_close(&unused[1]);
    check_int(rig_stop(&rig), 0);
}

/*
 * Whoever comes too many is refused, and served again when others left. `more` descriptors come with
 * the beginning of a message, which the guard has to keep.
 */
static bool
run_out(size_t more)
{
    static struct wire guest;
    static struct wire compositor;
    const struct rlimit few = {.rlim_cur = 110, .rlim_max = 110};
    struct guard_rig rig;
    int ours[60];
    int theirs[60];
    size_t served = 0;

    bool good = start_filtering(&rig, &guest, &compositor) &&
                prlimit(rig.pid, RLIMIT_NOFILE, &few, NULL) == 0;
    for (uint64_t i = 0; good && i < ARRAY_SIZE(ours); i++) {
        good = rig_open(&rig, i + 1);
        ours[i] = rig_connect(&rig, GUARD_COMPOSITOR);
        theirs[i] = rig_opened(&rig, i + 1);
        served += theirs[i] >= 0;
        if (i == 58) {
            good = good && wire_send(theirs[0], "", 1, (int[]){rig.gpu, rig.gpu}, more);
            usleep(100000);
        }
    }
    for (size_t i = 0; good && i < ARRAY_SIZE(ours); i++) {
        fd_closep(&ours[i]);
        fd_closep(&theirs[i]);
    }
    good = good && served > 40 && served < ARRAY_SIZE(ours) && show_globals(&guest, &compositor) &&
           rig_open(&rig, 100);
    ours[0] = good ? rig_connect(&rig, GUARD_COMPOSITOR) : -1;
    theirs[0] = good ? rig_opened(&rig, 100) : -1;
    good = good && ours[0] >= 0 && theirs[0] >= 0;
    fd_closep(&ours[0]);
    fd_closep(&theirs[0]);
    wire_close(&guest);
    wire_close(&compositor);
    return rig_stop(&rig) == 0 && good;
}

TAP_TEST(descriptors_may_run_out)
{
    check(run_out(1));
    check(run_out(2)); /* after one of the two there is no room for what the supervisor sends */
}

TAP_MAIN(TAP_CASE(what_is_not_for_guests_is_hidden), TAP_CASE(broken_requests_end_the_connection),
         TAP_CASE(descriptors_go_with_their_messages), TAP_CASE(a_slow_reader_holds_the_writer),
         TAP_CASE(a_security_context_is_used), TAP_CASE(a_refused_security_context_falls_back),
         TAP_CASE(a_compositor_that_leaves_is_survived), TAP_CASE(connections_have_a_limit),
         TAP_CASE(descriptors_may_run_out))
