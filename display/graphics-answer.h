/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What GetGraphics of org.vitrine.Vmm1.Statistics says. */

#include <gio/gio.h>

#include "display/gpu-link.h"

/* Asks the graphics card, and answers when it has. Takes the invocation. */
void vm_graphics_answer(VmGpuLink *gpu, GDBusMethodInvocation *invocation);
