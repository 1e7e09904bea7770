/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager/model/problem.h"

#include <glib/gi18n.h>
#include <string.h>

#include "manager/model/problem-file.h"
#include "manager/model/problem-memory.h"
#include "manager/model/words.h"

struct VmProblem {
    const struct vm_problem_row *row;
    char *id;
    char *machine;
    char *sentence;
    char *argument;
    char *details;
    char *file;   /* which it is about, or NULL */
    char *member; /* of the definition, that names it, or NULL */
    char *base;   /* where not: a file that the definition includes and that names it, or NULL */
};

G_DEFINE_BOXED_TYPE(VmProblem, vm_problem, vm_problem_copy, vm_problem_free)

#define START_AGAIN                        \
    {                                      \
        N_("Start again"), "machine.start" \
    }
#define TRY_AGAIN                        \
    {                                    \
        N_("Try again"), "machine.start" \
    }
#define CHANGE_SETTING                              \
    {                                               \
        N_("Change settings"), "win.view::settings" \
    }
#define CHOOSE_FILE                          \
    {                                        \
        N_("Choose…"), "machine.choose-file" \
    }
#define REMOVE_FILE                         \
    {                                       \
        N_("Remove"), "machine.remove-file" \
    }
#define USE_LESS                           \
    {                                      \
        N_("Use less"), "machine.use-less" \
    }
#define SHOW_LOG                        \
    {                                   \
        N_("Show log"), "win.view::log" \
    }
#define COPY_REPORT                              \
    {                                            \
        N_("Copy report"), "machine.copy-report" \
    }
#define SHOW_CHECK                         \
    {                                      \
        N_("Show check"), "app.self-check" \
    }

