/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/machine/vm.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "vmm/base/assert.h"
#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"
#include "vmm/base/log.h"
#include "vmm/base/memory.h"
#include "vmm/machine/arch.h"
#include "vmm/machine/vcpu.h"
#include "vmm/machine/vm-private.h"

static void
describe_failure(struct start_failed *ret_failed, const char *id, const char *what, int error)
{
    snprintf(ret_failed->id, sizeof(ret_failed->id), "%s", id);
    snprintf(ret_failed->sentence, sizeof(ret_failed->sentence), "%s: %s.", what, strerror(-error));
}

static int
check_kvm(int kvm_fd, struct start_failed *ret_failed)
{
    static const struct {
        int extension;
        const char *name;
    } needed[] = {
        {KVM_CAP_USER_MEMORY, "user memory"},
        {KVM_CAP_IRQCHIP, "an interrupt controller"},
        {KVM_CAP_IRQ_ROUTING, "interrupt routing"},
        {KVM_CAP_IRQFD, "interrupts by eventfd"},
        {KVM_CAP_IOEVENTFD_ANY_LENGTH, "kicks by eventfd"},
        {KVM_CAP_SIGNAL_MSI, "message-signalled interrupts"},
        {KVM_CAP_IMMEDIATE_EXIT, "immediate exit"},
    };

    if (ioctl(kvm_fd, KVM_GET_API_VERSION, 0) != KVM_API_VERSION) {
        describe_failure(ret_failed, "kvm-broken", "/dev/kvm has another interface version",
                         -EPROTO);
        return -EPROTO;
    }
    for (size_t i = 0; i < ARRAY_SIZE(needed); i++) {
        if (ioctl(kvm_fd, KVM_CHECK_EXTENSION, needed[i].extension) <= 0) {
            snprintf(ret_failed->id, sizeof(ret_failed->id), "kvm-broken");
            snprintf(ret_failed->sentence, sizeof(ret_failed->sentence),
                     "The KVM of this computer has no support for %s.", needed[i].name);
            return -EOPNOTSUPP;
        }
    }
    return 0;
}

static int
map_ram(struct vm *vm, const struct machine_setup *setup)
{
    void *base;

    if (setup->ram_size == 0 || setup->ram_size % 4096 != 0 || setup->ram_size > SIZE_MAX / 2) {
        return -EINVAL;
    }
    int r = fd_check_memory_file(setup->ram_fd, setup->ram_size);
    if (r < 0) {
        return r;
    }
    base = mmap(NULL, setup->ram_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE,
                setup->ram_fd, 0);
    if (base == MAP_FAILED) {
        return -errno;
    }
    madvise(base, setup->ram_size, MADV_DONTDUMP);
    vm->n_ram = arch_ram_regions(setup->ram_size, vm->ram);
    for (unsigned int i = 0; i < vm->n_ram; i++) {
        vm->ram[i].host = (uint8_t *)base + vm->ram[i].file_offset;
    }
    return 0;
}

static int
set_memory_slots(struct vm *vm)
{
    for (unsigned int i = 0; i < vm->n_ram; i++) {
        struct kvm_userspace_memory_region region = {
            .slot = i,
            .guest_phys_addr = vm->ram[i].guest_address,
            .memory_size = vm->ram[i].size,
            .userspace_addr = (uintptr_t)vm->ram[i].host,
        };
        if (ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &region) < 0) {
            return -errno;
        }
    }
    return 0;
}

static int
create_vcpus(struct vm *vm, const struct machine_setup *setup)
{
    int size = ioctl(vm->kvm_fd, KVM_GET_VCPU_MMAP_SIZE, 0);

    if (size < (int)sizeof(struct kvm_run)) {
        return size < 0 ? -errno : -EPROTO;
    }
    vm->run_size = (unsigned int)size;
    vm->vcpus = xalloc_array(setup->n_cpus, sizeof(struct vcpu));
    for (unsigned int i = 0; i < setup->n_cpus; i++) {
        int r = vcpu_init(&vm->vcpus[i], vm, i);

        vm->n_vcpus = i + 1;
        if (r < 0) {
            return r;
        }
    }
    /* The topology that an arch tells each processor depends on how many there are. */
    for (unsigned int i = 0; i < vm->n_vcpus; i++) {
        int r = arch_init_vcpu(&vm->vcpus[i]);

        if (r < 0) {
            return r;
        }
    }
    return 0;
}

