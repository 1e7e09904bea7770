/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Files that a definition includes, which somebody else wrote: the two halves of the input, around a zero byte. */

#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"
#include "vmm/base/assert.h"
#include "vmm/client/bases.h"

#define DEFINITION                                                                         \
    "{\"cfg\": [\"a.json\", \"b.json\"], \"mem\": {\"size\": 64}, \"params\": [\"own\"], " \
    "\"block\": [{\"path\": \"/own\"}], \"manager\": {\"title\": \"Own\"}}"

static char *folder; /* NOLINT(cppcoreguidelines-avoid-non-const-global-variables): made once */

static void
remove_folder(void)
{
    static const char *const names[] = {"a.json", "b.json"};

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        g_autofree char *path = g_build_filename(folder, names[i], NULL);
        (void)g_unlink(path);
    }
    (void)g_rmdir(folder);
    g_free(folder);
}

static void
write_file(const char *name, const uint8_t *data, size_t size)
{
    g_autofree char *path = g_build_filename(folder, name, NULL);
    FILE *file = fopen(path, "we");

    assert(file && fwrite(data, 1, size, file) == size && fclose(file) == 0);
}

/* The definition decides, its devices come last, and each device knows where it is from. */
static void
check_all(VmBases *bases)
{
    VmJson *whole = vm_bases_get_whole(bases);
    const guint n = vm_json_length(whole, "block");
    g_autofree char *last = g_strdup_printf("block.%u.path", n - 1);
    g_autoptr(VmJson) flat = vm_bases_dup_flat(bases);
    const char *const *paths = vm_bases_get_paths(bases);

    assert(vm_json_get_int(whole, "mem.size", 0) == 64 && !vm_bases_get_file(bases, "mem"));
    assert(n >= 1 && g_strcmp0(vm_json_get_string(whole, last), "/own") == 0);
    assert(vm_bases_count(bases, "block") == n - 1);
    assert(!vm_json_has(flat, "cfg") && vm_json_length(flat, "block") == n);
    assert(g_strcmp0(vm_json_get_string(flat, "manager.title"), "Own") == 0);
    for (guint i = 0; paths[i]; i++) {
        assert(g_path_is_absolute(paths[i]) && i < 32);
    }
    assert(vm_bases_check(bases, NULL) == !vm_bases_get_problem(bases));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *zero = size > 0 ? memchr(data, 0, size) : NULL;
    const size_t first = zero ? (size_t)(zero - data) : size;
    g_autoptr(VmJson) definition = vm_json_parse(DEFINITION, strlen(DEFINITION), NULL);
    g_autoptr(VmBases) bases = NULL;
    g_autoptr(VmBases) again = NULL;
    g_autofree char *path = NULL;

    g_log_set_always_fatal(G_LOG_FATAL_MASK | G_LOG_LEVEL_CRITICAL | G_LOG_LEVEL_WARNING);
    if (!folder) {
        folder = g_dir_make_tmp("fuzz-bases-XXXXXX", NULL);
        assert(folder && atexit(remove_folder) == 0);
    }
    write_file("a.json", data, first);
    write_file("b.json", zero ? zero + 1 : data, zero ? size - first - 1 : 0);
    path = g_build_filename(folder, "machine.json", NULL);
    bases = vm_bases_new(definition, path);
    check_all(bases);
    again = vm_bases_new_with(bases, definition); /* as a window that has read them before */
    check_all(again);
    return 0;
}
