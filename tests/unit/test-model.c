/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib/gstdio.h>
#include <locale.h>

#include "manager/model/check.h"
#include "manager/model/console-file.h"
#include "manager/model/guest-build.h"
#include "manager/model/hour.h"
#include "manager/model/link.h"
#include "manager/model/ports.h"
#include "manager/model/problem-memory.h"
#include "manager/model/problem.h"
#include "manager/model/restarts.h"
#include "manager/model/run-history.h"
#include "vmm/client/definition.h"
#include "vmm/client/paths.h"
#include "vmm/client/vm-run.h"

static const char example[] =
    "{\"kernel\":\"/boot/vmlinux\",\"initrd\":\"/boot/my "
    "initrd\",\"params\":[\"root=/dev/vda\",\"quiet\"],"
    "\"cpus\":{\"num-cores\":2},\"mem\":{\"size\":1024},"
    "\"block\":[{\"path\":\"/a.img\"},{\"path\":\"/b.img\",\"read-only\":true}],"
    "\"disable-sandbox\":false,\"manager\":{\"title\":\"Debian 12\",\"group\":\"Work\"}}";

static void
test_json(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VmJson) json = vm_json_parse(example, sizeof(example) - 1, &error);
    g_autofree char *text = NULL;

    g_assert_no_error(error);
    g_assert_cmpstr(vm_json_get_string(json, "manager.title"), ==, "Debian 12");
    g_assert_cmpint(vm_json_get_int(json, "cpus.num-cores", 1), ==, 2);
    g_assert_cmpint(vm_json_get_int(json, "cpus.none.at.all", 7), ==, 7);
    g_assert_cmpint(vm_json_get_int(json, "kernel", 7), ==, 7);
    g_assert_true(vm_json_get_bool(json, "block.1.read-only", FALSE));
    g_assert_null(vm_json_get_string(json, "block.2.path"));
    g_assert_cmpuint(vm_json_length(json, "block"), ==, 2);
    vm_json_set_string(json, "serial.0.type", "stdout");
    vm_json_set_string(json, "block.2.path", "/c.img");
    vm_json_remove(json, "block.0");
    g_assert_cmpstr(vm_json_get_string(json, "block.1.path"), ==, "/c.img");
    g_assert_cmpstr(vm_json_get_string(json, "serial.0.type"), ==, "stdout");
    vm_json_set_string(json, "manager.title", "bad \xff byte");
    text = vm_json_to_text(json);
    g_assert_true(g_utf8_validate(text, -1, NULL));
}

static void
test_json_errors(void)
{
    g_autoptr(GError) error = NULL;

    g_assert_null(vm_json_parse("{\"a\":1,\n  oops}", 16, &error));
    g_assert_error(error, VM_JSON_ERROR, VM_JSON_ERROR_SYNTAX);
    g_assert_true(g_str_has_prefix(error->message, "line 2"));
    g_clear_error(&error);
    g_assert_null(vm_json_load("/nonexistent/file.json", &error));
    g_assert_error(error, G_FILE_ERROR, G_FILE_ERROR_NOENT);
}

static void
test_names(void)
{
    g_autofree char *plain = vm_definition_name_for_title("Debian 12");
    g_autofree char *accents = vm_definition_name_for_title("  Übung / №1 … ");
    g_autofree char *nothing = vm_definition_name_for_title("…");
    g_autofree char *hostile = vm_definition_name_for_title("../../etc/passwd");
    g_autofree char *path = vm_paths_definition("debian-12");
    g_autoptr(VmJson) json = vm_json_new();
    g_autofree char *second = NULL;
    g_autoptr(GError) error = NULL;

    g_assert_cmpstr(plain, ==, "debian-12");
    g_assert_true(vm_definition_name_is_valid(accents));
    g_assert_true(vm_definition_name_is_valid(nothing));
    g_assert_true(vm_definition_name_is_valid(hostile));
    g_assert_null(strchr(hostile, '/'));
    g_assert_false(vm_definition_name_is_valid(""));
    g_assert_false(vm_definition_name_is_valid("-a"));
    g_assert_false(vm_definition_name_is_valid("a/b"));
    vm_definition_save(json, path, &error);
    g_assert_no_error(error);
    second = vm_definition_name_for_title("Debian 12");
    g_assert_cmpstr(second, ==, "debian-12-2");
}

