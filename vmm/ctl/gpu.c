/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* gpu: the graphics card's counters, its renderer, and its displays while the machine runs. */

#include <string.h>

#include "vmm/ctl/command.h"
#include "vmm/ctl/gpu-stats.h"
#include "vmm/ctl/session.h"

enum {
    EDGE_MAX = 16384,
    DPI_MIN = 30,
    DPI_MAX = 1200,
    DPI = 96,
};

/* What the words after “gpu” say. */
struct order {
    const char *verb;
    const char *machine;
    char **modes;    /* --gpu-display, or NULL */
    char **displays; /* --display-id, or NULL */
    gboolean json;
};

static int
run_stats(VmConnection *connection, const struct order *order)
{
    g_autoptr(GAsyncResult) result = NULL;
    g_autoptr(GVariant) answer = NULL;
    g_autoptr(GError) error = NULL;

    vm_connection_get_graphics_counters_async(connection, NULL, session_answered, &result);
    answer = vm_connection_get_graphics_counters_finish(connection, session_wait(&result), &error);
    if (!answer) {
        return session_refused(order->machine, error);
    }
    if (order->json) {
        gpu_stats_print_json(answer);
    } else {
        gpu_stats_print(answer);
    }
    return STATUS_DONE;
}

static int
run_restart_renderer(VmConnection *connection, const struct order *order)
{
    g_autoptr(GAsyncResult) result = NULL;
    g_autoptr(GError) error = NULL;
    guint contexts = 0;
    guint resources = 0;

    vm_connection_restart_renderer_async(connection, NULL, session_answered, &result);
    if (!vm_connection_restart_renderer_finish(connection, session_wait(&result), &contexts,
                                               &resources, &error)) {
        return session_refused(order->machine, error);
    }
    g_print("contexts lost       %20u\nresources lost      %20u\n", contexts, resources);
    return STATUS_DONE;
}

static gboolean
take_number(const GMatchInfo *match, int group, guint64 minimum, guint64 maximum, guint *ret_number)
{
    g_autofree char *text = g_match_info_fetch(match, group);
    guint64 number = 0;

    if (!text || !*text) {
        return TRUE; /* what was there before */
    }
    if (!g_ascii_string_to_unsigned(text, 10, minimum, maximum, &number, NULL)) {
        return FALSE;
    }
    *ret_number = (guint)number;
    return TRUE;
}

/* A display as `vmm run --gpu displays=[[…]]` has it; FALSE after one sentence. */
static gboolean
read_mode(const char *text, VmDisplayMode *ret_mode)
{
    g_autoptr(GRegex) form = g_regex_new(
        "^(?:mode=)?windowed\\[(\\d+),(\\d+)\\](?:,dpi=\\[(\\d+),(\\d+)\\])?$", 0, 0, NULL);
    g_autoptr(GMatchInfo) match = NULL;
    VmDisplayMode mode = {0};
    guint across = DPI;
    guint down = DPI;

    if (!g_regex_match(form, text, 0, &match) || !take_number(match, 1, 1, EDGE_MAX, &mode.width) ||
        !take_number(match, 2, 1, EDGE_MAX, &mode.height) ||
        !take_number(match, 3, DPI_MIN, DPI_MAX, &across) ||
        !take_number(match, 4, DPI_MIN, DPI_MAX, &down)) {
        command_say("“%s” is no display; write mode=windowed[WIDTH,HEIGHT] with up to 16384 "
                    "pixels, and with 30 to 1200 dots per inch ,dpi=[ACROSS,DOWN].",
                    text);
        return FALSE;
    }
    mode.width_mm = mode.width * 254 / (across * 10);
    mode.height_mm = mode.height * 254 / (down * 10);
    *ret_mode = mode;
    return TRUE;
}

static gboolean
read_display(const char *text, guint *ret_display)
{
    guint64 number = 0;

    if (!g_ascii_string_to_unsigned(text, 10, 0, G_MAXUINT, &number, NULL)) {
        command_say("“%s” is no number of a display; `vmm gpu list-displays` shows them.", text);
        return FALSE;
    }
    *ret_display = (guint)number;
    return TRUE;
}

static int
run_add(VmConnection *connection, const struct order *order)
{
    for (guint i = 0; order->modes[i]; i++) {
        g_autoptr(GAsyncResult) result = NULL;
        g_autoptr(GError) error = NULL;
        VmDisplayMode mode;
        guint display = 0;

        if (!read_mode(order->modes[i], &mode)) {
            return STATUS_USAGE;
        }
        vm_connection_add_display_async(connection, &mode, NULL, session_answered, &result);
        if (!vm_connection_add_display_finish(connection, session_wait(&result), &display,
                                              &error)) {
            return session_refused(order->machine, error);
        }
        g_print("%u\n", display);
    }
    return STATUS_DONE;
}

static int
run_remove(VmConnection *connection, const struct order *order)
{
    for (guint i = 0; order->displays[i]; i++) {
        g_autoptr(GAsyncResult) result = NULL;
        g_autoptr(GError) error = NULL;
        guint display = 0;

        if (!read_display(order->displays[i], &display)) {
            return STATUS_USAGE;
        }
        vm_connection_remove_display_async(connection, display, NULL, session_answered, &result);
        if (!vm_connection_remove_display_finish(connection, session_wait(&result), &error)) {
            return session_refused(order->machine, error);
        }
    }
    return STATUS_DONE;
}

