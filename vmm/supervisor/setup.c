/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The setup message and the descriptors of each kind of process. */

#include <stdio.h>
#include <string.h>

#include "vmm/base/bytes.h"
#include "vmm/supervisor/command-line.h"
#include "vmm/supervisor/instance.h"
#include "vmm/supervisor/processes.h"

enum {
    NAME_IN_SENTENCE = 256
};

static const char *
base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash && slash[1] ? slash + 1 : path;
}

static void
plan_chardev(const struct vm *vm, size_t index, struct fd_plan *plan, struct display_setup *display)
{
    const struct serial_config *serial = &vm->config->serial[index];
    const bool console = serial->hardware == SERIAL_HARDWARE_VIRTIO_CONSOLE;
    struct display_chardev *chardev = &display->chardev[display->n_chardevs++];
    const unsigned int number = (unsigned int)serial->number;

    snprintf(chardev->name, sizeof(chardev->name), "%s.%u", console ? "console" : "serial",
             number - 1);
    snprintf(chardev->label, sizeof(chardev->label), "%s %u", console ? "Console" : "Serial",
             number);
    chardev->stream_fd = fd_plan_add(plan, vm->serial[index].display_fd);
    chardev->history_fd = fd_plan_add(plan, vm->serial[index].history_fd);
    chardev->output_fd = fd_plan_add(plan, vm->resources.serial_output_fd[index]);
    chardev->input_fd = fd_plan_add(plan, vm->resources.serial_input_fd[index]);
}

void
setup_display_machine(const struct vm *vm, struct fd_plan *plan, struct display_setup *display)
{
    snprintf(display->vm_uuid, sizeof(display->vm_uuid), "%s", vm->uuid);
    display->gpu_fd = fd_plan_add(plan, vm->gpu.display_fd);
    display->keyboard_fd = fd_plan_add(plan, vm->keyboard.display_fd);
    display->pointer_fd = fd_plan_add(plan, vm->pointer.display_fd);
    for (size_t i = 0; i < vm->config->n_serial; i++) {
        plan_chardev(vm, i, plan, display);
    }
}

void
setup_display(const struct child *child, struct fd_plan *plan, union any_setup *setup)
{
    const struct vm *vm = child->vm;
    struct display_setup *display = &setup->display;

    if (vm->instance) { /* the machine comes later, with DISPLAY_CREATED */
        display->lifecycle = 1;
        display->listen_fd = fd_plan_add(plan, instance_connection(vm->instance));
    } else {
        snprintf(display->vm_name, sizeof(display->vm_name), "%s", vm->runtime->name);
        display->listen_fd = fd_plan_add(plan, vm->runtime->listen_fd);
    }
    setup_display_machine(vm, plan, display);
}

void
setup_loader(const struct child *child, struct fd_plan *plan, union any_setup *setup)
{
    const struct vm *vm = child->vm;
    struct loader_setup *loader = &setup->loader;

    loader->ram_size = vm->config->mem.size * MIB;
    loader->ram_fd = fd_plan_add(plan, vm->resources.ram_fd);
    loader->kernel_fd = fd_plan_add(plan, vm->resources.kernel_fd);
    loader->initrd_fd = fd_plan_add(plan, vm->resources.initrd_fd);
    loader->stored_fd = fd_plan_add(plan, vm->kernel_cache.stored_fd);
    loader->store_fd = fd_plan_add(plan, vm->kernel_cache.store_fd);
    command_line_make(vm->config, loader->command_line, sizeof(loader->command_line));
    snprintf(loader->kernel_name, sizeof(loader->kernel_name), "%.*s", NAME_IN_SENTENCE - 1,
             base_name(vm->config->kernel));
    if (vm->config->initrd) {
        snprintf(loader->initrd_name, sizeof(loader->initrd_name), "%.*s", NAME_IN_SENTENCE - 1,
                 base_name(vm->config->initrd));
    }
}

void
setup_machine(const struct child *child, struct fd_plan *plan, union any_setup *setup)
{
    const struct vm *vm = child->vm;
    struct machine_setup *machine = &setup->machine;

    machine->n_cpus = (uint32_t)vm->config->cpus.count;
    machine->ram_size = vm->config->mem.size * MIB;
    machine->kvm_fd = fd_plan_add(plan, vm->resources.kvm_fd);
    machine->ram_fd = fd_plan_add(plan, vm->resources.ram_fd);
    machine->debug_fd = fd_plan_add(plan, vm->debug.machine_fd);
    for (size_t i = 0; i < MACHINE_SERIAL_MAX; i++) {
        machine->serial_fd[i] = -1;
    }
    for (size_t i = 0; i < vm->config->n_serial; i++) {
        const struct serial_config *serial = &vm->config->serial[i];

        if (serial->hardware == SERIAL_HARDWARE_SERIAL) {
            machine->serial_fd[serial->number - 1] = fd_plan_add(plan, vm->serial[i].port_fd);
            machine->n_serial++;
        }
    }
}

