/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/console-page.h"

#include <glib/gi18n.h>
#include <glib/gstdio.h>
#include <string.h>

#include "ui/machine-slot.h"
#include "vmm/client/paths.h"
#include "vmm/client/vm-machines.h"

#define KEPT_MAX     32
#define BUTTON_SPACE 38
#define PORTS_MAX    8 /* of a kind */

struct _VmConsolePage {
    GtkStack parent_instance;
    GtkWidget *none_box;
    GMenuModel *add_menu;
    VmMachine *machine;
    VmConnection *connection;
    GSettings *settings;
    char *wanted;    /* name of the port to show, or NULL */
    double zoom;     /* 0: of the settings */
    gboolean adding; /* tabs come, nobody chooses */
};

enum {
    PROP_TAB = 1,
    PROP_ZOOM,
    N_PROPERTIES
};
static GParamSpec
    *properties[N_PROPERTIES]; /* NOLINT(cppcoreguidelines-avoid-non-const-global-variables) */

G_DEFINE_FINAL_TYPE(VmConsolePage, vm_console_page, GTK_TYPE_STACK)

static void
drop_connection(VmConsolePage *self)
{
    if (self->connection) {
        g_signal_handlers_disconnect_by_data(vm_connection_get_chardevs(self->connection), self);
    }
    g_clear_object(&self->connection);
}

static void
vm_console_page_dispose(GObject *object)
{
    VmConsolePage *self = VM_CONSOLE_PAGE(object);

    drop_connection(self);
    g_clear_object(&self->machine);
    g_clear_object(&self->settings);
    g_clear_pointer(&self->wanted, g_free);
    G_OBJECT_CLASS(vm_console_page_parent_class)->dispose(object);
}

/* The notebook of the shown machine, NULL when it had no console yet. */
static GtkNotebook *notebook_of(VmConsolePage *self);
static void show_wanted(VmConsolePage *self);
static void show_zoom(VmConsolePage *self);

static void
vm_console_page_get_property(GObject *object, guint id, GValue *value, GParamSpec *spec)
{
    VmConsolePage *self = VM_CONSOLE_PAGE(object);

    switch (id) {
    case PROP_TAB:
        g_value_set_string(value, self->wanted);
        break;
    case PROP_ZOOM:
        g_value_set_double(value, self->zoom);
        break;
    default:
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
    }
}

static void
vm_console_page_set_property(GObject *object, guint id, const GValue *value, GParamSpec *spec)
{
    VmConsolePage *self = VM_CONSOLE_PAGE(object);

    switch (id) {
    case PROP_TAB:
        g_free(self->wanted);
        self->wanted = g_value_dup_string(value);
        show_wanted(self);
        break;
    case PROP_ZOOM:
        self->zoom = g_value_get_double(value);
        show_zoom(self);
        break;
    default:
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
    }
}

static void
vm_console_page_class_init(VmConsolePageClass *klass)
{
    GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(klass);

    G_OBJECT_CLASS(klass)->dispose = vm_console_page_dispose;
    G_OBJECT_CLASS(klass)->get_property = vm_console_page_get_property;
    G_OBJECT_CLASS(klass)->set_property = vm_console_page_set_property;
    properties[PROP_TAB] =
        g_param_spec_string("tab", NULL, NULL, NULL,
                            G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY);
    properties[PROP_ZOOM] =
        g_param_spec_double("zoom", NULL, NULL, 0, VM_CONSOLE_ZOOM_MAX, 0,
                            G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY);
    g_object_class_install_properties(G_OBJECT_CLASS(klass), N_PROPERTIES, properties);
    gtk_widget_class_set_template_from_resource(widget_class,
                                                "/org/vitrine/Vitrine/ui/console-page.ui");
    gtk_widget_class_bind_template_child(widget_class, VmConsolePage, none_box);
    gtk_widget_class_bind_template_child(widget_class, VmConsolePage, add_menu);
}

static void
vm_console_page_init(VmConsolePage *self)
{
    gtk_widget_init_template(GTK_WIDGET(self));
}

/* A machine's child of the stack is its notebook, with a button over the end of the tabs. */
static GtkNotebook *
notebook_in(GtkWidget *child)
{
    return GTK_NOTEBOOK(gtk_bin_get_child(GTK_BIN(child)));
}