static const struct vm_problem_row rows[] = {
    {"guest-panic",
     N_("%s stopped: the guest panicked"),
     NULL,
     {START_AGAIN, CHANGE_SETTING, SHOW_LOG}},
    {"part-died",
     N_("%s stopped: one of its parts failed"),
     N_("Start it again. If it happens again, copy the report."),
     {START_AGAIN, COPY_REPORT, SHOW_LOG},
     TRUE},
    {"will-restart",
     N_("%s stopped: one of its parts failed"),
     N_("It starts again in a few seconds."),
     {{N_("Leave it off"), "machine.shut-down"}, SHOW_LOG}},
    {"restarted",
     N_("%s restarted after a failure"),
     N_("The guest began anew. If it happens again, copy the report."),
     {SHOW_LOG, COPY_REPORT},
     .informs = TRUE},
    {"keeps-failing",
     N_("%s stopped: one of its parts fails again and again"),
     N_("It was restarted 3 times in 5 minutes. Copy the report, then start it again."),
     {START_AGAIN, COPY_REPORT, SHOW_LOG},
     TRUE},
    {"blocked-call",
     N_("%s stopped: one of its parts broke its rules"),
     N_("It asked the kernel for something it may not use. This may be an attack or a mistake of "
        "ours."),
     {COPY_REPORT, SHOW_LOG},
     TRUE},
    {"watchdog",
     N_("%s stopped: its watchdog ran out"),
     N_("The guest did not answer for a long time. The log may say why."),
     {START_AGAIN, SHOW_LOG}},
    {"kvm-denied",
     N_("You may not use /dev/kvm"),
     N_("Join the group “kvm”, then log in again."),
     {{N_("Show how"), "app.self-check"}, TRY_AGAIN}},
    {"kvm-missing",
     N_("This computer has no KVM"),
     N_("Turn on virtualisation in the firmware settings."),
     {SHOW_CHECK}},
    {"kvm-broken",
     N_("KVM does not work here"),
     N_("It cannot run a stock kernel, as often inside another machine."),
     {SHOW_CHECK, COPY_REPORT}},
    {"file-missing",
     N_("A file of %s is gone"),
     N_("Choose it again or remove it."),
     {CHANGE_SETTING, TRY_AGAIN},
     TRUE},
    {"file-denied",
     N_("A file of %s cannot be opened"),
     N_("Allow your account to use it, or choose another one."),
     {CHANGE_SETTING, TRY_AGAIN},
     TRUE},
    {"file-busy",
     N_("Another program uses a file of %s"),
     N_("Close that program, then try again."),
     {TRY_AGAIN, CHANGE_SETTING},
     TRUE},
    {"bad-kernel",
     N_("%s cannot start: its kernel cannot be used"),
     N_("Choose another kernel in Settings ▸ Start."),
     {CHANGE_SETTING, TRY_AGAIN},
     TRUE},
    {"bad-initrd",
     N_("%s cannot start: its initrd cannot be used"),
     N_("Choose another initrd in Settings ▸ Start, or none."),
     {CHANGE_SETTING, TRY_AGAIN},
     TRUE},
    {"file-bad",
     N_("A file of %s is not what it should be"),
     N_("Choose another file in the settings."),
     {CHANGE_SETTING, TRY_AGAIN},
     TRUE},
    {"no-memory",
     N_("Not enough memory for %s"),
     N_("Give it less memory in Settings ▸ System, or close other programs."),
     {CHANGE_SETTING, TRY_AGAIN},
     TRUE},
    {"no-space", N_("No room left on this computer"), NULL, {TRY_AGAIN, SHOW_LOG}},
    {"disk-full",
     N_("No room for the disk of %s"),
     NULL,
     {{N_("Continue"), "machine.pause"}, {N_("Open folder"), "machine.open-folder"}, SHOW_LOG}},
    {"disk-errors",
     N_("No room for the disk of %s"),
     N_("Its guest sees write errors. Free some space on this computer."),
     {{N_("Pause"), "machine.pause"}, {N_("Open folder"), "machine.open-folder"}, SHOW_LOG}},
    {"cannot-clone", N_("The copy could not be made"), NULL, {SHOW_LOG}},
    {"cannot-keep", N_("%s could not be kept as a machine"), NULL, {SHOW_LOG}},
    {"name-in-use",
     N_("%s runs already"),
     N_("Something else started it. Connect to it, or shut it down first."),
     {{N_("Connect"), "machine.reconnect"}},
     TRUE},
    {"bad-config",
     N_("%s has a wrong setting"),
     N_("Change it in the settings, then start again."),
     {CHANGE_SETTING, TRY_AGAIN},
     TRUE},
    {"no-namespaces",
     N_("This computer refuses sandboxes"),
     N_("The check says how they are allowed."),
     {SHOW_CHECK},
     TRUE},
    {"cannot-start",
     N_("%s cannot start"),
     N_("Start it again. If it happens again, copy the report."),
     {TRY_AGAIN, SHOW_LOG},
     TRUE},
    {"lost",
     N_("Connection to %s lost"),
     N_("The machine still runs. Trying again."),
     {{N_("Try now"), "machine.reconnect"}, SHOW_LOG}},
    {"too-many-viewers",
     N_("%s has 16 viewers already"),
     N_("Close one and try again."),
     {{N_("Try now"), "machine.reconnect"}}},
    {"stalled",
     N_("%s does not answer"),
     N_("Keyboard and pointer were released."),
     {{N_("Wait"), "machine.wait"}, {N_("Force off"), "machine.force-off"}}},
    {"no-gpu",
     N_("No graphics driver to share"),
     N_("The machine uses 2D until one is found."),
     {SHOW_LOG, CHANGE_SETTING},
     TRUE,
     .informs = TRUE},
    {"card-restarted",
     N_("The graphics of %s crashed and were started again"),
     N_("The picture goes on. Programs of the guest that drew in 3D have to be started again."),
     {SHOW_LOG, COPY_REPORT},
     .informs = TRUE},
    {"build-failed",
     N_("The Debian guest could not be made"),
     NULL,
     {{N_("Try again"), "app.make-debian"}}},
    {"no-vmm",
     N_("The program “vmm” is missing"),
     N_("It belongs beside Vitrine's own program. Install Vitrine again."),
     {TRY_AGAIN}},
    {"broken-definition",
     N_("The definition of %s has an error"),
     N_("Correct it in Settings ▸ Configuration file."),
     {{N_("Correct the file"), "machine.correct"}, {N_("Open folder"), "machine.open-folder"}},
     TRUE},
    {NULL, N_("%s has a problem"), NULL, {TRY_AGAIN, SHOW_LOG}},
};

