/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/tap.h"

#include <asm/bootparam.h>
#include <bzlib.h>
#include <elf.h>
#include <fcntl.h>
#include <glob.h>
#include <lz4.h>
#include <lzma.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "vmm/base/bytes.h"
#include "vmm/base/cleanup.h"
#include "vmm/base/fd.h"
#include "vmm/loader/loader.h"

enum {
    RAM_SIZE = 64 << 20,
    GUARD = 1 << 20,
    KERNEL_AT = 0x1000000,
    KERNEL_FILE_SIZE = 0x3000,
    KERNEL_MEMORY_SIZE = 0x9000,
    BODY = 5 * 512, /* of a bzImage with four setup sectors */
    PAYLOAD = BODY + 0x400
};

enum packing {
    GZIP,
    XZ,
    LZMA,
    BZIP2,
    ZSTD,
    LZ4,
    UNKNOWN,
    N_PACKINGS
};

struct bench {
    struct loader_setup setup;
    struct loader_ram ram;
    struct loader_done done;
    struct loader_error error;
    uint8_t *mapping;
};

/* Guest memory between pages that fault. */
static void
bench_start(struct bench *bench, uint64_t size)
{
    memset(bench, 0, sizeof(*bench));
    bench->mapping = mmap(NULL, size + 2UL * GUARD, PROT_NONE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    bench->ram.host = bench->mapping + GUARD;
    bench->ram.size = size;
    bench->ram.fd = -1;
    mprotect(bench->ram.host, size, PROT_READ | PROT_WRITE);
    bench->setup.kernel_fd = -1;
    bench->setup.initrd_fd = -1;
    bench->setup.stored_fd = -1;
    bench->setup.store_fd = -1;
    strcpy(bench->setup.kernel_name, "KERNEL");
    strcpy(bench->setup.initrd_name, "INITRD");
    strcpy(bench->setup.command_line, "console=ttyS0");
}

static void
bench_stop(struct bench *bench)
{
    munmap(bench->mapping, bench->ram.size + 2UL * GUARD);
    fd_closep(&bench->setup.kernel_fd);
    fd_closep(&bench->setup.initrd_fd);
    fd_closep(&bench->setup.stored_fd);
    fd_closep(&bench->setup.store_fd);
}

static int
file_with(const void *data, size_t size)
{
    int fd = memfd_create("test", MFD_CLOEXEC);

    if (write(fd, data, size) != (ssize_t)size) {
        abort();
    }
    return fd;
}

static int
bench_run(struct bench *bench, const void *kernel, size_t size)
{
    fd_closep(&bench->setup.kernel_fd);
    bench->setup.kernel_fd = file_with(kernel, size);
    return loader_run(&bench->setup, &bench->ram, &bench->done, &bench->error);
}

/* An ELF kernel of one segment with recognisable bytes and 0x6000 bytes of bss. */
static size_t
make_elf(uint8_t *out)
{
    Elf64_Ehdr head = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
                       .e_type = ET_EXEC,
                       .e_machine = EM_X86_64,
                       .e_version = EV_CURRENT,
                       .e_entry = KERNEL_AT + 0x40,
                       .e_phoff = sizeof(head),
                       .e_ehsize = sizeof(head),
                       .e_phentsize = sizeof(Elf64_Phdr),
                       .e_phnum = 1};
    Elf64_Phdr segment = {.p_type = PT_LOAD,
                          .p_offset = 0x200,
                          .p_vaddr = 0xffffffff81000000,
                          .p_paddr = KERNEL_AT,
                          .p_filesz = KERNEL_FILE_SIZE,
                          .p_memsz = KERNEL_MEMORY_SIZE};

    memset(out, 0, 0x200);
    memcpy(out, &head, sizeof(head));
    memcpy(out + sizeof(head), &segment, sizeof(segment));
    for (unsigned int i = 0; i < KERNEL_FILE_SIZE; i++) {
        out[0x200 + i] = (uint8_t)(i * 7 + i / 256);
    }
    return 0x200 + KERNEL_FILE_SIZE;
}

