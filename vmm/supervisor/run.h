/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* `vmm run`: the words after "run"; returns the exit status (docs/architecture.md section 7). */
int run_command(int argc, char **argv);
