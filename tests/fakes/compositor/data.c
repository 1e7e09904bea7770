/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/fakes/compositor/compositor.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A wl_data_source's user data. */
struct source {
    struct seat *seat;
    struct wl_array types; /* char * */
    uint32_t actions;
};

struct drag {
    struct wl_resource *source; /* may be NULL: inside of one client */
    struct wl_resource *device;
    struct surface *target;
    struct wl_resource *offer; /* the target's, or NULL */
    bool accepted;             /* a kind of the offer, by the target */
    uint32_t action;           /* that both sides agreed on */
};

static const char *const text_types[] = {"text/plain;charset=utf-8", "text/plain", "UTF8_STRING"};

static void
handle_destroy(struct wl_client *client, struct wl_resource *resource)
{
    (void)client;
    wl_resource_destroy(resource);
}

/* wl_data_source */

static void
handle_source_offer(struct wl_client *client, struct wl_resource *resource, const char *type)
{
    struct source *source = wl_resource_get_user_data(resource);
    char **place = wl_array_add(&source->types, sizeof(*place));

    (void)client;
    *place = strdup(type);
}

static void
handle_set_actions(struct wl_client *client, struct wl_resource *resource, uint32_t actions)
{
    struct source *source = wl_resource_get_user_data(resource);

    (void)client;
    source->actions = actions;
}

static const struct wl_data_source_interface source_requests = {
    .offer = handle_source_offer,
    .destroy = handle_destroy,
    .set_actions = handle_set_actions,
};

static bool
source_has(struct wl_resource *resource, const char *type)
{
    const struct source *source = wl_resource_get_user_data(resource);
    char **at;

    wl_array_for_each(at, &source->types)
    {
        if (strcmp(*at, type) == 0) {
            return true;
        }
    }
    return false;
}

static void
source_destroyed(struct wl_resource *resource)
{
    struct source *source = wl_resource_get_user_data(resource);
    struct seat *seat = source->seat;
    char **at;

    if (seat->selection == resource) {
        seat->selection = NULL;
        data_focus(seat, seat->keyboard_focus);
    }
    if (seat->drag && seat->drag->source == resource) {
        free(seat->drag);
        seat->drag = NULL;
    }
    wl_array_for_each(at, &source->types)
    {
        free(*at);
    }
    wl_array_release(&source->types);
    free(source);
}

/* wl_data_offer: its user data is the seat; one of a drag is seat->drag->offer */

static void
send_own_text(const struct seat *seat, int fd)
{
    size_t size = strlen(seat->own_selection);

    /* A test's text fits into a pipe; one that does not is cut. */
    (void)!write(fd, seat->own_selection, size < 65536 ? size : 65536);
}

bool
data_receive(struct seat *seat, const char *mime, int fd)
{
    if (seat->selection && source_has(seat->selection, mime)) {
        wl_data_source_send_send(seat->selection, mime, fd);
        return true;
    }
    if (!seat->selection && seat->own_selection) {
        send_own_text(seat, fd);
        return true;
    }
    return false;
}

static void
handle_receive(struct wl_client *client, struct wl_resource *resource, const char *type, int32_t fd)
{
    struct seat *seat = wl_resource_get_user_data(resource);

    (void)client;
    if (seat->drag && seat->drag->offer == resource) {
        if (seat->drag->source) {
            wl_data_source_send_send(seat->drag->source, type, fd);
        }
    } else {
        data_receive(seat, type, fd);
    }
    close(fd);
}

static void
handle_accept(struct wl_client *client, struct wl_resource *resource, uint32_t serial,
              const char *type)
{
    struct seat *seat = wl_resource_get_user_data(resource);

    (void)client;
    (void)serial;
    if (seat->drag && seat->drag->offer == resource && seat->drag->source) {
        seat->drag->accepted = type != NULL;
        wl_data_source_send_target(seat->drag->source, type);
    }
}

/* What is let go now goes to the target. */
static bool
drag_is_taken(const struct drag *drag)
{
    const struct wl_resource *source = drag->source;
    const bool actions = source && wl_resource_get_version((struct wl_resource *)source) >=
                                       WL_DATA_SOURCE_ACTION_SINCE_VERSION;

    return !source || (drag->accepted && (!actions || drag->action != 0));
}

static void
handle_finish(struct wl_client *client, struct wl_resource *resource)
{
    struct seat *seat = wl_resource_get_user_data(resource);

    (void)client;
    if (seat->drag && seat->drag->offer == resource) {
        if (seat->drag->device || !drag_is_taken(seat->drag)) {
            wl_resource_post_error(resource, WL_DATA_OFFER_ERROR_INVALID_FINISH, "not dropped");
            return;
        }
        if (seat->drag->source) {
            wl_data_source_send_dnd_finished(seat->drag->source);
            /* As wlroots does, whose sources go then. */
            wl_data_source_send_cancelled(seat->drag->source);
        }
        free(seat->drag);
        seat->drag = NULL;
    }
}

