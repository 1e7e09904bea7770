/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The display page on a real X server (Xvfb) with the real vmm-display; the gpu and input processes are
 * played by tests/display/rig.h. Key events are what GDK makes of raw ones, hardware key codes included.
 */

#include <gtk/gtk.h>
#include <linux/input-event-codes.h>
#include <signal.h>
#include <string.h>

#include "tests/display/rig.h"
#include "tests/ui/answers.h"
#include "ui/console-tab.h"
#include "ui/display-input.h"
#include "ui/display-page.h"
#include "ui/fullscreen-bar.h"
#include "ui/grab-hint.h"
#include "ui/keys-popover.h"
#include "vmm/client/vm-connection.h"
#include "vmm/keymap/keymap.h"

enum {
    WIDTH = 640,
    HEIGHT = 480,
    FLOOD_MS = 3000,
    MARGIN = 80, /* the window is larger than the picture by this much, on each side */
};

typedef struct {
    Rig *rig;
    VmConnection *connection;
    GtkWidget *window;
    VmDisplayPage *page;
    guint32 *pixels;
} Fixture;

static void
set_up(Fixture *self, gconstpointer data)
{
    self->rig = rig_new();
    rig_gpu_hello(self->rig, 2);
    rig_gpu_display(self->rig, 1, 0, 0, 0); /* nothing is plugged in there */
    self->pixels = rig_gpu_show(self->rig, 1, WIDTH, HEIGHT);
    for (guint i = 0; i < WIDTH * HEIGHT; i++) {
        self->pixels[i] = 0x204060;
    }
    self->connection = vm_connection_new(self->rig->path);
    vm_connection_open(self->connection);
    rig_wait(vm_connection_get_state(self->connection) == VM_CONNECTION_READY);

    self->window = gtk_window_new(GTK_WINDOW_TOPLEVEL);
    self->page = VM_DISPLAY_PAGE(vm_display_page_new());
    g_object_set(self->page, "resize-guest", FALSE, "scaling", VM_SCALING_NEVER, NULL);
    vm_display_page_set_title(self->page, "Test");
    gtk_container_add(GTK_CONTAINER(self->window), GTK_WIDGET(self->page));
    gtk_window_set_default_size(GTK_WINDOW(self->window), WIDTH + 2 * MARGIN, HEIGHT + 2 * MARGIN);
    gtk_widget_show(GTK_WIDGET(self->page));
    gtk_widget_show(self->window);
    vm_display_page_set_connection(self->page, self->connection);
    vm_display_page_set_phase(self->page, VM_DISPLAY_RUNNING);
    rig_wait(vm_display_page_get_screenshot(self->page) != NULL);
    /* There is no window manager that would do it. */
    gdk_window_focus(gtk_widget_get_window(self->window), GDK_CURRENT_TIME);
    rig_wait(gtk_window_is_active(GTK_WINDOW(self->window)));
    rig_run(200); /* the X server's focus moves from "where the pointer is" to the window */
}

static void
tear_down(Fixture *self, gconstpointer data)
{
    gtk_widget_destroy(self->window);
    vm_connection_close(self->connection);
    g_clear_object(&self->connection);
    rig_free(self->rig);
}

static void
send_key(Fixture *self, guint code, gboolean press, guint state)
{
    GdkKeymap *keymap = gdk_keymap_get_for_display(gdk_display_get_default());
    GdkEvent *event = gdk_event_new(press ? GDK_KEY_PRESS : GDK_KEY_RELEASE);

    event->key.window = g_object_ref(gtk_widget_get_window(self->window));
    event->key.time = (guint32)(g_get_monotonic_time() / 1000);
    event->key.state = state;
    event->key.hardware_keycode = (guint16)(code + KEYMAP_X11_OFFSET);
    gdk_keymap_translate_keyboard_state(keymap, event->key.hardware_keycode, state, 0,
                                        &event->key.keyval, NULL, NULL, NULL);
    gdk_event_set_device(
        event, gdk_seat_get_keyboard(gdk_display_get_default_seat(gdk_display_get_default())));
    gtk_main_do_event(event);
    gdk_event_free(event);
}

static void
expect_key(Fixture *self, guint code, gint value)
{
    rig_run(30);
    rig_expect_event(self->rig->keyboard, EV_KEY, code, value);
}

static void
capture(Fixture *self)
{
    vm_display_page_capture(self->page);
    g_assert_true(vm_display_page_get_captured(self->page));
}

