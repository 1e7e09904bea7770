/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/settings.h"

#include "vmm/client/paths.h"

#define SCHEMA "org.vitrine.Vitrine"

GSettings *
vm_settings_new(void)
{
    GSettingsSchemaSource *installed = g_settings_schema_source_get_default();
    g_autofree char *share = vm_paths_data();
    g_autofree char *folder = g_build_filename(share, "glib-2.0", "schemas", NULL);
    g_autoptr(GSettingsSchemaSource) ours = NULL;
    g_autoptr(GSettingsSchema) schema = NULL;

    ours = g_settings_schema_source_new_from_directory(folder, installed, TRUE, NULL);
    if (ours || installed) {
        schema = g_settings_schema_source_lookup(ours ? ours : installed, SCHEMA, TRUE);
    }
    return schema ? g_settings_new_full(schema, NULL, NULL) : NULL;
}

static void
colour_scheme_changed(GSettings *settings, const char *key, gpointer data)
{
    g_autofree char *scheme = g_settings_get_string(settings, "color-scheme");
    GtkSettings *gtk = gtk_settings_get_default();

    if (g_str_equal(scheme, "follow")) {
        gtk_settings_reset_property(gtk, "gtk-application-prefer-dark-theme");
    } else {
        g_object_set(gtk, "gtk-application-prefer-dark-theme", g_str_equal(scheme, "dark"), NULL);
    }
}

void
vm_settings_follow_colour_scheme(GSettings *settings)
{
    g_signal_connect(settings, "changed::color-scheme", G_CALLBACK(colour_scheme_changed), NULL);
    colour_scheme_changed(settings, NULL, NULL);
}

static gboolean
gesture_from_word(GValue *value, GVariant *variant, gpointer data)
{
    static const char *const words[] = {"ctrl-alt",    "right-ctrl", "pause",
                                        "scroll-lock", "ctrl-shift", "none"};

    for (guint i = 0; i < G_N_ELEMENTS(words); i++) {
        if (g_str_equal(g_variant_get_string(variant, NULL), words[i])) {
            g_value_set_int(value, (int)i);
        }
    }
    return TRUE;
}

void
vm_settings_bind_display(GSettings *settings, VmDisplayPage *page)
{
    g_settings_bind_with_mapping(settings, "release-gesture", page, "release-gesture",
                                 G_SETTINGS_BIND_GET, gesture_from_word, NULL, NULL, NULL);
    g_settings_bind_with_mapping(settings, "host-key", page, "host-key", G_SETTINGS_BIND_GET,
                                 gesture_from_word, NULL, NULL, NULL);
    g_settings_bind(settings, "system-keys", page, "system-keys", G_SETTINGS_BIND_DEFAULT);
    /* Each machine may have it otherwise: ui/view-state.h. */
    g_settings_bind(settings, "resize-guest", page, "resize-guest", G_SETTINGS_BIND_GET);
    g_settings_bind(settings, "hints-shown", page, "hints-shown", G_SETTINGS_BIND_DEFAULT);
    g_settings_bind(settings, "release-known", page, "release-known", G_SETTINGS_BIND_DEFAULT);
}
