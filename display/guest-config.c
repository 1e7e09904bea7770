/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "display/guest-config.h"

#include <string.h>

#include "display/guest-error.h"

enum {
    JSON_MAX = DISPLAY_CONFIG_MAX - 1024,
    MIB_SHIFT = 20,
};

/* The configuration while it is put together: every option of the JSON once. */
struct composer {
    VmGuestConfig *config;
    const int *handles;
    gint n_handles;
    GString *params;
    GString *serial;
    gboolean has_serial;
    gboolean has_balloon;
    GString *gpu;
    gboolean has_gpu;
};

struct key {
    const char *name;
    const char *type; /* D-Bus signature */
    gboolean (*take)(struct composer *composer, const struct key *key, GVariant *value,
                     GError **error);
    const char *option; /* of the JSON; or what is missing */
};

static gboolean
fail(GError **error, const char *name, const char *why)
{
    g_set_error(error, VM_GUEST_ERROR, GUEST_ERROR_BAD_CONFIG, "“%s” %s.", name, why);
    return FALSE;
}

/* -- JSON -- */

static void
add_text(GString *json, const char *text)
{
    g_string_append_c(json, '"');
    for (; *text; text++) {
        if (*text == '"' || *text == '\\') {
            g_string_append_c(json, '\\');
        }
        if ((guchar)*text < 0x20) {
            g_string_append_printf(json, "\\u%04x", (guint)(guchar)*text);
        } else {
            g_string_append_c(json, *text);
        }
    }
    g_string_append_c(json, '"');
}

static void
add_name(GString *json, const char *name)
{
    if (json->len > 0 && !strchr("{[", json->str[json->len - 1])) {
        g_string_append_c(json, ',');
    }
    add_text(json, name);
    g_string_append_c(json, ':');
}

/* The handle as "fd:N". */
static gboolean
add_handle(struct composer *composer, GString *json, const char *name, GVariant *value,
           GError **error)
{
    const gint32 handle = g_variant_get_handle(value);
    GArray *fds = composer->config->fds;
    g_autofree char *text = g_strdup_printf("fd:%u", fds->len);

    if (handle < 0 || handle >= composer->n_handles) {
        return fail(error, name, "is no descriptor of the message");
    }
    if (fds->len >= VM_GUEST_CONFIG_HANDLES_MAX) {
        return fail(error, name, "is one descriptor too many; give at most 31");
    }
    g_array_append_val(fds, composer->handles[handle]);
    add_text(json, text);
    return TRUE;
}

/* -- single values -- */

static gboolean
take_handle(struct composer *composer, const struct key *key, GVariant *value, GError **error)
{
    add_name(composer->config->json, key->option);
    return add_handle(composer, composer->config->json, key->name, value, error);
}

static gboolean
take_kernel_type(struct composer *composer, const struct key *key, GVariant *value, GError **error)
{
    return g_strcmp0(g_variant_get_string(value, NULL), "linux") == 0 ||
           fail(error, key->name, "can be “linux” only");
}

static gboolean
take_overlay(struct composer *composer, const struct key *key, GVariant *value, GError **error)
{
    GString *json = composer->config->json;

    add_name(json, key->option);
    g_string_append(json, "[{\"path\":");
    if (!add_handle(composer, json, key->name, value, error)) {
        return FALSE;
    }
    g_string_append(json, "}]");
    return TRUE;
}

static void
add_param(struct composer *composer, const char *text)
{
    if (composer->params->len > 0) {
        g_string_append_c(composer->params, ',');
    }
    add_text(composer->params, text);
}

static gboolean
take_cmdline(struct composer *composer, const struct key *key, GVariant *value, GError **error)
{
    add_param(composer, g_variant_get_string(value, NULL));
    return TRUE;
}

static gboolean
take_cmdline_add(struct composer *composer, const struct key *key, GVariant *value, GError **error)
{
    GVariantIter iter;
    const char *text;

    g_variant_iter_init(&iter, value);
    while (g_variant_iter_next(&iter, "&s", &text)) {
        add_param(composer, text);
        if (composer->params->len > JSON_MAX) {
            return fail(error, key->name, "is too long");
        }
    }
    return TRUE;
}

static gboolean
take_cpus(struct composer *composer, const struct key *key, GVariant *value, GError **error)
{
    add_name(composer->config->json, key->option);
    g_string_append_printf(composer->config->json, "{\"num-cores\":%u}",
                           (guint)g_variant_get_byte(value));
    return TRUE;
}

