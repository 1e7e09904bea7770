/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/tap.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/fakes/pci-rig.h"
#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"
#include "vmm/machine/pci-function.h"

#define WINDOW RIG_HIGH

/* The back end asks while our thread is the machine's control thread. */
struct question {
    struct fake_backend *backend;
    struct vhost_mmap map;
    int fd;
    _Atomic int answer;
};

static void *
ask(void *data)
{
    struct question *question = data;

    atomic_store(&question->answer,
                 fake_backend_shmem(question->backend, &question->map, question->fd));
    return NULL;
}

static int
answer_to(struct rig *rig, const struct vhost_mmap *map, int fd)
{
    struct question question = {.backend = rig->backend, .map = *map, .fd = fd, .answer = -2};
    pthread_t thread;

    if (pthread_create(&thread, NULL, ask, &question) != 0) {
        return -3;
    }
    while (atomic_load(&question.answer) == -2) {
        loop_iterate(vm_loop(rig->vm), 10);
    }
    pthread_join(thread, NULL);
    return atomic_load(&question.answer);
}

static int
map_at(struct rig *rig, uint64_t offset, uint64_t size, int fd)
{
    const struct vhost_mmap map = {
        .shmem_id = 1, .shmem_offset = offset, .size = size, .flags = VHOST_MMAP_WRITABLE};

    return answer_to(rig, &map, fd);
}

static int
unmap_at(struct rig *rig, uint64_t offset, uint64_t size)
{
    const struct vhost_mmap map = {.shmem_id = 1, .shmem_offset = offset, .size = size};

    return answer_to(rig, &map, -1);
}

TAP_TEST(the_guest_is_told_where_it_is)
{
    struct rig rig;

    rig_init(&rig);
    uint32_t cap = rig_capability(&rig, 9, VIRTIO_CAP_SHARED_MEMORY);
    check(cap != 0);
    check_int(rig_config(&rig, RIG_SLOT, cap + 2, 1), 24);
    check_int(rig_config(&rig, RIG_SLOT, cap + 4, 1), VIRTIO_PCI_WINDOW_BAR);
    check_int(rig_config(&rig, RIG_SLOT, cap + 5, 1), 1);
    check_int(rig_config(&rig, RIG_SLOT, cap + 8, 4), 0);
    check_int(rig_config(&rig, RIG_SLOT, cap + 12, 4), RIG_WINDOW_SIZE);
    check_int(rig_config(&rig, RIG_SLOT, cap + 16, 4), 0);
    check_int(rig_config(&rig, RIG_SLOT, cap + 20, 4), 0);
    check_int(rig_config(&rig, RIG_SLOT, PCI_BAR0 + 8, 4),
              (uint32_t)WINDOW | PCI_BAR_64BIT | PCI_BAR_PREFETCH);
    check_int(rig_config(&rig, RIG_SLOT, PCI_BAR0 + 12, 4), WINDOW >> 32);
    /* Nothing is there yet. */
    check_int(fake_vm_memories(rig.vm), 0);
    check_int(fake_vm_read(rig.vm, VM_SPACE_MEMORY, WINDOW + 64, 4), 0);
    fake_vm_write(rig.vm, VM_SPACE_MEMORY, WINDOW + 64, 4, 1);
    rig_finish(&rig);
}

TAP_TEST(memory_comes_and_goes)
{
    struct rig rig;
    int fd = fd_memory_file("blob", 8192);

    rig_init(&rig);
    check(pwrite(fd, "pixels", 6, 4096) == 6);
    check_int(map_at(&rig, 4096, 8192, fd), 0);
    check_int(fake_vm_memories(rig.vm), 1);
    check(fake_vm_memory(rig.vm, WINDOW) == NULL);
    check(memcmp(fake_vm_memory(rig.vm, WINDOW + 8192), "pixels", 6) == 0);
    memcpy(fake_vm_memory(rig.vm, WINDOW + 4096), "guest", 5);
    char text[8];
    check(pread(fd, text, 5, 0) == 5 && memcmp(text, "guest", 5) == 0);
    /* Side by side, in any order. */
    check_int(map_at(&rig, 0, 4096, fd), 0);
    check_int(fake_vm_memories(rig.vm), 2);
    check_int(unmap_at(&rig, 4096, 8192), 0);
    check_int(unmap_at(&rig, 4096, 8192), 1);
    check_int(fake_vm_memories(rig.vm), 1);
    check_int(map_at(&rig, RIG_WINDOW_SIZE - 8192, 8192, fd), 0);
    close(fd);
    rig_finish(&rig);
}

