/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Can KVM here run guests? Runs arch_probe_guest(), a payload that uses what a stock kernel needs,
 * for at most PROBE_LIMIT_MS. Status 0 when it works; else 1 and one line "ID sentence" on standard
 * output, ID kvm-broken, or kvm-missing when the descriptor is not /dev/kvm.
 */

enum {
    PROBE_LIMIT_MS = 500
};

/* `kvm` is the number of a descriptor of /dev/kvm as text; NULL: standard input. */
int probe_main(const char *kvm);
