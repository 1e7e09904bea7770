/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The whole window, and a display process of the worst kind (tests/fakes/fake-display.h) under a title
 * that means to deceive: what it shows, how fast it answers, what it holds in memory, and what happens
 * when that process dies.
 */

#include <glib/gstdio.h>
#include <gtk/gtk.h>
#include <linux/input-event-codes.h>
#include <malloc.h>
#include <string.h>
#include <time.h>
#include <vte/vte.h>

#include "manager/model/store.h"
#include "tests/ui/answers.h"
#include "tests/ui/own-folders.h"
#include "tests/ui/pretended-machine.h"
#include "tests/ui/widgets.h"
#include "ui/display-page.h"
#include "ui/machine-thumbnail.h"
#include "ui/window.h"
#include "vmm/keymap/keymap.h"

/* Breaks out of isolates and turns what follows; markup, controls, combining marks. */
#define EVIL_TITLE                                                                                 \
    "\\u2069\\u202e<b>evil</b> &amp; \\n\\r\\u0007\\u001b[31m\\u2028Z\\u0351\\u0352\\u0353\\u0354" \
    "</span><a href='http://example.org'>click</a> "

enum {
    FLOOD_MS = 3000,
    MEMORY_MIB = 64, /* that it may cost to see all this once more */
    TITLE_MAX = 200,
    SHOWN_MAX = 1100, /* characters of anything that was not written here */
    ANSWERS_MIN = 20,
};

typedef struct {
    GtkApplication *application;
    VmStore *store;
    VmMachine *machine;
    GtkWidget *window;
    PretendedMachine pretended;
} Fixture;

/* ------------------------------------------------------------------ a machine that runs */

static void
define_machine(void)
{
    g_autofree char *folder =
        g_build_filename(g_get_user_config_dir(), "vitrine", "machines", NULL);
    g_autofree char *path = g_build_filename(folder, "evil.json", NULL);
    g_autoptr(GString) text =
        g_string_new("{\"kernel\": \"/bin/true\", \"manager\": {\"title\": \"");

    for (guint i = 0; i < 1000; i++) {
        g_string_append(text, EVIL_TITLE);
    }
    g_string_append(text, "\", \"group\": \"" EVIL_TITLE "\", \"note\": \"" EVIL_TITLE "\"}}");
    g_assert_cmpint(g_mkdir_with_parents(folder, 0700), ==, 0);
    g_assert_true(g_file_set_contents(path, text->str, -1, NULL));
}

static VmDisplayPage *
page_of(Fixture *self)
{
    return VM_DISPLAY_PAGE(find_type(self->window, VM_TYPE_DISPLAY_PAGE));
}

static int
width_shown(Fixture *self)
{
    g_autoptr(GdkPixbuf) shot = vm_display_page_get_screenshot(page_of(self));

    return shot ? gdk_pixbuf_get_width(shot) : 0;
}

static void
show(Fixture *self, const char *view)
{
    g_action_group_change_action_state(G_ACTION_GROUP(self->window), "view",
                                       g_variant_new_string(view));
    run_for(200);
}

static void
open_window(Fixture *self)
{
    self->store = vm_store_new();
    self->machine = vm_store_find(self->store, "evil");
    g_assert_nonnull(self->machine);
    self->window = vm_window_new(self->application, self->store, NULL);
    gtk_window_present(GTK_WINDOW(self->window));
    vm_window_show_machine(VM_WINDOW(self->window), self->machine);
    wait_until(vm_machine_get_state(self->machine) == VM_MACHINE_RUNNING);
    wait_until(width_shown(self) == 640);
    gdk_window_focus(gtk_widget_get_window(self->window), GDK_CURRENT_TIME);
    wait_until(gtk_window_is_active(GTK_WINDOW(self->window)));
}

/* ------------------------------------------------------------------ words */

/* Nothing shown is longer than a line or two, or has a character that turns or breaks it. */
static void
check_text(const char *text)
{
    g_assert_true(g_utf8_validate(text, -1, NULL));
    for (const char *at = text; *at; at = g_utf8_next_char(at)) {
        gunichar character = g_utf8_get_char(at);

        g_assert_false(character >= 0x202a && character <= 0x202e);
        g_assert_true(character == '\n' || !g_unichar_iscntrl(character));
    }
}

static void
check_label(GtkWidget *widget, gpointer data)
{
    guint *labels = data;

    if (GTK_IS_LABEL(widget) && gtk_widget_get_mapped(widget)) {
        const char *text = gtk_label_get_text(GTK_LABEL(widget));

        check_text(text);
        if (strstr(text, "evil")) {
            (*labels)++;
            g_assert_nonnull(strstr(text, "<b>evil</b>")); /* shown as it is, not as bold */
            g_assert_cmpint(g_utf8_strlen(text, -1), <=, SHOWN_MAX);
            g_assert_null(strchr(text, '\n'));
        }
    } else if (GTK_IS_CONTAINER(widget)) {
        gtk_container_forall(GTK_CONTAINER(widget), check_label, data);
    }
}

