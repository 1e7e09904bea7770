/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The graphics card of this machine, when the host draws what is drawn with it: virtio-gpu with virgl. */

#include "vmm/guest/x11/trial.h"

/*
 * A picture in the host's memory, made with the first such card that this user may open. The node's
 * path (malloc'ed) and a new descriptor in `ret_picture`; NULL, and `ret_why` is a sentence's part.
 */
char *card_find(struct trial_picture *ret_picture, const char **ret_why);
