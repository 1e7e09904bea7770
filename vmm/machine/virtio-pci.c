/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/machine/virtio-pci.h"
#include "vmm/machine/blob-window.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>

#include "vmm/base/bytes.h"
#include "vmm/base/log.h"
#include "vmm/base/memory.h"
#include "vmm/machine/msix.h"
#include "vmm/machine/pci.h"
#include "vmm/machine/virtio-common.h"
#include "vmm/vhost/frontend.h"
#include "vmm/vhost/vhost-protocol.h"

enum {
    VENDOR = 0x1af4,
    DEVICE_BASE = 0x1040, /* + virtio id */
    CAP_ID_MSIX = 0x11,
    CAP_ID_VENDOR = 0x09,

    /* The vendor capability, offsets from its start. */
    CAP_BAR = 4,
    CAP_OFFSET = 8,
    CAP_LENGTH = 12,
    CAP_EXTRA = 16, /* notify multiplier, or the PCI access window's data */
    CAP_SIZE = 16,

    MSIX_CONTROL = 2, /* offset from the capability's start */
    MSIX_ENABLE = 1 << 15,
    MSIX_MASK_ALL = 1 << 14,

    ISR_QUEUE = 1 << 0,
    ISR_CONFIG = 1 << 1,
    REGION_MASK = 0xfff, /* the BAR's regions are one page each, the last one three */
};

struct virtio_pci {
    struct pci_function function;
    struct virtio_device *device;
    struct msix *msix;
    uint32_t msix_cap;
    uint32_t access_cap; /* the PCI configuration access capability */
    unsigned int n_queues;

    pthread_mutex_t lock; /* device lock: the registers and all talk with the back end */
    struct virtio_common common;
    bool held;
    uint64_t bar_address;
    uint64_t kick_address[MACHINE_QUEUES_MAX]; /* where KVM watches for kicks; 0: nowhere */
    _Atomic bool broken_reported;

    pthread_mutex_t isr_lock; /* of `isr` and the line that follows it */
    uint8_t isr;
    struct loop_source *interrupts;
    struct log_limit limit;
};

/* The shared memory region, or NULL. */
static struct blob_window *
window_of(const struct virtio_pci *vp)
{
    uint8_t id;

    return virtio_device_window(vp->device, &id);
}

struct pci_function *
virtio_pci_function(struct virtio_pci *vp)
{
    return &vp->function;
}

/* --- interrupts --- */

static void
update_line(struct virtio_pci *vp)
{
    pci_function_set_intx(&vp->function, vp->isr != 0 && !msix_is_enabled(vp->msix));
}

/* Control thread: a source without irqfd fired. */
static void
interrupts_ready(void *data, uint32_t events)
{
    struct virtio_pci *vp = data;
    uint32_t fired;

    pthread_mutex_lock(&vp->isr_lock);
    fired = msix_collect(vp->msix);
    if (!virtio_common_is_started(&vp->common)) {
        fired = 0; /* left over from before a reset; no driver would read ISR */
    }
    if (fired & ((UINT32_C(1) << vp->n_queues) - 1)) {
        vp->isr |= ISR_QUEUE;
    }
    if (fired >> vp->n_queues) {
        vp->isr |= ISR_CONFIG;
    }
    update_line(vp);
    pthread_mutex_unlock(&vp->isr_lock);
}

static uint8_t
take_isr(struct virtio_pci *vp)
{
    uint8_t isr;

    pthread_mutex_lock(&vp->isr_lock);
    isr = vp->isr;
    vp->isr = 0;
    update_line(vp);
    pthread_mutex_unlock(&vp->isr_lock);
    return isr;
}

/* --- kicks --- */

/* Let KVM watch the notify addresses exactly while the device runs and the BAR is decoded. */
static void
update_kicks(struct virtio_pci *vp)
{
    struct vm *vm = pci_root_vm(vp->function.root);
    bool run = virtio_common_is_started(&vp->common) && vp->bar_address != 0;

    for (unsigned int i = 0; i < vp->n_queues; i++) {
        uint64_t address =
            vp->bar_address + VIRTIO_PCI_NOTIFY + (uint64_t)i * VIRTIO_PCI_NOTIFY_MULTIPLIER;
        int fd = virtio_device_kick_fd(vp->device, i);
        uint64_t wanted = run && vp->common.queues[i].enabled ? address : 0;

        if (wanted == vp->kick_address[i]) {
            continue;
        }
        if (vp->kick_address[i]) {
            vm_detach_kick(vm, vp->kick_address[i], fd);
            vp->kick_address[i] = 0;
        }
        if (wanted && vm_attach_kick(vm, wanted, fd) == 0) {
            vp->kick_address[i] = wanted;
        } else if (wanted) {
            log_limited(&vp->limit, LOG_LEVEL_WARNING, "%s: kicks go the long way",
                        virtio_device_name(vp->device));
        }
    }
}