static GtkNotebook *
notebook_of(VmConsolePage *self)
{
    GtkWidget *child = NULL;

    if (self->machine) {
        child = gtk_stack_get_child_by_name(GTK_STACK(self), vm_machine_get_name(self->machine));
    }
    return child ? notebook_in(child) : NULL;
}

static VmConsoleTab *
tab_for(GtkNotebook *notebook, const char *name)
{
    for (int i = 0; i < gtk_notebook_get_n_pages(notebook); i++) {
        VmConsoleTab *tab = VM_CONSOLE_TAB(gtk_notebook_get_nth_page(notebook, i));
        if (g_str_equal(vm_console_tab_get_name(tab), name)) {
            return tab;
        }
    }
    return NULL;
}

static void
show_wanted(VmConsolePage *self)
{
    GtkNotebook *notebook = notebook_of(self);
    VmConsoleTab *tab = notebook && self->wanted ? tab_for(notebook, self->wanted) : NULL;
    gboolean adding = self->adding;

    if (tab) {
        self->adding = TRUE;
        gtk_notebook_set_current_page(notebook, gtk_notebook_page_num(notebook, GTK_WIDGET(tab)));
        self->adding = adding;
    }
}

static void
tab_chosen(VmConsolePage *self, GtkWidget *tab, guint number, GtkNotebook *notebook)
{
    if (!self->adding && notebook == notebook_of(self) &&
        !gtk_widget_in_destruction(GTK_WIDGET(notebook))) {
        g_free(self->wanted);
        self->wanted = g_strdup(vm_console_tab_get_name(VM_CONSOLE_TAB(tab)));
        g_object_notify_by_pspec(G_OBJECT(self), properties[PROP_TAB]);
    }
}

static double
zoom_of(VmConsolePage *self)
{
    if (self->zoom > 0) {
        return CLAMP(self->zoom, VM_CONSOLE_ZOOM_MIN, VM_CONSOLE_ZOOM_MAX);
    }
    return self->settings ? g_settings_get_double(self->settings, "console-zoom") : 1.0;
}

static void
show_zoom(VmConsolePage *self)
{
    GtkNotebook *notebook = notebook_of(self);

    for (int i = 0; notebook && i < gtk_notebook_get_n_pages(notebook); i++) {
        g_object_set(gtk_notebook_get_nth_page(notebook, i), "zoom", zoom_of(self), NULL);
    }
}

/* In one tab: the machine's others follow, and machines that were never zoomed. */
static void
zoomed(VmConsolePage *self, GParamSpec *spec, VmConsoleTab *tab)
{
    g_object_get(tab, "zoom", &self->zoom, NULL);
    show_zoom(self);
    if (self->settings) {
        g_settings_set_double(self->settings, "console-zoom", self->zoom);
    }
    g_object_notify_by_pspec(G_OBJECT(self), properties[PROP_ZOOM]);
}

static void
drop_oldest(VmConsolePage *self)
{
    g_autoptr(GList) children = gtk_container_get_children(GTK_CONTAINER(self));
    GtkNotebook *shown = notebook_of(self);

    if (g_list_length(children) <= KEPT_MAX) {
        return;
    }
    for (GList *at = children; at; at = at->next) {
        if (GTK_IS_OVERLAY(at->data) && notebook_in(at->data) != shown) {
            gtk_widget_destroy(at->data);
            return;
        }
    }
}

/* Not the notebook's own child: those have no place in its tree for screen readers. */
static GtkWidget *
add_button_new(VmConsolePage *self)
{
    GtkWidget *button = gtk_menu_button_new();

    gtk_button_set_relief(GTK_BUTTON(button), GTK_RELIEF_NONE);
    gtk_container_add(GTK_CONTAINER(button),
                      gtk_image_new_from_icon_name("list-add-symbolic", GTK_ICON_SIZE_BUTTON));
    gtk_menu_button_set_menu_model(GTK_MENU_BUTTON(button), self->add_menu);
    gtk_widget_set_tooltip_text(button, _("Add console…"));
    atk_object_set_name(gtk_widget_get_accessible(button), _("Add console…"));
    gtk_widget_set_halign(button, GTK_ALIGN_END);
    gtk_widget_set_valign(button, GTK_ALIGN_START);
    g_object_set(button, "margin", 2, NULL);
    gtk_widget_show_all(button);
    return button;
}

