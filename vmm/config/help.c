/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>
#include <string.h>

#include "vmm/base/bytes.h"
#include "vmm/config/config.h"
#include "vmm/config/option-table.h"

enum {
    COLUMN = 30
};

static void
print_row(FILE *stream, const char *left, const char *text)
{
    if (strlen(left) >= COLUMN - 1) {
        fprintf(stream, "%s\n%*s%s", left, COLUMN, "", text);
    } else {
        fprintf(stream, "%-*s%s", COLUMN, left, text);
    }
}

static void
print_key(FILE *stream, const struct config_key *key)
{
    char left[80];

    snprintf(left, sizeof(left), "        %s=%s", key->name, key->value);
    print_row(stream, left, key->help);
    if (key->type == CONFIG_NUMBER && key->maximum < UINT64_C(1) << 24) {
        fprintf(stream, " %" PRIu64 " to %" PRIu64 ".", key->minimum, key->maximum);
    }
    if (key->required) {
        fputs(" Required.", stream);
    } else if (key->preset || key->type == CONFIG_BOOL) {
        fprintf(stream, " (default: %s)", key->preset ? key->preset : "false");
    }
    fputs("\n", stream);
}

static void
print_option(FILE *stream, const struct config_option *option)
{
    const bool is_flag = option->form == CONFIG_VALUE && option->keys[0].type == CONFIG_BOOL;
    const bool has_keys = option->form == CONFIG_OBJECT || option->form == CONFIG_LIST;
    char left[80] = "    ";
    size_t used = 4;

    if (option->letter) {
        used += (size_t)snprintf(left + used, sizeof(left) - used, "-%c, ", option->letter);
    }
    used += (size_t)snprintf(left + used, sizeof(left) - used, "--%s", option->name);
    if (!is_flag) {
        snprintf(left + used, sizeof(left) - used, " %s",
                 has_keys && option->n_keys > 1 ? "KEY=VALUE,..." : option->keys[0].value);
    }
    print_row(stream, left, option->help);
    fputs("\n", stream);
    for (size_t i = 0; has_keys && i < option->n_keys; i++) {
        if (config_key_is_kept(&option->keys[i])) {
            print_key(stream, &option->keys[i]);
        }
    }
}

void
config_print_help(FILE *stream)
{
    fputs(
        "Usage: vmm run [OPTIONS] KERNEL\n"
        "Run one virtual machine; every device is a jailed process of its own.\n\n"
        "A list KEY=VALUE,... may begin with the value of its first key alone; a key that is true\n"
        "needs no value; a value with a comma stands in double quotes.\n\nOptions:\n",
        stream);
    for (size_t i = 0; i < config_n_options; i++) {
        const struct config_option *option = &config_options[i];

        if (option->form != CONFIG_IGNORE) {
            print_option(stream, option);
        }
    }
    fputs(
        "\nAlso understood: --disk, --rwdisk, --root, --rwroot PATH (a --block);\n"
        "--vhost-user-blk, -net, ... SOCKET (a --vhost-user); --no-rng; -v (--log-level debug).\n"
        "\nExit status: 0 switched off or stopped, 32 the guest asked for a reset, 33 the machine\n"
        "could not start or a part of it failed, 34 the guest panicked, 35 wrong options.\n"
        "See vmm-run(1) and vmm-config(5).\n",
        stream);
}
