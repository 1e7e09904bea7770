/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/supervisor/result.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"
#include "vmm/base/memory.h"
#include "vmm/protocol/history.h"
#include "vmm/supervisor/json-text.h"

enum {
    FRAME_MAX = 64 << 20
};

/* Written beside and renamed, so that readers see the old or the new one. */
static int
open_new(const char *folder, const char *name, char **ret_new, char **ret_path)
{
    *ret_path = xasprintf("%s/%s", folder, name);
    *ret_new = xasprintf("%s/.%s.new", folder, name);
    return open(*ret_new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
}

void
result_write(const char *folder, const struct failure *end, time_t started)
{
    cleanup_free char *path = NULL;
    cleanup_free char *new = NULL;
    cleanup_fd int fd = open_new(folder, "last-run.json", &new, &path);
    cleanup_free char *id = json_text(end->id);
    cleanup_free char *sentence = json_text(end->sentence);
    cleanup_free char *part = json_text(end->part);
    cleanup_free char *text =
        xasprintf("{\n  \"status\": %d,\n  \"id\": %s,\n  \"sentence\": %s,\n"
                  "  \"part\": %s,\n  \"started\": %lld,\n"
                  "  \"ended\": %lld\n}\n",
                  end->status, id, sentence, part, (long long)started, (long long)time(NULL));

    if (fd < 0 || fd_write_full(fd, text, strlen(text)) < 0 || rename(new, path) < 0) {
        unlink(new);
    }
}

static int
copy_bytes(int to, int from, uint64_t start, size_t size)
{
    char data[1 << 13];

    while (size > 0) {
        const size_t n = MIN_OF(size, sizeof(data));
        int r = fd_pread_full(from, data, n, start);

        r = r < 0 ? r : fd_write_full(to, data, n);
        if (r < 0) {
            return r;
        }
        start += n;
        size -= n;
    }
    return 0;
}

void
result_write_output(const char *folder, const char *port, int history_fd)
{
    const uint64_t data = offsetof(struct history, data);
    cleanup_free char *name = xasprintf("%s.log", port);
    cleanup_free char *path = NULL;
    cleanup_free char *new = NULL;
    cleanup_fd int fd = open_new(folder, name, &new, &path);
    uint64_t total = 0;
    size_t start = 0;
    int r = -EBADF;

    if (history_fd >= 0 && fd_pread_full(history_fd, &total, sizeof(total), 0) == 0) {
        start = total > HISTORY_SIZE ? total % HISTORY_SIZE : 0;
        r = copy_bytes(fd, history_fd, data + start, MIN_OF(total, (uint64_t)HISTORY_SIZE) - start);
        r = r < 0 ? r : copy_bytes(fd, history_fd, data, start);
    }
    if (r < 0 || total == 0 || rename(new, path) < 0) {
        unlink(new);
    }
    if (history_fd < 0 || total == 0) {
        unlink(path);
    }
}

void
result_write_frame(const char *folder, int frame_fd)
{
    cleanup_free char *path = NULL;
    cleanup_free char *new = NULL;
    cleanup_fd int fd = open_new(folder, "last-frame.ppm", &new, &path);
    char data[1 << 13];
    off_t done = 0;
    ssize_t n = 1;

    while (fd >= 0 && n > 0 && done < FRAME_MAX) {
        n = pread(frame_fd, data, sizeof(data), done);
        if (n > 0 && fd_write_full(fd, data, (size_t)n) < 0) {
            n = -1;
        }
        done += n > 0 ? n : 0;
    }
    if (fd < 0 || n != 0 || done == 0 || rename(new, path) < 0) {
        unlink(new);
    }
}
