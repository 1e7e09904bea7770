/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The registers of a processor as gdb numbers and describes them. GDB manual, "Target Descriptions". */

#include "vmm/gdb/packet.h"
#include "vmm/protocol/debug.h"

/* target.xml, NUL-terminated, in at most `size` bytes; its length, or 0 when that is too few. */
size_t registers_describe(char *ret_text, size_t size);

/* All of them, as 'g' answers. */
void registers_put(const struct debug_registers *registers, struct packet_writer *writer);
/* All of them, as 'G' tells; false when there are too few digits. */
bool registers_take(struct debug_registers *registers, const char **text);
/* One of them, as 'p' answers; false when there is no such number. */
bool registers_put_one(const struct debug_registers *registers, uint64_t number,
                       struct packet_writer *writer);
/* One of them, as 'P' tells. */
bool registers_take_one(struct debug_registers *registers, uint64_t number, const char **text);
