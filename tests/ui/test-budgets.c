/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What 200 machines cost, in processor time of this process, which other work on the computer hardly
 * changes. Each figure is printed; a test fails above SLACK times its budget (debug build, software
 * rendering, any processor). And what the histogram of frame times draws, the order of processes, words about figures, and how many pictures are asked for at once.
 */

#include <gtk/gtk.h>
#include <stdio.h>
#include <time.h>

#include "manager/model/store.h"
#include "manager/model/words.h"
#include "tests/ui/own-folders.h"
#include "tests/ui/widgets.h"
#include "ui/beat.h"
#include "ui/create-sources.h"
#include "ui/frame-histogram.h"
#include "ui/log-page.h"
#include "ui/picture-turns.h"
#include "ui/process-table.h"
#include "ui/window.h"

enum {
    MACHINES = 200,
    SLACK = 2, /* for what is near its budget: a busy computer makes all dearer */
    FIRST_FRAME_MS = 300,
    FILTER_MS = 16,
    REFRESH_MS = 10,
    PAGE_MS = 50,
    RUNS = 10,
    IDLE_MS = 3000,
    IDLE_PER_MILLE = 3, /* of a processor */
    WAIT_MS = 20000,
    LOG_LINE = 160, /* bytes */
    LOG_LINES = 20000,
    LOG_WAIT_MS = 60000,
    SETTLE_MS = 1500,
};

typedef struct {
    GtkApplication *application;
    VmStore *store;
    GtkWidget *window;
    gboolean drawn;
} Fixture;

static double
processor_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void
judge(const char *what, double ms, double budget)
{
    g_test_message("%s: %.2f ms, limit %.1f ms", what, ms, budget);
#ifndef __SANITIZE_ADDRESS__ /* which takes many times as long */
    g_assert_cmpfloat(ms, <, budget);
#endif
}

static void
define_machines(void)
{
    g_autofree char *folder =
        g_build_filename(g_get_user_config_dir(), "vitrine", "machines", NULL);

    g_assert_cmpint(g_mkdir_with_parents(folder, 0700), ==, 0);
    for (int i = 0; i < MACHINES; i++) {
        g_autofree char *name = g_strdup_printf("m%03d.json", i);
        g_autofree char *path = g_build_filename(folder, name, NULL);
        g_autofree char *text = g_strdup_printf(
            "{\"kernel\":\"/boot/vmlinux-%d\",\"manager\":{\"title\":\"Machine %d\","
            "\"group\":\"Group %d\",\"note\":\"one of many\"}}",
            i, i, i % 7);
        g_assert_true(g_file_set_contents(path, text, -1, NULL));
    }
}

static gboolean
first_frame(GtkWidget *widget, cairo_t *cairo, Fixture *self)
{
    self->drawn = TRUE;
    return GDK_EVENT_PROPAGATE;
}

static void
wait_for_frame(Fixture *self)
{
    gint64 end = g_get_monotonic_time() + WAIT_MS * G_TIME_SPAN_MILLISECOND;

    self->drawn = FALSE;
    gtk_widget_queue_draw(self->window);
    while (!self->drawn) {
        g_assert_cmpint(g_get_monotonic_time(), <, end);
        g_main_context_iteration(NULL, TRUE);
    }
}

static void
open_window(Fixture *self)
{
    self->store = vm_store_new();
    self->window = vm_window_new(self->application, self->store, NULL);
    g_signal_connect_after(self->window, "draw", G_CALLBACK(first_frame), self);
    gtk_widget_show(self->window);
    wait_for_frame(self);
}

static void
test_first_frame(Fixture *self)
{
    double before = processor_ms();

    open_window(self);
    judge("first frame with 200 machines", processor_ms() - before, FIRST_FRAME_MS * SLACK);
    g_assert_cmpuint(g_list_model_get_n_items(G_LIST_MODEL(self->store)), ==, MACHINES);
    run_for(500);
}

