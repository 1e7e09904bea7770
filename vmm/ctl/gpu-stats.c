/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/ctl/gpu-stats.h"

#define NUMBER     G_GUINT64_FORMAT
#define NS_PER_MS  1e6
#define BYTES_A_KB 1024

/* What the last part of the answer says. */
enum {
    CONTEXT_NUMBERS = 6
};

/* A list of numbers in the counters: what is in it, or for times of frames how they spread. */
static void
print_list(const char *name, GVariant *value)
{
    gsize n = 0;
    const guint32 *number = g_variant_get_fixed_array(value, &n, sizeof(*number));
    guint32 longest = 0;
    guint64 sum = 0;

    if (!g_str_equal(name, "FrameTimes")) {
        g_print("%-20s", name);
        for (gsize i = 0; i < n; i++) {
            g_print("%s%u", i ? " " : "", number[i]);
        }
        g_print("\n");
        return;
    }
    for (gsize i = 0; i < n; i++) {
        sum += number[i];
        longest = MAX(longest, number[i]);
    }
    if (n > 0) {
        g_print("%-20slast %" G_GSIZE_FORMAT ": %.2f ms on average, %.2f ms at most\n", name, n,
                (double)sum / (double)n / 1000, longest / 1000.0);
    }
}

static double
mean_ms(guint64 total_ns, guint64 count)
{
    return count > 0 ? (double)total_ns / (double)count / NS_PER_MS : 0;
}

/* Requests by type. */
static void
print_commands(GVariant *rows)
{
    GVariantIter iter;
    const char *name;
    guint32 type;
    guint64 n[4];

    g_print("\n%-26s%12s%8s%12s%10s%10s\n", "command", "count", "failed", "total ms", "mean ms",
            "longest");
    g_variant_iter_init(&iter, rows);
    while (g_variant_iter_next(&iter, "(u&stttt)", &type, &name, &n[0], &n[1], &n[2], &n[3])) {
        g_autofree char *number = g_strdup_printf("0x%03x", type);

        g_print("%-26s%12" NUMBER "%8" NUMBER "%12.1f%10.3f%10.3f\n",
                *name       ? name
                : type == 0 ? "(unknown)"
                            : number,
                n[0], n[1], (double)n[2] / NS_PER_MS, mean_ms(n[2], n[0]),
                (double)n[3] / NS_PER_MS);
    }
}

/* The letters of a DRM fourcc, virgl's number, or a dash. */
static char *
dup_format(guint32 fourcc, guint32 texture_format)
{
    char letters[] = {(char)(fourcc & 0xff), (char)(fourcc >> 8 & 0xff),
                      (char)(fourcc >> 16 & 0xff), (char)(fourcc >> 24), '\0'};

    if (fourcc == 0) {
        return texture_format ? g_strdup_printf("virgl %u", texture_format) : g_strdup("-");
    }
    for (guint i = 0; i < 4; i++) {
        letters[i] = g_ascii_isalnum(letters[i]) ? letters[i] : '?';
    }
    return g_strdup(letters);
}

static void
print_resources(GVariant *rows, GVariant *others)
{
    GVariantIter iter;
    const char *kind;
    guint32 n[5]; /* id, width, height, formats */
    guint64 f[3];

    g_print("\n%-10s%-12s%-14s%-12s%12s%12s%10s\n", "resource", "kind", "size", "format",
            "memory KiB", "transfers", "flushes");
    g_variant_iter_init(&iter, rows);
    while (g_variant_iter_next(&iter, "(u&suuuuttt)", &n[0], &kind, &n[1], &n[2], &n[3], &n[4],
                               &f[0], &f[1], &f[2])) {
        g_autofree char *format = dup_format(n[3], n[4]);
        g_autofree char *size = n[1] ? g_strdup_printf("%ux%u", n[1], n[2]) : g_strdup("-");

        g_print("%-10u%-12s%-14s%-12s%12" NUMBER "%12" NUMBER "%10" NUMBER "\n", n[0], kind, size,
                format, f[0] / BYTES_A_KB, f[1], f[2]);
    }
    if (others) {
        g_variant_get(others, "(uttt)", &n[0], &f[0], &f[1], &f[2]);
        g_autofree char *more = g_strdup_printf("and %u more", n[0]);

        if (n[0] > 0) {
            g_print("%-48s%12" NUMBER "%12" NUMBER "%10" NUMBER "\n", more, f[0] / BYTES_A_KB, f[1],
                    f[2]);
        }
    }
}

