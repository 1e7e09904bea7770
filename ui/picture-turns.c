/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/picture-turns.h"

typedef struct {
    GObject *who;
    VmPictureTurn turn;
} Waiting;

struct _VmPictureTurns {
    GObject parent_instance;
    GQueue *waiting;
    guint busy;
    gboolean giving; /* a turn that ends at once is followed by the loop, not by recursion */
};

G_DEFINE_FINAL_TYPE(VmPictureTurns, vm_picture_turns, G_TYPE_OBJECT)

static void
waiting_free(Waiting *waiting)
{
    g_object_unref(waiting->who);
    g_free(waiting);
}

static void
vm_picture_turns_finalize(GObject *object)
{
    g_queue_free_full(VM_PICTURE_TURNS(object)->waiting, (GDestroyNotify)waiting_free);
    G_OBJECT_CLASS(vm_picture_turns_parent_class)->finalize(object);
}

static void
vm_picture_turns_class_init(VmPictureTurnsClass *klass)
{
    G_OBJECT_CLASS(klass)->finalize = vm_picture_turns_finalize;
}

static void
vm_picture_turns_init(VmPictureTurns *self)
{
    self->waiting = g_queue_new();
}

VmPictureTurns *
vm_picture_turns_new(void)
{
    return g_object_new(VM_TYPE_PICTURE_TURNS, NULL);
}

static void
give(VmPictureTurns *self)
{
    if (self->giving) {
        return;
    }
    g_object_ref(self);
    self->giving = TRUE;
    while (self->busy < VM_PICTURE_TURNS_AT_ONCE && !g_queue_is_empty(self->waiting)) {
        Waiting *next = g_queue_pop_head(self->waiting);
        self->busy++;
        next->turn(next->who);
        waiting_free(next);
    }
    self->giving = FALSE;
    g_object_unref(self);
}

void
vm_picture_turns_ask(VmPictureTurns *self, GObject *who, VmPictureTurn turn)
{
    Waiting *waiting = g_new(Waiting, 1);

    waiting->who = g_object_ref(who);
    waiting->turn = turn;
    g_queue_push_tail(self->waiting, waiting);
    give(self);
}

void
vm_picture_turns_end(VmPictureTurns *self)
{
    g_return_if_fail(self->busy > 0);
    self->busy--;
    give(self);
}
