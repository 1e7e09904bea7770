/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * `vmm policy [PART] [--counts]`: the system calls that each part may use, as its own executable
 * prints them, or a table of their numbers and ceilings.
 */
int policy_command(int argc, char **argv);
