/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/ui/pretended-machine.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <unistd.h>

/* Between fork and exec: it does not outlive a test that fails. */
static void
die_with_the_test(gpointer data)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
}

void
pretended_machine_start(PretendedMachine *self, const char *name)
{
    const char *argv[] = {"sleep", "600", NULL};
    g_autofree char *folder = g_build_filename(g_getenv("XDG_RUNTIME_DIR"), "vitrine", name, NULL);
    g_autofree char *lock = g_build_filename(folder, "lock", NULL);
    g_autofree char *pid = g_build_filename(folder, "pid", NULL);
    g_autofree char *number = NULL;

    g_assert_cmpint(g_mkdir_with_parents(folder, 0700), ==, 0);
    self->lock = g_open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    g_assert_cmpint(flock(self->lock, LOCK_EX | LOCK_NB), ==, 0);
    g_assert_true(g_spawn_async(NULL, (char **)argv, NULL,
                                G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD |
                                    G_SPAWN_STDOUT_TO_DEV_NULL | G_SPAWN_STDERR_TO_DEV_NULL,
                                die_with_the_test, NULL, &self->process, NULL));
    number = g_strdup_printf("%d", self->process);
    g_assert_true(g_file_set_contents(pid, number, -1, NULL));
    self->control = g_build_filename(folder, "control", NULL);
    self->display = fake_display_new(self->control);
}

void
pretended_machine_stop(PretendedMachine *self)
{
    fake_display_free(self->display);
    kill(self->process, SIGKILL);
    g_spawn_close_pid(self->process);
    close(self->lock);
    g_free(self->control);
}
