/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* gdb's remote protocol against a machine of our own: what is asked, and what is answered. */

#include <errno.h>

#include "tests/unit/tap.h"
#include "vmm/base/bytes.h"
#include "vmm/gdb/packet.h"
#include "vmm/gdb/session.h"
#include "vmm/protocol/machine.h"

#define SESSION cleanup(session_destroyp) struct session *

struct rig {
    char sent[6144];
    size_t n_sent;
    uint32_t asked[16]; /* types, in order */
    size_t n_asked;
    struct debug_resume resume;
    struct debug_point point;
    struct debug_registers registers;
    uint8_t memory[256]; /* at 0x1000 */
    int result;          /* of DEBUG_DONE */
    bool left;
};

static int
rig_ask(void *data, const void *request, size_t size, union debug_answer *ret_answer)
{
    struct rig *rig = data;
    const struct start_header *header = request;
    const struct debug_question *question = request;

    rig->asked[rig->n_asked++ % ARRAY_SIZE(rig->asked)] = header->type;
    ret_answer->done = (struct debug_done){.header = {DEBUG_DONE, sizeof(ret_answer->done)},
                                           .result = rig->result};
    if (header->type == DEBUG_GET_REGISTERS) {
        ret_answer->registers = (struct debug_registers_message){
            .header = {DEBUG_REGISTERS, sizeof(ret_answer->registers)},
            .registers = rig->registers};
    } else if (header->type == DEBUG_SET_REGISTERS) {
        rig->registers = ((const struct debug_registers_message *)request)->registers;
    } else if (header->type == DEBUG_RESUME && size == sizeof(rig->resume)) {
        memcpy(&rig->resume, request, size);
    } else if ((header->type == DEBUG_INSERT || header->type == DEBUG_REMOVE) &&
               size == sizeof(rig->point)) {
        memcpy(&rig->point, request, size);
    } else if (header->type == DEBUG_READ) {
        const uint64_t offset = question->address - 0x1000;
        const uint32_t n =
            offset < 256 ? (uint32_t)MIN_OF(256 - offset, (uint64_t)question->length) : 0;

        ret_answer->memory =
            (struct debug_memory){.header = {DEBUG_MEMORY, sizeof(ret_answer->memory)},
                                  .result = n ? (int32_t)n : -EFAULT,
                                  .length = n};
        memcpy(ret_answer->memory.data, rig->memory + (n ? offset : 0), n);
    } else if (header->type == DEBUG_WRITE) {
        const struct debug_memory *memory = request;

        memcpy(rig->memory + (memory->address - 0x1000), memory->data, memory->length);
    }
    return 0;
}

static void
rig_send(void *data, const void *bytes, size_t n)
{
    struct rig *rig = data;

    if (n < sizeof(rig->sent) - rig->n_sent) {
        memcpy(rig->sent + rig->n_sent, bytes, n);
        rig->n_sent += n;
    }
}

static void
rig_leave(void *data)
{
    ((struct rig *)data)->left = true;
}

static const struct session_ops rig_ops = {.ask = rig_ask, .send = rig_send, .leave = rig_leave};
static const struct debug_stopped at_start = {.reason = DEBUG_REASON_HELD};

/* What is sent when a packet of `text` comes, without the packet's own frame; in rig->sent. */
static const char *
ask(struct rig *rig, struct session *session, const char *text)
{
    struct packet_writer writer = {0};
    char frame[PACKET_MAX + 4];

    packet_put(&writer, text);
    const size_t n = packet_frame(&writer, frame);
    rig->n_sent = 0;
    memset(rig->sent, 0, sizeof(rig->sent));
    session_input(session, (const uint8_t *)frame, n);
    if (rig->sent[0] != '+' || (rig->n_sent > 1 && rig->sent[1] != '$')) {
        return "no acknowledgement";
    }
    if (rig->n_sent == 1) {
        return "nothing";
    }
    rig->sent[rig->n_sent - 3] = '\0';
    return rig->sent + 2;
}

