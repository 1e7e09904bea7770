/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/machine-icon.h"

#include <glib/gi18n.h>

static const struct {
    const char *word;
    const char *title;
    const char *icon;
} icons[] = {
    /* Translators: no icon of its own, but one that tells whether the machine is on or off. */
    {"", N_("On or off"), NULL},
    {"computer", N_("Computer"), "computer-symbolic"},
    {"screen", N_("Screen"), "video-display-symbolic"},
    {"terminal", N_("Terminal"), "utilities-terminal-symbolic"},
    {"disk", N_("Disk"), "drive-harddisk-symbolic"},
    {"network", N_("Network"), "network-wired-symbolic"},
    {"folder", N_("Folder"), "folder-publicshare-symbolic"},
    {"sound", N_("Sound"), "audio-card-symbolic"},
    {"disc", N_("Disc"), "media-optical-symbolic"},
};

const char *
vm_machine_icon_word(guint number)
{
    return number < G_N_ELEMENTS(icons) ? icons[number].word : NULL;
}

const char *
vm_machine_icon_title(guint number)
{
    return _(icons[number].title);
}

const char *
vm_machine_icon_name(VmMachine *machine)
{
    const char *word = machine ? vm_machine_get_icon(machine) : "";

    for (guint i = 1; i < G_N_ELEMENTS(icons); i++) {
        if (g_str_equal(icons[i].word, word)) {
            return icons[i].icon;
        }
    }
    return machine && vm_machine_is_active(machine) ? "video-display-symbolic"
                                                    : "system-shutdown-symbolic";
}
