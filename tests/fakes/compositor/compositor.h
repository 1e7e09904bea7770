/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A Wayland compositor for tests: one output without a screen. What clients show is kept as a
 * compositor with a graphics card keeps it (a copy of the damaged pixels at each commit), composed
 * when a test asks, and told over a control socket (control.c).
 *
 * "Logical" is the unit of Wayland's surfaces; a "device pixel" is one of the output's: `scale` times
 * finer.
 */

#include <pixman.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <wayland-server-core.h>
#include <wayland-server-protocol.h>
#include <xkbcommon/xkbcommon.h>

enum {
    SCALE_ONE = 120, /* scales are in 120ths, as wp_fractional_scale_v1 has them */
    FRAME_MS = 16,
    EDGE_MAX = 16384,
};

enum role {
    ROLE_NONE,
    ROLE_TOPLEVEL,
    ROLE_POPUP,
    ROLE_SUBSURFACE,
    ROLE_CURSOR,
    ROLE_DRAG_ICON,
};

struct compositor;
struct surface;
struct xdg_surface;

/* Premultiplied ARGB, rows without gaps. */
struct image {
    uint32_t *pixels;
    int width;
    int height;
};

/* A buffer while it is read. */
struct pixels {
    struct wl_shm_buffer *shm; /* NULL: a dmabuf */
    int dmabuf;
    const uint8_t *data;
    size_t stride;
    int width;
    int height;
    uint32_t format; /* of wl_shm */
};

struct viewport_state {
    double x; /* source in buffer pixels after the buffer scale; width < 0: all of it */
    double y;
    double width;
    double height;
    int to_width; /* logical; < 0: not set */
    int to_height;
};

/* Where a surface stands among its parent's subsurfaces; the parent has such an entry for itself. */
struct stack_entry {
    struct surface *surface;
    struct wl_list link;
    struct wl_list pending_link;
};

/* What the next commit applies. */
struct surface_state {
    bool attached; /* `buffer` is new; NULL: none any more */
    struct wl_resource *buffer;
    struct wl_listener buffer_gone;
    int offset_x;
    int offset_y;
    pixman_region32_t damage;        /* logical */
    pixman_region32_t buffer_damage; /* buffer pixels */
    pixman_region32_t opaque;
    pixman_region32_t input;
    int32_t scale;
    struct viewport_state viewport;
    struct wl_list frames; /* wl_callback resources */
};

struct surface {
    struct compositor *compositor;
    struct wl_resource *resource;
    uint32_t id; /* in the control protocol */
    struct wl_list link;
    enum role role;
    struct surface_state pending;
    struct surface_state cached; /* of a synchronised subsurface */
    bool has_cached;
    struct surface_state current; /* its buffer is NULL unless held */
    struct image image;           /* the buffer's pixels; none: not shown */
    struct wl_resource *viewport;
    struct wl_resource *fractional;
    uint32_t told_scale;
    bool entered; /* was told the output */

    struct stack_entry self;
    struct wl_list stack; /* stack_entry, bottom first */
    struct wl_list pending_stack;

    /* A subsurface's */
    struct wl_resource *subsurface;
    struct surface *parent; /* popups' too */
    struct stack_entry entry;
    bool synchronised;
    int x; /* from the parent, logical; a toplevel's: of its window geometry on the output */
    int y;
    int pending_x;
    int pending_y;

    struct xdg_surface *xdg;

    uint32_t n_commits;      /* applied */
    uint32_t n_overwritten;  /* buffers that the client changed while they were held */
    uint64_t n_pixels_taken; /* copied because of damage */
};

struct xdg_surface {
    struct surface *surface;
    struct wl_resource *resource;
    struct wl_resource *role; /* xdg_toplevel or xdg_popup */
    struct wl_list link;      /* of mapped ones in the compositor, bottom first */
    bool mapped;
    bool configured;
    pixman_box32_t geometry; /* empty: the surface's own size */
    pixman_box32_t pending_geometry;
    bool has_pending_geometry;
    char *title;
    char *app_id;
    int width; /* last configured; 0: the client's choice */
    int height;
    bool fullscreen;
    bool maximized;
    bool active;
    struct wl_resource *decoration; /* NULL: it has none */
    uint32_t n_configures;          /* told so far */
};

struct inhibitor {
    struct wl_resource *resource;
    struct surface *surface;
    struct wl_list link;
};