/* The colour on the screen, in the middle of the window. */
static guint32
colour_on_screen(Fixture *self)
{
    GdkWindow *window = gtk_widget_get_window(self->window);
    g_autoptr(GdkPixbuf) shot = gdk_pixbuf_get_from_window(window, gdk_window_get_width(window) / 2,
                                                           gdk_window_get_height(window) / 2, 1, 1);
    const guchar *at = gdk_pixbuf_read_pixels(shot);

    return (guint32)at[0] << 16 | (guint32)at[1] << 8 | at[2];
}

static void
test_picture(Fixture *self, gconstpointer data)
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
count_tabs(Fixture *self)
{
    g_autoptr(GPtrArray) tabs = g_ptr_array_new();

    find_tabs(self->window, tabs);
    return tabs->len;
}

static void
press_tab(Fixture *self, guint number)
{
    g_autoptr(GPtrArray) tabs = g_ptr_array_new();

    find_tabs(self->window, tabs);
    gtk_button_clicked(GTK_BUTTON(g_ptr_array_index(tabs, number)));
}

static int
display_shown(Fixture *self)
{
    int number = -2;

    g_object_get(self->page, "display", &number, NULL);
    return number;
}

static int
width_shown(Fixture *self)
{
    g_autoptr(GdkPixbuf) shot = vm_display_page_get_screenshot(self->page);

    return shot ? gdk_pixbuf_get_width(shot) : 0;
}

/* A second display has a tab, a picture and a pointer of its own, and is gone when it is taken away. */
static void
test_displays(Fixture *self, gconstpointer data)
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
test_keys(Fixture *self, gconstpointer data)
{
    static const guint codes[] = {KEY_A, KEY_TAB, KEY_F10, KEY_F11, KEY_ESC, KEY_RIGHTALT};

    capture(self);
    for (guint i = 0; i < G_N_ELEMENTS(codes); i++) {
        send_key(self, codes[i], TRUE, 0);
        expect_key(self, codes[i], 1);
        send_key(self, codes[i], TRUE, 0); /* the desktop's repetition: the guest has its own */
        send_key(self, codes[i], FALSE, 0);
        expect_key(self, codes[i], 0);
    }
    g_assert_true(vm_display_page_get_captured(self->page));
    rig_expect_silence(self->rig->keyboard);
}

static void
press_ctrl_alt(Fixture *self)
{
    send_key(self, KEY_LEFTCTRL, TRUE, 0);
    expect_key(self, KEY_LEFTCTRL, 1);
    send_key(self, KEY_LEFTALT, TRUE, GDK_CONTROL_MASK);
    expect_key(self, KEY_LEFTALT, 1);
}

static void
test_release(Fixture *self, gconstpointer data)
{
    guint hints = 0;

    capture(self);
    press_ctrl_alt(self);
    g_assert_true(vm_display_page_get_captured(self->page));
    send_key(self, KEY_LEFTALT, FALSE, GDK_CONTROL_MASK | GDK_MOD1_MASK);
    g_assert_false(vm_display_page_get_captured(self->page));
    /* All keys that the guest saw go down are up, Ctrl too, which is still held here. */
    expect_key(self, KEY_LEFTALT, 0);
    expect_key(self, KEY_LEFTCTRL, 0);
    send_key(self, KEY_LEFTCTRL, FALSE, GDK_CONTROL_MASK);
    send_key(self, KEY_B, TRUE, 0);
    send_key(self, KEY_B, FALSE, 0);
    rig_run(30);
    rig_expect_silence(self->rig->keyboard);
    /* Enter captures again and is not typed; how often the hint was seen is counted on. */
    g_object_set(self->page, "hints-shown", 7U, NULL);
    send_key(self, KEY_ENTER, TRUE, 0);
    g_object_get(self->page, "hints-shown", &hints, NULL);
    g_assert_cmpuint(hints, ==, 8);
    g_assert_true(vm_display_page_get_captured(self->page));
    send_key(self, KEY_ENTER, FALSE, 0);
    rig_run(30);
    rig_expect_silence(self->rig->keyboard);
}

