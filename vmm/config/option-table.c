/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/config/option-table.h"

#include <string.h>

#include "vmm/base/bytes.h"
#include "vmm/config/device-keys.h"
#include "vmm/config/machine-config.h"

#define HERE(member) offsetof(struct machine_config, member)
#define KEYS(table)  .keys = (table), .n_keys = ARRAY_SIZE(table)
#define LIST(member, most)                                                         \
    .form = CONFIG_LIST, .offset = HERE(member), .count_offset = HERE(n_##member), \
    .element_size = sizeof(((struct machine_config *)0)->member[0]), .maximum = (most)

static const char *const log_levels[] = {"error", "warning", "info", "debug", NULL};

static const struct config_key kernel_key[] = {
    {.name = "kernel", .value = "PATH", .type = CONFIG_STRING},
};
static const struct config_key wayland_sock_keys[] = {
    {.name = "path",
     .value = "PATH",
     .type = CONFIG_STRING,
     .required = true,
     .maximum = 107,
     .offset = IN(wayland_sock_config, path),
     .help = "Socket of the compositor, usually $XDG_RUNTIME_DIR/wayland-0."},
};
static const struct config_key initrd_key[] = {
    {.name = "initrd", .value = "PATH", .type = CONFIG_STRING},
};
static const struct config_key params_key[] = {
    {.name = "params", .value = "TEXT", .type = CONFIG_STRING, .maximum = CONFIG_PARAMS_SIZE - 1},
};
static const struct config_key name_key[] = {
    {.name = "name", .value = "NAME", .type = CONFIG_STRING, .maximum = 64},
};
static const struct config_key socket_key[] = {
    {.name = "socket", .value = "PATH", .type = CONFIG_STRING, .maximum = 107},
};
static const struct config_key gdb_key[] = {
    {.name = "address", .value = "PORT|unix:PATH", .type = CONFIG_STRING, .maximum = 112},
};
static const struct config_key cfg_key[] = {
    {.name = "cfg", .value = "FILE", .type = CONFIG_STRING},
};
static const char *const hypervisors[] = {"kvm", NULL};
static const struct config_refusal refused_hypervisors[] = {
    {"geniezone", "only KVM is used"}, {"ghaxm", "it is for Windows"},
    {"gunyah", "only KVM is used"},    {"gvm", "it is for Windows"},
    {"halla", "only KVM is used"},     {"haxm", "it is for Windows"},
    {"whpx", "it is for Windows"},     {NULL, NULL},
};
static const struct config_key hypervisor_key[] = {
    {.name = "name",
     .value = "NAME",
     .type = CONFIG_CHOICE,
     .choices = hypervisors,
     .refused_choices = refused_hypervisors,
     .ignored = "KVM is the one hypervisor there is"},
};
static const char *const irqchips[] = {"kernel", NULL};
static const struct config_refusal refused_irqchips[] = {
    {"split", "interrupt controllers are always KVM's"},
    {"userspace", "interrupt controllers are always KVM's"},
    {NULL, NULL},
};
static const struct config_key irqchip_key[] = {
    {.name = "kind",
     .value = "KIND",
     .type = CONFIG_CHOICE,
     .choices = irqchips,
     .refused_choices = refused_irqchips,
     .ignored = "interrupt controllers are always KVM's"},
};
static const struct config_key executor_key[] = {
    {.name = "name",
     .value = "NAME",
     .type = CONFIG_STRING,
     .ignored = "how a device waits for work does not change what it does"},
};
static const struct config_key pivot_root_key[] = {
    {.name = "path",
     .value = "PATH",
     .type = CONFIG_STRING,
     .ignored = "each part has an empty root that is made for it"},
};
static const struct config_key no_usb_key[] = {
    {.name = "value",
     .value = "BOOL",
     .type = CONFIG_BOOL,
     .ignored = "there is no USB controller"},
};
static const struct config_key no_fork_key[] = {
    {.name = "value",
     .value = "BOOL",
     .type = CONFIG_BOOL,
     .ignored = "no process that has guest memory makes another one"},
};
static const struct config_key flag_key[] = {
    {.name = "value", .value = "BOOL", .type = CONFIG_BOOL},
};
static const struct config_key on_key[] = {
    {.name = "value", .value = "BOOL", .type = CONFIG_BOOL, .preset = "true"},
};
static const struct config_key log_level_key[] = {
    {.name = "level",
     .value = "LEVEL",
     .type = CONFIG_CHOICE,
     .choices = log_levels,
     .preset = "info"},
};
static const struct config_key overlay_keys[] = {
    {.name = "path",
     .value = "PATH",
     .type = CONFIG_STRING,
     .required = true,
     .offset = IN(config_text, text),
     .help = "Device tree overlay file."},
};
static const struct config_key cpus_keys[] = {
    {.name = "num-cores",
     .value = "N",
     .type = CONFIG_NUMBER,
     .minimum = 1,
     .maximum = CONFIG_CPUS_MAX,
     .preset = "1",
     .offset = IN(cpus_config, count),
     .help = "Number of processors."},
    REFUSED_KEY("clusters", "processors stand in one cluster"),
    REFUSED_KEY("core-types", "processors of several kinds do not work yet"),
    REFUSED_KEY("boot-cpu", "processor 0 always starts"),
    REFUSED_KEY("freq-domains", "the guest does not set frequencies"),
    REFUSED_KEY("sve", "vector lengths are not chosen"),
};
static const struct config_key mem_keys[] = {
    {.name = "size",
     .value = "MIB",
     .type = CONFIG_NUMBER,
     .minimum = 16,
     .maximum = UINT64_C(1) << 24,
     .preset = "256",
     .offset = IN(mem_config, size),
     .help = "Memory of the guest in MiB."},
};
#define FLAG(option_name, member, text)                                                      \
    {                                                                                        \
        .name = (option_name), .form = CONFIG_VALUE, KEYS(flag_key), .offset = HERE(member), \
        .help = (text)                                                                       \
    }
#define RUN_FLAG(option_name, member, text)                                                  \
    {                                                                                        \
        .name = (option_name), .form = CONFIG_VALUE, KEYS(flag_key), .offset = HERE(member), \
        .help = (text), .run_only = true                                                     \
    }
/* Of crosvm; checked and then dropped. */
#define HARMLESS(option_name, key)                                                       \
    {                                                                                    \
        .name = (option_name), .form = CONFIG_VALUE, KEYS(key), .help = "Has no effect." \
    }

const struct config_option config_options[] = {
    {.name = "kernel",
     .form = CONFIG_VALUE,
     KEYS(kernel_key),
     .offset = HERE(kernel),
     .help = "Kernel: an ELF vmlinux or a bzImage. The word KERNEL alone is the same."},
    {.name = "initrd",
     .letter = 'i',
     .form = CONFIG_VALUE,
     KEYS(initrd_key),
     .offset = HERE(initrd),
     .help = "First file system of the guest, in memory."},
    {.name = "params",
     .letter = 'p',
     .form = CONFIG_WORDS,
     KEYS(params_key),
     .offset = HERE(params),
     .help = "Words for the kernel's command line."},
    {.name = "cpus",
     .letter = 'c',
     .form = CONFIG_OBJECT,
     KEYS(cpus_keys),
     .offset = HERE(cpus),
     .help = "Processors."},
    {.name = "mem",
     .letter = 'm',
     .form = CONFIG_OBJECT,
     KEYS(mem_keys),
     .offset = HERE(mem),
     .help = "Memory."},
    {.name = "block",
     .letter = 'b',
     KEYS(config_block_keys),
     LIST(block, CONFIG_BLOCKS_MAX),
     .help = "A disk."},
    {.name = "serial",
     KEYS(config_serial_keys),
     LIST(serial, CONFIG_SERIALS_MAX),
     .help = "A serial port or virtio console. Without any: stdout,console,stdin."},
    {.name = "gpu",
     .form = CONFIG_OBJECT,
     KEYS(config_gpu_keys),
     .offset = HERE(gpu),
     .count_offset = HERE(has_gpu),
     .value_may_miss = true,
     .help = "A graphics card."},
    {.name = "wayland-sock",
     .form = CONFIG_OBJECT,
     KEYS(wayland_sock_keys),
     .offset = HERE(wayland_sock),
     .count_offset = HERE(has_wayland_sock),
     .help = "Windows of the guest's programs on this desktop; with --gpu "
             "context-types=cross-domain."},
    FLAG("display-window-keyboard", keyboard, "A keyboard; there with --gpu."),
    FLAG("display-window-mouse", pointer, "A pointer; there with --gpu."),
    {.name = "rng",
     .form = CONFIG_VALUE,
     KEYS(on_key),
     .offset = HERE(rng),
     .help = "A source of random numbers; there unless switched off."},
    {.name = "balloon",
     .form = CONFIG_VALUE,
     KEYS(on_key),
     .offset = HERE(balloon),
     .help = "Memory that the guest can be asked to give back; there unless switched off."},
    FLAG("balloon-page-reporting", balloon_page_reporting,
         "The guest gives back by itself what it does not use."),
    FLAG("suspended", suspended, "Start with the processors stopped; `vmm resume` lets them go."),
    FLAG("disposable", disposable,
         "Keep nothing that the guest writes to its disks; gone when the machine ends."),
    {.name = "vhost-user",
     KEYS(config_vhost_user_keys),
     LIST(vhost_user, CONFIG_VHOST_USERS_MAX),
     .help = "A device whose back end you run yourself."},
    {.name = "device-tree-overlay",
     KEYS(overlay_keys),
     LIST(overlay, CONFIG_OVERLAYS_MAX),
     .aarch64_only = true,
     .help = "Changes the device tree (aarch64 machines)."},
    {.name = "name",
     .form = CONFIG_VALUE,
     KEYS(name_key),
     .offset = HERE(name),
     .help = "Name of the machine; \"vm-\" and the process number if not given."},
    {.name = "socket",
     .letter = 's',
     .form = CONFIG_VALUE,
     KEYS(socket_key),
     .offset = HERE(socket),
     .help = "Bind the control socket here (a folder: vm-PID.sock in it)."},
    {.name = "gdb",
     .form = CONFIG_VALUE,
     KEYS(gdb_key),
     .offset = HERE(gdb),
     .help =
         "Wait for gdb on a TCP port of this computer or a socket, before the first instruction."},
    {.name = "manager", .form = CONFIG_IGNORE, .help = "What the manager keeps with a machine."},
    {.name = "cfg",
     .form = CONFIG_FILES,
     KEYS(cfg_key),
     .help = "Read options from a JSON file first."},
    RUN_FLAG("restart", restart, "Start over when the guest reboots."),
    RUN_FLAG("disable-sandbox", disable_sandbox,
             "Run every part without its jail. For finding faults only."),
    RUN_FLAG("allow-no-namespaces", allow_no_namespaces,
             "Run with a weaker jail where this computer refuses namespaces."),
    {.name = "log-level",
     .form = CONFIG_VALUE,
     KEYS(log_level_key),
     .offset = HERE(log_level),
     .run_only = true,
     .help = "How much is said."},
    RUN_FLAG("trace-marker", trace_marker,
             "Write exits, requests and interrupts to the kernel's trace, where that is allowed."),
    RUN_FLAG("print-config", print_config, "Print the machine as JSON for --cfg, and exit."),
    {.name = "help",
     .letter = 'h',
     .form = CONFIG_VALUE,
     KEYS(flag_key),
     .offset = HERE(help),
     .run_only = true,
     .help = "Print this text."},

    HARMLESS("async-executor", executor_key),
    HARMLESS("hypervisor", hypervisor_key),
    HARMLESS("irqchip", irqchip_key),
    HARMLESS("no-usb", no_usb_key),
    HARMLESS("pivot-root", pivot_root_key),
    HARMLESS("unmap-guest-memory-on-fork", no_fork_key),
};
const size_t config_n_options = ARRAY_SIZE(config_options);

const struct config_alias config_aliases[] = {
    {.name = "disk", .option = "block", .suffix = ",ro=true", .has_argument = true},
    {.name = "rwdisk", .option = "block", .suffix = ",ro=false", .has_argument = true},
    {.name = "root", .option = "block", .suffix = ",root=true,ro=true", .has_argument = true},
    {.name = "rwroot", .option = "block", .suffix = ",root=true,ro=false", .has_argument = true},
    {.name = "vhost-user-blk",
     .option = "vhost-user",
     .prefix = "type=block,socket=",
     .has_argument = true},
    {.name = "vhost-user-console",
     .option = "vhost-user",
     .prefix = "type=console,socket=",
     .has_argument = true},
    {.name = "vhost-user-net",
     .option = "vhost-user",
     .prefix = "type=net,socket=",
     .has_argument = true},
    {.name = "vhost-user-rng",
     .option = "vhost-user",
     .prefix = "type=rng,socket=",
     .has_argument = true},
    {.name = "vhost-user-snd",
     .option = "vhost-user",
     .prefix = "type=sound,socket=",
     .has_argument = true},
    {.name = "vhost-user-vsock",
     .option = "vhost-user",
     .prefix = "type=vsock,socket=",
     .has_argument = true},
    {.name = "no-balloon", .option = "balloon", .suffix = "false"},
    {.name = "no-rng", .option = "rng", .suffix = "false"},
    {.name = "verbose", .letter = 'v', .option = "log-level", .suffix = "debug"},
};
const size_t config_n_aliases = ARRAY_SIZE(config_aliases);

const struct config_option *
config_option_find(const char *name)
{
    for (size_t i = 0; i < config_n_options; i++) {
        if (strcmp(config_options[i].name, name) == 0) {
            return &config_options[i];
        }
    }
    return NULL;
}

const struct config_alias *
config_alias_find(const char *name, char letter)
{
    for (size_t i = 0; i < config_n_aliases; i++) {
        const struct config_alias *alias = &config_aliases[i];

        if (name ? strcmp(alias->name, name) == 0 : alias->letter == letter) {
            return alias;
        }
    }
    return NULL;
}

const struct config_key *
config_key_find_in(const struct config_key *keys, size_t n_keys, const char *name)
{
    for (size_t i = 0; i < n_keys; i++) {
        if (strcmp(keys[i].name, name) == 0 || (keys[i].old && strcmp(keys[i].old, name) == 0)) {
            return &keys[i];
        }
    }
    return NULL;
}

const struct config_key *
config_key_find(const struct config_option *option, const char *name)
{
    return config_key_find_in(option->keys, option->n_keys, name);
}

bool
config_key_is_kept(const struct config_key *key)
{
    return !key->refused && !key->ignored;
}
