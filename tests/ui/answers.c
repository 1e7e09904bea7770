/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/ui/answers.h"

#ifdef __SANITIZE_ADDRESS__
enum {
    SLOWER = 20, /* times as long, and as seldom */
};
#else
enum {
    SLOWER = 1,
};
#endif

enum {
    USUAL_MS = 100 * SLOWER,
    WORST_MS = 1000 * SLOWER, /* by a clock that goes on while other programs run */
    EVERY_MS = 5,
    ANSWERS_MIN = 20 / SLOWER,
};

static gint64
now_of(const Answers *self)
{
    struct timespec now;

    clock_gettime(self->clock, &now);
    return (gint64)now.tv_sec * G_USEC_PER_SEC + now.tv_nsec / 1000;
}

static gboolean
answer(gpointer data)
{
    Answers *self = data;
    gint64 now = now_of(self);
    gint64 gap = now - self->last;

    self->last = now;
    g_array_append_val(self->gaps, gap);
    return G_SOURCE_CONTINUE;
}

static int
compare_gaps(gconstpointer a, gconstpointer b)
{
    gint64 left = *(const gint64 *)a;
    gint64 right = *(const gint64 *)b;

    return (left > right) - (left < right);
}

void
answers_start(Answers *self, clockid_t clock)
{
    self->clock = clock;
    self->gaps = g_array_new(FALSE, FALSE, sizeof(gint64));
    self->last = now_of(self);
    self->timer = g_timeout_add(EVERY_MS, answer, self);
}

void
answers_judge(Answers *self, const char *what)
{
    g_autoptr(GArray) gaps = g_steal_pointer(&self->gaps);
    gint64 most = 0;
    gint64 usual = 0;
    gint64 worst = self->clock == CLOCK_MONOTONIC ? WORST_MS : USUAL_MS;

    g_clear_handle_id(&self->timer, g_source_remove);
    g_assert_cmpuint(gaps->len, >, ANSWERS_MIN);
    g_array_sort(gaps, compare_gaps);
    most = g_array_index(gaps, gint64, gaps->len - 1) / 1000;
    usual = g_array_index(gaps, gint64, gaps->len * 95 / 100) / 1000;
    g_test_message("%s: %u answers, 95 of 100 within %" G_GINT64_FORMAT
                   " ms, all within %" G_GINT64_FORMAT " ms",
                   what, gaps->len, usual, most);
    g_assert_cmpint(usual, <, USUAL_MS);
    g_assert_cmpint(most, <, worst);
}
