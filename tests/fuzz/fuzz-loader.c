/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The input as the file of a kernel: ELF and bzImage with every compression. */

#include <stdio.h>
#include <sys/mman.h>

#include "tests/fuzz/fuzz.h"
#include "vmm/base/assert.h"
#include "vmm/base/fd.h"
#include "vmm/loader/loader.h"

enum {
    RAM_SIZE = 64 << 20,
};

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct loader_ram ram = {.size = RAM_SIZE, .fd = -1};
    struct loader_setup setup = {.initrd_fd = -1,
                                 .stored_fd = -1,
                                 .store_fd = -1,
                                 .kernel_name = "kernel",
                                 .command_line = "quiet"};
    struct loader_done done;
    struct loader_error error;
    cleanup_fd int kernel = memfd_create("kernel", MFD_CLOEXEC);

    assert(kernel >= 0 && fd_write_full(kernel, data, size) == 0);
    ram.host = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    assert(ram.host != MAP_FAILED);
    setup.kernel_fd = kernel;
    if (loader_run(&setup, &ram, &done, &error) == 0) {
        assert(done.kernel_start >= LOADER_KERNEL_LOWEST && done.kernel_end <= RAM_SIZE);
        assert(done.entry >= done.kernel_start && done.entry < done.kernel_end);
    } else {
        assert(error.id && error.sentence[0] != '\0');
    }
    munmap(ram.host, RAM_SIZE);
    return 0;
}
