/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One running machine as the supervisor sees it: its children, the sockets between them, and where
 * it stands. Everything is made by vm_create() and gone after vm_destroy(), for each boot anew.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "vmm/base/loop.h"
#include "vmm/base/message.h"
#include "vmm/config/machine-config.h"
#include "vmm/protocol/display.h"
#include "vmm/protocol/loader.h"
#include "vmm/protocol/machine.h"
#include "vmm/supervisor/card-watch.h"
#include "vmm/supervisor/failure.h"
#include "vmm/supervisor/graphics.h"
#include "vmm/supervisor/kernel-cache.h"
#include "vmm/supervisor/log-file.h"
#include "vmm/supervisor/resources.h"
#include "vmm/supervisor/runtime-dir.h"

enum {
    DEVICES_MAX = 30,               /* slots 1 ... 30 of the one PCI bus */
    CHILDREN_MAX = DEVICES_MAX + 6, /* and display, loader, machine, gdb, wayland-guard, render */
};

struct vm;
struct instance;
struct process_row;
struct virtio_row;

struct child {
    struct vm *vm;
    const struct process_row *row;
    char name[START_NAME_SIZE];
    size_t index;  /* which disk, serial port, … of the configuration */
    size_t device; /* index into vm::device, for devices */
    pid_t pid;     /* 0: not running */
    int pidfd;
    int control_fd; /* our end */
    int log_fd;     /* reading end */
    struct loop_source *pid_source;
    struct loop_source *control_source;
    struct loop_source *log_source;
    struct log_reader log;
    bool ready;
    bool done;         /* has done its work; its end is expected */
    bool killed;       /* it ended by SIGKILL: somebody's wish, or no memory */
    uint32_t restarts; /* since the machine's start */
    uint32_t blocked;  /* times its filter ended it since then */
    size_t n_fds;      /* of its plan */
    int no_room;       /* a disk: block_room's error while a request waits for room on the host */
    bool retrying;     /* a disk: BLOCK_RETRIED is due */
};

/* A virtio device: one of our children, or a user's back end. */
struct device {
    char name[START_NAME_SIZE];
    const struct virtio_row *virtio;
    struct child *child; /* NULL: the user's own */
    int back_fd;         /* vhost-user socket, the child's end; -1 when passed */
    int front_fd;        /* the machine's end; -1 when passed */
};

/* A stream between vmm-display and a serial port or console. The display's ends are kept. */
struct serial_edge {
    int display_fd;
    int port_fd; /* -1 when passed */
    int history_fd;
};

struct pair_edge {
    int display_fd; /* kept */
    int device_fd;  /* -1 when passed */
};

/* Between the machine and the debugger's link, with --gdb; both -1 when passed. */
struct debug_edge {
    int machine_fd;
    int gdb_fd;
};

/* Between the gpu process, the guard and the compositor, with --wayland-sock. */
struct wayland_edge {
    int gpu_fd;              /* -1 when passed */
    int guard_fd;            /* kept, as what follows: the guard may be started again */
    int compositor_fd;       /* a connection for the guard's own questions */
    int listen_fd;           /* for wp_security_context_v1 */
    int listen_path_fd;      /* how to connect to it */
    uint64_t restarts_ms[5]; /* the last ones of the guard, a ring */
    size_t n_restarts;
};

/* Between the gpu process and the Vulkan renderer; both -1 when passed, or without Vulkan. */
struct venus_edge {
    int gpu_fd;
    int render_fd;
};

/* The graphics card's crashes. */
struct revival {
    uint64_t crashes_ms[2];   /* the last two, 0: none yet */
    unsigned int answers_due; /* to MACHINE_REPLACE_DEVICE */
    uint32_t n_done;          /* times that the guest got it again */
    bool suspects;            /* the last one may be the fault of what the guest asked for */
    char cause[START_SENTENCE_SIZE];
};

enum vm_state {
    VM_IDLE, /* lifecycle mode: a display and no machine */
    VM_STARTING,
    VM_RUNNING,
    VM_PAUSED,
    VM_SHUTTING_DOWN,
    VM_ENDING, /* the end is known; waiting for the last frame */
};

