/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A --cfg file; it may include itself and one other. What parses must print and parse again. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "vmm/base/assert.h"
#include "vmm/base/cleanup.h"
#include "vmm/base/memory.h"
#include "vmm/config/config.h"

/* “self” is the input; “other” a file without faults; there is no third. */
static int
read_file(void *data, const char *name, char **ret_text, size_t *ret_size,
          struct config_error *error)
{
    static const char other[] = "{\"params\": \"p\", \"block\": [{\"path\": \"b\"}]}";
    const struct config_source *self = data;
    const bool is_self = strcmp(name, self->name) == 0;

    if (!is_self && strcmp(name, "other") != 0) {
        config_fail(error, "“%s” is not there; check the name.", name);
        return -ENOENT;
    }
    *ret_size = is_self ? self->size : sizeof(other) - 1;
    *ret_text = xalloc(*ret_size + 1);
    memcpy(*ret_text, is_self ? self->text : other, *ret_size);
    return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cleanup_free char *text = xalloc(size + 1);
    struct config_source source = {"self", text, size};
    const struct config_host host = {.read_file = read_file, .data = &source, .ram_mib = 4096};
    struct machine_config config;
    struct machine_config again;
    struct config_error error = {0};

    memcpy(text, data, size);
    if (config_parse_text(&source, &host, &config, &error) < 0) {
        assert(error.sentence[0] && !strchr(error.sentence, '\n'));
        return 0;
    }
    cleanup_free char *printed = config_print(&config);
    const struct config_source first = {"printed", printed, strlen(printed)};
    assert(config_parse_text(&first, &host, &again, &error) == 0);
    cleanup_free char *second = config_print(&again);
    assert(strcmp(printed, second) == 0);
    machine_config_finish(&again);
    machine_config_finish(&config);
    return 0;
}
