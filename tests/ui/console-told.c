/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/ui/console-told.h"

/* NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables): of one test */
ConsoleTold console_told;

/* The linker's names: the library's functions, and those that the manager calls instead. */
void real_set_takes(VmConsole *console,
                    gboolean takes) __asm__("__real_vm_console_set_takes_dmabuf");
void wrap_set_takes(VmConsole *console,
                    gboolean takes) __asm__("__wrap_vm_console_set_takes_dmabuf");
void real_set_textures(VmConsole *console,
                       VmTextures takes) __asm__("__real_vm_console_set_takes_textures");
void wrap_set_textures(VmConsole *console,
                       VmTextures takes) __asm__("__wrap_vm_console_set_takes_textures");
void real_set_paced(VmConsole *console, gboolean paced) __asm__("__real_vm_console_set_paced");
void wrap_set_paced(VmConsole *console, gboolean paced) __asm__("__wrap_vm_console_set_paced");
void real_presented(VmConsole *console, guint64 serial) __asm__("__real_vm_console_presented");
void wrap_presented(VmConsole *console, guint64 serial) __asm__("__wrap_vm_console_presented");

void
wrap_set_takes(VmConsole *console, gboolean takes)
{
    console_told.takes = takes;
    real_set_takes(console, takes);
}

void
wrap_set_textures(VmConsole *console, VmTextures takes)
{
    console_told.textures = takes;
    real_set_textures(console, takes);
}

void
wrap_set_paced(VmConsole *console, gboolean paced)
{
    console_told.paced = paced;
    real_set_paced(console, paced);
}

void
wrap_presented(VmConsole *console, guint64 serial)
{
    console_told.when =
        serial > console_told.presented ? g_get_monotonic_time() : console_told.when;
    console_told.presented = serial;
    console_told.earliest = console_told.earliest > 0 ? console_told.earliest : serial;
    real_presented(console, serial);
}