/* The same in full screen, by somebody who has no pointer: it never was over the picture. */
static void
test_release_by_keys_alone(Fixture *self, gconstpointer data)
{
    GdkDisplay *display = gdk_display_get_default();
    GdkDevice *pointer = gdk_seat_get_pointer(gdk_display_get_default_seat(display));

    vm_display_page_set_fullscreen(self->page, TRUE);
    gtk_window_fullscreen(GTK_WINDOW(self->window));
    gdk_device_warp(pointer, gdk_screen_get_default(), 1279, 1023); /* outside of the window */
    for (guint i = 0; i < 2; i++) {
        vm_display_page_capture(self->page);
        send_key(self, KEY_ENTER, TRUE, 0);
        expect_key(self, KEY_ENTER, 1);
        press_ctrl_alt(self);
        send_key(self, KEY_LEFTALT, FALSE, GDK_CONTROL_MASK | GDK_MOD1_MASK);
        g_assert_false(vm_display_page_get_captured(self->page));
        expect_key(self, KEY_LEFTALT, 0);
        expect_key(self, KEY_ENTER, 0);
        expect_key(self, KEY_LEFTCTRL, 0);
        send_key(self, KEY_LEFTCTRL, FALSE, GDK_CONTROL_MASK);
        rig_expect_silence(self->rig->keyboard);
    }
    rig_expect_silence(self->rig->pointer);
    vm_display_page_set_fullscreen(self->page, FALSE);
}

/* The overlay of that kind. */
static GtkRevealer *
overlay(Fixture *self, GType type)
{
    g_autoptr(GList) children = gtk_container_get_children(GTK_CONTAINER(self->page));

    for (GList *at = children; at; at = at->next) {
        if (g_type_is_a(G_OBJECT_TYPE(at->data), type)) {
            return GTK_REVEALER(at->data);
        }
    }
    g_assert_not_reached();
}

