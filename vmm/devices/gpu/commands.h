/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The requests of both queues (virtio 1.2 section 5.7.6). */

#include "vmm/devices/gpu/gpu.h"

/* Execute one request of queue `index` and give its chain back. */
void commands_run(struct gpu *gpu, unsigned int index, struct queue *queue, struct chain *chain);
