/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Addresses in what a guest writes. The person sees the whole address before anything is opened, so that
 * an address is none when it cannot be told at a glance or would do more than lead to a place.
 */

#include <glib.h>

enum {
    VM_LINK_MAX = 400 /* bytes; a longer one is no link */
};

/*
 * Whether text is a whole address that may be offered: http, https or ftp with a host and without a
 * user's name before it, or mailto with one address and nothing filled in. ASCII only.
 */
gboolean vm_link_is_safe(const char *text);
