/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/supervisor/end-signals.h"

#include <sys/signalfd.h>

sigset_t
end_signals(void)
{
    sigset_t signals;

    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    return signals;
}

int
end_signals_open(void)
{
    const sigset_t signals = end_signals();

    return signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
}
