/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the files of a session share. */

#include <stdbool.h>

#include "vmm/gdb/packet.h"
#include "vmm/gdb/session.h"

enum {
    SESSION_DESCRIPTION_MAX = 8192,
};

struct session {
    const struct session_ops *ops;
    void *data;
    uint32_t n_cpus;

    struct packet_reader reader;
    struct packet_writer writer;
    char last[PACKET_MAX + 4]; /* our last packet, as it went out */
    size_t last_length;
    bool no_acknowledge;
    bool tells_software; /* the client knows these reasons of a stop */
    bool tells_hardware;

    bool running;
    bool waits;     /* a stop is to be told when it comes */
    uint32_t vcpu;  /* that registers and memory are asked of */
    uint32_t moves; /* that 'c' and 's' are about: 'Hc'; n_cpus: all */
    struct debug_stopped stopped;
    size_t n_description;
    char description[SESSION_DESCRIPTION_MAX];
};

/* session.c */
/* Into the answer: words, or that it was done, or the error that -errno stands for. */
void session_say(struct session *session, const char *text);
void session_say_result(struct session *session, int result);
/* Ask the machine and wait: 0 or -errno. The second is for what is answered by DEBUG_DONE. */
int session_ask(struct session *session, const void *request, size_t size,
                union debug_answer *ret_answer);
int session_ask_done(struct session *session, const void *request, size_t size);

/* session-memory.c: registers, memory and points; `text` is what follows the packet's first word. */
void session_read_registers(struct session *session, const char *text);
void session_write_registers(struct session *session, const char *text);
void session_read_register(struct session *session, const char *text);
void session_write_register(struct session *session, const char *text);
void session_read_memory(struct session *session, const char *text);
void session_write_memory(struct session *session, const char *text);
void session_insert_point(struct session *session, const char *text);
void session_remove_point(struct session *session, const char *text);
