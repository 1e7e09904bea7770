/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/picture-pace.h"

gboolean
vm_picture_pace_is_due(const VmPicturePace *self, VmConsole *console, gint64 now)
{
    VmTexture texture;

    if (console != self->console || self->changes == 0) {
        return TRUE;
    }
    if (vm_console_get_changes(console) == self->changes) {
        return FALSE;
    }
    return now - self->when >= VM_PICTURE_PACE_SECONDS * G_TIME_SPAN_SECOND ||
           !vm_console_get_texture(console, &texture);
}

void
vm_picture_pace_take(VmPicturePace *self, VmConsole *console, gint64 now)
{
    g_set_weak_pointer(&self->console, console);
    self->changes = vm_console_get_changes(console);
    self->when = now;
}

void
vm_picture_pace_forget(VmPicturePace *self)
{
    self->changes = 0;
}

void
vm_picture_pace_clear(VmPicturePace *self)
{
    g_clear_weak_pointer(&self->console);
}
