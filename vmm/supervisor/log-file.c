/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/supervisor/log-file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"
#include "vmm/base/memory.h"
#include "vmm/supervisor/journal.h"

enum {
    FILE_MAX = 4 << 20,
    LINES_PER_WINDOW = 200,
    WINDOW_SECONDS = 10,
    READS_PER_ROUND = 8,
};

struct log_file {
    int fd;
    char *path;
    uint64_t size;
    enum log_level shown;
    int journal_fd; /* or -1 */
    char *machine;  /* for the journal */
};

static void
open_file(struct log_file *log)
{
    struct stat st;

    if (!log->path) {
        log->fd = -1;
        return;
    }
    log->fd = open(log->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    log->size = log->fd >= 0 && fstat(log->fd, &st) == 0 ? (uint64_t)st.st_size : 0;
}

struct log_file *
log_file_open(const char *path, enum log_level shown)
{
    struct log_file *log = xalloc(sizeof(*log));

    log->path = path ? xstrdup(path) : NULL;
    log->shown = shown;
    log->journal_fd = -1;
    open_file(log);
    return log;
}

void
log_file_use_journal(struct log_file *log, const char *machine)
{
    log->journal_fd = journal_open();
    if (log->journal_fd >= 0) {
        log->shown = MAX_OF(log->shown, LOG_LEVEL_INFO);
        log->machine = machine ? xstrdup(machine) : NULL;
    }
}

void
log_file_close(struct log_file *log)
{
    if (log) {
        fd_closep(&log->fd);
        fd_closep(&log->journal_fd);
        free(log->machine);
        free(log->path);
        free(log);
    }
}

static void
make_room(struct log_file *log)
{
    if (log->size >= FILE_MAX) {
        cleanup_free char *older = xasprintf("%s.1", log->path);

        fd_closep(&log->fd);
        (void)rename(log->path, older);
        open_file(log);
    }
}

static const char *
level_name(enum log_level level)
{
    switch (level) {
    case LOG_LEVEL_ERROR:
        return "error";
    case LOG_LEVEL_WARNING:
        return "warning";
    case LOG_LEVEL_INFO:
        return "info";
    case LOG_LEVEL_DEBUG:
        break;
    }
    return "debug";
}

/* Cut at 'size', control characters replaced. */
static void
copy_printable(char *to, size_t size, const char *text)
{
    size_t i;

    for (i = 0; i + 1 < size && text[i]; i++) {
        const char c = text[i];

        to[i] = c;
        if ((unsigned char)c < 0x20 || c == 0x7f) {
            to[i] = '?';
        }
    }
    to[i] = '\0';
}

/* A terminal that shows a guest's output as it is does not return the cursor by itself. */
static const char *
line_end(void)
{
    struct termios terminal;

    return tcgetattr(STDERR_FILENO, &terminal) == 0 && !(terminal.c_oflag & OPOST) ? "\r\n" : "\n";
}

void
log_file_write(struct log_file *log, const char *process, enum log_level level, const char *text)
{
    char clean[LOG_LINE_MAX];
    char stamp[32];
    struct timespec now;
    struct tm parts;

    copy_printable(clean, sizeof(clean), text);
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &parts);
    strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &parts);
    make_room(log);
    if (log->fd >= 0) {
        int n = dprintf(log->fd, "%s.%03dZ %s %s %s\n", stamp, (int)(now.tv_nsec / 1000000),
                        process, level_name(level), clean);
        log->size += n > 0 ? (uint64_t)n : 0;
    }
    if (level <= log->shown && log->journal_fd >= 0 &&
        journal_send(log->journal_fd, log->machine, process, level, clean) == 0) {
        return;
    }
    if (level <= log->shown) {
        const bool own = strcmp(process, "vmm") == 0;
        dprintf(STDERR_FILENO, "vmm: %s%s%s%s", own ? "" : process, own ? "" : ": ", clean,
                line_end());
    }
}

void
log_file_print(struct log_file *log, enum log_level level, const char *format, ...)
{
    char text[LOG_LINE_MAX];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    log_file_write(log, "vmm", level, text);
}

/* Whether the child may write one more line in this window. */
static bool
take_line(struct log_reader *reader, const char *process, struct log_file *log)
{
    struct timespec now;
    uint64_t now_ns;

    clock_gettime(CLOCK_MONOTONIC, &now);
    now_ns = (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
    if (now_ns - reader->window_start_ns >= WINDOW_SECONDS * UINT64_C(1000000000)) {
        if (reader->dropped > 0) {
            char text[64];
            snprintf(text, sizeof(text), "%u lines left out", reader->dropped);
            log_file_write(log, process, LOG_LEVEL_WARNING, text);
        }
        reader->window_start_ns = now_ns;
        reader->lines = 0;
        reader->dropped = 0;
    }
    if (reader->lines >= LINES_PER_WINDOW) {
        reader->dropped++;
        return false;
    }
    reader->lines++;
    return true;
}

/* A line without "<N>" is not from our log: a library or the C library's last words. */
static void
finish_line(struct log_reader *reader, const char *process, struct log_file *log)
{
    enum log_level level = LOG_LEVEL_WARNING;
    const char *text = reader->line;

    reader->line[reader->used] = '\0';
    if (text[0] == '<' && text[1] >= '0' && text[1] <= '7' && text[2] == '>') {
        const int number = text[1] - '0';

        level = number <= LOG_LEVEL_ERROR     ? LOG_LEVEL_ERROR
                : number == LOG_LEVEL_WARNING ? LOG_LEVEL_WARNING
                : number == LOG_LEVEL_DEBUG   ? LOG_LEVEL_DEBUG
                                              : LOG_LEVEL_INFO;
        text += 3;
    }
    if (*text && take_line(reader, process, log)) {
        log_file_write(log, process, level, text);
    }
    reader->used = 0;
}

static void
feed_byte(struct log_reader *reader, char byte, const char *process, struct log_file *log)
{
    if (byte == '\n') {
        if (!reader->skipping) {
            finish_line(reader, process, log);
        }
        reader->skipping = false;
    } else if (!reader->skipping) {
        reader->line[reader->used++] = byte;
        if (reader->used == LOG_LINE_MAX - 1) {
            finish_line(reader, process, log);
            reader->skipping = true;
        }
    }
}

bool
log_reader_read(struct log_reader *reader, int fd, const char *process, struct log_file *log)
{
    char data[4096];
    ssize_t n = 1;

    for (int i = 0; i < READS_PER_ROUND && n > 0; i++) {
        n = read(fd, data, sizeof(data));
        for (ssize_t j = 0; j < n; j++) {
            feed_byte(reader, data[j], process, log);
        }
    }
    if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR))) {
        return true;
    }
    if (reader->used > 0) {
        finish_line(reader, process, log);
    }
    return false;
}
