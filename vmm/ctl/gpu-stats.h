/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* Prints what vm_connection_get_graphics_counters_finish() gave. */
void gpu_stats_print(GVariant *answer);
void gpu_stats_print_json(GVariant *answer);