static void
handle_offer_actions(struct wl_client *client, struct wl_resource *resource, uint32_t actions,
                     uint32_t preferred)
{
    struct seat *seat = wl_resource_get_user_data(resource);
    const struct source *source;
    uint32_t both;

    (void)client;
    if (!seat->drag || seat->drag->offer != resource || !seat->drag->source) {
        return;
    }
    source = wl_resource_get_user_data(seat->drag->source);
    both = actions & source->actions;
    uint32_t action = both & preferred ? preferred : both & (~both + 1);
    if (seat->drag->action != action) {
        seat->drag->action = action;
        wl_data_offer_send_action(resource, action);
        wl_data_source_send_action(seat->drag->source, action);
    }
}

static const struct wl_data_offer_interface offer_requests = {
    .accept = handle_accept,
    .receive = handle_receive,
    .destroy = handle_destroy,
    .finish = handle_finish,
    .set_actions = handle_offer_actions,
};

static void
offer_destroyed(struct wl_resource *resource)
{
    struct seat *seat = wl_resource_get_user_data(resource);

    if (seat->drag && seat->drag->offer == resource) {
        seat->drag->offer = NULL;
        if (!seat->drag->device) { /* let go, and not finished */
            if (seat->drag->source) {
                wl_data_source_send_cancelled(seat->drag->source);
            }
            free(seat->drag);
            seat->drag = NULL;
        }
    }
}

/* An offer of that source (NULL: the test's text) on the device. */
static struct wl_resource *
make_offer(struct seat *seat, struct wl_resource *device, struct wl_resource *source)
{
    struct wl_resource *offer =
        wl_resource_create(wl_resource_get_client(device), &wl_data_offer_interface,
                           wl_resource_get_version(device), 0);
    const struct source *from = source ? wl_resource_get_user_data(source) : NULL;

    wl_resource_set_implementation(offer, &offer_requests, seat, offer_destroyed);
    wl_data_device_send_data_offer(device, offer);
    if (from) {
        char **at;
        wl_array_for_each(at, &from->types)
        {
            wl_data_offer_send_offer(offer, *at);
        }
        return offer;
    }
    for (size_t i = 0; i < sizeof(text_types) / sizeof(text_types[0]); i++) {
        wl_data_offer_send_offer(offer, text_types[i]);
    }
    return offer;
}

void
data_focus(struct seat *seat, struct surface *surface)
{
    bool any = seat->selection || seat->own_selection;
    struct wl_resource *device;

    wl_resource_for_each(device, &seat->data_devices)
    {
        if (surface &&
            wl_resource_get_client(device) == wl_resource_get_client(surface->resource)) {
            wl_data_device_send_selection(device,
                                          any ? make_offer(seat, device, seat->selection) : NULL);
        }
    }
}

static void
set_selection(struct seat *seat, struct wl_resource *source, char *text)
{
    struct wl_resource *old = seat->selection;

    free(seat->own_selection);
    seat->own_selection = text;
    seat->selection = source;
    if (old && old != source) {
        wl_data_source_send_cancelled(old);
    }
    data_focus(seat, seat->keyboard_focus);
}

void
data_offer_text(struct seat *seat, const char *text)
{
    set_selection(seat, NULL, strdup(text));
}

/* Drag and drop */

static void
drag_leave(struct drag *drag)
{
    if (drag->target && drag->device) {
        wl_data_device_send_leave(drag->device);
    }
    if (drag->source && drag->accepted) {
        wl_data_source_send_target(drag->source, NULL);
    }
    drag->target = NULL;
    drag->offer = NULL;
    drag->device = NULL;
    drag->accepted = false;
    drag->action = 0;
}

static void
drag_enter(struct seat *seat, struct surface *surface, double x, double y)
{
    struct drag *drag = seat->drag;
    struct wl_resource *device;

    wl_resource_for_each(device, &seat->data_devices)
    {
        if (wl_resource_get_client(device) != wl_resource_get_client(surface->resource)) {
            continue;
        }
        drag->target = surface;
        drag->device = device;
        drag->offer = drag->source ? make_offer(seat, device, drag->source) : NULL;
        if (drag->offer &&
            wl_resource_get_version(drag->offer) >= WL_DATA_OFFER_SOURCE_ACTIONS_SINCE_VERSION) {
            const struct source *source = wl_resource_get_user_data(drag->source);
            wl_data_offer_send_source_actions(drag->offer, source->actions);
        }
        wl_data_device_send_enter(device, wl_display_next_serial(seat->compositor->display),
                                  surface->resource, wl_fixed_from_double(x),
                                  wl_fixed_from_double(y), drag->offer);
        return;
    }
}

