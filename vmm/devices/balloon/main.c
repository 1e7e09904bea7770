/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * vmm-balloon: memory that the guest gives back. Owns a control socket to the supervisor, on which it is
 * asked for sizes and statistics, and a vhost-user socket to the machine; ends with either.
 */

#include <errno.h>
#include <string.h>

#include "vmm/base/message.h"
#include "vmm/devices/balloon/balloon.h"
#include "vmm/devices/balloon/policy.h"
#include "vmm/jail/start.h"

struct control {
    struct loop *loop;
    struct balloon *balloon;
};

static void
on_answer(void *data, const struct balloon_answer *answer)
{
    const struct control *control = data;

    if (message_send(START_FD_CONTROL, answer, sizeof(*answer), NULL, 0) < 0) {
        loop_quit(control->loop, 1);
    }
}

static void
on_control(void *data, uint32_t events)
{
    const struct control *control = data;
    struct balloon_question question;
    ssize_t n = start_receive(&question, sizeof(question), NULL);

    (void)events;
    if (n == -EAGAIN) {
        return;
    }
    if (n != (ssize_t)sizeof(question) || question.header.type != BALLOON_ASK) {
        loop_quit(control->loop, n == 0 ? 0 : 1);
        return;
    }
    balloon_ask(control->balloon, &question);
}

int
main(int argc, char **argv)
{
    cleanup(loop_destroyp) struct loop *loop = NULL;
    cleanup(balloon_destroyp) struct balloon *balloon = NULL;
    struct balloon_setup setup;
    struct control control = {0};

    if (jail_print_policy(&balloon_policy, argc, argv)) {
        return 0;
    }
    if (start_receive_setup(&setup, sizeof(setup)) < 0) {
        return 1;
    }
    loop = loop_create();
    balloon = loop ? balloon_create(loop, &setup, on_answer, &control) : NULL;
    control = (struct control){.loop = loop, .balloon = balloon};
    if (!balloon || !loop_add(loop, START_FD_CONTROL, EPOLLIN, on_control, &control)) {
        return start_fail("internal", "The balloon cannot start: %s.", strerror(errno));
    }
    if (start_enter_jail(&balloon_policy, &setup.device.start) < 0) {
        return 1;
    }
    return loop_run(loop);
}