static size_t
pack(enum packing packing, const uint8_t *data, size_t size, uint8_t *out, size_t room)
{
    size_t used = 0;
    z_stream z = {0};
    lzma_options_lzma options;
    lzma_stream l = LZMA_STREAM_INIT;

    switch (packing) {
    case GZIP:
        deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY);
        memcpy(&z.next_in, &data, sizeof(data)); /* it has no const form */
        z.avail_in = (uInt)size;
        z.next_out = out;
        z.avail_out = (uInt)room;
        deflate(&z, Z_FINISH);
        used = z.total_out;
        deflateEnd(&z);
        return used; /* its trailer is the size already */
    case XZ:
        lzma_easy_buffer_encode(6, LZMA_CHECK_CRC32, NULL, data, size, out, &used, room);
        break;
    case LZMA:
        lzma_lzma_preset(&options, 6);
        (void)!lzma_alone_encoder(&l, &options);
        l.next_in = data;
        l.avail_in = size;
        l.next_out = out;
        l.avail_out = room;
        (void)!lzma_code(&l, LZMA_FINISH);
        used = l.total_out;
        lzma_end(&l);
        break;
    case BZIP2: {
        unsigned int length = (unsigned int)room;
        char *source; /* it has no const form */
        memcpy(&source, &data, sizeof(data));
        BZ2_bzBuffToBuffCompress((char *)out, &length, source, (unsigned int)size, 9, 0, 0);
        used = length;
        break;
    }
    case ZSTD:
        used = ZSTD_compress(out, room, data, size, 19);
        break;
    case LZ4:
        store_le32(out, 0x184c2102);
        used = (size_t)LZ4_compress_default((const char *)data, (char *)out + 8, (int)size,
                                            (int)room - 8);
        store_le32(out + 4, (uint32_t)used);
        used += 8;
        break;
    case UNKNOWN:
    case N_PACKINGS:
        memset(out, 0x42, size);
        used = size;
        break;
    }
    store_le32(out + used, (uint32_t)size);
    return used + 4;
}

static size_t
make_bzimage(enum packing packing, uint8_t *out, size_t room)
{
    static uint8_t elf[0x200 + KERNEL_FILE_SIZE];
    struct setup_header header = {.setup_sects = 4,
                                  .boot_flag = 0xaa55,
                                  .jump = 0x6aeb,
                                  .header = 0x53726448,
                                  .version = 0x20f,
                                  .loadflags = LOADED_HIGH,
                                  .initrd_addr_max = 0x7fffffff,
                                  .kernel_alignment = 0x200000,
                                  .relocatable_kernel = 1,
                                  .xloadflags = XLF_KERNEL_64,
                                  .cmdline_size = 2047,
                                  .payload_offset = PAYLOAD - BODY,
                                  .pref_address = KERNEL_AT,
                                  .init_size = 0x100000};

    memset(out, 0, PAYLOAD);
    size_t size = pack(packing, elf, make_elf(elf), out + PAYLOAD, room - PAYLOAD);
    header.payload_length = (uint32_t)size;
    memcpy(out + 0x1f1, &header, sizeof(header));
    memset(out + BODY + 0x200, 0xc3, 16); /* where startup_64 is */
    return PAYLOAD + size;
}

TAP_TEST(elf_lands_at_its_physical_address)
{
    struct bench bench;
    static uint8_t elf[0x200 + KERNEL_FILE_SIZE];
    size_t size = make_elf(elf);

    bench_start(&bench, RAM_SIZE);
    memset(bench.ram.host + KERNEL_AT, 0xee, KERNEL_MEMORY_SIZE + 16);
    check_int(bench_run(&bench, elf, size), 0);
    check_int(bench.done.entry, KERNEL_AT + 0x40);
    check_int(bench.done.kernel_start, KERNEL_AT);
    check_int(bench.done.kernel_end, KERNEL_AT + KERNEL_MEMORY_SIZE);
    check_int(bench.done.initrd_start, 0);
    check(memcmp(bench.ram.host + KERNEL_AT, elf + 0x200, KERNEL_FILE_SIZE) == 0);
    for (int i = KERNEL_FILE_SIZE; i < KERNEL_MEMORY_SIZE; i++) {
        check(bench.ram.host[KERNEL_AT + i] == 0);
    }
    check(bench.ram.host[KERNEL_AT + KERNEL_MEMORY_SIZE] == 0xee);
    bench_stop(&bench);
}