/* Instead of those of the row where it is known which file is wrong, and another one would do. */
static const struct vm_problem_button file_buttons[VM_PROBLEM_BUTTONS_MAX] = {
    CHOOSE_FILE, REMOVE_FILE, TRY_AGAIN};
static const struct vm_problem_button kernel_buttons[VM_PROBLEM_BUTTONS_MAX] = {
    CHOOSE_FILE, TRY_AGAIN, CHANGE_SETTING};

/* Where it is known how much is free. */
static const struct vm_problem_button memory_buttons[VM_PROBLEM_BUTTONS_MAX] = {USE_LESS, TRY_AGAIN,
                                                                                CHANGE_SETTING};

const struct vm_problem_row *
vm_problem_rows(void)
{
    return rows;
}

const struct vm_problem_row *
vm_problem_row_for_id(const char *id)
{
    const struct vm_problem_row *row = rows;

    while (row->id && g_strcmp0(row->id, id) != 0) {
        row++;
    }
    return row;
}

VmProblem *
vm_problem_new(const char *id, const char *machine, const char *sentence, const char *argument,
               const char *details)
{
    VmProblem *problem = g_new0(VmProblem, 1);

    problem->row = vm_problem_row_for_id(id);
    problem->id = g_strdup(id);
    problem->machine = g_utf8_make_valid(machine ? machine : "", -1);
    problem->sentence = sentence ? g_utf8_make_valid(sentence, -1) : NULL;
    if (problem->sentence && g_strcmp0(id, "bad-config") == 0) {
        g_autofree char *whole = g_steal_pointer(&problem->sentence);
        problem->sentence = vm_problem_plain_sentence(whole);
    }
    problem->argument = argument ? g_utf8_make_valid(argument, -1) : NULL;
    problem->details = details && details[0] ? g_utf8_make_valid(details, -1) : NULL;
    return problem;
}

VmProblem *
vm_problem_copy_as(const VmProblem *problem, const char *id)
{
    VmProblem *copy = vm_problem_new(id, problem->machine, problem->sentence, problem->argument,
                                     problem->details);

    copy->file = g_strdup(problem->file);
    copy->member = g_strdup(problem->member);
    copy->base = g_strdup(problem->base);
    return copy;
}

VmProblem *
vm_problem_copy(const VmProblem *problem)
{
    return vm_problem_copy_as(problem, problem->id);
}

void
vm_problem_free(VmProblem *problem)
{
    g_free(problem->id);
    g_free(problem->machine);
    g_free(problem->sentence);
    g_free(problem->argument);
    g_free(problem->details);
    g_free(problem->file);
    g_free(problem->member);
    g_free(problem->base);
    g_free(problem);
}

void
vm_problem_find_file(VmProblem *problem, VmJson *definition, const char *name)
{
    g_free(problem->file);
    g_free(problem->member);
    g_free(problem->base);
    problem->file = vm_problem_file_of_sentence(problem->sentence);
    problem->member = vm_problem_member_of_file(problem->id, problem->file, definition);
    problem->base =
        problem->member ? NULL : vm_problem_base_of_file(problem->file, definition, name);
}

const char *
vm_problem_get_file(const VmProblem *problem)
{
    return problem->file;
}

const char *
vm_problem_get_member(const VmProblem *problem)
{
    return problem->member;
}

static gboolean
is_of(const VmProblem *problem, const char *id)
{
    return g_strcmp0(problem->id, id) == 0;
}

gboolean
vm_problem_get_memory(const VmProblem *problem, guint64 *ret_wanted, guint64 *ret_available)
{
    return is_of(problem, "no-memory") &&
           vm_problem_memory_of_sentence(problem->sentence, ret_wanted, ret_available);
}

