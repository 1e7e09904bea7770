/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/supervisor/resources.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"
#include "vmm/supervisor/handles.h"
#include "vmm/supervisor/images.h"
#include "vmm/supervisor/overlays.h"
#include "vmm/supervisor/unix-socket.h"

/* One file to open and what to call it. */
struct wanted_file {
    const char *what; /* "kernel", "disk" */
    const char *path;
    int flags;
    bool may_be_device;
    const struct message_fds *handles; /* or NULL */
};

static uint64_t
meminfo_mib(const char *name)
{
    FILE *file = fopen("/proc/meminfo", "re");
    const size_t length = strlen(name);
    char line[128];
    uint64_t kib = 0;

    while (file && fgets(line, sizeof(line), file)) {
        if (strncmp(line, name, length) == 0 && line[length] == ':') {
            kib = strtoull(line + length + 1, NULL, 10);
            break;
        }
    }
    if (file) {
        fclose(file);
    }
    return kib / 1024;
}

uint64_t
host_memory_mib(void)
{
    return meminfo_mib("MemTotal");
}

uint64_t
host_free_memory_mib(void)
{
    return meminfo_mib("MemAvailable") + meminfo_mib("SwapFree");
}

static int
fail_open(const struct wanted_file *file, int error, struct failure *failure)
{
    switch (error) {
    case ENOENT:
    case ENOTDIR:
        return failure_set(failure, EXIT_STATUS_USAGE, "file-missing",
                           "The %s “%s” is not there; check the path.", file->what, file->path);
    case EACCES:
    case EPERM:
        return failure_set(failure, EXIT_STATUS_USAGE, "file-denied",
                           "You may not %s the %s “%s”; change its permissions%s.",
                           file->flags & O_RDWR ? "write to" : "read", file->what, file->path,
                           file->flags & O_RDWR ? " or add “ro”" : "");
    case EROFS:
        return failure_set(failure, EXIT_STATUS_USAGE, "file-denied",
                           "The %s “%s” lies where nothing can be written; add “ro” or copy it.",
                           file->what, file->path);
    case EISDIR:
        return failure_set(failure, EXIT_STATUS_USAGE, "file-bad",
                           "The %s “%s” is a folder; give a file.", file->what, file->path);
    case ETXTBSY:
        return failure_set(failure, EXIT_STATUS_FAILED, "file-busy",
                           "Another program uses “%s”; close it, or add “ro”.", file->path);
    default:
        return failure_set(failure, EXIT_STATUS_USAGE, "file-denied",
                           "The %s “%s” cannot be opened (%s); check it.", file->what, file->path,
                           strerror(error));
    }
}

static int
fail_handle(const struct wanted_file *file, int error, struct failure *failure)
{
    if (error == EACCES) {
        return failure_set(failure, EXIT_STATUS_USAGE, "file-denied",
                           "The handle of the %s is not open for %s; open it so.", file->what,
                           file->flags & O_RDWR ? "reading and writing" : "reading");
    }
    return failure_set(failure, EXIT_STATUS_USAGE, "bad-config",
                       "The %s “%s” is not a handle; pass an open descriptor.", file->what,
                       file->path);
}

static int
file_size(int fd, const struct stat *st, uint64_t *ret_size)
{
    if (S_ISBLK(st->st_mode)) {
        return ioctl(fd, BLKGETSIZE64, ret_size) < 0 ? -errno : 0;
    }
    *ret_size = (uint64_t)st->st_size;
    return 0;
}