void
setup_gdb(const struct child *child, struct fd_plan *plan, union any_setup *setup)
{
    const struct vm *vm = child->vm;

    setup->gdb.n_cpus = (uint32_t)vm->config->cpus.count;
    setup->gdb.listen_fd = fd_plan_add(plan, vm->resources.gdb.listen_fd);
    setup->gdb.machine_fd = fd_plan_add(plan, vm->debug.gdb_fd);
}

static void
plan_device(const struct child *child, struct fd_plan *plan, struct device_setup *device)
{
    device->vhost_fd = fd_plan_add(plan, child->vm->device[child->device].back_fd);
}

void
setup_rng(const struct child *child, struct fd_plan *plan, union any_setup *setup)
{
    plan_device(child, plan, &setup->device);
}

void
setup_balloon(const struct child *child, struct fd_plan *plan, union any_setup *setup)
{
    plan_device(child, plan, &setup->balloon.device);
    setup->balloon.flags = child->vm->config->balloon_page_reporting ? BALLOON_PAGE_REPORTING : 0;
}

void
setup_block(const struct child *child, struct fd_plan *plan, union any_setup *setup)
{
    const struct block_config *config = &child->vm->config->block[child->index];
    const struct disk_resource *disk = &child->vm->resources.disk[child->index];
    struct block_setup *block = &setup->block;

    plan_device(child, plan, &block->device);
    block->disk_fd = disk->format == BLOCK_COMPOSITE ? -1 : fd_plan_add(plan, disk->fd);
    block->flags = (config->read_only ? BLOCK_READ_ONLY : 0) | (config->sparse ? BLOCK_SPARSE : 0);
    block->flags |= config->when_full == WHEN_FULL_PAUSE ? BLOCK_WAITS_FOR_ROOM : 0;
    block->size = disk->size;
    block->format = disk->format;
    for (size_t i = 0; i < disk->n_more; i++) {
        block->more[i] = disk->more[i];
        block->more[i].fd = fd_plan_add(plan, disk->more[i].fd);
    }
    block->n_more = (uint32_t)disk->n_more;
    block->block_size = (uint32_t)config->block_size;
    block->counters_fd = fd_plan_add(plan, disk->counters_fd);
    if (config->id) {
        memcpy(block->serial, config->id, MIN_OF(strlen(config->id), sizeof(block->serial)));
    }
}

void
setup_console(const struct child *child, struct fd_plan *plan, union any_setup *setup)
{
    plan_device(child, plan, &setup->console.device);
    setup->console.stream_fd = fd_plan_add(plan, child->vm->serial[child->index].port_fd);
}

static uint32_t
millimetres(uint64_t pixels, uint64_t dpi)
{
    return (uint32_t)(pixels * 254 / (dpi * 10));
}

/* Returns the pixels of all displays together. */
static uint64_t
plan_screens(const struct gpu_config *config, struct gpu_setup *gpu)
{
    uint64_t pixels = 0;

    gpu->screen[0].width = (uint32_t)config->width;
    gpu->screen[0].height = (uint32_t)config->height;
    for (size_t i = 0; i < config->n_screen; i++) {
        const struct screen_config *screen = &config->screen[i];
        gpu->screen[i] =
            (struct gpu_screen){.width = (uint32_t)screen->size[0],
                                .height = (uint32_t)screen->size[1],
                                .width_mm = millimetres(screen->size[0], screen->dpi[0]),
                                .height_mm = millimetres(screen->size[1], screen->dpi[1])};
    }
    for (size_t i = 0; i < GPU_SCANOUTS_MAX; i++) {
        pixels += (uint64_t)gpu->screen[i].width * gpu->screen[i].height;
    }
    return pixels;
}

/* What the user chose among the kinds of contexts that draw, where that can be had. */
static uint32_t
plan_capsets(const struct gpu_config *config, uint32_t level)
{
    const bool vulkan = level == GPU_LEVEL_VENUS && (config->context_types & GPU_CONTEXT_VENUS);

    return (config->context_types & GPU_CONTEXT_VIRGL ? 1U << GPU_CAPSET_VIRGL : 0) |
           (config->context_types & GPU_CONTEXT_VIRGL2 ? 1U << GPU_CAPSET_VIRGL2 : 0) |
           (vulkan ? 1U << GPU_CAPSET_VENUS : 0);
}