const struct vm_problem_button *
vm_problem_get_buttons(const VmProblem *problem)
{
    guint64 wanted = 0;
    guint64 available = 0;

    if (vm_problem_get_memory(problem, &wanted, &available) &&
        vm_problem_less_memory(wanted, available) > 0) {
        return memory_buttons;
    }
    if (!problem->member || is_of(problem, "file-busy")) {
        return problem->row->button;
    }
    return g_str_equal(problem->member, "kernel") ? kernel_buttons : file_buttons;
}

gboolean
vm_problem_informs(const VmProblem *problem)
{
    return problem->row->informs;
}

const char *
vm_problem_get_id(const VmProblem *problem)
{
    return problem->id;
}

const char *
vm_problem_get_details(const VmProblem *problem)
{
    return problem->details;
}

/* The %s of a text of the table; the texts are ours, the value is only ever inserted. */
static char *
fill(const char *text, const char *value)
{
    const char *hole = strstr(text, "%s");

    if (!hole) {
        return g_strdup(text);
    }
    return g_strdup_printf("%.*s%s%s", (int)(hole - text), text, value, hole + 2);
}

char *
vm_problem_dup_title(const VmProblem *problem)
{
    /* First-strong isolate, so that a name of another direction does not disturb the sentence. */
    g_autofree char *name = g_strdup_printf("\u2068%s\u2069", problem->machine);
    const char *part = problem->argument && problem->argument[0] ? problem->argument : NULL;

    if (part && (g_strcmp0(problem->row->id, "part-died") == 0 ||
                 g_strcmp0(problem->row->id, "will-restart") == 0)) {
        /* Translators: a machine, and one of its processes ("gpu"). */
        return g_strdup_printf(_("%s stopped: its %s part failed"), name, part);
    }
    if (part && g_strcmp0(problem->row->id, "blocked-call") == 0) {
        return g_strdup_printf(_("%s stopped: its %s part broke its rules"), name, part);
    }
    return fill(_(problem->row->title), name);
}

static char *
panic_cure(const VmProblem *problem)
{
    const char *details = problem->details ? problem->details : "";

    if (strstr(details, "No working init found") || strstr(details, "init not found")) {
        return g_strdup(_("It found no init program. Check “Kernel options” and the initrd in "
                          "Settings ▸ Start."));
    }
    if (strstr(details, "Unable to mount root fs")) {
        return g_strdup(_("It found no root file system. Check the disk and “root=” in "
                          "Settings ▸ Start."));
    }
    return g_strdup(_("The last lines are in the details."));
}

const char *
vm_problem_get_cause(const VmProblem *problem)
{
    gboolean told = problem->sentence && problem->sentence[0];

    guint64 wanted = 0;
    guint64 available = 0;

    if (vm_problem_get_memory(problem, &wanted, &available)) {
        return NULL; /* the cure has the figures */
    }
    /* The cure names the file already. */
    if ((problem->member || problem->base) &&
        (is_of(problem, "file-missing") || is_of(problem, "file-busy"))) {
        return NULL;
    }
    return told && problem->row->says_why ? problem->sentence : NULL;
}

/* What to do about the file that is known; NULL: nothing special. */
static char *
file_cure(const VmProblem *problem)
{
    g_autofree char *file = g_strdup_printf("\u2068%s\u2069", problem->file);

    if (is_of(problem, "file-missing") && problem->base) {
        /* Translators: a file that a machine needs, and one that the machine's definition includes. */
        return g_strdup_printf(_("“%s” is not there. Put it back, or change “%s”, which names it."),
                               file, problem->base);
    }
    if (is_of(problem, "file-missing")) {
        return fill(g_strcmp0(problem->member, "kernel") == 0
                        ? _("“%s” is not there. Choose it again.")
                        : _("“%s” is not there. Choose it again or remove it."),
                    file);
    }
    if (is_of(problem, "file-busy")) {
        return fill(_("Close the program that uses “%s”, then try again."), file);
    }
    return NULL;
}

