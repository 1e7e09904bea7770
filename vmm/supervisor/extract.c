/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/supervisor/extract.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"
#include "vmm/base/memory.h"
#include "vmm/base/message.h"
#include "vmm/jail/spawn.h"
#include "vmm/protocol/extract.h"
#include "vmm/supervisor/failure.h"
#include "vmm/supervisor/json-text.h"
#include "vmm/supervisor/paths.h"
#include "vmm/supervisor/processes.h"

static const char usage[] =
    "Usage: vmm extract_kernel IMAGE FOLDER [--format raw|qcow2]\n"
    "\n"
    "Takes the newest kernel of a disk image, and its initrd, out of the image's ext4 file "
    "systems,\n"
    "in a jail, and writes FOLDER/vmlinuz and FOLDER/initrd.img. Prints a line of JSON: “kernel”,\n"
    "“initrd” where there is one, “version”, and “params” with root= where it was found.\n"
    "Without --format an image whose name ends in “.qcow2” is one, and any other is raw.\n";

struct request {
    const char *image;
    const char *folder;
    const char *format;
    char *path[2]; /* kernel, initrd */
    int fd[2];
};

/* The word after --format. -1 after saying what is wrong. */
static int
read_format(const char *word, struct request *request)
{
    request->format = word ? word : "";
    if (strcmp(request->format, "raw") == 0 || strcmp(request->format, "qcow2") == 0) {
        return 0;
    }
    fprintf(stderr, "vmm: --format “%s” is not known; it is raw or qcow2.\n", request->format);
    return -1;
}

/* The image, then the folder. -1 after saying what is wrong. */
static int
read_place(const char *word, struct request *request)
{
    const char **place = request->image ? &request->folder : &request->image;

    if (*place) {
        fprintf(stderr, "vmm: “%s” is too much; `vmm extract_kernel --help` shows how.\n", word);
        return -1;
    }
    *place = word;
    return 0;
}

/* -1 after saying what is wrong. */
static int
read_words(int argc, char **argv, struct request *request)
{
    for (int i = 0; i < argc; i++) {
        const bool format = strcmp(argv[i], "--format") == 0;

        /* the last of argv is NULL */
        if ((format ? read_format(argv[++i], request) : read_place(argv[i], request)) < 0) {
            return -1;
        }
    }
    if (!request->folder) {
        fputs("vmm: Which image, and where to? `vmm extract_kernel IMAGE FOLDER`.\n", stderr);
        return -1;
    }
    if (!request->format) {
        const size_t size = strlen(request->image);

        request->format =
            size > 6 && strcmp(request->image + size - 6, ".qcow2") == 0 ? "qcow2" : "raw";
    }
    return 0;
}

/* Both files, new. -1 after saying what is wrong. */
static int
open_files(struct request *request)
{
    static const char *const names[] = {"vmlinuz", "initrd.img"};

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        request->path[i] = xasprintf("%s/%s", request->folder, names[i]);
        request->fd[i] =
            open(request->path[i], O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (request->fd[i] < 0) {
            fprintf(stderr, "vmm: “%s” cannot be made (%s); give another folder.\n",
                    request->path[i], strerror(errno));
            free(request->path[i]);
            request->path[i] = NULL; /* it is not ours */
            return -1;
        }
    }
    return 0;
}

static void
close_files(struct request *request, bool keep_kernel, bool keep_initrd)
{
    const bool keep[] = {keep_kernel, keep_initrd};

    for (size_t i = 0; i < ARRAY_SIZE(keep); i++) {
        fd_closep(&request->fd[i]);
        if (request->path[i] && !keep[i]) {
            unlink(request->path[i]);
        }
        free(request->path[i]);
    }
}

/* What the part in the jail answered; anything may have come. */
static bool
read_answer(int fd, struct extract_result *result)
{
    if (message_receive(fd, result, sizeof(*result), NULL) != (ssize_t)sizeof(*result)) {
        return false;
    }
    result->kernel[sizeof(result->kernel) - 1] = '\0';
    result->root[sizeof(result->root) - 1] = '\0';
    for (const char *at = result->root; *at; at++) {
        if (!strchr("0123456789abcdefADIPRTUv=/-", *at)) {
            return false;
        }
    }
    return true;
}