static int
open_file(const struct wanted_file *file, int *ret_fd, uint64_t *ret_size, struct failure *failure)
{
    cleanup_fd int fd = -1;
    struct stat st;
    uint64_t size = 0;

    if (file->handles) {
        fd = handle_open(file->handles, file->path, file->flags);
        if (fd < 0) {
            return fail_handle(file, -fd, failure);
        }
    } else {
        /* Non-blocking, so that a named pipe does not hold us up before it is refused. */
        fd = open(file->path, file->flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        if (fd < 0) {
            return fail_open(file, errno, failure);
        }
    }
    if (fstat(fd, &st) < 0) {
        return fail_open(file, errno, failure);
    }
    if (S_ISDIR(st.st_mode)) {
        return fail_open(file, EISDIR, failure);
    }
    if (!S_ISREG(st.st_mode) && !(file->may_be_device && S_ISBLK(st.st_mode))) {
        return failure_set(failure, EXIT_STATUS_USAGE, "file-bad",
                           "The %s “%s” is not a file; give a file.", file->what, file->path);
    }
    if (file_size(fd, &st, &size) < 0 || size == 0) {
        return failure_set(failure, EXIT_STATUS_USAGE, "file-bad",
                           "The %s “%s” is empty; give another or make it anew.", file->what,
                           file->path);
    }
    if (!file->handles) { /* others share the flags of a handle */
        fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
    }
    *ret_fd = take_fd(&fd);
    *ret_size = size;
    return 0;
}

static int
open_kernel(const struct machine_config *config, const struct message_fds *handles,
            struct resources *resources, struct failure *failure)
{
    const struct wanted_file kernel = {
        .what = "kernel", .path = config->kernel, .handles = handles};
    const struct wanted_file initrd = {
        .what = "initrd", .path = config->initrd, .handles = handles};
    uint64_t size;
    int r = open_file(&kernel, &resources->kernel_fd, &size, failure);

    if (r == 0 && config->initrd) {
        r = open_file(&initrd, &resources->initrd_fd, &size, failure);
    }
    return r;
}

/* Figures are worth no failure: without a page the disk is not counted. */
static void
make_counters(struct disk_resource *disk)
{
    void *page = MAP_FAILED;

    disk->counters_fd = fd_memory_file("disk-counters", sizeof(*disk->counters));
    if (disk->counters_fd >= 0) {
        page = mmap(NULL, sizeof(*disk->counters), PROT_READ, MAP_SHARED, disk->counters_fd, 0);
    }
    disk->counters = page == MAP_FAILED ? NULL : page;
}

static int
open_disk(const struct block_config *block, const struct message_fds *handles,
          struct disk_resource *disk, struct failure *failure)
{
    /* What names the parts of a composite disk is only read. */
    const bool read_only = block->read_only || images_format(block, !handles) == BLOCK_COMPOSITE;
    const struct wanted_file file = {
        .what = "disk",
        .path = block->path,
        .flags = read_only ? O_RDONLY : O_RDWR,
        .may_be_device = true,
        .handles = handles,
    };

    if (open_file(&file, &disk->fd, &disk->size, failure) < 0) {
        return -1;
    }
    /* Held by the open file, so it lasts as long as the block process too has it. */
    if (flock(disk->fd, (read_only ? LOCK_SH : LOCK_EX) | LOCK_NB) < 0 && errno == EWOULDBLOCK) {
        return failure_set(failure, EXIT_STATUS_FAILED, "file-busy",
                           "Another program uses “%s”; close it%s.", block->path,
                           read_only ? "" : ", or add “ro” if it only reads");
    }
    if (images_complete(block, handles == NULL, disk, failure) < 0) {
        return -1;
    }
    if (disk->size < 512) {
        return failure_set(failure, EXIT_STATUS_USAGE, "file-bad",
                           "The disk “%s” is shorter than one sector (512 bytes); give another.",
                           block->path);
    }
    make_counters(disk);
    return images_fill(block, disk, failure);
}

/* Disposable: the file is opened for reading, and an overlay is what the guest writes. */
static int
open_disks(const struct machine_config *config, const struct message_fds *handles,
           struct overlays *overlays, struct resources *resources, struct failure *failure)
{
    int r = 0;

    if (config->disposable && !overlays) {
        return failure_set(failure, EXIT_STATUS_USAGE, "bad-config",
                           "Nothing can be thrown away here; leave out “disposable”.");
    }
    for (size_t i = 0; r == 0 && i < config->n_block; i++) {
        struct block_config block = config->block[i];
        const bool thrown_away = config->disposable && !block.read_only;

        block.read_only = block.read_only || thrown_away;
        r = open_disk(&block, handles, &resources->disk[i], failure);
        if (r == 0 && thrown_away) {
            r = overlays_put(overlays, i, &block, &resources->disk[i], failure);
        }
    }
    return r;
}

static int
open_kvm(struct resources *resources, struct failure *failure)
{
    const struct passwd *user;

    resources->kvm_fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    if (resources->kvm_fd >= 0) {
        return 0;
    }
    if (errno == EACCES || errno == EPERM) {
        user = getpwuid(geteuid());
        return failure_set(
            failure, EXIT_STATUS_FAILED, "kvm-denied",
            "You may not use /dev/kvm; join its group with “sudo adduser %s kvm” and "
            "log in again.",
            user ? user->pw_name : "USER");
    }
    return failure_set(failure, EXIT_STATUS_FAILED, "kvm-missing",
                       "This computer has no KVM (/dev/kvm: %s); turn on virtualisation in the "
                       "firmware settings and load the module kvm_intel or kvm_amd.",
                       strerror(errno));
}

static bool
is_pipe(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISFIFO(st.st_mode);
}

/* A file that is written at its end, and made where it is not there. */
static int
open_output(const char *what, const char *path, const struct message_fds *handles, int *ret_fd,
            struct failure *failure)
{
    const struct wanted_file file = {.what = what, .path = path, .flags = O_RDWR};
    int fd;

    if (handles) {
        fd = handle_open(handles, path, O_WRONLY);
        if (fd < 0) {
            return fail_handle(&file, -fd, failure);
        }
    } else {
        /* Non-blocking: a named pipe would hold us up until somebody reads it. */
        fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0600);
        const int error = fd < 0 ? errno : 0;
        if (error == ENXIO && is_pipe(path)) {
            return failure_set(failure, EXIT_STATUS_USAGE, "file-bad",
                               "Nobody reads the %s “%s”; start what reads it first.", what, path);
        }
        if (fd < 0) {
            return fail_open(&file, error, failure);
        }
    }
    *ret_fd = fd;
    return 0;
}

