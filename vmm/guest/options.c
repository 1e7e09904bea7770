/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/guest/options.h"

#include <stdlib.h>

#include "vmm/base/log.h"

void
options_read(const struct options_of *of, int argc, char **argv, void *data)
{
    int found;

    while ((found = getopt_long(argc, argv, "", of->table, NULL)) != -1) {
        switch (found) {
        case OPTIONS_HELP:
            of->usage(stdout);
            exit(EXIT_SUCCESS);
        case OPTIONS_VERSION:
            printf("%s %s\n", of->program, VITRINE_VERSION);
            exit(EXIT_SUCCESS);
        case '?':
            of->usage(stderr);
            exit(EXIT_FAILURE);
        default:
            of->take(data, found, optarg);
        }
    }
    if (optind < argc) {
        log_error("%s is no option", argv[optind]);
        exit(EXIT_FAILURE);
    }
}
