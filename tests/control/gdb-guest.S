/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A guest to be debugged: says HELLO, counts, and switches itself off when `enough` is not 0. */
    .globl _start, first, counting, fill, off, counter, enough, text
    .text
_start:
    mov $0x3f8, %dx
    lea text(%rip), %rsi
say:
    mov (%rsi), %al
    out %al, %dx
    inc %rsi
    cmpb $0, (%rsi)
    jne say
first:
    mov $0x1111, %ebx
    inc %rbx
    xor %ecx, %ecx
counting:
    inc %rcx
    call fill
    cmpq $0, enough(%rip)
    je counting
off:
    mov $0x604, %dx
    mov $(0x2000 | 5 << 10), %ax
    out %ax, %dx
    hlt
fill:
    mov %rcx, counter(%rip)
    ret

    .data
counter: .quad 7
enough: .quad 0
text: .asciz "HELLO\r\n"