struct seat {
    struct compositor *compositor;
    struct wl_list resources; /* wl_seat */
    struct wl_list pointers;
    struct wl_list keyboards;
    struct wl_list inhibitors;
    bool refuse_inhibitors; /* new ones are not made active */
    struct xkb_context *xkb;
    struct xkb_keymap *keymap;
    struct xkb_state *state;
    int keymap_fd;
    uint32_t keymap_size;
    struct surface *pointer_focus;
    struct surface *keyboard_focus;
    double x; /* logical, on the output */
    double y;
    unsigned int buttons;   /* how many are held */
    uint32_t press_serial;  /* of the last one that was pressed */
    struct wl_array keys;   /* uint32_t evdev codes that are down */
    struct surface *cursor; /* may be NULL */
    int hot_x;
    int hot_y;

    struct wl_list data_devices;
    struct wl_resource *selection; /* wl_data_source, or NULL */
    char *own_selection;           /* text that the test offers instead, or NULL */
    struct drag *drag;
};

struct recorder {
    bool on;
    char *folder; /* one picture per frame, or NULL */
    struct wl_array frames;
};

/* One thing that was on the screen. */
struct frame_record {
    uint32_t surface; /* whose commit made it */
    int width;        /* of that surface, logical */
    int height;
    uint32_t bare; /* device pixels inside window geometries that show the background */
    uint32_t checksum;
    uint32_t steps; /* how often the colour changes down that surface's middle */
};

struct compositor {
    struct wl_display *display;
    struct wl_event_loop *loop;
    int width; /* of the output, logical */
    int height;
    uint32_t scale; /* 120ths */
    bool still;     /* tell nobody that a frame was shown */
    bool hold; /* keep a buffer until the next one comes, as a compositor without copies does */
    bool keep; /* and a dmabuf beyond that, as one that shows it by itself until the next frame */
    struct wl_list kept;     /* surface.c's */
    bool plain;              /* without extensions */
    bool contexts;           /* with wp_security_context_v1 */
    uint32_t dmabuf_version; /* of zwp_linux_dmabuf_v1; 0: without */
    bool refuse_dmabufs;     /* say that they cannot be imported */
    uint64_t device;         /* the number of the card that imports them; 0: none */
    bool patient;       /* a window may have content before it was configured, as on ChromeOS */
    uint32_t n_imports; /* dmabufs that clients wanted to be imported */
    uint32_t n_dmabufs; /* buffers of dmabufs that there are */
    struct wl_list sandboxes;
    struct wl_list surfaces;
    struct wl_list outputs;   /* wl_output resources */
    struct wl_list toplevels; /* xdg_surface, mapped, popups too */
    struct seat seat;
    struct wl_event_source *frame_timer;
    struct wl_event_source *listener; /* of the control socket */
    struct wl_list connections;       /* to it */
    struct wl_event_source *end;      /* the signal that ends it */
    uint32_t last_id;
    uint32_t background;
    struct recorder recorder;
};

uint32_t now_ms(void);

static inline double
scale_of(const struct compositor *compositor)
{
    return (double)compositor->scale / SCALE_ONE;
}

/* surface.c, subsurface.c: wl_compositor and wl_subcompositor */
void compositor_globals(struct compositor *compositor);
void subcompositor_global(struct compositor *compositor);
struct surface *surface_from(struct wl_resource *resource);
/* The role for good; false, and a protocol error on `by`, when it has another one. */
bool surface_take_role(struct surface *surface, enum role role, struct wl_resource *by,
                       uint32_t error);
/* Logical; 0 while it shows nothing. */
int surface_width(const struct surface *surface);
int surface_height(const struct surface *surface);
bool surface_is_shown(const struct surface *surface);
/* Its toplevel or popup, or NULL. */
struct surface *surface_root(struct surface *surface);
/* Take the cached state of a subsurface that became free of its parent. */
void surface_flush(struct surface *surface);
bool surface_is_synchronised(const struct surface *surface);
struct surface *surface_by_id(struct compositor *compositor, uint32_t id);
void surface_send_frames(struct compositor *compositor);
/* Let go of all that compositor::keep kept. */
void surface_release_kept(struct compositor *compositor);
/* The parent was applied: new places and order of its subsurfaces, and what they kept back. */
void subsurfaces_apply(struct surface *parent);
void subsurface_leave(struct surface *surface);

/* state.c: what is kept between requests and a commit */
void state_init(struct surface_state *state);
void state_finish(struct surface_state *state);
void state_attach(struct surface_state *state, struct wl_resource *buffer);
/* Move what is set in `from` over to `to`; `from` is empty then. */
void state_move(struct surface_state *to, struct surface_state *from);
/* What was held ends, and is let go unless `next` is the same one. */
void state_let_go(struct surface *surface, struct surface_state *state, struct wl_resource *next);
/* The pixels of the buffer under the damage, into the surface's image. */
void state_take_pixels(struct surface *surface, struct surface_state *state);