static int
run_set_mode(VmConnection *connection, const struct order *order)
{
    g_autoptr(GAsyncResult) result = NULL;
    g_autoptr(GError) error = NULL;
    VmDisplayMode mode;
    guint display = 0;

    if (!read_display(order->displays[0], &display) || !read_mode(order->modes[0], &mode)) {
        return STATUS_USAGE;
    }
    vm_connection_set_display_mode_async(connection, display, &mode, NULL, session_answered,
                                         &result);
    if (!vm_connection_set_display_mode_finish(connection, session_wait(&result), &error)) {
        return session_refused(order->machine, error);
    }
    return STATUS_DONE;
}

static int
run_list(VmConnection *connection, const struct order *order)
{
    g_autoptr(GAsyncResult) result = NULL;
    g_autoptr(GVariant) displays = NULL;
    g_autoptr(GError) error = NULL;
    GVariantIter iter;
    const char *comma = "";
    guint maximum = 0;
    guint n[5];

    vm_connection_get_displays_async(connection, NULL, session_answered, &result);
    displays =
        vm_connection_get_displays_finish(connection, session_wait(&result), &maximum, &error);
    if (!displays) {
        return session_refused(order->machine, error);
    }
    g_print("{\n  \"maximum\": %u,\n  \"displays\": {", maximum);
    g_variant_iter_init(&iter, displays);
    while (g_variant_iter_next(&iter, "(uuuuu)", &n[0], &n[1], &n[2], &n[3], &n[4])) {
        g_print(
            "%s\n    \"%u\": { \"mode\": { \"windowed\": [ %u, %u ] }, \"millimetres\": [ %u, %u ] "
            "}",
            comma, n[0], n[1], n[2], n[3], n[4]);
        comma = ",";
    }
    g_print("%s}\n}\n", *comma ? "\n  " : "");
    return STATUS_DONE;
}

static const struct {
    const char *verb;
    int (*run)(VmConnection *connection, const struct order *order);
    gboolean takes_modes;
    gboolean takes_displays;
    gboolean one; /* of each */
} verbs[] = {
    {"stats", run_stats, FALSE, FALSE, FALSE},
    {"restart-renderer", run_restart_renderer, FALSE, FALSE, FALSE},
    {"list-displays", run_list, FALSE, FALSE, FALSE},
    {"add-displays", run_add, TRUE, FALSE, FALSE},
    {"remove-displays", run_remove, FALSE, TRUE, FALSE},
    {"set-display-mode", run_set_mode, TRUE, TRUE, TRUE},
};

/* FALSE after one sentence. */
static gboolean
check_option(const char *verb, const char *option, char **values, gboolean takes)
{
    if (takes && !values) {
        command_say("gpu %s: %s is missing; `vmm gpu --help` tells of it.", verb, option);
        return FALSE;
    }
    if (!takes && values) {
        command_say("gpu %s: %s has no use here; leave it out.", verb, option);
        return FALSE;
    }
    return TRUE;
}

static int
run_order(const struct order *order)
{
    g_autoptr(VmConnection) connection = NULL;
    gsize i = 0;

    while (i < G_N_ELEMENTS(verbs) && strcmp(verbs[i].verb, order->verb) != 0) {
        i++;
    }
    if (i == G_N_ELEMENTS(verbs)) {
        command_say("“gpu %s” is not known; `vmm gpu --help` lists what is.", order->verb);
        return STATUS_USAGE;
    }
    if (!check_option(order->verb, "--gpu-display", order->modes, verbs[i].takes_modes) ||
        !check_option(order->verb, "--display-id", order->displays, verbs[i].takes_displays)) {
        return STATUS_USAGE;
    }
    if (order->json && verbs[i].run != run_stats) {
        command_say("gpu %s: --json has no use here; leave it out.", order->verb);
        return STATUS_USAGE;
    }
    if (verbs[i].one && (order->modes[1] || order->displays[1])) {
        command_say("gpu %s: changes one display; give each option once.", order->verb);
        return STATUS_USAGE;
    }
    connection = session_open(order->machine);
    return connection ? verbs[i].run(connection, order) : STATUS_FAILED;
}

int
command_gpu(const Command *command, int argc, char **argv)
{
    g_auto(GStrv) modes = NULL;
    g_auto(GStrv) displays = NULL;
    gboolean json = FALSE;
    const GOptionEntry entries[] = {
        {"gpu-display", 0, 0, G_OPTION_ARG_STRING_ARRAY, &modes,
         "a display: mode=windowed[W,H] or mode=windowed[W,H],dpi=[H,V]", "DISPLAY"},
        {"display-id", 0, 0, G_OPTION_ARG_STRING_ARRAY, &displays, "the number of a display", "N"},
        {"json", 0, 0, G_OPTION_ARG_NONE, &json, "stats: as JSON", NULL},
        {NULL},
    };

    if (!command_parse(command, entries, &argc, &argv)) {
        return STATUS_USAGE;
    }
    return run_order(&(struct order){argv[1], argv[2], modes, displays, json});
}
