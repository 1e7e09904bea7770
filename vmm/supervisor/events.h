/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What children say and how they end. Everything they send is checked: they may be in a guest's hands. */

#include "vmm/supervisor/vm.h"

/* Watch a started child's control socket, log pipe and end. 0 or -errno. */
int events_watch_child(struct child *child);
/* Of the clock that only goes forward. */
uint64_t events_now_ms(void);
/* Timer handler, its data is the machine: start the display again. */
void events_on_display_timer(void *data, uint32_t events);
