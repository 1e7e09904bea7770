/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "manager/model/machine.h"

/*
 * What a person may send to someone who helps: machine, versions, host check (may be NULL), the
 * configuration and the last 200 lines of messages and log. The home folder is shortened, and what
 * looks like a secret is cut out. Free with g_free().
 */
char *vm_report_new(VmMachine *machine, const char *check);

/* Exported for its test: the values of passwords, tokens and the like become "…". */
char *vm_report_cut_secrets(const char *text);