static int
open_serial(const struct serial_config *serial, const struct message_fds *handles,
            struct resources *resources, size_t index, struct failure *failure)
{
    int *ret_output = &resources->serial_output_fd[index];
    int *ret_input = &resources->serial_input_fd[index];

    if (serial->type == SERIAL_FILE &&
        open_output("serial output", serial->path, handles, ret_output, failure) < 0) {
        return -1;
    }
    if (handles) { /* our standard streams are not the client's */
        return 0;
    }
    /* Closed standard descriptors are simply not there. */
    if (serial->type == SERIAL_STDOUT) {
        *ret_output = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, START_FD_FIRST);
    }
    if (serial->input) {
        *ret_input = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, START_FD_FIRST);
    }
    return 0;
}

/* A connected stream socket. */
static int
adopt_vhost_user(const struct vhost_user_config *device, const struct message_fds *handles,
                 int *ret_fd, struct failure *failure)
{
    cleanup_fd int fd = handle_open(handles, device->socket, O_RDWR);
    struct sockaddr_storage peer;
    socklen_t size = sizeof(peer);
    socklen_t type_size = sizeof(int);
    int type = 0;

    if (fd < 0 || getpeername(fd, (struct sockaddr *)&peer, &size) < 0 ||
        getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_size) < 0 || type != SOCK_STREAM) {
        return failure_set(failure, EXIT_STATUS_USAGE, "no-service",
                           "The handle “%s” of a device is not a stream socket that a back end "
                           "answers on; connect it first.",
                           device->socket);
    }
    *ret_fd = take_fd(&fd);
    return 0;
}

/* Who listened there, or init where a socket unit did, which is not who answers. */
static pid_t
peer_of(int fd)
{
    struct ucred peer = {0};
    socklen_t size = sizeof(peer);

    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.pid > 1 ? peer.pid
                                                                                      : 0;
}

static int
connect_vhost_user(const struct vhost_user_config *device, int *ret_fd, struct failure *failure)
{
    /* A blocking one would wait for as long as the back end accepts nobody. */
    cleanup_fd int fd = unix_socket_connect(device->socket);
    int r = fd < 0 ? fd : fcntl(fd, F_SETFL, 0) < 0 ? -errno : 0;

    if (r == -EAGAIN) {
        return failure_set(
            failure, EXIT_STATUS_USAGE, "file-busy",
            "The back end at “%s” accepts no connection (others wait for it already); "
            "start it again.",
            device->socket);
    }
    if (r < 0) {
        return failure_set(failure, EXIT_STATUS_USAGE, r == -ENOENT ? "file-missing" : "file-bad",
                           "No back end answers at “%s” (%s); start it first.", device->socket,
                           strerror(-r));
    }
    *ret_fd = take_fd(&fd);
    return 0;
}

static int
make_memory(const struct machine_config *config, struct resources *resources,
            struct failure *failure)
{
    const uint64_t available = host_free_memory_mib();

    if (available && config->mem.size > available) {
        return failure_set(failure, EXIT_STATUS_FAILED, "no-memory",
                           "There is not enough memory: the machine wants %" PRIu64
                           " MiB and %" PRIu64 " MiB are free; give less with --mem or close "
                           "programs.",
                           config->mem.size, available);
    }
    resources->ram_fd = fd_memory_file("guest-memory", config->mem.size * MIB);
    if (resources->ram_fd < 0) {
        return failure_set(failure, EXIT_STATUS_FAILED, "no-memory",
                           "The guest's memory cannot be made (%s); give less with --mem.",
                           strerror(-resources->ram_fd));
    }
    return 0;
}