static void
test_filter(Fixture *self)
{
    static const char *const steps[] = {"m",          "ma",       "mac", "machine 1",
                                        "machine 19", "one many", ""};
    GtkWidget *list = find_type(self->window, GTK_TYPE_LIST_BOX);
    double before = 0;
    double spent = 0;

    g_action_group_activate_action(G_ACTION_GROUP(self->window), "search", NULL);
    run_for(300);
    for (guint i = 0; i < G_N_ELEMENTS(steps); i++) {
        GtkWidget *entry = gtk_window_get_focus(GTK_WINDOW(self->window));
        g_assert_true(GTK_IS_ENTRY(entry));
        before = processor_ms();
        gtk_entry_set_text(GTK_ENTRY(entry), steps[i]);
        gtk_list_box_invalidate_filter(GTK_LIST_BOX(list));
        spent += processor_ms() - before;
        run_for(200);
    }
    judge("one step of the filter", spent / G_N_ELEMENTS(steps), FILTER_MS);
}

static void
test_pages(Fixture *self)
{
    static const char *const views[] = {"settings", "log", "console", "statistics", "display"};
    g_autoptr(VmMachine) machine = g_list_model_get_item(G_LIST_MODEL(self->store), 5);
    double spent = 0;

    vm_window_show_machine(VM_WINDOW(self->window), machine);
    run_for(300);
    for (guint i = 0; i < G_N_ELEMENTS(views); i++) {
        double before = processor_ms();
        g_action_group_change_action_state(G_ACTION_GROUP(self->window), "view",
                                           g_variant_new_string(views[i]));
        wait_for_frame(self);
        spent += processor_ms() - before;
        run_for(300);
    }
    judge("a page", spent / G_N_ELEMENTS(views), PAGE_MS);
}

/* ------------------------------------------------------------------ a log that is too much */

typedef struct {
    guint rows;  /* that came */
    guint frame; /* those of this frame */
    guint most;  /* of any frame */
} Batches;

static void
row_came(GtkTreeModel *model, GtkTreePath *path, GtkTreeIter *row, Batches *batches)
{
    batches->rows++;
    batches->frame++;
    batches->most = MAX(batches->most, batches->frame);
}

static void
frame_came(GdkFrameClock *clock, Batches *batches)
{
    batches->frame = 0;
}

static void
add_to_log(const char *path, guint lines)
{
    g_autofree char *filler = g_strnfill(LOG_LINE - 41, 'x');
    FILE *file = fopen(path, "a");

    g_assert_nonnull(file);
    for (guint i = 0; i < lines; i++) {
        fprintf(file, "2026-11-21T14:07:10.123Z gpu info %06u%s\n", i, filler);
    }
    g_assert_cmpint(fclose(file), ==, 0);
}

static void
wait_for_rows(Batches *batches, guint rows)
{
    gint64 end = g_get_monotonic_time() + LOG_WAIT_MS * G_TIME_SPAN_MILLISECOND;

    while (batches->rows < rows) {
        g_assert_cmpint(g_get_monotonic_time(), <, end);
        g_main_context_iteration(NULL, TRUE);
    }
    g_assert_cmpuint(batches->rows, ==, rows);
}

/* Newer than 1 MiB is shown, a batch with each frame; the rest is counted. */
static void
test_log(Fixture *self)
{
    VmMachine *machine = vm_store_find(self->store, "m006");
    g_autofree char *folder = g_build_filename(g_getenv("XDG_STATE_HOME"), "vitrine", "m006", NULL);
    g_autofree char *path = g_build_filename(folder, "log", NULL);
    const guint shown = (1 << 20) / LOG_LINE;
    double before = processor_ms();
    g_autofree char *amount = vm_words_size((guint64)(LOG_LINES - shown) * LOG_LINE);
    g_autofree char *skipped = g_strdup_printf("──── %s skipped ────", amount);
    g_autofree char *first = NULL;
    Batches batches = {0};
    GtkTreeModel *model = NULL;
    GtkTreeIter row;

    g_assert_cmpint(g_mkdir_with_parents(folder, 0700), ==, 0);
    add_to_log(path, LOG_LINES);
    g_action_group_change_action_state(G_ACTION_GROUP(self->window), "view",
                                       g_variant_new_string("display"));
    vm_window_show_machine(VM_WINDOW(self->window), machine);
    model = gtk_tree_view_get_model(
        GTK_TREE_VIEW(find_type(find_type(self->window, VM_TYPE_LOG_PAGE), GTK_TYPE_TREE_VIEW)));
    g_signal_connect(model, "row-inserted", G_CALLBACK(row_came), &batches);
    g_signal_connect(gtk_widget_get_frame_clock(self->window), "before-paint",
                     G_CALLBACK(frame_came), &batches);
    g_action_group_change_action_state(G_ACTION_GROUP(self->window), "view",
                                       g_variant_new_string("log"));
    wait_for_rows(&batches, shown + 1);
    g_test_message("%u rows, %u in one frame at most, %.0f ms of processor", batches.rows,
                   batches.most, processor_ms() - before);
    g_assert_cmpuint(batches.most, <=, (1 << 20) / 50 / LOG_LINE + 2); /* of a fiftieth second */
    g_assert_true(gtk_tree_model_get_iter_first(model, &row));
    gtk_tree_model_get(model, &row, 5, &first, -1);
    g_assert_cmpstr(first, ==, skipped);
    add_to_log(path, 2);
    wait_for_rows(&batches, shown + 3);
    g_signal_handlers_disconnect_by_data(model, &batches);
    g_signal_handlers_disconnect_by_data(gtk_widget_get_frame_clock(self->window), &batches);
    g_action_group_change_action_state(G_ACTION_GROUP(self->window), "view",
                                       g_variant_new_string("display"));
}

