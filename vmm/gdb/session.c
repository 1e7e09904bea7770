/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/gdb/session.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "vmm/base/bytes.h"
#include "vmm/base/memory.h"
#include "vmm/gdb/packet.h"
#include "vmm/gdb/registers.h"
#include "vmm/protocol/machine.h"

enum {
    DESCRIPTION_MAX = 8192,
    FEATURES_PIECE_MAX = PACKET_MAX / 2 - 1, /* each byte may take two */
    SIGNAL_INTERRUPT = 2,
    SIGNAL_TRAP = 5,
};

struct session {
    const struct session_ops *ops;
    void *data;
    uint32_t n_cpus;

    struct packet_reader reader;
    struct packet_writer writer;
    char last[PACKET_MAX + 4]; /* our last packet, as it went out */
    size_t last_length;
    bool no_acknowledge;
    bool tells_software; /* the client knows these reasons of a stop */
    bool tells_hardware;

    bool running;
    bool waits;     /* a stop is to be told when it comes */
    uint32_t vcpu;  /* that registers and memory are asked of */
    uint32_t moves; /* that 'c' and 's' are about: 'Hc'; n_cpus: all */
    struct debug_stopped stopped;
    size_t n_description;
    char description[DESCRIPTION_MAX];
};

/* -- answers -- */

static void
send_packet(struct session *session)
{
    session->last_length = packet_frame(&session->writer, session->last);
    session->ops->send(session->data, session->last, session->last_length);
}

static void
say(struct session *session, const char *text)
{
    packet_put(&session->writer, text);
}

static void
say_result(struct session *session, int result)
{
    if (result < 0) {
        packet_printf(&session->writer, "E%02x", (unsigned int)MIN_OF(-result, 255));
    } else {
        say(session, "OK");
    }
}

/* -- the machine -- */

static int
ask(struct session *session, const void *request, size_t size, union debug_answer *ret_answer)
{
    return session->ops->ask(session->data, request, size, ret_answer);
}

/* For what is answered by DEBUG_DONE. */
static int
ask_done(struct session *session, const void *request, size_t size)
{
    union debug_answer answer;
    int r = ask(session, request, size, &answer);

    if (r < 0) {
        return r;
    }
    return answer.header.type == DEBUG_DONE ? answer.done.result : -EPROTO;
}

static int
ask_plain(struct session *session, uint32_t type)
{
    const struct start_header header = {type, sizeof(header)};

    return ask_done(session, &header, sizeof(header));
}

static int
get_registers(struct session *session, union debug_answer *ret_answer)
{
    const struct debug_question question = {.header = {DEBUG_GET_REGISTERS, sizeof(question)},
                                            .vcpu = session->vcpu};
    int r = ask(session, &question, sizeof(question), ret_answer);

    if (r == 0 && ret_answer->header.type != DEBUG_REGISTERS) {
        r = ret_answer->header.type == DEBUG_DONE && ret_answer->done.result < 0
                ? ret_answer->done.result
                : -EPROTO;
    }
    return r < 0 ? r : ret_answer->registers.result;
}

static int
set_registers(struct session *session, struct debug_registers_message *message)
{
    message->header = (struct start_header){DEBUG_SET_REGISTERS, sizeof(*message)};
    message->vcpu = session->vcpu;
    return ask_done(session, message, sizeof(*message));
}

/* -- stops -- */

static void
tell_reason(struct session *session)
{
    switch (session->stopped.reason) {
    case DEBUG_REASON_SOFTWARE:
        say(session, session->tells_software ? "swbreak:;" : "");
        break;
    case DEBUG_REASON_HARDWARE:
        say(session, session->tells_hardware ? "hwbreak:;" : "");
        break;
    case DEBUG_REASON_WRITE:
        packet_printf(&session->writer, "watch:%llx;",
                      (unsigned long long)session->stopped.address);
        break;
    case DEBUG_REASON_ACCESS:
        packet_printf(&session->writer, "awatch:%llx;",
                      (unsigned long long)session->stopped.address);
        break;
    default:
        break;
    }
}