static GtkNotebook *
make_notebook(VmConsolePage *self)
{
    GtkWidget *overlay = gtk_overlay_new();
    GtkWidget *notebook = gtk_notebook_new();
    GtkWidget *space = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, 0);

    atk_object_set_name(gtk_widget_get_accessible(notebook), _("Consoles"));
    gtk_notebook_set_scrollable(GTK_NOTEBOOK(notebook), TRUE);
    gtk_notebook_set_show_border(GTK_NOTEBOOK(notebook), FALSE);
    /* Tabs end before the button. */
    gtk_widget_set_size_request(space, BUTTON_SPACE, BUTTON_SPACE);
    gtk_widget_show(space);
    gtk_notebook_set_action_widget(GTK_NOTEBOOK(notebook), space, GTK_PACK_END);
    gtk_widget_show(notebook);
    g_signal_connect_object(notebook, "switch-page", G_CALLBACK(tab_chosen), self,
                            G_CONNECT_SWAPPED);
    gtk_container_add(GTK_CONTAINER(overlay), notebook);
    gtk_overlay_add_overlay(GTK_OVERLAY(overlay), add_button_new(self));
    gtk_widget_show(overlay);
    gtk_stack_add_named(GTK_STACK(self), overlay, vm_machine_get_name(self->machine));
    drop_oldest(self);
    return GTK_NOTEBOOK(notebook);
}

static void
show_what_there_is(VmConsolePage *self)
{
    GtkNotebook *notebook = notebook_of(self);

    gtk_stack_set_visible_child(
        GTK_STACK(self), notebook ? gtk_widget_get_parent(GTK_WIDGET(notebook)) : self->none_box);
}

/* The pill is for the eye; a reader hears it in the tab's name. */
static void
show_new_lines(VmConsoleTab *tab, GParamSpec *spec, GtkLabel *pill)
{
    GtkWidget *notebook = gtk_widget_get_parent(GTK_WIDGET(tab));
    g_autoptr(GList) labels =
        gtk_container_get_children(GTK_CONTAINER(gtk_widget_get_parent(GTK_WIDGET(pill))));
    const char *label = gtk_label_get_text(GTK_LABEL(labels->data));
    g_autofree char *words = NULL;
    g_autofree char *name = NULL;
    guint lines = 0;

    g_object_get(tab, "new-lines", &lines, NULL);
    words = g_strdup_printf(ngettext("%u new line", "%u new lines", lines), lines);
    gtk_label_set_text(pill, words);
    gtk_widget_set_visible(GTK_WIDGET(pill), lines > 0);
    name = lines > 0 ? g_strdup_printf("%s, %s", label, words) : g_strdup(label);
    if (GTK_IS_NOTEBOOK(notebook)) {
        g_autoptr(AtkObject) page = atk_object_ref_accessible_child(
            gtk_widget_get_accessible(notebook),
            gtk_notebook_page_num(GTK_NOTEBOOK(notebook), GTK_WIDGET(tab)));
        atk_object_set_name(page, name);
    }
}

static GtkWidget *
add_tab(VmConsolePage *self, GtkNotebook *notebook, GtkWidget *tab, const char *text)
{
    GtkWidget *box = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, 8);
    GtkWidget *label = gtk_label_new(text);
    GtkWidget *pill = gtk_label_new(NULL);

    gtk_style_context_add_class(gtk_widget_get_style_context(pill), "pill");
    g_signal_connect_object(tab, "notify::new-lines", G_CALLBACK(show_new_lines), pill, 0);
    gtk_box_pack_start(GTK_BOX(box), label, FALSE, FALSE, 0);
    gtk_box_pack_start(GTK_BOX(box), pill, FALSE, FALSE, 0);
    gtk_widget_show(label);
    gtk_widget_show(box);
    if (self->settings) {
        g_settings_bind(self->settings, "console-palette", tab, "palette", G_SETTINGS_BIND_GET);
        g_settings_bind(self->settings, "console-lines", tab, "lines", G_SETTINGS_BIND_GET);
    }
    g_object_set(tab, "zoom", zoom_of(self), NULL);
    g_signal_connect_object(tab, "notify::zoom", G_CALLBACK(zoomed), self, G_CONNECT_SWAPPED);
    self->adding = TRUE;
    gtk_notebook_append_page(notebook, tab, box);
    show_wanted(self);
    self->adding = FALSE;
    return label;
}