static void
test_command_line(void)
{
    g_autoptr(VmJson) json = vm_json_parse(example, sizeof(example) - 1, NULL);
    g_autofree char *line = vm_definition_command_line(json, "debian-12");
    g_autofree char *params = vm_definition_params(json);

    g_assert_cmpstr(line, ==,
                    "vmm run --name debian-12 \\\n  --initrd '/boot/my initrd' \\\n"
                    "  --params root=/dev/vda \\\n  --params quiet \\\n  --cpus num-cores=2 \\\n"
                    "  --mem size=1024 \\\n  --block path=/a.img \\\n"
                    "  --block path=/b.img,read-only=true \\\n  --disable-sandbox=false \\\n"
                    "  /boot/vmlinux");
    g_assert_cmpstr(params, ==, "root=/dev/vda quiet");
    g_assert_cmpstr(vm_definition_title(json, "x"), ==, "Debian 12");
}

/* Lists in lists, marks in paths, and what is there unless it is switched off. */
static void
test_command_line_values(void)
{
    static const char text[] =
        "{\"block\":[{\"path\":\"/a,b \\\"c\\\\\"}],\"vhost-user\":[],\"params\":\"\","
        "\"gpu\":{\"displays\":[{\"mode\":{\"windowed\":[800,600]},\"dpi\":[96,96]},{}],"
        "\"context-types\":[]},\"rng\":false,\"disposable\":true}";
    g_autoptr(VmJson) json = vm_json_parse(text, sizeof(text) - 1, NULL);
    g_autoptr(VmJson) card = vm_json_parse("{\"gpu\":{}}", strlen("{\"gpu\":{}}"), NULL);
    g_autofree char *line = vm_definition_command_line(json, "a");
    g_autofree char *card_line = vm_definition_command_line(card, "a");

    g_assert_cmpstr(line, ==,
                    "vmm run --name a \\\n  --block 'path=\"/a,b \\\"c\\\\\"' \\\n"
                    "  --gpu 'displays=[[mode=windowed[800,600],dpi=[96,96]],[]]' \\\n"
                    "  --rng=false \\\n  --disposable");
    g_assert_cmpstr(card_line, ==, "vmm run --name a \\\n  --gpu");
}

static void
expect_cure(const char *sentence, const char *cure, const char *button)
{
    g_autoptr(VmProblem) problem = vm_problem_new("no-memory", "Lab", sentence, NULL, NULL);
    g_autofree char *words = vm_problem_dup_cure(problem);

    g_assert_cmpstr(words, ==, cure);
    g_assert_cmpstr(vm_problem_get_buttons(problem)[0].label, ==, button);
}

/* Less is a cure where this computer has too little, not where the machine has. */
static void
test_problems_of_memory(void)
{
    expect_cure(
        "There is not enough memory: the machine wants 8192 MiB and 3000 MiB are free; give "
        "less with --mem or close programs.",
        "It wants 8\u00a0GiB, 2.9\u00a0GiB are free. Give it less, or close other programs.",
        "Use less");
    expect_cure("There is not enough memory: the machine wants 8192 MiB and 60 MiB are free; give "
                "less with --mem or close programs.",
                "It wants 8\u00a0GiB, 60\u00a0MiB are free. Give it less, or close other programs.",
                "Change settings");
    expect_cure("“/boot/vmlinuz” needs 90 MiB of memory, the machine has 64 MiB: give the machine "
                "more memory.",
                "Give it more memory in Settings ▸ System.", "Change settings");
    expect_cure("The guest's memory cannot be made (Cannot allocate memory); give less with --mem.",
                "Give it less memory in Settings ▸ System, or close other programs.",
                "Change settings");
    g_assert_cmpuint(vm_problem_less_memory(8192, 3000), ==, 2048);
    g_assert_cmpuint(vm_problem_less_memory(2048, 3000), ==, 1024);
    g_assert_cmpuint(vm_problem_less_memory(8192, 60), ==, 0);
}