/* The table of the log measures its rows in its idle time, which is little on a busy computer. */
static void
settle(void)
{
    gint64 end = g_get_monotonic_time() + LOG_WAIT_MS * G_TIME_SPAN_MILLISECOND;
    double before = 0;

    do {
        before = processor_ms();
        run_for(SETTLE_MS);
    } while (processor_ms() - before > IDLE_PER_MILLE * SETTLE_MS / 1000.0 &&
             g_get_monotonic_time() < end);
}

static void
test_idle(Fixture *self)
{
    double before = 0;
    double refresh = 0;

    settle();
    before = processor_ms();
    run_for(IDLE_MS);
    refresh = processor_ms() - before;
    judge("a second of doing nothing", refresh * 1000 / IDLE_MS, IDLE_PER_MILLE * SLACK);
    g_action_group_activate_action(G_ACTION_GROUP(self->window), "overview", NULL);
    run_for(1500);
    before = processor_ms();
    run_for(IDLE_MS);
    judge("a second of the table", (processor_ms() - before) * 1000 / IDLE_MS, REFRESH_MS);
}

static void
activated(GApplication *application, Fixture *self)
{
    test_first_frame(self);
    test_filter(self);
    test_pages(self);
    test_log(self);
    test_idle(self);
    gtk_widget_destroy(self->window);
    g_clear_object(&self->store);
}

static void
test_budgets(void)
{
    Fixture self = {0};
    int status = 0;

    self.application = gtk_application_new(NULL, G_APPLICATION_NON_UNIQUE);
    g_signal_connect(self.application, "activate", G_CALLBACK(activated), &self);
    define_machines();
    status = g_application_run(G_APPLICATION(self.application), 0, NULL);
    g_assert_cmpint(status, ==, 0);
    g_object_unref(self.application);
}

/* The bar at a point of the drawing, from the left edge and from the bottom. */
static gboolean
has_bar(GdkPixbuf *drawing, int x, int above)
{
    const guchar *pixel =
        gdk_pixbuf_get_pixels(drawing) +
        (gsize)(gdk_pixbuf_get_height(drawing) - above) * (gsize)gdk_pixbuf_get_rowstride(drawing) +
        (gsize)x * (gsize)gdk_pixbuf_get_n_channels(drawing);

    return pixel[2] > pixel[0] + 100; /* blue */
}