/* "serial.0" -> "Serial 1", in the language of the window; another name as the machine says it. */
static char *
dup_label(const char *name, const char *label)
{
    guint64 number = 0;

    if (g_str_has_prefix(name, "serial.") &&
        g_ascii_string_to_unsigned(name + strlen("serial."), 10, 0, 255, &number, NULL)) {
        return g_strdup_printf("%s %u", _("Serial"), (guint)number + 1);
    }
    if (g_str_has_prefix(name, "console.") &&
        g_ascii_string_to_unsigned(name + strlen("console."), 10, 0, 255, &number, NULL)) {
        return g_strdup_printf("%s %u", _("Console"), (guint)number + 1);
    }
    return g_strdup(label);
}

/* A console without a limit keeps all that is said in the machine's folder. */
static void
set_file(VmConsolePage *self, VmConsoleTab *tab)
{
    const char *name = vm_machine_get_name(self->machine);
    g_autofree char *state = vm_paths_state(name);
    g_autofree char *file = g_strconcat(vm_console_tab_get_name(tab), ".full", NULL);
    g_autofree char *path = g_build_filename(state, file, NULL);
    g_autofree char *runtime = vm_paths_runtime(name);
    g_autofree char *pid = runtime ? g_build_filename(runtime, "pid", NULL) : NULL;
    GStatBuf status;
    gboolean known = pid && g_stat(pid, &status) == 0;

    vm_console_tab_set_file(
        tab, path,
        known ? (gint64)status.st_mtim.tv_sec * G_USEC_PER_SEC + status.st_mtim.tv_nsec / 1000 : 0);
}

static void
add_live_tab(VmConsolePage *self, GtkNotebook *notebook, VmChardev *chardev)
{
    g_autofree char *label = dup_label(vm_chardev_get_name(chardev), vm_chardev_get_label(chardev));

    GtkWidget *tab = vm_console_tab_new(chardev, label, vm_machine_get_title(self->machine));

    set_file(self, VM_CONSOLE_TAB(tab));
    (void)add_tab(self, notebook, tab, label);
}

/* ------------------------------------------------------------------ the last run */

static void
add_past_tab(VmConsolePage *self, const char *kind, guint number)
{
    g_autofree char *name = g_strdup_printf("%s.%u", kind, number);
    g_autofree char *path = vm_machines_dup_output_path(vm_machine_get_name(self->machine), name);
    g_autofree char *label = dup_label(name, name);
    GtkNotebook *notebook = NULL;

    if (!g_file_test(path, G_FILE_TEST_IS_REGULAR)) {
        return;
    }
    notebook = notebook_of(self);
    notebook = notebook ? notebook : make_notebook(self);
    (void)add_tab(self, notebook,
                  vm_console_tab_new_past(name, label, vm_machine_get_title(self->machine), path),
                  label);
}

/* "3 November"; of the newest file that a port left. */
static char *
dup_past_day(VmConsolePage *self)
{
    static const char *const ports[] = {"serial.0", "console.0"};
    gint64 newest = 0;

    for (guint i = 0; i < G_N_ELEMENTS(ports); i++) {
        g_autofree char *path =
            vm_machines_dup_output_path(vm_machine_get_name(self->machine), ports[i]);
        GStatBuf status;
        if (g_stat(path, &status) == 0) {
            newest = MAX(newest, (gint64)status.st_mtime);
        }
    }
    g_autoptr(GDateTime) time =
        newest ? g_date_time_new_from_unix_local(newest) : g_date_time_new_now_local();
    /* Translators: a day as in “3 November”. */
    return g_date_time_format(time, _("%-e %B"));
}

