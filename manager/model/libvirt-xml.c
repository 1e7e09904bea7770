/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager/model/libvirt-xml.h"

#include <glib/gi18n.h>
#include <string.h>
#include <sys/utsname.h>

#define DEVICES "/domain/devices/"

enum {
    /* as vmm/config has them */
    DISKS_MAX = 16,
    CPUS_MAX = 32,
    MEMORY_MIN_MIB = 16,
    MEMORY_MAX_MIB = 1 << 24,
    SERIALS_MAX = 4,
    PORTS_MAX = 8,

    TITLE_MAX = 100, /* characters */
};

struct disk {
    char *path;
    char *format;
    gboolean is_file;
    gboolean is_disk;
    gboolean is_cd;
    gboolean is_readonly;
};

struct reader {
    VmJson *json;
    GString *path;       /* of the element that is read: "/domain/os/kernel" */
    GString *text;       /* since the last tag */
    GPtrArray *left_out; /* of const char *, each once */
    struct disk disk;
    guint64 unit; /* of memory, in bytes */
    guint depth;
    guint n_disks;
    guint n_serials;
    guint n_virtio_consoles;
    gboolean has_title;
    gboolean is_headless; /* the <video> that is read */
};

G_DEFINE_QUARK(vm - libvirt - xml - error - quark, vm_libvirt_xml_error)

/* Elements in <devices>. Those without a title have their like here, or need none. */
static const struct {
    const char *element;
    const char *title;
} devices[] = {
    {"audio", NULL},
    {"channel", N_("channels to the guest")},
    {"console", NULL},
    {"controller", NULL},
    {"disk", NULL},
    {"emulator", NULL},
    {"filesystem", N_("shared folders")},
    {"graphics", NULL},
    {"hostdev", N_("devices of the computer")},
    {"hub", N_("USB devices")},
    {"input", NULL},
    {"interface", N_("network")},
    {"memballoon", NULL},
    {"parallel", N_("parallel ports")},
    {"redirdev", N_("USB devices")},
    {"rng", NULL},
    {"serial", NULL},
    {"smartcard", N_("smart cards")},
    {"sound", N_("sound")},
    {"tpm", N_("TPM")},
    {"video", NULL},
    {"watchdog", N_("watchdog")},
};

static const struct {
    const char *name;
    guint64 bytes;
} units[] = {
    {"b", 1},
    {"bytes", 1},
    {"KB", 1000},
    {"k", 1 << 10},
    {"KiB", 1 << 10},
    {"MB", 1000000},
    {"M", 1 << 20},
    {"MiB", 1 << 20},
    {"GB", 1000000000},
    {"G", 1 << 30},
    {"GiB", 1 << 30},
    {"TB", G_GUINT64_CONSTANT(1000000000000)},
    {"T", G_GUINT64_CONSTANT(1) << 40},
    {"TiB", G_GUINT64_CONSTANT(1) << 40},
};

static void
leave_out(struct reader *reader, const char *title)
{
    if (!g_ptr_array_find_with_equal_func(reader->left_out, title, g_str_equal, NULL)) {
        g_ptr_array_add(reader->left_out, (gpointer)title);
    }
}

static gboolean
is_at(struct reader *reader, const char *path)
{
    return g_str_equal(reader->path->str, path);
}

static const char *
attribute(const char **names, const char **values, const char *name)
{
    for (guint i = 0; names[i]; i++) {
        if (g_str_equal(names[i], name)) {
            return values[i];
        }
    }
    return "";
}

/* ------------------------------------------------------------------ tags that open */

static gboolean
is_of_this_computer(const char *architecture)
{
    struct utsname name;

    return architecture[0] == '\0' || uname(&name) != 0 ||
           g_str_equal(architecture, name.machine) ||
           (g_str_equal(name.machine, "x86_64") && g_str_equal(architecture, "i686"));
}

static void
forget_disk(struct disk *disk)
{
    g_free(disk->path);
    g_free(disk->format);
    *disk = (struct disk){0};
}