/* What a machine is made for; all of it is the caller's. */
struct vm_host {
    const struct runtime_dir *runtime; /* NULL in lifecycle mode */
    struct log_file *log;
    struct overlays *overlays; /* NULL in lifecycle mode */
    /* Lifecycle mode only, else NULL: */
    const struct message_fds *handles; /* paths of the configuration are "fd:N", indices into it */
    struct instance *instance;
    const char *no_3d; /* why 3D is out of the question this time, or NULL */
};

struct vm {
    const struct machine_config *config;
    const struct runtime_dir *runtime;
    struct instance *instance; /* NULL: not in lifecycle mode */
    struct log_file *log;
    struct resources resources;
    struct kernel_cache kernel_cache;
    struct loop *loop;
    char *helpers;
    char uuid[40];
    uint32_t start_flags; /* enum start_flags */

    struct child child[CHILDREN_MAX];
    size_t n_children;
    struct device device[DEVICES_MAX];
    size_t n_devices;
    struct serial_edge serial[CONFIG_SERIALS_MAX];
    struct graphics graphics; /* with a graphics card */
    bool graphics_failed;     /* 3D did not get through the start: once more, in 2D */
    struct pair_edge gpu;     /* both ends are kept: the card may be started again */
    struct revival revival;
    struct card_watch card_watch;
    struct pair_edge keyboard;
    struct pair_edge pointer;
    struct wayland_edge wayland;
    struct debug_edge debug;
    struct venus_edge venus;
    int gpu_journal_fd;              /* struct gpu_journal */
    int trace_marker_fd;             /* with --trace-marker, where it is allowed; else -1 */
    int trace_ring_fd[CHILDREN_MAX]; /* of child[], -1: it was never traced */

    enum vm_state state;
    struct loader_done loaded;
    bool is_loaded;
    bool booted;
    bool adding;              /* a MACHINE_ADD_DEVICE is not answered yet */
    size_t n_added;           /* devices that the machine has */
    unsigned int retries_due; /* of disks */
    bool shutting_down;       /* the power button was pressed, and the guest has not answered */
    bool restart;             /* a client asked for it: end with 32 */
    bool stopped;             /* a client asked for it */
    bool told_to_end;         /* a signal asked for it: no second start */
    bool created;             /* lifecycle mode: the client was told that it stands */
    bool go;                  /* lifecycle mode: it may boot */
    bool in_a_hurry;          /* nobody waits for it any more: end all of it at once */
    struct failure end;
    struct loop_source *start_timer;
    struct loop_source *end_timer;
    struct loop_source *display_timer;
    uint64_t display_starts_ms[5]; /* the last ones, a ring */
    size_t n_display_starts;
    int signal_fd;
    struct loop_source *signal_source;
    int last_frame_fd; /* PPM, or -1 */
};

/* vm_host::no_3d after a start that failed with vm::graphics_failed. */
#define VM_NO_3D_AGAIN "3D crashed when the machine started"

/*
 * Open the machine's resources, make the edges and fill in children and devices; nothing runs yet.
 * NULL with *failure set on error.
 */
struct vm *vm_create(const struct machine_config *config, const struct vm_host *host,
                     struct failure *failure);
/* For lifecycle mode: a display alone, in VM_IDLE, which the machines of this instance share. */
struct vm *vm_create_idle(const struct machine_config *config, const struct vm_host *host,
                          struct failure *failure);
/* Hand the running display process of one to the other. 0 or -errno. */
int vm_move_display(struct vm *from, struct vm *to);
/* Ends and reaps what runs, closes everything. NULL is fine. */
void vm_destroy(struct vm *vm);
CLEANUP_DEFINE(struct vm, vm_destroy)

/* The one child of that kind; the display, loader and machine are always there. */
struct child *vm_child(struct vm *vm, const char *name);

/*
 * Start all children and stay until the machine has ended; *ret_end says how, also when it could
 * not start.
 */
void vm_run(struct vm *vm, struct failure *ret_end);
