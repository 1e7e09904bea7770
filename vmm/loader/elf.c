/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/loader/kernel.h"

#include <elf.h>
#include <string.h>

#include "vmm/base/bytes.h"
#include "vmm/loader/place.h"

enum {
    ELF_SEGMENTS_MAX = 64
};

bool
elf_recognise(const uint8_t *head, uint64_t size)
{
    return size >= SELFMAG && memcmp(head, ELFMAG, SELFMAG) == 0;
}

static const char *
elf_machine_name(unsigned int machine)
{
    switch (machine) {
    case EM_AARCH64:
        return "64-bit Arm";
    case EM_ARM:
        return "32-bit Arm";
    case EM_RISCV:
        return "RISC-V";
    case EM_PPC64:
        return "POWER";
    case EM_S390:
        return "IBM Z";
    default:
        return "another kind of";
    }
}

static int
elf_check(const struct source *source, const Elf64_Ehdr *head, struct loader_error *error)
{
    if (head->e_machine == EM_386) {
        return loader_error_set(error, "bad-kernel",
                                "%s is a 32-bit kernel; use a 64-bit (x86-64) one.", source->name);
    }
    if (head->e_machine != EM_X86_64) {
        return loader_error_set(error, "bad-kernel",
                                "%s is a kernel for %s processors; use one built for x86-64.",
                                source->name, elf_machine_name(head->e_machine));
    }
    if (head->e_ident[EI_CLASS] != ELFCLASS64 || head->e_ident[EI_DATA] != ELFDATA2LSB) {
        return loader_error_set(error, "bad-kernel",
                                "%s is not a 64-bit kernel; use a 64-bit (x86-64) one.",
                                source->name);
    }
    if ((head->e_type != ET_EXEC && head->e_type != ET_DYN) ||
        head->e_phentsize != sizeof(Elf64_Phdr) || head->e_phnum == 0 ||
        head->e_phnum > ELF_SEGMENTS_MAX) {
        return loader_error_set(error, "bad-kernel",
                                "%s is not a Linux kernel: its ELF header has no usable program "
                                "header table; use vmlinux or vmlinuz.",
                                source->name);
    }
    return 0;
}

/* Copy one segment and clear what follows its bytes in the file. Those before it end at `used`. */
static int
elf_load_segment(const struct source *source, const Elf64_Phdr *segment, uint64_t used,
                 const struct loader_ram *ram, struct loader_error *error)
{
    struct place place = {.ram = ram, .fresh = segment->p_paddr >= used};
    uint64_t end;

    if (segment->p_filesz > segment->p_memsz ||
        !add_fits(segment->p_paddr, segment->p_memsz, &end)) {
        return loader_error_set(
            error, "bad-kernel",
            "%s is damaged: a segment is larger in the file than in memory; get "
            "the kernel again.",
            source->name);
    }
    if (segment->p_paddr < LOADER_KERNEL_LOWEST) {
        return loader_error_set(error, "bad-kernel",
                                "%s is not a Linux kernel: it is an ELF program that does not live "
                                "in memory from 1 MiB on; use vmlinux or vmlinuz.",
                                source->name);
    }
    if (end > loader_ram_low_end(ram)) {
        return kernel_error_memory(source, ram, end, error);
    }
    place.to = loader_ram_range(ram, segment->p_paddr, segment->p_memsz);
    if (!place.to) {
        return kernel_error_memory(source, ram, end, error);
    }
    int r = place_bytes(&place, source, segment->p_offset, segment->p_filesz);
    if (r < 0) {
        return kernel_error_read(source, r, error);
    }
    place_zeros(&place, segment->p_filesz, segment->p_memsz - segment->p_filesz);
    return 0;
}

/* The entry point is physical in today's kernels; older ones tell its virtual address. */
static uint64_t
elf_entry(const Elf64_Ehdr *head, const Elf64_Phdr *segments, const struct loader_kernel *kernel)
{
    if (head->e_entry >= kernel->start && head->e_entry < kernel->end) {
        return head->e_entry;
    }
    for (unsigned int i = 0; i < head->e_phnum; i++) {
        const Elf64_Phdr *segment = &segments[i];
        if (segment->p_type == PT_LOAD && head->e_entry >= segment->p_vaddr &&
            head->e_entry - segment->p_vaddr < segment->p_memsz) {
            return segment->p_paddr + (head->e_entry - segment->p_vaddr);
        }
    }
    return 0;
}

int
elf_load(const struct source *source, const struct loader_ram *ram,
         struct loader_kernel *ret_kernel, struct loader_error *error)
{
    Elf64_Ehdr head;
    Elf64_Phdr segments[ELF_SEGMENTS_MAX];
    struct loader_kernel kernel = {.start = UINT64_MAX,
                                   .initrd_end_max = LOADER_LOW_RAM_END,
                                   .command_line_max = LOADER_COMMAND_LINE_SIZE - 1};

    int r = source_read(source, 0, &head, sizeof(head));
    if (r < 0) {
        return kernel_error_read(source, r, error);
    }
    r = elf_check(source, &head, error);
    if (r < 0) {
        return r;
    }
    r = source_read(source, head.e_phoff, segments, head.e_phnum * sizeof(segments[0]));
    if (r < 0) {
        return kernel_error_read(source, r, error);
    }
    for (unsigned int i = 0; i < head.e_phnum; i++) {
        const Elf64_Phdr *segment = &segments[i];
        if (segment->p_type != PT_LOAD || segment->p_memsz == 0) {
            continue;
        }
        r = elf_load_segment(source, segment, kernel.end, ram, error);
        if (r < 0) {
            return r;
        }
        kernel.start = MIN_OF(kernel.start, segment->p_paddr);
        kernel.end = MAX_OF(kernel.end, segment->p_paddr + segment->p_memsz);
    }
    kernel.entry = elf_entry(&head, segments, &kernel);
    if (kernel.entry == 0) {
        return loader_error_set(error, "bad-kernel",
                                "%s is not a Linux kernel: its entry point is in none of its "
                                "segments; use vmlinux or vmlinuz.",
                                source->name);
    }
    *ret_kernel = kernel;
    return 0;
}