static void
test_frame_times(void)
{
    GtkWidget *window = gtk_offscreen_window_new();
    GtkWidget *histogram = g_object_new(VM_TYPE_FRAME_HISTOGRAM, "visible", TRUE, NULL);
    guint32 times[300];
    g_autofree char *none = vm_frame_histogram_dup_words(times, 0);
    g_autofree char *words = NULL;
    g_autoptr(GdkPixbuf) drawing = NULL;

    for (guint i = 0; i < G_N_ELEMENTS(times); i++) {
        times[i] = i < 280 ? 16000 + i * 6 : i < 299 ? 33000 : 90000;
    }
    words = vm_frame_histogram_dup_words(times, G_N_ELEMENTS(times));
    g_assert_cmpstr(none, ==, "None");
    g_assert_cmpstr(words, ==, "300 frames: half within 16.9 ms, the longest 90.0 ms");
    vm_frame_histogram_set(VM_FRAME_HISTOGRAM(histogram), times, G_N_ELEMENTS(times));
    gtk_widget_set_size_request(histogram, 520, 100);
    gtk_container_add(GTK_CONTAINER(window), histogram);
    gtk_widget_show(window);
    for (int i = 0; i < 20 || gtk_events_pending(); i++) {
        gtk_main_iteration_do(FALSE);
        g_usleep(10000);
    }
    drawing = gtk_offscreen_window_get_pixbuf(GTK_OFFSCREEN_WINDOW(window));
    /* Bars are 20 pixels wide, for 2 ms each; a few frames have a low one, 90 ms is in the last. */
    g_assert_true(has_bar(drawing, 8 * 20 + 10, 60));
    g_assert_true(has_bar(drawing, 16 * 20 + 10, 19));
    g_assert_false(has_bar(drawing, 16 * 20 + 10, 60));
    g_assert_true(has_bar(drawing, 25 * 20 + 10, 18));
    g_assert_false(has_bar(drawing, 4 * 20 + 10, 18));
    gtk_widget_destroy(window);
}

/* A second in which they used the processor so many per cent, and the names of the rows after it. */
static char *
rows_after(VmProcessTable *table, const guint *shares)
{
    static const char *const names[] = {"block", "gpu", "machine"};
    static guint64 used[G_N_ELEMENTS(names)];
    GtkTreeModel *model = gtk_tree_view_get_model(GTK_TREE_VIEW(table));
    g_autoptr(GString) seen = g_string_new(NULL);
    GtkTreeIter row;

    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        VmProcess process = {.name = (char *)names[i], .pid = 100 + i};
        used[i] += (guint64)shares[i] * 10 * 1000 * 1000;
        process.cpu_ns = used[i];
        vm_process_table_show(table, &process, NULL, NULL, G_USEC_PER_SEC);
    }
    vm_process_table_sweep(table);
    for (gboolean more = gtk_tree_model_get_iter_first(model, &row); more;
         more = gtk_tree_model_iter_next(model, &row)) {
        g_autofree char *name = NULL;
        gtk_tree_model_get(model, &row, 0, &name, -1);
        g_string_append_printf(seen, "%s ", name);
    }
    return g_string_free(g_steal_pointer(&seen), FALSE);
}

static void
expect_rows(VmProcessTable *table, guint block, guint gpu, guint machine, const char *names)
{
    const guint shares[] = {block, gpu, machine};
    g_autofree char *seen = rows_after(table, shares);

    g_assert_cmpstr(seen, ==, names);
}

/* Whether a header says what the rows are sorted by. */
static void
expect_arrow(VmProcessTable *table, gboolean shown)
{
    g_autoptr(GList) columns = gtk_tree_view_get_columns(GTK_TREE_VIEW(table));
    gboolean any = FALSE;

    for (GList *one = columns; one; one = one->next) {
        any |= gtk_tree_view_column_get_sort_indicator(one->data);
    }
    g_assert_cmpint(any, ==, shown);
}

static gboolean
crossed(GtkWidget *widget, GdkEventCrossing *event, int *crossings)
{
    (*crossings)++;
    return GDK_EVENT_PROPAGATE;
}

/* Until the table heard of it. */
static void
point_at(GtkWidget *window, int x, int y, int *crossings)
{
    GdkDevice *pointer =
        gdk_seat_get_pointer(gdk_display_get_default_seat(gtk_widget_get_display(window)));
    gint64 end = g_get_monotonic_time() + WAIT_MS * G_TIME_SPAN_MILLISECOND;
    int left = 0;
    int top = 0;

    *crossings = 0;
    gdk_window_get_origin(gtk_widget_get_window(window), &left, &top);
    gdk_device_warp(pointer, gtk_widget_get_screen(window), left + x, top + y);
    while (*crossings == 0) {
        g_assert_cmpint(g_get_monotonic_time(), <, end);
        g_main_context_iteration(NULL, FALSE);
        g_usleep(1000);
    }
}

