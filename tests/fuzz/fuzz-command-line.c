/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The words of `vmm run`, one per line of the input; what parses must print and parse again. */

#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "vmm/base/assert.h"
#include "vmm/base/cleanup.h"
#include "vmm/base/memory.h"
#include "vmm/config/config.h"

enum {
    WORDS_MAX = 64
};

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct machine_config config;
    struct machine_config again;
    struct config_error error = {0};
    cleanup_free char *text = xalloc(size + 1);
    char *words[WORDS_MAX];
    char *rest = NULL;
    int n = 0;

    memcpy(text, data, size);
    text[size] = '\0';
    for (char *word = strtok_r(text, "\n", &rest); word && n < WORDS_MAX;
         word = strtok_r(NULL, "\n", &rest)) {
        words[n++] = word;
    }
    if (config_parse(n, words, NULL, &config, &error) < 0) {
        assert(error.sentence[0] && !strchr(error.sentence, '\n'));
        return 0;
    }
    if (config.kernel) {
        cleanup_free char *printed = config_print(&config);
        const struct config_source source = {"printed", printed, strlen(printed)};

        assert(config_parse_text(&source, NULL, &again, &error) == 0);
        cleanup_free char *second = config_print(&again);
        assert(strcmp(printed, second) == 0);
        machine_config_finish(&again);
    }
    machine_config_finish(&config);
    return 0;
}
