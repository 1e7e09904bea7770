/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/gdb/registers.h"

#include <stdarg.h>
#include <stdio.h>

#include "vmm/base/bytes.h"

struct row {
    const char *name;
    const char *type;
    size_t offset; /* in struct debug_registers */
    size_t size;   /* bytes that gdb sees */
};

#define AT(member) offsetof(struct debug_registers, member)
#define ROW(n, t, member, s)                                        \
    {                                                               \
        .name = (n), .type = (t), .offset = AT(member), .size = (s) \
    }
#define GENERAL(n, i) ROW(n, "int64", general[i], 8)
#define SEGMENT(n, i) ROW(n, "int32", segment[i], 4)
#define ST(i)         ROW("st" #i, "i387_ext", st[i], 10)
#define X87(n, i)     ROW(n, "int32", x87[i], 4)
#define XMM(i)        ROW("xmm" #i, "vec128", xmm[i], 16)
#define CONTROL(n, i) ROW(n, "uint64", control[i], 8)

static const struct row core[] = {
    GENERAL("rax", 0),
    GENERAL("rbx", 1),
    GENERAL("rcx", 2),
    GENERAL("rdx", 3),
    GENERAL("rsi", 4),
    GENERAL("rdi", 5),
    ROW("rbp", "data_ptr", general[6], 8),
    ROW("rsp", "data_ptr", general[7], 8),
    GENERAL("r8", 8),
    GENERAL("r9", 9),
    GENERAL("r10", 10),
    GENERAL("r11", 11),
    GENERAL("r12", 12),
    GENERAL("r13", 13),
    GENERAL("r14", 14),
    GENERAL("r15", 15),
    ROW("rip", "code_ptr", rip, 8),
    ROW("eflags", "int32", rflags, 4),
    SEGMENT("cs", 0),
    SEGMENT("ss", 1),
    SEGMENT("ds", 2),
    SEGMENT("es", 3),
    SEGMENT("fs", 4),
    SEGMENT("gs", 5),
    ST(0),
    ST(1),
    ST(2),
    ST(3),
    ST(4),
    ST(5),
    ST(6),
    ST(7),
    X87("fctrl", 0),
    X87("fstat", 1),
    X87("ftag", 2),
    X87("fiseg", 3),
    X87("fioff", 4),
    X87("foseg", 5),
    X87("fooff", 6),
    X87("fop", 7),
};
static const struct row sse[] = {
    XMM(0),
    XMM(1),
    XMM(2),
    XMM(3),
    XMM(4),
    XMM(5),
    XMM(6),
    XMM(7),
    XMM(8),
    XMM(9),
    XMM(10),
    XMM(11),
    XMM(12),
    XMM(13),
    XMM(14),
    XMM(15),
    ROW("mxcsr", "int32", mxcsr, 4),
};
static const struct row segments[] = {
    ROW("fs_base", "int64", fs_base, 8),
    ROW("gs_base", "int64", gs_base, 8),
};
static const struct row system_rows[] = {
    CONTROL("cr0", 0), CONTROL("cr2", 1), CONTROL("cr3", 2), CONTROL("cr4", 3), CONTROL("efer", 4),
};

static const struct {
    const char *name;
    const struct row *rows;
    size_t n_rows;
} features[] = {
    {"org.gnu.gdb.i386.core", core, ARRAY_SIZE(core)},
    {"org.gnu.gdb.i386.sse", sse, ARRAY_SIZE(sse)},
    {"org.gnu.gdb.i386.segments", segments, ARRAY_SIZE(segments)},
    {"org.vitrine.gdb.system", system_rows, ARRAY_SIZE(system_rows)},
};

static const struct row *
find_row(uint64_t number)
{
    for (size_t i = 0; i < ARRAY_SIZE(features); i++) {
        if (number < features[i].n_rows) {
            return &features[i].rows[number];
        }
        number -= features[i].n_rows;
    }
    return NULL;
}

struct text {
    char *data;
    size_t size;
    size_t used; /* beyond `size` when it did not fit */
};

static void __attribute__((format(printf, 2, 3)))
add_text(struct text *text, const char *format, ...)
{
    const size_t left = text->used < text->size ? text->size - text->used : 0;
    va_list arguments;
    int n;

    va_start(arguments, format);
    n = vsnprintf(left ? text->data + text->used : NULL, left, format, arguments);
    va_end(arguments);
    text->used += n > 0 ? (size_t)n : 0;
}

size_t
registers_describe(char *ret_text, size_t size)
{
    struct text text = {.data = ret_text, .size = size};

    ret_text[0] = '\0';
    add_text(&text, "<?xml version=\"1.0\"?><!DOCTYPE target SYSTEM \"gdb-target.dtd\">"
                    "<target version=\"1.0\"><architecture>i386:x86-64</architecture>");
    for (size_t i = 0; i < ARRAY_SIZE(features); i++) {
        add_text(&text, "<feature name=\"%s\">", features[i].name);
        if (features[i].rows == sse) {
            add_text(&text, "<vector id=\"v4f\" type=\"ieee_single\" count=\"4\"/>"
                            "<vector id=\"v2d\" type=\"ieee_double\" count=\"2\"/>"
                            "<vector id=\"v16i8\" type=\"int8\" count=\"16\"/>"
                            "<vector id=\"v8i16\" type=\"int16\" count=\"8\"/>"
                            "<vector id=\"v4i32\" type=\"int32\" count=\"4\"/>"
                            "<vector id=\"v2i64\" type=\"int64\" count=\"2\"/>"
                            "<union id=\"vec128\"><field name=\"v4_float\" type=\"v4f\"/>"
                            "<field name=\"v2_double\" type=\"v2d\"/>"
                            "<field name=\"v16_int8\" type=\"v16i8\"/>"
                            "<field name=\"v8_int16\" type=\"v8i16\"/>"
                            "<field name=\"v4_int32\" type=\"v4i32\"/>"
                            "<field name=\"v2_int64\" type=\"v2i64\"/>"
                            "<field name=\"uint128\" type=\"uint128\"/></union>");
        }
        for (size_t j = 0; j < features[i].n_rows; j++) {
            const struct row *row = &features[i].rows[j];

            add_text(&text, "<reg name=\"%s\" bitsize=\"%zu\" type=\"%s\"/>", row->name,
                     row->size * 8, row->type);
        }
        add_text(&text, "</feature>");
    }
    add_text(&text, "</target>");
    return text.used < size ? text.used : 0;
}

void
registers_put(const struct debug_registers *registers, struct packet_writer *writer)
{
    for (uint64_t i = 0; registers_put_one(registers, i, writer); i++) {
    }
}

bool
registers_take(struct debug_registers *registers, const char **text)
{
    for (uint64_t i = 0; find_row(i); i++) {
        if (!registers_take_one(registers, i, text)) {
            return false;
        }
    }
    return true;
}

bool
registers_put_one(const struct debug_registers *registers, uint64_t number,
                  struct packet_writer *writer)
{
    const struct row *row = find_row(number);

    if (!row) {
        return false;
    }
    packet_put_bytes(writer, (const char *)registers + row->offset, row->size);
    return true;
}

bool
registers_take_one(struct debug_registers *registers, uint64_t number, const char **text)
{
    const struct row *row = find_row(number);

    return row && packet_take_bytes(text, (char *)registers + row->offset, row->size);
}
