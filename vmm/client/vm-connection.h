/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One running machine, as a client sees it: the control socket that `vmm run` listens on, spoken
 * through GDBus without a bus. Never blocks; everything happens in the thread-default main context
 * of the thread that called vm_connection_open().
 *
 * Once opened it stays connected: when the connection is lost it waits 0.2, 1, 2, 4, 8, 16, 30 s and
 * tries again until vm_connection_close(). VmConsole and VmChardev objects stay the same across
 * that; their "connected" property tells whether they work now.
 */

#include <gio/gio.h>

G_BEGIN_DECLS

typedef enum {
    VM_CONNECTION_CLOSED,     /* not opened, or closed by us */
    VM_CONNECTION_CONNECTING, /* on the way */
    VM_CONNECTION_READY,      /* consoles, chardevs and machine properties are known */
    VM_CONNECTION_WAITING,    /* lost or refused; tries again in "retry-seconds" */
} VmConnectionState;

typedef enum {
    VM_REQUEST_POWER_BUTTON, /* the guest decides */
    VM_REQUEST_STOP,         /* force off */
    VM_REQUEST_RESTART,
    VM_REQUEST_PAUSE,
    VM_REQUEST_RESUME,
    VM_REQUEST_PING,         /* answered without touching the guest */
    VM_REQUEST_SLEEP_BUTTON, /* the guest decides */
} VmRequest;

/**
 * VmConnection:
 *
 * Properties, all of which notify: "path" (construct only), "state" (VmConnectionState as int),
 * "retry-seconds" (in %VM_CONNECTION_WAITING: whole seconds to the next try), "error-message" (why the
 * last try failed), and of the machine: "name", "machine-state" ("starting", "running", "paused",
 * "shutting-down", "stopped"), with "stopped" also "exit-status", "cause" and "sentence", the last two also
 * with "paused" where the machine paused itself ("disk-full": the host has no room);
 * "graphics", "graphics-sentence" and "graphics-restarts", which change together; "client-count".
 * The machine's properties keep their last values when the connection is lost.
 */
#define VM_TYPE_CONNECTION (vm_connection_get_type())
G_DECLARE_FINAL_TYPE(VmConnection, vm_connection, VM, CONNECTION, GObject)

/**
 * vm_connection_new:
 * @path: the machine's control socket: vm_machines_dup_socket_path()
 *
 * Returns: (transfer full): a connection that is not opened yet
 */
VmConnection *vm_connection_new(const char *path);

/**
 * vm_connection_open:
 *
 * Starts to connect, and keeps connected. Does nothing when it was opened before.
 */
void vm_connection_open(VmConnection *self);

/**
 * vm_connection_close:
 *
 * Disconnects, and stays so.
 */
void vm_connection_close(VmConnection *self);

/**
 * vm_connection_retry_now:
 *
 * In %VM_CONNECTION_WAITING: tries now instead of later.
 */
void vm_connection_retry_now(VmConnection *self);

/**
 * vm_connection_get_path:
 *
 * Returns: the control socket
 */
const char *vm_connection_get_path(VmConnection *self);
/**
 * vm_connection_get_state:
 *
 * Returns: how the connection is
 */
VmConnectionState vm_connection_get_state(VmConnection *self);
/**
 * vm_connection_get_retry_seconds:
 *
 * Returns: in %VM_CONNECTION_WAITING, whole seconds to the next try
 */
guint vm_connection_get_retry_seconds(VmConnection *self);
/**
 * vm_connection_get_error_message:
 *
 * Returns: (nullable): why the last try failed
 */
const char *vm_connection_get_error_message(VmConnection *self);
/**
 * vm_connection_get_name:
 *
 * Returns: (nullable): the machine's name
 */
const char *vm_connection_get_name(VmConnection *self);
/**
 * vm_connection_get_machine_state:
 *
 * Returns: (nullable): the last state that the machine told
 */
const char *vm_connection_get_machine_state(VmConnection *self);
/**
 * vm_connection_get_exit_status:
 *
 * Returns: of a machine that stopped, the status of `vmm run`: docs/architecture.md section 7
 */
guint vm_connection_get_exit_status(VmConnection *self);
/**
 * vm_connection_get_cause:
 *
 * Returns: (nullable): why it stopped, as an id of docs/protocols.md
 */