TAP_TEST(packets)
{
    static const char good[] = "x$ab}#63";
    struct packet_reader reader = {0};
    enum packet_event event = PACKET_NONE;

    for (size_t i = 0; good[i]; i++) {
        check_int(event, PACKET_NONE);
        event = packet_read(&reader, (uint8_t)good[i]);
    }
    /* 'a' + 'b' + '}' is 0x140. */
    check_int(event, PACKET_BAD);
    for (size_t i = 0; i < 6; i++) {
        event = packet_read(&reader, (uint8_t) "$ab#c3"[i]);
    }
    check_int(event, PACKET_WHOLE);
    check_str(reader.data, "ab");
    check_int(packet_read(&reader, 3), PACKET_INTERRUPT);
    check_int(packet_read(&reader, '-'), PACKET_REFUSED);
    packet_read(&reader, '$');
    for (size_t i = 0; i < PACKET_MAX + 10; i++) {
        packet_read(&reader, 0);
    }
    packet_read(&reader, '#');
    packet_read(&reader, '0');
    check_int(packet_read(&reader, '0'), PACKET_BAD);
}

TAP_TEST(words)
{
    const char *text = "1f,ffffffffffffffff:zz";
    uint64_t value;

    check(packet_take_number(&text, &value) && value == 0x1f);
    check(!packet_take_number(&text, &value));
    check(packet_take_char(&text, ',') && packet_take_number(&text, &value));
    check(value == UINT64_MAX && packet_take_char(&text, ':'));
    check(!packet_take_bytes(&text, &value, 1));
    text = "11112222333344445";
    check(!packet_take_number(&text, &value));
}

TAP_TEST(about_itself)
{
    struct rig rig = {0};
    SESSION session = session_create(&rig_ops, &rig, 4, &at_start);

    check_str(ask(&rig, session, "?"), "T02thread:1;");
    check_str(ask(&rig, session, "qfThreadInfo"), "m1,2,3,4");
    check_str(ask(&rig, session, "qsThreadInfo"), "l");
    check_str(ask(&rig, session, "qC"), "QC1");
    check_str(ask(&rig, session, "Hg3"), "OK");
    check_str(ask(&rig, session, "qC"), "QC3");
    check_str(ask(&rig, session, "Hg9"), "E16");
    check_str(ask(&rig, session, "Hg0"), "OK");
    check_str(ask(&rig, session, "T4"), "OK");
    check_str(ask(&rig, session, "T5"), "E03");
    check_str(ask(&rig, session, "vMustReplyEmpty"), "");
    check_str(ask(&rig, session, "qAttached"), "1");
    check(strstr(ask(&rig, session, "qSupported:swbreak+"), "PacketSize=1000;"));
    check_int(*ask(&rig, session, "qXfer:features:read:target.xml:0,100"), 'm');
    check_int(*ask(&rig, session, "qXfer:features:read:target.xml:ffff,1"), 'E');
}

TAP_TEST(registers)
{
    struct rig rig = {.registers = {.general = {0x1122334455667788}, .rip = 0x1000}};
    SESSION session = session_create(&rig_ops, &rig, 1, &at_start);
    char all[2048];

    check_str(ask(&rig, session, "p0"), "8877665544332211");
    check_str(ask(&rig, session, "p10"), "0010000000000000");
    check_str(ask(&rig, session, "p47"), "E16"); /* 71: there are 0 to 70 */
    check_int(*ask(&rig, session, "p3f"), '0');
    check_str(ask(&rig, session, "P1=0100000000000000"), "OK");
    check_int(rig.registers.general[1], 1);
    check_str(ask(&rig, session, "P1=01"), "E16");
    all[0] = 'G';
    snprintf(all + 1, sizeof(all) - 1, "%s", ask(&rig, session, "g"));
    check_int(strlen(all + 1), 2 * (16 * 8 + 8 + 7 * 4 + 80 + 32 + 256 + 4 + 16 + 40));
    rig.registers = (struct debug_registers){0};
    check_str(ask(&rig, session, all), "OK");
    check(rig.registers.rip == 0x1000 && rig.registers.general[0] == 0x1122334455667788);
    check_str(ask(&rig, session, "G00"), "E16");
}

TAP_TEST(memory)
{
    struct rig rig = {.memory = {1, 2, 3}};
    SESSION session = session_create(&rig_ops, &rig, 1, &at_start);

    check_str(ask(&rig, session, "m1000,3"), "010203");
    check_str(ask(&rig, session, "m10fe,8"), "0000");
    check_str(ask(&rig, session, "m5000,8"), "E0e");
    check_str(ask(&rig, session, "m1000,0"), "E16");
    check_str(ask(&rig, session, "m1000"), "E16");
    check_str(ask(&rig, session, "M1001,2:aabb"), "OK");
    check_int(rig.memory[2], 0xbb);
    check_str(ask(&rig, session, "M1001,3:aabb"), "E16");
    check_str(ask(&rig, session, "M1001,ffffffffffffffff:aabb"), "E16");
}