static void
test_problems(void)
{
    g_autoptr(VmProblem) panic =
        vm_problem_new("guest-panic", "Kernel lab", NULL, NULL, "panic: No working init found.");
    g_autoptr(VmProblem) unknown =
        vm_problem_new("moon-phase", "Lab", "The moon is full.", NULL, NULL);
    g_autofree char *title = vm_problem_dup_title(panic);
    g_autofree char *cure = vm_problem_dup_cure(panic);
    g_autofree char *unknown_title = vm_problem_dup_title(unknown);
    g_autofree char *unknown_cure = vm_problem_dup_cure(unknown);

    g_assert_cmpstr(title, ==, "\u2068Kernel lab\u2069 stopped: the guest panicked");
    g_assert_nonnull(strstr(cure, "no init program"));
    g_assert_nonnull(strstr(unknown_title, "has a problem"));
    g_assert_cmpstr(unknown_cure, ==, "The moon is full.");
    g_assert_null(vm_problem_id_for_status(0));
    g_assert_null(vm_problem_id_for_status(32));
    for (int status = 33; status <= 36; status++) {
        g_assert_nonnull(vm_problem_row_for_id(vm_problem_id_for_status(status))->id);
    }
    for (const struct vm_problem_row *row = vm_problem_rows(); row->id; row++) {
        const char *hole = strchr(row->title, '%');
        g_assert_true(!hole || (hole[1] == 's' && !strchr(hole + 1, '%')));
        g_assert_nonnull(row->button[0].label);
        /* Ours, so that it is there and translated; these words come from this program itself, or are phrases. */
        g_assert_true(row->cure || g_str_equal(row->id, "disk-full") ||
                      g_str_equal(row->id, "guest-panic") || g_str_equal(row->id, "no-space") ||
                      g_str_equal(row->id, "cannot-clone") || g_str_equal(row->id, "cannot-keep") ||
                      g_str_equal(row->id, "build-failed") ||
                      g_str_equal(row->id, "broken-definition"));
    }
}

static void
test_check(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) rows = vm_check_parse("[{\"id\":\"kvm-denied\",\"ok\":false,\"sentence\":"
                                               "\"S\",\"cure\":\"C\",\"command\":\"sudo x\"}]",
                                               &error);
    VmCheckRow *row = NULL;

    g_assert_no_error(error);
    row = g_ptr_array_index(rows, 0);
    g_assert_true(row->blocks);
    g_assert_cmpstr(row->title, ==, "You may use /dev/kvm");
    g_assert_cmpstr(row->command, ==, "sudo x");
    g_assert_null(vm_check_parse("", &error));
    g_assert_nonnull(error);
}

static void
take_error(VmGuestBuild *build, GError *error, gpointer data)
{
    GError **result = data;

    *result =
        error ? g_error_copy(error) : g_error_new_literal(G_IO_ERROR, G_IO_ERROR_FAILED, "done");
}

/* With or without an installed builder: no builder, or one that does not know the recipe; both must
 * end in words. */
static void
test_build_missing(void)
{
    g_autoptr(VmGuestBuild) build = vm_guest_build_new("no-such-recipe", "/nonexistent");
    g_autoptr(GError) error = NULL;
    GError *finished = NULL;

    g_signal_connect(build, "finished", G_CALLBACK(take_error), &finished);
    if (!vm_guest_build_start(build, &error)) {
        g_assert_nonnull(error);
        return;
    }
    while (!finished) {
        g_main_context_iteration(NULL, TRUE);
    }
    g_assert_cmpstr(finished->message, !=, "done");
    g_error_free(finished);
}

/* What the builder leaves becomes a machine with a screen and a serial port. */
static void
test_build_definition(void)
{
    g_autofree char *folder = vm_paths_disks("debian-12");
    g_autofree char *cmdline = g_build_filename(folder, "cmdline", NULL);
    g_autoptr(GError) error = NULL;
    g_autoptr(VmJson) json = NULL;
    g_autofree char *disk = g_build_filename(folder, "disk.img", NULL);

    g_assert_null(vm_guest_build_definition(folder, "Debian 12", &error));
    g_assert_nonnull(error);
    g_clear_error(&error);
    g_assert_cmpint(g_mkdir_with_parents(folder, 0700), ==, 0);
    g_assert_true(g_file_set_contents(cmdline, "console=ttyS0 root=/dev/vda rw\n", -1, NULL));
    json = vm_guest_build_definition(folder, "Debian 12", &error);
    g_assert_no_error(error);
    g_assert_cmpstr(vm_json_get_string(json, "block.0.path"), ==, disk);
    g_assert_cmpstr(vm_json_get_string(json, "params.0"), ==, "console=ttyS0 root=/dev/vda rw");
    g_assert_cmpstr(vm_json_get_string(json, "gpu.backend"), ==, "2d");
    g_assert_cmpstr(vm_json_get_string(json, "serial.0.type"), ==, "sink");
    g_assert_cmpstr(vm_definition_title(json, "x"), ==, "Debian 12");
}

