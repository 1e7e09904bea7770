/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A hostile client of `vmm launcher`: any a{sv} as the machine that it wants, first as D-Bus bytes,
 * then as values of the right or nearly the right types. What comes out must be JSON that the one
 * parser of configurations reads without harm, as the supervisor does.
 */

#include "display/guest-config.h"

#include <string.h>
#include <unistd.h>

#include "display/guest-error.h"
#include "tests/fuzz/fuzz.h"
#include "vmm/base/assert.h"
#include "vmm/config/config.h"

/* Keys, and the case of make_value() that makes the type that they want. */
static const struct {
    const char *name;
    int kind;
} names[] = {{"kernel_type", 0},
             {"kernel", 1},
             {"ramdisk", 1},
             {"dtb_overlay", 1},
             {"cmdline", 0},
             {"cmdline_add", 7},
             {"cpus", 6},
             {"guest_memory", 5},
             {"block_devices", 8},
             {"net_devices", 8},
             {"wayland_device", 9},
             {"magma_device", 9},
             {"default_net", 3},
             {"virtio_balloon", 3},
             {"virtio_console", 3},
             {"virtio_gpu", 3},
             {"virtio_rng", 3},
             {"virtio_vsock", 3},
             {"virtio_sound", 3},
             {"virtio_sound_input", 3},
             {"name", 0},
             {"gpu_width", 4},
             {"gpu_height", 4},
             {"gpu_displays", 4},
             {"serial_devices", 8},
             {"file", 1},
             {"mode", 0},
             {"format", 0},
             {"id", 0},
             {"root", 3},
             {"block_size", 4},
             {"hardware", 0},
             {"number", 4},
             {"console", 3},
             {"earlycon", 3},
             {"output", 1},
             {"type", 0},
             {"socket", 1},
             {"vhost_user_devices", 8},
             {"vsock_listeners", 9}};
static const char *const texts[] = {
    "linux",          "raw", "read-only", "read-write", "serial",
    "virtio-console", "rng", "a\"b\\c\n", "\xc3\xa9",
};

static GVariant *make_value(struct fuzz_input *input, int kind, int depth);

static GVariant *
make_dictionary(struct fuzz_input *input, int depth)
{
    GVariantBuilder builder;
    guint n = (guint)fuzz_take(input, 1) % 12;

    g_variant_builder_init(&builder, G_VARIANT_TYPE_VARDICT);
    for (guint i = 0; i < n; i++) {
        const gsize key = fuzz_take(input, 1) % G_N_ELEMENTS(names);
        const int kind = fuzz_take(input, 1) % 16 ? names[key].kind : (int)fuzz_take(input, 1) % 10;

        g_variant_builder_add(&builder, "{sv}", names[key].name,
                              make_value(input, kind, depth + 1));
    }
    return g_variant_builder_end(&builder);
}

static GVariant *
make_list(struct fuzz_input *input, int depth)
{
    GVariantBuilder builder;
    guint n = (guint)fuzz_take(input, 1) % 40;

    g_variant_builder_init(&builder, G_VARIANT_TYPE("aa{sv}"));
    for (guint i = 0; i < n; i++) {
        g_variant_builder_add_value(&builder, make_dictionary(input, depth + 1));
    }
    return g_variant_builder_end(&builder);
}

static GVariant *
make_value(struct fuzz_input *input, int kind, int depth)
{
    const char *text = texts[fuzz_take(input, 1) % G_N_ELEMENTS(texts)];

    switch (kind) {
    case 0:
        return g_variant_new_string(text);
    case 1:
    case 2:
        return g_variant_new_handle((gint32)fuzz_take(input, 1) % 5 - 1);
    case 3:
        return g_variant_new_boolean((gboolean)(fuzz_take(input, 1) & 1));
    case 4:
        return g_variant_new_uint32((guint32)fuzz_take(input, 4));
    case 5:
        return g_variant_new_uint64(fuzz_take(input, 8));
    case 6:
        return g_variant_new_byte((guchar)fuzz_take(input, 1));
    case 7:
        return g_variant_new_strv(texts, (gssize)(fuzz_take(input, 1) % G_N_ELEMENTS(texts)));
    case 8:
        return depth < 2 ? make_list(input, depth) : g_variant_new_string(text);
    default:
        return depth < 2 ? make_dictionary(input, depth) : g_variant_new_string(text);
    }
}

/* Any result is fine, as long as it is one. */
static void
parse_again(const VmGuestConfig *config)
{
    const struct config_host host = {0};
    const struct config_source source = {"Create", config->json->str, config->json->len};
    struct machine_config machine = {0};
    struct config_error error = {0};

    assert(config->fds->len <= VM_GUEST_CONFIG_HANDLES_MAX);
    assert(config->json->len <= DISPLAY_CONFIG_MAX);
    if (config_parse_text(&source, &host, &machine, &error) == 0) {
        machine_config_finish(&machine);
    } else {
        assert(error.sentence[0] != '\0');
        assert(!strstr(error.sentence, "this is not JSON"));
    }
}

static void
compose(GVariant *values, GUnixFDList *handles)
{
    g_autoptr(GVariant) held = g_variant_ref_sink(values);
    g_autoptr(GError) error = NULL;
    VmGuestConfig *config = vm_guest_config_new(values, handles, &error);

    if (config) {
        parse_again(config);
        vm_guest_config_free(config);
    } else {
        assert(error && error->domain == VM_GUEST_ERROR && error->message[0]);
    }
}

/* As GDBus gives it to us: what is not in normal form never comes so far. */
static void
compose_bytes(const uint8_t *data, size_t size, GUnixFDList *handles)
{
    g_autoptr(GBytes) bytes = g_bytes_new(data, size);
    g_autoptr(GVariant) raw =
        g_variant_ref_sink(g_variant_new_from_bytes(G_VARIANT_TYPE_VARDICT, bytes, FALSE));

    compose(g_variant_get_normal_form(raw), handles);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    g_autoptr(GUnixFDList) handles = g_unix_fd_list_new();

    for (int i = 0; i < 3; i++) {
        (void)!g_unix_fd_list_append(handles, STDOUT_FILENO, NULL);
    }
    compose_bytes(data, size, handles);
    while (input.size > 0) {
        compose(make_dictionary(&input, 0), handles);
    }
    return 0;
}