static void
show_past(VmConsolePage *self)
{
    if (notebook_of(self) || vm_machine_is_active(self->machine)) {
        return;
    }
    for (guint i = 0; i < PORTS_MAX; i++) {
        add_past_tab(self, "serial", i);
    }
    for (guint i = 0; i < PORTS_MAX; i++) {
        add_past_tab(self, "console", i);
    }
}

/* What the machine said is read, not lived: a strip says so while it is off. */
static void
state_changed(VmConsolePage *self)
{
    GtkNotebook *notebook = NULL;
    g_autofree char *day = NULL;
    g_autofree char *words = NULL;

    show_past(self);
    notebook = notebook_of(self);
    if (!notebook) {
        return;
    }
    if (!vm_machine_is_active(self->machine)) {
        day = dup_past_day(self);
        /* Translators: %s is a day as in “3 November”. */
        words = g_strdup_printf(_("Output of the last run, %s"), day);
    }
    for (int i = 0; i < gtk_notebook_get_n_pages(notebook); i++) {
        vm_console_tab_set_past(VM_CONSOLE_TAB(gtk_notebook_get_nth_page(notebook, i)), words);
    }
    show_what_there_is(self);
}

static void
chardevs_changed(VmConsolePage *self)
{
    GListModel *chardevs = self->connection ? vm_connection_get_chardevs(self->connection) : NULL;
    GtkNotebook *notebook = notebook_of(self);
    guint n = chardevs ? g_list_model_get_n_items(chardevs) : 0;

    for (guint i = 0; i < n; i++) {
        g_autoptr(VmChardev) chardev = g_list_model_get_item(chardevs, i);
        VmConsoleTab *tab = NULL;
        g_signal_handlers_disconnect_by_func(chardev, chardevs_changed, self);
        if (vm_chardev_get_name(chardev)[0] == '\0') {
            /* Its name is on the way. */
            g_signal_connect_object(chardev, "notify::name", G_CALLBACK(chardevs_changed), self,
                                    G_CONNECT_SWAPPED);
            continue;
        }
        if (!notebook) {
            notebook = make_notebook(self);
        }
        tab = tab_for(notebook, vm_chardev_get_name(chardev));
        if (tab) {
            set_file(self, tab);
            vm_console_tab_set_chardev(tab, chardev);
            continue;
        }
        add_live_tab(self, notebook, chardev);
    }
    show_what_there_is(self);
}

static void
connection_changed(VmConsolePage *self)
{
    VmConnection *connection = self->machine ? vm_machine_get_connection(self->machine) : NULL;

    if (connection == self->connection) {
        return;
    }
    drop_connection(self);
    if (connection) {
        self->connection = g_object_ref(connection);
        g_signal_connect_object(vm_connection_get_chardevs(connection), "items-changed",
                                G_CALLBACK(chardevs_changed), self, G_CONNECT_SWAPPED);
        chardevs_changed(self);
    }
}

void
vm_console_page_set_machine(VmConsolePage *self, VmMachine *machine)
{
    if (!vm_machine_slot_set(&self->machine, machine, self)) {
        return;
    }
    drop_connection(self);
    g_clear_pointer(&self->wanted, g_free);
    self->zoom = 0;
    if (machine) {
        g_signal_connect_object(machine, "notify::connection", G_CALLBACK(connection_changed), self,
                                G_CONNECT_SWAPPED);
        g_signal_connect_object(machine, "notify::state", G_CALLBACK(state_changed), self,
                                G_CONNECT_SWAPPED);
        connection_changed(self);
        state_changed(self);
    }
    show_what_there_is(self);
}

VmConsoleTab *
vm_console_page_get_tab(VmConsolePage *self)
{
    GtkNotebook *notebook = notebook_of(self);
    int page = notebook ? gtk_notebook_get_current_page(notebook) : -1;

    return page >= 0 ? VM_CONSOLE_TAB(gtk_notebook_get_nth_page(notebook, page)) : NULL;
}

void
vm_console_page_move(VmConsolePage *self, int step)
{
    GtkNotebook *notebook = notebook_of(self);

    if (notebook && step > 0) {
        gtk_notebook_next_page(notebook);
    } else if (notebook) {
        gtk_notebook_prev_page(notebook);
    }
}

void
vm_console_page_set_settings(VmConsolePage *self, GSettings *settings)
{
    g_set_object(&self->settings, settings);
}