/* A kick that KVM did not take: before DRIVER_OK and after reset it is dropped. */
static void
write_notify(struct virtio_pci *vp, uint64_t offset)
{
    uint64_t index = offset / VIRTIO_PCI_NOTIFY_MULTIPLIER;

    if (index < vp->n_queues && virtio_common_is_started(&vp->common) &&
        vp->common.queues[index].enabled) {
        (void)eventfd_write(virtio_device_kick_fd(vp->device, (unsigned int)index), 1);
    }
}

/* --- the BAR; device lock held below here --- */

static void
check_broken(struct virtio_pci *vp)
{
    if (virtio_device_failed(vp->device) && !atomic_exchange(&vp->broken_reported, true)) {
        log_warning("%s: the device process does not answer as it should",
                    virtio_device_name(vp->device));
        virtio_common_set_broken(&vp->common);
    }
}

static void
finish_reset(struct virtio_pci *vp)
{
    update_kicks(vp);
    pthread_mutex_lock(&vp->isr_lock);
    vp->isr = 0;
    update_line(vp);
    pthread_mutex_unlock(&vp->isr_lock);
}

static void
write_common(struct virtio_pci *vp, uint64_t offset, unsigned int size, uint64_t value)
{
    switch (virtio_common_write(&vp->common, offset, size, value)) {
    case VIRTIO_COMMON_STARTED:
        update_kicks(vp);
        break;
    case VIRTIO_COMMON_RESET:
        finish_reset(vp);
        break;
    case VIRTIO_COMMON_NOTHING:
    default:
        break;
    }
}

static uint64_t
read_config(struct virtio_pci *vp, uint64_t offset, unsigned int size)
{
    uint8_t bytes[8] = {0};

    if (offset < VHOST_CONFIG_MAX) {
        virtio_device_config_read(vp->device, (uint32_t)offset, bytes, size);
    }
    return load_le64(bytes);
}

static void
write_config(struct virtio_pci *vp, uint64_t offset, unsigned int size, uint64_t value)
{
    uint8_t bytes[8];

    store_le64(bytes, value);
    if (offset < VHOST_CONFIG_MAX) {
        virtio_device_config_write(vp->device, (uint32_t)offset, bytes, size);
    }
}

static uint64_t
read_locked(struct virtio_pci *vp, uint64_t offset, unsigned int size)
{
    uint64_t value = 0;

    pthread_mutex_lock(&vp->lock);
    if (offset < VIRTIO_PCI_ISR) {
        value = virtio_common_read(&vp->common, offset, size);
    } else if (offset >= VIRTIO_PCI_DEVICE && offset < VIRTIO_PCI_NOTIFY) {
        value = read_config(vp, offset - VIRTIO_PCI_DEVICE, size);
        check_broken(vp);
    }
    pthread_mutex_unlock(&vp->lock);
    return value;
}

static uint64_t
bar_read(void *data, unsigned int bar, uint64_t offset, unsigned int size)
{
    struct virtio_pci *vp = data;

    if (bar == VIRTIO_PCI_WINDOW_BAR) {
        blob_window_missed(window_of(vp), offset, false);
        return 0;
    }
    if (offset == VIRTIO_PCI_ISR) {
        return take_isr(vp);
    }
    if (offset >= VIRTIO_PCI_MSIX_TABLE && offset < VIRTIO_PCI_MSIX_PENDING) {
        return msix_table_read(vp->msix, offset & REGION_MASK, size);
    }
    if (offset == VIRTIO_PCI_MSIX_PENDING) {
        return msix_pending(vp->msix);
    }
    return read_locked(vp, offset, size);
}

