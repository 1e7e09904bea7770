/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a client reads, writes and watches of the machine. */

#include <errno.h>

#include "vmm/base/bytes.h"
#include "vmm/gdb/registers.h"
#include "vmm/gdb/session-private.h"

static int
get_registers(struct session *session, union debug_answer *ret_answer)
{
    const struct debug_question question = {.header = {DEBUG_GET_REGISTERS, sizeof(question)},
                                            .vcpu = session->vcpu};
    int r = session_ask(session, &question, sizeof(question), ret_answer);

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
    return session_ask_done(session, message, sizeof(*message));
}

void
session_read_registers(struct session *session, const char *text)
{
    union debug_answer answer;
    int r = get_registers(session, &answer);

    (void)text;
    if (r < 0) {
        session_say_result(session, r);
    } else {
        registers_put(&answer.registers.registers, &session->writer);
    }
}

void
session_write_registers(struct session *session, const char *text)
{
    union debug_answer answer;
    int r = get_registers(session, &answer);

    if (r == 0) {
        r = registers_take(&answer.registers.registers, &text)
                ? set_registers(session, &answer.registers)
                : -EINVAL;
    }
    session_say_result(session, r);
}

void
session_read_register(struct session *session, const char *text)
{
    union debug_answer answer;
    uint64_t number;
    int r = get_registers(session, &answer);

    if (r == 0 && (!packet_take_number(&text, &number) ||
                   !registers_put_one(&answer.registers.registers, number, &session->writer))) {
        r = -EINVAL;
    }
    if (r < 0) {
        session_say_result(session, r);
    }
}

void
session_write_register(struct session *session, const char *text)
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
    session_say_result(session, r);
}

static bool
take_range(const char **text, uint64_t *ret_address, uint64_t *ret_length)
{
    return packet_take_number(text, ret_address) && packet_take_char(text, ',') &&
           packet_take_number(text, ret_length);
}

void
session_read_memory(struct session *session, const char *text)
{
    struct debug_question question = {.header = {DEBUG_READ, sizeof(question)},
                                      .vcpu = session->vcpu};
    union debug_answer answer;
    uint64_t length;
    int r = -EINVAL;

    if (take_range(&text, &question.address, &length) && length > 0) {
        question.length = (uint32_t)MIN_OF(length, (uint64_t)DEBUG_DATA_MAX);
        r = session_ask(session, &question, sizeof(question), &answer);
        r = r < 0                                ? r
            : answer.header.type == DEBUG_MEMORY ? answer.memory.result
            : answer.header.type == DEBUG_DONE   ? MIN_OF(answer.done.result, -EPROTO)
                                                 : -EPROTO;
    }
    if (r <= 0) {
        session_say_result(session, r < 0 ? r : -EFAULT);
    } else {
        packet_put_bytes(&session->writer, answer.memory.data,
                         MIN_OF((size_t)r, (size_t)question.length));
    }
}

void
session_write_memory(struct session *session, const char *text)
{
    struct debug_memory memory = {.header = {DEBUG_WRITE, sizeof(memory)}, .vcpu = session->vcpu};
    uint64_t length;
    int r = -EINVAL;

    if (take_range(&text, &memory.address, &length) && packet_take_char(&text, ':') &&
        length <= DEBUG_DATA_MAX && packet_take_bytes(&text, memory.data, length)) {
        memory.length = (uint32_t)length;
        r = length == 0 ? 0 : session_ask_done(session, &memory, sizeof(memory));
    }
    session_say_result(session, r);
}

static void
change_point(struct session *session, const char *text, uint32_t type)
{
    struct debug_point point = {.header = {type, sizeof(point)}, .vcpu = session->vcpu};
    uint64_t kind;
    uint64_t length;

    if (!packet_take_number(&text, &kind) || kind > DEBUG_POINT_ACCESS ||
        !packet_take_char(&text, ',') || !take_range(&text, &point.address, &length)) {
        session_say_result(session, -EINVAL);
        return;
    }
    point.kind = (uint32_t)kind;
    point.length = (uint32_t)MIN_OF(length, (uint64_t)UINT32_MAX);
    int r = session_ask_done(session, &point, sizeof(point));
    if (r != -EOPNOTSUPP) { /* an empty answer: there is no such thing */
        session_say_result(session, r);
    }
}

void
session_insert_point(struct session *session, const char *text)
{
    change_point(session, text, DEBUG_INSERT);
}

void
session_remove_point(struct session *session, const char *text)
{
    change_point(session, text, DEBUG_REMOVE);
}
