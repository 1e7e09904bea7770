/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a guest writes into its console where an address could stand. */

#include <glib.h>

#include "manager/model/link.h"
#include "tests/fuzz/fuzz.h"
#include "vmm/base/assert.h"

static const char *const starts[] = {"", "http://", "https://", "ftp://", "mailto:", "https://a"};

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    const char *start = starts[fuzz_take(&input, 1) % G_N_ELEMENTS(starts)];
    g_autofree char *end = g_strndup((const char *)input.data, input.size);
    g_autofree char *text = g_strconcat(start, end, NULL);

    if (!vm_link_is_safe(text)) {
        return 0;
    }
    assert(strlen(text) <= VM_LINK_MAX);
    for (const char *at = text; *at; at++) {
        assert(g_ascii_isgraph(*at) && !strchr("\"<>\\^`{|}", *at));
    }
    assert(g_ascii_strncasecmp(text, "http://", 7) == 0 ||
           g_ascii_strncasecmp(text, "https://", 8) == 0 ||
           g_ascii_strncasecmp(text, "ftp://", 6) == 0 ||
           (g_ascii_strncasecmp(text, "mailto:", 7) == 0 && !strpbrk(text, "?%&,")));
    return 0;
}
