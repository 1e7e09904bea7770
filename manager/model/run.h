/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Moved: vmm-ctl uses it too. */
#include "vmm/client/vm-run.h"