bool
drag_motion(struct seat *seat, struct surface *surface, double x, double y)
{
    struct drag *drag = seat->drag;

    if (!drag) {
        return false;
    }
    if (drag->target != surface) {
        drag_leave(drag);
        if (surface) {
            drag_enter(seat, surface, x, y);
        }
    } else if (drag->device) {
        wl_data_device_send_motion(drag->device, now_ms(), wl_fixed_from_double(x),
                                   wl_fixed_from_double(y));
    }
    return true;
}

bool
drag_drop(struct seat *seat)
{
    struct drag *drag = seat->drag;

    if (!drag) {
        return false;
    }
    if (drag->device && !drag_is_taken(drag)) {
        drag_leave(drag);
    }
    if (drag->device) {
        wl_data_device_send_drop(drag->device);
        if (drag->source) {
            wl_data_source_send_dnd_drop_performed(drag->source);
        }
        wl_data_device_send_leave(drag->device);
        drag->device = NULL; /* what follows comes from the offer */
        drag->target = NULL;
        return true;
    }
    if (drag->source) {
        wl_data_source_send_cancelled(drag->source);
    }
    free(drag);
    seat->drag = NULL;
    return true;
}

void
drag_forget(struct seat *seat, struct surface *surface)
{
    if (seat->drag && seat->drag->target == surface) {
        drag_leave(seat->drag);
    }
}

/* wl_data_device */

static void
handle_start_drag(struct wl_client *client, struct wl_resource *resource,
                  struct wl_resource *source, struct wl_resource *origin, struct wl_resource *icon,
                  uint32_t serial)
{
    struct seat *seat = wl_resource_get_user_data(resource);

    (void)client;
    if (seat->drag || seat->buttons == 0 || serial != seat->press_serial || !seat->pointer_focus ||
        origin != seat->pointer_focus->resource ||
        (icon && !surface_take_role(surface_from(icon), ROLE_DRAG_ICON, resource,
                                    WL_DATA_DEVICE_ERROR_ROLE))) {
        return;
    }
    seat->drag = calloc(1, sizeof(*seat->drag));
    seat->drag->source = source;
    seat_drag_begins(seat);
}

void
drag_print(const struct seat *seat, FILE *out)
{
    const struct drag *drag = seat->drag;

    if (drag) {
        fprintf(out, "%u %d %u\n", drag->target ? drag->target->id : 0, drag->accepted,
                drag->action);
    }
}

static void
handle_set_selection(struct wl_client *client, struct wl_resource *resource,
                     struct wl_resource *source, uint32_t serial)
{
    (void)client;
    (void)serial;
    set_selection(wl_resource_get_user_data(resource), source, NULL);
}

static const struct wl_data_device_interface device_requests = {
    .start_drag = handle_start_drag,
    .set_selection = handle_set_selection,
    .release = handle_destroy,
};

static void
device_destroyed(struct wl_resource *resource)
{
    struct seat *seat = wl_resource_get_user_data(resource);

    if (seat->drag && seat->drag->device == resource) {
        seat->drag->device = NULL;
        seat->drag->target = NULL;
    }
    wl_list_remove(wl_resource_get_link(resource));
}

/* wl_data_device_manager */

static void
handle_create_source(struct wl_client *client, struct wl_resource *resource, uint32_t id)
{
    struct source *source = calloc(1, sizeof(*source));
    struct wl_resource *made = wl_resource_create(client, &wl_data_source_interface,
                                                  wl_resource_get_version(resource), id);

    source->seat = wl_resource_get_user_data(resource);
    wl_array_init(&source->types);
    wl_resource_set_implementation(made, &source_requests, source, source_destroyed);
}

static void
handle_get_device(struct wl_client *client, struct wl_resource *resource, uint32_t id,
                  struct wl_resource *seat_resource)
{
    struct seat *seat = wl_resource_get_user_data(seat_resource);
    struct wl_resource *device = wl_resource_create(client, &wl_data_device_interface,
                                                    wl_resource_get_version(resource), id);

    wl_resource_set_implementation(device, &device_requests, seat, device_destroyed);
    wl_list_insert(&seat->data_devices, wl_resource_get_link(device));
}

static const struct wl_data_device_manager_interface manager_requests = {
    .create_data_source = handle_create_source,
    .get_data_device = handle_get_device,
};

static void
bind_manager(struct wl_client *client, void *data, uint32_t version, uint32_t id)
{
    struct wl_resource *resource =
        wl_resource_create(client, &wl_data_device_manager_interface, (int)version, id);

    wl_resource_set_implementation(resource, &manager_requests, data, NULL);
}

void
data_global(struct compositor *compositor)
{
    wl_global_create(compositor->display, &wl_data_device_manager_interface, 3, &compositor->seat,
                     bind_manager);
}
