/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* screenshot: the picture of a screen as a PNG file. */

#include <stdio.h>
#include <string.h>

#include "vmm/ctl/command.h"
#include "vmm/ctl/png.h"
#include "vmm/ctl/session.h"

static VmThumbnail *
fetch(VmConsole *console, GError **error)
{
    g_autoptr(GAsyncResult) answer = NULL;

    vm_console_get_thumbnail_async(console, 0, 0, NULL, session_answered, &answer);
    return vm_console_get_thumbnail_finish(console, session_wait(&answer), error);
}

static gboolean
write_file(const char *path, GBytes *png, GError **error)
{
    gsize size;
    const char *data = g_bytes_get_data(png, &size);

    if (strcmp(path, "-") == 0) {
        return fwrite(data, 1, size, stdout) == size;
    }
    return g_file_set_contents(path, data, (gssize)size, error);
}

int
command_screenshot(const Command *command, int argc, char **argv)
{
    int number = -1;
    const GOptionEntry entries[] = {
        {"display", 0, 0, G_OPTION_ARG_INT, &number,
         "the display, from 0 (default: the first there is)", "N"},
        {"screen", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_INT, &number, NULL, NULL},
        {NULL},
    };
    g_autoptr(VmConnection) connection = NULL;
    g_autoptr(VmThumbnail) picture = NULL;
    g_autoptr(GBytes) png = NULL;
    g_autoptr(GError) error = NULL;
    VmConsole *console;

    if (!command_parse(command, entries, &argc, &argv)) {
        return STATUS_USAGE;
    }
    connection = session_open(argv[1]);
    console =
        connection ? session_console(connection, number < 0 ? SESSION_FIRST : (guint)number) : NULL;
    if (!console) {
        return STATUS_FAILED;
    }
    picture = fetch(console, &error);
    if (!picture) {
        g_dbus_error_strip_remote_error(error);
        command_say("The machine “%s” gave no picture (%s).", argv[1], error->message);
        return STATUS_FAILED;
    }
    png = png_encode(g_bytes_get_data(picture->bytes, NULL), picture->width, picture->height,
                     picture->stride, &error);
    if (!png || !write_file(argv[2], png, &error)) {
        command_say("The picture cannot be written to “%s” (%s); choose another place.", argv[2],
                    error ? error->message : "write error");
        return STATUS_FAILED;
    }
    return STATUS_DONE;
}