const char *vm_connection_get_cause(VmConnection *self);
/**
 * vm_connection_get_sentence:
 *
 * Returns: (nullable): why it stopped, for people
 */
const char *vm_connection_get_sentence(VmConnection *self);
/**
 * vm_connection_get_graphics:
 *
 * Returns: (nullable): what the graphics card draws with: "none", "2d", "virgl-software", "virgl", "venus", "lost"
 */
const char *vm_connection_get_graphics(VmConnection *self);
/**
 * vm_connection_get_graphics_sentence:
 *
 * Returns: (nullable): why that, for people; empty without a card
 */
const char *vm_connection_get_graphics_sentence(VmConnection *self);
/**
 * vm_connection_get_graphics_restarts:
 *
 * Returns: how often the graphics card crashed and was started again since the machine's start
 */
guint vm_connection_get_graphics_restarts(VmConnection *self);
/**
 * vm_connection_get_render_device:
 *
 * Returns: which of the host's graphics cards draws in 3D, as the device number of its node; 0: none. Textures
 * without a modifier are to be shown on that card alone, see vm_console_set_takes_textures()
 */
guint64 vm_connection_get_render_device(VmConnection *self);
/**
 * vm_connection_get_client_count:
 *
 * Returns: how many programs are connected to the machine, this one too
 */
guint vm_connection_get_client_count(VmConnection *self);

/**
 * vm_connection_get_crowded:
 *
 * Returns: in the state VM_CONNECTION_WAITING, whether the last try was refused because as many clients
 * as there may be are connected already
 */
gboolean vm_connection_get_crowded(VmConnection *self);

/**
 * vm_connection_get_consoles:
 *
 * Returns: (transfer none): a model of VmConsole in the order of their numbers, the connection's
 */
GListModel *vm_connection_get_consoles(VmConnection *self);
/**
 * vm_connection_get_chardevs:
 *
 * Returns: (transfer none): a model of VmChardev in the machine's order, the connection's
 */
GListModel *vm_connection_get_chardevs(VmConnection *self);

/**
 * vm_connection_request_async:
 *
 * Asks the machine for something. Errors: those of the machine, %G_IO_ERROR_NOT_CONNECTED,
 * %G_IO_ERROR_TIMED_OUT (5 s).
 */
void vm_connection_request_async(VmConnection *self, VmRequest request, GCancellable *cancellable,
                                 GAsyncReadyCallback callback, gpointer user_data);
/**
 * vm_connection_request_finish:
 *
 * Returns: whether the machine took the request
 */
gboolean vm_connection_request_finish(VmConnection *self, GAsyncResult *result, GError **error);

/**
 * vm_connection_resize_disk_async:
 * @disk: the number of the disk, from 0
 * @size: bytes; more than now
 *
 * Makes a disk longer while the guest runs; the guest is told.
 */
void vm_connection_resize_disk_async(VmConnection *self, guint disk, guint64 size,
                                     GCancellable *cancellable, GAsyncReadyCallback callback,
                                     gpointer user_data);
/**
 * vm_connection_resize_disk_finish:
 *
 * Returns: whether the disk is longer now
 */
gboolean vm_connection_resize_disk_finish(VmConnection *self, GAsyncResult *result, GError **error);

/**
 * vm_connection_set_balloon_async:
 * @size: bytes that the guest should give back, rounded down to whole pages of 4 KiB; 0: it may have all
 *
 * Asks the guest for memory; it gives it in its own time.
 */
void vm_connection_set_balloon_async(VmConnection *self, guint64 size, GCancellable *cancellable,
                                     GAsyncReadyCallback callback, gpointer user_data);
/**
 * vm_connection_set_balloon_finish:
 *
 * Returns: whether the guest was asked
 */
gboolean vm_connection_set_balloon_finish(VmConnection *self, GAsyncResult *result, GError **error);

/**
 * vm_connection_get_balloon_async:
 *
 * Asks how much memory the guest has given, and was asked for.
 */
void vm_connection_get_balloon_async(VmConnection *self, GCancellable *cancellable,
                                     GAsyncReadyCallback callback, gpointer user_data);
/**
 * vm_connection_get_balloon_finish:
 * @ret_actual: (out): bytes that the guest has given
 * @ret_requested: (out): bytes that it was last asked for
 */
gboolean vm_connection_get_balloon_finish(VmConnection *self, GAsyncResult *result,
                                          guint64 *ret_actual, guint64 *ret_requested,
                                          GError **error);

