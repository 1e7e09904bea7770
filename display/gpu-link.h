/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The link to vmm-gpu (vmm/protocol/gpu.h). Its other end serves a hostile guest: all numbers are
 * checked here, and only checked ones reach VmScreen. A message that makes no sense is dropped with a
 * rate-limited log line; one of the wrong form ends the link, and the last pictures stay.
 *
 * Signals: "screen-added" (VmScreen *) and "screen-removed" (VmScreen *): a display was plugged in or
 * taken away; "mode-changed" ().
 */

#include <glib-object.h>

#include "display/screen.h"

G_BEGIN_DECLS

enum {
    VM_SCREENS_MAX = 16,
    VM_BUFFERS_MAX = 64,
};

#define VM_TYPE_GPU_LINK (vm_gpu_link_get_type())
G_DECLARE_FINAL_TYPE(VmGpuLink, vm_gpu_link, VM, GPU_LINK, GObject)

/* Takes `fd`; -1 makes a link without screens. Asks the gpu process to send everything again. */
VmGpuLink *vm_gpu_link_new(int fd);

/* Most displays that there may be: their numbers are below that. */
guint vm_gpu_link_get_maximum(VmGpuLink *self);
/* NULL where no display is plugged in. The same object each time a display is plugged in there. */
VmScreen *vm_gpu_link_get_screen(VmGpuLink *self, guint number);

/* `statistics` is valid during the call, its texts are ended and printable; NULL: there is no answer. */
typedef void (*VmGpuStatistics)(const struct gpu_statistics *statistics, gpointer user_data);
void vm_gpu_link_ask_statistics(VmGpuLink *self, VmGpuStatistics callback, gpointer user_data);

/* What became of vm_gpu_link_restart(); NULL: there is no answer. */
typedef void (*VmGpuRestarted)(const struct gpu_restarted *restarted, gpointer user_data);
/* What draws in 3D begins anew. Who asks while that happens gets the same answer. */
void vm_gpu_link_restart(VmGpuLink *self, VmGpuRestarted callback, gpointer user_data);

/* Neither a display nor a question about one. */
gboolean vm_gpu_link_is_free(VmGpuLink *self, guint number);
/* What became of vm_gpu_link_plug(): the display as it is now; NULL: there is no answer. */
typedef void (*VmGpuPlugged)(const struct gpu_mode *display, gpointer user_data);
/*
 * A display comes or has another mode, or goes (`enabled` 0); the header is filled in. Numbers are
 * checked. FALSE when the gpu process does not take it now, and there is no answer then.
 */
gboolean vm_gpu_link_plug(VmGpuLink *self, const struct gpu_mode *mode, VmGpuPlugged callback,
                          gpointer user_data);

/* Tell the guest, some ms later, the size that the window wants; of several only the last one. */
void vm_gpu_link_set_mode(VmGpuLink *self, const struct gpu_mode *mode);

G_END_DECLS
