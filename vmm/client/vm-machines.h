/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The machines of this user: those that are defined (one JSON file each, which `vmm run --cfg` reads
 * and the manager shows) and those that run. Names are as docs/architecture.md section 9 says; a name
 * that is not valid gives G_IO_ERROR_INVALID_ARGUMENT.
 */

#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * vm_machines_list_defined:
 *
 * Returns: (transfer full): the names, sorted; empty when there are none
 */
GStrv vm_machines_list_defined(void);

/**
 * vm_machines_list_running:
 *
 * Returns: (transfer full): the names, sorted; also of machines that are not defined
 */
GStrv vm_machines_list_running(void);

/**
 * vm_machines_is_running:
 * @name: a machine's name
 *
 * Returns: whether `vmm run` holds that name now
 */
gboolean vm_machines_is_running(const char *name);

/**
 * vm_machines_dup_definition_path:
 * @name: a machine's name
 *
 * Returns: (transfer full): the file of its definition, whether it is there or not
 */
char *vm_machines_dup_definition_path(const char *name);

/**
 * vm_machines_dup_socket_path:
 * @machine: a name, the path of a runtime folder, or the path of a control socket
 *
 * Returns: (transfer full): the control socket, for vm_connection_new()
 */
char *vm_machines_dup_socket_path(const char *machine);

/**
 * vm_machines_dup_log_path:
 * @name: a machine's name
 *
 * Returns: (transfer full): the log of its parts, whether it is there or not
 */
char *vm_machines_dup_log_path(const char *name);

/**
 * vm_machines_dup_output_path:
 * @name: a machine's name
 * @port: a port's name, as vm_chardev_get_name() gives it: "serial.0"
 *
 * Written when the machine ends: the last MiB of that run.
 *
 * Returns: (transfer full): what the port said in the last run, whether the file is there or not
 */
char *vm_machines_dup_output_path(const char *name, const char *port);

/**
 * vm_machines_define:
 * @name: a machine's name
 * @text: its definition, a JSON object; what its options mean is checked when it starts
 *
 * Writes the definition in one step, over an older one of that name.
 */
gboolean vm_machines_define(const char *name, const char *text, GError **error);

/**
 * vm_machines_undefine:
 * @name: a machine's name
 *
 * Removes the definition; disks and logs stay. Fails with G_IO_ERROR_BUSY while the machine runs.
 */
gboolean vm_machines_undefine(const char *name, GError **error);

/**
 * vm_machines_delete:
 * @name: a machine's name
 *
 * Moves the definition, the machine's own folder of disks, and its logs to the desktop's trash, from
 * where a person can get them back, and no longer starts it at login. Files in its folder that another
 * machine's disk lies over, or is made of, stay there until that machine is deleted too. Fails with G_IO_ERROR_BUSY while
 * the machine runs. Waits for the file system.
 */
gboolean vm_machines_delete(const char *name, GError **error);

/**
 * VmCloneFlags:
 * @VM_CLONE_FLAGS_NONE: in full: disks that the machine may write, and what lies in its own folder, are
 *   copied (shared by the file system where it can); other files are used by both
 * @VM_CLONE_FLAGS_LINKED: disks that the machine may write are frozen as they are now, and both machines
 *   write to images of their own over them; takes no time and next to no room
 *
 * How a second machine is made from one.
 */
typedef enum { /*< flags >*/
    VM_CLONE_FLAGS_NONE = 0,
    VM_CLONE_FLAGS_LINKED = 1 << 0,
} VmCloneFlags;

/**
 * vm_machines_clone_async:
 * @name: the name of a machine that is off
 * @title: the new one's; its name is made from it
 *
 * Defines a second machine like this one: vm_machines_clone_with_flags_async() with none.
 */
void vm_machines_clone_async(const char *name, const char *title, GCancellable *cancellable,
                             GAsyncReadyCallback callback, gpointer user_data);

/**
 * vm_machines_clone_with_flags_async:
 * @name: the name of a machine that is off
 * @title: the new one's; its name is made from it
 * @flags: how
 *
 * Defines a second machine like this one. What lies behind its qcow2 images, and read-only parts of
 * composite disks, is shared by both machines, each with a name of its own for it, so that deleting one
 * takes nothing from the other. Disks that included files ("cfg") name are copied too; the new definition
 * includes none then, and says what they say. Fails with G_IO_ERROR_BUSY while the machine runs, because its disks
 * change; with G_IO_ERROR_NOT_SUPPORTED where a disk cannot be cloned so, G_IO_ERROR_NO_SPACE where there
 * is too little room.
 */
void vm_machines_clone_with_flags_async(const char *name, const char *title, VmCloneFlags flags,
                                        GCancellable *cancellable, GAsyncReadyCallback callback,
                                        gpointer user_data);
/**
 * vm_machines_clone_finish:
 *
 * Returns: (transfer full): the new machine's name; nothing is left behind on failure
 */
char *vm_machines_clone_finish(GAsyncResult *result, GError **error);

/**
 * vm_machines_resize_disk_async:
 * @name: the name of a machine that is off
 * @disk: the number of the disk, from 0; those of included files ("cfg") come first, as when it runs
 * @size: bytes; more than now, a multiple of 4096
 *
 * Makes the file of a disk longer; while the machine runs, vm_connection_resize_disk_async() does so. What is
 * in it stays as it is, so that the guest has to grow its partition and file system. The file is not changed
 * when this fails: with G_IO_ERROR_BUSY while a process has it open, G_IO_ERROR_NO_SPACE,
 * G_IO_ERROR_INVALID_ARGUMENT for a size that is not longer, G_IO_ERROR_READ_ONLY, G_IO_ERROR_NOT_SUPPORTED
 * for what cannot grow, G_IO_ERROR_PERMISSION_DENIED for what another machine needs as it is.
 */
void vm_machines_resize_disk_async(const char *name, guint disk, guint64 size,
                                   GCancellable *cancellable, GAsyncReadyCallback callback,
                                   gpointer user_data);
/**
 * vm_machines_resize_disk_finish:
 *
 * Returns: whether the disk is longer now
 */
gboolean vm_machines_resize_disk_finish(GAsyncResult *result, GError **error);

/**
 * vm_machines_get_autostart:
 * @name: a machine's name
 *
 * Returns: whether the machine starts when its user logs in
 */
gboolean vm_machines_get_autostart(const char *name);

/**
 * vm_machines_set_autostart:
 * @name: a machine's name
 * @on: whether to start it when its user logs in
 *
 * With `systemctl --user enable vitrine@NAME.service` where the user's systemd runs and knows that unit,
 * else with an entry of the desktop's autostart folder. Waits for systemctl. To switch it off the machine
 * need not be defined any more.
 */
gboolean vm_machines_set_autostart(const char *name, gboolean on, GError **error);

G_END_DECLS
