/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib.h>
#include <locale.h>
#include <string.h>

#include "manager/model/libvirt-xml.h"

static const char server[] =
    "<?xml version='1.0'?>\n<!-- virsh dumpxml -->\n"
    "<domain type='kvm' id='3' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>\n"
    "  <name>mail</name>\n  <title>Mail &amp;\tcalendar</title>\n"
    "  <metadata><os><kernel>/not/this</kernel></os></metadata>\n"
    "  <memory unit='KiB'>2097152</memory>\n  <currentMemory unit='KiB'>1048576</currentMemory>\n"
    "  <vcpu placement='static' current='2'>3</vcpu>\n"
    "  <os><type machine='q35'>hvm</type><kernel>/srv/vmlinuz</kernel>\n"
    "    <initrd>\n      /srv/initrd.img\n    </initrd>\n"
    "    <cmdline>root=/dev/vda1 &quot;quiet&quot;</cmdline></os>\n"
    "  <features><acpi/></features>\n  <devices>\n"
    "    <emulator>/usr/bin/qemu-system-x86_64</emulator>\n"
    "    <disk type='file' device='disk'><driver name='qemu' type='qcow2'/>\n"
    "      <source file='/srv/mail.img'/>\n"
    "      <backingStore type='file'><source file='/srv/base.img'/></backingStore>\n"
    "      <target dev='vda' bus='virtio'/></disk>\n"
    "    <disk type='file' device='cdrom'><source file='/srv/a.iso'/><readonly/></disk>\n"
    "    <disk type='file'><source file='/srv/old.qcow2'/><readonly/></disk>\n"
    "    <disk type='block' device='disk'><source dev='/dev/sdb'/></disk>\n"
    "    <disk type='file' device='disk'><driver type='vdi'/><source file='/srv/a.vdi'/></disk>\n"
    "    <controller type='usb' model='qemu-xhci'/>\n"
    "    <interface type='network'><source network='default'/></interface>\n"
    "    <interface type='bridge'/>\n"
    "    <serial type='pty'><target port='0'/></serial>\n"
    "    <console type='pty'><target type='serial'/></console>\n"
    "    <console type='pty'><target type='virtio'/></console>\n"
    "    <sound model='ich9'/><quantum/>\n"
    "    <video><model type='qxl'/></video>\n  </devices>\n"
    "  <qemu:commandline><qemu:arg value='-snapshot'/></qemu:commandline>\n</domain>\n";

static VmJson *
parse(const char *text, char **ret_left_out)
{
    g_autoptr(GError) error = NULL;
    VmJson *json = vm_libvirt_xml_parse(text, strlen(text), ret_left_out, &error);

    g_assert_no_error(error);
    return json;
}

static void
test_server(void)
{
    g_autofree char *left_out = NULL;
    g_autoptr(VmJson) json = parse(server, &left_out);

    g_assert_cmpstr(vm_json_get_string(json, "manager.title"), ==, "Mail & calendar");
    g_assert_cmpint(vm_json_get_int(json, "mem.size", 0), ==, 2048);
    g_assert_cmpint(vm_json_get_int(json, "cpus.num-cores", 0), ==, 3);
    g_assert_cmpstr(vm_json_get_string(json, "kernel"), ==, "/srv/vmlinuz");
    g_assert_cmpstr(vm_json_get_string(json, "initrd"), ==, "/srv/initrd.img");
    g_assert_cmpstr(vm_json_get_string(json, "params.0"), ==, "root=/dev/vda1 \"quiet\"");
    g_assert_cmpuint(vm_json_length(json, "block"), ==, 2);
    g_assert_cmpstr(vm_json_get_string(json, "block.0.path"), ==, "/srv/mail.img");
    g_assert_cmpstr(vm_json_get_string(json, "block.0.format"), ==, "qcow2");
    g_assert_false(vm_json_has(json, "block.0.ro"));
    g_assert_cmpstr(vm_json_get_string(json, "block.1.path"), ==, "/srv/old.qcow2");
    g_assert_cmpstr(vm_json_get_string(json, "block.1.format"), ==, "raw");
    g_assert_true(vm_json_get_bool(json, "block.1.ro", FALSE));
    g_assert_cmpuint(vm_json_length(json, "serial"), ==, 2);
    g_assert_cmpstr(vm_json_get_string(json, "serial.0.hardware"), ==, "serial");
    g_assert_true(vm_json_get_bool(json, "serial.0.console", FALSE));
    g_assert_cmpstr(vm_json_get_string(json, "serial.1.hardware"), ==, "virtio-console");
    g_assert_cmpstr(vm_json_get_string(json, "gpu.backend"), ==, "2d");
    g_assert_cmpstr(left_out, ==,
                    "Left out: CD and DVD drives, disks that are no files, disks that are neither "
                    "raw nor qcow2, network, sound, other devices, options for QEMU.");
}