static void
say_stop(struct session *session)
{
    const bool held = session->stopped.reason == DEBUG_REASON_HELD;

    const unsigned int signal = held ? SIGNAL_INTERRUPT : SIGNAL_TRAP;

    packet_printf(&session->writer, "T%02xthread:%x;", signal, session->stopped.vcpu + 1);
    tell_reason(session);
}

void
session_stopped(struct session *session, const struct debug_stopped *stopped)
{
    if (stopped->vcpu >= session->n_cpus) {
        return;
    }
    session->running = false;
    session->stopped = *stopped;
    session->vcpu = stopped->vcpu;
    if (session->waits) {
        session->waits = false;
        session->writer.length = 0;
        session->writer.full = false;
        say_stop(session);
        send_packet(session);
    }
}

void
session_ended(struct session *session, uint32_t reason)
{
    static const unsigned int status[] = {[MACHINE_END_POWEROFF] = 0,
                                          [MACHINE_END_STOPPED] = 0,
                                          [MACHINE_END_RESET] = 32,
                                          [MACHINE_END_PANIC] = 34,
                                          [MACHINE_END_FAILED] = 33};

    if (session->waits) {
        session->waits = false;
        session->writer.length = 0;
        session->writer.full = false;
        packet_printf(&session->writer, "W%02x", reason < ARRAY_SIZE(status) ? status[reason] : 33);
        send_packet(session);
    }
}

static void
go(struct session *session, uint32_t run, uint32_t step)
{
    const struct debug_resume resume = {
        .header = {DEBUG_RESUME, sizeof(resume)}, .run = run, .step = step};

    session->running = true;
    session->waits = true;
    int r = ask_done(session, &resume, sizeof(resume));
    if (r < 0) {
        session->running = r == -EBUSY;
        session->waits = false;
        say_result(session, r);
    }
}

static uint32_t
every(const struct session *session)
{
    return session->n_cpus >= 32 ? UINT32_MAX : (UINT32_C(1) << session->n_cpus) - 1;
}

/* -- threads -- */

/* A thread's number: -1 and 0 give n_cpus, "any". */
static bool
take_thread(const struct session *session, const char **text, uint32_t *ret_vcpu)
{
    uint64_t number;

    if (packet_take_word(text, "-1")) {
        *ret_vcpu = session->n_cpus;
        return true;
    }
    if (!packet_take_number(text, &number) || number > session->n_cpus) {
        return false;
    }
    *ret_vcpu = number == 0 ? session->n_cpus : (uint32_t)number - 1;
    return true;
}

static void
choose_thread(struct session *session, const char *text)
{
    const char what = *text;
    uint32_t vcpu;

    if (what != '\0') {
        text++;
    }
    if ((what != 'g' && what != 'c') || !take_thread(session, &text, &vcpu)) {
        say_result(session, -EINVAL);
        return;
    }
    if (what == 'c') {
        session->moves = vcpu;
    } else if (vcpu < session->n_cpus) {
        session->vcpu = vcpu;
    }
    say_result(session, 0);
}

static void
thread_lives(struct session *session, const char *text)
{
    uint32_t vcpu;

    say_result(session, take_thread(session, &text, &vcpu) && vcpu < session->n_cpus ? 0 : -ESRCH);
}

static void
list_threads(struct session *session, const char *text)
{
    (void)text;
    for (uint32_t i = 0; i < session->n_cpus; i++) {
        packet_printf(&session->writer, "%c%x", i == 0 ? 'm' : ',', i + 1);
    }
}

static void
list_no_more(struct session *session, const char *text)
{
    (void)text;
    say(session, "l");
}

static void
describe_thread(struct session *session, const char *text)
{
    uint32_t vcpu;
    char name[32];

    if (take_thread(session, &text, &vcpu) && vcpu < session->n_cpus) {
        snprintf(name, sizeof(name), "processor %u", vcpu);
        packet_put_bytes(&session->writer, name, strlen(name));
    } else {
        say_result(session, -ESRCH);
    }
}