/* NULL: not about memory, or nothing more is known. */
static char *
memory_cure(const VmProblem *problem)
{
    guint64 wanted = 0;
    guint64 available = 0;

    if (vm_problem_get_memory(problem, &wanted, &available)) {
        g_autofree char *wants = vm_words_size(wanted << 20);
        g_autofree char *there = vm_words_size(available << 20);
        /* Translators: two amounts of memory. */
        return g_strdup_printf(
            _("It wants %s, %s are free. Give it less, or close other programs."), wants, there);
    }
    return is_of(problem, "no-memory") && vm_problem_wants_more_memory(problem->sentence)
               ? g_strdup(_("Give it more memory in Settings ▸ System."))
               : NULL;
}

char *
vm_problem_dup_cure(const VmProblem *problem)
{
    const char *cure = problem->row->cure;
    char *about_memory = memory_cure(problem);

    if (about_memory) {
        return about_memory;
    }

    if (g_strcmp0(problem->row->id, "guest-panic") == 0) {
        return panic_cure(problem);
    }
    if ((problem->member || problem->base) && problem->file) {
        char *words = file_cure(problem);
        if (words) {
            return words;
        }
    }
    if (cure) {
        return g_strdup(_(cure));
    }
    if (problem->sentence && problem->sentence[0]) {
        return g_strdup(problem->sentence);
    }
    return g_strdup(_("Start it again. If it happens again, copy the report."));
}

const char *
vm_problem_get_state_words(const VmProblem *problem)
{
    static const struct {
        const char *id;
        const char *words;
    } words[] = {
        {"guest-panic", N_("Stopped: guest panicked")},
        {"part-died", N_("Stopped: a part failed")},
        {"keeps-failing", N_("Stopped: a part failed")},
        {"blocked-call", N_("Stopped: a part failed")},
        {"watchdog", N_("Stopped: watchdog")},
        {"broken-definition", N_("Definition has an error")},
        {"lost", N_("Not answering")},
        {"stalled", N_("Not answering")},
    };

    for (guint i = 0; i < G_N_ELEMENTS(words); i++) {
        if (g_strcmp0(words[i].id, problem->id) == 0) {
            return _(words[i].words);
        }
    }
    return _("Cannot start");
}

/* The member of the definition that the sentence names first, as in “mem”: or “block[0]”:. */
static const char *
section_of_member(const char *sentence)
{
    static const struct {
        const char *member;
        const char *section;
    } table[] = {
        {"mem", "system"},         {"cpus", "system"},     {"balloon", "system"},
        {"kernel", "start"},       {"initrd", "start"},    {"params", "start"},
        {"restart", "start"},      {"block", "disks"},     {"disposable", "start"},
        {"gpu", "display"},        {"display", "display"}, {"wayland-sock", "display"},
        {"input", "input"},        {"serial", "consoles"}, {"sandbox", "sandbox"},
        {"no-sandbox", "sandbox"},
    };
    const char *quote = strstr(sentence, "“");
    const char *name = quote ? quote + strlen("“") : "";

    name += strspn(name, "-");
    for (guint i = 0; i < G_N_ELEMENTS(table); i++) {
        gsize size = strlen(table[i].member);
        if (strncmp(name, table[i].member, size) == 0 && !g_ascii_isalnum(name[size])) {
            return table[i].section;
        }
    }
    return "file";
}

const char *
vm_problem_get_section(const VmProblem *problem)
{
    static const struct {
        const char *id;
        const char *section;
    } table[] = {
        {"guest-panic", "start"}, {"bad-kernel", "start"},       {"bad-initrd", "start"},
        {"no-memory", "system"},  {"broken-definition", "file"},
    };

    if (g_strcmp0(problem->id, "bad-config") == 0) {
        return problem->sentence ? section_of_member(problem->sentence) : "file";
    }
    if (problem->member) {
        return g_str_has_prefix(problem->member, "block") ? "disks" : "start";
    }
    for (guint i = 0; i < G_N_ELEMENTS(table); i++) {
        if (g_strcmp0(table[i].id, problem->id) == 0) {
            return table[i].section;
        }
    }
    return NULL;
}

const char *
vm_problem_id_for_status(int status)
{
    switch (status) {
    case 0:
    case 32:
        return NULL;
    case 33:
        return "part-died";
    case 34:
        return "guest-panic";
    case 35:
        return "bad-config";
    case 36:
        return "watchdog";
    default:
        return "cannot-start";
    }
}
