/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/supervisor/processes.h"

#include "vmm/base/assert.h"
#include "vmm/base/bytes.h"

/* Virtio ids: virtio 1.2 section 5. PCI classes: PCI Code and ID Assignment, base classes. */
static const struct virtio_row virtio_net = {
    .virtio_id = 1, .pci_class = 0x020000, .n_queues = 2, .queue_size = {256, 256}};
static const struct virtio_row virtio_block = {
    .virtio_id = 2, .pci_class = 0x018000, .n_queues = 1, .queue_size = {256}};
static const struct virtio_row virtio_console = {
    .virtio_id = 3, .pci_class = 0x078000, .n_queues = 2, .queue_size = {256, 256}};
static const struct virtio_row virtio_rng = {
    .virtio_id = 4, .pci_class = 0x00ff00, .n_queues = 1, .queue_size = {64}};
static const struct virtio_row virtio_balloon = {
    .virtio_id = 5, .pci_class = 0x00ff00, .n_queues = 4, .queue_size = {128, 128, 16, 32}};
static const struct virtio_row virtio_gpu = {
    .virtio_id = 16, .pci_class = 0x038000, .n_queues = 2, .queue_size = {256, 16}};
static const struct virtio_row virtio_keyboard = {
    .virtio_id = 18, .pci_class = 0x090000, .n_queues = 2, .queue_size = {64, 64}};
static const struct virtio_row virtio_pointer = {
    .virtio_id = 18, .pci_class = 0x090200, .n_queues = 2, .queue_size = {64, 64}};
static const struct virtio_row virtio_input = {
    .virtio_id = 18, .pci_class = 0x098000, .n_queues = 2, .queue_size = {64, 64}};
static const struct virtio_row virtio_vsock = {
    .virtio_id = 19, .pci_class = 0x078000, .n_queues = 3, .queue_size = {128, 128, 128}};
static const struct virtio_row virtio_sound = {
    .virtio_id = 25, .pci_class = 0x040100, .n_queues = 4, .queue_size = {64, 64, 64, 64}};
static const struct virtio_row virtio_fs = {
    .virtio_id = 26, .pci_class = 0x018000, .n_queues = 2, .queue_size = {128, 128}};

const struct process_row process_display = {
    .name = "display",
    .executable = "vmm-display",
    .label = "display server",
    .nofile = 512,
    .threads = true,
    .death = DEATH_RESTARTS,
    .setup_size = sizeof(struct display_setup),
    .compose = setup_display,
};

const struct process_row process_loader = {
    .name = "loader",
    .executable = "vmm-loader",
    .label = "kernel loader",
    .nofile = 16,
    .setup_size = sizeof(struct loader_setup),
    .compose = setup_loader,
};

const struct process_row process_machine = {
    .name = "machine",
    .executable = "vmm-machine",
    .label = "machine",
    .nofile = 1024, /* two eventfds for every queue, and the vCPUs */
    .threads = true,
    .setup_size = sizeof(struct machine_setup),
    .compose = setup_machine,
};

/* With --gdb. */
const struct process_row process_machine_debug = {
    .name = "machine",
    .executable = "vmm-machine",
    .label = "machine",
    .nofile = 1024,
    .threads = true,
    .variant = "debug",
    .setup_size = sizeof(struct machine_setup),
    .compose = setup_machine,
};

const struct process_row process_gdb = {
    .name = "gdb",
    .executable = "vmm-gdb",
    .label = "debugger's link",
    .nofile = 16,
    .setup_size = sizeof(struct gdb_setup),
    .compose = setup_gdb,
};

const struct process_row process_rng = {
    .name = "rng",
    .executable = "vmm-rng",
    .label = "random number source",
    .nofile = 64,
    .virtio = &virtio_rng,
    .setup_size = sizeof(struct device_setup),
    .compose = setup_rng,
};

const struct process_row process_balloon = {
    .name = "balloon",
    .executable = "vmm-balloon",
    .label = "memory balloon",
    .nofile = 64,
    .virtio = &virtio_balloon,
    .setup_size = sizeof(struct balloon_setup),
    .compose = setup_balloon,
};

const struct process_row process_block = {
    .name = "block",
    .executable = "vmm-block",
    .label = "disk",
    .nofile = 64,
    .numbered = true,
    .virtio = &virtio_block,
    .setup_size = sizeof(struct block_setup),
    .compose = setup_block,
};

const struct process_row process_console = {
    .name = "console",
    .executable = "vmm-console",
    .label = "console",
    .nofile = 64,
    .numbered = true,
    .virtio = &virtio_console,
    .setup_size = sizeof(struct console_setup),
    .compose = setup_console,
};

const struct process_row process_gpu = {
    .name = "gpu",
    .executable = "vmm-gpu",
    .label = "graphics card",
    .nofile = 2048, /* one for each resource that is shown, and those of cross-domain contexts */
    .death = DEATH_IS_TOLD,
    .virtio = &virtio_gpu,
    .setup_size = sizeof(struct gpu_setup),
    .compose = setup_gpu,
};

/* What Mesa reads when it starts, besides libraries. */
static const char *const mesa_paths[] = {"/usr/share/glvnd", "/etc/glvnd", "/usr/share/drirc.d",
                                         "/etc/drirc", NULL};
