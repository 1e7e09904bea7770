/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/machine/serial.h"

#include <errno.h>
#include <linux/serial_reg.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>

#include "vmm/base/fd.h"
#include "vmm/base/memory.h"

enum {
    FIFO_SIZE = 16,
    OUTPUT_SIZE = 1024,
    OUTPUT_SEND_AT = 128, /* bytes that are sent without waiting for a line feed */
    OUTPUT_DELAY_MS = 4,
};

struct serial {
    pthread_mutex_t lock;
    unsigned int port;
    serial_set_line set_line;
    void *data;
    struct loop_source *source; /* NULL once the peer has hung up; control thread only */
    struct loop_source *timer;
    int fd;
    uint32_t watched; /* epoll events of `source` now */
    bool hung_up;
    bool timer_armed;

    uint8_t input[FIFO_SIZE];
    unsigned int input_start;
    unsigned int input_used;
    uint8_t output[OUTPUT_SIZE];
    unsigned int output_used;
    bool blocked; /* the socket is full */

    uint8_t ier;
    uint8_t fcr;
    uint8_t lcr;
    uint8_t mcr;
    uint8_t scratch;
    uint8_t divisor[2];
    bool thri;    /* the transmitter became empty and nobody has looked yet */
    bool overrun; /* loop-back only: the socket waits */
    bool level;   /* of the interrupt line */
};

/* -- interrupt -- */

static uint8_t
interrupt_cause(const struct serial *serial)
{
    if ((serial->ier & UART_IER_RLSI) && serial->overrun) {
        return UART_IIR_RLSI;
    }
    if ((serial->ier & UART_IER_RDI) && serial->input_used > 0) {
        return UART_IIR_RDI;
    }
    if ((serial->ier & UART_IER_THRI) && serial->thri) {
        return UART_IIR_THRI;
    }
    return UART_IIR_NO_INT;
}

static void
update_line(struct serial *serial)
{
    /* OUT2 gates the line on PC boards. */
    bool level = interrupt_cause(serial) != UART_IIR_NO_INT && (serial->mcr & UART_MCR_OUT2) &&
                 !(serial->mcr & UART_MCR_LOOP);

    if (level != serial->level) {
        serial->level = level;
        serial->set_line(serial->data, serial->port, level);
    }
}

/* -- socket -- */

static void
watch(struct serial *serial)
{
    uint32_t events = 0;

    if (serial->input_used < FIFO_SIZE) {
        events |= EPOLLIN;
    }
    if (serial->blocked) {
        events |= EPOLLOUT;
    }
    if (serial->source && !serial->hung_up && events != serial->watched) {
        loop_modify(serial->source, events);
        serial->watched = events;
    }
}

static bool
transmitter_is_ready(const struct serial *serial)
{
    return serial->output_used <= OUTPUT_SIZE - FIFO_SIZE;
}

static void
send_output(struct serial *serial)
{
    bool was_ready = transmitter_is_ready(serial);
    unsigned int sent = 0;

    while (sent < serial->output_used && !serial->hung_up) {
        ssize_t n = write(serial->fd, serial->output + sent, serial->output_used - sent);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0 && errno != EAGAIN) {
            serial->hung_up = true;
        }
        if (n < 0) {
            break;
        }
        sent += (unsigned int)n;
    }
    if (serial->hung_up) {
        sent = serial->output_used; /* nobody is there: like a line without a cable */
    }
    serial->output_used -= sent;
    memmove(serial->output, serial->output + sent, serial->output_used);
    serial->blocked = serial->output_used > 0;
    if (!was_ready && transmitter_is_ready(serial)) {
        serial->thri = true;
    }
    watch(serial);
}

static void
receive_input(struct serial *serial)
{
    while (serial->input_used < FIFO_SIZE) {
        uint8_t bytes[FIFO_SIZE];
        ssize_t n = read(serial->fd, bytes, FIFO_SIZE - serial->input_used);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n == 0 || (n < 0 && errno != EAGAIN)) {
            serial->hung_up = true;
        }
        if (n <= 0) {
            break;
        }
        for (ssize_t i = 0; i < n; i++) {
            serial->input[(serial->input_start + serial->input_used++) % FIFO_SIZE] = bytes[i];
        }
    }
    watch(serial);
}

