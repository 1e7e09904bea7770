/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What went wrong, in words: cause, cure and details. The texts come from one table, indexed by the
 * cause's machine-readable id (docs/protocols.md), which `vmm` writes to last-run.json and sends
 * over D-Bus.
 */

#include <glib-object.h>

#include "vmm/client/json.h"

enum {
    VM_PROBLEM_BUTTONS_MAX = 3
};

struct vm_problem_button {
    const char *label;  /* translate with gettext */
    const char *action; /* a detailed action name, as "machine.start" or "win.view::log" */
};

struct vm_problem_row {
    const char *id;
    const char *title; /* %s is the machine's title */
    const char *cure;  /* NULL: the sentence that came with it */
    struct vm_problem_button button[VM_PROBLEM_BUTTONS_MAX];
    gboolean says_why; /* the sentence of `vmm` names the thing and belongs below the cure */
    gboolean informs;  /* nothing has to be done */
};

/* The row of an id, or the row for unknown ids. */
const struct vm_problem_row *vm_problem_row_for_id(const char *id);

/* Every row, ends with id NULL; for the test that compares it with the documents. */
const struct vm_problem_row *vm_problem_rows(void);

/* The machine is paused until there is room; "disk-errors" is the one that goes on without. */
#define VM_PROBLEM_DISK_FULL "disk-full"

#define VM_TYPE_PROBLEM      (vm_problem_get_type())
typedef struct VmProblem VmProblem;
GType vm_problem_get_type(void);

/* sentence, argument and details may be NULL; machine is its title. */
VmProblem *vm_problem_new(const char *id, const char *machine, const char *sentence,
                          const char *argument, const char *details);
VmProblem *vm_problem_copy(const VmProblem *problem);
/* The same words of `vmm` under another id. */
VmProblem *vm_problem_copy_as(const VmProblem *problem, const char *id);
void vm_problem_free(VmProblem *problem);

/* Notes which file it is about, and what in the definition of the machine `name`, which may be NULL, or in which
 * file that it includes, names that. */
void vm_problem_find_file(VmProblem *problem, VmJson *definition, const char *name);
const char *vm_problem_get_file(const VmProblem *problem); /* NULL: of none that is known */
/* As vm_problem_member_of_file() gives it; NULL: nothing. */
const char *vm_problem_get_member(const VmProblem *problem);

/* MiB, where more was wanted than is free; FALSE: it is about something else. */
gboolean vm_problem_get_memory(const VmProblem *problem, guint64 *ret_wanted,
                               guint64 *ret_available);

/* VM_PROBLEM_BUTTONS_MAX, those after the last have no label. */
const struct vm_problem_button *vm_problem_get_buttons(const VmProblem *problem);

const char *vm_problem_get_id(const VmProblem *problem);
gboolean vm_problem_informs(const VmProblem *problem);        /* a notice, not an error */
const char *vm_problem_get_details(const VmProblem *problem); /* NULL when there are none */
char *vm_problem_dup_title(const VmProblem *problem);
char *vm_problem_dup_cure(const VmProblem *problem);
/* What `vmm` said, in its own words, where that is more than the title; NULL when there is nothing. */
const char *vm_problem_get_cause(const VmProblem *problem);

/* The section of the settings where it can be cured, as vm_settings_page_show_section() takes it; NULL:
 * in none of them. */
const char *vm_problem_get_section(const VmProblem *problem);

/* "Stopped: guest panicked", for the sidebar. */
const char *vm_problem_get_state_words(const VmProblem *problem);

/* The id for an exit status of `vmm run` that came without a cause; NULL for 0 and 32. */
const char *vm_problem_id_for_status(int status);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmProblem, vm_problem_free)
