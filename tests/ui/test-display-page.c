/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The display page but for its keyboard (test-display-keys.c): pictures, sizes, the bar of the full screen. */

#include <gtk/gtk.h>
#include <linux/input-event-codes.h>

#include "tests/ui/answers.h"
#include "tests/ui/display-fixture.h"
#include "ui/console-tab.h"
#include "ui/fullscreen-bar.h"
#include "ui/keys-popover.h"

enum {
    WIDTH = DISPLAY_FIXTURE_WIDTH,
    HEIGHT = DISPLAY_FIXTURE_HEIGHT,
    MARGIN = DISPLAY_FIXTURE_MARGIN,
    FLOOD_MS = 3000,
};

/* The colour on the screen, in the middle of the window. */
static guint32
colour_on_screen(DisplayFixture *self)
{
    GdkWindow *window = gtk_widget_get_window(self->window);
    g_autoptr(GdkPixbuf) shot = gdk_pixbuf_get_from_window(window, gdk_window_get_width(window) / 2,
                                                           gdk_window_get_height(window) / 2, 1, 1);
    const guchar *at = gdk_pixbuf_read_pixels(shot);

    return (guint32)at[0] << 16 | (guint32)at[1] << 8 | at[2];
}

static void
test_picture(DisplayFixture *self, gconstpointer data)
{
    g_autoptr(GdkPixbuf) shot = vm_display_page_get_screenshot(self->page);

    g_assert_cmpint(gdk_pixbuf_get_width(shot), ==, WIDTH);
    rig_wait(colour_on_screen(self) == 0x204060);
    /* Nothing is told: the screen keeps its picture. Then the damage comes. */
    for (guint i = 0; i < WIDTH * HEIGHT; i++) {
        self->pixels[i] = 0xa0c0e0;
    }
    rig_run(100);
    g_assert_cmphex(colour_on_screen(self), ==, 0x204060);
    rig_gpu_update(self->rig, 0, 0, WIDTH, HEIGHT);
    rig_wait(colour_on_screen(self) == 0xa0c0e0);
}

static void
find_tabs(GtkWidget *widget, gpointer found)
{
    if (GTK_IS_TOGGLE_BUTTON(widget) && gtk_widget_get_mapped(widget)) {
        g_ptr_array_add(found, widget);
    } else if (GTK_IS_CONTAINER(widget)) {
        gtk_container_forall(GTK_CONTAINER(widget), find_tabs, found);
    }
}

static guint
count_tabs(DisplayFixture *self)
{
    g_autoptr(GPtrArray) tabs = g_ptr_array_new();

    find_tabs(self->window, tabs);
    return tabs->len;
}

static void
press_tab(DisplayFixture *self, guint number)
{
    g_autoptr(GPtrArray) tabs = g_ptr_array_new();

    find_tabs(self->window, tabs);
    gtk_button_clicked(GTK_BUTTON(g_ptr_array_index(tabs, number)));
}

static int
display_shown(DisplayFixture *self)
{
    int number = -2;

    g_object_get(self->page, "display", &number, NULL);
    return number;
}

static int
width_shown(DisplayFixture *self)
{
    g_autoptr(GdkPixbuf) shot = vm_display_page_get_screenshot(self->page);

    return shot ? gdk_pixbuf_get_width(shot) : 0;
}

