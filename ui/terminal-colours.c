/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/terminal-colours.h"

#define COLOURS 16

struct palette {
    const char *word;
    const char *background;
    const char *text;
    const char *colours[COLOURS];
};

#define ON_LIGHT                                                                                   \
    {                                                                                              \
        "#171421", "#c01c28", "#1b7a38", "#8a5a00", "#1a4fa0", "#8e2f98", "#116f80", "#5e5c64",    \
            "#3d3846", "#d8202e", "#1f8b41", "#9d6600", "#2263c4", "#a63db0", "#147e91", "#77767b" \
    }
#define ON_DARK                                                                                    \
    {                                                                                              \
        "#2e3436", "#f0555f", "#6fc254", "#d9b93a", "#6a9fe0", "#c08ad0", "#45bfc4", "#d3d7cf",    \
            "#8a8f8c", "#ff7b83", "#8ae234", "#fce94f", "#8fb8ec", "#d7a8e3", "#5fe6e6", "#eeeeec" \
    }

/* Each colour but the darkest of a dark palette can be read on its background (4.5 to 1). */
static const struct palette palettes[] = {
    {"light", "#ffffff", "#1e1e1e", ON_LIGHT},
    {"dark", "#1a1d20", "#e6e6e3", ON_DARK},
    {"contrast", "#000000", "#ffffff", ON_DARK},
    {"green", "#0b140d", "#58e07a", ON_DARK},
};

static gboolean
is_dark(VteTerminal *terminal)
{
    GtkStyleContext *context = gtk_widget_get_style_context(GTK_WIDGET(terminal));
    GdkRGBA background = {1, 1, 1, 1};

    (void)gtk_style_context_lookup_color(context, "theme_base_color", &background);
    return background.red + background.green + background.blue < 1.5;
}

static const struct palette *
palette_of(VteTerminal *terminal, const char *word)
{
    for (guint i = 0; i < G_N_ELEMENTS(palettes); i++) {
        if (g_strcmp0(word, palettes[i].word) == 0) {
            return &palettes[i];
        }
    }
    return is_dark(terminal) ? &palettes[1] : &palettes[0];
}

void
vm_terminal_colours_apply(VteTerminal *terminal, const char *word)
{
    const struct palette *palette = palette_of(terminal, word);
    GdkRGBA colours[COLOURS];
    GdkRGBA background;
    GdkRGBA text;

    (void)gdk_rgba_parse(&background, palette->background);
    (void)gdk_rgba_parse(&text, palette->text);
    for (guint i = 0; i < COLOURS; i++) {
        (void)gdk_rgba_parse(&colours[i], palette->colours[i]);
    }
    vte_terminal_set_colors(terminal, &text, &background, colours, COLOURS);
}
