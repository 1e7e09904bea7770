/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Assertions are for programmer errors only and stay in every build type.
 * Nothing that a guest or a peer can influence may reach one.
 */

#ifdef NDEBUG
#error "Vitrine keeps its assertions: do not define NDEBUG"
#endif

#include <assert.h> /* IWYU pragma: export */
