/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager/model/ports.h"

enum {
    SERIALS_MAX = 4, /* an 8250 each, as personal computers have them */
    PORTS_MAX = 8,   /* of both kinds */
};

static char *
member(guint port, const char *name)
{
    return g_strdup_printf("serial.%u.%s", port, name);
}

static const char *
hardware_of(VmJson *definition, guint port)
{
    g_autofree char *path = member(port, "hardware");
    const char *hardware = vm_json_get_string(definition, path);

    return hardware ? hardware : "serial";
}

/* How many ports of this hardware say this number; 0: how many say none. */
static guint
count_ports(VmJson *definition, const char *hardware, guint number)
{
    guint found = 0;

    for (guint i = 0; i < vm_json_length(definition, "serial"); i++) {
        g_autofree char *path = member(i, "num");
        found += g_str_equal(hardware_of(definition, i), hardware) &&
                 vm_json_get_int(definition, path, 0) == number;
    }
    return found;
}

/* Ports without a number take the first free ones, in turn. */
static gboolean
is_taken(VmJson *definition, const char *hardware, guint number)
{
    guint n_free = 0;

    for (guint before = 1; before <= number; before++) {
        n_free += count_ports(definition, hardware, before) == 0;
    }
    return count_ports(definition, hardware, number) > 0 ||
           n_free <= count_ports(definition, hardware, 0);
}

static void
put(VmJson *definition, const char *hardware, guint number)
{
    guint port = vm_json_length(definition, "serial");
    g_autofree char *type = member(port, "type");
    g_autofree char *kind = member(port, "hardware");
    g_autofree char *num = member(port, "num");

    vm_json_set_string(definition, type, "sink");
    vm_json_set_string(definition, kind, hardware);
    vm_json_set_int(definition, num, number);
}

void
vm_ports_write_default(VmJson *definition)
{
    if (!vm_json_has(definition, "serial")) {
        put(definition, "serial", 1);
        vm_json_set_string(definition, "serial.0.type", "stdout");
        vm_json_set_bool(definition, "serial.0.console", TRUE);
        vm_json_set_bool(definition, "serial.0.stdin", TRUE);
    }
}

gboolean
vm_ports_is_serial(VmJson *definition, guint port)
{
    return g_str_equal(hardware_of(definition, port), "serial");
}

guint
vm_ports_number(VmJson *definition, guint port)
{
    g_autofree char *path = member(port, "num");
    gint64 number = vm_json_get_int(definition, path, 0);
    const char *hardware = hardware_of(definition, port);
    guint before = 0; /* others without a number, which take theirs first */
    guint at = 1;

    if (number > 0 && number <= PORTS_MAX) {
        return (guint)number;
    }
    for (guint i = 0; i < port; i++) {
        g_autofree char *other = member(i, "num");
        before += g_str_equal(hardware_of(definition, i), hardware) &&
                  vm_json_get_int(definition, other, 0) == 0;
    }
    while (before > 0 || count_ports(definition, hardware, at) > 0) {
        before -= count_ports(definition, hardware, at) == 0;
        at++;
    }
    return at;
}

guint
vm_ports_add_to(VmJson *definition, VmJson *whole, const char *hardware)
{
    const gboolean alone = vm_json_length(definition, "serial") == vm_json_length(whole, "serial");
    g_autoptr(VmJson) added = vm_json_copy(whole);
    const guint number = vm_ports_add(added, hardware);

    if (number > 0 && alone) {
        vm_json_set_copy(definition, "serial", added); /* with the one by default */
    } else if (number > 0) {
        put(definition, hardware, number);
    }
    return number;
}

guint
vm_ports_add(VmJson *definition, const char *hardware)
{
    guint most = g_str_equal(hardware, "serial") ? SERIALS_MAX : PORTS_MAX;
    guint number = 1;

    vm_ports_write_default(definition);
    if (vm_json_length(definition, "serial") == 0) {
        vm_json_remove(definition, "serial");
    }
    if (vm_json_length(definition, "serial") >= PORTS_MAX) {
        return 0;
    }
    while (number <= most && is_taken(definition, hardware, number)) {
        number++;
    }
    if (number > most) {
        return 0;
    }
    put(definition, hardware, number);
    return number;
}