/* Bytes, rounded up to MiB. */
static gboolean
take_memory(struct composer *composer, const struct key *key, GVariant *value, GError **error)
{
    const guint64 bytes = g_variant_get_uint64(value);
    const guint64 rest = bytes & ((1U << MIB_SHIFT) - 1);

    add_name(composer->config->json, key->option);
    g_string_append_printf(composer->config->json, "{\"size\":%" G_GUINT64_FORMAT "}",
                           (bytes >> MIB_SHIFT) + (rest ? 1 : 0));
    return TRUE;
}

static gboolean
take_text(struct composer *composer, const struct key *key, GVariant *value, GError **error)
{
    add_name(composer->config->json, key->option);
    add_text(composer->config->json, g_variant_get_string(value, NULL));
    return TRUE;
}

static gboolean
take_flag(struct composer *composer, const struct key *key, GVariant *value, GError **error)
{
    add_name(composer->config->json, key->option);
    g_string_append(composer->config->json, g_variant_get_boolean(value) ? "true" : "false");
    return TRUE;
}

static gboolean
take_balloon(struct composer *composer, const struct key *key, GVariant *value, GError **error)
{
    composer->has_balloon = g_variant_get_boolean(value);
    return TRUE;
}

static gboolean
take_gpu(struct composer *composer, const struct key *key, GVariant *value, GError **error)
{
    composer->has_gpu = g_variant_get_boolean(value);
    return TRUE;
}

static gboolean
take_gpu_number(struct composer *composer, const struct key *key, GVariant *value, GError **error)
{
    add_name(composer->gpu, key->option);
    g_string_append_printf(composer->gpu, "%u", g_variant_get_uint32(value));
    return TRUE;
}

static gboolean
take_console(struct composer *composer, const struct key *key, GVariant *value, GError **error)
{
    if (g_variant_get_boolean(value)) {
        g_string_append_printf(composer->serial,
                               "%s{\"hardware\":\"virtio-console\",\"type\":\"sink\"}",
                               composer->serial->len > 0 ? "," : "");
    }
    return TRUE;
}

/* -- devices that there are none of yet -- */

static gboolean
fail_absent(GError **error, const struct key *key)
{
    g_set_error(error, VM_GUEST_ERROR, GUEST_ERROR_DEVICE_NOT_PRESENT,
                "“%s”: there is no %s device; leave it out.", key->name, key->option);
    return FALSE;
}

static gboolean
take_absent(struct composer *composer, const struct key *key, GVariant *value, GError **error)
{
    return fail_absent(error, key);
}

static gboolean
take_absent_flag(struct composer *composer, const struct key *key, GVariant *value, GError **error)
{
    return !g_variant_get_boolean(value) || fail_absent(error, key);
}

static gboolean
take_absent_list(struct composer *composer, const struct key *key, GVariant *value, GError **error)
{
    return g_variant_n_children(value) == 0 || fail_absent(error, key);
}

/* Each port once, before anything else is said of them. */
static gboolean
take_listeners(struct composer *composer, const struct key *key, GVariant *value, GError **error)
{
    g_autoptr(GHashTable) ports = g_hash_table_new(NULL, NULL);
    GVariantIter iter;
    guint port;

    g_variant_iter_init(&iter, value);
    while (g_variant_iter_next(&iter, "(uh)", &port, NULL)) {
        if (!g_hash_table_add(ports, GUINT_TO_POINTER(port))) {
            g_set_error(error, VM_GUEST_ERROR, GUEST_ERROR_DUPLICATE_PUBLIC_SERVICES,
                        "“%s” has port %u twice.", key->name, port);
            return FALSE;
        }
    }
    return take_absent_list(composer, key, value, error);
}

/* -- lists of devices -- */

static gboolean take_values(struct composer *composer, const struct key *keys, GVariant *values,
                            GError **error);

static gboolean
add_field(struct composer *composer, const struct key *key, GVariant *value, GError **error)
{
    GString *json = composer->config->json;

    add_name(json, key->option);
    switch (key->type[0]) {
    case 'h':
        return add_handle(composer, json, key->name, value, error);
    case 's':
        add_text(json, g_variant_get_string(value, NULL));
        return TRUE;
    case 'u':
        g_string_append_printf(json, "%u", g_variant_get_uint32(value));
        return TRUE;
    default:
        g_string_append(json, g_variant_get_boolean(value) ? "true" : "false");
        return TRUE;
    }
}

static gboolean
take_mode(struct composer *composer, const struct key *key, GVariant *value, GError **error)
{
    const char *mode = g_variant_get_string(value, NULL);

    if (strcmp(mode, "read-only") != 0 && strcmp(mode, "read-write") != 0) {
        return fail(error, key->name, "can be “read-only” or “read-write”");
    }
    add_name(composer->config->json, key->option);
    g_string_append(composer->config->json, strcmp(mode, "read-only") == 0 ? "true" : "false");
    return TRUE;
}

