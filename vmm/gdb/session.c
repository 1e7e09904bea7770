/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/gdb/session.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "vmm/base/bytes.h"
#include "vmm/base/memory.h"
#include "vmm/gdb/registers.h"
#include "vmm/gdb/session-private.h"
#include "vmm/protocol/machine.h"

enum {
    FEATURES_PIECE_MAX = PACKET_MAX / 2 - 1, /* each byte may take two */
    SIGNAL_INTERRUPT = 2,
    SIGNAL_TRAP = 5,
};

/* -- answers -- */

static void
send_packet(struct session *session)
{
    session->last_length = packet_frame(&session->writer, session->last);
    session->ops->send(session->data, session->last, session->last_length);
}

void
session_say(struct session *session, const char *text)
{
    packet_put(&session->writer, text);
}

void
session_say_result(struct session *session, int result)
{
    if (result < 0) {
        packet_printf(&session->writer, "E%02x", (unsigned int)MIN_OF(-result, 255));
    } else {
        session_say(session, "OK");
    }
}

/* -- the machine -- */

int
session_ask(struct session *session, const void *request, size_t size,
            union debug_answer *ret_answer)
{
    return session->ops->ask(session->data, request, size, ret_answer);
}

int
session_ask_done(struct session *session, const void *request, size_t size)
{
    union debug_answer answer;
    int r = session_ask(session, request, size, &answer);

    if (r < 0) {
        return r;
    }
    return answer.header.type == DEBUG_DONE ? answer.done.result : -EPROTO;
}

static int
ask_plain(struct session *session, uint32_t type)
{
    const struct start_header header = {type, sizeof(header)};

    return session_ask_done(session, &header, sizeof(header));
}

/* -- stops -- */

static void
tell_reason(struct session *session)
{
    switch (session->stopped.reason) {
    case DEBUG_REASON_SOFTWARE:
        session_say(session, session->tells_software ? "swbreak:;" : "");
        break;
    case DEBUG_REASON_HARDWARE:
        session_say(session, session->tells_hardware ? "hwbreak:;" : "");
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
    int r = session_ask_done(session, &resume, sizeof(resume));
    if (r < 0) {
        session->running = r == -EBUSY;
        session->waits = false;
        session_say_result(session, r);
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
        session_say_result(session, -EINVAL);
        return;
    }
    if (what == 'c') {
        session->moves = vcpu;
    } else if (vcpu < session->n_cpus) {
        session->vcpu = vcpu;
    }
    session_say_result(session, 0);
}

static void
thread_lives(struct session *session, const char *text)
{
    uint32_t vcpu;

    session_say_result(session,
                       take_thread(session, &text, &vcpu) && vcpu < session->n_cpus ? 0 : -ESRCH);
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
    session_say(session, "l");
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
        session_say_result(session, -ESRCH);
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
        session_say_result(session, -EINVAL);
        return;
    }
    const uint64_t left = session->n_description - offset;
    length = MIN_OF(MIN_OF(length, left), (uint64_t)FEATURES_PIECE_MAX);
    session_say(session, length == left ? "l" : "m");
    packet_put_escaped(&session->writer, session->description + offset, length);
}

static void
attached(struct session *session, const char *text)
{
    (void)text;
    session_say(session, "1"); /* the machine was there before: quitting leaves it running */
}

static void
stop_acknowledging(struct session *session, const char *text)
{
    (void)text;
    session->no_acknowledge = true;
    session_say_result(session, 0);
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
        session_say_result(session, -EOPNOTSUPP); /* gdb sets rip itself */
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
            session_say_result(session, -EINVAL);
            return;
        }
    }
    if (run | step) {
        go(session, run, step);
    } else {
        session_say_result(session, -EINVAL);
    }
}

static void
continue_how(struct session *session, const char *text)
{
    (void)text;
    session_say(session, "vCont;c;C;s;S");
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
    session_say_result(session, ask_plain(session, DEBUG_DETACH));
    session->ops->leave(session->data);
}

static void
kill_machine(struct session *session, const char *text)
{
    (void)text;
    session_say_result(session, ask_plain(session, DEBUG_KILL));
    session->ops->leave(session->data);
}

/* -- packets -- */

/* The first that begins so is it. An empty answer says that a packet is not known. */
static const struct {
    const char *begin;
    void (*handle)(struct session *session, const char *rest);
} commands[] = {
    {"?", why_stopped},
    {"g", session_read_registers},
    {"G", session_write_registers},
    {"p", session_read_register},
    {"P", session_write_register},
    {"m", session_read_memory},
    {"M", session_write_memory},
    {"Z", session_insert_point},
    {"z", session_remove_point},
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
        session_say_result(session, -EMSGSIZE);
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
    session->n_description = registers_describe(session->description, SESSION_DESCRIPTION_MAX);
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
