/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager/model/words.h"

#include <glib/gi18n.h>
#include <locale.h>

#define TENTHS_BELOW 10

/* Whether a person, or the computer's setup, said how numbers look. */
static gboolean
numbers_have_a_locale(void)
{
    const char *numeric = setlocale(LC_NUMERIC, NULL);

    return numeric && !g_str_equal(numeric, "C") && !g_str_has_prefix(numeric, "C.") &&
           !g_str_equal(numeric, "POSIX");
}

char *
vm_words_decimal(double value)
{
    g_autofree char *text = g_strdup_printf("%.1f", value);
    g_auto(GStrv) parts = NULL;

    if (numbers_have_a_locale()) {
        return g_steal_pointer(&text);
    }
    parts = g_strsplit(text, ".", 2);
    /* Translators: what stands between whole and tenths: "." in 12.5, "," in many languages. */
    return parts[1] ? g_strjoin(C_("decimal separator", "."), parts[0], parts[1], NULL)
                    : g_steal_pointer(&text);
}

/* One digit after the point below 10, none for whole numbers and above. */
static char *
number_words(double value)
{
    double tenths = (double)(guint64)(value * 10 + 0.5) / 10;
    gboolean whole = (double)(guint64)tenths == tenths;

    if (whole || value >= TENTHS_BELOW) {
        return g_strdup_printf("%u", (guint)(value + 0.5));
    }
    return vm_words_decimal(tenths);
}

char *
vm_words_size(guint64 bytes)
{
    static const char *const units[] = {N_("B"), N_("KiB"), N_("MiB"), N_("GiB"), N_("TiB")};
    double value = (double)bytes;
    guint unit = 0;
    g_autofree char *number = NULL;

    while (value >= 1024 && unit + 1 < G_N_ELEMENTS(units)) {
        value /= 1024;
        unit++;
    }
    number = number_words(value);
    return g_strdup_printf("%s\u00a0%s", number, _(units[unit]));
}

char *
vm_words_rate(double bytes_per_second)
{
    static const char *const units[] = {N_("B/s"), N_("kB/s"), N_("MB/s"), N_("GB/s")};
    double value = bytes_per_second;
    guint unit = 0;
    g_autofree char *number = NULL;

    if (value < 1) {
        value = 0;
    }
    while (value >= 1000 && unit + 1 < G_N_ELEMENTS(units)) {
        value /= 1000;
        unit++;
    }
    number = number_words(value);
    return g_strdup_printf("%s\u00a0%s", number, _(units[unit]));
}
