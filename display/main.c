/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * vmm-display: the D-Bus server of one machine. The supervisor starts it with the control socket that
 * clients connect to, the links to vmm-gpu and vmm-input, and the streams of serial ports and consoles.
 * It opens nothing else. When it dies the supervisor starts it again with the same descriptors; pictures
 * come again from vmm-gpu, the ports' history lies in memory files, and clients reconnect.
 */

#include <locale.h>
#include <malloc.h>
#include <signal.h>
#include <string.h>

#include "display/lifecycle.h"
#include "display/model.h"
#include "display/peer.h"
#include "display/policy.h"
#include "display/server.h"
#include "vmm/base/log.h"
#include "vmm/jail/start.h"

enum {
    FAREWELL_MS = 200, /* how long clients may take to read that the machine has stopped */
};

static GLogWriterOutput
write_log(GLogLevelFlags level, const GLogField *fields, gsize n_fields, gpointer user_data)
{
    enum log_level mine = level & G_LOG_LEVEL_WARNING ? LOG_LEVEL_WARNING : LOG_LEVEL_DEBUG;

    if (level & (G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL)) {
        mine = LOG_LEVEL_ERROR;
    }
    for (gsize i = 0; i < n_fields; i++) {
        if (strcmp(fields[i].key, "MESSAGE") == 0) {
            log_print(mine, "glib: %s", (const char *)fields[i].value);
        }
    }
    return G_LOG_WRITER_HANDLED;
}

static gboolean
quit_loop(gpointer user_data)
{
    g_main_loop_quit(user_data);
    return G_SOURCE_REMOVE;
}

static void
handle_supervisor_closed(VmSupervisorLink *supervisor, GMainLoop *loop)
{
    g_timeout_add(FAREWELL_MS, quit_loop, loop);
}

/* What GLib would open files for later, when there are none. */
static void
warm_up(void)
{
    signal(SIGPIPE, SIG_IGN);
    mallopt(M_ARENA_MAX, 1); /* else a second thread's arena reads the number of processors */
    setlocale(LC_CTYPE, "C.UTF-8"); /* texts of the kernel's errors need no conversion then */
    g_get_charset(NULL);
    vm_peer_get_guid();
    g_type_class_unref(
        g_type_class_ref(G_TYPE_SOCKET)); /* it sets the disposition of SIGPIPE once */
}

/* The machine's server, or that of the one connection of lifecycle mode. */
static GObject *
serve(const struct display_setup *setup, VmSupervisorLink *supervisor, GError **error)
{
    g_autoptr(VmModel) model = NULL;

    if (setup->lifecycle) {
        return (GObject *)vm_lifecycle_new(supervisor, setup->listen_fd, error);
    }
    model = vm_model_new(setup, supervisor, error);
    return model ? (GObject *)vm_server_new(model, setup->listen_fd, error) : NULL;
}

int
main(int argc, char **argv)
{
    g_autoptr(GMainLoop) loop = NULL;
    g_autoptr(VmSupervisorLink) supervisor = NULL;
    g_autoptr(GObject) served = NULL;
    g_autoptr(GError) error = NULL;
    struct display_setup setup;

    if (jail_print_policy(&display_policy, argc, argv)) {
        return 0;
    }
    g_log_set_writer_func(write_log, NULL, NULL);
    if (start_receive_setup(&setup, sizeof(setup)) < 0 || !vm_supervisor_setup_is_valid(&setup)) {
        return start_fail("part-died", "vmm-display got no valid setup.");
    }
    warm_up();
    /* Before GLib starts its first thread: capabilities and Landlock belong to threads. */
    if (start_enter_jail(&display_policy, &setup.start) < 0) {
        return 1;
    }
    loop = g_main_loop_new(NULL, FALSE);
    supervisor = vm_supervisor_link_new(START_FD_CONTROL);
    served = serve(&setup, supervisor, &error);
    if (!served) {
        return start_fail("part-died", "vmm-display cannot start: %s.", error->message);
    }
    g_signal_connect(supervisor, "closed", G_CALLBACK(handle_supervisor_closed), loop);
    if (setup.lifecycle) {
        g_signal_connect_swapped(served, "closed", G_CALLBACK(g_main_loop_quit), loop);
    }
    g_main_loop_run(loop);
    return 0;
}
