/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib.h>
#include <locale.h>
#include <string.h>

#include "manager/model/command-line.h"
#include "manager/model/definition-paths.h"

/* The words joined by "|", or the sentence of the error. */
static char *
read_line(const char *text, gsize size)
{
    g_autoptr(GError) error = NULL;
    g_auto(GStrv) words = vm_command_line_parse(text, size, &error);

    g_assert_true(!words == (error != NULL));
    return words ? g_strjoinv("|", words) : g_strdup(error->message);
}

static void
test_words(void)
{
    static const struct {
        const char *text;
        const char *words;
    } rows[] = {
        {"vmm run", ""},
        {"vmm run --mem 512 vmlinux\n", "--mem|512|vmlinux"},
        {"\xef\xbb\xbf$ /usr/bin/crosvm run a\r\n", "a"},
        {"#!/bin/sh\n# a machine\n\n  vmm run \\\n  --mem 512 \\\r\n\ta # the kernel\n\n# end\n",
         "--mem|512|a"},
        {"vmm \\\n# no comment: the line goes on\n",
         "“vmm” makes no machine: a command has to begin "
         "with “vmm run” or “crosvm run”."},
        {"vmm run -p 'root=/dev/vda; $x' \"a \\\"b\\\" \\$c\" d\\ e\\;",
         "-p|root=/dev/vda; $x|a \"b\" $c|d e;"},
        {"vmm run a\\\nb 'c\nd' \"e\\\nf\"", "ab|c\nd|ef"},
        {"vmm run a#b c\\ #d '#' \"\" [1]", "a#b|c #d|#||[1]"},
        {"vmm run --gpu displays=[[mode=windowed[800,600]]] \\",
         "--gpu|displays=[[mode=windowed[800,600]]]"},
        {"vmm run ü/é a~b", "ü/é|a~b"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *words = read_line(rows[i].text, strlen(rows[i].text));
        g_assert_cmpstr(words, ==, rows[i].words);
    }
}

static void
refuses(const char *text, const char *sentence)
{
    g_autofree char *said = read_line(text, strlen(text));

    g_assert_cmpstr(said, ==, sentence);
}

static void
refuses_shell(const char *text, const char *piece)
{
    g_autofree char *sentence = g_strdup_printf(
        "“%s” is for a shell, and none reads this: take it out, or put it in single quotes.",
        piece);

    refuses(text, sentence);
}

static void
test_shell(void)
{
    refuses_shell("vmm run a; reboot", ";");
    refuses_shell("vmm run a;reboot", ";reboot");
    refuses_shell("vmm run a && b", "&&");
    refuses_shell("vmm run a &", "&");
    refuses_shell("vmm run a | tee log", "|");
    refuses_shell("vmm run a >log 2>&1", ">log");
    refuses_shell("vmm run a < in", "<");
    refuses_shell("vmm run $(touch x)", "$(touch");
    refuses_shell("vmm run \"a $(touch x)\"", "$(touch");
    refuses_shell("vmm run `id`", "`id`");
    refuses_shell("vmm run \"`id`\"", "`id`\"");
    refuses_shell("vmm run $HOME/a", "$HOME/a");
    refuses_shell("vmm run ~/a", "~/a");
    refuses_shell("vmm run *.img", "*.img");
    refuses_shell("vmm run {a,b}", "{a,b}");
    refuses_shell("(vmm run a)", "(vmm");
}

static void
test_other_commands(void)
{
    static const char *const texts[] = {"rm -rf", "sudo vmm",   "vmm list",
                                        "vmm",    "vmmrun run", "Run me"};
    static const char several[] = "There is more than one command: leave only “vmm run …”, with a "
                                  "backslash at the end of each line but the last.";
    static const char none[] =
        "There is no command in this file; it can hold one that begins with “vmm run”.";

    for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autofree char *sentence = g_strdup_printf(
            "“%s” makes no machine: a command has to begin with “vmm run” or “crosvm run”.",
            texts[i]);
        refuses(texts[i], sentence);
    }
    refuses("vmm run a\nreboot\n", several);
    refuses("cd /srv\nvmm run a\n", several);
    refuses("RUST_LOG=info crosvm run a",
            "“RUST_LOG=info” sets a variable, which no machine has: take it out.");
    refuses("", none);
    refuses(" \n\t\n# nothing\n", none);
    refuses("$ ", none);
    refuses("'' run", none);
    refuses("vmm run 'a", "The quotation mark in line 1 has no partner.");
    refuses("vmm run \\\n a \"b\n\n", "The quotation mark in line 2 has no partner.");
}

static void
test_bytes(void)
{
    const gsize size = 1 << 20;
    g_autofree char *large = g_strnfill(size, 'a');
    g_autofree char *said = read_line(large, size);
    g_autofree char *nul = read_line("vmm run a\0b", 11);
    g_autofree char *latin = read_line("vmm run \xfc", 9);

    g_assert_cmpstr(said, ==, "This file is larger than 64 KiB, which no command line is.");
    g_assert_cmpstr(nul, ==, "This file is neither a configuration nor text.");
    g_assert_cmpstr(latin, ==, "This file is neither a configuration nor text.");
}

static void
test_left_out(void)
{
    const char *const words[] = {"--verbose",         "a", "--log-level=debug", "--restart",
                                 "--disable-sandbox", NULL};
    g_autofree char *sentence = vm_command_line_left_out(words);

    g_assert_cmpstr(sentence, ==, "Left out: --disable-sandbox, --log-level, --verbose.");
    g_assert_null(vm_command_line_left_out(words + 5));
}

static void
test_paths(void)
{
    static const char text[] =
        "{\"kernel\":\"k\",\"initrd\":\"/"
        "i\",\"socket\":\"\",\"gdb\":\"unix:g\",\"block\":[{\"path\":\"../a\"},"
        "{\"path\":\"b\"}],\"serial\":[{\"type\":\"sink\"},{\"path\":\"l\"}],\"vhost-user\":[{"
        "\"socket\":\"s\"}],"
        "\"gpu\":{\"record\":\"r\"},\"wayland-sock\":{\"path\":\"w\"},\"device-tree-overlay\":[{"
        "\"path\":\"o\"}]}";
    static const struct {
        const char *member;
        const char *path;
    } rows[] = {
        {"kernel", "/x/y/k"},
        {"initrd", "/i"},
        {"socket", ""},
        {"gdb", "unix:/x/y/g"},
        {"block.0.path", "/x/a"},
        {"block.1.path", "/x/y/b"},
        {"serial.1.path", "/x/y/l"},
        {"vhost-user.0.socket", "/x/y/s"},
        {"gpu.record", "/x/y/r"},
        {"wayland-sock.path", "/x/y/w"},
        {"device-tree-overlay.0.path", "/x/y/o"},
    };
    g_autoptr(VmJson) json = vm_json_parse(text, strlen(text), NULL);

    vm_definition_paths_complete(json, "/x/y");
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_assert_cmpstr(vm_json_get_string(json, rows[i].member), ==, rows[i].path);
    }
}

int
main(int argc, char **argv)
{
    g_setenv("LC_ALL", "C.UTF-8", TRUE);
    setlocale(LC_ALL, "");
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/command-line/words", test_words);
    g_test_add_func("/command-line/shell", test_shell);
    g_test_add_func("/command-line/other-commands", test_other_commands);
    g_test_add_func("/command-line/bytes", test_bytes);
    g_test_add_func("/command-line/left-out", test_left_out);
    g_test_add_func("/command-line/paths", test_paths);
    return g_test_run();
}
