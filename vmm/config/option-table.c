/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/config/option-table.h"

#include <string.h>

#include "vmm/base/bytes.h"
#include "vmm/config/machine-config.h"

#define IN(type, member) offsetof(struct type, member)
#define HERE(member)     offsetof(struct machine_config, member)
#define KEYS(table)      .keys = (table), .n_keys = ARRAY_SIZE(table)
#define LIST(member, most)                                                         \
    .form = CONFIG_LIST, .offset = HERE(member), .count_offset = HERE(n_##member), \
    .element_size = sizeof(((struct machine_config *)0)->member[0]), .maximum = (most)

static const char *const serial_types[] = {"stdout", "file", "sink", NULL};
static const char *const serial_hardwares[] = {"serial", "virtio-console", NULL};
static const char *const gpu_backends[] = {"2d", NULL};
static const char *const log_levels[] = {"error", "warning", "info", "debug", NULL};
static const char *const vhost_user_types[] = {"block", "console", "fs",    "input", "net",
                                               "rng",   "sound",   "vsock", NULL};

static const struct config_key kernel_key[] = {
    {.name = "kernel", .value = "PATH", .type = CONFIG_STRING},
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
static const struct config_key cfg_key[] = {
    {.name = "cfg", .value = "FILE", .type = CONFIG_STRING},
};
static const struct config_key flag_key[] = {
    {.name = "value", .value = "BOOL", .type = CONFIG_BOOL},
};
static const struct config_key rng_key[] = {
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
static const struct config_key block_keys[] = {
    {.name = "path",
     .value = "PATH",
     .type = CONFIG_STRING,
     .required = true,
     .offset = IN(block_config, path),
     .help = "Disk image or block device."},
    {.name = "ro",
     .value = "BOOL",
     .type = CONFIG_BOOL,
     .offset = IN(block_config, read_only),
     .help = "The guest may only read it."},
    {.name = "root",
     .value = "BOOL",
     .type = CONFIG_BOOL,
     .offset = IN(block_config, root),
     .help = "The guest mounts it as its root file system; once."},
    {.name = "sparse",
     .value = "BOOL",
     .type = CONFIG_BOOL,
     .preset = "true",
     .offset = IN(block_config, sparse),
     .help = "Discarded blocks may be given back to the host."},
    {.name = "block-size",
     .old = "block_size",
     .value = "BYTES",
     .type = CONFIG_NUMBER,
     .minimum = 512,
     .maximum = 4096,
     .preset = "512",
     .offset = IN(block_config, block_size),
     .help = "Logical block size, 512 or 4096."},
    {.name = "id",
     .value = "TEXT",
     .type = CONFIG_STRING,
     .maximum = 20,
     .offset = IN(block_config, id),
     .help = "Serial number that the guest reads, 20 characters."},
    {.name = "direct",
     .old = "o_direct",
     .value = "BOOL",
     .type = CONFIG_BOOL,
     .offset = IN(block_config, direct),
     .help = "Go around the page cache of the host.",
     .later = "reading around the page cache"},
};
static const struct config_key serial_keys[] = {
    {.name = "type",
     .value = "TYPE",
     .type = CONFIG_CHOICE,
     .choices = serial_types,
     .preset = "sink",
     .offset = IN(serial_config, type),
     .help = "stdout, file, or sink. Every port can be read with a display client as well."},
    {.name = "hardware",
     .value = "KIND",
     .type = CONFIG_CHOICE,
     .choices = serial_hardwares,
     .preset = "serial",
     .offset = IN(serial_config, hardware),
     .help = "serial (8250) or virtio-console."},
    {.name = "num",
     .value = "N",
     .type = CONFIG_NUMBER,
     .minimum = 1,
     .maximum = CONFIG_SERIALS_MAX,
     .offset = IN(serial_config, number),
     .help = "Port number; the first free one if not given."},
    {.name = "path",
     .value = "PATH",
     .type = CONFIG_STRING,
     .offset = IN(serial_config, path),
     .help = "Where type=file writes."},
    {.name = "console",
     .value = "BOOL",
     .type = CONFIG_BOOL,
     .offset = IN(serial_config, console),
     .help = "The kernel's console; on one port."},
    {.name = "earlycon",
     .value = "BOOL",
     .type = CONFIG_BOOL,
     .offset = IN(serial_config, earlycon),
     .help = "The kernel's first messages as well."},
    {.name = "stdin",
     .value = "BOOL",
     .type = CONFIG_BOOL,
     .offset = IN(serial_config, input),
     .help = "What is typed at our standard input goes to this port."},
    {.name = "input",
     .value = "PATH",
     .type = CONFIG_STRING,
     .offset = IN(serial_config, path),
     .help = "File that is typed into the port.",
     .later = "typing a file into a port"},
};
static const struct config_key gpu_keys[] = {
    {.name = "backend",
     .value = "NAME",
     .type = CONFIG_CHOICE,
     .choices = gpu_backends,
     .preset = "2d",
     .offset = IN(gpu_config, backend),
     .help = "2d."},
    {.name = "width",
     .value = "PIXELS",
     .type = CONFIG_NUMBER,
     .minimum = 320,
     .maximum = 16384,
     .preset = "1280",
     .offset = IN(gpu_config, width),
     .live = true,
     .help = "Width of the first mode."},
    {.name = "height",
     .value = "PIXELS",
     .type = CONFIG_NUMBER,
     .minimum = 200,
     .maximum = 16384,
     .preset = "1024",
     .offset = IN(gpu_config, height),
     .live = true,
     .help = "Height of the first mode."},
    {.name = "max-num-displays",
     .value = "N",
     .type = CONFIG_NUMBER,
     .minimum = 1,
     .maximum = 16,
     .preset = "1",
     .offset = IN(gpu_config, displays),
     .help = "Number of screens."},
    {.name = "displays",
     .value = "LIST",
     .type = CONFIG_STRING,
     .help = "A mode for each screen.",
     .later = "a mode for each screen"},
};
static const struct config_key vhost_user_keys[] = {
    {.name = "type",
     .value = "TYPE",
     .type = CONFIG_CHOICE,
     .choices = vhost_user_types,
     .required = true,
     .offset = IN(vhost_user_config, type),
     .help = "Kind of device."},
    {.name = "socket",
     .value = "PATH",
     .type = CONFIG_STRING,
     .required = true,
     .maximum = 107,
     .offset = IN(vhost_user_config, socket),
     .help = "Socket that its back end listens on."},
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
#define LATER(option_name, what)                                    \
    {                                                               \
        .name = (option_name), .form = CONFIG_LATER, .help = (what) \
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
     KEYS(block_keys),
     LIST(block, CONFIG_BLOCKS_MAX),
     .help = "A disk."},
    {.name = "serial",
     KEYS(serial_keys),
     LIST(serial, CONFIG_SERIALS_MAX),
     .help = "A serial port or virtio console. Without any: stdout,console,stdin."},
    {.name = "gpu",
     .form = CONFIG_OBJECT,
     KEYS(gpu_keys),
     .offset = HERE(gpu),
     .count_offset = HERE(has_gpu),
     .value_may_miss = true,
     .help = "A graphics card."},
    FLAG("display-window-keyboard", keyboard, "A keyboard; there with --gpu."),
    FLAG("display-window-mouse", pointer, "A pointer; there with --gpu."),
    {.name = "rng",
     .form = CONFIG_VALUE,
     KEYS(rng_key),
     .offset = HERE(rng),
     .help = "A source of random numbers; there unless switched off."},
    {.name = "vhost-user",
     KEYS(vhost_user_keys),
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
     .help = "error, warning, info or debug."},
    RUN_FLAG("print-config", print_config, "Print the machine as JSON for --cfg, and exit."),
    {.name = "help",
     .letter = 'h',
     .form = CONFIG_VALUE,
     KEYS(flag_key),
     .offset = HERE(help),
     .run_only = true,
     .help = "Print this text."},

    LATER("balloon", "giving memory back"),
    LATER("battery", "a battery"),
    LATER("bios", "starting firmware in place of a kernel"),
    LATER("evdev", "passing an input device of the host"),
    LATER("gdb", "debugging the guest kernel with gdb"),
    LATER("gpu-display", "more screens by option"),
    LATER("gpu-render-server", "3D graphics"),
    LATER("hugepages", "huge pages"),
    LATER("hypervisor", "choosing a hypervisor; KVM is used"),
    LATER("input", "input devices by socket"),
    LATER("keyboard", "a keyboard by socket"),
    LATER("mouse", "a mouse by socket"),
    LATER("multi-touch", "a touch screen"),
    LATER("net", "network cards"),
    LATER("no-balloon", "giving memory back, and so there is nothing to switch off"),
    LATER("pmem", "persistent memory"),
    LATER("pmem-device", "persistent memory"),
    LATER("rw-pmem-device", "persistent memory"),
    LATER("seccomp-log-failures", "logging in place of ending at a blocked call"),
    LATER("shared-dir", "shared folders"),
    LATER("single-touch", "a touch screen"),
    LATER("sound", "sound"),
    LATER("suspended", "starting paused"),
    LATER("swap", "swapping guest memory to a file"),
    LATER("swiotlb", "bounce buffers"),
    LATER("tap-fd", "network cards"),
    LATER("trackpad", "a trackpad"),
    LATER("usb", "USB"),
    LATER("vfio", "passing PCI devices"),
    LATER("vhost-vsock-device", "sockets between host and guest"),
    LATER("vhost-vsock-fd", "sockets between host and guest"),
    LATER("video-decoder", "a video decoder"),
    LATER("video-encoder", "a video encoder"),
    LATER("virtio-snd", "sound"),
    LATER("vsock", "sockets between host and guest"),
    LATER("vtpm-proxy", "a TPM"),
    LATER("vvu-proxy", "the virtio vhost-user proxy"),
    LATER("wayland-sock", "windows of the guest on the host's desktop"),
    LATER("x-display", "an own window; display clients show the screen"),
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

const struct config_key *
config_key_find(const struct config_option *option, const char *name)
{
    for (size_t i = 0; i < option->n_keys; i++) {
        const struct config_key *key = &option->keys[i];

        if (strcmp(key->name, name) == 0 || (key->old && strcmp(key->old, name) == 0)) {
            return key;
        }
    }
    return NULL;
}
