/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "vmm/base/bytes.h"
#include "vmm/guest/x11/x11-private.h"

enum {
    PROPERTY_WORDS = 1024, /* of a property that are asked for */
};

static void
send_name(struct xconn *conn, uint8_t opcode, const char *name, struct x_ticket ticket)
{
    x_send(conn, &(struct x_request){.opcode = opcode,
                                     .n_words = 1,
                                     .word = {(uint32_t)strlen(name)},
                                     .data = name,
                                     .size = strlen(name),
                                     .reply = true,
                                     .ticket = ticket});
}

void
x_intern(struct xconn *conn, const char *name, struct x_ticket ticket)
{
    send_name(conn, X_INTERN_ATOM, name, ticket);
}

void
x_query_extension(struct xconn *conn, const char *name, struct x_ticket ticket)
{
    send_name(conn, X_QUERY_EXTENSION, name, ticket);
}

void
x_convert(struct x11 *x11, uint32_t selection, uint32_t target, uint32_t property)
{
    x_send(x11->conn,
           &(struct x_request){.opcode = X_CONVERT_SELECTION,
                               .n_words = 5,
                               .word = {x11->own_window, selection, target, property, 0}});
}

void
x_map(struct xconn *conn, uint32_t window)
{
    x_send(conn, &(struct x_request){.opcode = X_MAP_WINDOW, .n_words = 1, .word = {window}});
}

void
x_select_input(struct xconn *conn, uint32_t window, uint32_t mask)
{
    const uint32_t event_mask = 1 << 11;

    x_send(conn, &(struct x_request){.opcode = X_CHANGE_WINDOW_ATTRIBUTES,
                                     .n_words = 3,
                                     .word = {window, event_mask, mask}});
}

void
x_get_property(struct xconn *conn, uint32_t window, uint32_t atom, struct x_ticket ticket)
{
    x_send(conn, &(struct x_request){.opcode = X_GET_PROPERTY,
                                     .n_words = 5,
                                     .word = {window, atom, 0, 0, PROPERTY_WORDS},
                                     .reply = true,
                                     .ticket = ticket});
}

void
x_set_property(struct xconn *conn, uint32_t window, const struct x_property *property)
{
    x_send(conn, &(struct x_request){.opcode = X_CHANGE_PROPERTY,
                                     .n_words = 5,
                                     .word = {window, property->name, property->type,
                                              property->format, (uint32_t)property->count},
                                     .data = property->data,
                                     .size = property->count * property->format / 8});
}

void
x_send_message(struct xconn *conn, uint32_t window, uint32_t type, const uint32_t data[5])
{
    struct x_request request = {
        .opcode = X_SEND_EVENT,
        .n_words = 10,
        .word = {window, 0, X_EVENT_CLIENT_MESSAGE | 32 << 8, window, type}};

    memcpy(request.word + 5, data, 5 * sizeof(data[0]));
    x_send(conn, &request);
}