/* And where it finds out whose the render node is; the node itself comes as a descriptor. */
static const char *const mesa_drm_paths[] = {
    "/usr/share/glvnd", "/etc/glvnd",   "/usr/share/drirc.d", "/etc/drirc", "/usr/share/libdrm",
    "/sys/dev/char",    "/sys/devices", "/dev/dri",           NULL};

const struct process_row process_gpu_soft = {
    .name = "gpu",
    .executable = "vmm-gpu",
    .label = "graphics card",
    .nofile = 2048,
    .threads = true, /* the library's, before stage two */
    .root_paths = mesa_paths,
    .variant = "soft",
    .death = DEATH_IS_TOLD,
    .virtio = &virtio_gpu,
    .setup_size = sizeof(struct gpu_setup),
    .compose = setup_gpu,
};

const struct process_row process_gpu_drm = {
    .name = "gpu",
    .executable = "vmm-gpu",
    .label = "graphics card",
    .nofile = 4096, /* each buffer may be one */
    .threads = true,
    .root_paths = mesa_drm_paths,
    .variant = "drm",
    .death = DEATH_IS_TOLD,
    .virtio = &virtio_gpu,
    .setup_size = sizeof(struct gpu_setup),
    .compose = setup_gpu,
};

const struct process_row process_gpu_venus = {
    .name = "gpu",
    .executable = "vmm-gpu",
    .label = "graphics card",
    .nofile = 4096,
    .threads = true,
    .root_paths = mesa_drm_paths,
    .variant = "venus",
    .death = DEATH_IS_TOLD,
    .virtio = &virtio_gpu,
    .setup_size = sizeof(struct gpu_setup),
    .compose = setup_gpu,
};

/*
 * What virglrenderer's render server is and reads: the Vulkan loader's lists, the drivers, and what
 * these open themselves: the cards, and for Mesa's software driver what makes a dma-buf of memory.
 */
static const char *const render_paths[] = {"/usr/libexec/virgl_render_server",
                                           "/usr/share/vulkan",
                                           "/etc/vulkan",
                                           "/usr/share/drirc.d",
                                           "/etc/drirc",
                                           "/usr/share/libdrm",
                                           "/sys/dev/char",
                                           "/sys/devices",
                                           "/dev/dri/renderD128",
                                           "/dev/dri/renderD129",
                                           "/dev/dri/renderD130",
                                           "/dev/dri/renderD131",
                                           "/dev/udmabuf",
                                           NULL};

const struct process_row process_render = {
    .name = "render",
    .executable = "vmm-render",
    .label = "Vulkan renderer",
    .nofile = 4096,
    .threads = true, /* and processes: one for each context */
    .expendable = true,
    .root_paths = render_paths,
    .death = DEATH_IS_TOLD,
    .setup_size = sizeof(struct render_setup),
    .compose = setup_render,
};

const struct process_row process_keyboard = {
    .name = "keyboard",
    .executable = "vmm-input",
    .label = "keyboard",
    .nofile = 64,
    .virtio = &virtio_keyboard,
    .setup_size = sizeof(struct input_setup),
    .compose = setup_keyboard,
};

const struct process_row process_pointer = {
    .name = "pointer",
    .executable = "vmm-input",
    .label = "pointer",
    .nofile = 64,
    .virtio = &virtio_pointer,
    .setup_size = sizeof(struct input_setup),
    .compose = setup_pointer,
};

const struct process_row process_wayland_guard = {
    .name = "wayland-guard",
    .executable = "vmm-wayland-guard",
    .label = "Wayland guard",
    .nofile = 1024, /* two sockets for each connection, and what is passed on */
    .death = DEATH_RESTARTS,
    .setup_size = sizeof(struct guard_setup),
    .compose = setup_wayland_guard,
};

const struct process_row process_extract = {
    .name = "extract",
    .executable = "vmm-extract",
    .label = "reader of images",
    .nofile = 16,
};

const struct process_row *const process_rows[] = {
    &process_display,
    &process_loader,
    &process_machine,
    &process_rng,
    &process_balloon,
    &process_block,
    &process_console,
    &process_gpu,
    &process_gpu_soft,
    &process_gpu_drm,
    &process_keyboard,
    &process_pointer,
    &process_wayland_guard,
    &process_machine_debug,
    &process_gdb,
    &process_gpu_venus,
    &process_render,
    &process_extract,
    NULL,
};

const struct virtio_row *
virtio_row_of_type(uint64_t vhost_user_type)
{
    static const struct virtio_row *const rows[] = {
        [VHOST_USER_BLOCK] = &virtio_block, [VHOST_USER_CONSOLE] = &virtio_console,
        [VHOST_USER_FS] = &virtio_fs,       [VHOST_USER_INPUT] = &virtio_input,
        [VHOST_USER_NET] = &virtio_net,     [VHOST_USER_RNG] = &virtio_rng,
        [VHOST_USER_SOUND] = &virtio_sound, [VHOST_USER_VSOCK] = &virtio_vsock,
    };

    assert(vhost_user_type < ARRAY_SIZE(rows));
    return rows[vhost_user_type];
}

int32_t
fd_plan_add(struct fd_plan *plan, int fd)
{
    if (fd < 0) {
        return -1;
    }
    assert(plan->count < JAIL_FDS_MAX);
    plan->fd[plan->count] = fd;
    return (int32_t)plan->count++;
}