static gboolean
take_format(struct composer *composer, const struct key *key, GVariant *value, GError **error)
{
    const char *format = g_variant_get_string(value, NULL);

    if (strcmp(format, "raw") != 0 && strcmp(format, "qcow2") != 0) {
        return fail(error, key->name, "can be “raw” or “qcow2”");
    }
    return add_field(composer, key, value, error);
}

static gboolean
take_output(struct composer *composer, const struct key *key, GVariant *value, GError **error)
{
    add_name(composer->config->json, "type");
    g_string_append(composer->config->json, "\"file\"");
    return add_field(composer, key, value, error);
}

static const struct key block_keys[] = {
    {"file", "h", add_field, "path"},
    {"mode", "s", take_mode, "ro"},
    {"format", "s", take_format, "format"},
    {"id", "s", add_field, "id"},
    {"root", "b", add_field, "root"},
    {"block_size", "u", add_field, "block-size"},
    {0},
};

static const struct key serial_keys[] = {
    {"hardware", "s", add_field, "hardware"}, {"number", "u", add_field, "num"},
    {"console", "b", add_field, "console"},   {"earlycon", "b", add_field, "earlycon"},
    {"output", "h", take_output, "path"},     {0},
};

static const struct key vhost_user_keys[] = {
    {"type", "s", add_field, "type"},
    {"socket", "h", add_field, "socket"},
    {0},
};

/* `values` is aa{sv}; its objects go to the end of the JSON. */
static gboolean
add_objects(struct composer *composer, const struct key *keys, GVariant *values, GError **error)
{
    GString *json = composer->config->json;
    const gsize n = g_variant_n_children(values);

    for (gsize i = 0; i < n; i++) {
        g_autoptr(GVariant) object = g_variant_get_child_value(values, i);

        g_string_append(json, i > 0 ? ",{" : "{");
        if (!take_values(composer, keys, object, error)) {
            return FALSE;
        }
        /* A port without an output of its own. */
        if (keys == serial_keys && !g_variant_lookup(object, "output", "h", NULL)) {
            add_name(json, "type");
            g_string_append(json, "\"sink\"");
        }
        g_string_append_c(json, '}');
        if (json->len > JSON_MAX) {
            return fail(error, keys[0].name, "is given too often");
        }
    }
    return TRUE;
}

static gboolean
take_blocks(struct composer *composer, const struct key *key, GVariant *value, GError **error)
{
    add_name(composer->config->json, key->option);
    g_string_append_c(composer->config->json, '[');
    if (!add_objects(composer, block_keys, value, error)) {
        return FALSE;
    }
    g_string_append_c(composer->config->json, ']');
    return TRUE;
}

static gboolean
take_vhost_users(struct composer *composer, const struct key *key, GVariant *value, GError **error)
{
    add_name(composer->config->json, key->option);
    g_string_append_c(composer->config->json, '[');
    if (!add_objects(composer, vhost_user_keys, value, error)) {
        return FALSE;
    }
    g_string_append_c(composer->config->json, ']');
    return TRUE;
}

/* Collected aside: virtio_console adds to the same option. */
static gboolean
take_serials(struct composer *composer, const struct key *key, GVariant *value, GError **error)
{
    GString *json = composer->config->json;
    const gsize start = json->len;

    composer->has_serial = TRUE;
    g_string_append(json, composer->serial->len > 0 && g_variant_n_children(value) > 0 ? "," : "");
    if (!add_objects(composer, serial_keys, value, error)) {
        return FALSE;
    }
    g_string_append(composer->serial, json->str + start);
    g_string_truncate(json, start);
    return TRUE;
}

/* -- the whole -- */

static const struct key guest_keys[] = {
    /* The 21 fields of the RFC. */
    {"kernel_type", "s", take_kernel_type, NULL},
    {"kernel", "h", take_handle, "kernel"},
    {"ramdisk", "h", take_handle, "initrd"},
    {"dtb_overlay", "h", take_overlay, "device-tree-overlay"},
    {"cmdline", "s", take_cmdline, NULL},
    {"cmdline_add", "as", take_cmdline_add, NULL},
    {"cpus", "y", take_cpus, "cpus"},
    {"guest_memory", "t", take_memory, "mem"},
    {"block_devices", "aa{sv}", take_blocks, "block"},
    {"net_devices", "aa{sv}", take_absent_list, "network"},
    {"wayland_device", "a{sv}", take_absent, "Wayland"},
    {"magma_device", "a{sv}", take_absent, "Magma"},
    {"default_net", "b", take_absent_flag, "network"},
    {"virtio_balloon", "b", take_balloon, NULL},
    {"virtio_console", "b", take_console, NULL},
    {"virtio_gpu", "b", take_gpu, NULL},
    {"virtio_rng", "b", take_flag, "rng"},
    {"virtio_vsock", "b", take_absent_flag, "vsock"},
    {"virtio_sound", "b", take_absent_flag, "sound"},
    {"virtio_sound_input", "b", take_absent_flag, "sound"},
    {"vsock_listeners", "a(uh)", take_listeners, "vsock"},
    /* Ours. */
    {"name", "s", take_text, "name"},
    {"gpu_width", "u", take_gpu_number, "width"},
    {"gpu_height", "u", take_gpu_number, "height"},
    {"gpu_displays", "u", take_gpu_number, "max-num-displays"},
    {"serial_devices", "aa{sv}", take_serials, NULL},
    {"vhost_user_devices", "aa{sv}", take_vhost_users, "vhost-user"},
    {0},
};

