/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What `vmm gpu stats --json` makes of a machine's answer. */

#include "vmm/client/json.h"
#include "vmm/ctl/gpu-stats.h"

/* NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables): a print handler has no data */
static char *printed;

static void
keep(const char *text)
{
    g_free(printed);
    printed = g_strdup(text);
}

static VmJson *
print(const char *counters, const char *contexts)
{
    g_autofree char *text = g_strdup_printf("(%s, %s)", counters, contexts);
    g_autoptr(GVariant) answer =
        g_variant_parse(G_VARIANT_TYPE("(a{sv}a(uustttttt))"), text, NULL, NULL, NULL);
    g_autoptr(GError) error = NULL;
    GPrintFunc before = g_set_print_handler(keep);
    VmJson *json;

    g_assert_nonnull(answer);
    gpu_stats_print_json(answer);
    g_set_print_handler(before);
    json = vm_json_parse(printed, strlen(printed), &error);
    g_assert_no_error(error);
    return json;
}

static void
test_rows(void)
{
    g_autoptr(VmJson) json = print(
        "{'Flushes': <uint64 7>, 'FrameTimes': <[uint32 16000, 17000]>,"
        " 'CommandTypes': <[(uint32 0x204, 'transfer', uint64 5, uint64 1, uint64 2, uint64 3)]>,"
        " 'FenceTimelines': <[('ring', uint32 2, uint32 1, uint64 9, uint64 8, uint64 7, uint64 "
        "6)]>,"
        " 'LargestResources': <[(uint32 3, 'blob', uint32 64, uint32 48, uint32 0, uint32 1,"
        " uint64 4096, uint64 2, uint64 1)]>,"
        " 'OtherResources': <(uint32 4, uint64 5, uint64 6, uint64 7)>}",
        "[(1, 2, 'a \"b\\\\', 3, 4, 5, 6, 7, 8)]");

    g_assert_cmpint(vm_json_get_int(json, "Flushes", 0), ==, 7);
    g_assert_cmpint(vm_json_get_int(json, "FrameTimes.1", 0), ==, 17000);
    g_assert_cmpstr(vm_json_get_string(json, "CommandTypes.0.name"), ==, "transfer");
    g_assert_cmpint(vm_json_get_int(json, "CommandTypes.0.longest_ns", 0), ==, 3);
    g_assert_cmpint(vm_json_get_int(json, "FenceTimelines.0.ended", 0), ==, 8);
    g_assert_cmpint(vm_json_get_int(json, "LargestResources.0.flushes", 0), ==, 1);
    g_assert_cmpint(vm_json_get_int(json, "OtherResources.transfers", 0), ==, 6);
    g_assert_cmpstr(vm_json_get_string(json, "ContextList.0.name"), ==, "a \"b\\");
    g_assert_cmpint(vm_json_get_int(json, "ContextList.0.failed", 0), ==, 8);
}

/* A machine that lies about its own names and types. */
static void
test_odd(void)
{
    g_autoptr(VmJson) json =
        print("{'': <uint64 1>, 'a.b': <uint64 1>, '0': <uint64 1>, 'Commands': <{'a': 1}>,"
              " 'CommandTypes': <'x'>, 'Most': <uint64 0xffffffffffffffff>}",
              "[]");
    g_auto(GStrv) keys = vm_json_keys(json, "");

    g_assert_cmpstr(vm_json_get_string(json, "CommandTypes"), ==, "x");
    g_assert_cmpint(vm_json_get_int(json, "Most", 0), ==, G_MAXINT64);
    g_assert_cmpuint(g_strv_length(keys), ==, 3);
    g_assert_true(vm_json_is_list(json, "ContextList"));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/gpu-stats/rows", test_rows);
    g_test_add_func("/gpu-stats/odd", test_odd);
    return g_test_run();
}
