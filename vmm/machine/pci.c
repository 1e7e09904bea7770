/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/machine/pci.h"

#include <errno.h>
#include <pthread.h>

#include "vmm/base/assert.h"
#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"
#include "vmm/base/log.h"
#include "vmm/base/memory.h"
#include "vmm/machine/pci-function.h"
#include "vmm/machine/virtio-pci.h"

enum {
    SLOTS = 32,
    PORT_ADDRESS = 0xcf8, /* configuration mechanism 1 */
    PORTS_LENGTH = 8,
    RESET_REGISTER = 1, /* port 0xcf9, offset from PORT_ADDRESS */
    RESET_CPU = 1 << 2,
    ECAM_DEVICE_SHIFT = 15,
    ECAM_FUNCTION_SHIFT = 12,
    CAM_DEVICE_SHIFT = 11,
    CAM_FUNCTION_SHIFT = 8,
    BUS_FUNCTIONS = 8,
};

struct pci_root {
    struct vm *vm;
    struct pci_windows windows;
    uint64_t next_low; /* first address that no BAR has at power-on */
    uint64_t next_high;
    _Atomic uint32_t port_address;
    struct pci_function bridge;
    struct pci_function *functions[SLOTS]; /* constant once the guest runs */
    struct virtio_pci *devices[SLOTS];
    unsigned int n_slots;
    pthread_mutex_t line_lock;
    unsigned int line_users[SLOTS]; /* functions that drive a line, by its lowest slot */
    pci_lost_handler lost;
    void *lost_data;
};

struct vm *
pci_root_vm(const struct pci_root *root)
{
    return root->vm;
}

uint64_t
pci_root_place_high(struct pci_root *root, uint64_t size)
{
    const struct pci_windows *w = &root->windows;
    uint64_t home = align_up(root->next_high, size);

    if (!range_inside(home - w->high_start, size, w->high_size)) {
        return 0;
    }
    root->next_high = home + size;
    return home;
}

bool
pci_root_decodes(const struct pci_root *root, uint64_t address, uint64_t size)
{
    const struct pci_windows *w = &root->windows;

    return (address >= w->low_start && range_inside(address - w->low_start, size, w->low_size)) ||
           (address >= w->high_start && range_inside(address - w->high_start, size, w->high_size));
}

/* The lowest slot whose INTA is the same line. */
static unsigned int
line_of(unsigned int slot)
{
    unsigned int i = 0;

    while (vm_pci_line(i, 1) != vm_pci_line(slot, 1)) {
        i++;
    }
    return i;
}

void
pci_function_update_intx(struct pci_function *fn)
{
    struct pci_root *root = fn->root;
    unsigned int *users = &root->line_users[line_of(fn->slot)];
    bool drive;

    pthread_mutex_lock(&root->line_lock);
    drive = atomic_load(&fn->intx) && !atomic_load(&fn->intx_off);
    if (drive != fn->intx_driven) {
        fn->intx_driven = drive;
        *users += drive ? 1 : UINT32_MAX;
        if (*users == (drive ? 1 : 0)) {
            vm_set_line(root->vm, vm_pci_line(fn->slot, 1), drive);
        }
    }
    pthread_mutex_unlock(&root->line_lock);
}

void
pci_function_set_intx(struct pci_function *fn, bool level)
{
    atomic_store(&fn->intx, level);
    pci_function_update_intx(fn);
}

static struct pci_function *
find_function(const struct pci_root *root, uint32_t bus, uint32_t device, uint32_t function)
{
    return bus == 0 && device < SLOTS && function == 0 ? root->functions[device] : NULL;
}

/* Split an offset into the configuration range. */
static struct pci_function *
decode_config(const struct pci_root *root, uint64_t offset, uint32_t *ret_register)
{
    unsigned int device_shift = root->windows.cam ? CAM_DEVICE_SHIFT : ECAM_DEVICE_SHIFT;
    unsigned int function_shift = root->windows.cam ? CAM_FUNCTION_SHIFT : ECAM_FUNCTION_SHIFT;
    uint32_t device = (uint32_t)(offset >> device_shift) & (SLOTS - 1);
    uint32_t function = (uint32_t)(offset >> function_shift) & (BUS_FUNCTIONS - 1);

    *ret_register = (uint32_t)(offset & ((UINT64_C(1) << function_shift) - 1));
    return find_function(root, (uint32_t)(offset >> (device_shift + 5)), device, function);
}

static uint64_t
config_range_read(void *data, uint64_t offset, unsigned int size)
{
    struct pci_root *root = data;
    uint32_t reg;
    struct pci_function *fn = decode_config(root, offset, &reg);

    return fn ? pci_function_read(fn, reg, size) : UINT64_MAX;
}

