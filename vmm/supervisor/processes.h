/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The process diagram as data: one row for each kind of process that the supervisor starts. Adding a
 * device adds a row here and a composer for its setup message.
 */

#include "vmm/jail/spawn.h"
#include "vmm/protocol/debug.h"
#include "vmm/protocol/device.h"
#include "vmm/protocol/wayland.h"
#include "vmm/supervisor/vm.h"

/* What the machine must know of a device before it talks to it. */
struct virtio_row {
    uint32_t virtio_id; /* virtio 1.2 section 5 */
    uint32_t pci_class; /* class << 16 | subclass << 8 | interface */
    uint32_t n_queues;
    uint16_t queue_size[4];
};

enum process_death {
    DEATH_ENDS_MACHINE,
    DEATH_RESTARTS, /* the same descriptors are given to a new one */
    /* The machine goes on without it, and people are told; a graphics card comes again before. */
    DEATH_IS_TOLD,
};

/* Descriptors of a child in order, from 0. */
struct fd_plan {
    int fd[JAIL_FDS_MAX];
    size_t count;
};

/* Any child's setup message. */
union any_setup {
    struct start_setup start;
    struct loader_setup loader;
    struct machine_setup machine;
    struct display_setup display;
    struct device_setup device;
    struct console_setup console;
    struct balloon_setup balloon;
    struct block_setup block;
    struct input_setup input;
    struct gpu_setup gpu;
    struct render_setup render;
    struct guard_setup guard;
    struct gdb_setup gdb;
};

struct process_row {
    const char *name;       /* of the first of its kind; "block" gives block-0, block-1 */
    const char *executable; /* in the helper folder */
    const char *label;      /* for people */
    unsigned int nofile;    /* descriptors that it may have */
    bool threads;
    bool expendable;               /* ended first when the host's memory is used up */
    const char *const *root_paths; /* more that it needs to see before stage two, or NULL */
    const char *variant;           /* of the executable's policy, or NULL */
    bool numbered;
    enum process_death death;
    const struct virtio_row *virtio; /* devices only */
    size_t setup_size;
    /* Fill in the setup, whose start is done, and add descriptors to the plan. */
    void (*compose)(const struct child *child, struct fd_plan *plan, union any_setup *setup);
};

extern const struct process_row process_display;
extern const struct process_row process_loader;
extern const struct process_row process_machine;
extern const struct process_row process_machine_debug;
extern const struct process_row process_gdb;
extern const struct process_row process_rng;
extern const struct process_row process_balloon;
extern const struct process_row process_block;
extern const struct process_row process_console;
extern const struct process_row process_gpu;
extern const struct process_row process_gpu_soft;
extern const struct process_row process_gpu_drm;
extern const struct process_row process_gpu_venus;
extern const struct process_row process_render;
extern const struct process_row process_keyboard;
extern const struct process_row process_pointer;
extern const struct process_row process_wayland_guard;
extern const struct process_row process_extract; /* of no machine */

/* All rows, NULL-terminated; several may name one executable. */
extern const struct process_row *const process_rows[];

/* For --vhost-user, by enum vhost_user_type. */
const struct virtio_row *virtio_row_of_type(uint64_t vhost_user_type);

/* Add a descriptor to a plan; its number in the child, or -1 for -1. */
int32_t fd_plan_add(struct fd_plan *plan, int fd);

/* Composers, vmm/supervisor/setup.c. */
void setup_display(const struct child *child, struct fd_plan *plan, union any_setup *setup);
/* What of it belongs to the machine: all but its control socket and the machine's name. */
void setup_display_machine(const struct vm *vm, struct fd_plan *plan,
                           struct display_setup *display);
void setup_loader(const struct child *child, struct fd_plan *plan, union any_setup *setup);
void setup_machine(const struct child *child, struct fd_plan *plan, union any_setup *setup);
void setup_gdb(const struct child *child, struct fd_plan *plan, union any_setup *setup);
void setup_rng(const struct child *child, struct fd_plan *plan, union any_setup *setup);
void setup_balloon(const struct child *child, struct fd_plan *plan, union any_setup *setup);
void setup_block(const struct child *child, struct fd_plan *plan, union any_setup *setup);
void setup_console(const struct child *child, struct fd_plan *plan, union any_setup *setup);
void setup_gpu(const struct child *child, struct fd_plan *plan, union any_setup *setup);
void setup_render(const struct child *child, struct fd_plan *plan, union any_setup *setup);
void setup_keyboard(const struct child *child, struct fd_plan *plan, union any_setup *setup);
void setup_pointer(const struct child *child, struct fd_plan *plan, union any_setup *setup);
void setup_wayland_guard(const struct child *child, struct fd_plan *plan, union any_setup *setup);
