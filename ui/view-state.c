/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/view-state.h"

#include <math.h>

#include "vmm/client/definition.h"
#include "vmm/client/paths.h"

#define PER_CENT        100
#define SIZE_MAX_PIXELS 32767 /* of a window on X11 */

struct _VmViewState {
    GObject parent_instance;
    VmMachinePage *page;
    char *name;    /* of the machine, or NULL */
    char *monitor; /* of its full screen, or NULL */
    int display;   /* whose scaling and resizing the page has */
    guint timer;
    gboolean setting;
    gboolean default_resize;
};

G_DEFINE_FINAL_TYPE(VmViewState, vm_view_state, G_TYPE_OBJECT)

static VmProcessTable *
table_of(VmViewState *self)
{
    return vm_statistics_page_get_table(vm_machine_page_get_statistics(self->page));
}

static char *
path_of(const char *name)
{
    g_autofree char *folder = vm_paths_state(name);

    return g_build_filename(folder, "view.json", NULL);
}

/* The first display's keys have no number: they were there before there were several. */
static char *
numbered(const char *key, int display)
{
    return display > 0 ? g_strdup_printf("%s-%d", key, display) : g_strdup(key);
}

static char *
key_of(VmViewState *self, const char *key)
{
    return numbered(key, self->display);
}

static VmJson *
load_or_new(const char *path)
{
    VmJson *json = vm_json_load(path, NULL);

    return json ? json : vm_json_new();
}

/* Of the machine, whichever display is shown. */
static void
put_pages(VmViewState *self, VmJson *json)
{
    g_autofree char *tab = NULL;
    g_autofree char *order = NULL;
    double zoom = 0;

    g_object_get(vm_machine_page_get_console(self->page), "tab", &tab, "zoom", &zoom, NULL);
    g_object_get(table_of(self), "order", &order, NULL);
    vm_json_set_string(json, "page", gtk_stack_get_visible_child_name(GTK_STACK(self->page)));
    vm_json_set_string(json, "process-order", order);
    if (tab) {
        vm_json_set_string(json, "console-tab", tab);
    }
    if (self->monitor) {
        vm_json_set_string(json, "monitor", self->monitor);
    }
    if (zoom > 0) {
        vm_json_set_int(json, "console-zoom", lround(zoom * PER_CENT));
    }
}

static void
write_now(VmViewState *self)
{
    g_autofree char *path = self->name ? path_of(self->name) : NULL;
    g_autofree char *scaling_key = key_of(self, "scaling");
    g_autofree char *resize_key = key_of(self, "resize-guest");
    g_autoptr(VmJson) json = NULL;
    gboolean resize = FALSE;
    int scaling = 0;

    g_clear_handle_id(&self->timer, g_source_remove);
    if (!path) {
        return;
    }
    g_object_get(vm_machine_page_get_display(self->page), "scaling", &scaling, "resize-guest",
                 &resize, NULL);
    json = load_or_new(path);
    put_pages(self, json);
    vm_json_set_int(json, scaling_key, scaling);
    if (resize != self->default_resize) {
        vm_json_set_bool(json, resize_key, resize);
    } else {
        vm_json_remove(json, resize_key);
    }
    /* What is lost here is a convenience. */
    (void)vm_definition_save(json, path, NULL);
}

static gboolean
second_passed(gpointer data)
{
    VmViewState *self = VM_VIEW_STATE(data);

    self->timer = 0;
    write_now(self);
    return G_SOURCE_REMOVE;
}

static void
changed(VmViewState *self)
{
    if (self->name && !self->setting) {
        g_clear_handle_id(&self->timer, g_source_remove);
        self->timer = g_timeout_add_seconds(1, second_passed, self);
    }
}

static void restore(VmViewState *self, gboolean pages_too);

/* Another display of the same machine is shown: it was looked at in its own way. */
static void
display_changed(VmViewState *self)
{
    int display = -1;

    g_object_get(vm_machine_page_get_display(self->page), "display", &display, NULL);
    if (display < 0 || display == self->display) {
        return;
    }
    if (self->timer) {
        write_now(self);
    }
    self->display = display;
    if (self->name) {
        restore(self, FALSE);
    }
}

static void
vm_view_state_dispose(GObject *object)
{
    VmViewState *self = VM_VIEW_STATE(object);

    if (self->timer) {
        write_now(self);
    }
    g_clear_pointer(&self->name, g_free);
    g_clear_pointer(&self->monitor, g_free);
    G_OBJECT_CLASS(vm_view_state_parent_class)->dispose(object);
}

static void
vm_view_state_class_init(VmViewStateClass *klass)
{
    G_OBJECT_CLASS(klass)->dispose = vm_view_state_dispose;
}

static void
vm_view_state_init(VmViewState *self)
{
}

