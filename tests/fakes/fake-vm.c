/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/fakes/fake-vm.h"

#include <errno.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/mman.h>

#include "vmm/base/assert.h"
#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"
#include "vmm/base/memory.h"

enum {
    RANGES = 16,
    LINES = 64,
    ROUTES = 256,
    LINKS = 512,
    SENT = 256,
    MEMORIES = 16,
};

struct range {
    enum vm_space space;
    uint64_t start;
    uint64_t length;
    const struct vm_range_ops *ops;
    void *data;
};

struct link {
    uint64_t key; /* GSI or address */
    int fd;
};

struct message {
    uint64_t address;
    uint32_t data;
};

struct vm {
    struct loop *loop;
    int ram_fd;
    struct vm_ram ram[2];
    struct range ranges[RANGES];
    unsigned int n_ranges;
    pthread_mutex_t lock; /* of what follows */
    bool lines[LINES];
    bool used[ROUTES];
    struct message routes[ROUTES];
    struct link irqfds[LINKS];
    unsigned int n_irqfds;
    struct link kicks[LINKS];
    unsigned int n_kicks;
    struct message sent[SENT];
    unsigned int n_sent;
    uint32_t ended;
    struct vm_memory memories[MEMORIES]; /* size 0: free */
};

struct vm *
fake_vm_create(void)
{
    struct vm *vm = xalloc(sizeof(*vm));

    vm->loop = loop_create();
    vm->ram_fd = fd_memory_file("ram", 2 * MIB);
    pthread_mutex_init(&vm->lock, NULL);
    for (unsigned int i = 0; i < 2; i++) {
        vm->ram[i] = (struct vm_ram){(uint64_t)i * 4 * GIB, MIB, (uint64_t)i * MIB, NULL};
        vm->ram[i].host = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_SHARED, vm->ram_fd,
                               (off_t)vm->ram[i].file_offset);
        assert(vm->ram[i].host != MAP_FAILED);
    }
    return vm;
}

void
fake_vm_destroy(struct vm *vm)
{
    assert(vm->n_irqfds == 0 && vm->n_kicks == 0 && fake_vm_memories(vm) == 0);
    for (unsigned int i = 0; i < 2; i++) {
        munmap(vm->ram[i].host, MIB);
    }
    close(vm->ram_fd);
    loop_destroy(vm->loop);
    pthread_mutex_destroy(&vm->lock);
    free(vm);
}

int /* NOLINTNEXTLINE(readability-function-size): vm.h's parameters */
vm_add_range(struct vm *vm, enum vm_space space, uint64_t start, uint64_t length, const char *name,
             const struct vm_range_ops *ops, void *data)
{
    for (unsigned int i = 0; i < vm->n_ranges; i++) {
        const struct range *r = &vm->ranges[i];

        if (r->space == space && start < r->start + r->length && r->start < start + length) {
            return -EEXIST;
        }
    }
    assert(vm->n_ranges < RANGES);
    vm->ranges[vm->n_ranges++] = (struct range){space, start, length, ops, data};
    return 0;
}

unsigned int
vm_ram(const struct vm *vm, const struct vm_ram **ret_regions)
{
    *ret_regions = vm->ram;
    return 2;
}

int
vm_ram_fd(const struct vm *vm)
{
    return vm->ram_fd;
}

struct loop *
vm_loop(const struct vm *vm)
{
    return vm->loop;
}

int
vm_set_line(struct vm *vm, uint32_t gsi, bool level)
{
    pthread_mutex_lock(&vm->lock);
    vm->lines[gsi] = level;
    pthread_mutex_unlock(&vm->lock);
    return 0;
}

static void
record(struct vm *vm, const struct message *message)
{
    vm->sent[vm->n_sent++ % SENT] = *message;
}

int
vm_send_msi(struct vm *vm, uint64_t address, uint32_t data)
{
    pthread_mutex_lock(&vm->lock);
    record(vm, &(struct message){address, data});
    pthread_mutex_unlock(&vm->lock);
    return 0;
}

int
vm_allocate_msi(struct vm *vm, uint32_t *ret_gsi)
{
    int r = -ENOSPC;

    pthread_mutex_lock(&vm->lock);
    for (uint32_t i = 0; r < 0 && i < ROUTES; i++) {
        if (!vm->used[i]) {
            vm->used[i] = true;
            *ret_gsi = i;
            r = 0;
        }
    }
    pthread_mutex_unlock(&vm->lock);
    return r;
}

void
vm_free_msi(struct vm *vm, uint32_t gsi)
{
    assert(vm->used[gsi]);
    vm->used[gsi] = false;
}

int
vm_route_msi(struct vm *vm, uint32_t gsi, uint64_t address, uint32_t data)
{
    pthread_mutex_lock(&vm->lock);
    assert(vm->used[gsi]);
    vm->routes[gsi] = (struct message){address, data};
    pthread_mutex_unlock(&vm->lock);
    return 0;
}

static int
attach(struct vm *vm, struct link *links, unsigned int *n, struct link link)
{
    pthread_mutex_lock(&vm->lock);
    assert(*n < LINKS);
    links[(*n)++] = link;
    pthread_mutex_unlock(&vm->lock);
    return 0;
}

static int
detach(struct vm *vm, struct link *links, unsigned int *n, struct link link)
{
    int r = -ENOENT;

    pthread_mutex_lock(&vm->lock);
    for (unsigned int i = 0; i < *n; i++) {
        if (links[i].key == link.key && links[i].fd == link.fd) {
            links[i] = links[--*n];
            r = 0;
            break;
        }
    }
    assert(r == 0);
    pthread_mutex_unlock(&vm->lock);
    return r;
}

