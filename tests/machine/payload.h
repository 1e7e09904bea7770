/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the tiny guests share. */

#include <stdint.h>

void put(const char *text);
void put_hex(const char *name, uint32_t value);
void power_off(void);

/* payload-rings.c: attacks on every virtio device there is, and a good request after each. */
void test_rings(void);