TAP_TEST(zero_page_tells_everything)
{
    struct bench bench;
    static uint8_t elf[0x200 + KERNEL_FILE_SIZE];
    size_t size = make_elf(elf);
    uint8_t initrd[5000];

    memset(initrd, 0x5a, sizeof(initrd));
    bench_start(&bench, RAM_SIZE);
    bench.setup.initrd_fd = file_with(initrd, sizeof(initrd));
    check_int(bench_run(&bench, elf, size), 0);
    const struct boot_params *params = (const void *)(bench.ram.host + bench.done.boot_params);
    check_int(bench.done.boot_params, 0x7000);
    check_int(params->hdr.type_of_loader, 0xff);
    check_int(params->hdr.header, 0x53726448);
    check_int(params->hdr.cmd_line_ptr, 0x20000);
    check_str((char *)bench.ram.host + 0x20000, "console=ttyS0");
    check_int(params->acpi_rsdp_addr, 0xe0000);
    check_int(params->hdr.ramdisk_image, RAM_SIZE - 8192);
    check_int(params->hdr.ramdisk_size, 5000);
    check_int(params->ext_ramdisk_image, 0);
    check_int(bench.done.initrd_start, RAM_SIZE - 8192);
    check(memcmp(bench.ram.host + RAM_SIZE - 8192, initrd, sizeof(initrd)) == 0);
    check_int(params->e820_entries, 6);
    check_int(params->e820_table[0].size, 0x9fc00);
    check_int(params->e820_table[2].addr, 0xe0000);
    check_int(params->e820_table[2].type, 2);
    check_int(params->e820_table[3].addr, 0x100000);
    check_int(params->e820_table[3].size, RAM_SIZE - 0x100000);
    bench_stop(&bench);
}

TAP_TEST(memory_above_4_gib)
{
    struct bench bench;
    static uint8_t elf[0x200 + KERNEL_FILE_SIZE];
    size_t size = make_elf(elf);
    uint64_t ram_size = UINT64_C(5) << 30;

    bench_start(&bench, ram_size);
    bench.setup.initrd_fd = file_with(elf, 100);
    check_int(bench_run(&bench, elf, size), 0);
    const struct boot_params *params = (const void *)(bench.ram.host + 0x7000);
    check_int(bench.done.initrd_start, 0xd0000000 - 4096);
    check_int(params->e820_entries, 7);
    check_int(params->e820_table[3].size, 0xd0000000 - 0x100000);
    check_int(params->e820_table[6].addr, 0x100000000);
    check_int(params->e820_table[6].size, ram_size - 0xd0000000);
    check(loader_ram_range(&bench.ram, 0xd0000000, 1) == NULL);
    check(loader_ram_range(&bench.ram, 0xcfffffff, 2) == NULL);
    check(loader_ram_range(&bench.ram, 0x100000000, 1) == bench.ram.host + 0xd0000000);
    check(loader_ram_range(&bench.ram, 0x100000000, ram_size - 0xd0000000) != NULL);
    check(loader_ram_range(&bench.ram, 0x100000000, ram_size - 0xd0000000 + 1) == NULL);
    check(loader_ram_range(&bench.ram, UINT64_MAX, 2) == NULL);
    bench_stop(&bench);
}