int
vm_attach_msi(struct vm *vm, uint32_t gsi, int event_fd)
{
    return attach(vm, vm->irqfds, &vm->n_irqfds, (struct link){gsi, event_fd});
}

int
vm_detach_msi(struct vm *vm, uint32_t gsi, int event_fd)
{
    return detach(vm, vm->irqfds, &vm->n_irqfds, (struct link){gsi, event_fd});
}

int
vm_attach_kick(struct vm *vm, uint64_t address, int event_fd)
{
    return attach(vm, vm->kicks, &vm->n_kicks, (struct link){address, event_fd});
}

int
vm_detach_kick(struct vm *vm, uint64_t address, int event_fd)
{
    return detach(vm, vm->kicks, &vm->n_kicks, (struct link){address, event_fd});
}

void
vm_end(struct vm *vm, uint32_t reason, const char *id, const char *sentence)
{
    vm->ended = reason + 1;
}

uint32_t
vm_pci_line(unsigned int device, unsigned int pin)
{
    return 16 + (device + pin - 1) % 4;
}

static const struct range *
find(const struct vm *vm, enum vm_space space, uint64_t address, unsigned int size)
{
    for (unsigned int i = 0; i < vm->n_ranges; i++) {
        const struct range *r = &vm->ranges[i];

        if (r->space == space && address >= r->start &&
            range_inside(address - r->start, size, r->length)) {
            return r;
        }
    }
    return NULL;
}

uint64_t
fake_vm_read(struct vm *vm, enum vm_space space, uint64_t address, unsigned int size)
{
    const struct range *r = find(vm, space, address, size);
    uint64_t value = r ? r->ops->read(r->data, address - r->start, size) : UINT64_MAX;

    return size == 8 ? value : value & ((UINT64_C(1) << (8 * size)) - 1);
}

void
fake_vm_write(struct vm *vm, enum vm_space space, uint64_t address, unsigned int size,
              uint64_t value)
{
    const struct range *r;

    pthread_mutex_lock(&vm->lock);
    for (unsigned int i = 0; space == VM_SPACE_MEMORY && i < vm->n_kicks; i++) {
        if (vm->kicks[i].key == address) {
            (void)eventfd_write(vm->kicks[i].fd, 1);
            pthread_mutex_unlock(&vm->lock);
            return;
        }
    }
    pthread_mutex_unlock(&vm->lock);
    r = find(vm, space, address, size);
    if (r) {
        r->ops->write(r->data, address - r->start, size, value);
    }
}

bool
fake_vm_line(struct vm *vm, uint32_t gsi)
{
    bool level;

    pthread_mutex_lock(&vm->lock);
    level = vm->lines[gsi];
    pthread_mutex_unlock(&vm->lock);
    return level;
}

unsigned int
fake_vm_messages(struct vm *vm, uint64_t address, uint32_t data)
{
    unsigned int found = 0;
    unsigned int kept = 0;

    pthread_mutex_lock(&vm->lock);
    for (unsigned int i = 0; i < vm->n_irqfds; i++) {
        eventfd_t count;

        if (eventfd_read(vm->irqfds[i].fd, &count) == 0) {
            record(vm, &vm->routes[vm->irqfds[i].key]);
        }
    }
    for (unsigned int i = 0; i < MIN_OF(vm->n_sent, (unsigned int)SENT); i++) {
        if (vm->sent[i].address == address && vm->sent[i].data == data) {
            found++;
        } else {
            vm->sent[kept++] = vm->sent[i];
        }
    }
    vm->n_sent = kept;
    pthread_mutex_unlock(&vm->lock);
    return found;
}

unsigned int
fake_vm_irqfds(struct vm *vm)
{
    return vm->n_irqfds;
}

unsigned int
fake_vm_kicks(struct vm *vm)
{
    return vm->n_kicks;
}

bool
fake_vm_has_kick(struct vm *vm, uint64_t address)
{
    for (unsigned int i = 0; i < vm->n_kicks; i++) {
        if (vm->kicks[i].key == address) {
            return true;
        }
    }
    return false;
}

uint32_t
fake_vm_ended(struct vm *vm)
{
    return vm->ended;
}

void
fake_vm_settle(struct vm *vm)
{
    for (int i = 0; i < 10; i++) {
        loop_iterate(vm->loop, i == 0 ? 50 : 0);
    }
}

int
vm_add_memory(struct vm *vm, const struct vm_memory *memory, uint32_t *ret_slot)
{
    for (uint32_t i = 0; i < MEMORIES; i++) {
        if (vm->memories[i].size == 0) {
            vm->memories[i] = *memory;
            *ret_slot = i;
            return 0;
        }
    }
    return -ENOSPC;
}

void
vm_remove_memory(struct vm *vm, uint32_t slot)
{
    assert(slot < MEMORIES && vm->memories[slot].size > 0);
    vm->memories[slot].size = 0;
}

void *
fake_vm_memory(struct vm *vm, uint64_t address)
{
    for (uint32_t i = 0; i < MEMORIES; i++) {
        const struct vm_memory *memory = &vm->memories[i];

        if (memory->size > 0 && address >= memory->guest_address &&
            address - memory->guest_address < memory->size) {
            return (uint8_t *)memory->host + (address - memory->guest_address);
        }
    }
    return NULL;
}

unsigned int
fake_vm_memories(struct vm *vm)
{
    unsigned int n = 0;

    for (uint32_t i = 0; i < MEMORIES; i++) {
        n += vm->memories[i].size > 0;
    }
    return n;
}
