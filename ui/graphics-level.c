/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/graphics-level.h"

#include <glib/gi18n.h>

#define TYPES "gpu.context-types"

/* "gpu.backend", but for the last, which asks for Vulkan. */
static const struct {
    const char *word;
    const char *title;
} levels[] = {
    {"2d", N_("2D")},
    {"auto", N_("3D, if there is a graphics driver")},
    {"virglrenderer", N_("3D, by the processor if need be")},
    {"vulkan", N_("3D with Vulkan, if that works here")},
};

const char *
vm_graphics_level_word(guint number)
{
    return number < G_N_ELEMENTS(levels) ? levels[number].word : NULL;
}

const char *
vm_graphics_level_title(guint number)
{
    return _(levels[number].title);
}

/* Whether the list names it; with `remove` it does not any more. */
static gboolean
find_type(VmJson *definition, const char *type, gboolean remove)
{
    for (guint i = 0; i < vm_json_length(definition, TYPES); i++) {
        g_autofree char *path = g_strdup_printf("%s.%u", TYPES, i);
        if (g_strcmp0(vm_json_get_string(definition, path), type) == 0) {
            if (remove) {
                vm_json_remove(definition, path);
            }
            return TRUE;
        }
    }
    return FALSE;
}

static void
add_type(VmJson *definition, const char *type)
{
    g_autofree char *path = g_strdup_printf("%s.%u", TYPES, vm_json_length(definition, TYPES));

    vm_json_set_string(definition, path, type);
}

const char *
vm_graphics_level_get(VmJson *definition)
{
    const char *backend = vm_json_get_string(definition, "gpu.backend");

    if (!vm_json_has(definition, "gpu")) {
        return NULL;
    }
    return find_type(definition, "venus", FALSE) ? "vulkan" : backend ? backend : "auto";
}

void
vm_graphics_level_set(VmJson *definition, const char *word)
{
    static const char *const drawing[] = {"virgl", "virgl2", "venus"};
    const gboolean vulkan = g_str_equal(word, "vulkan");

    for (guint i = 0; i < G_N_ELEMENTS(drawing); i++) {
        (void)find_type(definition, drawing[i], TRUE);
    }
    if (vulkan) {
        add_type(definition, "virgl2");
        add_type(definition, "venus");
    } else if (vm_json_has(definition, TYPES) && vm_json_length(definition, TYPES) == 0) {
        vm_json_remove(definition, TYPES);
    }
    vm_json_set_string(definition, "gpu.backend", vulkan ? "virglrenderer" : word);
}