TAP_TEST(it_moves_with_its_bar)
{
    struct rig rig;
    int fd = fd_memory_file("blob", 4096);

    rig_init(&rig);
    check_int(map_at(&rig, 4096, 4096, fd), 0);
    rig_set_config(&rig, RIG_SLOT, PCI_COMMAND, 2, 0);
    check_int(fake_vm_memories(rig.vm), 0);
    rig_set_config(&rig, RIG_SLOT, PCI_BAR0 + 8, 4, (uint32_t)WINDOW + (32 << 20));
    check_int(map_at(&rig, 8192, 4096, fd), 0); /* while it is nowhere */
    rig_set_config(&rig, RIG_SLOT, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
    check_int(fake_vm_memories(rig.vm), 2);
    check(fake_vm_memory(rig.vm, WINDOW + (32 << 20) + 4096) != NULL);
    check(fake_vm_memory(rig.vm, WINDOW + (32 << 20) + 8192) != NULL);
    close(fd);
    rig_finish(&rig);
}

TAP_TEST(wrong_requests_are_refused)
{
    struct rig rig;
    int fd = fd_memory_file("blob", 8192);
    int loose = memfd_create("unsealed", 0);
    const uint64_t far = UINT64_C(1) << 63;

    rig_init(&rig);
    check(ftruncate(loose, 8192) == 0);
    check_int(map_at(&rig, 0, 8192, loose), 1); /* it could shrink */
    check_int(map_at(&rig, 0, 12288, fd), 1);   /* it is shorter */
    check_int(map_at(&rig, 0, 0, fd), 1);
    check_int(map_at(&rig, 1, 4096, fd), 1);
    check_int(map_at(&rig, 0, 4095, fd), 1);
    check_int(map_at(&rig, RIG_WINDOW_SIZE, 4096, fd), 1);
    check_int(map_at(&rig, RIG_WINDOW_SIZE - 4096, 8192, fd), 1);
    check_int(map_at(&rig, UINT64_MAX - 4095, 8192, fd), 1);
    check_int(
        answer_to(&rig, &(struct vhost_mmap){.shmem_id = 1, .fd_offset = far, .size = far}, fd), 1);
    check_int(answer_to(&rig, &(struct vhost_mmap){.shmem_id = 0, .size = 4096}, fd), 1);
    check_int(map_at(&rig, 4096, 8192, fd), 0);
    check_int(map_at(&rig, 0, 8192, fd), 1); /* over another */
    check_int(map_at(&rig, 8192, 4096, fd), 1);
    check_int(unmap_at(&rig, 4096, 4096), 1); /* a part of it */
    check_int(fake_vm_memories(rig.vm), 1);
    close(fd);
    close(loose);
    rig_finish(&rig);
}

TAP_TEST(wrong_descriptors_are_refused)
{
    struct rig rig;
    int good = fd_memory_file("blob", 8192);
    char path[64];
    int pair[2];

    snprintf(path, sizeof(path), "/proc/self/fd/%d", good);
    check(pipe2(pair, O_CLOEXEC) == 0);
    const int fds[] = {pair[0],
                       pair[1],
                       eventfd(0, EFD_CLOEXEC),
                       open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC),
                       open("/dev/zero", O_RDWR | O_CLOEXEC),
                       open(path, O_PATH | O_CLOEXEC),
                       open(path, O_RDONLY | O_CLOEXEC)}; /* and it is to be writable */

    rig_init(&rig);
    for (unsigned int i = 0; i < ARRAY_SIZE(fds); i++) {
        check(fds[i] >= 0);
        check_int(map_at(&rig, 0, 4096, fds[i]), 1);
        check_int(fake_vm_memories(rig.vm), 0);
        close(fds[i]);
    }
    check_int(map_at(&rig, 0, 8192, good), 0);
    check(ftruncate(good, 4096) < 0); /* nobody can take it away under the guest */
    close(good);
    rig_finish(&rig);
}

TAP_TEST(a_reset_takes_everything_out)
{
    struct rig rig;
    int fd = fd_memory_file("blob", 4096);

    rig_init(&rig);
    rig_start(&rig);
    check_int(map_at(&rig, 0, 4096, fd), 0);
    check_int(fake_vm_memories(rig.vm), 1);
    rig_set_status(&rig, 0);
    check_int(fake_vm_memories(rig.vm), 0);
    check_int(map_at(&rig, 0, 4096, fd), 0);
    close(fd);
    rig_finish(&rig);
}

TAP_MAIN(TAP_CASE(the_guest_is_told_where_it_is), TAP_CASE(memory_comes_and_goes),
         TAP_CASE(it_moves_with_its_bar), TAP_CASE(wrong_requests_are_refused),
         TAP_CASE(wrong_descriptors_are_refused), TAP_CASE(a_reset_takes_everything_out))
