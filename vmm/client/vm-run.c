/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/client/vm-run.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vmm/client/paths.h"

#define MESSAGES_TAIL 16384

struct _VmRun {
    GObject parent_instance;
    GPid pid;
    int pid_fd;
    guint source;
};

G_DEFINE_FINAL_TYPE(VmRun, vm_run, G_TYPE_OBJECT)

enum {
    ENDED,
    N_SIGNALS
};
static guint signals[N_SIGNALS]; /* NOLINT(cppcoreguidelines-avoid-non-const-global-variables) */

static void
vm_run_dispose(GObject *object)
{
    VmRun *self = VM_RUN(object);

    if (self->source) {
        g_source_remove(self->source);
        self->source = 0;
    }
    if (self->pid_fd >= 0) {
        close(self->pid_fd);
        self->pid_fd = -1;
    }
    G_OBJECT_CLASS(vm_run_parent_class)->dispose(object);
}

static void
vm_run_class_init(VmRunClass *klass)
{
    G_OBJECT_CLASS(klass)->dispose = vm_run_dispose;
    signals[ENDED] = g_signal_new("ended", VM_TYPE_RUN, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                  G_TYPE_NONE, 1, G_TYPE_INT);
}

static void
vm_run_init(VmRun *self)
{
    self->pid_fd = -1;
}

static void
child_ended(GPid pid, int wait_status, gpointer data)
{
    VmRun *self = VM_RUN(data);
    int status = WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 33;

    self->source = 0;
    g_spawn_close_pid(pid);
    g_signal_emit(self, signals[ENDED], 0, status);
}

static gboolean
stranger_ended(int fd, GIOCondition condition, gpointer data)
{
    VmRun *self = VM_RUN(data);

    self->source = 0;
    g_signal_emit(self, signals[ENDED], 0, -1);
    return G_SOURCE_REMOVE;
}

/* Runs between fork and exec. */
static void
leave_our_session(gpointer data)
{
    setsid();
}

static int
open_messages(const char *name, GError **error)
{
    g_autofree char *folder = vm_paths_state(name);
    g_autofree char *path = g_build_filename(folder, "messages.log", NULL);
    int fd = -1;

    if (g_mkdir_with_parents(folder, 0700) == 0) {
        fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    }
    if (fd < 0) {
        int saved = errno;
        g_set_error(error, G_IO_ERROR, g_io_error_from_errno(saved), "“%s”: %s", path,
                    g_strerror(saved));
    }
    return fd;
}

VmRun *
vm_run_start(const char *name, const char *definition, GError **error)
{
    return vm_run_start_with_flags(name, definition, VM_RUN_FLAGS_NONE, error);
}

VmRun *
vm_run_start_with_flags(const char *name, const char *definition, VmRunFlags flags, GError **error)
{
    g_autofree char *program = vm_paths_vmm();
    const char *disposable = flags & VM_RUN_FLAGS_DISPOSABLE ? "--disposable" : NULL;
    const char *argv[] = {program, "run",      "--restart", "--name", name,
                          "--cfg", definition, disposable,  NULL};
    g_autoptr(VmRun) self = g_object_new(VM_TYPE_RUN, NULL);
    int messages = open_messages(name, error);
    gboolean ok = FALSE;

    if (messages < 0) {
        return NULL;
    }
    ok = g_spawn_async_with_fds(g_get_home_dir(), (char **)argv, NULL,
                                G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_CLOEXEC_PIPES,
                                leave_our_session, NULL, &self->pid, -1, messages, messages, error);
    close(messages);
    if (!ok) {
        return NULL;
    }
    self->source = g_child_watch_add(self->pid, child_ended, self);
    return g_steal_pointer(&self);
}

static gboolean
lock_is_held(const char *folder)
{
    g_autofree char *path = g_build_filename(folder, "lock", NULL);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    gboolean held = FALSE;

    if (fd < 0) {
        return FALSE;
    }
    held = flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    close(fd);
    return held;
}

gboolean
vm_run_is_alive(const char *name)
{
    g_autofree char *folder = vm_paths_runtime(name);
    g_autofree char *control = folder ? g_build_filename(folder, "control", NULL) : NULL;

    /* The socket is made after the lock is taken: where it is missing, a run may be about to take
     * the lock, and we must not be in its way. */
    return control && g_file_test(control, G_FILE_TEST_EXISTS) && lock_is_held(folder);
}

static int
pid_open(int pid)
{
    return (int)syscall(SYS_pidfd_open, pid, 0);
}