static void
config_range_write(void *data, uint64_t offset, unsigned int size, uint64_t value)
{
    struct pci_root *root = data;
    uint32_t reg;
    struct pci_function *fn = decode_config(root, offset, &reg);

    if (fn) {
        pci_function_write(fn, reg, size, value);
    }
}

static const struct vm_range_ops config_range_ops = {config_range_read, config_range_write};

/* The function and register that 0xcfc + `byte` stands for now; NULL when none. */
static struct pci_function *
decode_port(const struct pci_root *root, uint32_t byte, uint32_t *ret_register)
{
    uint32_t address = atomic_load(&root->port_address);

    if (!(address >> 31)) {
        return NULL;
    }
    *ret_register = (address & 0xfc) + byte;
    return find_function(root, (address >> 16) & 0xff, (address >> 11) & 31, (address >> 8) & 7);
}

static uint64_t
port_read(void *data, uint64_t offset, unsigned int size)
{
    struct pci_root *root = data;
    struct pci_function *fn;
    uint32_t reg;

    if (offset < 4) {
        return offset == 0 && size == 4 ? atomic_load(&root->port_address) : UINT64_MAX;
    }
    fn = decode_port(root, (uint32_t)offset - 4, &reg);
    return fn ? pci_function_read(fn, reg, size) : UINT64_MAX;
}

static void
port_write(void *data, uint64_t offset, unsigned int size, uint64_t value)
{
    struct pci_root *root = data;
    struct pci_function *fn;
    uint32_t reg;

    if (offset == 0 && size == 4) {
        atomic_store(&root->port_address, (uint32_t)value & UINT32_C(0x80fffffc));
    } else if (offset == RESET_REGISTER && size == 1 && (value & RESET_CPU)) {
        vm_end(root->vm, MACHINE_END_RESET, "reset", "The guest reset the machine.");
    } else if (offset >= 4) {
        fn = decode_port(root, (uint32_t)offset - 4, &reg);
        if (fn) {
            pci_function_write(fn, reg, size, value);
        }
    }
}

static const struct vm_range_ops port_ops = {port_read, port_write};

/* The BAR that decodes all of the access; lower slots win where a guest made them overlap. */
static struct pci_function *
decode_memory(const struct pci_root *root, uint64_t address, unsigned int size,
              unsigned int *ret_bar, uint64_t *ret_offset)
{
    for (unsigned int i = 0; i < root->n_slots * PCI_BARS; i++) {
        struct pci_function *fn = root->functions[i / PCI_BARS];
        const struct pci_bar *bar = &fn->bars[i % PCI_BARS];
        uint64_t start = atomic_load(&bar->mapped);

        if (start != 0 && address >= start && range_inside(address - start, size, bar->size)) {
            *ret_bar = i % PCI_BARS;
            *ret_offset = address - start;
            return fn;
        }
    }
    return NULL;
}

static uint64_t
window_read(const struct pci_root *root, uint64_t address, unsigned int size)
{
    unsigned int bar;
    uint64_t offset;
    struct pci_function *fn = decode_memory(root, address, size, &bar, &offset);

    return fn && fn->ops->bar_read ? fn->ops->bar_read(fn->device, bar, offset, size) : UINT64_MAX;
}

static void
window_write(const struct pci_root *root, uint64_t address, unsigned int size, uint64_t value)
{
    unsigned int bar;
    uint64_t offset;
    struct pci_function *fn = decode_memory(root, address, size, &bar, &offset);

    if (fn && fn->ops->bar_write) {
        fn->ops->bar_write(fn->device, bar, offset, size, value);
    }
}

static uint64_t
low_read(void *data, uint64_t offset, unsigned int size)
{
    const struct pci_root *root = data;

    return window_read(root, root->windows.low_start + offset, size);
}

static void
low_write(void *data, uint64_t offset, unsigned int size, uint64_t value)
{
    const struct pci_root *root = data;

    window_write(root, root->windows.low_start + offset, size, value);
}

static uint64_t
high_read(void *data, uint64_t offset, unsigned int size)
{
    const struct pci_root *root = data;

    return window_read(root, root->windows.high_start + offset, size);
}

static void
high_write(void *data, uint64_t offset, unsigned int size, uint64_t value)
{
    const struct pci_root *root = data;

    window_write(root, root->windows.high_start + offset, size, value);
}

static const struct vm_range_ops low_ops = {low_read, low_write};
static const struct vm_range_ops high_ops = {high_read, high_write};

/*
 * The windows are claimed whole and for ever; BARs are looked up in them, so a guest that moves one
 * while another vCPU is inside it has nothing to wait for.
 */
