/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib/gstdio.h>
#include <locale.h>
#include <string.h>
#include <sys/stat.h>

#include "manager/model/ports.h"
#include "vmm/client/bases.h"

#define TOO_LONG (2 << 20)

struct place {
    char *folder;
    char *definition; /* a path in it; nothing lies there */
};

static void
set_up(struct place *place, gconstpointer data)
{
    place->folder = g_dir_make_tmp("vitrine-bases-XXXXXX", NULL);
    place->definition = g_build_filename(place->folder, "lab.json", NULL);
}

static void
tear_down(struct place *place, gconstpointer data)
{
    g_autoptr(GDir) dir = g_dir_open(place->folder, 0, NULL);
    const char *name = NULL;

    while ((name = g_dir_read_name(dir)) != NULL) {
        g_autofree char *path = g_build_filename(place->folder, name, NULL);
        (void)g_remove(path);
    }
    (void)g_rmdir(place->folder);
    g_free(place->folder);
    g_free(place->definition);
}

static void
put(struct place *place, const char *name, const char *text)
{
    g_autofree char *path = g_build_filename(place->folder, name, NULL);

    g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

static VmBases *
read_bases(struct place *place, const char *text)
{
    g_autoptr(VmJson) json = vm_json_parse(text, strlen(text), NULL);

    g_assert_nonnull(json);
    return vm_bases_new(json, place->definition);
}

static void
expect_file(struct place *place, const char *file, const char *name)
{
    g_autofree char *path = g_build_filename(place->folder, name, NULL);

    g_assert_cmpstr(file, ==, path);
}

static void
test_rules(struct place *place, gconstpointer data)
{
    g_autoptr(VmBases) bases = NULL;
    VmJson *whole = NULL;

    put(place, "one.json",
        "{\"cfg\":\"below.json\",\"mem\":{\"size\":384},\"cpus\":{\"num-cores\":2},"
        "\"block\":[{\"path\":\"/one\"}],\"params\":[\"a\"],\"manager\":{\"group\":\"One\"}}");
    put(place, "two.json",
        "{\"cpus\":{\"num-cores\":3},\"kernel\":\"/two\",\"block\":[{\"path\":\"/two\"}],"
        "\"params\":\"b c\",\"mem.size\":1}");
    put(place, "below.json",
        "{\"mem\":{\"size\":1},\"gpu\":{\"backend\":\"2d\"},\"block\":[{\"path\":\"/below\"}]}");
    bases = read_bases(place, "{\"cfg\":[\"one.json\",\"two.json\"],\"kernel\":\"/own\","
                              "\"block\":[{\"path\":\"/own\"}]}");
    whole = vm_bases_get_whole(bases);
    g_assert_null(vm_bases_get_problem(bases));
    g_assert_cmpint(vm_json_get_int(whole, "mem.size", 0), ==, 384);
    expect_file(place, vm_bases_get_file(bases, "mem"), "one.json");
    g_assert_cmpint(vm_json_get_int(whole, "cpus.num-cores", 0), ==, 3);
    expect_file(place, vm_bases_get_file(bases, "cpus"), "two.json");
    expect_file(place, vm_bases_get_file(bases, "gpu"), "below.json");
    g_assert_cmpstr(vm_json_get_string(whole, "kernel"), ==, "/own");
    g_assert_null(vm_bases_get_file(bases, "kernel"));
    g_assert_cmpstr(vm_json_get_string(whole, "params.0"), ==, "a");
    g_assert_cmpstr(vm_json_get_string(whole, "params.1"), ==, "b c");
    g_assert_false(vm_json_has(whole, "manager"));
    /* Devices of all of them, in that order. */
    g_assert_cmpuint(vm_json_length(whole, "block"), ==, 4);
    g_assert_cmpuint(vm_bases_count(bases, "block"), ==, 3);
    g_assert_cmpstr(vm_json_get_string(whole, "block.0.path"), ==, "/below");
    expect_file(place, vm_bases_get_file_of(bases, "block", 0), "below.json");
    expect_file(place, vm_bases_get_file_of(bases, "block", 2), "two.json");
    g_assert_cmpstr(vm_json_get_string(whole, "block.3.path"), ==, "/own");
    g_assert_null(vm_bases_get_file_of(bases, "block", 3));
}

/* What can be changed is the definition's. */
static void
test_own_words(struct place *place, gconstpointer data)
{
    g_autoptr(VmBases) bases = NULL;

    put(place, "one.json", "{\"params\":[\"a\"]}");
    bases = read_bases(place, "{\"cfg\":[\"one.json\"],\"params\":[\"mine\"]}");
    g_assert_cmpuint(vm_json_length(vm_bases_get_whole(bases), "params"), ==, 1);
    g_assert_cmpstr(vm_json_get_string(vm_bases_get_whole(bases), "params.0"), ==, "mine");
    g_assert_null(vm_bases_get_file(bases, "params"));
}

/* Without its files it means the same to vmm: all words, in their order, and its own notes. */
static void
test_flat(struct place *place, gconstpointer data)
{
    g_autoptr(VmBases) bases = NULL;
    g_autoptr(VmJson) flat = NULL;
    g_autofree char *words = NULL;

    put(place, "one.json",
        "{\"params\":\"a\",\"block\":[{\"path\":\"/one\"}],"
        "\"manager\":{\"group\":\"One\"}}");
    bases = read_bases(place, "{\"cfg\":[\"one.json\",\"none.json\"],\"params\":[\"mine\",\"b\"],"
                              "\"manager\":{\"title\":\"Own\"}}");
    flat = vm_bases_dup_flat(bases);
    words = vm_json_to_line(flat);
    g_assert_cmpstr(words, ==,
                    "{\"params\": [\"a\", \"mine\", \"b\"], \"block\": [{\"path\": \"/one\"}], "
                    "\"manager\": {\"title\": \"Own\"}}\n");
    expect_file(place, vm_bases_get_paths(bases)[0], "one.json");
    g_assert_null(vm_bases_get_paths(bases)[1]);
}

/* A port more has a number that no file gives away, and no file's is written to the definition. */
static void
test_ports(struct place *place, gconstpointer data)
{
    const char *text = "{\"cfg\":[\"one.json\"]}";
    g_autoptr(VmJson) json = vm_json_parse(text, strlen(text), NULL);
    g_autoptr(VmBases) bases = NULL;

    put(place, "one.json", "{\"serial\":[{\"type\":\"stdout\",\"num\":1}]}");
    bases = read_bases(place, text);
    g_assert_cmpuint(vm_ports_add_to(json, vm_bases_get_whole(bases), "serial"), ==, 2);
    g_assert_cmpuint(vm_json_length(json, "serial"), ==, 1);
    g_assert_cmpint(vm_json_get_int(json, "serial.0.num", 0), ==, 2);
}

static void
expect_problem(struct place *place, const char *name, const char *words)
{
    g_autofree char *text = g_strdup_printf("{\"cfg\":[\"%s\"],\"kernel\":\"/own\"}", name);
    g_autofree char *sentence = g_strdup_printf("“%s/%s” %s", place->folder, name, words);
    g_autoptr(VmBases) bases = read_bases(place, text);

    g_assert_cmpstr(vm_bases_get_problem(bases), ==, sentence);
    g_assert_cmpstr(vm_json_get_string(vm_bases_get_whole(bases), "kernel"), ==, "/own");
}

static void
test_hostile(struct place *place, gconstpointer data)
{
    g_autofree char *pipe = g_build_filename(place->folder, "pipe", NULL);
    g_autofree char *folder = g_build_filename(place->folder, "folder", NULL);
    g_autofree char *long_text = g_strnfill(TOO_LONG, ' ');
    g_autofree char *deep = g_strnfill(TOO_LONG / 4, '[');
    const char *no_json = "is not a JSON file that says what a machine has.";

    g_assert_cmpint(mkfifo(pipe, 0600), ==, 0);
    g_assert_cmpint(g_mkdir(folder, 0700), ==, 0);
    put(place, "long", long_text);
    put(place, "deep", deep);
    put(place, "words", "hello");
    put(place, "list", "[1]");
    put(place, "empty", "");
    put(place, "loop", "{\"cfg\":[\"loop\"],\"mem\":{\"size\":9}}");
    put(place, "odd", "{\"cfg\":{\"a\":[]},\"block\":7,\"params\":{},\"\":1,\"a.b\":2,\"mem\":[]}");
    expect_problem(place, "pipe", "is not a file.");
    expect_problem(place, "folder", "is not a file.");
    expect_problem(place, "long", "is longer than 1 MiB.");
    expect_problem(place, "deep", no_json);
    expect_problem(place, "words", no_json);
    expect_problem(place, "list", no_json);
    expect_problem(place, "empty", no_json);
    expect_problem(place, "none", "is not there.");
    expect_problem(place, "loop", "is included by itself, or more than 8 deep.");
    vm_bases_unref(read_bases(place, "{\"cfg\":[\"odd\",7,null],\"block\":[{}]}"));
    vm_bases_unref(read_bases(place, "{\"cfg\":[\"odd\"],\"block\":\"x\",\"mem\":{}}"));
}

/* Each includes the next one ten times: 10^8 files by that. */
static void
test_many(struct place *place, gconstpointer data)
{
    g_autoptr(VmBases) bases = NULL;

    for (int i = 'a'; i < 'i'; i++) {
        const char name[] = {(char)i, '\0'};
        const char next[] = {'"', (char)(i + 1), '"', ',', '\0'};
        g_autoptr(GString) text = g_string_new("{\"cfg\":[");
        for (guint j = 0; j < 10; j++) {
            g_string_append(text, next);
        }
        g_string_truncate(text, text->len - 1);
        g_string_append(text, "],\"block\":[{\"path\":\"/x\"}]}");
        put(place, name, text->str);
    }
    bases = read_bases(place, "{\"cfg\":[\"a\"]}");
    g_assert_nonnull(vm_bases_get_problem(bases));
    g_assert_cmpuint(vm_json_length(vm_bases_get_whole(bases), "block"), <=, 32);
}

/* vmm refuses it; until then no disk is taken for another file's. */
static void
test_kinds(struct place *place, gconstpointer data)
{
    g_autoptr(VmBases) bases = NULL;

    put(place, "list.json", "{\"block\": [{\"path\": \"/theirs\"}]}");
    put(place, "word.json", "{\"block\": \"word\"}");
    bases = read_bases(place, "{\"cfg\": [\"list.json\", \"word.json\"],"
                              " \"block\": [{\"path\": \"/own\"}]}");
    g_assert_cmpstr(vm_json_get_string(vm_bases_get_whole(bases), "block.0.path"), ==, "/own");
    g_assert_cmpuint(vm_bases_count(bases, "block"), ==, 0);
    g_assert_nonnull(strstr(vm_bases_get_problem(bases), "word.json"));
    g_assert_false(vm_bases_check(bases, NULL));
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(struct place *place, gconstpointer data);
    } tests[] = {
        {"/bases/rules", test_rules},     {"/bases/own-words", test_own_words},
        {"/bases/flat", test_flat},       {"/bases/ports", test_ports},
        {"/bases/hostile", test_hostile}, {"/bases/many", test_many},
        {"/bases/kinds", test_kinds},
    };

    setlocale(LC_ALL, "C.UTF-8");
    g_test_init(&argc, &argv, NULL);
    for (guint i = 0; i < G_N_ELEMENTS(tests); i++) {
        g_test_add(tests[i].name, struct place, NULL, set_up, tests[i].run, tear_down);
    }
    return g_test_run();
}
