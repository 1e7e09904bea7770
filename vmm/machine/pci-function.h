/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One PCI function: its configuration space (256 bytes, PCI Local Bus 3.0 chapter 6) and its BARs.
 *
 * Locks, in the order in which they may be taken: a function's configuration lock, a device's own
 * lock, the root's line lock. BAR accesses come without any lock held.
 */

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "vmm/machine/vm.h"

enum {
    PCI_CONFIG_SIZE = 256,
    PCI_BARS = 6,
};

/* Registers of configuration space and the bits that we use. */
enum {
    PCI_VENDOR_ID = 0x00,
    PCI_DEVICE_ID = 0x02,
    PCI_COMMAND = 0x04,
    PCI_COMMAND_MEMORY = 1 << 1,
    PCI_COMMAND_MASTER = 1 << 2,
    PCI_COMMAND_NO_INTX = 1 << 10,
    PCI_STATUS = 0x06,
    PCI_STATUS_INTERRUPT = 1 << 3,
    PCI_STATUS_CAPABILITIES = 1 << 4,
    PCI_REVISION = 0x08,
    PCI_CLASS_INTERFACE = 0x09,
    PCI_CACHE_LINE = 0x0c,
    PCI_LATENCY = 0x0d,
    PCI_BAR0 = 0x10,
    PCI_BAR_64BIT = 1 << 2,
    PCI_BAR_PREFETCH = 1 << 3,
    PCI_SUBSYSTEM_VENDOR = 0x2c,
    PCI_SUBSYSTEM_ID = 0x2e,
    PCI_CAPABILITIES = 0x34,
    PCI_INTERRUPT_LINE = 0x3c,
    PCI_INTERRUPT_PIN = 0x3d,
    PCI_FIRST_CAPABILITY = 0x40,
};

struct pci_root;
struct pci_function;

/* All optional. */
struct pci_function_ops {
    uint64_t (*bar_read)(void *device, unsigned int bar, uint64_t offset, unsigned int size);
    void (*bar_write)(void *device, unsigned int bar, uint64_t offset, unsigned int size,
                      uint64_t value);
    /* The BAR is now decoded at `address`; 0: nowhere. Configuration lock held. */
    void (*bar_moved)(void *device, unsigned int bar, uint64_t address);
    /*
     * Bytes of configuration space from `offset` on were written (fixed bits already restored), or
     * are about to be read and may be updated first. Configuration lock held.
     */
    void (*config_written)(void *device, uint32_t offset, unsigned int size);
    void (*config_reading)(void *device, uint32_t offset, unsigned int size);
};

struct pci_bar {
    uint64_t size;           /* power of two; 0: absent */
    uint64_t home;           /* address at power-on */
    _Atomic uint64_t mapped; /* where it is decoded now; 0: nowhere */
    bool is_64bit;
};

struct pci_function {
    struct pci_root *root;
    unsigned int slot; /* device number on bus 0 */
    const struct pci_function_ops *ops;
    void *device;
    pthread_mutex_t lock;             /* of `config` */
    uint8_t config[PCI_CONFIG_SIZE];  /* as the guest reads it */
    uint8_t mask[PCI_CONFIG_SIZE];    /* bits that the guest may write */
    uint8_t initial[PCI_CONFIG_SIZE]; /* `config` at power-on */
    uint32_t next_capability;         /* where the next one goes */
    uint32_t last_capability;         /* its next pointer is still 0; 0: none yet */
    struct pci_bar bars[PCI_BARS];
    _Atomic bool intx_off; /* the command register's interrupt disable */
    _Atomic bool intx;     /* this function wants the line */
    bool intx_driven;      /* ... and is counted in it; under the root's line lock */
};

struct pci_identity {
    uint16_t vendor;
    uint16_t device;
    uint16_t subsystem_vendor;
    uint16_t subsystem_device;
    uint32_t class_code; /* 24 bits */
    uint8_t revision;
};

/* Fill in a function without BARs and capabilities. `ops` and `device` may be set later. */
void pci_function_init(struct pci_function *fn, const struct pci_identity *identity);
void pci_function_finish(struct pci_function *fn);

/*
 * Append a capability of `size` bytes (without id and next); returns its offset. The table must have
 * room. Bits set in `mask` (may be NULL) are writable.
 */
uint32_t pci_function_add_capability(struct pci_function *fn, uint8_t id, const void *body,
                                     const void *mask, uint32_t size);
/* Add a memory BAR of `size` (a power of two, at least 16) bytes that starts out at `home`. */
void pci_function_add_bar(struct pci_function *fn, unsigned int bar, uint64_t size, uint64_t home,
                          bool is_64bit);
/* Remember the present contents as those at power-on. */
void pci_function_seal(struct pci_function *fn);
/* Back to power-on contents. */
void pci_function_reset(struct pci_function *fn);

/* A guest's access; `offset` + `size` at most 4096, reads beyond our 256 bytes give zeros. */
uint64_t pci_function_read(struct pci_function *fn, uint32_t offset, unsigned int size);
void pci_function_write(struct pci_function *fn, uint32_t offset, unsigned int size,
                        uint64_t value);

/* pci.c: may a BAR of `size` bytes be decoded at `address`? (Only inside the root's windows.) */
bool pci_root_decodes(const struct pci_root *root, uint64_t address, uint64_t size);
/* pci.c: drive or release the function's INTA; the line is shared. From any thread. */
void pci_function_set_intx(struct pci_function *fn, bool level);
/* pci.c: the command register's interrupt disable bit or `intx` changed. */
void pci_function_update_intx(struct pci_function *fn);
/* pci.c */
struct vm *pci_root_vm(const struct pci_root *root);
/* pci.c: a place for a 64-bit BAR of `size` bytes, a power of two, at power-on; 0: there is none. */
uint64_t pci_root_place_high(struct pci_root *root, uint64_t size);
/* pci.c: tell whoever called pci_root_watch(). */
void pci_root_device_lost(struct pci_root *root, const char *name, const char *sentence);