/* Who never released the keyboard is told how as long as no bar shows a way out of the full screen. */
static void
test_hint_stays(Fixture *self, gconstpointer data)
{
    GtkRevealer *hint = overlay(self, VM_TYPE_GRAB_HINT);
    GtkRevealer *bar = overlay(self, VM_TYPE_FULLSCREEN_BAR);
    gboolean known = FALSE;

    g_object_set(self->page, "hints-shown", 7U, NULL);
    vm_display_page_set_fullscreen(self->page, TRUE);
    g_assert_true(gtk_revealer_get_reveal_child(bar));
    capture(self);
    rig_wait(!gtk_revealer_get_reveal_child(bar));
    rig_run(3000); /* longer than a hint that goes */
    g_assert_true(gtk_revealer_get_reveal_child(hint));
    press_ctrl_alt(self);
    send_key(self, KEY_LEFTALT, FALSE, GDK_CONTROL_MASK | GDK_MOD1_MASK);
    g_assert_false(gtk_revealer_get_reveal_child(hint));
    g_object_get(self->page, "release-known", &known, NULL);
    g_assert_true(known);
    capture(self);
    rig_wait(!gtk_revealer_get_reveal_child(bar) && !gtk_revealer_get_reveal_child(hint));
    vm_display_page_set_fullscreen(self->page, FALSE);
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
test_keys_in_full_screen(Fixture *self, gconstpointer data)
{
    GtkRevealer *bar = overlay(self, VM_TYPE_FULLSCREEN_BAR);
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

/* A popover of the view, as the window's for keys, is opened and closed again. */
static void
open_and_close(Fixture *self, GtkWidget *popover)
{
    gtk_popover_popup(GTK_POPOVER(popover));
    rig_wait(gtk_widget_get_mapped(popover));
    g_assert_false(vm_display_page_get_captured(self->page));
    gtk_popover_popdown(GTK_POPOVER(popover));
    rig_wait(!gtk_widget_get_mapped(popover));
    rig_run(100);
}

/* A popover leaves the keyboard as it was, captured or released; another widget does not. */
static void
test_popover(Fixture *self, gconstpointer data)
{
    GtkWidget *view = NULL;
    GtkWidget *popover = gtk_popover_new(GTK_WIDGET(self->page));
    GtkWidget *entry = gtk_entry_new();
    GtkWidget *other = gtk_entry_new();

    gtk_container_add(GTK_CONTAINER(popover), entry);
    gtk_widget_show(entry);
    gtk_overlay_add_overlay(GTK_OVERLAY(self->page), other);
    g_object_set(other, "halign", GTK_ALIGN_START, "valign", GTK_ALIGN_START, "visible", TRUE,
                 NULL);
    capture(self);
    view = gtk_window_get_focus(GTK_WINDOW(self->window));
    open_and_close(self, popover);
    g_assert_true(vm_display_page_get_captured(self->page));
    vm_display_page_release(self->page);
    open_and_close(self, popover);
    g_assert_true(gtk_widget_has_focus(view));
    g_assert_false(vm_display_page_get_captured(self->page));
    gtk_widget_grab_focus(other);
    gtk_widget_grab_focus(view);
    g_assert_true(vm_display_page_get_captured(self->page));
}

/* Ctrl+Alt with another key is the guest's. */
static void
test_no_release(Fixture *self, gconstpointer data)
{
    const guint both = GDK_CONTROL_MASK | GDK_MOD1_MASK;

    capture(self);
    press_ctrl_alt(self);
    send_key(self, KEY_F2, TRUE, both);
    expect_key(self, KEY_F2, 1);
    send_key(self, KEY_F2, FALSE, both);
    expect_key(self, KEY_F2, 0);
    send_key(self, KEY_LEFTALT, FALSE, both);
    expect_key(self, KEY_LEFTALT, 0);
    send_key(self, KEY_LEFTCTRL, FALSE, GDK_CONTROL_MASK);
    expect_key(self, KEY_LEFTCTRL, 0);
    g_assert_true(vm_display_page_get_captured(self->page));
}

/* Sticky keys: Ctrl, then Alt, one after the other. */
static void
test_sticky_keys(Fixture *self, gconstpointer data)
{
    capture(self);
    send_key(self, KEY_LEFTCTRL, TRUE, 0);
    send_key(self, KEY_LEFTCTRL, FALSE, GDK_CONTROL_MASK);
    send_key(self, KEY_LEFTALT, TRUE, GDK_CONTROL_MASK);
    send_key(self, KEY_LEFTALT, FALSE, GDK_CONTROL_MASK | GDK_MOD1_MASK);
    g_assert_false(vm_display_page_get_captured(self->page));
}

static void
take_action(VmDisplayPage *page, const char *action, GString *taken)
{
    g_string_append_printf(taken, "%s ", action);
}

/* Held, the host key makes some keys ours: the guest sees none of them, and the host key come up. */
static void
test_host_key(Fixture *self, gconstpointer data)
{
    g_autoptr(GString) taken = g_string_new(NULL);

    g_signal_connect(self->page, "host-action", G_CALLBACK(take_action), taken);
    g_object_set(self->page, "host-key", VM_RELEASE_RIGHT_CTRL, NULL);
    capture(self);
    send_key(self, KEY_RIGHTCTRL, TRUE, 0);
    expect_key(self, KEY_RIGHTCTRL, 1);
    send_key(self, KEY_F, TRUE, GDK_CONTROL_MASK);
    expect_key(self, KEY_RIGHTCTRL, 0);
    send_key(self, KEY_F, FALSE, GDK_CONTROL_MASK);
    send_key(self, KEY_4, TRUE, GDK_CONTROL_MASK);
    send_key(self, KEY_4, FALSE, GDK_CONTROL_MASK);
    send_key(self, KEY_RIGHT, TRUE, GDK_CONTROL_MASK);
    send_key(self, KEY_RIGHT, FALSE, GDK_CONTROL_MASK);
    send_key(self, KEY_RIGHTCTRL, FALSE, GDK_CONTROL_MASK);
    rig_run(30);
    rig_expect_silence(self->rig->keyboard);
    g_assert_cmpstr(taken->str, ==, "win.fullscreen win.view::settings win.next-machine ");
    g_assert_true(vm_display_page_get_captured(self->page));
    /* Let go, or off, the same key is the guest's. */
    send_key(self, KEY_F, TRUE, 0);
    expect_key(self, KEY_F, 1);
    send_key(self, KEY_F, FALSE, 0);
    expect_key(self, KEY_F, 0);
    g_object_set(self->page, "host-key", VM_RELEASE_NONE, NULL);
    send_key(self, KEY_RIGHTCTRL, TRUE, 0);
    expect_key(self, KEY_RIGHTCTRL, 1);
    send_key(self, KEY_F, TRUE, GDK_CONTROL_MASK);
    expect_key(self, KEY_F, 1);
    g_assert_cmpuint(taken->len, ==, strlen("win.fullscreen win.view::settings win.next-machine "));
}

/* The display server hangs: the keyboard comes back at once by hand, or by itself after 5 s. */
static void
test_frozen(Fixture *self, gconstpointer data)
{
    capture(self);
    kill(self->rig->pid, SIGSTOP);
    send_key(self, KEY_LEFTCTRL, TRUE, 0);
    send_key(self, KEY_LEFTALT, TRUE, GDK_CONTROL_MASK);
    send_key(self, KEY_LEFTCTRL, FALSE, GDK_CONTROL_MASK | GDK_MOD1_MASK);
    g_assert_false(vm_display_page_get_captured(self->page));
    capture(self);
    send_key(self, KEY_A, TRUE, 0);
    rig_wait(!vm_display_page_get_captured(self->page));
    kill(self->rig->pid, SIGCONT);
}

/* The display server is gone: released, and the last picture stays. */
static void
test_connection_lost(Fixture *self, gconstpointer data)
{
    capture(self);
    rig_restart(self->rig);
    rig_wait(vm_connection_get_state(self->connection) != VM_CONNECTION_READY);
    g_assert_false(vm_display_page_get_captured(self->page));
    rig_wait(colour_on_screen(self) == 0x204060);
    /* What is typed meanwhile is typed nowhere. */
    send_key(self, KEY_A, TRUE, 0);
    send_key(self, KEY_A, FALSE, 0);
    vm_display_page_send_keys(self->page, "LEFTCTRL+LEFTALT+DELETE");
    rig_gpu_hello(self->rig, 1);
    rig_gpu_show(self->rig, 1, WIDTH, HEIGHT);
    rig_wait(vm_connection_get_state(self->connection) == VM_CONNECTION_READY);
    rig_wait(colour_on_screen(self) == 0);
    rig_expect_anew(self->rig->keyboard);
    rig_expect_silence(self->rig->keyboard);
}

/* It stays away: the last picture, dimmed, until it is back. */
static void
test_dimmed(Fixture *self, gconstpointer data)
{
    rig_wait(colour_on_screen(self) == 0x204060);
    vm_display_page_set_phase(self->page, VM_DISPLAY_LOST);
    rig_wait(colour_on_screen(self) != 0x204060);
    g_assert_cmphex(colour_on_screen(self) >> 16, ==, colour_on_screen(self) & 0xff); /* grey */
    vm_display_page_set_phase(self->page, VM_DISPLAY_RUNNING);
    rig_wait(colour_on_screen(self) == 0x204060);
}

static void
test_send_keys(Fixture *self, gconstpointer data)
{
    vm_display_page_send_keys(self->page, "LEFTCTRL+LEFTALT+DELETE");
    expect_key(self, KEY_LEFTCTRL, 1);
    expect_key(self, KEY_LEFTALT, 1);
    expect_key(self, KEY_DELETE, 1);
    expect_key(self, KEY_DELETE, 0);
    expect_key(self, KEY_LEFTALT, 0);
    expect_key(self, KEY_LEFTCTRL, 0);
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
test_resize(Fixture *self, gconstpointer data)
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
test_narrow_bar(Fixture *self, gconstpointer data)
{
    static const struct {
        int width;
        gboolean folded;
    } widths[] = {{900, FALSE}, {420, TRUE}, {900, FALSE}};
    GtkWidget *bar = GTK_WIDGET(overlay(self, VM_TYPE_FULLSCREEN_BAR));

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
test_accessible(Fixture *self, gconstpointer data)
{
    GtkWidget *view;
    AtkObject *accessible;

    capture(self);
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
test_flood(Fixture *self, gconstpointer data)
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

#define ADD(name, function) \
    g_test_add("/display-page/" name, Fixture, NULL, set_up, function, tear_down)

int
main(int argc, char **argv)
{
    gtk_test_init(&argc, &argv, NULL);
    ADD("picture", test_picture);
    ADD("displays", test_displays);
    ADD("keys", test_keys);
    ADD("release", test_release);
    ADD("release-by-keys-alone", test_release_by_keys_alone);
    ADD("hint-stays", test_hint_stays);
    ADD("keys-in-full-screen", test_keys_in_full_screen);
    ADD("popover", test_popover);
    ADD("no-release", test_no_release);
    ADD("sticky-keys", test_sticky_keys);
    ADD("host-key", test_host_key);
    ADD("frozen", test_frozen);
    ADD("connection-lost", test_connection_lost);
    ADD("dimmed", test_dimmed);
    ADD("send-keys", test_send_keys);
    ADD("resize", test_resize);
    ADD("narrow-bar", test_narrow_bar);
    ADD("accessible", test_accessible);
    ADD("flood", test_flood);
    return g_test_run();
}
