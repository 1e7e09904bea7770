/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the files of the window manager share. */

#include <stdbool.h>

#include "vmm/base/list.h"
#include "vmm/guest/x11/hop.h"
#include "vmm/guest/x11/x11.h"
#include "vmm/guest/x11/xconn.h"
#include "wayland-wire-protocols.h"

enum {
    WINDOWS_MAX = 4096,
    TEXT_MAX = 512, /* bytes of a title or a class that are passed on */
};

/* Names that the X server numbers at the start; names.c has the words. */
enum x11_atom {
    ATOM_WL_SURFACE_ID,
    ATOM_WM_S0,
    ATOM_WM_STATE,
    ATOM_WM_PROTOCOLS,
    ATOM_WM_DELETE_WINDOW,
    ATOM_WM_TAKE_FOCUS,
    ATOM_WM_CHANGE_STATE,
    ATOM_MOTIF_WM_HINTS,
    ATOM_UTF8_STRING,
    ATOM_CLIPBOARD,
    ATOM_TARGETS,
    ATOM_INCR,
    ATOM_NET_SUPPORTED,
    ATOM_NET_SUPPORTING_WM_CHECK,
    ATOM_NET_ACTIVE_WINDOW,
    ATOM_NET_CLOSE_WINDOW,
    ATOM_NET_WM_NAME,
    ATOM_NET_WM_MOVERESIZE,
    ATOM_NET_WM_STATE,
    ATOM_NET_WM_STATE_FULLSCREEN,
    ATOM_NET_WM_STATE_MAXIMIZED_VERT,
    ATOM_NET_WM_STATE_MAXIMIZED_HORZ,
    ATOM_DELETE,
    ATOM_XDND_AWARE,
    ATOM_XDND_ENTER,
    ATOM_XDND_POSITION,
    ATOM_XDND_STATUS,
    ATOM_XDND_LEAVE,
    ATOM_XDND_DROP,
    ATOM_XDND_FINISHED,
    ATOM_XDND_SELECTION,
    ATOM_XDND_TYPE_LIST,
    ATOM_XDND_ACTION_COPY,
    ATOM_XDND_ACTION_MOVE,
    ATOM_XDND_ACTION_LIST,
    N_ATOMS,
};

enum surface_role {
    ROLE_NONE,     /* not known yet: its content waits */
    ROLE_OTHER,    /* a cursor: passes */
    ROLE_TOPLEVEL, /* xdg_toplevel */
    ROLE_POPUP,    /* xdg_popup */
    ROLE_GONE,     /* it had one of these two */
};

/* What the host was told about a toplevel: some answer each request with another configure event. */
struct told {
    char *title;
    char *app_id;
    uint32_t parent;
    uint32_t min_width, min_height, max_width, max_height;
    uint32_t decoration; /* zxdg_toplevel_decoration_v1.mode */
};

/* wl_surface of Xwayland's. Ids are outer ones where nothing else is said. */
struct surface {
    struct list link;
    struct hop_object *object;
    enum surface_role role;
    struct window *window;  /* NULL: none, or none any more */
    struct surface *parent; /* of a popup */
    uint32_t xdg_surface;
    uint32_t xdg_role;
    uint32_t decoration;
    struct told told;
    bool configured; /* once: content may be shown */
    bool committed;  /* content waits for that */
    uint32_t held;   /* the inner wl_buffer of it, 0 for none */
    uint32_t width;  /* of the last configure event; 0 where the program may choose */
    uint32_t height;
    int32_t x, y; /* of a popup, in its parent */
    bool fullscreen, maximized, tiled;
};

/* In the root window, in pixels. */
struct box {
    int32_t x, y;
    uint32_t width, height;
};