static void
print_timelines(GVariant *rows)
{
    GVariantIter iter;
    const char *kind;
    guint32 context;
    guint32 ring;
    guint64 n[4];

    g_print("\n%-26s%12s%12s%10s%10s\n", "fences", "created", "outstanding", "mean ms", "longest");
    g_variant_iter_init(&iter, rows);
    while (g_variant_iter_next(&iter, "(&suutttt)", &kind, &context, &ring, &n[0], &n[1], &n[2],
                               &n[3])) {
        g_autofree char *where = g_str_equal(kind, "ring")
                                     ? g_strdup_printf("context %u, ring %u", context, ring)
                                 : g_str_equal(kind, "others") ? g_strdup("other rings")
                                                               : g_strdup(kind);

        g_print("%-26s%12" NUMBER "%12" NUMBER "%10.3f%10.3f\n", where, n[0],
                n[0] - MIN(n[1], n[0]), mean_ms(n[2], n[1]), (double)n[3] / NS_PER_MS);
    }
}

/* NULL when a machine of an older version does not tell it. */
static GVariant *
table_of(GVariant *counters, const char *name, const char *type)
{
    return g_variant_lookup_value(counters, name, G_VARIANT_TYPE(type));
}

static void
print_tables(GVariant *counters)
{
    g_autoptr(GVariant) commands = table_of(counters, "CommandTypes", "a(ustttt)");
    g_autoptr(GVariant) resources = table_of(counters, "LargestResources", "a(usuuuuttt)");
    g_autoptr(GVariant) others = table_of(counters, "OtherResources", "(uttt)");
    g_autoptr(GVariant) timelines = table_of(counters, "FenceTimelines", "a(suutttt)");

    if (commands) {
        print_commands(commands);
    }
    if (resources) {
        print_resources(resources, others);
    }
    if (timelines) {
        print_timelines(timelines);
    }
}

static void
print_contexts(GVariantIter *contexts)
{
    const char *name;
    guint32 id;
    guint32 capset;
    guint64 n[CONTEXT_NUMBERS];

    g_print("\n%-8s%-8s%10s%12s%10s%12s%10s%8s  %s\n", "context", "capset", "resources",
            "memory KiB", "submits", "commands KiB", "fences", "failed", "name");
    while (g_variant_iter_next(contexts, "(uu&stttttt)", &id, &capset, &name, &n[0], &n[1], &n[2],
                               &n[3], &n[4], &n[5])) {
        g_print("%-8u%-8u%10" G_GUINT64_FORMAT "%12" G_GUINT64_FORMAT "%10" G_GUINT64_FORMAT
                "%12" G_GUINT64_FORMAT "%10" G_GUINT64_FORMAT "%8" G_GUINT64_FORMAT "  %s\n",
                id, capset, n[0], n[1] / 1024, n[2], n[3] / 1024, n[4], n[5], name);
    }
}

void
gpu_stats_print(GVariant *answer)
{
    g_autoptr(GVariant) counters = NULL;
    g_autoptr(GVariantIter) contexts = NULL;
    GVariantIter iter;
    const char *name;
    GVariant *value;

    g_variant_get(answer, "(@a{sv}a(uustttttt))", &counters, &contexts);
    g_variant_iter_init(&iter, counters);
    while (g_variant_iter_next(&iter, "{&sv}", &name, &value)) {
        if (g_variant_is_of_type(value, G_VARIANT_TYPE_UINT64)) {
            g_print("%-20s%20" G_GUINT64_FORMAT "\n", name, g_variant_get_uint64(value));
        } else if (g_variant_is_of_type(value, G_VARIANT_TYPE("au"))) {
            print_list(name, value);
        }
        g_variant_unref(value);
    }
    print_contexts(contexts);
    print_tables(counters);
}