static void
current_thread(struct session *session, const char *text)
{
    (void)text;
    packet_printf(&session->writer, "QC%x", session->vcpu + 1);
}

/* -- questions about ourselves -- */

static void
supported(struct session *session, const char *text)
{
    session->tells_software = strstr(text, "swbreak+") != NULL;
    session->tells_hardware = strstr(text, "hwbreak+") != NULL;
    packet_printf(&session->writer,
                  "PacketSize=%x;qXfer:features:read+;vContSupported+;QStartNoAckMode+;swbreak+;"
                  "hwbreak+",
                  (unsigned int)PACKET_MAX);
}

static void
describe(struct session *session, const char *text)
{
    uint64_t offset;
    uint64_t length;

    if (!packet_take_number(&text, &offset) || !packet_take_char(&text, ',') ||
        !packet_take_number(&text, &length) || offset > session->n_description) {
        say_result(session, -EINVAL);
        return;
    }
    const uint64_t left = session->n_description - offset;
    length = MIN_OF(MIN_OF(length, left), (uint64_t)FEATURES_PIECE_MAX);
    say(session, length == left ? "l" : "m");
    packet_put_escaped(&session->writer, session->description + offset, length);
}

static void
attached(struct session *session, const char *text)
{
    (void)text;
    say(session, "1"); /* the machine was there before: quitting leaves it running */
}

static void
stop_acknowledging(struct session *session, const char *text)
{
    (void)text;
    session->no_acknowledge = true;
    say_result(session, 0);
}

/* -- registers and memory -- */

static void
read_registers(struct session *session, const char *text)
{
    union debug_answer answer;
    int r = get_registers(session, &answer);

    (void)text;
    if (r < 0) {
        say_result(session, r);
    } else {
        registers_put(&answer.registers.registers, &session->writer);
    }
}

static void
write_registers(struct session *session, const char *text)
{
    union debug_answer answer;
    int r = get_registers(session, &answer);

    if (r == 0) {
        r = registers_take(&answer.registers.registers, &text)
                ? set_registers(session, &answer.registers)
                : -EINVAL;
    }
    say_result(session, r);
}

static void
read_register(struct session *session, const char *text)
{
    union debug_answer answer;
    uint64_t number;
    int r = get_registers(session, &answer);

    if (r == 0 && (!packet_take_number(&text, &number) ||
                   !registers_put_one(&answer.registers.registers, number, &session->writer))) {
        r = -EINVAL;
    }
    if (r < 0) {
        say_result(session, r);
    }
}

static void
write_register(struct session *session, const char *text)
{
    union debug_answer answer;
    uint64_t number;
    int r = get_registers(session, &answer);

    if (r == 0) {
        r = packet_take_number(&text, &number) && packet_take_char(&text, '=') &&
                    registers_take_one(&answer.registers.registers, number, &text)
                ? set_registers(session, &answer.registers)
                : -EINVAL;
    }
    say_result(session, r);
}

static bool
take_range(const char **text, uint64_t *ret_address, uint64_t *ret_length)
{
    return packet_take_number(text, ret_address) && packet_take_char(text, ',') &&
           packet_take_number(text, ret_length);
}

static void
read_memory(struct session *session, const char *text)
{
    struct debug_question question = {.header = {DEBUG_READ, sizeof(question)},
                                      .vcpu = session->vcpu};
    union debug_answer answer;
    uint64_t length;
    int r = -EINVAL;

    if (take_range(&text, &question.address, &length) && length > 0) {
        question.length = (uint32_t)MIN_OF(length, (uint64_t)DEBUG_DATA_MAX);
        r = ask(session, &question, sizeof(question), &answer);
        r = r < 0                                ? r
            : answer.header.type == DEBUG_MEMORY ? answer.memory.result
            : answer.header.type == DEBUG_DONE   ? MIN_OF(answer.done.result, -EPROTO)
                                                 : -EPROTO;
    }
    if (r <= 0) {
        say_result(session, r < 0 ? r : -EFAULT);
    } else {
        packet_put_bytes(&session->writer, answer.memory.data,
                         MIN_OF((size_t)r, (size_t)question.length));
    }
}

