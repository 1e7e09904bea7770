/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "vmm/base/bytes.h"
#include "vmm/base/memory.h"
#include "vmm/config/tree.h"

struct check {
    struct config_error *error;
    struct config_blame blame; /* what was looked at last */
};

static void
look_at(struct check *check, const char *option, size_t index, const char *key)
{
    check->blame = (struct config_blame){option, index, key};
}

static int
check_counts(const struct machine_config *config, struct check *check)
{
    for (size_t i = 0; i < config_n_options; i++) {
        const struct config_option *option = &config_options[i];
        const char *base = (const char *)config;

        if (option->form == CONFIG_LIST &&
            *(const size_t *)(const void *)(base + option->count_offset) > option->maximum) {
            look_at(check, option->name, option->maximum, NULL);
            return config_fail(check->error, "--%s is given too often; give it at most %zu times.",
                               option->name, option->maximum);
        }
    }
    if (strlen(config->params) >= CONFIG_PARAMS_SIZE) {
        look_at(check, "params", SIZE_MAX, NULL);
        return config_fail(check->error,
                           "--params are too long together; give at most %d characters.",
                           CONFIG_PARAMS_SIZE - 1);
    }
    return 0;
}

static int
check_name(const struct machine_config *config, struct config_error *error)
{
    const char *name = config->name;

    if (!name) {
        return 0;
    }
    if (!isascii(name[0]) || !isalnum((unsigned char)name[0]) ||
        name[strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")]) {
        return config_fail(error,
                           "--name: “%s” cannot be a name; begin with a letter or digit and use "
                           "letters, digits, “.”, “_” and “-”.",
                           name);
    }
    return 0;
}

static bool
is_ascii(const char *text)
{
    while (isascii(*text) && *text) {
        text++;
    }
    return *text == '\0';
}

static int
check_blocks(const struct machine_config *config, struct check *check)
{
    size_t roots = 0;
    size_t last_root = 0;

    for (size_t i = 0; i < config->n_block; i++) {
        const struct block_config *block = &config->block[i];

        roots += block->root;
        last_root = block->root ? i : last_root;
        if (block->block_size != 512 && block->block_size != 4096) {
            look_at(check, "block", i, "block-size");
            return config_fail(check->error,
                               "--block %s: block size %" PRIu64 " cannot be used; "
                               "give 512 or 4096.",
                               block->path, block->block_size);
        }
        if (!is_ascii(block->id ? block->id : "")) {
            look_at(check, "block", i, "id");
            return config_fail(check->error,
                               "--block %s: id “%s” has other than ASCII characters; "
                               "leave them out.",
                               block->path, block->id);
        }
    }
    if (roots > 1) {
        look_at(check, "block", last_root, "root");
        return config_fail(check->error,
                           "More than one --block has “root”; keep it at one of them.");
    }
    return 0;
}

static bool
number_used(const struct machine_config *config, uint64_t hardware, uint64_t number)
{
    for (size_t i = 0; i < config->n_serial; i++) {
        if (config->serial[i].hardware == hardware && config->serial[i].number == number) {
            return true;
        }
    }
    return false;
}

static size_t
last_with(const struct machine_config *config, uint64_t hardware, uint64_t number)
{
    size_t i = config->n_serial - 1;

    while (i > 0 &&
           (config->serial[i].hardware != hardware || config->serial[i].number != number)) {
        i--;
    }
    return i;
}

/* Ports without a number get the first free one, in order. */
static int
number_serials(struct machine_config *config, struct check *check)
{
    for (size_t i = 0; i < config->n_serial; i++) {
        struct serial_config *serial = &config->serial[i];
        const uint64_t number = serial->number;

        serial->number = 0;
        if (number != 0 && number_used(config, serial->hardware, number)) {
            look_at(check, "serial", last_with(config, serial->hardware, number), "num");
            config_fail(check->error, "--serial: number %" PRIu64 " is used twice; change one.",
                        number);
            /* Two 8250s at one address, or two consoles of one name. */
            snprintf(check->error->id, sizeof(check->error->id), "%s",
                     serial->hardware == SERIAL_HARDWARE_SERIAL ? "overlap" : "duplicate");
            return -EINVAL;
        }
        serial->number = number;
    }
    for (size_t i = 0; i < config->n_serial; i++) {
        struct serial_config *serial = &config->serial[i];
        const bool given = serial->number != 0;

        for (uint64_t number = 1; !given && serial->number == 0; number++) {
            serial->number = number_used(config, serial->hardware, number) ? 0 : number;
        }
        if (serial->hardware == SERIAL_HARDWARE_SERIAL &&
            serial->number > CONFIG_SERIAL_PORTS_MAX) {
            look_at(check, "serial", i, "num");
            return config_fail(check->error,
                               "--serial: there is no port %" PRIu64 "; use 1 to %d, or "
                               "hardware=virtio-console.",
                               serial->number, CONFIG_SERIAL_PORTS_MAX);
        }
    }
    return 0;
}

static int
check_serials(struct machine_config *config, struct check *check)
{
    size_t consoles = 0;
    size_t earlycons = 0;
    size_t inputs = 0;
    size_t second = 0;

    for (size_t i = 0; i < config->n_serial; i++) {
        const struct serial_config *serial = &config->serial[i];

        consoles += serial->console;
        earlycons += serial->earlycon;
        inputs += serial->input;
        if ((serial->console && consoles == 2) || (serial->earlycon && earlycons == 2) ||
            (serial->input && inputs == 2)) {
            second = i;
        }
        if (serial->type == SERIAL_FILE && !serial->path) {
            look_at(check, "serial", i, "type");
            return config_fail(check->error, "--serial: type=file has no file; add path=PATH.");
        }
        if (serial->type != SERIAL_FILE && serial->path) {
            look_at(check, "serial", i, "path");
            return config_fail(check->error,
                               "--serial: path=%s is for type=file; add that or remove it.",
                               serial->path);
        }
        if (serial->earlycon && serial->hardware != SERIAL_HARDWARE_SERIAL) {
            look_at(check, "serial", i, "earlycon");
            return config_fail(check->error,
                               "--serial: earlycon needs hardware=serial; change one.");
        }
    }
    if (consoles > 1 || earlycons > 1 || inputs > 1) {
        const char *key = consoles > 1 ? "console" : earlycons > 1 ? "earlycon" : "stdin";

        look_at(check, "serial", second, key);
        return config_fail(check->error, "More than one --serial has “%s”; keep it at one of them.",
                           key);
    }
    return number_serials(config, check);
}

static int
check_screens(struct gpu_config *gpu, struct config_error *error)
{
    if (gpu->n_screen > gpu->displays) {
        return config_fail(error,
                           "--gpu, key “displays”: there are %zu screens, and max-num-displays "
                           "allows %u; raise it.",
                           gpu->n_screen, (unsigned int)gpu->displays);
    }
    if (gpu->n_screen > 0) {
        gpu->width = gpu->screen[0].size[0];
        gpu->height = gpu->screen[0].size[1];
    }
    return 0;
}

/* The two options of the guest's windows need each other. */
static int
check_wayland(const struct machine_config *config, struct check *check)
{
    const bool cross = config->has_gpu && (config->gpu.context_types & GPU_CONTEXT_CROSS_DOMAIN);

    if (cross && !config->wayland_sock.path) {
        look_at(check, "gpu", 0, "context-types");
        return config_fail(check->error,
                           "--gpu context-types=cross-domain needs the compositor's socket; "
                           "add --wayland-sock $XDG_RUNTIME_DIR/wayland-0.");
    }
    if (!cross && config->wayland_sock.path) {
        look_at(check, "wayland-sock", 0, NULL);
        return config_fail(check->error,
                           "--wayland-sock has no use without a graphics card that passes "
                           "windows on; add --gpu context-types=cross-domain.");
    }
    return 0;
}

static int
check_graphics(const struct gpu_config *gpu, struct config_error *error)
{
    if (gpu->backend == GPU_BACKEND_2D &&
        (gpu->context_types & (GPU_CONTEXT_VIRGL | GPU_CONTEXT_VIRGL2 | GPU_CONTEXT_VENUS))) {
        return config_fail(error,
                           "--gpu: backend=2d has no contexts that draw; leave virgl, virgl2 "
                           "and venus out of context-types, or give backend=virglrenderer.");
    }
    return 0;
}

static int
check_gdb(const struct machine_config *config, struct config_error *error)
{
    const char *address = config->gdb;

    if (!address) {
        return 0;
    }
    if (strncmp(address, "unix:", 5) == 0) {
        return address[5] ? 0 : config_fail(error, "--gdb: “unix:” names no socket; add its path.");
    }
    const unsigned long port =
        strspn(address, "0123456789") == strlen(address) ? strtoul(address, NULL, 10) : 0;
    if (port < 1 || port > 65535) {
        return config_fail(error,
                           "--gdb: “%s” is not a port; give a number from 1 to 65535, or "
                           "unix:PATH.",
                           address);
    }
    return 0;
}

static int
check_memory(const struct machine_config *config, const struct config_host *host,
             struct config_error *error)
{
    if (host && host->ram_mib && config->mem.size > host->ram_mib) {
        return config_fail(error,
                           "--mem: %" PRIu64 " MiB are more than this computer has "
                           "(%" PRIu64 " MiB); give less.",
                           config->mem.size, host->ram_mib);
    }
    return 0;
}

static int
check_architecture(const struct machine_config *config, struct config_error *error)
{
#if defined(__aarch64__)
    (void)config;
    (void)error;
    return 0;
#else
    if (config->n_overlay > 0) {
        return config_fail(error, "--device-tree-overlay is for aarch64 machines; leave it out.");
    }
    return 0;
#endif
}

int
config_check_whole(struct machine_config *config, const struct config_host *host,
                   struct config_blame *ret_blame, struct config_error *error)
{
    struct check check = {.error = error};
    int r = check_counts(config, &check);

    if (r == 0) {
        look_at(&check, "name", 0, NULL);
        r = check_name(config, error);
    }
    if (r == 0) {
        r = check_blocks(config, &check);
    }
    if (r == 0) {
        r = check_serials(config, &check);
    }
    if (r == 0) {
        look_at(&check, "gpu", 0, "displays");
        r = check_screens(&config->gpu, error);
    }
    if (r == 0) {
        look_at(&check, "gpu", 0, "backend");
        r = check_graphics(&config->gpu, error);
    }
    if (r == 0) {
        r = check_wayland(config, &check);
    }
    if (r == 0) {
        look_at(&check, "gdb", 0, NULL);
        r = check_gdb(config, error);
    }
    if (r == 0) {
        look_at(&check, "mem", 0, "size");
        r = check_memory(config, host, error);
    }
    if (r == 0) {
        look_at(&check, "device-tree-overlay", 0, NULL);
        r = check_architecture(config, error);
    }
    if (r == 0 && !config->kernel && !config->help && !config->print_config) {
        look_at(&check, NULL, 0, NULL);
        r = config_fail(error, "No kernel is given; add its path: vmm run [OPTIONS] KERNEL.");
    }
    *ret_blame = check.blame;
    return r;
}
