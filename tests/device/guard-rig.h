/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* vmm-wayland-guard under test, with this process as its supervisor, gpu process and compositor. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "vmm/protocol/wayland.h"

enum {
    RIG_LIMIT_MS = 60000
};

struct guard_rig {
    pid_t pid;
    int control;
    int gpu;
    int compositor; /* the guard's own connection, our end */
    int listener;
};

/* One end of a connection that speaks Wayland: what was read of it. */
struct wire {
    int fd;
    uint8_t data[65536];
    size_t size;
    int fds[64]; /* those that came */
    size_t n_fds;
};

bool rig_start(struct guard_rig *rig);
/* The same with a listening socket and a connection to a compositor of the test's own: taken over. */
bool rig_start_between(struct guard_rig *rig, int listener, int compositor_fd);
/* Exit status, or -signal, or -1000 when it hangs. */
int rig_stop(struct guard_rig *rig);
/* Ask as the gpu process. */
bool rig_open(struct guard_rig *rig, uint64_t serial);
/* Wait for GUARD_CONNECT and answer it with one end of a new socket pair: ours, or -1. */
int rig_connect(struct guard_rig *rig, uint32_t target);
/* Wait for GUARD_CONNECT and answer it with `fd`, which stays the caller's. */
bool rig_connect_with(struct guard_rig *rig, uint32_t target, int fd);
/* Wait for WAYLAND_OPENED with that serial: the socket, or -1 without. */
int rig_opened(struct guard_rig *rig, uint64_t serial);

/* Append `n` words as one message to `out`; returns its bytes. */
size_t wire_put(uint8_t *out, uint32_t id, uint32_t opcode, const uint32_t *words, size_t n);
/* The same with a string behind `before` words. */
size_t wire_put_global(uint8_t *out, uint32_t id, uint32_t name, const char *interface,
                       uint32_t version);
size_t wire_put_bind(uint8_t *out, uint32_t registry, uint32_t name, const char *interface,
                     uint32_t id);
bool wire_send(int fd, const void *data, size_t size, const int *fds, size_t n_fds);
/* Read until `size` bytes came. */
bool wire_read(struct wire *wire, size_t size);
/* Whether the other end hangs up, without anything more to read. */
bool wire_ends(struct wire *wire);
void wire_close(struct wire *wire);