static void
write_memory(struct session *session, const char *text)
{
    struct debug_memory memory = {.header = {DEBUG_WRITE, sizeof(memory)}, .vcpu = session->vcpu};
    uint64_t length;
    int r = -EINVAL;

    if (take_range(&text, &memory.address, &length) && packet_take_char(&text, ':') &&
        length <= DEBUG_DATA_MAX && packet_take_bytes(&text, memory.data, length)) {
        memory.length = (uint32_t)length;
        r = length == 0 ? 0 : ask_done(session, &memory, sizeof(memory));
    }
    say_result(session, r);
}

static void
change_point(struct session *session, const char *text, uint32_t type)
{
    struct debug_point point = {.header = {type, sizeof(point)}, .vcpu = session->vcpu};
    uint64_t kind;
    uint64_t length;

    if (!packet_take_number(&text, &kind) || kind > DEBUG_POINT_ACCESS ||
        !packet_take_char(&text, ',') || !take_range(&text, &point.address, &length)) {
        say_result(session, -EINVAL);
        return;
    }
    point.kind = (uint32_t)kind;
    point.length = (uint32_t)MIN_OF(length, (uint64_t)UINT32_MAX);
    int r = ask_done(session, &point, sizeof(point));
    if (r != -EOPNOTSUPP) { /* an empty answer: there is no such thing */
        say_result(session, r);
    }
}

static void
insert_point(struct session *session, const char *text)
{
    change_point(session, text, DEBUG_INSERT);
}

static void
remove_point(struct session *session, const char *text)
{
    change_point(session, text, DEBUG_REMOVE);
}

/* -- going on -- */

static void
why_stopped(struct session *session, const char *text)
{
    (void)text;
    if (session->running) {
        session->waits = true;
    } else {
        say_stop(session);
    }
}

/* 'c', 's', 'C05', 'S05'; with an address: there. */
static void
go_old_way(struct session *session, const char *text, bool step)
{
    const uint32_t all = every(session);
    const uint32_t one = UINT32_C(1)
                         << (session->moves < session->n_cpus ? session->moves : session->vcpu);

    if (*text && *text != ';') {
        say_result(session, -EOPNOTSUPP); /* gdb sets rip itself */
    } else if (step) {
        go(session, 0, one);
    } else {
        go(session, session->moves < session->n_cpus ? one : all, 0);
    }
}

static void
continue_all(struct session *session, const char *text)
{
    go_old_way(session, text, false);
}

static void
step_one(struct session *session, const char *text)
{
    go_old_way(session, text, true);
}

/* The guest gets no signals. */
static void
skip_signal(const char **text)
{
    uint64_t ignored;

    (void)packet_take_number(text, &ignored);
}

static void
continue_signal(struct session *session, const char *text)
{
    skip_signal(&text);
    go_old_way(session, text, false);
}

static void
step_signal(struct session *session, const char *text)
{
    skip_signal(&text);
    go_old_way(session, text, true);
}

/* One action of vCont; each processor does the first that names it. */
static bool
take_action(const struct session *session, const char **text, uint32_t *run, uint32_t *step)
{
    const uint32_t free = every(session) & ~(*run | *step);
    const char action = **text;
    uint32_t vcpu = session->n_cpus;

    if (!action || !strchr("cCsS", action)) {
        return false;
    }
    (*text)++;
    if (action == 'C' || action == 'S') {
        skip_signal(text);
    }
    if (packet_take_char(text, ':') && !take_thread(session, text, &vcpu)) {
        return false;
    }
    const uint32_t chosen = vcpu < session->n_cpus ? UINT32_C(1) << vcpu : every(session);
    *(action == 'c' || action == 'C' ? run : step) |= chosen & free;
    return true;
}