static int
claim_ranges(struct pci_root *root)
{
    const struct pci_windows *w = &root->windows;
    int r = vm_add_range(root->vm, VM_SPACE_MEMORY, w->ecam_start, w->ecam_size,
                         "PCI configuration", &config_range_ops, root);

    if (r == 0) {
        r = vm_add_range(root->vm, VM_SPACE_MEMORY, w->low_start, w->low_size, "PCI memory",
                         &low_ops, root);
    }
    if (r == 0 && w->high_size > 0) {
        r = vm_add_range(root->vm, VM_SPACE_MEMORY, w->high_start, w->high_size,
                         "PCI 64-bit memory", &high_ops, root);
    }
    if (r == 0 && w->ports) {
        r = vm_add_range(root->vm, VM_SPACE_PORT, PORT_ADDRESS, PORTS_LENGTH, "PCI configuration",
                         &port_ops, root);
    }
    return r;
}

struct pci_root *
pci_root_create(struct vm *vm, const struct pci_windows *windows)
{
    /* A host bridge without registers of its own, which no guest has a driver for. */
    static const struct pci_identity bridge = {
        .vendor = 0x1b36, .device = 0x0008, .class_code = 0x060000};
    static const struct pci_function_ops no_ops = {0};
    struct pci_root *root = xalloc(sizeof(*root));
    int r;

    root->vm = vm;
    root->windows = *windows;
    root->next_low = windows->low_start;
    root->next_high = windows->high_start;
    pthread_mutex_init(&root->line_lock, NULL);
    pci_function_init(&root->bridge, &bridge);
    root->bridge.root = root;
    root->bridge.ops = &no_ops;
    pci_function_seal(&root->bridge);
    root->functions[0] = &root->bridge;
    root->n_slots = 1;
    r = claim_ranges(root);
    if (r < 0) {
        pci_root_destroy(root);
        errno = -r;
        return NULL;
    }
    return root;
}

void
pci_root_destroy(struct pci_root *root)
{
    if (!root) {
        return;
    }
    for (unsigned int i = 0; i < root->n_slots; i++) {
        virtio_pci_destroy(root->devices[i]);
    }
    pci_function_finish(&root->bridge);
    pthread_mutex_destroy(&root->line_lock);
    free(root);
}

void
pci_root_watch(struct pci_root *root, pci_lost_handler handler, void *data)
{
    root->lost = handler;
    root->lost_data = data;
}

void
pci_root_device_lost(struct pci_root *root, const char *name, const char *sentence)
{
    if (root->lost) {
        root->lost(root->lost_data, name, sentence);
    }
}

int
pci_root_add_virtio(struct pci_root *root, const struct machine_add_device *request, int vhost_fd,
                    const char **ret_sentence)
{
    cleanup_fd int fd = vhost_fd;
    const uint64_t size = VIRTIO_PCI_BAR_SIZE;
    struct virtio_pci_place place = {.root = root, .slot = root->n_slots};
    struct virtio_pci *device;
    int r;

    place.bar_home = align_up(root->next_low, size);
    if (root->n_slots == SLOTS ||
        !range_inside(place.bar_home - root->windows.low_start, size, root->windows.low_size)) {
        *ret_sentence = "The machine has no place for another PCI device.";
        return -ENOSPC;
    }
    r = virtio_pci_create(&place, request, take_fd(&fd), &device, ret_sentence);
    if (r < 0) {
        return r;
    }
    root->next_low = place.bar_home + size;
    root->devices[root->n_slots] = device;
    root->functions[root->n_slots] = virtio_pci_function(device);
    root->n_slots++;
    return 0;
}

int
pci_root_replace_virtio(struct pci_root *root, const char *name, int vhost_fd,
                        const char **ret_sentence)
{
    cleanup_fd int fd = vhost_fd;

    for (unsigned int i = 1; i < root->n_slots; i++) {
        if (strcmp(virtio_pci_name(root->devices[i]), name) == 0) {
            return virtio_pci_replace(root->devices[i], take_fd(&fd), ret_sentence);
        }
    }
    *ret_sentence = "The machine has no such device.";
    return -ENODEV;
}

void
pci_root_hold(struct pci_root *root, bool hold)
{
    for (unsigned int i = 1; i < root->n_slots; i++) {
        virtio_pci_hold(root->devices[i], hold);
    }
}

void
pci_root_reset(struct pci_root *root)
{
    for (unsigned int i = 1; i < root->n_slots; i++) {
        virtio_pci_reset(root->devices[i]);
        pci_function_reset(root->functions[i]);
    }
    atomic_store(&root->port_address, 0);
}
