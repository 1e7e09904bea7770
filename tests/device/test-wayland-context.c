/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The guard with tests/fakes/compositor: which clients the compositor treats as sandboxed. */
#include "tests/unit/tap.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/device/guard-rig.h"
#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"

enum {
    ANSWER_MAX = 512,
};

struct desk {
    char folder[32];
    pid_t pid;
    int control;
};

static int
open_socket(const struct desk *desk, const char *name, bool listening)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s", desk->folder, name);
    int r = listening ? bind(fd, (const struct sockaddr *)&address, sizeof(address))
                      : connect(fd, (const struct sockaddr *)&address, sizeof(address));
    if (r < 0 || (listening && listen(fd, 8) < 0)) {
        close(fd);
        return -1;
    }
    return fd;
}

static bool
desk_start(struct desk *desk, const char *option)
{
    const char *program = getenv("TEST_COMPOSITOR");
    char path[64];
    char control[64];
    char ready[8] = "";
    int out[2];

    snprintf(desk->folder, sizeof(desk->folder), "/tmp/context-XXXXXX");
    if (!program || !mkdtemp(desk->folder) || pipe(out) < 0) {
        return false;
    }
    snprintf(path, sizeof(path), "%s/wayland", desk->folder);
    snprintf(control, sizeof(control), "%s/control", desk->folder);
    desk->pid = fork();
    if (desk->pid == 0) {
        dup2(out[1], STDOUT_FILENO);
        close_range(3, ~0U, 0);
        execl(program, program, path, control, option, (char *)NULL);
        _exit(127);
    }
    close(out[1]);
    ssize_t n = read(out[0], ready, sizeof(ready) - 1);
    close(out[0]);
    desk->control = open_socket(desk, "control", false);
    return n == 6 && strcmp(ready, "ready\n") == 0 && desk->control >= 0;
}

static int
desk_stop(struct desk *desk)
{
    static const char *const names[] = {"wayland", "wayland.lock", "control", "listener"};
    char path[64];
    int status;

    fd_closep(&desk->control);
    kill(desk->pid, SIGTERM);
    waitpid(desk->pid, &status, 0);
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        snprintf(path, sizeof(path), "%s/%s", desk->folder, names[i]);
        unlink(path);
    }
    return rmdir(desk->folder) == 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* What "contexts" says, without the last line. */
static const char *
contexts(const struct desk *desk, char answer[ANSWER_MAX])
{
    size_t size = 0;
    char *end = NULL;

    if (send(desk->control, "contexts\n", 9, MSG_NOSIGNAL) != 9) {
        return "";
    }
    while (!end) {
        ssize_t n = recv(desk->control, answer + size, ANSWER_MAX - 1 - size, 0);
        if (n <= 0) {
            return "";
        }
        size += (size_t)n;
        answer[size] = '\0';
        end = size >= 3 && strcmp(answer + size - 3, "ok\n") == 0 ? answer + size - 3 : NULL;
    }
    *end = '\0';
    return answer;
}

/* What a client sees: get_registry, sync, and all globals up to the callback's event. */
static bool
read_globals(struct wire *wire)
{
    uint8_t out[64];
    size_t size = wire_put(out, 1, 1, (uint32_t[]){2}, 1);

    size += wire_put(out + size, 1, 0, (uint32_t[]){3}, 1);
    if (!wire_send(wire->fd, out, size, NULL, 0)) {
        return false;
    }
    for (;;) {
        for (size_t at = 0; at + 8 <= wire->size;) {
            uint32_t word[2];
            memcpy(word, wire->data + at, sizeof(word));
            if (word[0] == 3) {
                return true;
            }
            at += MAX_OF(word[1] >> 16, 8U);
        }
        if (!wire_read(wire, wire->size + 1)) {
            return false;
        }
    }
}

static bool
sees(const struct wire *wire, const char *interface)
{
    return memmem(wire->data, wire->size, interface, strlen(interface) + 1) != NULL;
}

