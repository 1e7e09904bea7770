/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Keeps what it was entered with, and takes a stack of its own: the protocol promises none. */
    .section .entry, "ax"
    .code64
    .global entry
entry:
    mov %rsi, state+0(%rip)
    mov %cr0, %rax
    mov %rax, state+8(%rip)
    mov %cr3, %rax
    mov %rax, state+16(%rip)
    mov %cr4, %rax
    mov %rax, state+24(%rip)
    mov $0xc0000080, %ecx
    rdmsr
    mov %eax, state+32(%rip)
    mov %edx, state+36(%rip)
    lea stack_end(%rip), %rsp
    pushfq
    pop state+40(%rip)
    mov %cs, %ax
    mov %ax, state+48(%rip)
    mov %ds, %ax
    mov %ax, state+50(%rip)
    mov %es, %ax
    mov %ax, state+52(%rip)
    mov %ss, %ax
    mov %ax, state+54(%rip)
    str %ax
    mov %ax, state+56(%rip)
    sgdt state+64(%rip)
    sidt state+80(%rip)
    lea entry(%rip), %rdi
    call check_boot
1:
    hlt
    jmp 1b

    .data
    .balign 16
    .global state
state:
    .fill 96

    .bss
    .balign 16
    .fill 8192
stack_end:

    .section .note.GNU-stack, "", @progbits
