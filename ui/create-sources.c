/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/create-sources.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gi18n.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "manager/model/definition-paths.h"
#include "manager/model/libvirt-xml.h"
#include "manager/model/words.h"
#include "vmm/client/paths.h"

#define HEAD_SIZE        4096
#define SECTOR_SIZE      512
#define BZIMAGE_MAGIC_AT 0x202
#define MIB_PER_GIB      1024
#define KIB_PER_MIB      1024

/* What was read of its beginning, or -1; the rest of `head` is zeros. */
static gssize
read_head(const char *path, guint8 head[HEAD_SIZE])
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    gssize size = -1;

    memset(head, 0, HEAD_SIZE);
    if (fd >= 0) {
        size = read(fd, head, HEAD_SIZE);
        close(fd);
    }
    return size;
}

static gboolean
is_kernel(const guint8 head[HEAD_SIZE])
{
    return memcmp(head, "\177ELF", 4) == 0 || memcmp(head + BZIMAGE_MAGIC_AT, "HdrS", 4) == 0;
}

/* A tag, comment or declaration; "<<< " is the head of a disk image. */
static gboolean
begins_xml(const guint8 *text, gssize size)
{
    return size > 1 && text[0] == '<' &&
           (text[1] == '?' || text[1] == '!' || g_ascii_isalpha(text[1]));
}

/* The first that is not blank; `size` when there is none. */
static gssize
skip_blanks(const guint8 *head, gssize size)
{
    gssize at = 0;

    while (at < size && g_ascii_isspace(head[at])) {
        at++;
    }
    return at;
}

static gboolean
begins_json(const guint8 *text, gssize size)
{
    return size > 0 && (text[0] == '{' || text[0] == '[');
}

/* One that holds a NUL, as what is no text does, but begins with a command's name. */
static gboolean
begins_command(const guint8 *text, gssize size)
{
    static const char *const names[] = {"vmm ", "crosvm ", "$ vmm ", "$ crosvm "};

    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        const gssize length = (gssize)strlen(names[i]);

        if (size >= length && memcmp(text, names[i], (gsize)length) == 0) {
            return TRUE;
        }
    }
    return FALSE;
}

/* Its last character may be cut. */
static gboolean
is_text(const guint8 *head, gssize size)
{
    const char *end = NULL;

    if (!g_utf8_validate((const char *)head, size, &end) &&
        (size < HEAD_SIZE || (const char *)head + size - end >= 4)) {
        return FALSE;
    }
    for (gssize i = 0; i < size; i++) {
        if (g_ascii_iscntrl(head[i]) && !g_ascii_isspace(head[i])) {
            return FALSE;
        }
    }
    return TRUE;
}

static gboolean
is_command_text(const guint8 *head, gssize size)
{
    const gssize at = skip_blanks(head, size);

    if (begins_json(head + at, size - at) || begins_xml(head + at, size - at)) {
        return FALSE;
    }
    return size > 0 && (is_text(head, size) || begins_command(head + at, size - at));
}

VmSourceKind
vm_source_guess(const char *path)
{
    guint8 head[HEAD_SIZE];
    gssize size = read_head(path, head);
    gssize at = skip_blanks(head, size);

    if (size <= 0) {
        return VM_SOURCE_DISK;
    }
    if (begins_json(head + at, size - at) || begins_xml(head + at, size - at) ||
        is_command_text(head, size)) {
        return VM_SOURCE_CONFIGURATION;
    }
    if (is_kernel(head)) {
        return VM_SOURCE_KERNEL;
    }
    return VM_SOURCE_DISK;
}

gboolean
vm_source_is_text(const char *path)
{
    guint8 head[HEAD_SIZE];

    return is_command_text(head, read_head(path, head));
}

static VmJson *
load_libvirt_xml(const char *path, char **ret_left_out, GError **error)
{
    FILE *file = fopen(path, "rbe");
    g_autofree char *text = NULL;
    gsize size = 0;

    if (!file) {
        const int saved = errno;

        g_set_error_literal(error, G_FILE_ERROR, g_file_error_from_errno(saved), g_strerror(saved));
        return NULL;
    }
    text = g_malloc(VM_LIBVIRT_XML_SIZE_MAX + 1);
    size = fread(text, 1, VM_LIBVIRT_XML_SIZE_MAX + 1, file);
    fclose(file);
    return vm_libvirt_xml_parse(text, size, ret_left_out, error);
}

gboolean
vm_source_is_xml(const char *path)
{
    guint8 head[HEAD_SIZE];
    gssize size = read_head(path, head);
    gssize at = skip_blanks(head, size);

    return at < size && begins_xml(head + at, size - at);
}

VmJson *
vm_source_load_configuration(const char *path, char **ret_left_out, GError **error)
{
    g_autoptr(VmJson) json = NULL;
    g_autofree char *full = g_canonicalize_filename(path, NULL);
    g_autofree char *folder = g_path_get_dirname(full);

    *ret_left_out = NULL;
    json = vm_source_is_xml(path) ? load_libvirt_xml(path, ret_left_out, error)
                                  : vm_json_load(path, error);
    if (!json) {
        return NULL;
    }
    vm_definition_paths_complete(json, folder);
    return g_steal_pointer(&json);
}

char *
vm_source_file_of(VmJson *json, const char *member)
{
    const char *path = vm_json_get_string(json, member);

    return path ? g_path_get_basename(path) : NULL;
}

