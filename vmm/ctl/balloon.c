/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The guest's balloon: its size, and what the guest says of its memory. */

#include <string.h>

#include "vmm/ctl/command.h"
#include "vmm/ctl/session.h"

#define PAGE_SIZE G_GUINT64_CONSTANT(4096)

/* "balloon SIZE MACHINE", in the order of the crosvm book. */
int
command_balloon(const Command *command, int argc, char **argv)
{
    g_autoptr(VmConnection) connection = NULL;
    g_autoptr(GAsyncResult) answer = NULL;
    g_autoptr(GError) error = NULL;
    guint64 size = 0;

    if (!command_parse(command, NULL, &argc, &argv)) {
        return STATUS_USAGE;
    }
    if (!g_ascii_string_to_unsigned(argv[1], 10, 0, PAGE_SIZE * G_MAXUINT32, &size, NULL)) {
        command_say("balloon: “%s” is no number of bytes; give one, and the machine after it.",
                    argv[1]);
        return STATUS_USAGE;
    }
    connection = session_open(argv[2]);
    if (!connection) {
        return STATUS_FAILED;
    }
    vm_connection_set_balloon_async(connection, size, NULL, session_answered, &answer);
    if (!vm_connection_set_balloon_finish(connection, session_wait(&answer), &error)) {
        return session_refused(argv[2], error);
    }
    return STATUS_DONE;
}

/* Values of the guest, by the names that the crosvm book's tool prints; bytes, or numbers of events. */
static void
print_statistics(GVariant *statistics)
{
    static const char *const names[] = {
        "swap_in",          "swap_out",    "major_faults",
        "minor_faults",     "free_memory", "total_memory",
        "available_memory", "disk_caches", "hugetlb_allocations",
        "hugetlb_failures",
    };
    GVariantIter iter;
    guint16 tag = 0;
    guint64 value = 0;
    const char *comma = "";

    g_variant_iter_init(&iter, statistics);
    while (g_variant_iter_next(&iter, "(qt)", &tag, &value)) {
        if (tag < G_N_ELEMENTS(names)) {
            g_print("%s\n    \"%s\": %" G_GUINT64_FORMAT, comma, names[tag], value);
            comma = ",";
        }
    }
}

int
command_balloon_stats(const Command *command, int argc, char **argv)
{
    g_autoptr(VmConnection) connection = NULL;
    g_autoptr(GAsyncResult) size_result = NULL;
    g_autoptr(GAsyncResult) result = NULL;
    g_autoptr(GVariant) statistics = NULL;
    g_autoptr(GError) error = NULL;
    guint64 actual = 0;
    guint64 requested = 0;
    const int status = session_begin(command, &argc, &argv, &connection);

    if (status != STATUS_DONE) {
        return status;
    }
    vm_connection_get_memory_statistics_async(connection, NULL, session_answered, &result);
    statistics =
        vm_connection_get_memory_statistics_finish(connection, session_wait(&result), &error);
    if (!statistics) {
        return session_refused(argv[1], error);
    }
    vm_connection_get_balloon_async(connection, NULL, session_answered, &size_result);
    if (!vm_connection_get_balloon_finish(connection, session_wait(&size_result), &actual,
                                          &requested, &error)) {
        return session_refused(argv[1], error);
    }
    g_print("{\n  \"stats\": {");
    print_statistics(statistics);
    g_print("\n  },\n  \"balloon_actual\": %" G_GUINT64_FORMAT
            ",\n  \"balloon_requested\": %" G_GUINT64_FORMAT "\n}\n",
            actual, requested);
    return STATUS_DONE;
}
