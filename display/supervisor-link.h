/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The link to the supervisor (vmm/protocol/display.h): the machine's state comes in, what clients ask
 * of the machine goes out.
 *
 * Signals: "state-changed" (), "statistics" (const struct display_statistics *), "last-frame-wanted" (),
 * "closed" () - the process must end; lifecycle mode: "created" (const struct display_created *, struct
 * message_fds * to take from), "ended" (const struct display_ended *).
 */

#include <glib-object.h>

#include "vmm/protocol/balloon.h"
#include "vmm/protocol/display.h"

G_BEGIN_DECLS

#define VM_TYPE_SUPERVISOR_LINK (vm_supervisor_link_get_type())
G_DECLARE_FINAL_TYPE(VmSupervisorLink, vm_supervisor_link, VM, SUPERVISOR_LINK, GObject)

/* Whether its texts end and its counts hold. */
gboolean vm_supervisor_setup_is_valid(const struct display_setup *setup);

/* `fd` stays the caller's. */
VmSupervisorLink *vm_supervisor_link_new(int fd);

/* The last state told; before the first, "starting". Texts are valid UTF-8. */
const struct display_state *vm_supervisor_link_get_state(VmSupervisorLink *self);
/* "starting", "running", "paused", "shutting-down" or "stopped". */
const char *vm_supervisor_link_get_state_name(VmSupervisorLink *self);

/* Pass a request on; FALSE when the supervisor does not take it now. */
gboolean vm_supervisor_link_send(VmSupervisorLink *self, enum display_type type);
/* The same with descriptors, which stay the caller's. */
gboolean vm_supervisor_link_send_fds(VmSupervisorLink *self, enum display_type type, const int *fds,
                                     gsize n_fds);
/* `fd` (the caller's) holds the picture; -1: there is none. */
void vm_supervisor_link_send_last_frame(VmSupervisorLink *self, int fd);

/*
 * Ask for a longer disk. `callback` gets 0 or -errno as struct display_resized says, once; FALSE: it will
 * not, because the supervisor takes no request now.
 */
typedef void (*VmResized)(gint error, gpointer user_data);
gboolean vm_supervisor_link_resize_disk(VmSupervisorLink *self, guint disk, guint64 size,
                                        VmResized callback, gpointer user_data);

/*
 * Ask the balloon. `callback` gets the answer, once, with at most BALLOON_STATISTICS_MAX statistics;
 * FALSE: it will not.
 */
typedef void (*VmBallooned)(const struct balloon_answer *answer, gpointer user_data);
gboolean vm_supervisor_link_ask_balloon(VmSupervisorLink *self, enum balloon_what what, guint pages,
                                        VmBallooned callback, gpointer user_data);

/*
 * Say what all clients together want to see (enum trace_event). `callback`, unless NULL, gets the answer,
 * once, with a ring (the link's) for each name; FALSE: it will not.
 */
typedef void (*VmTraced)(const struct display_traced *traced, const int *rings, gpointer user_data);
gboolean vm_supervisor_link_ask_trace(VmSupervisorLink *self, guint32 events, VmTraced callback,
                                      gpointer user_data);

G_END_DECLS