/* A client of the guest's: through the guard, at `target`. */
static bool
connect_guest(struct guard_rig *rig, const struct desk *desk, uint32_t target, struct wire *guest)
{
    *guest = (struct wire){.fd = -1};
    cleanup_fd int fd = open_socket(desk, target == GUARD_LISTENER ? "listener" : "wayland", false);

    if (fd >= 0 && rig_open(rig, 1) && rig_connect_with(rig, target, fd)) {
        guest->fd = rig_opened(rig, 1);
    }
    return guest->fd >= 0;
}

TAP_TEST(a_compositor_with_contexts_restricts_the_guest)
{
    static struct wire guest;
    static struct wire other;
    struct desk desk;
    struct guard_rig rig = {.compositor = -1};
    char answer[ANSWER_MAX];

    check(desk_start(&desk, "contexts"));
    check_str(contexts(&desk, answer), "");
    check(rig_start_between(&rig, open_socket(&desk, "listener", true),
                            open_socket(&desk, "wayland", false)));
    check(connect_guest(&rig, &desk, GUARD_LISTENER, &guest));
    check(read_globals(&guest));
    check_str(contexts(&desk, answer), "1 1 org.vitrine.Vitrine org.vitrine.machine.demo 1-2-3\n");
    check(sees(&guest, "wl_compositor") && sees(&guest, "xdg_wm_base"));
    check(!sees(&guest, "wp_security_context_manager_v1"));
    check(!sees(&guest, "zwp_keyboard_shortcuts_inhibit_manager_v1"));
    /* Clients that came by themselves are not. */
    other = (struct wire){.fd = open_socket(&desk, "wayland", false)};
    check(read_globals(&other));
    check(sees(&other, "wp_security_context_manager_v1"));
    check(sees(&other, "zwp_keyboard_shortcuts_inhibit_manager_v1"));
    wire_close(&other);
    /* The context ends with the guard, the guest's connection does not. */
    check_int(rig_stop(&rig), 0);
    for (int i = 0; i < 600 && contexts(&desk, answer)[0] != '0'; i++) {
        usleep(100 * 1000);
    }
    check_str(answer, "0 1 org.vitrine.Vitrine org.vitrine.machine.demo 1-2-3\n");
    wire_close(&guest);
    check_int(desk_stop(&desk), 0);
}

/* Nobody would answer clients of the listening socket any more. */
TAP_TEST(a_guard_ends_with_its_context)
{
    static struct wire guest;
    static struct wire control;
    struct desk desk;
    struct guard_rig rig = {.compositor = -1};

    check(desk_start(&desk, "contexts"));
    check(rig_start_between(&rig, open_socket(&desk, "listener", true),
                            open_socket(&desk, "wayland", false)));
    check(connect_guest(&rig, &desk, GUARD_LISTENER, &guest));
    check(read_globals(&guest));
    check_int(desk_stop(&desk), 0);
    control.fd = rig.control;
    check(wire_ends(&control));
    wire_close(&guest);
    check_int(rig_stop(&rig), 0);
}

TAP_TEST(a_compositor_without_contexts_is_filtered)
{
    static struct wire guest;
    struct desk desk;
    struct guard_rig rig = {.compositor = -1};
    char answer[ANSWER_MAX];

    check(desk_start(&desk, "hold"));
    check(rig_start_between(&rig, open_socket(&desk, "listener", true),
                            open_socket(&desk, "wayland", false)));
    check(connect_guest(&rig, &desk, GUARD_COMPOSITOR, &guest));
    check(read_globals(&guest));
    check_str(contexts(&desk, answer), "");
    check(sees(&guest, "wl_compositor") && sees(&guest, "xdg_wm_base"));
    check(!sees(&guest, "zwp_keyboard_shortcuts_inhibit_manager_v1"));
    wire_close(&guest);
    check_int(rig_stop(&rig), 0);
    check_int(desk_stop(&desk), 0);
}

TAP_MAIN(TAP_CASE(a_compositor_with_contexts_restricts_the_guest),
         TAP_CASE(a_guard_ends_with_its_context),
         TAP_CASE(a_compositor_without_contexts_is_filtered))
