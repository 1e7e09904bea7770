/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * vmm-loader: started by the supervisor for each boot with guest memory, the kernel and the initrd
 * as descriptors; parses them inside its jail, answers LOADER_DONE and ends. It alone looks at the
 * kernel's bytes, so that a hostile image meets a process that owns nothing else.
 */

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "vmm/base/fd.h"
#include "vmm/base/log.h"
#include "vmm/base/message.h"
#include "vmm/jail/start.h"
#include "vmm/loader/loader.h"
#include "vmm/loader/policy.h"

static int
answer(struct loader_done *done)
{
    done->header = (struct start_header){.type = LOADER_DONE, .size = sizeof(*done)};
    int r = message_send(START_FD_CONTROL, done, sizeof(*done), NULL, 0);
    if (r < 0) {
        log_error("The supervisor does not listen: %s", strerror(-r));
        return 1;
    }
    return 0;
}

int
main(int argc, char **argv)
{
    struct loader_setup setup;
    struct loader_done done;
    struct loader_error error;
    struct loader_ram ram = {0};

    if (jail_print_policy(&loader_policy, argc, argv)) {
        return 0;
    }
    if (start_receive_setup(&setup, sizeof(setup)) < 0) {
        return 1;
    }
    setup.kernel_name[sizeof(setup.kernel_name) - 1] = '\0';
    setup.initrd_name[sizeof(setup.initrd_name) - 1] = '\0';
    int r = fd_check_memory_file(setup.ram_fd, setup.ram_size);
    if (r < 0) {
        return start_fail("internal", "The guest's memory is not usable: %s.", strerror(-r));
    }
    ram.size = setup.ram_size;
    ram.fd = setup.ram_fd;
    ram.host = mmap(NULL, ram.size, PROT_READ | PROT_WRITE, MAP_SHARED, setup.ram_fd, 0);
    if (ram.host == MAP_FAILED) {
        return start_fail("no-memory", "The guest's memory cannot be mapped: %s.", strerror(errno));
    }
    if (start_enter_jail(&loader_policy, &setup.start) < 0) {
        return 1;
    }
    if (loader_run(&setup, &ram, &done, &error) < 0) {
        return start_fail(error.id, "%s", error.sentence);
    }
    return answer(&done);
}
