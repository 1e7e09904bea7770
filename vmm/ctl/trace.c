/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a machine does, a line for each event, as it does it. */

#include <errno.h>
#include <glib-unix.h>
#include <stdio.h>
#include <string.h>

#include "vmm/client/vm-trace.h"
#include "vmm/ctl/command.h"
#include "vmm/ctl/session.h"

enum {
    POLL_MS = 20,
    SECONDS_MAX = 1000000,
};

typedef struct {
    VmTrace *trace;
    guint64 start_ns;
    guint64 count;
    gboolean over;
} Reader;

static int
print_events(void)
{
    const char *name;

    for (guint i = 0; (name = vm_trace_get_event_name(i)); i++) {
        printf("%-10s %s\n", name, vm_trace_get_event_help(i));
    }
    return STATUS_DONE;
}

/* FALSE after one sentence. */
static gboolean
find_events(char **names, guint *ret_events)
{
    for (; *names; names++) {
        guint event = vm_trace_find_event(*names);

        if (event == 0) {
            command_say("trace: there is no event “%s”; `vmm trace --list` shows those there are.",
                        *names);
            return FALSE;
        }
        *ret_events |= event;
    }
    return TRUE;
}

static gboolean
find_seconds(const char *text, double *ret_seconds)
{
    char *end;
    double seconds = g_ascii_strtod(text, &end);

    *ret_seconds = seconds;
    return end != text && *end == '\0' && seconds > 0 && seconds <= SECONDS_MAX;
}

static gboolean
end_reader(gpointer data)
{
    Reader *reader = data;

    reader->over = TRUE;
    return G_SOURCE_CONTINUE;
}

static void
print_found(Reader *reader)
{
    VmTraceEvent event;

    (void)vm_trace_poll(reader->trace);
    while (vm_trace_next(reader->trace, &event)) {
        gint64 since = (gint64)(event.time_ns - reader->start_ns);

        printf("%12.6f %-12s %-10s %s\n", (double)since / 1e9, event.process, event.name,
               event.text);
        reader->count++;
        g_free(event.text);
    }
    if (fflush(stdout) != 0 || ferror(stdout)) {
        reader->over = TRUE; /* whoever read has seen enough */
    }
}

static gboolean
handle_poll(gpointer data)
{
    print_found(data);
    return G_SOURCE_CONTINUE;
}

/* Until the time is over, the machine is gone, nobody reads, or Ctrl+C. */
static void
stream(Reader *reader, VmConnection *connection, double seconds)
{
    guint sources[] = {
        g_timeout_add(POLL_MS, handle_poll, reader),
        g_unix_signal_add(SIGINT, end_reader, reader),
        g_unix_signal_add(SIGTERM, end_reader, reader),
        seconds > 0 ? g_timeout_add((guint)(seconds * 1000), end_reader, reader) : 0,
    };

    while (!reader->over && vm_connection_get_state(connection) == VM_CONNECTION_READY) {
        g_main_context_iteration(NULL, TRUE);
    }
    print_found(reader);
    for (gsize i = 0; i < G_N_ELEMENTS(sources); i++) {
        if (sources[i]) {
            g_source_remove(sources[i]);
        }
    }
}

static int
trace_machine(const char *machine, guint events, double seconds)
{
    g_autoptr(VmConnection) connection = session_open(machine);
    g_autoptr(GAsyncResult) answer = NULL;
    g_autoptr(GError) error = NULL;
    Reader reader = {0};
    guint64 lost;

    if (!connection) {
        return STATUS_FAILED;
    }
    reader.start_ns = (guint64)g_get_monotonic_time() * 1000;
    vm_connection_trace_async(connection, events, NULL, session_answered, &answer);
    reader.trace = vm_connection_trace_finish(connection, session_wait(&answer), &error);
    if (!reader.trace) {
        return session_refused(machine, error);
    }
    stream(&reader, connection, seconds);
    lost = vm_trace_get_lost(reader.trace);
    fprintf(stderr, "vmm: %" G_GUINT64_FORMAT " events, %" G_GUINT64_FORMAT " lost%s\n",
            reader.count, lost, lost > 0 ? "; name fewer events to lose fewer" : "");
    g_object_unref(reader.trace);
    return STATUS_DONE;
}

int
command_trace(const Command *command, int argc, char **argv)
{
    g_autofree char *limit = NULL;
    double seconds = 0;
    gboolean list = FALSE;
    guint events = 0;
    const GOptionEntry entries[] = {
        {"for", 0, 0, G_OPTION_ARG_STRING, &limit, "End after so many seconds", "SECONDS"},
        {"list", 0, 0, G_OPTION_ARG_NONE, &list, "Show the events there are", NULL},
        {NULL},
    };

    if (!command_parse(command, entries, &argc, &argv)) {
        return STATUS_USAGE;
    }
    if (list && argc == 1) {
        return print_events();
    }
    if (argc == 1 || list) {
        command_say("trace: takes %s; `vmm trace --help` says more.", command->arguments);
        return STATUS_USAGE;
    }
    if (limit && !find_seconds(limit, &seconds)) {
        command_say("trace: --for takes a number of seconds above 0, at most 1000000, not “%s”.",
                    limit);
        return STATUS_USAGE;
    }
    if (!find_events(argv + 2, &events)) {
        return STATUS_USAGE;
    }
    return trace_machine(argv[1], events, seconds);
}
