/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* `vmm gpu replay FILE [--backend NAME]`: what --gpu record=FILE wrote, played without a guest. */

/* `argv` begins behind the verb. Returns an exit status. */
int replay_command(int argc, char **argv);
