/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <linux/serial_reg.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/tap.h"
#include "vmm/base/fd.h"
#include "vmm/machine/serial.h"

struct rig {
    struct loop *loop;
    struct serial *serial;
    int peer;
    bool level;
    unsigned int edges;
};

static void
set_line(void *data, unsigned int port, bool level)
{
    struct rig *rig = data;

    rig->level = level;
    rig->edges += level;
}

static bool
rig_init(struct rig *rig)
{
    int fds[2];

    *rig = (struct rig){.peer = -1};
    rig->loop = loop_create();
    if (!rig->loop || fd_socket_pair(SOCK_STREAM, fds) < 0) {
        return false;
    }
    rig->peer = fds[1];
    fd_set_nonblocking(rig->peer);
    rig->serial = serial_create(rig->loop, fds[0], 0, set_line, rig);
    return rig->serial != NULL;
}

static void
rig_finish(struct rig *rig)
{
    serial_destroy(rig->serial);
    loop_destroy(rig->loop);
    fd_closep(&rig->peer);
}

static uint8_t
in(struct rig *rig, uint64_t reg)
{
    return (uint8_t)serial_range_ops.read(rig->serial, reg, 1);
}

static void
out(struct rig *rig, uint64_t reg, uint8_t value)
{
    serial_range_ops.write(rig->serial, reg, 1, value);
}

/* The steps of a PC driver's detection. */
TAP_TEST(is_a_16550a)
{
    struct rig rig;

    check(rig_init(&rig));
    out(&rig, UART_IER, 0xff);
    check_int(in(&rig, UART_IER), 0x0f);
    out(&rig, UART_IER, 0);
    out(&rig, UART_MCR, UART_MCR_LOOP | UART_MCR_OUT2 | UART_MCR_RTS);
    check_int(in(&rig, UART_MSR) & 0xf0, UART_MSR_DCD | UART_MSR_CTS);
    out(&rig, UART_MCR, 0);
    check_int(in(&rig, UART_IIR) >> 6, 0);
    out(&rig, UART_FCR, UART_FCR_ENABLE_FIFO);
    check_int(in(&rig, UART_IIR), 0xc1);
    out(&rig, UART_SCR, 0x5a);
    check_int(in(&rig, UART_SCR), 0x5a);
    out(&rig, UART_LCR, UART_LCR_DLAB | UART_LCR_WLEN8);
    out(&rig, UART_DLL, 1);
    out(&rig, UART_DLM, 2);
    check_int(in(&rig, UART_DLL), 1);
    check_int(in(&rig, UART_DLM), 2);
    out(&rig, UART_LCR, UART_LCR_WLEN8);
    check_int(in(&rig, UART_LSR), UART_LSR_THRE | UART_LSR_TEMT);
    rig_finish(&rig);
}

TAP_TEST(sends_at_line_feed_and_later)
{
    struct rig rig;
    char text[16] = "";

    check(rig_init(&rig));
    out(&rig, UART_TX, 'o');
    out(&rig, UART_TX, 'k');
    check_int(read(rig.peer, text, sizeof(text)), -1);
    out(&rig, UART_TX, '\n');
    check_int(read(rig.peer, text, sizeof(text)), 3);
    check(memcmp(text, "ok\n", 3) == 0);
    out(&rig, UART_TX, '>');
    for (int i = 0; i < 100 && read(rig.peer, text, sizeof(text)) < 0; i++) {
        check_int(loop_iterate(rig.loop, 100), 0);
    }
    check_int(text[0], '>');
    rig_finish(&rig);
}

TAP_TEST(transmit_interrupt)
{
    struct rig rig;

    check(rig_init(&rig));
    out(&rig, UART_IER, UART_IER_THRI);
    check(!rig.level); /* OUT2 is not set */
    out(&rig, UART_MCR, UART_MCR_OUT2);
    check(rig.level);
    check_int(in(&rig, UART_IIR) & 0x0f, UART_IIR_THRI);
    check(!rig.level);
    check_int(in(&rig, UART_IIR) & 0x0f, UART_IIR_NO_INT);
    out(&rig, UART_IER, 0);
    out(&rig, UART_IER, UART_IER_THRI);
    check(rig.level); /* enabling it reports an empty transmitter again */
    rig_finish(&rig);
}

TAP_TEST(receives_with_flow_control)
{
    struct rig rig;
    char sent[100];
    char got[100];
    size_t n = 0;

    check(rig_init(&rig));
    for (size_t i = 0; i < sizeof(sent); i++) {
        sent[i] = (char)i;
    }
    out(&rig, UART_FCR, UART_FCR_ENABLE_FIFO);
    out(&rig, UART_MCR, UART_MCR_OUT2);
    out(&rig, UART_IER, UART_IER_RDI);
    check_int(write(rig.peer, sent, sizeof(sent)), sizeof(sent));
    for (int i = 0; i < 50 && n < sizeof(got); i++) {
        check_int(loop_iterate(rig.loop, 100), 0);
        check(rig.level);
        check_int(in(&rig, UART_IIR) & 0x0f, UART_IIR_RDI);
        while (in(&rig, UART_LSR) & UART_LSR_DR) {
            check(n < sizeof(got));
            got[n++] = (char)in(&rig, UART_RX);
        }
        check(!rig.level);
    }
    check_int(n, sizeof(sent));
    check(memcmp(sent, got, n) == 0);
    rig_finish(&rig);
}

TAP_TEST(full_socket_stops_the_transmitter)
{
    struct rig rig;
    static char drain[65536];
    size_t sent = 0;
    size_t got = 0;

    check(rig_init(&rig));
    out(&rig, UART_MCR, UART_MCR_OUT2);
    while ((in(&rig, UART_LSR) & UART_LSR_THRE) && sent < 16 << 20) {
        out(&rig, UART_TX, (uint8_t)(sent++ % 251));
    }
    check(sent < 16 << 20);
    out(&rig, UART_IER, UART_IER_THRI);
    check(!rig.level);
    for (int idle = 0; idle < 3;) {
        ssize_t n = read(rig.peer, drain, sizeof(drain));
        if (n <= 0) {
            idle++;
            check_int(loop_iterate(rig.loop, 20), 0);
            continue;
        }
        for (ssize_t i = 0; i < n; i++) {
            check_int((uint8_t)drain[i], got++ % 251);
        }
    }
    check_int(got, sent); /* nothing was lost */
    check(in(&rig, UART_LSR) & UART_LSR_THRE);
    check(rig.level);
    rig_finish(&rig);
}

TAP_TEST(survives_a_lost_reader)
{
    struct rig rig;

    check(rig_init(&rig));
    fd_closep(&rig.peer);
    for (int i = 0; i < 3; i++) {
        check_int(loop_iterate(rig.loop, 10), 0);
    }
    for (int i = 0; i < 100000; i++) {
        check(in(&rig, UART_LSR) & UART_LSR_THRE);
        out(&rig, UART_TX, '\n');
    }
    serial_flush(rig.serial, 10);
    rig_finish(&rig);
}

int
main(void)
{
    const struct tap_case cases[] = {
        TAP_CASE(is_a_16550a),
        TAP_CASE(sends_at_line_feed_and_later),
        TAP_CASE(transmit_interrupt),
        TAP_CASE(receives_with_flow_control),
        TAP_CASE(full_socket_stops_the_transmitter),
        TAP_CASE(survives_a_lost_reader),
    };

    signal(SIGPIPE, SIG_IGN); /* as vmm-machine does */
    return tap_run(cases, sizeof(cases) / sizeof(cases[0]));
}