static void
start_disk(struct reader *reader, const char **names, const char **values)
{
    const char *device = attribute(names, values, "device");

    forget_disk(&reader->disk);
    reader->disk.is_file = g_str_equal(attribute(names, values, "type"), "file");
    reader->disk.is_disk = device[0] == '\0' || g_str_equal(device, "disk");
    reader->disk.is_cd = g_str_equal(device, "cdrom");
}

static void
start_device(struct reader *reader, const char *name, const char **names, const char **values)
{
    const char *title = N_("other devices");

    for (guint i = 0; i < G_N_ELEMENTS(devices); i++) {
        if (g_str_equal(name, devices[i].element)) {
            title = devices[i].title;
        }
    }
    if (title) {
        leave_out(reader, title);
    }
    if (g_str_equal(name, "disk")) {
        start_disk(reader, names, values);
    }
    reader->n_serials += g_str_equal(name, "serial");
    reader->is_headless = FALSE;
}

/* What stands in an element of <devices>. */
static void
start_part(struct reader *reader, const char **names, const char **values)
{
    const char *type = attribute(names, values, "type");

    if (is_at(reader, DEVICES "disk/driver") && !reader->disk.format) {
        reader->disk.format = g_strdup(type);
    } else if (is_at(reader, DEVICES "disk/source") && !reader->disk.path) {
        reader->disk.path = g_strdup(attribute(names, values, "file"));
    } else if (is_at(reader, DEVICES "disk/readonly")) {
        reader->disk.is_readonly = TRUE;
    } else if (is_at(reader, DEVICES "console/target") && g_str_equal(type, "virtio")) {
        reader->n_virtio_consoles++;
    } else if (is_at(reader, DEVICES "video/model") && g_str_equal(type, "none")) {
        reader->is_headless = TRUE;
    }
}

static guint64
unit_of(const char *name)
{
    for (guint i = 0; i < G_N_ELEMENTS(units); i++) {
        if (g_str_equal(name, units[i].name)) {
            return units[i].bytes;
        }
    }
    return 1 << 10; /* what libvirt takes without a unit */
}

static gboolean
start_top(struct reader *reader, const char **names, const char **values, GError **error)
{
    if (is_at(reader, "/domain/memory")) {
        reader->unit = unit_of(attribute(names, values, "unit"));
    } else if (is_at(reader, "/domain/qemu:commandline")) {
        leave_out(reader, N_("options for QEMU"));
    } else if (is_at(reader, "/domain/os/type") &&
               !is_of_this_computer(attribute(names, values, "arch"))) {
        g_set_error_literal(error, VM_LIBVIRT_XML_ERROR, VM_LIBVIRT_XML_ERROR_ARCHITECTURE,
                            _("This machine is for another kind of processor than this computer "
                              "has."));
        return FALSE;
    }
    return TRUE;
}

static void /* NOLINTNEXTLINE(readability-function-size): GMarkupParser's shape */
start_element(GMarkupParseContext *context, const char *name, const char **names,
              const char **values, gpointer data, GError **error)
{
    struct reader *reader = data;

    reader->depth++;
    if (reader->depth == 1 && !g_str_equal(name, "domain")) {
        g_set_error_literal(error, VM_LIBVIRT_XML_ERROR, VM_LIBVIRT_XML_ERROR_NO_DOMAIN,
                            _("This XML is no machine of libvirt, which begins with <domain>. "
                              "“virsh dumpxml” writes one."));
        return;
    }
    if (reader->depth > VM_LIBVIRT_XML_DEPTH_MAX) {
        g_set_error_literal(error, VM_LIBVIRT_XML_ERROR, VM_LIBVIRT_XML_ERROR_SIZE,
                            _("This XML is nested too deeply for a machine of libvirt."));
        return;
    }
    g_string_append_printf(reader->path, "/%s", name);
    g_string_truncate(reader->text, 0);
    if (reader->depth == 3 && g_str_has_prefix(reader->path->str, DEVICES)) {
        start_device(reader, name, names, values);
    } else if (reader->depth > 3 && g_str_has_prefix(reader->path->str, DEVICES)) {
        start_part(reader, names, values);
    } else {
        (void)start_top(reader, names, values, error);
    }
}

/* ------------------------------------------------------------------ tags that close */