static void
bar_write(void *data, unsigned int bar, uint64_t offset, unsigned int size, uint64_t value)
{
    struct virtio_pci *vp = data;

    if (bar == VIRTIO_PCI_WINDOW_BAR) {
        blob_window_missed(window_of(vp), offset, true);
        return;
    }
    if (offset >= VIRTIO_PCI_MSIX_TABLE) {
        if (offset < VIRTIO_PCI_MSIX_PENDING) {
            msix_table_write(vp->msix, offset & REGION_MASK, size, value);
        }
        return;
    }
    pthread_mutex_lock(&vp->lock);
    if (offset < VIRTIO_PCI_ISR) {
        write_common(vp, offset, size, value);
    } else if (offset >= VIRTIO_PCI_NOTIFY) {
        write_notify(vp, offset - VIRTIO_PCI_NOTIFY);
    } else if (offset >= VIRTIO_PCI_DEVICE) {
        write_config(vp, offset - VIRTIO_PCI_DEVICE, size, value);
    }
    check_broken(vp);
    pthread_mutex_unlock(&vp->lock);
}

static void
bar_moved(void *data, unsigned int bar, uint64_t address)
{
    struct virtio_pci *vp = data;

    if (bar == VIRTIO_PCI_WINDOW_BAR) {
        blob_window_move(window_of(vp), address);
        return;
    }
    pthread_mutex_lock(&vp->lock);
    vp->bar_address = address;
    update_kicks(vp);
    pthread_mutex_unlock(&vp->lock);
}

/* --- configuration space --- */

/* What the access capability points at; false when that is nothing that may be accessed. */
static bool
decode_access(const struct virtio_pci *vp, uint32_t *ret_offset, uint32_t *ret_size)
{
    const uint8_t *cap = vp->function.config + vp->access_cap;
    uint32_t size = load_le32(cap + CAP_LENGTH);

    *ret_offset = load_le32(cap + CAP_OFFSET);
    *ret_size = size;
    return cap[CAP_BAR] == VIRTIO_PCI_BAR && (size == 1 || size == 2 || size == 4) &&
           *ret_offset % size == 0 && range_inside(*ret_offset, size, VIRTIO_PCI_BAR_SIZE);
}

static bool
touches(uint32_t offset, unsigned int size, uint32_t at, uint32_t length)
{
    return offset < at + length && offset + size > at;
}

static void
config_written(void *data, uint32_t offset, unsigned int size)
{
    struct virtio_pci *vp = data;
    uint8_t *config = vp->function.config;
    uint32_t at;
    uint32_t length;

    if (touches(offset, size, vp->msix_cap + MSIX_CONTROL, 2)) {
        uint16_t control = load_le16(config + vp->msix_cap + MSIX_CONTROL);

        msix_set_control(vp->msix, (control & MSIX_ENABLE) != 0, (control & MSIX_MASK_ALL) != 0);
        pthread_mutex_lock(&vp->isr_lock);
        update_line(vp);
        pthread_mutex_unlock(&vp->isr_lock);
    }
    if (touches(offset, size, vp->access_cap + CAP_EXTRA, 4) && decode_access(vp, &at, &length)) {
        bar_write(vp, VIRTIO_PCI_BAR, at, length, load_le32(config + vp->access_cap + CAP_EXTRA));
    }
}

static void
config_reading(void *data, uint32_t offset, unsigned int size)
{
    struct virtio_pci *vp = data;
    uint32_t at;
    uint32_t length;

    if (touches(offset, size, vp->access_cap + CAP_EXTRA, 4) && decode_access(vp, &at, &length)) {
        store_le32(vp->function.config + vp->access_cap + CAP_EXTRA,
                   (uint32_t)bar_read(vp, VIRTIO_PCI_BAR, at, length));
    }
}

static const struct pci_function_ops function_ops = {
    .bar_read = bar_read,
    .bar_write = bar_write,
    .bar_moved = bar_moved,
    .config_written = config_written,
    .config_reading = config_reading,
};

/* Add a vendor capability for a region of the BAR; `extra` bytes follow it. */
static uint32_t
add_region(struct virtio_pci *vp, uint8_t type, uint32_t offset, uint32_t length, uint32_t extra)
{
    uint8_t cap[CAP_SIZE + 4] = {0};
    uint8_t mask[CAP_SIZE + 4] = {0};
    uint32_t size = CAP_SIZE + (type == VIRTIO_CAP_NOTIFY || type == VIRTIO_CAP_PCI ? 4 : 0);

    cap[2] = (uint8_t)size;
    cap[3] = type;
    cap[CAP_BAR] = VIRTIO_PCI_BAR;
    store_le32(cap + CAP_OFFSET, offset);
    store_le32(cap + CAP_LENGTH, length);
    store_le32(cap + CAP_EXTRA, extra);
    if (type == VIRTIO_CAP_PCI) {
        mask[CAP_BAR] = 0xff;
        memset(mask + CAP_OFFSET, 0xff, CAP_SIZE + 4 - CAP_OFFSET);
    }
    return pci_function_add_capability(&vp->function, CAP_ID_VENDOR, cap + 2, mask + 2, size - 2);
}

