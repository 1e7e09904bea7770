/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A display page in a window of its own, with the display of tests/display/rig.h. Failures end the test. */

#include <gtk/gtk.h>

#include "tests/display/rig.h"
#include "ui/display-page.h"
#include "vmm/client/vm-connection.h"

/*
 * On the screen, connected, its machine running, the picture as large as the guest's, which is there. The window is
 * its top level; the caller destroys that, and has *ret_connection.
 */
VmDisplayPage *page_window_open(Rig *rig, int width, int height, VmConnection **ret_connection);
