/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Everything that this process knows of its machine; what clients see are views of it.
 *
 * Signal "changed" (): a property that clients can read may have another value.
 */

#include <gio/gio.h>

#include "display/gpu-link.h"
#include "display/input-link.h"
#include "display/port.h"
#include "display/supervisor-link.h"
#include "vmm/protocol/display.h"

G_BEGIN_DECLS

#define VM_TYPE_MODEL (vm_model_get_type())
G_DECLARE_FINAL_TYPE(VmModel, vm_model, VM, MODEL, GObject)

/* Takes the descriptors of `setup` but listen_fd. NULL with `error` set. */
VmModel *vm_model_new(const struct display_setup *setup, VmSupervisorLink *supervisor,
                      GError **error);

const char *vm_model_get_name(VmModel *self);
const char *vm_model_get_uuid(VmModel *self);
VmSupervisorLink *vm_model_get_supervisor(VmModel *self);
VmGpuLink *vm_model_get_gpu(VmModel *self);
VmInputLink *vm_model_get_input(VmModel *self);
GPtrArray *vm_model_get_ports(VmModel *self); /* of VmPort; the model's */

guint vm_model_get_client_count(VmModel *self);
void vm_model_set_client_count(VmModel *self, guint count);

/* Gather the figures of all processes; the callback gets NULL when the supervisor does not answer. */
typedef void (*VmModelStatistics)(const struct display_statistics *statistics, gpointer user_data);
void vm_model_ask_statistics(VmModel *self, VmModelStatistics callback, gpointer user_data);

/*
 * What `owner` wants to see (enum trace_event), in place of what it wanted before. `callback` as that of
 * vm_supervisor_link_ask_trace(); FALSE: it is not called, and nothing has changed.
 */
gboolean vm_model_trace(VmModel *self, gpointer owner, guint32 events, VmTraced callback,
                        gpointer user_data);
void vm_model_trace_end(VmModel *self, gpointer owner);

G_END_DECLS