/* Firmware, no picture, nothing left out; numbers that are too small. */
static void
test_bare(void)
{
    g_autofree char *left_out = NULL;
    g_autoptr(VmJson) json =
        parse("<domain><name>desk</name><memory>1</memory><vcpu>0</vcpu>"
              "<os firmware='efi'><type>hvm</type></os>"
              "<devices><video><model type='none'/></video></devices></domain>",
              &left_out);

    g_assert_null(left_out);
    g_assert_false(vm_json_has(json, "kernel"));
    g_assert_false(vm_json_has(json, "block"));
    g_assert_false(vm_json_has(json, "gpu"));
    g_assert_cmpuint(vm_json_length(json, "serial"), ==, 1);
    g_assert_cmpint(vm_json_get_int(json, "mem.size", 0), ==, 16);
    g_assert_cmpint(vm_json_get_int(json, "cpus.num-cores", 0), ==, 1);
    g_assert_cmpstr(vm_json_get_string(json, "manager.title"), ==, "desk");
}

static void
test_memory(void)
{
    static const struct {
        const char *text;
        gint64 mib;
    } cases[] = {
        {"<memory>1048576</memory>", 1024},
        {"<memory unit='MiB'> 300 </memory>", 300},
        {"<memory unit='GB'>2</memory>", 1907},
        {"<memory unit='bytes'>1073741824</memory>", 1024},
        {"<memory unit='TiB'>18446744073709551615</memory>", 1 << 24},
        {"<memory unit='GiB'>many</memory>", 16},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *text = g_strconcat("<domain>", cases[i].text, "</domain>", NULL);
        g_autofree char *left_out = NULL;
        g_autoptr(VmJson) json = parse(text, &left_out);

        g_assert_cmpint(vm_json_get_int(json, "mem.size", 0), ==, cases[i].mib);
    }
}

/* More than there can be. */
static void
test_many(void)
{
    g_autoptr(GString) text = g_string_new("<domain><devices>");
    g_autofree char *left_out = NULL;
    g_autoptr(VmJson) json = NULL;

    for (guint i = 0; i < 20; i++) {
        g_string_append(text, "<disk type='file'><source file='/a'/></disk><serial/>"
                              "<console><target type='virtio'/></console>");
    }
    g_string_append(text, "</devices></domain>");
    json = parse(text->str, &left_out);
    g_assert_cmpuint(vm_json_length(json, "block"), ==, 16);
    g_assert_cmpuint(vm_json_length(json, "serial"), ==, 8);
    g_assert_cmpstr(left_out, ==, "Left out: disks beyond the sixteenth, some serial ports.");
}

static void
refuse(const char *text, gsize size, int code, const char *sentence)
{
    g_autofree char *left_out = NULL;
    g_autoptr(GError) error = NULL;
    g_autoptr(VmJson) json = vm_libvirt_xml_parse(text, size, &left_out, &error);

    g_assert_null(json);
    g_assert_null(left_out);
    g_assert_error(error, vm_libvirt_xml_error_quark(), code);
    g_assert_cmpstr(error->message, ==, sentence);
}

static void
test_refused(void)
{
    static const char no_domain[] = "<network><name>default</name></network>";
    static const char cut[] = "<domain>\n<name>a</name>\n";
    static const char other[] = "<domain><os><type arch='pdp11'>hvm</type></os></domain>";
    static const char no_text[] = "<domain>\n\xff</domain>";
    static const char cdata[] = "<domain><name><![CDATA[\xc8]]></name><kerne\x88></domain>";
    g_autoptr(GString) deep = g_string_new("<domain>");
    g_autofree char *large = g_strnfill(VM_LIBVIRT_XML_SIZE_MAX + 1, ' ');

    for (guint i = 0; i < VM_LIBVIRT_XML_DEPTH_MAX; i++) {
        g_string_append(deep, "<a>");
    }
    refuse(no_domain, strlen(no_domain), VM_LIBVIRT_XML_ERROR_NO_DOMAIN,
           "This XML is no machine of libvirt, which begins with <domain>. “virsh dumpxml” writes "
           "one.");
    refuse(cut, strlen(cut), VM_LIBVIRT_XML_ERROR_SYNTAX,
           "This is no complete XML; line 3 cannot be read.");
    refuse(no_text, strlen(no_text), VM_LIBVIRT_XML_ERROR_SYNTAX,
           "This is no complete XML; line 2 cannot be read.");
    refuse(cdata, strlen(cdata), VM_LIBVIRT_XML_ERROR_SYNTAX,
           "This is no complete XML; line 1 cannot be read.");
    refuse("", 0, VM_LIBVIRT_XML_ERROR_SYNTAX, "This is no complete XML; line 1 cannot be read.");
    refuse(other, strlen(other), VM_LIBVIRT_XML_ERROR_ARCHITECTURE,
           "This machine is for another kind of processor than this computer has.");
    refuse(deep->str, deep->len, VM_LIBVIRT_XML_ERROR_SIZE,
           "This XML is nested too deeply for a machine of libvirt.");
    refuse(large, VM_LIBVIRT_XML_SIZE_MAX + 1, VM_LIBVIRT_XML_ERROR_SIZE,
           "This file is larger than 1 MiB, too large for a machine of libvirt.");
}

int
main(int argc, char **argv)
{
    setlocale(LC_ALL, "C.UTF-8");
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/libvirt-xml/server", test_server);
    g_test_add_func("/libvirt-xml/bare", test_bare);
    g_test_add_func("/libvirt-xml/memory", test_memory);
    g_test_add_func("/libvirt-xml/many", test_many);
    g_test_add_func("/libvirt-xml/refused", test_refused);
    return g_test_run();
}