static void
set_once(struct reader *reader, const char *member, const char *value)
{
    if (value[0] && !vm_json_has(reader->json, member)) {
        vm_json_set_string(reader->json, member, value);
    }
}

static void
end_disk(struct reader *reader)
{
    const struct disk *disk = &reader->disk;
    const char *format = disk->format && disk->format[0] ? disk->format : "raw";
    g_autofree char *path = g_strdup_printf("block.%u.path", reader->n_disks);
    g_autofree char *kind = g_strdup_printf("block.%u.format", reader->n_disks);
    g_autofree char *ro = g_strdup_printf("block.%u.ro", reader->n_disks);

    if (!disk->is_disk) {
        leave_out(reader, disk->is_cd ? N_("CD and DVD drives") : N_("other devices"));
    } else if (!disk->is_file || !disk->path || disk->path[0] == '\0') {
        leave_out(reader, N_("disks that are no files"));
    } else if (!g_str_equal(format, "raw") && !g_str_equal(format, "qcow2")) {
        leave_out(reader, N_("disks that are neither raw nor qcow2"));
    } else if (reader->n_disks == DISKS_MAX) {
        leave_out(reader, N_("disks beyond the sixteenth"));
    } else {
        vm_json_set_string(reader->json, path, disk->path);
        vm_json_set_string(reader->json, kind, format);
        if (disk->is_readonly) {
            vm_json_set_bool(reader->json, ro, TRUE);
        }
        reader->n_disks++;
    }
}

static void
end_memory(struct reader *reader, const char *text)
{
    const guint64 most = (guint64)MEMORY_MAX_MIB << 20;
    const guint64 number = g_ascii_strtoull(text, NULL, 10);
    const guint64 bytes = number > most / reader->unit ? most : number * reader->unit;

    if (!vm_json_has(reader->json, "mem.size")) {
        vm_json_set_int(reader->json, "mem.size", (gint64)MAX(bytes >> 20, MEMORY_MIN_MIB));
    }
}

/* Its title goes before its name; a line of bounded length. */
static void
end_title(struct reader *reader, const char *text, gboolean is_title)
{
    g_autofree char *line = g_utf8_substring(text, 0, MIN(g_utf8_strlen(text, -1), TITLE_MAX));

    for (char *at = line; *at; at++) {
        *at = (char)(g_ascii_iscntrl(*at) ? ' ' : *at);
    }
    if (line[0] && !reader->has_title &&
        (is_title || !vm_json_has(reader->json, "manager.title"))) {
        vm_json_set_string(reader->json, "manager.title", line);
        reader->has_title = is_title;
    }
}

static void
end_element(GMarkupParseContext *context, const char *name, gpointer data, GError **error)
{
    struct reader *reader = data;
    const char *text = g_strstrip(reader->text->str);

    if (is_at(reader, "/domain/name") || is_at(reader, "/domain/title")) {
        end_title(reader, text, is_at(reader, "/domain/title"));
    } else if (is_at(reader, "/domain/memory")) {
        end_memory(reader, text);
    } else if (is_at(reader, "/domain/vcpu")) {
        vm_json_set_int(reader->json, "cpus.num-cores",
                        (gint64)CLAMP(g_ascii_strtoull(text, NULL, 10), 1, CPUS_MAX));
    } else if (is_at(reader, "/domain/os/kernel")) {
        set_once(reader, "kernel", text);
    } else if (is_at(reader, "/domain/os/initrd")) {
        set_once(reader, "initrd", text);
    } else if (is_at(reader, "/domain/os/cmdline")) {
        set_once(reader, "params.0", text);
    } else if (is_at(reader, DEVICES "disk")) {
        end_disk(reader);
    } else if (is_at(reader, DEVICES "video") && !reader->is_headless) {
        vm_json_set_string(reader->json, "gpu.backend", "2d");
    }
    g_string_truncate(reader->text, 0);
    g_string_truncate(reader->path, reader->path->len - strlen(name) - 1);
    reader->depth--;
}

static void
take_text(GMarkupParseContext *context, const char *text, gsize size, gpointer data, GError **error)
{
    struct reader *reader = data;

    g_string_append_len(reader->text, text, (gssize)size);
}

