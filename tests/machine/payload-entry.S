/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Entered like a kernel: 64-bit, one-to-one memory, RSI = number of the test to run. */
    .section .entry, "ax"
    .code64
    .global entry
entry:
    lea __bss_start(%rip), %rdi
    lea _end(%rip), %rcx
    sub %rdi, %rcx
    xor %eax, %eax
    rep stosb
    mov %esi, %edi
    call run
1:
    hlt
    jmp 1b

    .macro handler name, which
    .global \name
\name:
    push %rax
    push %rcx
    push %rdx
    push %rsi
    push %rdi
    push %r8
    push %r9
    push %r10
    push %r11
    mov $\which, %edi
    call handle_interrupt
    pop %r11
    pop %r10
    pop %r9
    pop %r8
    pop %rdi
    pop %rsi
    pop %rdx
    pop %rcx
    pop %rax
    iretq
    .endm

    .text
    handler on_interrupt, 0
    handler on_second_interrupt, 1

/* Copied to a page below 1 MiB: a second processor sets its APIC id's bit at 0x7004,
   counts itself at 0x7000 and sleeps. */
    .global trampoline
    .global trampoline_end
    .code16
trampoline:
    cli
    xor %ax, %ax
    mov %ax, %ds
    mov $1, %eax
    cpuid
    shr $24, %ebx
    lock btsl %ebx, 0x7004
    lock incl 0x7000
1:
    hlt
    jmp 1b
trampoline_end:

    .section .note.GNU-stack, "", @progbits