static void
on_socket(void *data, uint32_t events)
{
    struct serial *serial = data;
    struct loop_source *gone = NULL;

    pthread_mutex_lock(&serial->lock);
    if (events & EPOLLOUT) {
        send_output(serial);
    }
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
        receive_input(serial);
    }
    if ((events & (EPOLLHUP | EPOLLERR)) && serial->input_used == FIFO_SIZE) {
        serial->hung_up = true; /* would be reported for ever; what is unread is lost */
    }
    if (serial->hung_up) {
        gone = serial->source;
        serial->source = NULL;
    }
    update_line(serial);
    pthread_mutex_unlock(&serial->lock);
    loop_remove(gone);
}

static void
on_timer(void *data, uint32_t events)
{
    struct serial *serial = data;

    pthread_mutex_lock(&serial->lock);
    serial->timer_armed = false;
    if (serial->output_used > 0 && !serial->blocked) {
        send_output(serial);
        update_line(serial);
    }
    pthread_mutex_unlock(&serial->lock);
}

/* -- registers -- */

static void
write_data(struct serial *serial, uint8_t byte)
{
    if (serial->mcr & UART_MCR_LOOP) {
        serial->overrun = serial->input_used == FIFO_SIZE;
        if (!serial->overrun) {
            serial->input[(serial->input_start + serial->input_used++) % FIFO_SIZE] = byte;
        }
        serial->thri = true;
        return;
    }
    if (serial->output_used < OUTPUT_SIZE) { /* else the guest did not look at THRE */
        serial->output[serial->output_used++] = byte;
    }
    serial->thri = false;
    if (!serial->blocked) {
        if (byte == '\n' || serial->output_used >= OUTPUT_SEND_AT) {
            send_output(serial);
        } else if (!serial->timer_armed) {
            serial->timer_armed = true;
            loop_timer_set(serial->timer, OUTPUT_DELAY_MS, 0);
        }
    }
    serial->thri = transmitter_is_ready(serial);
}

static uint8_t
read_data(struct serial *serial)
{
    uint8_t byte = 0;

    if (serial->input_used > 0) {
        byte = serial->input[serial->input_start];
        serial->input_start = (serial->input_start + 1) % FIFO_SIZE;
        serial->input_used--;
        watch(serial);
    }
    return byte;
}

static uint8_t
read_cause(struct serial *serial)
{
    uint8_t cause = interrupt_cause(serial);

    if (cause == UART_IIR_THRI) {
        serial->thri = false;
    }
    return cause | ((serial->fcr & UART_FCR_ENABLE_FIFO) ? 0xc0 : 0);
}

static uint8_t
read_line_status(struct serial *serial)
{
    uint8_t status = serial->input_used > 0 ? UART_LSR_DR : 0;

    if (serial->overrun) {
        status |= UART_LSR_OE;
        serial->overrun = false;
    }
    if (transmitter_is_ready(serial)) {
        status |= UART_LSR_THRE | UART_LSR_TEMT;
    }
    return status;
}

static uint8_t
read_modem_status(const struct serial *serial)
{
    uint8_t status = 0;

    if (!(serial->mcr & UART_MCR_LOOP)) {
        return UART_MSR_DCD | UART_MSR_DSR | UART_MSR_CTS;
    }
    status |= (serial->mcr & UART_MCR_RTS) ? UART_MSR_CTS : 0;
    status |= (serial->mcr & UART_MCR_DTR) ? UART_MSR_DSR : 0;
    status |= (serial->mcr & UART_MCR_OUT1) ? UART_MSR_RI : 0;
    status |= (serial->mcr & UART_MCR_OUT2) ? UART_MSR_DCD : 0;
    return status;
}

static uint8_t
read_register(struct serial *serial, uint64_t offset)
{
    bool divisor = (serial->lcr & UART_LCR_DLAB) != 0;

    switch (offset) {
    case UART_RX:
        return divisor ? serial->divisor[0] : read_data(serial);
    case UART_IER:
        return divisor ? serial->divisor[1] : serial->ier;
    case UART_IIR:
        return read_cause(serial);
    case UART_LCR:
        return serial->lcr;
    case UART_MCR:
        return serial->mcr;
    case UART_LSR:
        return read_line_status(serial);
    case UART_MSR:
        return read_modem_status(serial);
    default:
        return serial->scratch;
    }
}

