/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Just enough JSON for what the supervisor writes; reading it is the work of vmm/config. */

/*
 * `text` as a JSON string with its quotation marks, malloc'ed. What is not UTF-8 becomes '?': a part
 * may have said it.
 */
char *json_text(const char *text);
