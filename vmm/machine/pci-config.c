/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/machine/pci-function.h"

#include <string.h>

#include "vmm/base/assert.h"
#include "vmm/base/bytes.h"

void
pci_function_init(struct pci_function *fn, const struct pci_identity *identity)
{
    *fn = (struct pci_function){.next_capability = PCI_FIRST_CAPABILITY};
    pthread_mutex_init(&fn->lock, NULL);
    store_le16(fn->config + PCI_VENDOR_ID, identity->vendor);
    store_le16(fn->config + PCI_DEVICE_ID, identity->device);
    fn->config[PCI_REVISION] = identity->revision;
    fn->config[PCI_CLASS_INTERFACE] = (uint8_t)identity->class_code;
    fn->config[PCI_CLASS_INTERFACE + 1] = (uint8_t)(identity->class_code >> 8);
    fn->config[PCI_CLASS_INTERFACE + 2] = (uint8_t)(identity->class_code >> 16);
    store_le16(fn->config + PCI_SUBSYSTEM_VENDOR, identity->subsystem_vendor);
    store_le16(fn->config + PCI_SUBSYSTEM_ID, identity->subsystem_device);
    store_le16(fn->mask + PCI_COMMAND,
               PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_NO_INTX);
    fn->mask[PCI_CACHE_LINE] = 0xff;
    fn->mask[PCI_INTERRUPT_LINE] = 0xff;
}

void
pci_function_finish(struct pci_function *fn)
{
    pthread_mutex_destroy(&fn->lock);
}

uint32_t
pci_function_add_capability(struct pci_function *fn, uint8_t id, const void *body, const void *mask,
                            uint32_t size)
{
    uint32_t at = fn->next_capability;

    assert(range_inside(at, size + 2, PCI_CONFIG_SIZE));
    fn->config[at] = id;
    memcpy(fn->config + at + 2, body, size);
    if (mask) {
        memcpy(fn->mask + at + 2, mask, size);
    }
    fn->config[fn->last_capability ? fn->last_capability + 1 : PCI_CAPABILITIES] = (uint8_t)at;
    fn->config[PCI_STATUS] |= PCI_STATUS_CAPABILITIES;
    fn->last_capability = at;
    fn->next_capability = (uint32_t)align_up(at + 2 + size, 4);
    return at;
}

void
pci_function_add_bar(struct pci_function *fn, unsigned int bar, uint64_t size, uint64_t home,
                     bool is_64bit)
{
    uint32_t at = PCI_BAR0 + bar * 4;

    assert(size >= 16 && (size & (size - 1)) == 0 && (home & (size - 1)) == 0);
    assert(bar + is_64bit < PCI_BARS);
    fn->bars[bar].size = size;
    fn->bars[bar].home = home;
    fn->bars[bar].is_64bit = is_64bit;
    store_le32(fn->config + at, (uint32_t)home | (is_64bit ? PCI_BAR_64BIT | PCI_BAR_PREFETCH : 0));
    store_le32(fn->mask + at, (uint32_t) ~(size - 1));
    if (is_64bit) {
        store_le32(fn->config + at + 4, (uint32_t)(home >> 32));
        store_le32(fn->mask + at + 4, (uint32_t)(~(size - 1) >> 32));
    }
}

void
pci_function_seal(struct pci_function *fn)
{
    memcpy(fn->initial, fn->config, sizeof(fn->initial));
}

/* Where the registers put the BAR; 0 when nowhere. */
static uint64_t
bar_address(const struct pci_function *fn, unsigned int bar)
{
    const uint8_t *reg = fn->config + PCI_BAR0 + (size_t)bar * 4;
    uint64_t address = load_le32(reg) & ~UINT32_C(15);

    if (!(load_le16(fn->config + PCI_COMMAND) & PCI_COMMAND_MEMORY)) {
        return 0;
    }
    if (fn->bars[bar].is_64bit) {
        address |= (uint64_t)load_le32(reg + 4) << 32;
    }
    return pci_root_decodes(fn->root, address, fn->bars[bar].size) ? address : 0;
}

static void
update_bars(struct pci_function *fn)
{
    for (unsigned int i = 0; i < PCI_BARS; i++) {
        struct pci_bar *bar = &fn->bars[i];
        uint64_t address = bar->size ? bar_address(fn, i) : 0;

        if (address == atomic_load(&bar->mapped)) {
            continue;
        }
        atomic_store(&bar->mapped, address);
        if (fn->ops && fn->ops->bar_moved) {
            fn->ops->bar_moved(fn->device, i, address);
        }
    }
}

/* Bring everything that hangs on command and BAR registers up to date. */
static void
update(struct pci_function *fn)
{
    update_bars(fn);
    atomic_store(&fn->intx_off, (load_le16(fn->config + PCI_COMMAND) & PCI_COMMAND_NO_INTX) != 0);
    pci_function_update_intx(fn);
}

void
pci_function_reset(struct pci_function *fn)
{
    pthread_mutex_lock(&fn->lock);
    memcpy(fn->config, fn->initial, sizeof(fn->config));
    update(fn);
    pthread_mutex_unlock(&fn->lock);
}

uint64_t
pci_function_read(struct pci_function *fn, uint32_t offset, unsigned int size)
{
    uint64_t value = 0;

    if (!range_inside(offset, size, PCI_CONFIG_SIZE)) {
        return 0;
    }
    pthread_mutex_lock(&fn->lock);
    if (fn->ops && fn->ops->config_reading) {
        fn->ops->config_reading(fn->device, offset, size);
    }
    fn->config[PCI_STATUS] = (uint8_t)(fn->config[PCI_STATUS] & ~PCI_STATUS_INTERRUPT);
    if (atomic_load(&fn->intx)) {
        fn->config[PCI_STATUS] |= PCI_STATUS_INTERRUPT;
    }
    for (unsigned int i = 0; i < size; i++) {
        value |= (uint64_t)fn->config[offset + i] << (8 * i);
    }
    pthread_mutex_unlock(&fn->lock);
    return value;
}

void
pci_function_write(struct pci_function *fn, uint32_t offset, unsigned int size, uint64_t value)
{
    if (!range_inside(offset, size, PCI_CONFIG_SIZE)) {
        return;
    }
    pthread_mutex_lock(&fn->lock);
    for (unsigned int i = 0; i < size; i++) {
        uint8_t mask = fn->mask[offset + i];
        uint8_t byte = (uint8_t)(value >> (8 * i));

        fn->config[offset + i] = (uint8_t)((fn->config[offset + i] & ~mask) | (byte & mask));
    }
    if (offset < PCI_BAR0 + PCI_BARS * 4) {
        update(fn);
    }
    if (fn->ops && fn->ops->config_written) {
        fn->ops->config_written(fn->device, offset, size);
    }
    pthread_mutex_unlock(&fn->lock);
}