/* A second display has a tab, a picture and a pointer of its own, and is gone when it is taken away. */
static void
test_displays(DisplayFixture *self, gconstpointer data)
{
    g_autoptr(GSimpleActionGroup) actions = g_simple_action_group_new();
    g_autoptr(GPropertyAction) action = g_property_action_new("display", self->page, "display");
    const struct gpu_scanout second = {.header = {GPU_SCANOUT, sizeof(second)},
                                       .scanout = 1,
                                       .buffer = 1,
                                       .width = 320,
                                       .height = 200,
                                       .stride = WIDTH * 4,
                                       .format = RIG_XRGB};
    guint n = 0;

    g_action_map_add_action(G_ACTION_MAP(actions), G_ACTION(action));
    gtk_widget_insert_action_group(self->window, "machine", G_ACTION_GROUP(actions));
    g_assert_cmpuint(count_tabs(self), ==, 0);
    g_assert_cmpint(display_shown(self), ==, 0);
    rig_gpu_display(self->rig, 1, 1, 320, 200);
    rig_wait(count_tabs(self) == 2);
    g_object_get(self->page, "n-displays", &n, NULL);
    g_assert_cmpuint(n, ==, 2);
    g_assert_cmpint(width_shown(self), ==, WIDTH); /* still the first */
    press_tab(self, 1);
    g_assert_cmpint(display_shown(self), ==, 1);
    rig_wait(width_shown(self) == 0);
    rig_gpu_send(self->rig, &second, sizeof(second), -1);
    rig_wait(width_shown(self) == 320);
    press_tab(self, 0);
    rig_wait(width_shown(self) == WIDTH);
    press_tab(self, 1);
    rig_wait(width_shown(self) == 320);
    vm_display_page_set_fullscreen(self->page, TRUE);
    g_assert_cmpuint(count_tabs(self), ==, 0);
    vm_display_page_set_fullscreen(self->page, FALSE);
    rig_gpu_display(self->rig, 1, 0, 0, 0);
    rig_wait(count_tabs(self) == 0 && display_shown(self) == 0);
    rig_wait(width_shown(self) == WIDTH);
}

static void
find_popover(GtkWidget *widget, gpointer data)
{
    GtkWidget **popover = data;

    if (GTK_IS_MENU_BUTTON(widget)) {
        GtkPopover *own = gtk_menu_button_get_popover(GTK_MENU_BUTTON(widget));

        *popover = VM_IS_KEYS_POPOVER(own) ? GTK_WIDGET(own) : *popover;
    } else if (GTK_IS_CONTAINER(widget)) {
        gtk_container_forall(GTK_CONTAINER(widget), find_popover, data);
    }
}

/* The keys to send are at hand in full screen too; the bar stays as long as they are shown. */
static void
test_keys_in_full_screen(DisplayFixture *self, gconstpointer data)
{
    GtkRevealer *bar = display_fixture_overlay(self, VM_TYPE_FULLSCREEN_BAR);
    GtkWidget *popover = NULL;

    find_popover(GTK_WIDGET(bar), &popover);
    g_assert_true(VM_IS_KEYS_POPOVER(popover));
    vm_display_page_set_fullscreen(self->page, TRUE);
    rig_wait(!gtk_revealer_get_reveal_child(bar));
    vm_display_page_show_keys(self->page);
    rig_wait(gtk_widget_get_mapped(popover));
    rig_run(4500); /* longer than the bar without them */
    g_assert_true(gtk_revealer_get_reveal_child(bar));
    gtk_popover_popdown(GTK_POPOVER(popover));
    rig_wait(!gtk_revealer_get_reveal_child(bar));
    vm_display_page_set_fullscreen(self->page, FALSE);
}

/* The display server is gone: released, and the last picture stays. */
static void
test_connection_lost(DisplayFixture *self, gconstpointer data)
{
    display_fixture_capture(self);
    rig_restart(self->rig);
    rig_wait(vm_connection_get_state(self->connection) != VM_CONNECTION_READY);
    g_assert_false(vm_display_page_get_captured(self->page));
    rig_wait(colour_on_screen(self) == 0x204060);
    /* What is typed meanwhile is typed nowhere. */
    display_fixture_key(self, KEY_A, TRUE, 0);
    display_fixture_key(self, KEY_A, FALSE, 0);
    vm_display_page_send_keys(self->page, "LEFTCTRL+LEFTALT+DELETE");
    rig_gpu_begin(self->rig, WIDTH, HEIGHT);
    rig_wait(vm_connection_get_state(self->connection) == VM_CONNECTION_READY);
    rig_wait(colour_on_screen(self) == 0);
    rig_expect_anew(self->rig->keyboard);
    rig_expect_silence(self->rig->keyboard);
}

