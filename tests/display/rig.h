/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Runs the real vmm-display, jailed, and plays its neighbours: the supervisor, the gpu process, the input
 * processes and one serial port. Failures end the test (g_assert).
 */

#include <gio/gio.h>

#include "vmm/protocol/display.h"
#include "vmm/protocol/gpu.h"
#include "vmm/protocol/history.h"
#include "vmm/protocol/input.h"

G_BEGIN_DECLS

enum {
    RIG_WAIT_MS = 60000, /* a limit, for slow machines; nothing waits that long */
    RIG_XRGB = 'X' | 'R' << 8 | '2' << 16 | '4' << 24,
};

typedef struct {
    GPid pid;
    char *folder; /* temporary; holds the control socket */
    char *path;   /* the control socket */
    int listen_fd;
    int control; /* our ends */
    int gpu;
    int keyboard;
    int pointer;
    int stream;
    int output_pipe; /* what the port writes to its own output */
    int theirs[6];   /* gpu, keyboard, pointer, stream, output, history: kept for a restart */
    struct history *history;
    guint64 render_device;  /* what rig_set_state() tells of the card */
    gboolean makes_dmabufs; /* rig_gpu_show() tells of one too */
} Rig;

Rig *rig_new(void);
/* Ends the process and checks that it ended by itself, with status 0. */
void rig_free(Rig *rig);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Rig, rig_free)

/* Kill the process and start another one with the same descriptors. */
void rig_restart(Rig *rig);
/* SIGSTOP or SIGCONT to the process. */
void rig_signal(Rig *rig, int signal);
gboolean rig_is_alive(Rig *rig);

/* A client's connection. */
GDBusConnection *rig_connect(Rig *rig);
/* Until the machine has that many. */
void rig_wait_for_consoles(GDBusConnection *connection, guint n);

/* gpu: wait for the greeting and answer it. */
void rig_gpu_hello(Rig *rig, guint n_scanouts);
/* A display is plugged in or (`enabled` 0) taken away. rig_gpu_hello() plugs in all. */
void rig_gpu_display(Rig *rig, guint number, guint enabled, guint width, guint height);
/* A picture of width x height; returns its mapped pixels, which the caller never unmaps. */
guint32 *rig_gpu_show(Rig *rig, guint buffer, guint width, guint height);
/* Both, with one display and buffer 1. */
guint32 *rig_gpu_begin(Rig *rig, guint width, guint height);
/* The pages of a sealed memory file as a dmabuf, by /dev/udmabuf, which there must be. */
int rig_make_dmabuf(int memory, gsize size);
/* FALSE, and the test counts as skipped: there is none. */
gboolean rig_may_make_dmabufs(void);
void rig_gpu_scanout(Rig *rig, guint buffer, guint64 offset, guint width, guint height);
void rig_gpu_update(Rig *rig, guint x, guint y, guint width, guint height);
void rig_gpu_send(Rig *rig, const void *message, gsize size, int fd);
/* The next message of whatever type; the main context runs until it is there. Returns its size. */
gsize rig_gpu_receive(Rig *rig, gpointer ret_message, gsize size);
/* The next GPU_MODE or GPU_PLUG. */
void rig_gpu_receive_mode(Rig *rig, struct gpu_mode *ret_mode);
/* The next mode that the display asks for. */
void rig_gpu_expect_mode(Rig *rig, guint width, guint height);
/* Read modes until the one of this width; returns how many there were. */
guint rig_gpu_await_mode(Rig *rig, guint width);

/* The next report is the first one of a new process: whatever was held down is let go. rig_new() has
 * read it; after rig_restart() it comes. */
void rig_expect_anew(int device);
/* The next report on a device is exactly this event and SYN. */
void rig_expect_event(int device, guint type, guint code, gint value);
void rig_expect_motion(Rig *rig, guint x, guint y);
void rig_expect_silence(int device);

void rig_set_state(Rig *rig, enum display_vm_state state, guint status, const char *id,
                   const char *sentence);
/* The next message to the supervisor has this type. */
void rig_expect_request(Rig *rig, enum display_type type, int *ret_fd);

/* The guest writes to its serial port; waits until all is taken. */
void rig_serial_write(Rig *rig, const void *bytes, gsize size);

/* Run the main context until the condition holds. */
#define rig_wait(condition)                                                              \
    do {                                                                                 \
        gint64 rig_end = g_get_monotonic_time() + RIG_WAIT_MS * G_TIME_SPAN_MILLISECOND; \
        while (!(condition)) {                                                           \
            g_assert_cmpint(g_get_monotonic_time(), <, rig_end);                         \
            rig_iterate();                                                               \
        }                                                                                \
    } while (0)
void rig_iterate(void);
/* Let everything settle: run the main context for this long. */
void rig_run(guint ms);

G_END_DECLS