TAP_TEST(bzimage_is_unpacked)
{
    static uint8_t elf[0x200 + KERNEL_FILE_SIZE];
    static uint8_t image[64 * 1024];

    make_elf(elf);
    for (enum packing packing = GZIP; packing < UNKNOWN; packing++) {
        struct bench bench;
        size_t size = make_bzimage(packing, image, sizeof(image));
        bench_start(&bench, RAM_SIZE);
        int r = bench_run(&bench, image, size);
        printf("# packing %d: %d %s\n", packing, r, r ? bench.error.sentence : "");
        check_int(r, 0);
        check_int(bench.done.entry, KERNEL_AT + 0x40);
        check(memcmp(bench.ram.host + KERNEL_AT, elf + 0x200, KERNEL_FILE_SIZE) == 0);
        const struct boot_params *params = (const void *)(bench.ram.host + 0x7000);
        check_int(params->hdr.version, 0x20f);
        check_int(params->hdr.init_size, 0x100000);
        check_int(params->hdr.type_of_loader, 0xff);
        bench_stop(&bench);
    }
}

TAP_TEST(bzimage_of_unknown_packing_unpacks_itself)
{
    struct bench bench;
    static uint8_t image[64 * 1024];
    size_t size = make_bzimage(UNKNOWN, image, sizeof(image));

    bench_start(&bench, RAM_SIZE);
    check_int(bench_run(&bench, image, size), 0);
    check_int(bench.done.entry, 0x200200);
    check_int(bench.done.kernel_end, KERNEL_AT + 0x100000);
    check_int(bench.ram.host[0x200200], 0xc3);
    image[0x236] = 0; /* no 64-bit entry */
    check(bench_run(&bench, image, size) < 0);
    check(strstr(bench.error.sentence, "32-bit"));
    bench_stop(&bench);
}

/* What one boot leaves serves the next, and nothing else does. */
TAP_TEST(unpacked_kernel_is_kept)
{
    static uint8_t elf[0x200 + KERNEL_FILE_SIZE];
    static uint8_t image[64 * 1024];
    static uint8_t kept[sizeof(elf) + sizeof(struct loader_store_end)];
    size_t size = make_bzimage(XZ, image, sizeof(image));
    struct bench bench;

    bench_start(&bench, RAM_SIZE);
    bench.setup.store_fd = fd_memory_file("store", LOADER_STORE_MAX);
    check_int(bench_run(&bench, image, size), 0);
    check_int(bench.done.store_size, (long long)make_elf(elf));
    check(pread(bench.setup.store_fd, kept, sizeof(elf), 0) == sizeof(elf));
    check(memcmp(kept, elf, sizeof(elf)) == 0);
    struct loader_store_end end = {.size = sizeof(elf), .sum = bench.done.store_sum};
    memcpy(end.magic, LOADER_STORE_MAGIC, sizeof(end.magic));
    memcpy(kept + sizeof(elf), &end, sizeof(end));
    fd_closep(&bench.setup.store_fd);

    image[size - 200] ^= 0x55; /* it cannot be unpacked any more */
    check(bench_run(&bench, image, size) < 0);
    bench.setup.stored_fd = file_with(kept, sizeof(kept));
    memset(bench.ram.host + KERNEL_AT, 0, KERNEL_FILE_SIZE);
    check_int(bench_run(&bench, image, size), 0);
    check_int(bench.done.entry, KERNEL_AT + 0x40);
    check_int(bench.done.stored_bad, 0);
    check(memcmp(bench.ram.host + KERNEL_AT, elf + 0x200, KERNEL_FILE_SIZE) == 0);
    image[size - 200] ^= 0x55;
    for (size_t at = 0; at < sizeof(kept) - 4; at += 61) { /* the last word is not used */
        fd_closep(&bench.setup.stored_fd);
        kept[at] ^= 0x10;
        bench.setup.stored_fd = file_with(kept, at % 2 ? sizeof(kept) : sizeof(kept) - at % 100);
        kept[at] ^= 0x10;
        memset(bench.ram.host + KERNEL_AT, 0, KERNEL_FILE_SIZE);
        check_int(bench_run(&bench, image, size), 0);
        check_int(bench.done.stored_bad, 1);
        check(memcmp(bench.ram.host + KERNEL_AT, elf + 0x200, KERNEL_FILE_SIZE) == 0);
    }
    bench_stop(&bench);
}

