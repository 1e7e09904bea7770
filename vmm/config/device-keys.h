/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The keys of devices: a part of the option table that is too long for one file. The counts make
 * the compiler compare both sides. Private to vmm/config.
 */

#include "vmm/config/option-table.h"

#define IN(type, member) offsetof(struct type, member)

/* A key of crosvm that we refuse, or take and drop; the reason is a clause. */
#define REFUSED_KEY(key_name, why)                                                        \
    {                                                                                     \
        .name = (key_name), .value = "VALUE", .type = CONFIG_BOOL, .help = "Is refused.", \
        .refused = (why)                                                                  \
    }
#define IGNORED_FLAG(key_name, why)                                                         \
    {                                                                                       \
        .name = (key_name), .value = "BOOL", .type = CONFIG_BOOL, .help = "Has no effect.", \
        .ignored = (why)                                                                    \
    }

enum {
    CONFIG_N_BLOCK_KEYS = 15,
    CONFIG_N_SERIAL_KEYS = 11,
    CONFIG_N_GPU_KEYS = 26,
    CONFIG_N_VHOST_USER_KEYS = 4,
};

extern const struct config_key config_block_keys[CONFIG_N_BLOCK_KEYS];
extern const struct config_key config_serial_keys[CONFIG_N_SERIAL_KEYS];
extern const struct config_key config_gpu_keys[CONFIG_N_GPU_KEYS];
extern const struct config_key config_vhost_user_keys[CONFIG_N_VHOST_USER_KEYS];