/* The whole of a BAR of its own; without a place for it the guest sees no region. */
static void
add_window(struct virtio_pci *vp)
{
    enum {
        LENGTH_HIGH = CAP_SIZE + 4, /* struct virtio_pci_cap64 */
        SIZE = CAP_SIZE + 8
    };
    uint8_t cap[SIZE] = {0};
    uint8_t id;
    const struct blob_window *window = virtio_device_window(vp->device, &id);
    uint64_t size = window ? blob_window_size(window) : 0;
    uint64_t home = size > 0 ? pci_root_place_high(vp->function.root, size) : 0;

    if (home == 0) {
        return;
    }
    pci_function_add_bar(&vp->function, VIRTIO_PCI_WINDOW_BAR, size, home, true);
    cap[2] = SIZE;
    cap[3] = VIRTIO_CAP_SHARED_MEMORY;
    cap[CAP_BAR] = VIRTIO_PCI_WINDOW_BAR;
    cap[CAP_BAR + 1] = id;
    store_le32(cap + CAP_LENGTH, (uint32_t)size);
    store_le32(cap + LENGTH_HIGH, (uint32_t)(size >> 32));
    pci_function_add_capability(&vp->function, CAP_ID_VENDOR, cap + 2, NULL, SIZE - 2);
}

static void
init_function(struct virtio_pci *vp, const struct virtio_pci_place *place,
              const struct machine_add_device *request)
{
    const struct pci_identity identity = {.vendor = VENDOR,
                                          .device = (uint16_t)(DEVICE_BASE + request->virtio_id),
                                          .subsystem_vendor = VENDOR,
                                          .subsystem_device =
                                              (uint16_t)(DEVICE_BASE + request->virtio_id),
                                          .class_code = request->pci_class & 0xffffff,
                                          .revision = 1};

    pci_function_init(&vp->function, &identity);
    vp->function.root = place->root;
    vp->function.slot = place->slot;
    vp->function.ops = &function_ops;
    vp->function.device = vp;
    vp->function.config[PCI_INTERRUPT_PIN] = 1;
    vp->function.config[PCI_INTERRUPT_LINE] = (uint8_t)vm_pci_line(place->slot, 1);
}

/* BAR and capabilities; what they hold depends on the device. */
static void
build_function(struct virtio_pci *vp, const struct virtio_pci_place *place)
{
    uint8_t msix_body[10];
    uint8_t msix_mask[10] = {0};
    uint32_t config_size = virtio_device_config_size(vp->device);

    pci_function_add_bar(&vp->function, VIRTIO_PCI_BAR, VIRTIO_PCI_BAR_SIZE, place->bar_home,
                         false);

    store_le16(msix_body, (uint16_t)vp->n_queues); /* table size - 1: queues + 1 vectors */
    store_le32(msix_body + 2, VIRTIO_PCI_MSIX_TABLE | VIRTIO_PCI_BAR);
    store_le32(msix_body + 6, VIRTIO_PCI_MSIX_PENDING | VIRTIO_PCI_BAR);
    store_le16(msix_mask, MSIX_ENABLE | MSIX_MASK_ALL);
    vp->msix_cap = pci_function_add_capability(&vp->function, CAP_ID_MSIX, msix_body, msix_mask,
                                               sizeof(msix_body));

    add_region(vp, VIRTIO_CAP_COMMON, VIRTIO_PCI_COMMON, VIRTIO_COMMON_SIZE, 0);
    add_region(vp, VIRTIO_CAP_ISR, VIRTIO_PCI_ISR, 1, 0);
    if (config_size > 0) {
        add_region(vp, VIRTIO_CAP_DEVICE, VIRTIO_PCI_DEVICE, config_size, 0);
    }
    add_region(vp, VIRTIO_CAP_NOTIFY, VIRTIO_PCI_NOTIFY,
               vp->n_queues * VIRTIO_PCI_NOTIFY_MULTIPLIER, VIRTIO_PCI_NOTIFY_MULTIPLIER);
    vp->access_cap = add_region(vp, VIRTIO_CAP_PCI, 0, 0, 0);
    add_window(vp);
    pci_function_seal(&vp->function);
}

/* --- the back end's news, on the control thread --- */