/* pixels.c: false when it is no buffer */
bool pixels_begin(struct wl_resource *buffer, struct pixels *ret);
void pixels_end(struct pixels *pixels);
/* Premultiplied ARGB. */
uint32_t pixels_argb(const struct pixels *pixels, int x, int y);

/* dmabuf.c: zwp_linux_dmabuf_v1 */
void dmabuf_global(struct compositor *compositor);
/* NULL is none. */
bool dmabuf_is_one(struct wl_resource *buffer);
bool dmabuf_pixels(struct wl_resource *buffer, struct pixels *ret);
void dmabuf_sync(int fd, bool begin);

/* shell.c, popup.c */
void shell_global(struct compositor *compositor);
/* After a commit of a surface with that role was applied. */
void shell_committed(struct surface *surface);
void shell_surface_gone(struct surface *surface);
void shell_activate(struct compositor *compositor, struct surface *surface);
/* Ask for a size; 0 0: the client's choice. */
void shell_resize(struct xdg_surface *xdg, int width, int height);
/* Tell it again what it was told. */
void shell_configure(struct xdg_surface *xdg);
void shell_set_fullscreen(struct xdg_surface *xdg, bool fullscreen);
void shell_close(struct xdg_surface *xdg);
void shell_map(struct xdg_surface *xdg, bool mapped);
/* The window geometry, never empty once something is shown. */
pixman_box32_t shell_geometry(const struct xdg_surface *xdg);
void popup_create(struct xdg_surface *xdg, struct wl_resource *resource, uint32_t id,
                  struct surface *parent, struct wl_resource *positioner);
void positioner_create(struct wl_client *client, struct wl_resource *resource, uint32_t id);
void popups_dismiss(struct compositor *compositor);

/* seat.c */
void seat_global(struct seat *seat);
void seat_forget(struct seat *seat, struct surface *surface);
void seat_move(struct seat *seat, double x, double y);
void seat_button(struct seat *seat, uint32_t button, bool pressed);
void seat_scroll(struct seat *seat, double value);
/* A drag has the pointer now. */
void seat_drag_begins(struct seat *seat);
/* Find the surface under the pointer anew. */
void seat_update_pointer(struct seat *seat);

/* keyboard.c: a US keyboard */
bool keyboard_init(struct seat *seat);
void keyboard_finish(struct seat *seat);
void keyboard_add(struct seat *seat, struct wl_client *client, struct wl_resource *resource,
                  uint32_t id);
void seat_focus_keyboard(struct seat *seat, struct surface *surface);
void seat_key(struct seat *seat, uint32_t code, bool pressed);

/* data.c: clipboard and drag and drop */
void data_global(struct compositor *compositor);
void data_focus(struct seat *seat, struct surface *surface);
void data_offer_text(struct seat *seat, const char *text);
/* Ask the owner of the selection for `mime` into `fd`; false when nobody offers it. */
bool data_receive(struct seat *seat, const char *mime, int fd);
/* The pointer moved or let go during a drag; false when there is none. */
bool drag_motion(struct seat *seat, struct surface *surface, double x, double y);
bool drag_drop(struct seat *seat);
/* A line about the one that is on, if there is one. */
void drag_print(const struct seat *seat, FILE *out);
void drag_forget(struct seat *seat, struct surface *surface);

/* extensions.c: viewporter, fractional scale, shortcuts inhibit, output */
void extensions_globals(struct compositor *compositor);
void output_global(struct compositor *compositor);
void output_set_scale(struct compositor *compositor, uint32_t scale);
/* Tell a surface that it is on the output, and its scale. */
void output_enter(struct surface *surface);
void inhibitors_set_active(struct seat *seat, bool active);

/* decoration.c: xdg-decoration */
void decoration_global(struct compositor *compositor);

/* sandbox.c: wp_security_context_v1 */
void sandboxes_global(struct compositor *compositor);
/* A line for each: whether it takes clients, how many it has, engine, app id, instance id. */
void sandboxes_print(const struct compositor *compositor, FILE *out);
/* After the last client. */
void sandboxes_finish(struct compositor *compositor);

/* compose.c */
/* What the output shows, device pixels; the caller's to free. */
bool compose_output(struct compositor *compositor, struct image *ret_image);
bool image_write(const struct image *image, const char *path);
/* Which surface takes a pointer at this place; its own coordinates in ret_x, ret_y. */
struct surface *compose_find(struct compositor *compositor, double x, double y, double *ret_x,
                             double *ret_y);
/* A commit was applied: note what is on the screen now. */
void record_frame(struct surface *surface);

/* control.c */
bool control_init(struct compositor *compositor, const char *path);
void control_finish(struct compositor *compositor);
