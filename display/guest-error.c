/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "display/guest-error.h"

#define NAME(name) "org.vitrine.Vmm1.Error." name

static const GDBusErrorEntry entries[] = {
    {GUEST_ERROR_INTERNAL_ERROR, NAME("InternalError")},
    {GUEST_ERROR_DEVICE_NOT_PRESENT, NAME("DeviceNotPresent")},
    {GUEST_ERROR_BAD_CONFIG, NAME("BadConfig")},
    {GUEST_ERROR_GUEST_INITIALIZATION_FAILURE, NAME("GuestInitializationFailure")},
    {GUEST_ERROR_DEVICE_INITIALIZATION_FAILURE, NAME("DeviceInitializationFailure")},
    {GUEST_ERROR_DEVICE_START_FAILURE, NAME("DeviceStartFailure")},
    {GUEST_ERROR_DEVICE_MEMORY_OVERLAP, NAME("DeviceMemoryOverlap")},
    {GUEST_ERROR_FAILED_SERVICE_CONNECT, NAME("FailedServiceConnect")},
    {GUEST_ERROR_DUPLICATE_PUBLIC_SERVICES, NAME("DuplicatePublicServices")},
    {GUEST_ERROR_KERNEL_LOAD_FAILURE, NAME("KernelLoadFailure")},
    {GUEST_ERROR_VCPU_START_FAILURE, NAME("VcpuStartFailure")},
    {GUEST_ERROR_VCPU_RUNTIME_FAILURE, NAME("VcpuRuntimeFailure")},
    {GUEST_ERROR_NOT_CREATED, NAME("NotCreated")},
    {GUEST_ERROR_ALREADY_RUNNING, NAME("AlreadyRunning")},
    {GUEST_ERROR_CONTROLLER_FORCED_HALT, NAME("ControllerForcedHalt")},
};
G_STATIC_ASSERT(G_N_ELEMENTS(entries) == GUEST_ERRORS - 1);

GQuark
vm_guest_error_quark(void)
{
    static gsize quark; /* NOLINT(cppcoreguidelines-avoid-non-const-global-variables) */

    g_dbus_error_register_error_domain("vm-guest-error-quark", &quark, entries,
                                       G_N_ELEMENTS(entries));
    return (GQuark)quark;
}
