/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/tap.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/base/assert.h"
#include "vmm/base/bytes.h"
#include "vmm/base/cleanup.h"
#include "vmm/base/fd.h"
#include "vmm/loader/kernel.h"
#include "vmm/loader/place.h"

#define PAGE UINT64_C(4096)

enum {
    RAM_SIZE = 16 << 20,
    AT = 0x200000,
    BLOCK = 512, /* of st_blocks */
};

struct bench {
    struct loader_ram ram;
    struct source source;
};

/* New guest memory, and a file of `size` bytes for a source. */
static void
bench_start(struct bench *bench, const void *data, size_t size)
{
    const int fd = memfd_create("source", MFD_CLOEXEC); /* may be cut */

    bench->ram = (struct loader_ram){.size = RAM_SIZE, .fd = fd_memory_file("ram", RAM_SIZE)};
    bench->ram.host = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, bench->ram.fd, 0);
    assert(bench->ram.host != MAP_FAILED && fd_pwrite_full(fd, data, size, 0) == 0 &&
           source_open(&bench->source, fd, "KERNEL") == 0);
}

static void
bench_stop(struct bench *bench)
{
    munmap(bench->ram.host, RAM_SIZE);
    fd_closep(&bench->ram.fd);
    fd_closep(&bench->source.fd);
}

/* Of the guest's memory, that the host has given. */
static uint64_t
bytes_taken(const struct bench *bench)
{
    struct stat st;

    assert(fstat(bench->ram.fd, &st) == 0);
    return (uint64_t)st.st_blocks * BLOCK;
}

/* Something, and in the pages 1, 2 and 4 nothing. */
static void
make_pages(uint8_t *pages, unsigned int n)
{
    for (unsigned int i = 0; i < n * PAGE; i++) {
        const unsigned int page = i / PAGE;

        pages[i] = page == 1 || page == 2 || page == 4 ? 0 : (uint8_t)(i * 7 + i / 256 + 1);
    }
}

TAP_TEST(pages_of_zeros_take_no_memory)
{
    static uint8_t pages[6 * PAGE];
    struct bench bench;

    make_pages(pages, 6);
    bench_start(&bench, pages, sizeof(pages));
    check_int(place_bytes(&(struct place){&bench.ram, bench.ram.host + AT, true}, &bench.source, 0,
                          sizeof(pages)),
              0);
    check_int(bytes_taken(&bench), 3 * PAGE);
    place_zeros(&(struct place){&bench.ram, bench.ram.host + AT, true}, sizeof(pages), 10 * PAGE);
    check_int(bytes_taken(&bench), 3 * PAGE);
    check(memcmp(bench.ram.host + AT, pages, sizeof(pages)) == 0);
    bench_stop(&bench);
}

TAP_TEST(any_offset_to_any_address)
{
    static uint8_t pages[7 * PAGE];
    static const uint64_t offsets[] = {0, 1, 0x200, PAGE - 1, PAGE, PAGE + 8};
    struct bench bench;

    make_pages(pages, 7);
    bench_start(&bench, pages, sizeof(pages));
    for (size_t i = 0; i < ARRAY_SIZE(offsets); i++) {
        for (size_t j = 0; j < ARRAY_SIZE(offsets); j++) {
            uint8_t *to = bench.ram.host + AT + (i * 8 + j) * 16 * PAGE + offsets[j];
            const uint64_t size = sizeof(pages) - offsets[i] - 3;

            check_int(
                place_bytes(&(struct place){&bench.ram, to, true}, &bench.source, offsets[i], size),
                0);
            check(memcmp(to, pages + offsets[i], size) == 0);
            check(to[-1] == 0 && to[size] == 0);
        }
    }
    bench_stop(&bench);
}

TAP_TEST(zeros_are_written_over_something)
{
    static uint8_t pages[6 * PAGE];
    struct bench bench;

    make_pages(pages, 6);
    bench_start(&bench, pages, sizeof(pages));
    memset(bench.ram.host + AT, 0xee, 8 * PAGE);
    check_int(place_bytes(&(struct place){&bench.ram, bench.ram.host + AT, false}, &bench.source, 0,
                          sizeof(pages)),
              0);
    check(memcmp(bench.ram.host + AT, pages, sizeof(pages)) == 0);
    place_zeros(&(struct place){&bench.ram, bench.ram.host + AT, false}, 6 * PAGE, PAGE);
    check_int(bench.ram.host[AT + 6 * PAGE], 0);
    check_int(bench.ram.host[AT + 7 * PAGE - 1], 0);
    check_int(bench.ram.host[AT + 7 * PAGE], 0xee);
    bench_stop(&bench);
}