/* 0 and the result, or -1 after saying what is wrong. */
static int
run_part(const struct request *request, int image, struct extract_result *result)
{
    cleanup_free char *helpers = path_helpers();
    cleanup_free char *executable = xasprintf("%s/%s", helpers, process_extract.executable);
    cleanup_fd int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    cleanup_fd int ours = -1;
    cleanup_fd int theirs = -1;
    const char *const argv[] = {process_extract.executable, "--extract", request->format, "0",
                                NULL};
    struct jail_child child = {.pidfd = -1};
    const char *what = "start";
    int ends[2];
    siginfo_t info = {0};

    if (null < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) {
        fprintf(stderr, "vmm: The image cannot be read: %s.\n", strerror(errno));
        return -1;
    }
    ours = ends[0];
    theirs = ends[1];
    const int fds[EXTRACT_FD_COUNT] = {null,  null,           null,          theirs,
                                       image, request->fd[0], request->fd[1]};
    const struct jail_spawn spawn = {.executable = executable,
                                     .argv = argv,
                                     .fds = fds,
                                     .n_fds = EXTRACT_FD_COUNT,
                                     .nofile = process_extract.nofile};
    int r = jail_spawn(&spawn, &child, &what);
    if (r < 0) {
        fprintf(stderr,
                "vmm: The part that reads images could not be started: it could not %s (%s).\n",
                what, strerror(-r));
        return -1;
    }
    fd_closep(&theirs);
    const bool answered = read_answer(ours, result);
    waitid(P_PIDFD, (id_t)child.pidfd, &info, WEXITED | __WALL);
    fd_closep(&child.pidfd);
    if (!answered || info.si_code != CLD_EXITED || info.si_status != 0) {
        fprintf(stderr,
                "vmm: “%s” cannot be read: the part that reads it ended; take its kernel out "
                "by other means.\n",
                request->image);
        return -1;
    }
    return 0;
}

static int
complain(const struct request *request, const struct extract_result *result)
{
    static const char *const sentences[] = {
        [EXTRACT_NO_JAIL] = "cannot be read here, where a part gets no jail",
        [EXTRACT_BAD_IMAGE] =
            "cannot be read as that kind of image; try --format, or “qemu-img check”",
        [EXTRACT_NO_SYSTEM] =
            "has no ext2, ext3 or ext4 file system; take its kernel out by other means",
        [EXTRACT_NO_KERNEL] = "has no kernel in /boot; give one of your own",
        [EXTRACT_BAD_FILE] =
            "has a kernel or an initrd that cannot be read; check its file systems",
        [EXTRACT_NOT_WRITTEN] = "has a kernel for which there is no room; make room on the disk",
    };
    const uint32_t status = result->status;

    fprintf(stderr, "vmm: “%s” %s.\n", request->image,
            status < ARRAY_SIZE(sentences) && sentences[status] ? sentences[status]
                                                                : sentences[EXTRACT_BAD_IMAGE]);
    return -1;
}

static void
tell(const struct request *request, const struct extract_result *result)
{
    cleanup_free char *kernel = json_text(request->path[0]);
    cleanup_free char *initrd = json_text(request->path[1]);
    cleanup_free char *version = json_text(result->kernel);

    printf("{\"kernel\": %s, ", kernel);
    if (result->has_initrd) {
        printf("\"initrd\": %s, ", initrd);
    }
    printf("\"version\": %s, \"params\": \"%s%s\"}\n", version, result->root[0] ? "root=" : "",
           result->root);
}

int
extract_command(int argc, char **argv)
{
    struct request request = {.fd = {-1, -1}};
    struct extract_result result = {0};
    int r;

    if (argc > 0 && strcmp(argv[0], "--help") == 0) {
        fputs(usage, stdout);
        return 0;
    }
    if (read_words(argc, argv, &request) < 0) {
        return EXIT_STATUS_USAGE;
    }
    cleanup_fd int image = open(request.image, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (image < 0) {
        fprintf(stderr, "vmm: The image “%s” cannot be opened (%s); check the path.\n",
                request.image, strerror(errno));
        return EXIT_STATUS_USAGE;
    }
    r = open_files(&request);
    if (r == 0) {
        r = run_part(&request, image, &result);
    }
    if (r == 0 && result.status != EXTRACT_DONE) {
        r = complain(&request, &result);
    }
    if (r == 0) {
        tell(&request, &result);
    }
    close_files(&request, r == 0, r == 0 && result.has_initrd);
    return r == 0 ? 0 : EXIT_STATUS_USAGE;
}