static void
write_interrupt_enable(struct serial *serial, uint8_t value)
{
    uint8_t before = serial->ier;

    serial->ier = value & 0x0f;
    if ((serial->ier & ~before & UART_IER_THRI) && transmitter_is_ready(serial)) {
        serial->thri = true; /* enabling it reports an empty transmitter once */
    }
}

static void
write_fifo_control(struct serial *serial, uint8_t value)
{
    if ((value ^ serial->fcr) & UART_FCR_ENABLE_FIFO) {
        value |= UART_FCR_CLEAR_RCVR;
    }
    if (value & UART_FCR_CLEAR_RCVR) {
        serial->input_used = 0;
        watch(serial);
    }
    serial->fcr = value & (UART_FCR_ENABLE_FIFO | UART_FCR_TRIGGER_MASK);
}

static void
write_register(struct serial *serial, uint64_t offset, uint8_t value)
{
    bool divisor = (serial->lcr & UART_LCR_DLAB) != 0;

    switch (offset) {
    case UART_TX:
        if (divisor) {
            serial->divisor[0] = value;
        } else {
            write_data(serial, value);
        }
        break;
    case UART_IER:
        if (divisor) {
            serial->divisor[1] = value;
        } else {
            write_interrupt_enable(serial, value);
        }
        break;
    case UART_FCR:
        write_fifo_control(serial, value);
        break;
    case UART_LCR:
        serial->lcr = value;
        break;
    case UART_MCR:
        serial->mcr = value & 0x1f;
        break;
    case UART_SCR:
        serial->scratch = value;
        break;
    default:
        break; /* status registers */
    }
}

static uint64_t
serial_read(void *data, uint64_t offset, unsigned int size)
{
    struct serial *serial = data;
    uint8_t value;

    pthread_mutex_lock(&serial->lock);
    value = read_register(serial, offset);
    update_line(serial);
    pthread_mutex_unlock(&serial->lock);
    return value;
}

static void
serial_write(void *data, uint64_t offset, unsigned int size, uint64_t value)
{
    struct serial *serial = data;

    pthread_mutex_lock(&serial->lock);
    write_register(serial, offset, (uint8_t)value);
    update_line(serial);
    pthread_mutex_unlock(&serial->lock);
}

const struct vm_range_ops serial_range_ops = {.read = serial_read, .write = serial_write};

void
serial_flush(struct serial *serial, int timeout_ms)
{
    pthread_mutex_lock(&serial->lock);
    send_output(serial);
    if (serial->blocked) {
        struct pollfd room = {.fd = serial->fd, .events = POLLOUT};

        if (poll(&room, 1, timeout_ms) > 0) {
            send_output(serial);
        }
    }
    pthread_mutex_unlock(&serial->lock);
}

struct serial *
serial_create(struct loop *loop, int fd, unsigned int port, serial_set_line set_line, void *data)
{
    cleanup(serial_destroyp) struct serial *serial = xalloc(sizeof(*serial));
    int r;

    *serial = (struct serial){
        .fd = -1,
        .port = port,
        .set_line = set_line,
        .data = data,
        .watched = EPOLLIN,
        .mcr = 0,
        .divisor = {12, 0},
    };
    pthread_mutex_init(&serial->lock, NULL);
    r = fd_set_nonblocking(fd);
    if (r < 0) {
        errno = -r;
        return NULL;
    }
    serial->timer = loop_add_timer(loop, on_timer, serial);
    if (!serial->timer) {
        return NULL;
    }
    serial->source = loop_add(loop, fd, EPOLLIN, on_socket, serial);
    if (!serial->source) {
        return NULL;
    }
    serial->fd = fd;
    return take_pointer(serial);
}

void
serial_destroy(struct serial *serial)
{
    if (!serial) {
        return;
    }
    loop_remove(serial->source);
    loop_remove(serial->timer);
    pthread_mutex_destroy(&serial->lock);
    fd_closep(&serial->fd);
    free(serial);
}