/* It stays away: the last picture, dimmed, until it is back. */
static void
test_dimmed(DisplayFixture *self, gconstpointer data)
{
    rig_wait(colour_on_screen(self) == 0x204060);
    vm_display_page_set_phase(self->page, VM_DISPLAY_LOST);
    rig_wait(colour_on_screen(self) != 0x204060);
    g_assert_cmphex(colour_on_screen(self) >> 16, ==, colour_on_screen(self) & 0xff); /* grey */
    vm_display_page_set_phase(self->page, VM_DISPLAY_RUNNING);
    rig_wait(colour_on_screen(self) == 0x204060);
}

struct named {
    const char *name;
    gboolean found;
};

static void
look_for(GtkWidget *widget, gpointer data)
{
    struct named *named = data;
    const char *name = atk_object_get_name(gtk_widget_get_accessible(widget));

    if (gtk_widget_get_visible(widget)) {
        named->found |= GTK_IS_BUTTON(widget) && g_strcmp0(name, named->name) == 0;
        if (GTK_IS_CONTAINER(widget)) {
            gtk_container_foreach(GTK_CONTAINER(widget), look_for, data);
        }
    }
}

static gboolean
has_button(GtkWidget *widget, const char *name)
{
    struct named named = {.name = name};

    look_for(widget, &named);
    return named.found;
}

/* The guest takes the size of the view, a while after its last change; only the last one. */
static void
test_resize(DisplayFixture *self, gconstpointer data)
{
    g_object_set(self->page, "scaling", VM_SCALING_FIT, "resize-guest", TRUE, NULL);
    rig_run(400);
    rig_gpu_expect_mode(self->rig, WIDTH + 2 * MARGIN, HEIGHT + 2 * MARGIN);
    for (guint i = 1; i <= 10; i++) {
        gtk_window_resize(GTK_WINDOW(self->window), (gint)(700 + 10 * i), 560);
        rig_run(30);
    }
    rig_run(400);
    g_assert_cmpuint(rig_gpu_await_mode(self->rig, 800), <,
                     10); /* one, unless other programs run */
    rig_expect_silence(self->rig->gpu);
}

/* What finds no room on a narrow monitor is in a menu. */
static void
test_narrow_bar(DisplayFixture *self, gconstpointer data)
{
    static const struct {
        int width;
        gboolean folded;
    } widths[] = {{900, FALSE}, {420, TRUE}, {900, FALSE}};
    GtkWidget *bar = GTK_WIDGET(display_fixture_overlay(self, VM_TYPE_FULLSCREEN_BAR));

    vm_display_page_set_fullscreen(self->page, TRUE);
    for (guint i = 0; i < G_N_ELEMENTS(widths); i++) {
        int least = 0;
        gtk_window_resize(GTK_WINDOW(self->window), widths[i].width, 560);
        rig_wait(gtk_widget_get_allocated_width(GTK_WIDGET(self->page)) == widths[i].width);
        rig_run(100);
        gtk_widget_get_preferred_width(gtk_bin_get_child(GTK_BIN(bar)), &least, NULL);
        g_assert_cmpint(least, <=, widths[i].width);
        g_assert_cmpint(gtk_widget_get_allocated_width(bar), <=, widths[i].width);
        g_assert_cmpint(has_button(bar, "More"), ==, widths[i].folded);
        g_assert_cmpint(has_button(bar, "Take a screenshot"), ==, !widths[i].folded);
        g_assert_true(has_button(bar, "Send keys"));
        g_assert_true(has_button(bar, "Keep this bar"));
    }
    vm_display_page_set_fullscreen(self->page, FALSE);
}