static void
test_processes(void)
{
    GtkWidget *window = NULL;
    GtkWidget *box = NULL;
    VmProcessTable *table = NULL;
    int crossings = 0;

    gtk_init(NULL, NULL);
    window = gtk_window_new(GTK_WINDOW_POPUP);
    box = gtk_box_new(GTK_ORIENTATION_VERTICAL, 0);
    table = g_object_new(VM_TYPE_PROCESS_TABLE, NULL);
    gtk_window_move(GTK_WINDOW(window), 100, 100);
    gtk_window_resize(GTK_WINDOW(window), 800, 400);
    gtk_widget_set_size_request(GTK_WIDGET(table), -1, 300);
    gtk_box_pack_start(GTK_BOX(box), GTK_WIDGET(table), FALSE, FALSE, 0);
    gtk_container_add(GTK_CONTAINER(window), box);
    g_signal_connect(table, "enter-notify-event", G_CALLBACK(crossed), &crossings);
    g_signal_connect(table, "leave-notify-event", G_CALLBACK(crossed), &crossings);
    gtk_widget_show_all(window);
    g_object_set(table, "order", "-task", NULL);
    expect_rows(table, 0, 0, 0, "machine gpu block ");
    g_object_set(table, "order", NULL, NULL);
    expect_rows(table, 0, 0, 0, "block gpu machine ");
    expect_rows(table, 0, 1, 50, "machine gpu block ");
    expect_rows(table, 0, 0, 50, "machine block gpu ");
    expect_arrow(table, TRUE);
    point_at(window, 400, 200, &crossings);
    expect_rows(table, 0, 80, 50, "machine block gpu ");
    expect_arrow(table, FALSE);
    expect_rows(table, 90, 80, 0, "machine block gpu ");
    g_object_set(table, "order", "-name", NULL);
    expect_rows(table, 90, 80, 0, "machine gpu block ");
    g_object_set(table, "order", NULL, NULL);
    expect_rows(table, 0, 0, 90, "block gpu machine ");
    point_at(window, 400, 390, &crossings);
    expect_arrow(table, TRUE);
    expect_rows(table, 0, 1, 90, "machine gpu block ");
    /* Another machine, with the pointer over the rows before there is a figure. */
    point_at(window, 400, 200, &crossings);
    vm_process_table_clear(table);
    expect_rows(table, 0, 0, 0, "block gpu machine ");
    expect_rows(table, 0, 1, 50, "machine gpu block ");
    expect_rows(table, 90, 1, 50, "machine gpu block ");
    expect_arrow(table, FALSE);
    gtk_widget_destroy(window);
}

/* ------------------------------------------------------------------ words about figures */

static void
expect_words(char *words, const char *expected)
{
    g_assert_cmpstr(words, ==, expected);
    g_free(words);
}

static void
test_words(void)
{
    static const char *const parts[] = {"vmm",     "machine", "display",      "gpu",    "render",
                                        "block-0", "console", "rng",          "loader", "balloon",
                                        "gdb",     "pointer", "wayland-guard"};

    for (guint i = 0; i < G_N_ELEMENTS(parts); i++) {
        g_assert_cmpstr(vm_process_table_task(parts[i]), !=, "");
    }
    expect_words(vm_words_rate(0), "0\u00a0B/s");
    expect_words(vm_source_complain_of_memory(4096, 4096), NULL);
    expect_words(vm_source_complain_of_memory(4096, 0), NULL); /* unknown */
    expect_words(vm_source_complain_of_memory(4096, 1536),
                 "4 GiB are more than the 1.5 GiB that are free now: this computer may become "
                 "slow, or the machine may not start.");
}

/* ------------------------------------------------------------------ the beat */

static void
beaten(GtkWidget *widget)
{
    gint64 *last = g_object_get_data(G_OBJECT(widget), "beaten");

    *last = g_get_monotonic_time();
    g_object_set_data(
        G_OBJECT(widget), "beats",
        GINT_TO_POINTER(GPOINTER_TO_INT(g_object_get_data(G_OBJECT(widget), "beats")) + 1));
}

static int
count_beats(GtkWidget *widget)
{
    return GPOINTER_TO_INT(g_object_get_data(G_OBJECT(widget), "beats"));
}

static void
wait_for_beats(GtkWidget *widget, int beats)
{
    gint64 end = g_get_monotonic_time() + WAIT_MS * G_TIME_SPAN_MILLISECOND;

    while (count_beats(widget) < beats) {
        g_assert_cmpint(g_get_monotonic_time(), <, end);
        g_main_context_iteration(NULL, TRUE);
    }
}