void
vm_source_add_seed(VmJson *json, const char *name)
{
    g_autofree char *folder = vm_paths_disks(name);
    g_autofree char *path = g_build_filename(folder, "seed.iso", NULL);

    vm_json_set_string(json, "block.1.path", path);
    vm_json_set_bool(json, "block.1.ro", TRUE);
}

char *
vm_source_complain(const char *path)
{
    struct stat st;

    if (path[0] != '/') {
        return g_strdup(_("Give the whole path, from “/”."));
    }
    if (stat(path, &st) != 0) {
        return g_strdup_printf(_("“%s” cannot be used: %s."), path, g_strerror(errno));
    }
    if (S_ISDIR(st.st_mode)) {
        return g_strdup_printf(_("“%s” is a folder."), path);
    }
    if (access(path, R_OK) != 0) {
        return g_strdup_printf(_("You may not read “%s”."), path);
    }
    if (S_ISREG(st.st_mode) && st.st_size == 0) {
        return g_strdup_printf(_("“%s” is empty."), path);
    }
    return NULL;
}

/* Kinds of files that people take for disks of ours, by their first bytes. */
static const struct {
    const char *magic;
    gsize size;
    const char *title;
} foreign_disks[] = {
    {"KDMV", 4, "VMDK"}, {"vhdxfile", 8, "VHDX"}, {"conectix", 8, "VHD"},
    {"<<< ", 4, "VDI"},  {"QED", 4, "QED"},
};
static const struct {
    const char *magic;
    gsize size;
    const char *command;
} packed_files[] = {
    {"\xfd"
     "7zXZ",
     5, "xz -d"},
    {"\x1f\x8b", 2, "gzip -d"},
    {"\x28\xb5\x2f\xfd", 4, "zstd -d"},
    {"BZh", 3, "bzip2 -d"},
    {"PK\3\4", 4, "unzip"},
};

static gboolean
is_qcow2(const guint8 head[HEAD_SIZE])
{
    return memcmp(head, "QFI\xfb", 4) == 0;
}

char *
vm_source_complain_of_kernel(const char *path)
{
    guint8 head[HEAD_SIZE];

    if (read_head(path, head) <= 0 || is_kernel(head)) {
        return NULL;
    }
    return g_strdup_printf(_("“%s” is no Linux kernel. Choose a file named vmlinuz or vmlinux, "
                             "such as those in /boot."),
                           path);
}

char *
vm_source_complain_of_disk(const char *path)
{
    guint8 head[HEAD_SIZE];

    gssize size = read_head(path, head);

    if (size < 0) {
        return NULL; /* a whole disk of the computer, perhaps */
    }
    if (size < SECTOR_SIZE) {
        return g_strdup_printf(_("“%s” is too short for a disk."), path);
    }
    if (g_str_has_suffix(path, ".qcow2") && !is_qcow2(head)) {
        return g_strdup_printf(_("“%s” is no qcow2 image, whatever its name says."), path);
    }
    for (guint i = 0; i < G_N_ELEMENTS(foreign_disks); i++) {
        if (memcmp(head, foreign_disks[i].magic, foreign_disks[i].size) == 0) {
            /* Translators: a path, then the name of a format. */
            return g_strdup_printf(_("“%s” is a %s image. “qemu-img convert -O qcow2” makes one of "
                                     "it that can be used."),
                                   path, foreign_disks[i].title);
        }
    }
    for (guint i = 0; i < G_N_ELEMENTS(packed_files); i++) {
        if (memcmp(head, packed_files[i].magic, packed_files[i].size) == 0) {
            /* Translators: a path, then a command. */
            return g_strdup_printf(_("“%s” is packed. Unpack it first, with “%s”."), path,
                                   packed_files[i].command);
        }
    }
    return NULL;
}

gboolean
vm_source_wants_format(const char *path)
{
    guint8 head[HEAD_SIZE];

    return !g_str_has_suffix(path, ".qcow2") && read_head(path, head) > 0 && is_qcow2(head);
}

static guint64
meminfo(const char *key)
{
    g_autofree char *text = NULL;
    const char *at = NULL;

    if (!g_file_get_contents("/proc/meminfo", &text, NULL, NULL)) {
        return 0;
    }
    at = strstr(text, key);
    return at ? g_ascii_strtoull(at + strlen(key), NULL, 10) / KIB_PER_MIB : 0;
}

guint64
vm_source_free_memory(void)
{
    return meminfo("MemAvailable:");
}

guint64
vm_source_total_memory(void)
{
    return meminfo("MemTotal:");
}

char *
vm_source_memory_words(guint64 mib)
{
    g_autofree char *gib = NULL;

    if (mib < MIB_PER_GIB) {
        /* Translators: an amount of memory. */
        return g_strdup_printf(_("%u MiB"), (guint)mib);
    }
    if (mib % MIB_PER_GIB == 0) {
        return g_strdup_printf(_("%u GiB"), (guint)(mib / MIB_PER_GIB));
    }
    gib = vm_words_decimal((double)mib / MIB_PER_GIB);
    return g_strdup_printf(_("%s GiB"), gib);
}

char *
vm_source_complain_of_memory(guint64 wanted, guint64 available)
{
    g_autofree char *chosen = NULL;
    g_autofree char *there = NULL;

    if (available == 0 || wanted <= available) {
        return NULL;
    }
    chosen = vm_source_memory_words(wanted);
    there = vm_source_memory_words(available);
    /* Translators: two amounts of memory. */
    return g_strdup_printf(_("%s are more than the %s that are free now: this computer may become "
                             "slow, or the machine may not start."),
                           chosen, there);
}
