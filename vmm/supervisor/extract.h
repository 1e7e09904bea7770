/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* `vmm extract_kernel IMAGE FOLDER`: the kernel and the initrd of a disk image, taken out by vmm-extract. */

/* `argv` begins behind the verb. Returns an exit status. */
int extract_command(int argc, char **argv);
