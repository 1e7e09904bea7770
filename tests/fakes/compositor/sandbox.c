/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * wp_security_context_v1: clients that come through a context's socket see neither its manager nor
 * what keeps shortcuts from the compositor. A context ends when the other end of its close_fd does.
 */
#include "tests/fakes/compositor/compositor.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "security-context-v1-server-protocol.h"

enum {
    CONTEXT_TEXTS = 3,
};

struct sandbox {
    struct compositor *compositor;
    struct wl_resource *resource; /* NULL after it was destroyed */
    struct wl_list link;
    struct wl_list clients;
    char *text[CONTEXT_TEXTS]; /* engine, app id, instance id */
    int listen_fd;
    int close_fd;
    bool committed;
    struct wl_event_source *listen_source;
    struct wl_event_source *close_source;
};

struct sandboxed_client {
    struct wl_client *client;
    struct wl_list link;
    struct wl_listener gone;
};

static void
sandbox_end(struct sandbox *sandbox)
{
    if (sandbox->listen_source) {
        wl_event_source_remove(sandbox->listen_source);
        wl_event_source_remove(sandbox->close_source);
        sandbox->listen_source = NULL;
    }
    if (sandbox->listen_fd >= 0) {
        close(sandbox->listen_fd);
        close(sandbox->close_fd);
        sandbox->listen_fd = -1;
    }
}

static void
sandbox_free(struct sandbox *sandbox)
{
    sandbox_end(sandbox);
    for (int i = 0; i < CONTEXT_TEXTS; i++) {
        free(sandbox->text[i]);
    }
    wl_list_remove(&sandbox->link);
    free(sandbox);
}

static void
client_gone(struct wl_listener *listener, void *data)
{
    struct sandboxed_client *client = wl_container_of(listener, client, gone);

    (void)data;
    wl_list_remove(&client->link);
    free(client);
}

static int
on_client(int fd, uint32_t mask, void *data)
{
    struct sandbox *sandbox = data;
    int socket = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
    struct wl_client *client =
        socket >= 0 ? wl_client_create(sandbox->compositor->display, socket) : NULL;

    (void)mask;
    if (client) {
        struct sandboxed_client *entry = calloc(1, sizeof(*entry));
        entry->client = client;
        entry->gone.notify = client_gone;
        wl_client_add_destroy_listener(client, &entry->gone);
        wl_list_insert(&sandbox->clients, &entry->link);
    } else if (socket >= 0) {
        close(socket);
    }
    return 0;
}

static int
on_close(int fd, uint32_t mask, void *data)
{
    (void)fd;
    if (mask & (WL_EVENT_HANGUP | WL_EVENT_ERROR)) {
        sandbox_end(data);
    }
    return 0;
}

static void
handle_destroy(struct wl_client *client, struct wl_resource *resource)
{
    (void)client;
    wl_resource_destroy(resource);
}

static bool
may_set(struct sandbox *sandbox)
{
    if (sandbox->committed) {
        wl_resource_post_error(sandbox->resource, WP_SECURITY_CONTEXT_V1_ERROR_ALREADY_USED,
                               "committed");
    }
    return !sandbox->committed;
}

static void
set_text(struct wl_resource *resource, int which, const char *text)
{
    struct sandbox *sandbox = wl_resource_get_user_data(resource);

    if (!may_set(sandbox)) {
        return;
    }
    if (sandbox->text[which]) {
        wl_resource_post_error(resource, WP_SECURITY_CONTEXT_V1_ERROR_ALREADY_SET, "set before");
        return;
    }
    sandbox->text[which] = strdup(text);
}

static void
handle_engine(struct wl_client *client, struct wl_resource *resource, const char *text)
{
    (void)client;
    set_text(resource, 0, text);
}

static void
handle_app_id(struct wl_client *client, struct wl_resource *resource, const char *text)
{
    (void)client;
    set_text(resource, 1, text);
}

static void
handle_instance_id(struct wl_client *client, struct wl_resource *resource, const char *text)
{
    (void)client;
    set_text(resource, 2, text);
}

static void
handle_commit(struct wl_client *client, struct wl_resource *resource)
{
    struct sandbox *sandbox = wl_resource_get_user_data(resource);

    (void)client;
    if (!may_set(sandbox)) {
        return;
    }
    sandbox->committed = true;
    sandbox->listen_source = wl_event_loop_add_fd(sandbox->compositor->loop, sandbox->listen_fd,
                                                  WL_EVENT_READABLE, on_client, sandbox);
    sandbox->close_source =
        wl_event_loop_add_fd(sandbox->compositor->loop, sandbox->close_fd, 0, on_close, sandbox);
}

