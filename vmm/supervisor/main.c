/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * vmm: one virtual machine from a command line. `vmm run` is the supervisor: it alone opens files,
 * makes the sockets between the parts, starts each part in its jail (processes.c lists them), and
 * stays to watch them: a part's death ends the machine, unless its row says that it may be started
 * again. It maps no guest memory and reads nothing that a guest wrote but short, checked messages.
 * Every other verb that talks to a running machine is the work of vmm-ctl.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "vmm/base/bytes.h"
#include "vmm/base/cleanup.h"
#include "vmm/base/memory.h"
#include "vmm/supervisor/check.h"
#include "vmm/supervisor/extract.h"
#include "vmm/supervisor/failure.h"
#include "vmm/supervisor/launcher.h"
#include "vmm/supervisor/paths.h"
#include "vmm/supervisor/policy.h"
#include "vmm/supervisor/replay.h"
#include "vmm/supervisor/run.h"

static int
version_command(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    puts("vmm " VITRINE_VERSION);
    return 0;
}

/* Verbs for defined and running machines: list, start, stop, … */
static int
exec_ctl(const char *const *argv)
{
    cleanup_free char *helpers = path_helpers();
    cleanup_free char *path = xasprintf("%s/vmm-ctl", helpers);

    execv(path, (char *const *)argv);
    if (errno == ENOENT) {
        fprintf(stderr,
                "vmm: There is no command “%s” here (vmm-ctl is not installed in “%s”); "
                "`vmm help` lists the commands.\n",
                argv[1], helpers);
    } else {
        fprintf(stderr, "vmm: “%s” cannot be started (%s); install Vitrine again.\n", path,
                strerror(errno));
    }
    return EXIT_STATUS_USAGE;
}

static int help_command(int argc, char **argv);

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help;
} commands[] = {
    {"run", run_command, "run a machine (vmm run --help)"},
    {"launcher", launcher_command, "make a machine for each connection (vmm launcher --help)"},
    {"extract_kernel", extract_command,
     "take kernel and initrd out of a disk image (vmm extract_kernel --help)"},
    {"check", check_command, "say whether this computer can run machines [--json]"},
    {"policy", policy_command, "print what each part may ask of the kernel [PART] [--counts]"},
    {"version", version_command, "print the version"},
    {"help", help_command, "print this text"},
};

static int
help_command(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    puts("Usage: vmm COMMAND [ARGUMENTS]\n\nCommands:");
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
        printf("    %-16s%s\n", commands[i].name, commands[i].help);
    }
    puts("\nFor defined machines and those that run (vmm COMMAND --help):");
    fflush(stdout);
    return exec_ctl((const char *const[]){"vmm", "help", NULL});
}

static int
run_own(size_t index, int argc, char **argv)
{
    /* their own */
    const bool has_help = commands[index].run == run_command ||
                          commands[index].run == launcher_command ||
                          commands[index].run == extract_command;

    if (!has_help && argc == 3 && strcmp(argv[2], "--help") == 0) {
        printf("vmm %s: %s\n", commands[index].name, commands[index].help);
        return 0;
    }
    return commands[index].run(argc - 2, argv + 2);
}

/* A program that is started without them must not get our sockets as standard streams. */
static void
fill_standard_streams(void)
{
    int fd;

    do {
        fd = open("/dev/null", O_RDWR);
    } while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0) {
        close(fd);
    }
}

int
main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "help";

    fill_standard_streams();
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
        name = "help";
    } else if (strcmp(name, "--version") == 0) {
        name = "version";
    }
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
        if (strcmp(commands[i].name, name) == 0) {
            return run_own(i, argc, argv);
        }
    }
    if (strcmp(name, "gpu") == 0 && argc > 2 && strcmp(argv[2], "replay") == 0) {
        return replay_command(argc - 3, argv + 3); /* it starts a process in a jail */
    }
    return exec_ctl((const char *const *)argv);
}
