/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the program that frames.py takes into its guest can do besides drawing a cursor; exit status. */
int draw_displays(void);
