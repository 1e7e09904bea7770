/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A file that says it is a machine of libvirt. */

#include <string.h>

#include "manager/model/libvirt-xml.h"
#include "tests/fuzz/fuzz.h"
#include "vmm/base/assert.h"

static void
check_definition(VmJson *json)
{
    const gint64 memory = vm_json_get_int(json, "mem.size", 256);
    const gint64 processors = vm_json_get_int(json, "cpus.num-cores", 1);
    const guint ports = vm_json_length(json, "serial");

    assert(memory >= 16 && memory <= 1 << 24);
    assert(processors >= 1 && processors <= 32);
    assert(ports >= 1 && ports <= 8);
    assert(vm_json_length(json, "block") <= 16);
    for (guint i = 0; i < vm_json_length(json, "block"); i++) {
        g_autofree char *path = g_strdup_printf("block.%u.path", i);
        g_autofree char *format = g_strdup_printf("block.%u.format", i);
        const char *kind = vm_json_get_string(json, format);

        assert(vm_json_get_string(json, path)[0]);
        assert(strcmp(kind, "raw") == 0 || strcmp(kind, "qcow2") == 0);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *left_out = NULL;
    g_autofree char *line = NULL;
    g_autoptr(GError) error = NULL;
    g_autoptr(VmJson) json = NULL;
    g_autoptr(VmJson) again = NULL;

    g_log_set_always_fatal(G_LOG_FATAL_MASK | G_LOG_LEVEL_CRITICAL | G_LOG_LEVEL_WARNING);
    json = vm_libvirt_xml_parse((const char *)data, size, &left_out, &error);
    assert(!json == (error != NULL));
    if (!json) {
        assert(!left_out && error->message[0]);
        return 0;
    }
    check_definition(json);
    line = vm_json_to_line(json);
    again = vm_json_parse(line, strlen(line), NULL);
    assert(again && vm_json_is_same(json, again, ""));
    assert(!left_out || !strchr(left_out, '\n'));
    return 0;
}
