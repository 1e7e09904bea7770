/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* `vmm launcher`: RFC-0210's VmmLauncher. Exit status. */
int launcher_command(int argc, char **argv);
