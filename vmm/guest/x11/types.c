/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/guest/x11/types.h"

#include <fcntl.h>
#include <unistd.h>

#include "vmm/base/bytes.h"

static const char utf8_type[] = "text/plain;charset=utf-8";
static const char plain_type[] = "text/plain";

void
types_add(struct types *types, const char *name, size_t length, uint32_t atom)
{
    if (types->n < TYPES_MAX && length > 0 && length < TYPE_TEXT_MAX) {
        struct type *type = &types->type[types->n++];

        memcpy(type->name, name, length);
        type->name[length] = '\0';
        type->atom = atom;
    }
}

const struct type *
types_find(const struct types *types, const char *name)
{
    for (uint32_t i = 0; i < types->n; i++) {
        if (strcmp(types->type[i].name, name) == 0) {
            return &types->type[i];
        }
    }
    return NULL;
}

void
types_intern(struct x11 *x11, const struct types *types, struct x_ticket ticket)
{
    const uint32_t detail = ticket.detail;

    for (uint32_t i = 0; i < types->n; i++) {
        ticket.detail = detail | i << 8;
        x_intern(x11->conn, types->type[i].name, ticket);
    }
}

const struct type *
types_for(const struct x11 *x11, const struct types *types, uint32_t target)
{
    const struct type *found = NULL;

    for (uint32_t i = 0; i < types->n && target != 0; i++) {
        if (types->type[i].atom == target) {
            return &types->type[i];
        }
    }
    if (target == x11->atoms[ATOM_UTF8_STRING]) {
        found = types_find(types, utf8_type);
        found = found ? found : types_find(types, plain_type);
    }
    return found;
}

size_t
types_atoms(const struct x11 *x11, const struct types *types, uint32_t *ret_atoms)
{
    size_t n = 0;

    if (types_for(x11, types, x11->atoms[ATOM_UTF8_STRING])) {
        ret_atoms[n++] = x11->atoms[ATOM_UTF8_STRING];
    }
    for (uint32_t i = 0; i < types->n; i++) {
        ret_atoms[n++] = types->type[i].atom;
    }
    return n;
}

static void
answer_targets(struct x11 *x11, const struct types *types, const uint8_t *request)
{
    const uint32_t property = x_u32(request + 24) ? x_u32(request + 24) : x_u32(request + 20);
    uint32_t atoms[TYPES_MAX + 2] = {x11->atoms[ATOM_TARGETS]};
    const size_t n = 1 + types_atoms(x11, types, atoms + 1);

    x_set_property(x11->conn, x_u32(request + 12),
                   &(struct x_property){property, XA_ATOM, 32, atoms, n});
    transfer_answer(x11, request, property);
}

void
types_answer(struct x11 *x11, struct transfers *transfers, const struct types *types,
             const struct types_offer *offer, const uint8_t *request)
{
    const uint32_t target = x_u32(request + 20);
    struct wire_writer writer;
    int ends[2];

    if (target == x11->atoms[ATOM_TARGETS]) {
        answer_targets(x11, types, request);
        return;
    }
    const struct type *type = types_for(x11, types, target);
    if (!type || pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0) {
        transfer_answer(x11, request, 0);
        return;
    }
    wire_begin(&writer, offer->id, offer->receive);
    wire_put_string(&writer, type->name);
    hop_send_fd(x11->hop, &writer, ends[1]);
    close(ends[1]);
    transfer_to_x(transfers, request, ends[0]);
}

uint32_t
types_name(struct x11 *x11, struct types *types, const uint8_t *atoms, uint32_t n,
           struct x_ticket ticket)
{
    uint32_t n_asked = 0;

    for (uint32_t i = 0; i < n && i < 4 * TYPES_MAX; i++) {
        const uint32_t atom = x_u32(atoms + (size_t)i * 4);

        if (atom == x11->atoms[ATOM_UTF8_STRING]) {
            types_add(types, utf8_type, sizeof(utf8_type) - 1, atom);
            types_add(types, plain_type, sizeof(plain_type) - 1, atom);
        } else if (atom > XA_LAST) {
            n_asked++;
            ticket.window = atom;
            x_send(x11->conn, &(struct x_request){.opcode = X_GET_ATOM_NAME,
                                                  .n_words = 1,
                                                  .word = {atom},
                                                  .reply = true,
                                                  .ticket = ticket});
        }
    }
    return n_asked;
}

void
types_named(struct types *types, uint32_t atom, const uint8_t *reply, size_t size)
{
    const size_t length = reply ? x_u16(reply + 8) : 0;
    char name[TYPE_TEXT_MAX] = "";

    if (!reply || !range_inside(X_EVENT_SIZE, length, size) || length >= sizeof(name)) {
        return;
    }
    memcpy(name, reply + X_EVENT_SIZE, length);
    if (strlen(name) == length && strchr(name, '/') && !types_find(types, name)) {
        types_add(types, name, length, atom);
    }
}
