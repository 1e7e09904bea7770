/* SPDX-License-Identifier: LGPL-2.1-or-later */
    .section .entry, "ax"
    .code64
    .global entry
entry:
    lea stack_end(%rip), %rsp
    mov %rsi, %rdi
    call use_disk
1:
    hlt
    jmp 1b

    .bss
    .balign 16
    .fill 8192
stack_end:

    .section .note.GNU-stack, "", @progbits