static void
check_words(Fixture *self)
{
    guint labels = 0;
    const char *title = gtk_window_get_title(GTK_WINDOW(self->window));

    check_text(title);
    g_assert_cmpint(g_utf8_strlen(title, -1), <=, TITLE_MAX);
    check_label(self->window, &labels);
    g_assert_cmpuint(labels, >, 0);
}

/* ------------------------------------------------------------------ how fast it answers */

static void
measure_answers(Fixture *self, const char *view)
{
    Answers answers = {0};

    show(self, view);
    answers_start(&answers, CLOCK_THREAD_CPUTIME_ID);
    run_for(FLOOD_MS);
    wait_until(answers.gaps->len > ANSWERS_MIN); /* on a busy computer they take longer to come */
    answers_judge(&answers, view);
}

/* Pages of its own that this process holds. */
static double
memory_mib(void)
{
    g_autofree char *text = NULL;
    const char *line = NULL;

    malloc_trim(0);
    g_assert_true(g_file_get_contents("/proc/self/status", &text, NULL, NULL));
    line = strstr(text, "RssAnon:");
    g_assert_nonnull(line);
    return (double)g_ascii_strtoll(line + strlen("RssAnon:"), NULL, 10) / 1024;
}

/* What is held after it all, with the last page shown. */
static double
flood(Fixture *self, const char *const *views)
{
    fake_display_misbehave(self->pretended.display, TRUE);
    for (; *views; views++) {
        measure_answers(self, *views);
        check_words(self);
    }
    show(self, "display");
    fake_display_misbehave(self->pretended.display, FALSE);
    wait_until(width_shown(self) == 640);
    run_for(2000); /* what waits to be shown */
    return memory_mib();
}

static void
test_flood(Fixture *self)
{
    static const char *const all[] = {"display", "console", "statistics", NULL};
    static const char *const again[] = {"console", "display", NULL};
    FakeDisplayCounts counts;
    double before;
    double first;
    double second;

    show(self, "console"); /* its stream is open from here on */
    wait_until(find_type(self->window, VTE_TYPE_TERMINAL));
    before = memory_mib();
    first = flood(self, all);
    second = flood(self, again);
    fake_display_get_counts(self->pretended.display, &counts);
    g_test_message("%u scanouts, %u cursors, %.1f MB of console; %.1f MiB more memory, then %.1f",
                   counts.scanouts, counts.cursors, (double)counts.console / 1e6, first - before,
                   second - first);
    g_assert_cmpuint(counts.scanouts, >, 0);
    g_assert_cmpuint(counts.console, >, 0);
#ifndef __SANITIZE_ADDRESS__ /* which keeps what was freed */
    g_assert_cmpfloat(second - first, <, MEMORY_MIB);
#endif
    g_assert_cmpint(vm_machine_get_state(self->machine), ==, VM_MACHINE_RUNNING);
}

/* ------------------------------------------------------------------ when it dies */

static void
send_key(Fixture *self, guint code, gboolean press)
{
    GdkDisplay *display = gdk_display_get_default();
    GdkEvent *event = gdk_event_new(press ? GDK_KEY_PRESS : GDK_KEY_RELEASE);

    event->key.window = g_object_ref(gtk_widget_get_window(self->window));
    event->key.time = (guint32)(g_get_monotonic_time() / 1000);
    event->key.hardware_keycode = (guint16)(code + KEYMAP_X11_OFFSET);
    gdk_keymap_translate_keyboard_state(gdk_keymap_get_for_display(display),
                                        event->key.hardware_keycode, 0, 0, &event->key.keyval, NULL,
                                        NULL, NULL);
    gdk_event_set_device(event, gdk_seat_get_keyboard(gdk_display_get_default_seat(display)));
    gtk_main_do_event(event);
    gdk_event_free(event);
}

struct search {
    const char *words;
    GtkWidget *found;
};

static void
look_for(GtkWidget *widget, gpointer data)
{
    struct search *search = data;

    if (GTK_IS_LABEL(widget) && gtk_widget_get_mapped(widget) &&
        strstr(gtk_label_get_text(GTK_LABEL(widget)), search->words)) {
        search->found = widget;
    } else if (GTK_IS_CONTAINER(widget)) {
        gtk_container_forall(GTK_CONTAINER(widget), look_for, data);
    }
}

static gboolean
is_shown(Fixture *self, const char *words)
{
    struct search search = {words, NULL};

    look_for(self->window, &search);
    return search.found != NULL;
}