static void
test_accessible(DisplayFixture *self, gconstpointer data)
{
    GtkWidget *view;
    AtkObject *accessible;

    display_fixture_capture(self);
    view = gtk_window_get_focus(GTK_WINDOW(self->window));
    accessible = gtk_widget_get_accessible(view);
    g_assert_cmpint(atk_object_get_role(accessible), ==, ATK_ROLE_DRAWING_AREA);
    g_assert_cmpstr(atk_object_get_name(accessible), ==, "Display of Test");
    g_assert_cmpstr(atk_object_get_description(accessible), ==, "Running, keyboard captured.");
    vm_display_page_release(self->page);
    g_assert_cmpstr(atk_object_get_description(accessible), ==,
                    "Running, keyboard released. Press Enter to control.");
}

typedef struct {
    Rig *rig;
    gint stop;
    gsize count;
} Flood;

/* A guest that writes to its port as fast as it is taken. */
static gpointer
flood_port(gpointer data)
{
    Flood *flood = data;
    char block[4096];

    for (gsize i = 0; i < sizeof(block); i++) {
        block[i] = (char)(i % 80 == 79 ? '\n' : i % 7 == 6 ? '\033' : 'A' + i % 50);
    }
    while (!g_atomic_int_get(&flood->stop)) {
        rig_serial_write(flood->rig, block, sizeof(block));
        flood->count += sizeof(block);
    }
    return NULL;
}

/* A guest that changes its resolution a thousand times a second. */
static gpointer
flood_sizes(gpointer data)
{
    Flood *flood = data;

    while (!g_atomic_int_get(&flood->stop)) {
        rig_gpu_scanout(flood->rig, 1, 0, 64 + flood->count % 500, 64 + flood->count % 400);
        flood->count++;
        g_usleep(1000);
    }
    return NULL;
}

static void
test_flood(DisplayFixture *self, gconstpointer data)
{
    GListModel *chardevs = vm_connection_get_chardevs(self->connection);
    Flood sizes = {.rig = self->rig};
    Flood port = {.rig = self->rig};
    Answers answers = {0};
    GtkWidget *window = gtk_window_new(GTK_WINDOW_TOPLEVEL);
    GThread *threads[2];

    rig_wait(g_list_model_get_n_items(chardevs) > 0);
    g_autoptr(VmChardev) chardev = g_list_model_get_item(chardevs, 0);
    rig_wait(vm_chardev_get_name(chardev)[0] != '\0');
    gtk_container_add(GTK_CONTAINER(window), vm_console_tab_new(chardev, "Port", "Test"));
    gtk_widget_show_all(window);
    rig_run(300);
    threads[0] = g_thread_new("sizes", flood_sizes, &sizes);
    threads[1] = g_thread_new("port", flood_port, &port);
    answers_start(&answers, CLOCK_MONOTONIC);
    rig_run(FLOOD_MS);
    g_atomic_int_set(&sizes.stop, 1);
    g_atomic_int_set(&port.stop, 1);
    g_thread_join(threads[0]);
    g_thread_join(threads[1]);
    g_test_message("%" G_GSIZE_FORMAT " sizes, %" G_GSIZE_FORMAT " KiB of console", sizes.count,
                   port.count / 1024);
    answers_judge(&answers, "flood");
    g_assert_cmpint(vm_connection_get_state(self->connection), ==, VM_CONNECTION_READY);
    gtk_widget_destroy(window);
    rig_gpu_scanout(self->rig, 1, 0, WIDTH, HEIGHT);
    rig_run(200);
}

#define ADD(name, function)                                                                   \
    g_test_add("/display-page/" name, DisplayFixture, NULL, display_fixture_set_up, function, \
               display_fixture_tear_down)

int
main(int argc, char **argv)
{
    gtk_test_init(&argc, &argv, NULL);
    ADD("picture", test_picture);
    ADD("displays", test_displays);
    ADD("keys-in-full-screen", test_keys_in_full_screen);
    ADD("connection-lost", test_connection_lost);
    ADD("dimmed", test_dimmed);
    ADD("resize", test_resize);
    ADD("narrow-bar", test_narrow_bar);
    ADD("accessible", test_accessible);
    ADD("flood", test_flood);
    return g_test_run();
}