/**
 * vm_connection_get_memory_statistics_async:
 *
 * Asks what the guest says of its memory; its driver answers, or %G_IO_ERROR_TIMED_OUT comes.
 */
void vm_connection_get_memory_statistics_async(VmConnection *self, GCancellable *cancellable,
                                               GAsyncReadyCallback callback, gpointer user_data);
/**
 * vm_connection_get_memory_statistics_finish:
 *
 * Returns: (transfer full): a(qt), GetMemStats of org.vitrine.Vmm1.BalloonController: what the guest says
 * of its memory
 */
GVariant *vm_connection_get_memory_statistics_finish(VmConnection *self, GAsyncResult *result,
                                                     GError **error);

/**
 * VmDisplayMode:
 * @width: pixels
 * @height: pixels
 * @width_mm: millimetres, 0: unknown
 * @height_mm: millimetres, 0: unknown
 */
typedef struct {
    guint width;
    guint height;
    guint width_mm;
    guint height_mm;
} VmDisplayMode;

/**
 * vm_connection_add_display_async:
 *
 * Plugs a display in, which then is one of vm_connection_get_consoles().
 */
void vm_connection_add_display_async(VmConnection *self, const VmDisplayMode *mode,
                                     GCancellable *cancellable, GAsyncReadyCallback callback,
                                     gpointer user_data);
/**
 * vm_connection_add_display_finish:
 * @ret_display: (out): its number, that of its VmConsole
 */
gboolean vm_connection_add_display_finish(VmConnection *self, GAsyncResult *result,
                                          guint *ret_display, GError **error);
/**
 * vm_connection_remove_display_async:
 * @display: its number
 *
 * Takes a display away; its VmConsole leaves vm_connection_get_consoles().
 */
void vm_connection_remove_display_async(VmConnection *self, guint display,
                                        GCancellable *cancellable, GAsyncReadyCallback callback,
                                        gpointer user_data);
/**
 * vm_connection_remove_display_finish:
 *
 * Returns: whether it is gone
 */
gboolean vm_connection_remove_display_finish(VmConnection *self, GAsyncResult *result,
                                             GError **error);
/**
 * vm_connection_set_display_mode_async:
 *
 * As vm_console_set_size(), at once and with an answer.
 */
void vm_connection_set_display_mode_async(VmConnection *self, guint display,
                                          const VmDisplayMode *mode, GCancellable *cancellable,
                                          GAsyncReadyCallback callback, gpointer user_data);
/**
 * vm_connection_set_display_mode_finish:
 *
 * Returns: whether the guest was told
 */
gboolean vm_connection_set_display_mode_finish(VmConnection *self, GAsyncResult *result,
                                               GError **error);
/**
 * vm_connection_get_displays_async:
 *
 * Asks for the displays that are plugged in.
 */
void vm_connection_get_displays_async(VmConnection *self, GCancellable *cancellable,
                                      GAsyncReadyCallback callback, gpointer user_data);
/**
 * vm_connection_get_displays_finish:
 * @ret_maximum: (out) (optional): how many there may be at once
 *
 * Returns: (transfer full): a(uuuuu), Displays of org.vitrine.Vmm1.Displays
 */
GVariant *vm_connection_get_displays_finish(VmConnection *self, GAsyncResult *result,
                                            guint *ret_maximum, GError **error);

/**
 * VmProcess:
 * @name: the part: "machine", "gpu", …
 * @pid: its process
 * @restarts: how often it was started again
 * @cpu_ns: user and system time since its start
 * @memory: private bytes, guest RAM left out
 */
typedef struct {
    char *name;
    guint pid;
    guint restarts;
    guint64 cpu_ns;
    guint64 memory;
} VmProcess;

#define VM_TYPE_PROCESS (vm_process_get_type())
GType vm_process_get_type(void);
/**
 * vm_process_copy:
 *
 * Returns: (transfer full): a copy
 */
VmProcess *vm_process_copy(const VmProcess *process);
/**
 * vm_process_free:
 *
 * Frees it.
 */
void vm_process_free(VmProcess *process);

/**
 * vm_connection_get_processes_async:
 *
 * Asks for the figures of each process of the machine.
 */
void vm_connection_get_processes_async(VmConnection *self, GCancellable *cancellable,
                                       GAsyncReadyCallback callback, gpointer user_data);