TAP_TEST(going_on)
{
    struct rig rig = {0};
    SESSION session = session_create(&rig_ops, &rig, 4, &at_start);
    const struct debug_stopped software = {.vcpu = 2, .reason = DEBUG_REASON_SOFTWARE};
    const struct debug_stopped write = {.reason = DEBUG_REASON_WRITE, .address = 0xabc};

    ask(&rig, session, "qSupported:swbreak+;hwbreak+");
    check_str(ask(&rig, session, "vCont;s:2;c"), "nothing");
    check(rig.resume.step == 2 && rig.resume.run == 0xd);
    rig.n_sent = 0;
    session_stopped(session, &software);
    rig.sent[rig.n_sent] = '\0';
    check(strstr(rig.sent, "$T05thread:3;swbreak:;#"));
    check_str(ask(&rig, session, "qC"), "QC3");
    check_str(ask(&rig, session, "vCont;s:1"), "nothing");
    check(rig.resume.step == 1 && rig.resume.run == 0);
    rig.n_sent = 0;
    session_stopped(session, &write);
    session_stopped(session, &write); /* nobody waits any more */
    rig.sent[rig.n_sent] = '\0';
    check(strstr(rig.sent, "$T05thread:1;watch:abc;#") == rig.sent && rig.n_sent < 30);
    check_str(ask(&rig, session, "vCont;x"), "E16");
    check_str(ask(&rig, session, "vCont"), "E16");
    rig.result = -EBUSY;
    check_str(ask(&rig, session, "c"), "E10");
}

TAP_TEST(interrupt_and_end)
{
    struct rig rig = {0};
    SESSION session = session_create(&rig_ops, &rig, 1, NULL);

    check_int(rig.n_asked, 1);
    check_int(rig.asked[0], DEBUG_HOLD);
    check_str(ask(&rig, session, "?"), "nothing");
    session_stopped(session, &at_start);
    check(strstr(rig.sent, "$T02thread:1;#"));
    session_input(session, (const uint8_t *)"\3", 1); /* it stands already */
    check_int(rig.n_asked, 1);
    ask(&rig, session, "c");
    session_input(session, (const uint8_t *)"\3", 1);
    check_int(rig.asked[2], DEBUG_HOLD);
    rig.n_sent = 0;
    session_ended(session, MACHINE_END_RESET);
    rig.sent[rig.n_sent] = '\0';
    check(strstr(rig.sent, "$W20#"));
    check_str(ask(&rig, session, "D"), "OK");
    check(rig.left);
}

TAP_TEST(points)
{
    struct rig rig = {0};
    SESSION session = session_create(&rig_ops, &rig, 1, &at_start);

    check_str(ask(&rig, session, "Z2,1234,8"), "OK");
    check(rig.point.kind == DEBUG_POINT_WRITE && rig.point.address == 0x1234 &&
          rig.point.length == 8 && rig.point.header.type == DEBUG_INSERT);
    check_str(ask(&rig, session, "z1,ffffffff81000000,1"), "OK");
    check(rig.point.header.type == DEBUG_REMOVE && rig.point.kind == DEBUG_POINT_HARDWARE);
    check_str(ask(&rig, session, "Z5,1,1"), "E16");
    check_str(ask(&rig, session, "Z0,1"), "E16");
    rig.result = -EOPNOTSUPP;
    check_str(ask(&rig, session, "Z3,1234,8"), "");
}

TAP_TEST(acknowledgements)
{
    struct rig rig = {0};
    SESSION session = session_create(&rig_ops, &rig, 1, &at_start);

    ask(&rig, session, "qC");
    rig.n_sent = 0;
    session_input(session, (const uint8_t *)"-", 1);
    rig.sent[rig.n_sent] = '\0';
    check_str(rig.sent, "$QC1#c5");
    session_input(session, (const uint8_t *)"$qC#00", 6);
    check_int(rig.sent[rig.n_sent - 1], '-');
    check_str(ask(&rig, session, "QStartNoAckMode"), "OK");
    rig.n_sent = 0;
    session_input(session, (const uint8_t *)"$qC#b4", 6);
    check_int(rig.sent[0], '$');
}

TAP_MAIN(TAP_CASE(packets), TAP_CASE(words), TAP_CASE(about_itself), TAP_CASE(registers),
         TAP_CASE(memory), TAP_CASE(going_on), TAP_CASE(interrupt_and_end), TAP_CASE(points),
         TAP_CASE(acknowledgements))