static guint
keys_pressed(Fixture *self)
{
    FakeDisplayCounts counts;

    fake_display_get_counts(self->pretended.display, &counts);
    return counts.keys;
}

static guint
pictures_asked(Fixture *self)
{
    FakeDisplayCounts counts;

    fake_display_get_counts(self->pretended.display, &counts);
    return counts.pictures;
}

/* The picture in the list comes, and each answer leaves room to ask again. */
static void
test_small_pictures(Fixture *self)
{
    VmMachineThumbnail *thumbnail =
        VM_MACHINE_THUMBNAIL(find_type(self->window, VM_TYPE_MACHINE_THUMBNAIL));

    wait_until(pictures_asked(self) > VM_PICTURE_TURNS_AT_ONCE);
    wait_until(vm_machine_thumbnail_get_picture(thumbnail));
}

/* Gone for longer than a second: the picture stays, a bar counts the seconds, no key is kept. */
static void
test_lost(Fixture *self)
{
    show(self, "display");
    vm_display_page_capture(page_of(self));
    send_key(self, KEY_A, TRUE);
    send_key(self, KEY_A, FALSE);
    wait_until(keys_pressed(self) == 1);
    g_assert_false(is_shown(self, "Connection to"));
    fake_display_free(self->pretended.display);
    wait_until(!vm_display_page_get_captured(page_of(self)));
    send_key(self, KEY_B, TRUE);
    wait_until(vm_machine_get_state(self->machine) == VM_MACHINE_LOST);
    g_assert_true(is_shown(self, "Connection to"));
    wait_until(is_shown(self, "The machine still runs. Trying again in 2 seconds."));
    g_assert_cmpint(width_shown(self), ==, 640);
    send_key(self, KEY_B, FALSE);
    send_key(self, KEY_C, TRUE);
    send_key(self, KEY_C, FALSE);
    wait_until(is_shown(self, "The machine still runs. Trying again in 1 second."));
    (void)g_unlink(self->pretended.control);
    self->pretended.display = fake_display_new(self->pretended.control);
    wait_until(vm_machine_get_state(self->machine) == VM_MACHINE_RUNNING);
    run_for(200);
    g_assert_false(is_shown(self, "Connection to"));
    g_assert_cmpuint(keys_pressed(self), ==, 0);
}

/* Back before a second is over: no word about it. */
static void
test_back_soon(Fixture *self)
{
    gboolean told = FALSE;

    fake_display_free(self->pretended.display);
    (void)g_unlink(self->pretended.control);
    self->pretended.display = fake_display_new(self->pretended.control);
    wait_until(vm_connection_get_state(vm_machine_get_connection(self->machine)) !=
               VM_CONNECTION_READY);
    wait_until(vm_connection_get_state(vm_machine_get_connection(self->machine)) ==
               VM_CONNECTION_READY);
    told = is_shown(self, "Connection to");
    run_for(1200);
    g_assert_false(told || is_shown(self, "Connection to"));
    g_assert_cmpint(vm_machine_get_state(self->machine), ==, VM_MACHINE_RUNNING);
}

/* Its graphics card crashed and came again: told once for each time, whatever the sentence is. */
static void
test_card_came_again(Fixture *self)
{
    for (guint i = 0; i < 2; i++) {
        const VmProblem *problem = NULL;

        fake_display_crash_card(self->pretended.display);
        wait_until(vm_machine_get_problem(self->machine));
        problem = vm_machine_get_problem(self->machine);
        g_assert_cmpstr(vm_problem_get_id(problem), ==, "card-restarted");
        vm_machine_dismiss_problem(self->machine);
        run_for(200);
        g_assert_null(vm_machine_get_problem(self->machine));
    }
}

/* ------------------------------------------------------------------ life */

static void
activated(GApplication *application, Fixture *self)
{
    open_window(self);
    test_small_pictures(self);
    check_words(self);
    test_flood(self);
    test_lost(self);
    test_back_soon(self);
    test_card_came_again(self);
    gtk_widget_destroy(self->window);
    g_clear_object(&self->store);
}

static void
test_hostile(void)
{
    Fixture self = {0};

    self.application = gtk_application_new(NULL, G_APPLICATION_NON_UNIQUE);
    g_signal_connect(self.application, "activate", G_CALLBACK(activated), &self);
    define_machine();
    pretended_machine_start(&self.pretended, "evil");
    g_assert_cmpint(g_application_run(G_APPLICATION(self.application), 0, NULL), ==, 0);
    pretended_machine_stop(&self.pretended);
    g_object_unref(self.application);
}

int
main(int argc, char **argv)
{
    g_autofree char *base = own_folders_make("vitrine-hostile-XXXXXX");
    int status = 0;

    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/window/hostile-display", test_hostile);
    status = g_test_run();
    own_folders_remove(base);
    return status;
}