static int
create_descriptors(struct vm *vm, const struct machine_setup *setup)
{
    do {
        vm->fd = ioctl(setup->kvm_fd, KVM_CREATE_VM, 0);
    } while (vm->fd < 0 && errno == EINTR);
    if (vm->fd < 0) {
        return -errno;
    }
    vm->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return vm->event_fd < 0 ? -errno : 0;
}

static struct vm *
vm_allocate(struct loop *loop)
{
    struct vm *vm = xalloc(sizeof(*vm));

    *vm = (struct vm){.kvm_fd = -1, .fd = -1, .ram_fd = -1, .event_fd = -1, .loop = loop};
    bus_init(&vm->memory, "memory");
    bus_init(&vm->ports, "port");
    pthread_mutex_init(&vm->state_lock, NULL);
    pthread_cond_init(&vm->state_changed, NULL);
    pthread_mutex_init(&vm->interrupts.lock, NULL);
    pthread_mutex_init(&vm->slots_lock, NULL);
    return vm;
}

int
vm_create(struct loop *loop, const struct machine_setup *setup, struct start_failed *ret_failed,
          struct vm **ret_vm)
{
    cleanup(vm_destroyp) struct vm *vm = NULL;
    const char *what;
    int r;

    if (setup->n_cpus == 0 || setup->n_cpus > MACHINE_CPUS_MAX) {
        describe_failure(ret_failed, "bad-config", "The number of processors is not possible",
                         -EINVAL);
        return -EINVAL;
    }
    r = check_kvm(setup->kvm_fd, ret_failed);
    if (r < 0) {
        return r;
    }
    vm = vm_allocate(loop);
    vm->kvm_fd = setup->kvm_fd;
    vm->ram_fd = setup->ram_fd;
    (void)((what = "KVM could not create a machine", r = create_descriptors(vm, setup)) < 0 ||
           (what = "Guest memory could not be mapped", r = map_ram(vm, setup)) < 0 ||
           (what = "KVM could not create the interrupt controllers", r = arch_create_irqchip(vm)) <
               0 ||
           (what = "KVM did not accept guest memory", r = set_memory_slots(vm)) < 0 ||
           (what = "KVM did not accept the interrupt routes", r = interrupts_init(vm)) < 0 ||
           (what = "KVM could not create the processors", r = create_vcpus(vm, setup)) < 0 ||
           (what = "The platform devices could not be made", r = arch_create_platform(vm, setup)) <
               0);
    if (r < 0) {
        describe_failure(ret_failed, r == -ENOMEM ? "no-memory" : "kvm-broken", what, r);
        vm->kvm_fd = -1;
        vm->ram_fd = -1;
        return r;
    }
    *ret_vm = take_pointer(vm);
    return 0;
}

void
vm_destroy(struct vm *vm)
{
    if (!vm) {
        return;
    }
    if (vm->arch) {
        arch_destroy_platform(vm);
    }
    for (unsigned int i = 0; i < vm->n_vcpus; i++) {
        vcpu_finish(&vm->vcpus[i]);
    }
    free(vm->vcpus);
    interrupts_finish(vm);
    if (vm->n_ram > 0) {
        munmap(vm->ram[0].host, vm->ram[0].size + (vm->n_ram > 1 ? vm->ram[1].size : 0));
    }
    bus_finish(&vm->memory);
    bus_finish(&vm->ports);
    pthread_cond_destroy(&vm->state_changed);
    pthread_mutex_destroy(&vm->state_lock);
    pthread_mutex_destroy(&vm->interrupts.lock);
    pthread_mutex_destroy(&vm->slots_lock);
    fd_closep(&vm->event_fd);
    fd_closep(&vm->fd);
    fd_closep(&vm->kvm_fd);
    fd_closep(&vm->ram_fd);
    free(vm);
}

/* -- ranges, memory -- */

static struct bus *
bus_of(struct vm *vm, enum vm_space space)
{
    return space == VM_SPACE_PORT ? &vm->ports : &vm->memory;
}

int // NOLINTNEXTLINE(readability-function-size): as vm.h wants it
vm_add_range(struct vm *vm, enum vm_space space, uint64_t start, uint64_t length, const char *name,
             const struct vm_range_ops *ops, void *data)
{
    struct bus_claim claim = {
        .start = start, .length = length, .name = name, .ops = ops, .data = data};

    return bus_add(bus_of(vm, space), &claim);
}

int
vm_remove_range(struct vm *vm, enum vm_space space, uint64_t start)
{
    return bus_remove(bus_of(vm, space), start);
}