/* A child of the root window. */
struct window {
    struct list link;
    uint32_t id;
    bool override_redirect;
    bool mapped;
    uint32_t surface_id; /* inner, as the server said; 0 for none */
    struct surface *surface;
    uint32_t n_loading; /* properties that were asked for */
    struct box box;     /* as the X server said last */
    /* Properties. */
    char *title;
    bool title_is_utf8; /* _NET_WM_NAME, which goes before WM_NAME */
    char *app_id;
    uint32_t transient_for;
    uint32_t min_width, min_height, max_width, max_height; /* 0: none */
    bool takes_focus, deletes;                             /* WM_PROTOCOLS */
    bool no_input;                                         /* WM_HINTS */
    uint32_t xdnd_version;                                 /* 0: nothing can be dropped on it */
    bool undecorated;
    bool wants_fullscreen, wants_maximized;
    uint32_t states; /* wm_set_state() */
};

struct x11 {
    struct loop *loop;
    struct hop *hop;
    struct xconn *conn;
    struct selections *selections;
    struct drop *drop;
    struct drag *drag;
    void (*ended)(void *data, const char *why);
    void *data;
    bool over;
    const char *card; /* x11_create() */

    /* The host's, bound for ourselves; outer ids, 0 where it has none. */
    uint32_t registry;
    uint32_t wm_base;
    uint32_t decorations;
    uint32_t seat;
    uint32_t dmabuf;
    uint32_t button_serial;
    uint32_t input_serial; /* of a key, a button or the keyboard's coming */

    struct list surfaces;
    struct list windows;
    uint32_t n_windows;
    struct loop_source *patience; /* with a server that does not answer where the focus is */
    struct window *focused;       /* has the host's keyboard, or had it last */
    uint32_t to_focus;            /* its id; 0: the keyboard is elsewhere */
    uint32_t n_focus;             /* changes of the focus; the last one is the one that counts */
    struct loop_source *focus_timer;
    uint64_t focus_delay; /* of that */

    uint32_t root;
    uint32_t id_mask;
    uint32_t own_window;
    uint32_t atoms[N_ATOMS];
    uint32_t n_asked; /* answers that the start waits for */
    uint8_t composite;
};

/* What replies are about. */
enum ticket_kind {
    TICKET_NOTHING,
    TICKET_FOCUS, /* the focus is where it shall be; detail: which change of it */
    TICKET_ATOM,  /* detail: enum x11_atom */
    TICKET_COMPOSITE,
    TICKET_PROPERTY, /* detail: the atom */
    /* selection.c; window: the board's generation, or the atom; detail: the board, more from bit 8 */
    TICKET_FIXES,
    TICKET_TYPE_ATOM,
    TICKET_TARGETS,
    TICKET_ATOM_NAME,
    /* drop.c; window: its generation; detail: which kind, from bit 8 */
    TICKET_DROP_ATOM,
    /* drag.c; detail: its generation; of a name, window: its atom */
    TICKET_DRAG_SYNC,
    TICKET_DRAG_BUTTONS,
    TICKET_DRAG_TYPES,
    TICKET_DRAG_ACTIONS,
    TICKET_DRAG_NAME,
    /* transfer.c; detail: which */
    TICKET_CONTENT_ATOM,
    TICKET_CONTENT,
};

/* x11.c: end all. */
void x11_end(struct x11 *x11, const char *why);
/* The host's events wait until hop_go_on(), at most for so long. */
void x11_hold(struct x11 *x11, uint32_t milliseconds);
/* One of the host's globals for ourselves, unless *id is one already. */
void x11_bind(struct x11 *x11, const struct wire_call *call, const struct wire_interface *interface,
              uint32_t *id);

/* drm.c: wl_drm, by which Xwayland learns of the card. */
/* The global, for a registry of Xwayland's. */
void drm_show(struct x11 *x11, uint32_t registry);
/* One of the host's globals: what is needed of it. */
void drm_global(struct x11 *x11, const struct wire_call *call);
/* A request of Xwayland's: 0 when it is about something else, 1 when it shall not pass. */
int drm_request(struct x11 *x11, const struct wire_call *call);
/*
 * Whether an event of the host's shall not reach Xwayland: another layout than the card's own. Xwayland 22.1 asks the
 * driver for one of those it was told, which virgl's cannot make, and has no picture for the host then.
 */
bool drm_hides(const struct wire_call *call);

