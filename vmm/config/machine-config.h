/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One virtual machine as data: what the command line and the configuration files say, checked, with
 * every default filled in. Plain: the strings are the structure's own and nothing is open. Field by
 * field described by the table in vmm/config/option-table.c.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    CONFIG_CPUS_MAX = 32,
    CONFIG_BLOCKS_MAX = 16,
    CONFIG_SERIALS_MAX = 8,
    CONFIG_SERIAL_PORTS_MAX = 4, /* those of hardware "serial" */
    CONFIG_VHOST_USERS_MAX = 8,
    CONFIG_OVERLAYS_MAX = 8,
    CONFIG_SCREENS_MAX = 16,
    CONFIG_PARAMS_SIZE = 1536, /* leaves room for our own words in the loader's 2048 */
};

struct cpus_config {
    uint64_t count;
};

struct mem_config {
    uint64_t size; /* MiB */
};

enum disk_format {
    DISK_FORMAT_AUTO = 0, /* as the name's ending says */
    DISK_FORMAT_RAW,
    DISK_FORMAT_QCOW2,
    DISK_FORMAT_COMPOSITE,
};

enum when_full {
    WHEN_FULL_PAUSE = 0,
    WHEN_FULL_ERROR,
};

struct block_config {
    char *path;
    uint64_t format;    /* enum disk_format */
    bool outside_files; /* what the image names may lie outside of its folder */
    bool read_only;
    bool root;
    bool sparse;
    uint64_t when_full; /* enum when_full */
    bool direct;
    uint64_t block_size; /* bytes, 512 or 4096 */
    char *id;            /* or NULL; at most 20 printable ASCII characters */
};

enum serial_type {
    SERIAL_STDOUT = 0,
    SERIAL_FILE,
    SERIAL_SINK,
};

enum serial_hardware {
    SERIAL_HARDWARE_SERIAL = 0, /* 8250 */
    SERIAL_HARDWARE_VIRTIO_CONSOLE,
};

struct serial_config {
    uint64_t type;     /* enum serial_type */
    uint64_t hardware; /* enum serial_hardware */
    uint64_t number;   /* from 1, per hardware; never 0 in a checked configuration */
    char *path;        /* with SERIAL_FILE, else NULL */
    bool console;
    bool earlycon;
    bool input; /* reads our standard input */
};

enum gpu_backend {
    GPU_BACKEND_AUTO = 0, /* 3D where a render node does it, else 2D */
    GPU_BACKEND_2D,
    GPU_BACKEND_VIRGLRENDERER, /* 3D, by software where there is no render node */
};

/* Bits of context_types. */
enum gpu_context_type {
    GPU_CONTEXT_VIRGL = 1 << 0,
    GPU_CONTEXT_VIRGL2 = 1 << 1,
    GPU_CONTEXT_CROSS_DOMAIN = 1 << 2,
    GPU_CONTEXT_VENUS = 1 << 3,
};

/* For people who test: what goes wrong on purpose. */
enum gpu_fault {
    GPU_FAULT_NONE = 0,
    GPU_FAULT_PROBE,  /* the trial of 3D crashes */
    GPU_FAULT_START,  /* the graphics card crashes when it starts 3D */
    GPU_FAULT_SUBMIT, /* the graphics card crashes at the first command stream */
    /* Every fault_every-th ... */
    GPU_FAULT_FENCE,   /* fence comes late */
    GPU_FAULT_MEMORY,  /* new resource finds no memory */
    GPU_FAULT_COMMAND, /* command stream, transfer or flush gets lost */
    GPU_FAULT_NODE,  /* the trial of 3D on a render node crashes, that by the processor does not */
    GPU_FAULT_VENUS, /* Vulkan is offered although its trial could not share memory */
    /* Every fault_every-th command stream, transfer or flush ... */
    GPU_FAULT_DRAW_CRASH, /* makes the graphics card crash */
    GPU_FAULT_DRAW_HANG,  /* is never done, nor is anything after it */
    GPU_FAULTS
};

struct screen_config {
    uint64_t size[2]; /* width, height in pixels */
    uint64_t dpi[2];  /* across, down */
};

struct gpu_config {
    uint64_t backend; /* enum gpu_backend */
    uint64_t width;   /* pixels */
    uint64_t height;
    uint64_t displays;                               /* most there may be */
    struct screen_config screen[CONFIG_SCREENS_MAX]; /* those at first; width, height follow */
    size_t n_screen;                                 /* 0: one of width x height */
    uint64_t context_types;                          /* a bit for each of the table's choices */
    uint64_t vulkan_contexts;                        /* most at once */
    uint64_t hang_limit;                             /* seconds; 0: none */
    uint64_t fault;                                  /* enum gpu_fault */
    uint64_t fault_every;
    char *record; /* path of a file for vmm/devices/gpu/record-format.h; NULL: none */
};

struct wayland_sock_config {
    char *path; /* of the host's compositor; NULL: none */
};

enum vhost_user_type {
    VHOST_USER_BLOCK = 0,
    VHOST_USER_CONSOLE,
    VHOST_USER_FS,
    VHOST_USER_INPUT,
    VHOST_USER_NET,
    VHOST_USER_RNG,
    VHOST_USER_SOUND,
    VHOST_USER_VSOCK,
};

struct vhost_user_config {
    uint64_t type; /* enum vhost_user_type */
    char *socket;
};

enum config_log_level {
    CONFIG_LOG_ERROR = 0,
    CONFIG_LOG_WARNING,
    CONFIG_LOG_INFO,
    CONFIG_LOG_DEBUG,
};

struct config_text {
    char *text;
};

struct machine_config {
    char *name;   /* NULL: the caller makes one */
    char *socket; /* control socket, or NULL: in the runtime folder */
    char *kernel;
    char *initrd; /* or NULL */
    char *params; /* all --params joined by blanks; never NULL */
    struct cpus_config cpus;
    struct mem_config mem;
    struct block_config block[CONFIG_BLOCKS_MAX];
    size_t n_block;
    struct serial_config serial[CONFIG_SERIALS_MAX];
    size_t n_serial;
    struct vhost_user_config vhost_user[CONFIG_VHOST_USERS_MAX];
    size_t n_vhost_user;
    struct config_text overlay[CONFIG_OVERLAYS_MAX];
    size_t n_overlay;
    struct gpu_config gpu; /* meaningful with has_gpu */
    bool has_gpu;
    struct wayland_sock_config wayland_sock; /* meaningful with has_wayland_sock */
    bool has_wayland_sock;
    char *gdb; /* a TCP port, or "unix:" and a path; NULL: no debugger */
    bool keyboard;
    bool pointer;
    bool rng;
    bool balloon;
    bool balloon_page_reporting;
    bool suspended;
    bool disposable;

    /* How to run it; not properties of the machine. */
    bool restart;
    bool disable_sandbox;
    bool allow_no_namespaces;
    bool trace_marker;
    bool print_config;
    bool help;
    uint64_t log_level; /* enum config_log_level */
};