static gboolean
take_value(struct composer *composer, const struct key *keys, const char *name, GVariant *value,
           guint64 *seen, GError **error)
{
    guint i = 0;

    while (keys[i].name && strcmp(keys[i].name, name) != 0) {
        i++;
    }
    if (!keys[i].name) {
        return fail(error, name, "is not a key; vmm-launcher(1) lists them");
    }
    if (*seen & G_GUINT64_CONSTANT(1) << i) {
        return fail(error, name, "is given twice");
    }
    *seen |= G_GUINT64_CONSTANT(1) << i;
    if (!g_variant_is_of_type(value, G_VARIANT_TYPE(keys[i].type))) {
        g_set_error(error, VM_GUEST_ERROR, GUEST_ERROR_BAD_CONFIG,
                    "“%s” has the type “%s”; give “%s”.", name, g_variant_get_type_string(value),
                    keys[i].type);
        return FALSE;
    }
    return keys[i].take(composer, &keys[i], value, error);
}

static gboolean /* NOLINTNEXTLINE(misc-no-recursion): no list holds another list */
take_values(struct composer *composer, const struct key *keys, GVariant *values, GError **error)
{
    guint64 seen = 0;
    GVariantIter iter;
    const char *name;
    GVariant *value;

    g_variant_iter_init(&iter, values);
    while (g_variant_iter_next(&iter, "{&sv}", &name, &value)) {
        g_autoptr(GVariant) held = value;

        if (!take_value(composer, keys, name, held, &seen, error)) {
            return FALSE;
        }
        if (composer->config->json->len > JSON_MAX) {
            return fail(error, name, "is too long");
        }
    }
    return TRUE;
}

static gboolean
finish(struct composer *composer, GError **error)
{
    GString *json = composer->config->json;

    if (composer->gpu->len > 0 && !composer->has_gpu) {
        return fail(error, "gpu_width, gpu_height or gpu_displays", "needs “virtio_gpu” true");
    }
    if (composer->params->len > 0) {
        add_name(json, "params");
        g_string_append_printf(json, "[%s]", composer->params->str);
    }
    add_name(json, "balloon");
    g_string_append(json, composer->has_balloon ? "true" : "false");
    add_name(json, "serial");
    /* Without any: one port, for the kernel's words. */
    g_string_append_printf(json, "[%s%s%s]", composer->serial->str,
                           !composer->has_serial && composer->serial->len > 0 ? "," : "",
                           composer->has_serial ? "" : "{\"type\":\"sink\",\"console\":true}");
    if (composer->has_gpu) {
        add_name(json, "gpu");
        g_string_append_printf(json, "{%s}", composer->gpu->str);
    }
    g_string_append_c(json, '}');
    return json->len <= DISPLAY_CONFIG_MAX || fail(error, "cmdline_add", "is too long");
}

void
vm_guest_config_free(VmGuestConfig *self)
{
    g_string_free(self->json, TRUE);
    g_array_unref(self->fds);
    g_free(self);
}

VmGuestConfig *
vm_guest_config_new(GVariant *values, GUnixFDList *handles, GError **error)
{
    VmGuestConfig *self = g_new0(VmGuestConfig, 1);
    g_autoptr(GString) params = g_string_new(NULL);
    g_autoptr(GString) serial = g_string_new(NULL);
    g_autoptr(GString) gpu = g_string_new(NULL);
    struct composer composer = {.config = self, .params = params, .serial = serial, .gpu = gpu};

    self->json = g_string_new("{");
    self->fds = g_array_new(FALSE, FALSE, sizeof(int));
    if (handles) {
        composer.handles = g_unix_fd_list_peek_fds(handles, &composer.n_handles);
    }
    if (!take_values(&composer, guest_keys, values, error) || !finish(&composer, error)) {
        vm_guest_config_free(self);
        return NULL;
    }
    return self;
}