/* names.c */
const char *atom_name(enum x11_atom atom);

/* wm.c: Xwayland's window manager. */
void wm_ready(struct x11 *x11, const struct xconn_setup *setup);
void wm_reply(struct x11 *x11, const struct x_ticket *ticket, const uint8_t *reply, size_t size);
void wm_event(struct x11 *x11, uint8_t code, const uint8_t *event);
void wm_clear(struct x11 *x11);
/* Join the window that waits for that surface, if there is one. */
void wm_meet(struct x11 *x11, struct surface *surface);
struct window *wm_find(struct x11 *x11, uint32_t id);
void wm_raise(struct x11 *x11, const struct window *window);
void wm_place(struct x11 *x11, const struct window *window, struct box box);
/* _NET_WM_STATE as the host has it, when that is new. */
void wm_set_state(struct x11 *x11, struct window *window);
void wm_close(struct x11 *x11, const struct window *window);
/* A message of WM_PROTOCOLS. */
void wm_send_protocol(struct x11 *x11, const struct window *window, enum x11_atom protocol);

/* focus.c */
/* The keyboard comes to this window, NULL: to none of X11. What the host sends after that waits for X. */
void focus_move(struct x11 *x11, struct window *window);
/* x11->focus_timer's handler. */
void focus_try(void *data, uint32_t events);
void focus_reply(struct x11 *x11, const struct x_ticket *ticket);

/* wishes.c: a message of a program's about its window. */
void wishes_message(struct x11 *x11, struct window *window, uint32_t type, const uint32_t data[5]);

/* properties.c */
void properties_ask(struct x11 *x11, struct window *window);
/* One changed. */
void properties_changed(struct x11 *x11, struct window *window, uint32_t atom);
void properties_reply(struct x11 *x11, struct window *window, uint32_t atom, const uint8_t *reply,
                      size_t size);
void properties_clear(struct window *window);

/* requests.c: of the core protocol. */
void x_intern(struct xconn *conn, const char *name, struct x_ticket ticket);
void x_query_extension(struct xconn *conn, const char *name, struct x_ticket ticket);
/* Ask the owner of a selection for it, into a property of our own window. */
void x_convert(struct x11 *x11, uint32_t selection, uint32_t target, uint32_t property);
void x_map(struct xconn *conn, uint32_t window);
void x_select_input(struct xconn *conn, uint32_t window, uint32_t mask);
void x_get_property(struct xconn *conn, uint32_t window, uint32_t atom, struct x_ticket ticket);
struct x_property {
    uint32_t name;
    uint32_t type;
    uint8_t format; /* 8 or 32 */
    const void *data;
    size_t count;
};
void x_set_property(struct xconn *conn, uint32_t window, const struct x_property *property);
/* A message to a window's own program: type and five words. */
void x_send_message(struct xconn *conn, uint32_t window, uint32_t type, const uint32_t data[5]);

/* surface.c: roles. */
struct surface *surface_add(struct x11 *x11, struct hop_object *object);
void surface_remove(struct surface *surface);
/* All is known about its window: give it its role. */
void surface_show(struct x11 *x11, struct surface *surface);
/* Take the role away, before the window or the surface goes. */
void surface_hide(struct x11 *x11, struct surface *surface);
/* Title, class, sizes and the like of its window, as they are now. */
void surface_update(struct x11 *x11, struct surface *surface);
/* Take all away that the drag of a program must not have above its windows. */
void surface_uncover(struct x11 *x11);
/* A popup's window went elsewhere. */
void surface_moved(struct x11 *x11, struct surface *surface);
/* Requests of Xwayland's for it: 1 when they shall not pass. */
int surface_request(struct x11 *x11, struct surface *surface, const struct wire_call *call);
void surface_is_cursor(struct x11 *x11, struct surface *surface);
void surface_buffer_gone(struct x11 *x11, uint32_t buffer);
/* Events of the role's objects. */
void surface_event(struct x11 *x11, const struct wire_call *call);
struct surface *surface_by_outer(struct x11 *x11, uint32_t outer);