TAP_TEST(memory_without_a_file_may_hold_anything)
{
    static uint8_t pages[6 * PAGE];
    struct bench bench;

    make_pages(pages, 6);
    bench_start(&bench, pages, sizeof(pages));
    fd_closep(&bench.ram.fd);
    memset(bench.ram.host + AT, 0xee, 8 * PAGE);
    check_int(place_bytes(&(struct place){&bench.ram, bench.ram.host + AT, true}, &bench.source, 0,
                          sizeof(pages)),
              0);
    check(memcmp(bench.ram.host + AT, pages, sizeof(pages)) == 0);
    place_zeros(&(struct place){&bench.ram, bench.ram.host + AT, true}, 6 * PAGE, PAGE);
    check_int(bench.ram.host[AT + 6 * PAGE], 0);
    bench_stop(&bench);
}

TAP_TEST(more_than_one_view)
{
    const size_t size = 2 * (size_t)SOURCE_VIEW_MAX + 5000;
    cleanup_free uint8_t *data = malloc(size);
    struct bench bench;

    for (size_t i = 0; i < size; i++) {
        data[i] = (uint8_t)(i % 251 + i / 5003);
    }
    bench_start(&bench, data, size);
    check_int(
        place_bytes(&(struct place){&bench.ram, bench.ram.host + AT, true}, &bench.source, 0, size),
        0);
    check(memcmp(bench.ram.host + AT, data, size) == 0);
    struct source memory = {.name = "KERNEL", .memory = data, .size = size, .fd = -1};
    check_int(
        place_bytes(&(struct place){&bench.ram, bench.ram.host + AT, false}, &memory, 5, size - 5),
        0);
    check(memcmp(bench.ram.host + AT, data + 5, size - 5) == 0);
    bench_stop(&bench);
}

TAP_TEST(a_source_that_ends_early)
{
    static uint8_t pages[6 * PAGE];
    struct bench bench;
    uint8_t *to;

    make_pages(pages, 6);
    bench_start(&bench, pages, sizeof(pages));
    to = bench.ram.host + AT;
    check_int(place_bytes(&(struct place){&bench.ram, to, true}, &bench.source, 1, sizeof(pages)),
              -EIO);
    check_int(place_bytes(&(struct place){&bench.ram, to, true}, &bench.source, sizeof(pages), 1),
              -EIO);
    check_int(place_bytes(&(struct place){&bench.ram, to, true}, &bench.source, UINT64_MAX, 2),
              -EIO);
    check_int(place_bytes(&(struct place){&bench.ram, to, true}, &bench.source, sizeof(pages), 0),
              0);
    check_int(bytes_taken(&bench), 0);
    /* Cut since it was opened: the host's kernel says so before anybody looks. */
    check_int(ftruncate(bench.source.fd, PAGE), 0);
    check_int(place_bytes(&(struct place){&bench.ram, to, true}, &bench.source, 0, sizeof(pages)),
              -EIO);
    bench_stop(&bench);
}

TAP_TEST(a_file_that_cannot_be_mapped)
{
    const int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    struct source source = {.name = "KERNEL", .size = 5, .fd = fd};
    struct source_view view;

    check(fd >= 0);
    check_int(source_view(&source, 0, 5, &view), 0);
    check(memcmp(view.data, "Name:", 5) == 0);
    source_view_end(&view);
    close(fd);
}

/* A segment of zeros over one of something: the later one holds. */
TAP_TEST(segments_that_overlap)
{
    static uint8_t file[4 * PAGE];
    Elf64_Ehdr head = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
                       .e_type = ET_EXEC,
                       .e_machine = EM_X86_64,
                       .e_entry = AT,
                       .e_phoff = sizeof(head),
                       .e_phentsize = sizeof(Elf64_Phdr),
                       .e_phnum = 2};
    const Elf64_Phdr segments[] = {
        {.p_type = PT_LOAD, .p_offset = PAGE, .p_paddr = AT, .p_filesz = PAGE, .p_memsz = 3 * PAGE},
        {.p_type = PT_LOAD,
         .p_offset = 2 * PAGE,
         .p_paddr = AT + 16,
         .p_filesz = PAGE,
         .p_memsz = PAGE}};
    struct loader_kernel kernel;
    struct loader_error error;
    struct bench bench;

    memcpy(file, &head, sizeof(head));
    memcpy(file + sizeof(head), segments, sizeof(segments));
    memset(file + PAGE, 0x5a, PAGE);
    bench_start(&bench, file, sizeof(file));
    check_int(elf_load(&bench.source, &bench.ram, &kernel, &error), 0);
    check_int(bench.ram.host[AT + 15], 0x5a);
    check_int(bench.ram.host[AT + 16], 0);
    check_int(bench.ram.host[AT + PAGE - 1], 0);
    check_int(kernel.end, AT + 3 * PAGE);
    bench_stop(&bench);
}

TAP_MAIN(TAP_CASE(pages_of_zeros_take_no_memory), TAP_CASE(any_offset_to_any_address),
         TAP_CASE(zeros_are_written_over_something),
         TAP_CASE(memory_without_a_file_may_hold_anything), TAP_CASE(more_than_one_view),
         TAP_CASE(a_source_that_ends_early), TAP_CASE(a_file_that_cannot_be_mapped),
         TAP_CASE(segments_that_overlap))
