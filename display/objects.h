/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The D-Bus objects that every client sees; one NOUN-object.c each. All are views of the model. */

#include "display/client.h"

G_BEGIN_DECLS

/* /org/vitrine/Vmm1: Machine and Statistics. */
void vm_machine_object_export(VmClient *client);
/* /org/vitrine/Vmm1: Tracing. */
void vm_trace_object_export(VmClient *client);
/* /org/vitrine/Vmm1: Displays. */
void vm_displays_object_export(VmClient *client);
/* /org/vitrine/Vmm1/Guest: Guest, HostVsockEndpoint and BalloonController. */
void vm_guest_object_export(VmClient *client);
/* /org/qemu/Display1/VM */
void vm_vm_object_export(VmClient *client);
/* /org/qemu/Display1/Console_N: Console, Keyboard, Mouse and Picture. */
void vm_console_object_export(VmClient *client, VmScreen *screen);
void vm_keyboard_object_export(VmClient *client, VmScreen *screen, const char *path);
void vm_mouse_object_export(VmClient *client, VmScreen *screen, const char *path);
void vm_picture_object_export(VmClient *client, VmScreen *screen, const char *path);
/* /org/qemu/Display1/Chardev_NAME: Chardev and Port. */
void vm_chardev_object_export(VmClient *client, VmPort *port);

/* Error names of org.qemu.Display1 and our own. */
#define VM_ERROR_INVALID     "org.qemu.Display1.Error.Invalid"
#define VM_ERROR_UNSUPPORTED "org.qemu.Display1.Error.Unsupported"
#define VM_ERROR_NO_PICTURE  "org.vitrine.Vmm1.Error.NoPicture"
#define VM_ERROR_BUSY        "org.vitrine.Vmm1.Error.Busy"
#define VM_ERROR_UNAVAILABLE "org.vitrine.Vmm1.Error.Unavailable"

G_END_DECLS