static const char *
refusal(struct bench *bench, const void *kernel, size_t size)
{
    bench->error.sentence[0] = '\0';
    return bench_run(bench, kernel, size) < 0 ? bench->error.sentence : "accepted";
}

TAP_TEST(each_refusal_is_one_sentence)
{
    struct bench bench;
    static uint8_t elf[0x200 + KERNEL_FILE_SIZE];
    size_t size = make_elf(elf);
    uint8_t other[1024] = "this is a text file";

    bench_start(&bench, RAM_SIZE);
    check_str(refusal(&bench, other, sizeof(other)),
              "KERNEL is not a Linux kernel: no ELF and no bzImage header; choose a vmlinux or "
              "vmlinuz file.");
    check_str(bench.error.id, "bad-kernel");
    check(strstr(refusal(&bench, other, 0), "KERNEL is empty"));
    store_le32(other + 0x38, 0x644d5241); /* "ARM", 0x64 */
    check(strstr(refusal(&bench, other, sizeof(other)), "64-bit Arm"));
    check(strstr(refusal(&bench, elf, size - 1), "incomplete"));
    check(strstr(refusal(&bench, elf, 40), "incomplete"));
    elf[offsetof(Elf64_Ehdr, e_machine)] = EM_386;
    check(strstr(refusal(&bench, elf, size), "32-bit"));
    elf[offsetof(Elf64_Ehdr, e_machine)] = EM_AARCH64;
    check(strstr(refusal(&bench, elf, size), "64-bit Arm"));
    make_elf(elf);
    store_le64(elf + 64 + offsetof(Elf64_Phdr, p_paddr), 0);
    check(strstr(refusal(&bench, elf, size), "not a Linux kernel"));
    make_elf(elf);
    bench.ram.size = 16 << 20;
    check_str(refusal(&bench, elf, size),
              "KERNEL needs 17 MiB of memory, the machine has 16 MiB: give the machine more "
              "memory.");
    check_str(bench.error.id, "no-memory");
    bench.ram.size = RAM_SIZE;
    memset(bench.setup.command_line, 'x', sizeof(bench.setup.command_line));
    check(strstr(refusal(&bench, elf, size), "shorten it"));
    strcpy(bench.setup.command_line, "");
    fd_closep(&bench.setup.initrd_fd);
    bench.setup.initrd_fd = file_with("", 0);
    check(strstr(refusal(&bench, elf, size), "INITRD is empty"));
    check_str(bench.error.id, "bad-initrd");
    check(ftruncate(bench.setup.initrd_fd, 60 << 20) == 0);
    check(strstr(refusal(&bench, elf, size), "INITRD needs 61 MiB"));
    check_str(bench.error.id, "no-memory");
    fd_closep(&bench.setup.initrd_fd);
    bench.setup.initrd_fd = open("/", O_RDONLY | O_CLOEXEC);
    check(strstr(refusal(&bench, elf, size), "INITRD is a folder"));
    bench_stop(&bench);
}