static const struct wp_security_context_v1_interface context_requests = {
    .destroy = handle_destroy,
    .set_sandbox_engine = handle_engine,
    .set_app_id = handle_app_id,
    .set_instance_id = handle_instance_id,
    .commit = handle_commit,
};

static void
context_destroyed(struct wl_resource *resource)
{
    struct sandbox *sandbox = wl_resource_get_user_data(resource);

    sandbox->resource = NULL;
    if (!sandbox->committed) {
        sandbox_free(sandbox);
    }
}

static bool
is_listening(int fd)
{
    int listening = 0;
    socklen_t size = sizeof(listening);

    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) == 0 && listening;
}

static void
handle_create(struct wl_client *client, struct wl_resource *resource, uint32_t id, int listen_fd,
              int close_fd)
{
    struct compositor *compositor = wl_resource_get_user_data(resource);
    struct sandbox *sandbox;

    if (!is_listening(listen_fd)) {
        wl_resource_post_error(resource, WP_SECURITY_CONTEXT_MANAGER_V1_ERROR_INVALID_LISTEN_FD,
                               "not a listening socket");
        close(listen_fd);
        close(close_fd);
        return;
    }
    sandbox = calloc(1, sizeof(*sandbox));
    sandbox->compositor = compositor;
    sandbox->listen_fd = listen_fd;
    sandbox->close_fd = close_fd;
    wl_list_init(&sandbox->clients);
    wl_list_insert(compositor->sandboxes.prev, &sandbox->link);
    sandbox->resource = wl_resource_create(client, &wp_security_context_v1_interface, 1, id);
    wl_resource_set_implementation(sandbox->resource, &context_requests, sandbox,
                                   context_destroyed);
}

static const struct wp_security_context_manager_v1_interface manager_requests = {
    .destroy = handle_destroy,
    .create_listener = handle_create,
};

static void
bind_manager(struct wl_client *client, void *data, uint32_t version, uint32_t id)
{
    struct wl_resource *resource =
        wl_resource_create(client, &wp_security_context_manager_v1_interface, (int)version, id);

    wl_resource_set_implementation(resource, &manager_requests, data, NULL);
}

static bool
is_sandboxed(const struct compositor *compositor, const struct wl_client *client)
{
    struct sandbox *sandbox;
    struct sandboxed_client *entry;

    wl_list_for_each(sandbox, &compositor->sandboxes, link) {
        wl_list_for_each(entry, &sandbox->clients, link) {
            if (entry->client == client) {
                return true;
            }
        }
    }
    return false;
}

static bool
filter_global(const struct wl_client *client, const struct wl_global *global, void *data)
{
    static const char *const hidden[] = {"wp_security_context_manager_v1",
                                         "zwp_keyboard_shortcuts_inhibit_manager_v1"};
    const char *name = wl_global_get_interface(global)->name;

    for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++) {
        if (strcmp(name, hidden[i]) == 0) {
            return !is_sandboxed(data, client);
        }
    }
    return true;
}

void
sandboxes_global(struct compositor *compositor)
{
    wl_global_create(compositor->display, &wp_security_context_manager_v1_interface, 1, compositor,
                     bind_manager);
    wl_display_set_global_filter(compositor->display, filter_global, compositor);
}

void
sandboxes_print(const struct compositor *compositor, FILE *out)
{
    const struct sandbox *sandbox;

    wl_list_for_each(sandbox, &compositor->sandboxes, link) {
        if (sandbox->committed) {
            fprintf(out, "%d %d %s %s %s\n", sandbox->listen_fd >= 0,
                    wl_list_length(&sandbox->clients), sandbox->text[0] ? sandbox->text[0] : "-",
                    sandbox->text[1] ? sandbox->text[1] : "-",
                    sandbox->text[2] ? sandbox->text[2] : "-");
        }
    }
}

void
sandboxes_finish(struct compositor *compositor)
{
    struct sandbox *sandbox;
    struct sandbox *next;

    wl_list_for_each_safe(sandbox, next, &compositor->sandboxes, link) {
        sandbox_free(sandbox);
    }
}
