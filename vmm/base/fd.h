/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Descriptors. All descriptors that these make are close-on-exec. Errors are -errno. */

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "vmm/base/cleanup.h" /* IWYU pragma: export */

int fd_set_nonblocking(int fd);
int fd_set_cloexec(int fd, int on);

/* Read or write exactly `size` bytes, through EINTR; -EIO when the file ends early. Blocking fds only. */
int fd_read_full(int fd, void *data, size_t size);
int fd_write_full(int fd, const void *data, size_t size);
int fd_pread_full(int fd, void *data, size_t size, uint64_t offset);
/* With pwritev(2), which the list of vmm-block has. */
int fd_pwrite_full(int fd, const void *data, size_t size, uint64_t offset);

/*
 * A new memfd of `size` bytes named `name`, sealed against shrinking, growing and further seals
 * (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL). Returns the descriptor or -errno.
 */
int fd_memory_file(const char *name, uint64_t size);

/*
 * 0 when `fd` can be mapped for `size` bytes without fear of SIGBUS: a memfd that carries
 * F_SEAL_SHRINK and is at least that long. -EINVAL otherwise.
 */
int fd_check_memory_file(int fd, uint64_t size);

/* -EINVAL unless `fd` is a dmabuf of at least `size` bytes, which cannot shrink. */
int fd_check_dmabuf(int fd, uint64_t size);

/* A connected, close-on-exec pair; `type` SOCK_STREAM or SOCK_SEQPACKET. */
int fd_socket_pair(int type, int ret_fds[2]);