/* Change every byte of the headers in turn: whatever comes out, the guard pages hold. */
TAP_TEST(corrupt_headers_stay_inside)
{
    static uint8_t image[64 * 1024];
    static const uint8_t values[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
    struct bench bench;
    unsigned int refused = 0;

    bench_start(&bench, RAM_SIZE);
    for (int form = 0; form < 2; form++) {
        size_t size = form ? make_bzimage(LZ4, image, sizeof(image)) : make_elf(image);
        size_t from = form ? 0x1f1 : 4;
        size_t to = form ? 0x1f1 + sizeof(struct setup_header) : 64 + sizeof(Elf64_Phdr);
        for (size_t at = from; at < to; at++) {
            for (size_t v = 0; v < ARRAY_SIZE(values); v++) {
                uint8_t old = image[at];
                image[at] = values[v];
                refused += bench_run(&bench, image, size) < 0;
                image[at] = old;
            }
        }
        for (size_t at = from; at + 8 <= to; at += 2) {
            uint8_t old[8];
            memcpy(old, image + at, 8);
            memset(image + at, 0xff, 8);
            refused += bench_run(&bench, image, size) < 0;
            memcpy(image + at, old, 8);
        }
    }
    printf("# %u variants refused\n", refused);
    check(refused > 50);
    bench_stop(&bench);
}

TAP_TEST(corrupt_payloads_are_refused)
{
    static uint8_t image[64 * 1024];
    struct bench bench;

    bench_start(&bench, RAM_SIZE);
    for (enum packing packing = GZIP; packing < UNKNOWN; packing++) {
        size_t size = make_bzimage(packing, image, sizeof(image));
        for (size_t cut = 1; cut < size - BODY; cut += 97) {
            check(bench_run(&bench, image, size - cut) < 0);
        }
        for (size_t at = PAYLOAD; at < size; at += 31) {
            image[at] ^= 0x55;
            bench_run(&bench, image, size);
            image[at] ^= 0x55;
        }
        for (uint32_t lie = 1; lie != 0; lie *= 2) {
            store_le32(image + size - 4, lie);
            check(bench_run(&bench, image, size) < 0);
        }
    }
    bench_stop(&bench);
}

static int
open_cached(const char *name)
{
    glob_t found;
    const char *cache = getenv("DUT_CACHE");
    const char *home = getenv("HOME");
    char pattern[512];
    int fd = -1;

    snprintf(pattern, sizeof(pattern), "%s%s/x86_64/*/%s",
             cache  ? cache
             : home ? home
                    : "",
             cache ? "" : "/.cache/dut", name);
    if (glob(pattern, 0, NULL, &found) == 0) {
        fd = open(found.gl_pathv[0], O_RDONLY | O_CLOEXEC);
        globfree(&found);
    }
    return fd;
}

TAP_TEST(real_kernel_both_forms_are_equal)
{
    struct bench elf;
    struct bench packed;

    bench_start(&elf, UINT64_C(256) << 20);
    bench_start(&packed, UINT64_C(256) << 20);
    elf.setup.kernel_fd = open_cached("vmlinux");
    packed.setup.kernel_fd = open_cached("vmlinuz");
    if (elf.setup.kernel_fd < 0 || packed.setup.kernel_fd < 0) {
        printf("# left out: no kernel in the test machine's cache (tests/dut/dut fetch)\n");
        return;
    }
    check_int(loader_run(&elf.setup, &elf.ram, &elf.done, &elf.error), 0);
    check_int(loader_run(&packed.setup, &packed.ram, &packed.done, &packed.error), 0);
    check(elf.done.entry >= KERNEL_AT && elf.done.entry < elf.done.kernel_end);
    check_int(packed.done.entry, elf.done.entry);
    check_int(packed.done.kernel_end, elf.done.kernel_end);
    printf("# entry 0x%llx, kernel ends at %llu MiB\n", (unsigned long long)elf.done.entry,
           (unsigned long long)elf.done.kernel_end >> 20);
    check(memcmp(elf.ram.host + elf.done.kernel_start, packed.ram.host + elf.done.kernel_start,
                 elf.done.kernel_end - elf.done.kernel_start) == 0);
    bench_stop(&elf);
    bench_stop(&packed);
}

TAP_MAIN(TAP_CASE(elf_lands_at_its_physical_address), TAP_CASE(zero_page_tells_everything),
         TAP_CASE(memory_above_4_gib), TAP_CASE(bzimage_is_unpacked),
         TAP_CASE(bzimage_of_unknown_packing_unpacks_itself), TAP_CASE(unpacked_kernel_is_kept),
         TAP_CASE(each_refusal_is_one_sentence), TAP_CASE(corrupt_headers_stay_inside),
         TAP_CASE(corrupt_payloads_are_refused), TAP_CASE(real_kernel_both_forms_are_equal))