static void
on_config_changed(void *data)
{
    struct virtio_pci *vp = data;

    virtio_common_signal_config(&vp->common);
}

static void
on_lost(void *data)
{
    struct virtio_pci *vp = data;
    char sentence[START_SENTENCE_SIZE];

    atomic_store(&vp->broken_reported, true);
    virtio_common_set_broken(&vp->common);
    snprintf(sentence, sizeof(sentence), "The device %s has ended unexpectedly.",
             virtio_device_name(vp->device));
    pci_root_device_lost(vp->function.root, virtio_device_name(vp->device), sentence);
}

static int
watch(struct virtio_pci *vp, struct vm *vm)
{
    static const struct virtio_device_ops device_ops = {on_config_changed, on_lost};

    vp->interrupts = loop_add(vm_loop(vm), msix_poll_fd(vp->msix), EPOLLIN, interrupts_ready, vp);
    if (!vp->interrupts) {
        return -errno;
    }
    return virtio_device_watch(vp->device, &device_ops, vp);
}

int
virtio_pci_create(const struct virtio_pci_place *place, const struct machine_add_device *request,
                  int vhost_fd, struct virtio_pci **ret_device, const char **ret_sentence)
{
    cleanup(virtio_pci_destroyp) struct virtio_pci *vp = xalloc(sizeof(*vp));
    struct vm *vm = pci_root_vm(place->root);
    int r;

    pthread_mutex_init(&vp->lock, NULL);
    pthread_mutex_init(&vp->isr_lock, NULL);
    init_function(vp, place, request);
    r = virtio_device_create(vm, request, vhost_fd, &vp->device, ret_sentence);
    if (r < 0) {
        return r;
    }
    *ret_sentence = "The machine has no interrupts or descriptors left for another device.";
    vp->n_queues = virtio_device_queue_count(vp->device);
    vp->msix = msix_create(vm, vp->n_queues + 1);
    if (!vp->msix) {
        return -errno;
    }
    virtio_common_init(&vp->common, vp->device, vp->msix);
    build_function(vp, place);
    r = watch(vp, vm);
    if (r < 0) {
        return r;
    }
    *ret_device = take_pointer(vp);
    return 0;
}

void
virtio_pci_destroy(struct virtio_pci *vp)
{
    if (!vp) {
        return;
    }
    if (vp->device && vp->msix) {
        vp->bar_address = 0;
        update_kicks(vp);
    }
    loop_remove(vp->interrupts);
    virtio_device_destroy(vp->device);
    msix_destroy(vp->msix);
    pci_function_finish(&vp->function);
    pthread_mutex_destroy(&vp->isr_lock);
    pthread_mutex_destroy(&vp->lock);
    free(vp);
}

const char *
virtio_pci_name(const struct virtio_pci *vp)
{
    return virtio_device_name(vp->device);
}

int
virtio_pci_replace(struct virtio_pci *vp, int vhost_fd, const char **ret_sentence)
{
    struct frontend *frontend;
    int r;

    if (vhost_fd < 0) {
        virtio_device_give_up(vp->device);
        atomic_store(&vp->broken_reported, true);
        virtio_common_set_broken(&vp->common);
        return 0;
    }
    frontend = virtio_device_meet(vp->device, vhost_fd, ret_sentence);
    if (!frontend) {
        return -EPROTO;
    }
    *ret_sentence = "The new device process could not go on where the one before stood.";
    pthread_mutex_lock(&vp->lock);
    r = virtio_device_replace(vp->device, frontend);
    atomic_store(&vp->broken_reported, false);
    if (r == 0 && vp->held && virtio_common_is_started(&vp->common)) {
        r = virtio_device_hold(vp->device, true);
    }
    pthread_mutex_unlock(&vp->lock);
    return r;
}

void
virtio_pci_hold(struct virtio_pci *vp, bool hold)
{
    pthread_mutex_lock(&vp->lock);
    vp->held = hold;
    if (virtio_common_is_started(&vp->common) && !virtio_device_failed(vp->device)) {
        (void)virtio_device_hold(vp->device, hold); /* a failure shows below */
        check_broken(vp);
    }
    pthread_mutex_unlock(&vp->lock);
}

void
virtio_pci_reset(struct virtio_pci *vp)
{
    pthread_mutex_lock(&vp->lock);
    virtio_common_reset(&vp->common);
    msix_reset(vp->msix);
    finish_reset(vp);
    pthread_mutex_unlock(&vp->lock);
}