/**
 * vm_connection_get_processes_finish:
 *
 * Returns: (transfer container) (element-type VmProcess): one for each process
 */
GPtrArray *vm_connection_get_processes_finish(VmConnection *self, GAsyncResult *result,
                                              GError **error);

/**
 * VmJail:
 * @name: the part: "machine", "gpu", …
 * @part: its name for `vmm policy`; "" for the supervisor, "foreign" for a back end that somebody else
 *   started
 * @pid: its process
 * @filter: a system call filter is on
 * @namespaces: user, pid, mount, net, ipc and uts namespaces of its own
 * @no_new_privileges: it cannot gain any
 * @capabilities: effective, permitted and bounding together
 * @threads: how many it has
 * @descriptors: most it may have; 0: the host's limit
 * @blocked: times its filter ended it
 *
 * What holds one process, as the kernel reports it.
 */
typedef struct {
    char *name;
    char *part;
    guint pid;
    gboolean filter;
    gboolean namespaces;
    gboolean no_new_privileges;
    guint64 capabilities;
    guint threads;
    guint descriptors;
    guint blocked;
} VmJail;

#define VM_TYPE_JAIL (vm_jail_get_type())
GType vm_jail_get_type(void);
/**
 * vm_jail_copy:
 *
 * Returns: (transfer full): a copy
 */
VmJail *vm_jail_copy(const VmJail *jail);
/**
 * vm_jail_free:
 *
 * Frees it.
 */
void vm_jail_free(VmJail *jail);

/**
 * vm_connection_get_jails_async:
 *
 * Asks what holds each process of the machine.
 */
void vm_connection_get_jails_async(VmConnection *self, GCancellable *cancellable,
                                   GAsyncReadyCallback callback, gpointer user_data);

/**
 * vm_connection_get_jails_finish:
 *
 * As vm_connection_get_processes_finish().
 *
 * Returns: (transfer container) (element-type VmJail): what holds each process
 */
GPtrArray *vm_connection_get_jails_finish(VmConnection *self, GAsyncResult *result, GError **error);

/**
 * vm_connection_get_graphics_counters_finish:
 *
 * Returns: (transfer full): (a{sv}a(uustttttt)), GetGraphics of org.vitrine.Vmm1.Statistics
 */
GVariant *vm_connection_get_graphics_counters_finish(VmConnection *self, GAsyncResult *result,
                                                     GError **error);
/**
 * vm_connection_get_graphics_counters_async:
 *
 * Asks for the counters of the graphics card.
 */
void vm_connection_get_graphics_counters_async(VmConnection *self, GCancellable *cancellable,
                                               GAsyncReadyCallback callback, gpointer user_data);

/**
 * vm_connection_restart_renderer_async:
 *
 * Lets what draws in 3D begin anew while the guest goes on: all that its programs have there is lost, and
 * they have to be started again; new ones draw at once. 2D and the last picture stay.
 */
void vm_connection_restart_renderer_async(VmConnection *self, GCancellable *cancellable,
                                          GAsyncReadyCallback callback, gpointer user_data);
/**
 * vm_connection_restart_renderer_finish:
 * @ret_contexts: (out) (optional): contexts of the guest that were lost
 * @ret_resources: (out) (optional): its resources that were lost
 *
 * Fails on a card that draws in 2D only, after a crash of the card, and when it does not draw any more.
 */
gboolean vm_connection_restart_renderer_finish(VmConnection *self, GAsyncResult *result,
                                               guint *ret_contexts, guint *ret_resources,
                                               GError **error);

/**
 * VmTotals:
 * @guest_memory: bytes of the guest's RAM that are in use on the host
 * @disk_read: bytes since the machine's start
 * @disk_written: bytes since the machine's start
 */
typedef struct {
    guint64 guest_memory;
    guint64 disk_read;
    guint64 disk_written;
} VmTotals;

/**
 * vm_connection_get_totals_async:
 *
 * Asks for the figures of the whole machine.
 */
void vm_connection_get_totals_async(VmConnection *self, GCancellable *cancellable,
                                    GAsyncReadyCallback callback, gpointer user_data);
/**
 * vm_connection_get_totals_finish:
 * @ret_totals: (out caller-allocates): the figures
 *
 * Returns: whether they are there
 */
gboolean vm_connection_get_totals_finish(VmConnection *self, GAsyncResult *result,
                                         VmTotals *ret_totals, GError **error);

G_END_DECLS