/* All of a window at the same moment, and only what can be seen. */
static void
test_beat(void)
{
    GtkWidget *window = NULL;
    GtkWidget *box = NULL;
    GtkWidget *labels[2] = {NULL};
    gint64 last[2] = {0};

    gtk_init(NULL, NULL);
    window = gtk_window_new(GTK_WINDOW_POPUP);
    box = gtk_box_new(GTK_ORIENTATION_VERTICAL, 0);
    gtk_container_add(GTK_CONTAINER(window), box);
    for (guint i = 0; i < G_N_ELEMENTS(labels); i++) {
        labels[i] = gtk_label_new("text");
        gtk_container_add(GTK_CONTAINER(box), labels[i]);
        g_object_set_data(G_OBJECT(labels[i]), "beaten", &last[i]);
        vm_beat_join(labels[i], beaten);
    }
    g_assert_false(vm_beat_is_running(window));
    gtk_widget_show_all(window);
    g_assert_true(vm_beat_is_running(window));
    wait_for_beats(labels[0], 2);
    g_assert_cmpint(count_beats(labels[1]), ==, 2);
    g_assert_cmpint(ABS(last[0] - last[1]), <, 100 * G_TIME_SPAN_MILLISECOND);
    gtk_widget_hide(labels[1]);
    wait_for_beats(labels[0], 3);
    g_assert_cmpint(count_beats(labels[1]), ==, 2);
    gtk_widget_hide(window);
    g_assert_false(vm_beat_is_running(window));
    gtk_widget_show(window);
    g_assert_true(vm_beat_is_running(window));
    vm_beat_leave(labels[0]);
    g_assert_false(vm_beat_is_running(window));
    gtk_widget_show(labels[1]);
    g_assert_true(vm_beat_is_running(window));
    gtk_container_remove(GTK_CONTAINER(box), labels[1]);
    g_assert_false(vm_beat_is_running(window));
    gtk_widget_destroy(window);
}

/* ------------------------------------------------------------------ pictures */

enum {
    ASKING = 12,
};

static void
turn_came(GObject *who)
{
    g_object_set_data(who, "turn", who);
    if (g_object_get_data(who, "gone")) {
        vm_picture_turns_end(g_object_get_data(who, "gone"));
    }
}

static guint
count_turns(GObject **who)
{
    guint turns = 0;

    /* In the order of asking. */
    while (turns < ASKING && g_object_get_data(who[turns], "turn")) {
        turns++;
    }
    for (guint i = turns; i < ASKING; i++) {
        g_assert_null(g_object_get_data(who[i], "turn"));
    }
    return turns;
}

static void
test_picture_turns(void)
{
    VmPictureTurns *turns = vm_picture_turns_new();
    GObject *who[ASKING];

    for (guint i = 0; i < ASKING; i++) {
        who[i] = g_object_new(G_TYPE_OBJECT, NULL);
        g_object_set_data(who[i], "gone", i == 5 || i == 6 ? turns : NULL);
    }
    for (guint i = 0; i < ASKING; i++) {
        vm_picture_turns_ask(turns, who[i], turn_came);
    }
    g_assert_cmpuint(count_turns(who), ==, 4);
    vm_picture_turns_end(turns);
    g_assert_cmpuint(count_turns(who), ==, 5);
    vm_picture_turns_end(turns); /* two have nothing to ask any more */
    g_assert_cmpuint(count_turns(who), ==, 8);
    for (guint i = 0; i < 3; i++) {
        vm_picture_turns_end(turns);
    }
    g_assert_cmpuint(count_turns(who), ==, 11);
    g_object_unref(turns); /* with one that waits */
    for (guint i = 0; i < ASKING; i++) {
        g_assert_finalize_object(who[i]);
    }
}

int
main(int argc, char **argv)
{
    g_autofree char *base = own_folders_make("vitrine-budgets-XXXXXX");
    int status = 0;

    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/window/200-machines", test_budgets);
    g_test_add_func("/window/frame-times", test_frame_times);
    g_test_add_func("/window/processes", test_processes);
    g_test_add_func("/window/words", test_words);
    g_test_add_func("/window/beat", test_beat);
    g_test_add_func("/window/picture-turns", test_picture_turns);
    status = g_test_run();
    own_folders_remove(base);
    return status;
}