VmViewState *
vm_view_state_new(VmMachinePage *page)
{
    VmViewState *self = g_object_new(VM_TYPE_VIEW_STATE, NULL);
    VmDisplayPage *display = vm_machine_page_get_display(page);

    self->page = page;
    g_object_get(display, "resize-guest", &self->default_resize, NULL);
    g_signal_connect_object(display, "notify::scaling", G_CALLBACK(changed), self,
                            G_CONNECT_SWAPPED);
    g_signal_connect_object(display, "notify::resize-guest", G_CALLBACK(changed), self,
                            G_CONNECT_SWAPPED);
    g_signal_connect_object(display, "notify::display", G_CALLBACK(display_changed), self,
                            G_CONNECT_SWAPPED);
    g_signal_connect_object(page, "notify::visible-child-name", G_CALLBACK(changed), self,
                            G_CONNECT_SWAPPED);
    g_signal_connect_object(vm_machine_page_get_console(page), "notify::tab", G_CALLBACK(changed),
                            self, G_CONNECT_SWAPPED);
    g_signal_connect_object(vm_machine_page_get_console(page), "notify::zoom", G_CALLBACK(changed),
                            self, G_CONNECT_SWAPPED);
    g_signal_connect_object(table_of(self), "notify::order", G_CALLBACK(changed), self,
                            G_CONNECT_SWAPPED);
    return self;
}

static void
restore_pages(VmViewState *self, VmJson *json)
{
    const char *page = json ? vm_json_get_string(json, "page") : NULL;
    gint64 zoom = json ? vm_json_get_int(json, "console-zoom", 0) : 0;

    g_free(self->monitor);
    self->monitor = g_strdup(json ? vm_json_get_string(json, "monitor") : NULL);
    g_object_set(vm_machine_page_get_console(self->page), "tab",
                 json ? vm_json_get_string(json, "console-tab") : NULL, "zoom",
                 (double)CLAMP(zoom, 0, (gint64)(VM_CONSOLE_ZOOM_MAX * PER_CENT)) / PER_CENT, NULL);
    g_object_set(table_of(self), "order", json ? vm_json_get_string(json, "process-order") : NULL,
                 NULL);
    if (page && gtk_stack_get_child_by_name(GTK_STACK(self->page), page)) {
        gtk_stack_set_visible_child_name(GTK_STACK(self->page), page);
    }
}

static void
restore(VmViewState *self, gboolean pages_too)
{
    g_autofree char *path = path_of(self->name);
    g_autofree char *scaling_key = key_of(self, "scaling");
    g_autofree char *resize_key = key_of(self, "resize-guest");
    g_autoptr(VmJson) json = vm_json_load(path, NULL);
    gint64 scaling = json ? vm_json_get_int(json, scaling_key, VM_SCALING_FIT) : VM_SCALING_FIT;
    gboolean resize =
        json ? vm_json_get_bool(json, resize_key, self->default_resize) : self->default_resize;

    self->setting = TRUE;
    if (scaling < VM_SCALING_FIT || scaling > VM_SCALING_WHOLE) {
        scaling = VM_SCALING_FIT;
    }
    g_object_set(vm_machine_page_get_display(self->page), "scaling", (int)scaling, "resize-guest",
                 resize, NULL);
    if (pages_too) {
        restore_pages(self, json);
    }
    self->setting = FALSE;
}

void
vm_view_state_set_machine(VmViewState *self, VmMachine *machine)
{
    const char *name = machine ? vm_machine_get_name(machine) : NULL;

    if (g_strcmp0(name, self->name) == 0) {
        return;
    }
    if (self->timer) {
        write_now(self);
    }
    g_free(self->name);
    self->name = g_strdup(name);
    if (name) {
        int display = -1;

        g_object_get(vm_machine_page_get_display(self->page), "display", &display, NULL);
        self->display = MAX(display, 0);
        restore(self, TRUE);
    }
}

gboolean
vm_view_state_load_size(const char *machine, int display, int *ret_width, int *ret_height)
{
    g_autofree char *path = path_of(machine);
    g_autofree char *width_key = numbered("window-width", display);
    g_autofree char *height_key = numbered("window-height", display);
    g_autoptr(VmJson) json = load_or_new(path);
    gint64 width = vm_json_get_int(json, width_key, 0);
    gint64 height = vm_json_get_int(json, height_key, 0);

    if (width <= 0 || height <= 0 || width > SIZE_MAX_PIXELS || height > SIZE_MAX_PIXELS) {
        return FALSE;
    }
    *ret_width = (int)width;
    *ret_height = (int)height;
    return TRUE;
}

void
vm_view_state_save_size(const char *machine, int display, int width, int height)
{
    g_autofree char *path = path_of(machine);
    g_autofree char *width_key = numbered("window-width", display);
    g_autofree char *height_key = numbered("window-height", display);
    g_autoptr(VmJson) json = load_or_new(path);

    vm_json_set_int(json, width_key, width);
    vm_json_set_int(json, height_key, height);
    (void)vm_definition_save(json, path, NULL);
}

const char *
vm_view_state_get_monitor(VmViewState *self)
{
    return self->monitor;
}

void
vm_view_state_set_monitor(VmViewState *self, const char *monitor)
{
    if (self->name && g_strcmp0(monitor, self->monitor) != 0) {
        g_free(self->monitor);
        self->monitor = g_strdup(monitor);
        changed(self);
    }
}
