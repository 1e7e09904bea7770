/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/supervisor/balloon.h"

#include <errno.h>

#include "vmm/base/bytes.h"
#include "vmm/base/message.h"
#include "vmm/supervisor/processes.h"

static void
tell_display(struct vm *vm, struct balloon_answer *answer)
{
    const struct child *display = vm_child(vm, process_display.name);

    answer->header.type = DISPLAY_BALLOON;
    if (display->ready && display->control_fd >= 0) {
        (void)message_send(display->control_fd, answer, sizeof(*answer), NULL, 0);
    }
}

/* 0 when its process will answer. */
static int
pass_on(struct vm *vm, const struct balloon_question *question)
{
    const struct child *balloon = vm_child(vm, process_balloon.name);
    const uint64_t pages = vm->config->mem.size * MIB / BALLOON_PAGE_SIZE;
    struct balloon_question message = *question;

    if (!balloon || !balloon->ready || balloon->control_fd < 0) {
        return -ENODEV;
    }
    if (question->what > BALLOON_TELL_STATISTICS ||
        (question->what == BALLOON_SET_SIZE && question->pages > pages)) {
        return -EINVAL;
    }
    message.header.type = BALLOON_ASK;
    return message_send(balloon->control_fd, &message, sizeof(message), NULL, 0) < 0 ? -EBUSY : 0;
}

void
balloon_ask(struct vm *vm, const struct balloon_question *question)
{
    struct balloon_answer refusal = {
        .header.size = sizeof(refusal),
        .serial = question->serial,
        .error = pass_on(vm, question),
    };

    if (refusal.error < 0) {
        tell_display(vm, &refusal);
    }
}

bool
balloon_on_message(struct child *child, struct balloon_answer *answer, size_t size)
{
    if (answer->header.type != BALLOON_ANSWER || size != sizeof(*answer) ||
        answer->n_statistics > BALLOON_STATISTICS_MAX) {
        return false;
    }
    tell_display(child->vm, answer);
    return true;
}
