/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * `vmm check [--json]`: can this computer run machines, in one sentence, and a row for each thing
 * that it takes with its cure. Status 0 when it can, else 33.
 */
int check_command(int argc, char **argv);