unsigned int
vm_ram(const struct vm *vm, const struct vm_ram **ret_regions)
{
    *ret_regions = vm->ram;
    return vm->n_ram;
}

void *
vm_ram_pointer(const struct vm *vm, uint64_t address, uint64_t size)
{
    for (unsigned int i = 0; i < vm->n_ram; i++) {
        const struct vm_ram *region = &vm->ram[i];

        if (address >= region->guest_address &&
            range_inside(address - region->guest_address, size, region->size)) {
            return (uint8_t *)region->host + (address - region->guest_address);
        }
    }
    return NULL;
}

int
vm_ram_fd(const struct vm *vm)
{
    return vm->ram_fd;
}

int
vm_kvm_fd(const struct vm *vm)
{
    return vm->fd;
}

struct loop *
vm_loop(const struct vm *vm)
{
    return vm->loop;
}

/* -- life -- */

static void
kick_all(struct vm *vm)
{
    for (unsigned int i = 0; i < vm->n_vcpus; i++) {
        vcpu_kick(&vm->vcpus[i]);
    }
}

int
vm_start(struct vm *vm, bool paused)
{
    pthread_mutex_lock(&vm->state_lock);
    if (vm->state == VM_STATE_NEW) {
        vm->state = paused ? VM_STATE_PAUSED : VM_STATE_RUNNING;
    }
    if (paused) {
        kick_all(vm); /* threads look at the state before they enter the guest */
    }
    pthread_mutex_unlock(&vm->state_lock);
    for (unsigned int i = 0; i < vm->n_vcpus; i++) {
        int r = vcpu_start(&vm->vcpus[i]);

        if (r < 0) {
            return r;
        }
    }
    return 0;
}

void
vm_pause(struct vm *vm)
{
    pthread_mutex_lock(&vm->state_lock);
    if (vm->state == VM_STATE_RUNNING) {
        vm->state = VM_STATE_PAUSED;
        kick_all(vm);
    }
    pthread_mutex_unlock(&vm->state_lock);
}

void
vm_resume(struct vm *vm)
{
    pthread_mutex_lock(&vm->state_lock);
    if (vm->state == VM_STATE_PAUSED) {
        vm->state = VM_STATE_RUNNING;
        pthread_cond_broadcast(&vm->state_changed);
    }
    pthread_mutex_unlock(&vm->state_lock);
}

bool
vm_is_parked(struct vm *vm)
{
    bool parked;

    pthread_mutex_lock(&vm->state_lock);
    parked = vm->state == VM_STATE_PAUSED && vm->n_parked == vm->n_vcpus;
    pthread_mutex_unlock(&vm->state_lock);
    return parked;
}

void
vm_end(struct vm *vm, uint32_t reason, const char *id, const char *sentence)
{
    uint64_t one = 1;

    pthread_mutex_lock(&vm->state_lock);
    if (vm->state != VM_STATE_ENDED) {
        vm->state = VM_STATE_ENDED;
        vm->ended =
            (struct machine_ended){.header = {MACHINE_ENDED, sizeof(vm->ended)}, .reason = reason};
        snprintf(vm->ended.id, sizeof(vm->ended.id), "%s", id ? id : "");
        snprintf(vm->ended.sentence, sizeof(vm->ended.sentence), "%s", sentence ? sentence : "");
        kick_all(vm);
        pthread_cond_broadcast(&vm->state_changed);
    }
    pthread_mutex_unlock(&vm->state_lock);
    if (write(vm->event_fd, &one, sizeof(one)) < 0) {
        log_debug("The control thread has been told already"); /* EAGAIN: the counter is full */
    }
}

bool
vm_has_ended(struct vm *vm, struct machine_ended *ret_ended)
{
    bool ended;

    pthread_mutex_lock(&vm->state_lock);
    ended = vm->state == VM_STATE_ENDED;
    if (ended) {
        *ret_ended = vm->ended;
    }
    pthread_mutex_unlock(&vm->state_lock);
    return ended;
}

void
vm_log_statistics(struct vm *vm)
{
    for (unsigned int kind = 0; kind < VCPU_EXIT_KINDS; kind++) {
        uint64_t total = 0;

        for (unsigned int i = 0; i < vm->n_vcpus; i++) {
            total += __atomic_load_n(&vm->vcpus[i].exits[kind], __ATOMIC_RELAXED);
        }
        if (total > 0) {
            log_debug("exits of kind %u: %" PRIu64, kind, total);
        }
    }
    bus_log_statistics(&vm->memory);
    bus_log_statistics(&vm->ports);
}