void
resources_init(struct resources *resources)
{
    *resources = (struct resources){.kvm_fd = -1,
                                    .kernel_fd = -1,
                                    .initrd_fd = -1,
                                    .ram_fd = -1,
                                    .gpu_record_fd = -1,
                                    .udmabuf_fd = -1};
    resources->gdb.listen_fd = -1;
    for (size_t i = 0; i < CONFIG_BLOCKS_MAX; i++) {
        resources->disk[i].fd = -1;
        resources->disk[i].counters_fd = -1;
    }
    for (size_t i = 0; i < CONFIG_SERIALS_MAX; i++) {
        resources->serial_output_fd[i] = -1;
        resources->serial_input_fd[i] = -1;
    }
    for (size_t i = 0; i < CONFIG_VHOST_USERS_MAX; i++) {
        resources->vhost_user_fd[i] = -1;
    }
}

static int
open_all(const struct machine_config *config, const struct message_fds *handles,
         struct overlays *overlays, struct resources *resources, struct failure *failure)
{
    int r = open_kernel(config, handles, resources, failure);

    if (r == 0) {
        r = open_disks(config, handles, overlays, resources, failure);
    }
    for (size_t i = 0; r == 0 && i < config->n_serial; i++) {
        r = open_serial(&config->serial[i], handles, resources, i, failure);
    }
    for (size_t i = 0; r == 0 && i < config->n_vhost_user; i++) {
        int *ret_fd = &resources->vhost_user_fd[i];

        r = handles ? adopt_vhost_user(&config->vhost_user[i], handles, ret_fd, failure)
                    : connect_vhost_user(&config->vhost_user[i], ret_fd, failure);
        resources->vhost_user_pid[i] = r == 0 ? peer_of(*ret_fd) : 0;
    }
    if (r == 0 && config->has_gpu && config->gpu.record) {
        r = open_output("recording", config->gpu.record, handles, &resources->gpu_record_fd,
                        failure);
    }
    if (r == 0 && config->has_gpu && !handles) {
        /*
         * Where the host has it and the user may: pictures without a copy. No reason to fail. With
         * handles only no path is opened.
         */
        resources->udmabuf_fd = open("/dev/udmabuf", O_RDWR | O_CLOEXEC);
    }
    if (r == 0 && config->gdb) {
        r = handles ? failure_set(failure, EXIT_STATUS_USAGE, "bad-config",
                                  "A debugger cannot be asked for here; leave out “gdb”.")
                    : gdb_socket_open(config->gdb, &resources->gdb, failure);
    }
    if (r == 0) {
        r = open_kvm(resources, failure);
    }
    return r < 0 ? r : make_memory(config, resources, failure);
}

int
resources_open(const struct machine_config *config, const struct message_fds *handles,
               struct overlays *overlays, struct resources *ret_resources, struct failure *failure)
{
    int r;

    resources_init(ret_resources);
    r = open_all(config, handles, overlays, ret_resources, failure);
    if (r < 0) {
        resources_close(ret_resources);
    }
    return r;
}

void
resources_close(struct resources *resources)
{
    fd_closep(&resources->kvm_fd);
    fd_closep(&resources->kernel_fd);
    fd_closep(&resources->initrd_fd);
    fd_closep(&resources->ram_fd);
    fd_closep(&resources->gpu_record_fd);
    fd_closep(&resources->udmabuf_fd);
    gdb_socket_close(&resources->gdb);
    for (size_t i = 0; i < CONFIG_BLOCKS_MAX; i++) {
        struct disk_resource *disk = &resources->disk[i];

        images_close(disk);
        fd_closep(&disk->counters_fd);
        if (disk->counters) {
            munmap((void *)disk->counters, sizeof(*disk->counters));
            disk->counters = NULL;
        }
    }
    for (size_t i = 0; i < CONFIG_SERIALS_MAX; i++) {
        fd_closep(&resources->serial_output_fd[i]);
        fd_closep(&resources->serial_input_fd[i]);
    }
    for (size_t i = 0; i < CONFIG_VHOST_USERS_MAX; i++) {
        fd_closep(&resources->vhost_user_fd[i]);
    }
}
