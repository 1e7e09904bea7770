/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager/model/report.h"

#include <string.h>
#include <sys/utsname.h>

#include "vmm/client/paths.h"
#include "vmm/client/vm-run.h"

#define LINES       200
#define LOG_TAIL    65536UL
#define SECRET_NAME "[\\w.-]*(?:password|passwd|passphrase|secret|token)[\\w.-]*"

char *
vm_report_cut_secrets(const char *text)
{
    g_autoptr(GRegex) member = g_regex_new("(\"" SECRET_NAME "\"\\s*:\\s*)\"(?:[^\"\\\\]|\\\\.)*\"",
                                           G_REGEX_CASELESS | G_REGEX_OPTIMIZE, 0, NULL);
    g_autoptr(GRegex) word =
        g_regex_new("\\b(" SECRET_NAME "=)[^\\s\"]+", G_REGEX_CASELESS | G_REGEX_OPTIMIZE, 0, NULL);
    g_autofree char *members = g_regex_replace(member, text, -1, 0, "\\1\"…\"", 0, NULL);

    return g_regex_replace(word, members ? members : "", -1, 0, "\\1…", 0, NULL);
}

/* The end of the log file, whole lines; g_free(). */
static char *
last_log_lines(const char *name)
{
    g_autofree char *folder = vm_paths_state(name);
    g_autofree char *path = g_build_filename(folder, "log", NULL);
    g_autoptr(GMappedFile) file = g_mapped_file_new(path, FALSE, NULL);
    gsize size = file ? g_mapped_file_get_length(file) : 0;
    gsize from = size > LOG_TAIL ? size - LOG_TAIL : 0;
    g_autofree char *text =
        size > 0 ? g_utf8_make_valid(g_mapped_file_get_contents(file) + from, (gssize)(size - from))
                 : NULL;
    guint lines = 0;
    char *start = text ? text + strlen(text) : NULL;

    while (start && start > text && lines <= LINES) {
        start--;
        lines += *start == '\n';
    }
    return start ? g_strdup(*start == '\n' ? start + 1 : start) : NULL;
}

char *
vm_report_new(VmMachine *machine, const char *check)
{
    const char *name = vm_machine_get_name(machine);
    VmJson *json = vm_machine_get_definition(machine);
    g_autofree char *messages = vm_run_last_messages(name, LINES);
    g_autofree char *definition = json ? vm_json_to_text(json) : NULL;
    g_autofree char *log = last_log_lines(name);
    g_autoptr(GString) report = g_string_new(NULL);
    struct utsname host = {0};

    (void)uname(&host);
    g_string_append_printf(report, "Vitrine %s on %s %s %s\n", VITRINE_VERSION, host.sysname,
                           host.release, host.machine);
    g_string_append_printf(report, "%s (%s): %s\n\n", vm_machine_get_title(machine), name,
                           vm_machine_get_state_words(machine));
    if (check) {
        g_string_append_printf(report, "This computer:\n%s\n", check);
    }
    g_string_append_printf(report, "Configuration:\n%s\n", definition ? definition : "-\n");
    g_string_append_printf(report, "Last messages:\n%s\n", messages ? messages : "-");
    g_string_append_printf(report, "\nLast log lines:\n%s\n", log ? log : "-");
    if (strlen(g_get_home_dir()) > 1) {
        g_string_replace(report, g_get_home_dir(), "~", 0);
    }
    return vm_report_cut_secrets(report->str);
}
