/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* usage: random-read DISK COUNT    runs in a guest; 4 KiB reads around its page cache, one after the
 * other, at places that are the same each time. Prints "READ DISK nanoseconds per read". */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define READ_SIZE 4096
#define NS_PER_S  1000000000LL
#define SEED      UINT64_C(88172645463325252)

static int64_t
now_ns(void)
{
    struct timespec now = {0};

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * NS_PER_S + now.tv_nsec;
}

/* xorshift64 (Marsaglia 2003) */
static uint64_t
next_number(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

int
main(int argc, char **argv)
{
    uint64_t state = SEED;
    int64_t start = 0;
    void *buffer = NULL;

    if (argc != 3 || posix_memalign(&buffer, READ_SIZE, READ_SIZE) != 0) {
        return 64;
    }
    int fd = open(argv[1], O_RDONLY | O_DIRECT | O_CLOEXEC);
    off_t size = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
    long count = strtol(argv[2], NULL, 10);
    if (size < READ_SIZE || count < 1) {
        perror(argv[1]);
        return 1;
    }
    start = now_ns();
    for (long i = 0; i < count; i++) {
        off_t block = (off_t)(next_number(&state) % ((uint64_t)size / READ_SIZE));
        if (pread(fd, buffer, READ_SIZE, block * READ_SIZE) != READ_SIZE) {
            perror("pread");
            return 1;
        }
    }
    printf("READ %s %" PRId64 "\n", argv[1], (now_ns() - start) / count);
    return 0;
}
