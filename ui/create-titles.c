/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a machine made from a file is called at first. */
#include <glib/gi18n.h>
#include <string.h>

#include "ui/create-sources.h"

/* The endings that say what a file is, the last of a name first. */
static void
cut_endings(char *name)
{
    static const char *const endings[] = {".json",  ".xml", ".img", ".raw",
                                          ".qcow2", ".iso", ".sh",  ".txt"};

    for (guint i = 0; i < G_N_ELEMENTS(endings); i++) {
        if (g_str_has_suffix(name, endings[i])) {
            name[strlen(name) - strlen(endings[i])] = '\0';
        }
    }
}

/* "6.1.0-56-amd64" -> 5; 0 where it is no version. */
static gsize
version_length(const char *text)
{
    const gsize length = strspn(text, "0123456789.");

    return g_ascii_isdigit(text[0]) && length > 0 && text[length - 1] == '.' ? length - 1 : length;
}

/* "vmlinuz-6.1.0-56-amd64" -> "Linux 6.1.0"; NULL: not a kernel's name. */
static char *
kernel_title(const char *name)
{
    static const char *const kernels[] = {"vmlinuz", "vmlinux", "bzImage", "Image"};

    for (guint i = 0; i < G_N_ELEMENTS(kernels); i++) {
        const gsize length = strlen(kernels[i]);
        const char *rest = name + length;
        gsize version = 0;

        if (!g_str_has_prefix(name, kernels[i]) || (rest[0] && !strchr("-_.", rest[0]))) {
            continue;
        }
        version = rest[0] ? version_length(rest + 1) : 0;
        return version ? g_strdup_printf("Linux %.*s", (int)version, rest + 1) : g_strdup("Linux");
    }
    return NULL;
}

/* What images are called besides, and nobody would call a machine. */
static gboolean
is_noise(const char *word)
{
    static const char *const noise[] = {
        "amd64", "x86_64", "x64",   "generic", "genericcloud", "cloud", "cloudimg", "cloudinit",
        "base",  "latest", "image", "disk",    "nocloud",      "ec2",   "azure",
    };

    for (guint i = 0; i < G_N_ELEMENTS(noise); i++) {
        if (g_ascii_strcasecmp(word, noise[i]) == 0) {
            return TRUE;
        }
    }
    return FALSE;
}

/* "debian-12-generic-amd64" -> "debian 12"; as it is when nothing else is in it. */
static char *
without_noise(const char *name)
{
    g_autoptr(GString) kept = g_string_new(NULL);
    g_autoptr(GString) whole = g_string_new(name);
    g_auto(GStrv) words = NULL;

    g_string_replace(whole, "x86_64", "amd64", 0); /* whose line is no gap between words */
    g_string_replace(whole, ".amd64", "-amd64", 0);
    words = g_strsplit_set(whole->str, "-_ ", -1);
    for (guint i = 0; words[i]; i++) {
        if (words[i][0] && !is_noise(words[i])) {
            g_string_append_printf(kept, "%s%s", kept->len > 0 ? " " : "", words[i]);
        }
    }
    return kept->len > 0 ? g_string_free(g_steal_pointer(&kept), FALSE) : g_strdup(name);
}

char *
vm_source_title(const char *path)
{
    g_autofree char *base = g_path_get_basename(path);
    g_autofree char *name = g_filename_display_name(base);
    g_autofree char *words = NULL;
    g_autofree char *first = NULL;
    g_autofree char *upper = NULL;
    char *kernel = NULL;

    cut_endings(name);
    if (name[0] == '\0') {
        return g_strdup(_("Machine"));
    }
    kernel = kernel_title(name);
    if (kernel) {
        return kernel;
    }
    words = without_noise(name);
    first = g_utf8_substring(words, 0, 1);
    upper = g_utf8_strup(first, -1);
    return g_strconcat(upper, g_utf8_next_char(words), NULL);
}