VmRun *
vm_run_find(const char *name)
{
    g_autofree char *folder = vm_paths_runtime(name);
    g_autofree char *path = folder ? g_build_filename(folder, "pid", NULL) : NULL;
    g_autofree char *text = NULL;
    g_autoptr(VmRun) self = NULL;
    gint64 pid = 0;

    if (!vm_run_is_alive(name) || !g_file_get_contents(path, &text, NULL, NULL)) {
        return NULL;
    }
    pid = g_ascii_strtoll(text, NULL, 10);
    if (pid <= 1 || pid > G_MAXINT) {
        return NULL;
    }
    self = g_object_new(VM_TYPE_RUN, NULL);
    self->pid = (GPid)pid;
    self->pid_fd = pid_open((int)pid);
    if (self->pid_fd < 0 || !vm_run_is_alive(name)) {
        return NULL;
    }
    self->source = g_unix_fd_add(self->pid_fd, G_IO_IN, stranger_ended, self);
    return g_steal_pointer(&self);
}

static gboolean
refuse(GError **error, GIOErrorEnum code, const char *path, const char *why)
{
    g_set_error(error, G_IO_ERROR, code, "“%s”: %s", path, why);
    return FALSE;
}

/* Before anything is said to who listens there. */
static gboolean
check_socket(const char *path, GError **error)
{
    struct stat st;

    if (stat(path, &st) < 0) {
        return refuse(error, (GIOErrorEnum)g_io_error_from_errno(errno), path, g_strerror(errno));
    }
    if (!S_ISSOCK(st.st_mode)) {
        return refuse(error, G_IO_ERROR_INVALID_ARGUMENT, path, "this is not a socket");
    }
    if (st.st_uid != getuid()) {
        return refuse(error, G_IO_ERROR_PERMISSION_DENIED, path, "it belongs to another user");
    }
    return TRUE;
}

/* Through /proc, because a path may be longer than a socket address. */
static int
connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int place = open(path, O_PATH | O_CLOEXEC);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int saved = 0;

    g_snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d", place);
    if (place < 0 || fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
        saved = errno;
        if (fd >= 0) {
            close(fd);
        }
        fd = -1;
    }
    if (place >= 0) {
        close(place);
    }
    errno = saved;
    return fd;
}

static gboolean
ask_listener(const char *path, struct ucred *ret_peer, GError **error)
{
    socklen_t size = sizeof(*ret_peer);
    int fd = connect_to(path);
    gboolean known = FALSE;

    if (fd < 0) {
        return refuse(error, (GIOErrorEnum)g_io_error_from_errno(errno), path, g_strerror(errno));
    }
    known = getsockopt(fd, SOL_SOCKET, SO_PEERCRED, ret_peer, &size) == 0 && ret_peer->pid > 1;
    close(fd);
    if (!known) {
        return refuse(error, G_IO_ERROR_FAILED, path, "it cannot be known who listens there");
    }
    return ret_peer->uid == getuid() ||
           refuse(error, G_IO_ERROR_PERMISSION_DENIED, path, "who listens there is another user");
}

VmRun *
vm_run_find_at(const char *socket, GError **error)
{
    struct ucred peer = {0};
    g_autoptr(VmRun) self = NULL;

    if (!check_socket(socket, error) || !ask_listener(socket, &peer, error)) {
        return NULL;
    }
    self = g_object_new(VM_TYPE_RUN, NULL);
    self->pid = (GPid)peer.pid;
    self->pid_fd = pid_open((int)peer.pid);
    if (self->pid_fd < 0) {
        refuse(error, G_IO_ERROR_CONNECTION_REFUSED, socket, "who listened there has ended");
        return NULL;
    }
    self->source = g_unix_fd_add(self->pid_fd, G_IO_IN, stranger_ended, self);
    return g_steal_pointer(&self);
}

GPid
vm_run_get_pid(VmRun *run)
{
    g_return_val_if_fail(VM_IS_RUN(run), 0);
    return run->pid;
}

void
vm_run_terminate(VmRun *run)
{
    g_return_if_fail(VM_IS_RUN(run));
    if (run->source && run->pid > 1) {
        kill(run->pid, SIGTERM);
    }
}

/* The start of the last `lines` lines of text. */
static const char *
last_lines(const char *text, gsize size, guint lines)
{
    const char *at = text + size;

    while (at > text && at[-1] == '\n') {
        at--;
    }
    while (at > text) {
        if (at[-1] == '\n' && --lines == 0) {
            break;
        }
        at--;
    }
    return at;
}

char *
vm_run_last_messages(const char *name, guint lines)
{
    g_autofree char *folder = vm_paths_state(name);
    g_autofree char *path = g_build_filename(folder, "messages.log", NULL);
    g_autofree char *text = g_malloc(MESSAGES_TAIL + 1);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    off_t end = 0;
    ssize_t size = 0;
    char *valid = NULL;

    if (fd < 0) {
        return NULL; /* NOLINT(clang-analyzer-unix.Malloc): g_autofree */
    }
    end = lseek(fd, 0, SEEK_END);
    size = pread(fd, text, MESSAGES_TAIL, MAX(0, end - MESSAGES_TAIL));
    close(fd);
    if (size <= 0) {
        return NULL;
    }
    text[size] = '\0';
    valid = g_utf8_make_valid(last_lines(text, (gsize)size, lines), -1);
    return g_strchomp(valid);
}
