/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * vmm-extract: started by `vmm extract_kernel` for one disk image, which anybody may have made. It jails
 * itself before it reads the first byte, finds partitions, file systems (libext2fs) and the newest
 * kernel, writes kernel and initrd to files that it was given, answers once and ends.
 */

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "vmm/base/message.h"
#include "vmm/disk/qcow2.h"
#include "vmm/disk/raw.h"
#include "vmm/extract/boot.h"
#include "vmm/extract/policy.h"
#include "vmm/protocol/start.h"

enum {
    FILE_MAX = 513 << 20,
    SECONDS_MAX = 120, /* file systems can lead in circles */
};

static struct disk *
open_image(bool qcow2)
{
    const struct raw_setup raw = {.fd = EXTRACT_FD_IMAGE,
                                  .size = (uint64_t)lseek(EXTRACT_FD_IMAGE, 0, SEEK_END),
                                  .read_only = true};
    const struct qcow2_setup image = {.fd = EXTRACT_FD_IMAGE, .read_only = true};
    struct disk *disk = NULL;
    const char *why = NULL;

    if (qcow2 ? qcow2_open(&image, &disk, &why) < 0 : raw_open(&raw, &disk) < 0) {
        return NULL;
    }
    return disk;
}

/* `--extract FORMAT FLAGS`; FLAGS as in vmm/protocol/start.h. */
int
main(int argc, char **argv)
{
    const struct rlimit size = {.rlim_cur = FILE_MAX, .rlim_max = FILE_MAX};
    struct extract_result result = {.status = EXTRACT_NO_JAIL};
    const char *what = NULL;

    if (jail_print_policy(&extract_policy, argc, argv)) {
        return 0;
    }
    if (argc != 4 || strcmp(argv[1], "--extract") != 0) {
        return 1;
    }
    (void)setrlimit(RLIMIT_FSIZE, &size);
    (void)alarm(SECONDS_MAX);
    if (jail_enter(&extract_policy, (uint32_t)strtoul(argv[3], NULL, 10), &what) == 0) {
        cleanup(disk_closep) struct disk *disk = open_image(strcmp(argv[2], "qcow2") == 0);

        result.status = EXTRACT_BAD_IMAGE;
        if (disk) {
            boot_extract(disk, EXTRACT_FD_KERNEL, EXTRACT_FD_INITRD, &result);
        }
    }
    return message_send(START_FD_CONTROL, &result, sizeof(result), NULL, 0) < 0 ? 1 : 0;
}