static void
test_no_run(void)
{
    g_assert_false(vm_run_is_alive("nobody"));
    g_assert_null(vm_run_find("nobody"));
    g_assert_null(vm_run_last_messages("nobody", 8));
}

/* A point is the average of a minute; counters that went back begin anew; 60 points are kept. */
/* A run of two hours fits: points grow longer, and come back from the file as they were. */
static void
test_run_history(void)
{
    g_autofree char *folder = g_dir_make_tmp("vitrine-model-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(folder, "statistics.json", NULL);
    VmRunHistory history = {.memory = 1 << 20};
    VmRunHistory again;
    VmHourSample sample = {.time = 1, .cores = 1};
    guint asked = 0;

    for (guint second = 0; second < 7200; second += vm_run_history_wait(&history), asked++) {
        sample.time = 1 + (gint64)second * G_USEC_PER_SEC;
        sample.cpu_ns = (guint64)second * G_GUINT64_CONSTANT(250000000);
        sample.own_memory = 7;
        vm_run_history_add(&history, &sample);
        g_assert_cmpuint(history.count, <=, VM_RUN_POINTS);
    }
    g_assert_cmpuint(history.count, >, VM_RUN_POINTS / 3);
    g_assert_cmpuint(history.interval, >=, 64);
    g_assert_cmpuint(asked, <, 500);
    for (guint i = 0; i < history.count; i++) {
        g_assert_cmpfloat_with_epsilon(history.points[i].share, 0.25, 0.001);
    }
    vm_run_history_save(&history, path);
    g_assert_true(vm_run_history_load(&again, path));
    g_assert_cmpuint(again.count, ==, history.count);
    g_assert_cmpuint(again.memory, ==, 1 << 20);
    g_assert_cmpfloat_with_epsilon(again.points[5].share, 0.25, 0.001);
    g_assert_cmpfloat_with_epsilon(again.points[5].own_memory, 7, 0.1);
    g_assert_true(
        g_file_set_contents(path, "{\"share\": [1, \"x\", -5], \"interval\": -1}", -1, NULL));
    g_assert_true(vm_run_history_load(&again, path)); /* what is not right counts as nothing */
    g_assert_cmpfloat_with_epsilon(again.points[2].share, 0, 0.001);
    g_assert_true(g_file_set_contents(path, "[]", -1, NULL));
    g_assert_false(vm_run_history_load(&again, path));
    (void)g_remove(path);
    (void)g_rmdir(folder);
}

static void
test_ports(void)
{
    const char *text =
        "{\"serial\": [{\"hardware\": \"serial\", \"num\": 2}, {\"type\": \"stdout\"}]}";
    g_autoptr(VmJson) json = vm_json_parse(text, strlen(text), NULL);
    g_autoptr(VmJson) empty = vm_json_parse("{}", 2, NULL);

    g_autoptr(VmJson) none = vm_json_parse("{\"serial\": []}", 14, NULL);

    /* 2 is given, the one without a number takes 1. */
    g_assert_cmpuint(vm_ports_number(json, 0), ==, 2);
    g_assert_cmpuint(vm_ports_number(json, 1), ==, 1);
    g_assert_cmpuint(vm_ports_add(none, "virtio-console"), ==, 1);
    g_assert_false(vm_ports_is_serial(none, 0));
    g_assert_cmpuint(vm_json_length(none, "serial"), ==, 1);
    g_assert_cmpuint(vm_ports_add(json, "serial"), ==, 3);
    g_assert_cmpuint(vm_ports_add(json, "virtio-console"), ==, 1);
    g_assert_cmpuint(vm_ports_add(json, "serial"), ==, 4);
    g_assert_cmpuint(vm_ports_add(json, "serial"), ==, 0);
    g_assert_cmpuint(vm_ports_add(empty, "virtio-console"), ==, 1);
    g_assert_cmpstr(vm_json_get_string(empty, "serial.0.hardware"), ==, "serial");
    g_assert_true(vm_json_get_bool(empty, "serial.0.console", FALSE));
    g_assert_cmpstr(vm_json_get_string(empty, "serial.0.type"), ==, "stdout");
    g_assert_cmpint(vm_json_get_int(empty, "serial.1.num", 0), ==, 1);
}

static void
test_restarts(void)
{
    const gint64 window = VM_RESTARTS_WITHIN_SECONDS * G_TIME_SPAN_SECOND;
    const gint64 begin = 7 * window;
    VmRestarts restarts = {.count = 0};

    g_assert_cmpint(vm_restarts_next(&restarts, begin), ==, 2);
    g_assert_cmpint(vm_restarts_next(&restarts, begin + 1), ==, 4);
    g_assert_cmpint(vm_restarts_next(&restarts, begin + 20), ==, 8);
    g_assert_cmpint(vm_restarts_next(&restarts, begin + 30), ==, -1);
    /* What was refused is not counted; the first is forgotten after five minutes, the others stay. */
    g_assert_cmpint(vm_restarts_next(&restarts, begin + window - 1), ==, -1);
    g_assert_cmpint(vm_restarts_next(&restarts, begin + window), ==, 8);
    g_assert_cmpint(vm_restarts_next(&restarts, begin + window), ==, -1);
    g_assert_cmpint(vm_restarts_next(&restarts, begin + window + 1), ==, 8);
    /* A good while later it begins anew. */
    g_assert_cmpint(vm_restarts_next(&restarts, begin + 3 * window), ==, 2);
}

static void
test_hour(void)
{
    VmHour hour = {.count = 0};
    VmHourSample sample = {.time = 1000000, .cpu_ns = 5000000000, .cores = 2};

    vm_hour_add(&hour, &sample);
    g_assert_cmpuint(hour.count, ==, 0);
    sample.time += G_TIME_SPAN_MINUTE;
    sample.cpu_ns += 30 * (guint64)1000000000; /* a quarter of two processors */
    sample.totals.disk_read = 6000;
    sample.own_memory = 7;
    vm_hour_add(&hour, &sample);
    g_assert_cmpuint(hour.count, ==, 1);
    g_assert_cmpfloat_with_epsilon(hour.points[VM_HOUR_POINTS - 1].share, 0.25, 0.001);
    g_assert_cmpfloat_with_epsilon(hour.points[VM_HOUR_POINTS - 1].disk_read, 100, 0.1);
    g_assert_cmpfloat_with_epsilon(hour.points[VM_HOUR_POINTS - 1].own_memory, 7, 0.1);
    sample.time += G_TIME_SPAN_MINUTE;
    sample.cpu_ns = 0;
    vm_hour_add(&hour, &sample);
    g_assert_cmpuint(hour.count, ==, 1);
    for (guint i = 0; i < 100; i++) {
        sample.time += G_TIME_SPAN_MINUTE;
        sample.cpu_ns += i * (guint64)1000000000;
        vm_hour_add(&hour, &sample);
    }
    g_assert_cmpuint(hour.count, ==, VM_HOUR_POINTS);
    g_assert_cmpfloat_with_epsilon(hour.points[VM_HOUR_POINTS - 1].share, 99.0 / 120, 0.001);
    vm_hour_clear(&hour);
    g_assert_cmpuint(hour.count, ==, 0);
}

static void
test_links(void)
{
    static const char *const safe[] = {"https://vitrine.example/a?b=c#d",
                                       "HTTP://10.0.2.15:8080/",
                                       "http://[fe80::1]/",
                                       "ftp://mirror.example/pub",
                                       "mailto:ada.l+vm@vitrine.example",
                                       "https://xn--bcher-kva.example/"};
    /* Another scheme, a name that hides the host, no host, what programs read in two ways, no ASCII, and
     * letters that would come with an attachment. */
    static const char *const unsafe[] = {"file:///etc/passwd",
                                         "javascript:alert(1)",
                                         "https://bank.example@evil.example/",
                                         "https://bank.example:pw@evil.example/",
                                         "https:///etc/passwd",
                                         "https://a.example\\@evil.example/",
                                         "https://\u00fc.example/",
                                         "https://a.example/ b",
                                         "https://a.example/%zz",
                                         "mailto:ada@vitrine.example?attach=/etc/passwd",
                                         "mailto:@",
                                         "https",
                                         ""};
    g_autofree char *rest = g_strnfill(VM_LINK_MAX - strlen("https://"), 'a');
    g_autofree char *longest = g_strconcat("https://", rest, NULL);
    g_autofree char *too_long = g_strconcat(longest, "a", NULL);

    for (guint i = 0; i < G_N_ELEMENTS(safe); i++) {
        g_assert_true(vm_link_is_safe(safe[i]));
    }
    for (guint i = 0; i < G_N_ELEMENTS(unsafe); i++) {
        g_assert_false(vm_link_is_safe(unsafe[i]));
    }
    g_assert_true(vm_link_is_safe(longest));
    g_assert_false(vm_link_is_safe(too_long));
}

static void
collect(const char *bytes, gsize size, gpointer data)
{
    g_string_append_len(data, bytes, (gssize)size);
}

/* Until it has shown what is expected, which is in the file then too. */
static void
expect_kept(const char *path, const GString *shown, const char *text)
{
    g_autofree char *kept = NULL;
    gint64 end = g_get_monotonic_time() + 30LL * G_USEC_PER_SEC;

    while (!g_str_equal(shown->str, text) && g_get_monotonic_time() < end) {
        g_main_context_iteration(NULL, FALSE);
        g_usleep(1000);
    }
    g_assert_cmpstr(shown->str, ==, text);
    g_assert_true(g_file_get_contents(path, &kept, NULL, NULL));
    g_assert_cmpstr(kept, ==, text);
}

static void
test_console_file(void)
{
    g_autofree char *path = g_build_filename(g_get_user_data_dir(), "c", "serial.0.full", NULL);
    g_autofree char *before = g_strconcat(path, ".1", NULL);
    g_autoptr(GString) text = g_string_new(NULL);
    g_autoptr(GString) shown = g_string_new(NULL);
    g_autofree char *kept = NULL;
    GStatBuf status;

    for (int i = 0; i < 40000; i++) {
        g_string_append_printf(text, "line %d\n", i);
    }
    /* The first window: all of it, more than a stream begins with. */
    VmConsoleFile *file = vm_console_file_new(path, 0, collect, shown, NULL);
    vm_console_file_push(file, text->str, 7);
    vm_console_file_push(file, text->str + 7, text->len - 7);
    expect_kept(path, shown, text->str);
    g_assert_true(g_stat(path, &status) == 0 && (status.st_mode & 0777) == 0600);
    /* The connection comes back and says the last part once more, and then goes on. */
    vm_console_file_restart(file);
    vm_console_file_push(file, text->str + text->len - 100000, 100000);
    g_string_append(text, "more\n");
    vm_console_file_push(file, "more\n", 5);
    expect_kept(path, shown, text->str);
    vm_console_file_free(file);
    /* Another window on the same run: a head in pieces, and only its beginning is in the file. */
    g_string_truncate(shown, 0);
    file = vm_console_file_new(path, 0, collect, shown, NULL);
    vm_console_file_push(file, text->str + text->len - 200, 20);
    vm_console_file_push(file, text->str + text->len - 180, 180);
    g_string_append(text, "and more\n");
    vm_console_file_push(file, "and more\n", 9);
    expect_kept(path, shown, text->str);
    /* Nothing in common: it says so. */
    vm_console_file_restart(file);
    vm_console_file_push(file, "other\n", 6);
    g_string_append(text, "\030\033[0m\r\n──── Something is missing here ────\r\nother\n");
    expect_kept(path, shown, text->str);
    vm_console_file_free(file);
    /* The next run. */
    g_string_truncate(shown, 0);
    file = vm_console_file_new(path, G_MAXINT64, collect, shown, NULL);
    vm_console_file_push(file, "new\n", 4);
    expect_kept(path, shown, "new\n");
    g_assert_true(g_file_get_contents(before, &kept, NULL, NULL));
    g_assert_cmpstr(kept, ==, text->str);
    vm_console_file_free(file);
}

int
main(int argc, char **argv)
{
    setlocale(LC_ALL, "C.UTF-8");
    g_test_init(&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);
    g_test_add_func("/model/json", test_json);
    g_test_add_func("/model/json-errors", test_json_errors);
    g_test_add_func("/model/names", test_names);
    g_test_add_func("/model/command-line", test_command_line);
    g_test_add_func("/model/command-line-values", test_command_line_values);
    g_test_add_func("/model/problems", test_problems);
    g_test_add_func("/model/problems-of-memory", test_problems_of_memory);
    g_test_add_func("/model/check", test_check);
    g_test_add_func("/model/build-missing", test_build_missing);
    g_test_add_func("/model/build-definition", test_build_definition);
    g_test_add_func("/model/no-run", test_no_run);
    g_test_add_func("/model/hour", test_hour);
    g_test_add_func("/model/restarts", test_restarts);
    g_test_add_func("/model/run-history", test_run_history);
    g_test_add_func("/model/ports", test_ports);
    g_test_add_func("/model/links", test_links);
    g_test_add_func("/model/console-file", test_console_file);
    return g_test_run();
}
