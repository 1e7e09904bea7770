/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The guest of `vmm-machine --probe`: position independent 64-bit code, entered like a kernel, on
 * one-to-one mapped memory. Each step that worked is reported at REPORT_PORT; a step that did not
 * ends in an undefined instruction without a handler, which resets the machine.
 */
#define REPORT_PORT  0x500
#define IDT          0x4000
#define NEW_PML4     0x300000
#define LAPIC        0xfee00000
#define LAPIC_EOI    0x0b0
#define LAPIC_SVR    0x0f0
#define LAPIC_ICR    0x300
#define LAPIC_TIMER  0x320
#define LAPIC_COUNT  0x380
#define LAPIC_DIVIDE 0x3e0
#define VECTOR       0x40

#define CPUID_1_ECX_XSAVE (1 << 26)
#define CPUID_D_EAX_XSAVES (1 << 3)
#define CR4_OSFXSR_OSXMM_OSXSAVE 0x40600
#define MSR_XSS 0xda0

.macro report step
    mov $REPORT_PORT, %dx
    mov $\step, %al
    out %al, %dx
.endm

    .section .rodata
    .balign 4096
    .global probe_guest_start
    .hidden probe_guest_start
probe_guest_start:
    .code64
    report 1

    /* 16-byte compare and exchange: the first thing a partial emulator lacks. */
    lea pair(%rip), %rdi
    xor %eax, %eax
    xor %edx, %edx
    mov $0x1111, %ebx
    mov $0x2222, %ecx
    lock cmpxchg16b (%rdi)
    jne broken
    cmpq $0x1111, (%rdi)
    jne broken
    cmpq $0x2222, 8(%rdi)
    jne broken
    report 2

    /* Saving and restoring extended state, where the processor says that it has it. */
    mov $1, %eax
    xor %ecx, %ecx
    cpuid
    test $CPUID_1_ECX_XSAVE, %ecx
    jz 1f
    mov %cr4, %rax
    or $CR4_OSFXSR_OSXMM_OSXSAVE, %rax
    mov %rax, %cr4
    xor %ecx, %ecx
    xgetbv
    or $3, %eax
    xsetbv
    fninit
    lea state(%rip), %rdi
    mov $0x5a5a, %ebx
    movd %ebx, %xmm0
    mov $3, %eax
    xor %edx, %edx
    xsave64 (%rdi)
    pxor %xmm0, %xmm0
    mov $3, %eax
    xrstor64 (%rdi)
    movd %xmm0, %eax
    cmp %ebx, %eax
    jne broken
    mov $0xd, %eax
    mov $1, %ecx
    cpuid
    test $CPUID_D_EAX_XSAVES, %eax
    jz 1f
    mov $MSR_XSS, %ecx
    xor %eax, %eax
    xor %edx, %edx
    wrmsr
    lea compact(%rip), %rdi
    mov $3, %eax
    xsaves64 (%rdi)
    mov $3, %eax
    xrstors64 (%rdi)
1:
    report 3

    /* New page tables: the old ones, and all of it once more from 512 GiB on. */
    mov %cr3, %rsi
    mov $NEW_PML4, %rdi
    mov $512, %ecx
    rep movsq
    mov $NEW_PML4, %rdi
    mov (%rdi), %rax
    mov %rax, 8(%rdi)
    mov %rdi, %cr3
    lea pair(%rip), %rdi
    mov $0x8000000000, %rsi
    cmpq $0x1111, (%rdi, %rsi)
    jne broken
    report 4

    /* An interrupt through the IDT: from ourselves, then from the local timer out of HLT. */
    lea on_interrupt(%rip), %rax
    mov $(IDT + VECTOR * 16), %rdi
    mov %ax, (%rdi)
    movw $0x10, 2(%rdi)
    movw $0x8e00, 4(%rdi)
    shr $16, %rax
    mov %ax, 6(%rdi)
    shr $16, %rax
    mov %eax, 8(%rdi)
    movl $0, 12(%rdi)
    lidt idt(%rip)
    mov $LAPIC, %rbx
    movl $0x1ff, LAPIC_SVR(%rbx)
    movl $(0x40000 | VECTOR), LAPIC_ICR(%rbx)
    xor %r12d, %r12d
    sti
2:
    pause
    test %r12d, %r12d
    jz 2b
    cli
    report 5
    xor %r12d, %r12d
    movl $0xb, LAPIC_DIVIDE(%rbx)
    movl $VECTOR, LAPIC_TIMER(%rbx)
    movl $100000, LAPIC_COUNT(%rbx)
3:
    sti
    hlt
    cli
    test %r12d, %r12d
    jz 3b
    report 6
4:
    hlt
    jmp 4b

broken:
    ud2

on_interrupt:
    mov $1, %r12d
    movl $0, LAPIC_EOI(%rbx)
    iretq

    .balign 16
pair:
    .quad 0, 0
idt:
    .word (VECTOR + 1) * 16 - 1
    .quad IDT
    .balign 64
state:
    .zero 1024
compact:
    .zero 1024
    .global probe_guest_end
    .hidden probe_guest_end
probe_guest_end:

    .section .note.GNU-stack, "", @progbits