/* ------------------------------------------------------------------ the whole */

static void
put_ports(struct reader *reader)
{
    const guint serials = CLAMP(reader->n_serials, 1, SERIALS_MAX);
    const guint ports = MIN(serials + MIN(reader->n_virtio_consoles, PORTS_MAX), PORTS_MAX);

    for (guint i = 0; i < ports; i++) {
        g_autofree char *type = g_strdup_printf("serial.%u.type", i);
        g_autofree char *hardware = g_strdup_printf("serial.%u.hardware", i);

        vm_json_set_string(reader->json, type, "sink");
        vm_json_set_string(reader->json, hardware, i < serials ? "serial" : "virtio-console");
    }
    vm_json_set_bool(reader->json, "serial.0.console", TRUE);
    if (reader->n_serials > serials || reader->n_virtio_consoles > ports - serials) {
        leave_out(reader, N_("some serial ports"));
    }
}

static char *
left_out_sentence(struct reader *reader)
{
    g_autoptr(GString) list = g_string_new(NULL);

    for (guint i = 0; i < reader->left_out->len; i++) {
        g_string_append_printf(list, "%s%s", i == 0 ? "" : ", ",
                               _((const char *)g_ptr_array_index(reader->left_out, i)));
    }
    /* Translators: a list, such as "network, sound". */
    return list->len > 0 ? g_strdup_printf(_("Left out: %s."), list->str) : NULL;
}

static void
refuse_line(int line, GError **error)
{
    g_set_error(error, VM_LIBVIRT_XML_ERROR, VM_LIBVIRT_XML_ERROR_SYNTAX,
                _("This is no complete XML; line %d cannot be read."), line);
}

/* Before GMarkup, which sets an error twice for such bytes in CDATA. */
static gboolean
is_utf8(const char *text, gsize size, GError **error)
{
    const char *end = NULL;
    int line = 1;

    if (g_utf8_validate_len(text, size, &end)) {
        return TRUE;
    }
    for (const char *at = text; at < end; at++) {
        line += *at == '\n';
    }
    refuse_line(line, error);
    return FALSE;
}

static gboolean
parse(struct reader *reader, const char *text, gsize size, GError **error)
{
    static const GMarkupParser parser = {
        .start_element = start_element, .end_element = end_element, .text = take_text};
    g_autoptr(GMarkupParseContext) context =
        g_markup_parse_context_new(&parser, G_MARKUP_TREAT_CDATA_AS_TEXT, reader, NULL);
    g_autoptr(GError) problem = NULL;
    int line = 0;

    if (g_markup_parse_context_parse(context, text, (gssize)size, &problem) &&
        g_markup_parse_context_end_parse(context, &problem)) {
        return TRUE;
    }
    if (problem->domain == VM_LIBVIRT_XML_ERROR) {
        g_propagate_error(error, g_steal_pointer(&problem));
        return FALSE;
    }
    g_markup_parse_context_get_position(context, &line, NULL);
    refuse_line(line, error);
    return FALSE;
}

VmJson *
vm_libvirt_xml_parse(const char *text, gsize size, char **ret_left_out, GError **error)
{
    g_autoptr(VmJson) json = vm_json_new();
    g_autoptr(GString) path = g_string_new(NULL);
    g_autoptr(GString) words = g_string_new(NULL);
    g_autoptr(GPtrArray) left_out = g_ptr_array_new();
    struct reader reader = {.json = json, .path = path, .text = words, .left_out = left_out};
    gboolean good = FALSE;

    *ret_left_out = NULL;
    if (size > VM_LIBVIRT_XML_SIZE_MAX) {
        g_set_error_literal(error, VM_LIBVIRT_XML_ERROR, VM_LIBVIRT_XML_ERROR_SIZE,
                            _("This file is larger than 1 MiB, too large for a machine of "
                              "libvirt."));
        return NULL;
    }
    good = is_utf8(text, size, error) && parse(&reader, text, size, error);
    forget_disk(&reader.disk);
    if (!good) {
        return NULL;
    }
    put_ports(&reader);
    *ret_left_out = left_out_sentence(&reader);
    return g_steal_pointer(&json);
}