void
setup_gpu(const struct child *child, struct fd_plan *plan, union any_setup *setup)
{
    static const uint32_t faults[GPU_FAULTS] = {
        [GPU_FAULT_START] = GPU_FAULT_AT_START,       [GPU_FAULT_SUBMIT] = GPU_FAULT_AT_SUBMIT,
        [GPU_FAULT_FENCE] = GPU_FAULT_LATE_FENCE,     [GPU_FAULT_MEMORY] = GPU_FAULT_NO_MEMORY,
        [GPU_FAULT_COMMAND] = GPU_FAULT_LOST_COMMAND, [GPU_FAULT_DRAW_CRASH] = GPU_FAULT_CRASH,
        [GPU_FAULT_DRAW_HANG] = GPU_FAULT_HANG,
    };
    const struct gpu_config *config = &child->vm->config->gpu;
    struct gpu_setup *gpu = &setup->gpu;

    plan_device(child, plan, &gpu->device);
    gpu->display_fd = fd_plan_add(plan, child->vm->gpu.device_fd);
    gpu->render_fd = fd_plan_add(plan, child->vm->graphics.render_fd);
    gpu->venus_fd = fd_plan_add(plan, child->vm->venus.gpu_fd);
    gpu->level = child->vm->graphics.level;
    gpu->capsets = plan_capsets(config, gpu->level);
    gpu->alarm_fd = fd_plan_add(plan, child->vm->card_watch.alarm_fd);
    gpu->fault = faults[config->fault];
    gpu->fault_every = (uint32_t)config->fault_every;
    gpu->takes_over = child->restarts > 0;
    if (gpu->takes_over && (gpu->fault == GPU_FAULT_CRASH || gpu->fault == GPU_FAULT_HANG)) {
        gpu->fault =
            GPU_FAULT_AT_NONE; /* it was for the one before: the next one would come to nothing */
    }
    gpu->suspects = gpu->takes_over && child->vm->revival.suspects;
    gpu->lost_3d = gpu->takes_over && child->vm->graphics.had_3d;
    gpu->journal_fd = fd_plan_add(plan, child->vm->gpu_journal_fd);
    /* A recording ends with the process that wrote it: it would lack what was there before. */
    gpu->record_fd = gpu->takes_over ? -1 : fd_plan_add(plan, child->vm->resources.gpu_record_fd);
    gpu->udmabuf_fd = fd_plan_add(plan, child->vm->resources.udmabuf_fd);
    gpu->wayland_fd = fd_plan_add(plan, child->vm->wayland.gpu_fd);
    gpu->n_scanouts = (uint32_t)config->displays;
    /*
     * Room for a few pictures of each screen, and at least what a desktop's clients take, which is
     * more when they draw in 3D, and as much as the guest can map when their windows are the host's:
     * foot makes pools of 512 MiB, of which it touches little, and wayland-proxy-virtwl asks for all
     * of each, and lets go of it some time after foot did. Where the window is full, the guest's
     * kernel refuses, and the proxy goes on; where the limit is reached first, it dies.
     */
    uint64_t clients = child->vm->wayland.gpu_fd >= 0               ? 8192 * MIB
                       : gpu->level != GPU_LEVEL_2D || gpu->lost_3d ? 2048 * MIB
                                                                    : 512 * MIB;
    gpu->vulkan_contexts = (uint32_t)config->vulkan_contexts;
    gpu->memory_limit = MAX_OF(clients, plan_screens(config, gpu) * 4 * 8);
}

void
setup_render(const struct child *child, struct fd_plan *plan, union any_setup *setup)
{
    setup->render.venus_fd = fd_plan_add(plan, child->vm->venus.render_fd);
}

void
setup_keyboard(const struct child *child, struct fd_plan *plan, union any_setup *setup)
{
    plan_device(child, plan, &setup->input.device);
    setup->input.display_fd = fd_plan_add(plan, child->vm->keyboard.device_fd);
    setup->input.kind = INPUT_KEYBOARD;
}

void
setup_pointer(const struct child *child, struct fd_plan *plan, union any_setup *setup)
{
    plan_device(child, plan, &setup->input.device);
    setup->input.display_fd = fd_plan_add(plan, child->vm->pointer.device_fd);
    setup->input.kind = INPUT_POINTER;
}

void
setup_wayland_guard(const struct child *child, struct fd_plan *plan, union any_setup *setup)
{
    const struct vm *vm = child->vm;
    struct guard_setup *guard = &setup->guard;

    guard->gpu_fd = fd_plan_add(plan, vm->wayland.guard_fd);
    guard->compositor_fd = fd_plan_add(plan, vm->wayland.compositor_fd);
    guard->listen_fd = fd_plan_add(plan, vm->wayland.listen_fd);
    snprintf(guard->vm_name, sizeof(guard->vm_name), "%s", vm->runtime->name);
    snprintf(guard->vm_uuid, sizeof(guard->vm_uuid), "%s", vm->uuid);
}
