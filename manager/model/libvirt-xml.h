/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A machine of libvirt, as “virsh dumpxml” writes it (https://libvirt.org/formatdomain.html), made one
 * of ours; one way only. The file comes from anywhere and is not trusted.
 */

#include "vmm/client/json.h"

enum {
    VM_LIBVIRT_XML_SIZE_MAX = 1 << 20, /* bytes */
    VM_LIBVIRT_XML_DEPTH_MAX = 32      /* elements in one another */
};

#define VM_LIBVIRT_XML_ERROR (vm_libvirt_xml_error_quark())
GQuark vm_libvirt_xml_error_quark(void);

typedef enum {
    VM_LIBVIRT_XML_ERROR_SIZE,
    VM_LIBVIRT_XML_ERROR_SYNTAX,
    VM_LIBVIRT_XML_ERROR_NO_DOMAIN,
    VM_LIBVIRT_XML_ERROR_ARCHITECTURE,
} VmLibvirtXmlError;

/*
 * A definition; without "kernel" for a machine that starts by firmware. Paths are as in the file. NULL
 * with error set, in words for people. *ret_left_out: a sentence about what no machine here can have,
 * for g_free(), or NULL when that is nothing.
 */
VmJson *vm_libvirt_xml_parse(const char *text, gsize size, char **ret_left_out, GError **error);