static void
continue_each(struct session *session, const char *text)
{
    uint32_t run = 0;
    uint32_t step = 0;

    while (packet_take_char(&text, ';')) {
        if (!take_action(session, &text, &run, &step)) {
            say_result(session, -EINVAL);
            return;
        }
    }
    if (run | step) {
        go(session, run, step);
    } else {
        say_result(session, -EINVAL);
    }
}

static void
continue_how(struct session *session, const char *text)
{
    (void)text;
    say(session, "vCont;c;C;s;S");
}

static void
interrupt(struct session *session)
{
    if (session->running) {
        (void)ask_plain(session, DEBUG_HOLD);
    }
}

static void
detach(struct session *session, const char *text)
{
    (void)text;
    session->running = true;
    say_result(session, ask_plain(session, DEBUG_DETACH));
    session->ops->leave(session->data);
}

static void
kill_machine(struct session *session, const char *text)
{
    (void)text;
    say_result(session, ask_plain(session, DEBUG_KILL));
    session->ops->leave(session->data);
}

/* -- packets -- */

/* The first that begins so is it. An empty answer says that a packet is not known. */
static const struct {
    const char *begin;
    void (*handle)(struct session *session, const char *rest);
} commands[] = {
    {"?", why_stopped},
    {"g", read_registers},
    {"G", write_registers},
    {"p", read_register},
    {"P", write_register},
    {"m", read_memory},
    {"M", write_memory},
    {"Z", insert_point},
    {"z", remove_point},
    {"H", choose_thread},
    {"T", thread_lives},
    {"vCont?", continue_how},
    {"vCont", continue_each},
    {"vKill", kill_machine},
    {"c", continue_all},
    {"C", continue_signal},
    {"s", step_one},
    {"S", step_signal},
    {"D", detach},
    {"k", kill_machine},
    {"qSupported", supported},
    {"qXfer:features:read:target.xml:", describe},
    {"qfThreadInfo", list_threads},
    {"qsThreadInfo", list_no_more},
    {"qThreadExtraInfo,", describe_thread},
    {"qAttached", attached},
    {"qC", current_thread},
    {"QStartNoAckMode", stop_acknowledging},
};

static void
on_packet(struct session *session)
{
    const char *text = session->reader.data;

    session->writer.length = 0;
    session->writer.full = false;
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
        if (packet_take_word(&text, commands[i].begin)) {
            commands[i].handle(session, text);
            break;
        }
    }
    if (session->writer.full) {
        session->writer.length = 0;
        say_result(session, -EMSGSIZE);
    }
    /* A client that waits for a stop gets that and nothing else. */
    if (!session->waits || session->writer.length > 0) {
        send_packet(session);
    }
}

static void
on_event(struct session *session, enum packet_event event)
{
    switch (event) {
    case PACKET_WHOLE:
        if (!session->no_acknowledge) {
            session->ops->send(session->data, "+", 1);
        }
        on_packet(session);
        break;
    case PACKET_BAD:
        session->ops->send(session->data, "-", 1);
        break;
    case PACKET_INTERRUPT:
        interrupt(session);
        break;
    case PACKET_REFUSED:
        session->ops->send(session->data, session->last, session->last_length);
        break;
    case PACKET_NONE:
        break;
    }
}

void
session_input(struct session *session, const uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        on_event(session, packet_read(&session->reader, bytes[i]));
    }
}

struct session *
session_create(const struct session_ops *ops, void *data, uint32_t n_cpus,
               const struct debug_stopped *stopped)
{
    struct session *session = xalloc(sizeof(*session));

    session->ops = ops;
    session->data = data;
    session->n_cpus = n_cpus;
    session->moves = n_cpus;
    session->running = true;
    session->n_description = registers_describe(session->description, DESCRIPTION_MAX);
    if (stopped) {
        session_stopped(session, stopped);
    } else {
        (void)ask_plain(session, DEBUG_HOLD);
    }
    return session;
}

void
session_destroy(struct session *session)
{
    free(session);
}
