/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The timelines of fences.c: what the guest gets back, and in which order, whatever the order in which a
 * renderer ends. The control queue is ours: it notes what is pushed.
 */

#include "tests/unit/tap.h"

#include "vmm/devices/gpu/context.h"
#include "vmm/devices/gpu/gpu.h"

enum {
    REQUESTS = 16,
    GLOBAL = -1, /* a ring */
};

struct request {
    struct chain chain;          /* `head` is its number */
    struct renderer_fence fence; /* as a renderer was asked for it */
};

struct rig;

struct test_renderer {
    struct renderer renderer;
    struct rig *rig;
};

/* What the device takes for its back end, and for the control queue too. */
struct rig {
    struct gpu gpu;
    struct test_renderer renderers[2];
    struct request requests[REQUESTS];
    unsigned int n_requests;
    unsigned int pushed[REQUESTS];
    unsigned int n_pushed;
    unsigned int n_notified;
};

struct queue *
backend_queue(struct backend *backend, unsigned int index)
{
    return index == GPU_QUEUE_CONTROL ? (void *)backend : NULL;
}

void
backend_notify(struct backend *backend, unsigned int index)
{
    struct rig *rig = (void *)backend;

    rig->n_notified += index == GPU_QUEUE_CONTROL;
}

void
queue_push(struct queue *queue, struct chain *chain, uint32_t written)
{
    struct rig *rig = (void *)queue;

    if (rig->n_pushed < REQUESTS && written == 24U + chain->head) {
        rig->pushed[rig->n_pushed++] = chain->head;
    }
}

uint64_t
gpu_now_ns(void)
{
    return 1; /* how long fences took is not looked at here */
}

static int
create_context(struct renderer *renderer, const struct renderer_context *context)
{
    (void)renderer;
    (void)context;
    return 0;
}

static void
destroy_context(struct renderer *renderer, uint32_t context)
{
    (void)renderer;
    (void)context;
}

/* Nothing is done until the test says so. */
static int
take_fence(struct renderer *renderer, const struct renderer_fence *fence)
{
    struct rig *rig = ((struct test_renderer *)renderer)->rig;

    rig->requests[rig->n_requests].fence = *fence;
    return 0;
}

static const struct renderer_ops ops = {.name = "test",
                                        .create_context = create_context,
                                        .destroy_context = destroy_context,
                                        .fence = take_fence};

/* Contexts 1 and 2 are the first renderer's, context 3 is the second's. */
static void
start(struct rig *rig)
{
    struct gpu *gpu = &rig->gpu;

    memset(rig, 0, sizeof(*rig));
    gpu->backend = (void *)rig;
    for (unsigned int i = 0; i < 2; i++) {
        rig->renderers[i] = (struct test_renderer){{&ops}, rig};
        gpu->renderers[i] = &rig->renderers[i].renderer;
    }
    gpu->n_renderers = 2;
    context_table_init(&gpu->contexts, 1);
    fences_init(&gpu->fences);
    for (uint32_t id = 1; id <= 3; id++) {
        const struct renderer_context info = {.id = id, .capset = 2};

        if (context_create(&gpu->contexts, gpu->renderers[id == 3], &info) < 0) {
            abort();
        }
    }
}

static void
stop(struct rig *rig)
{
    fences_flush(&rig->gpu);
    for (uint32_t id = 1; id <= 3; id++) {
        context_destroy(&rig->gpu, context_find(&rig->gpu.contexts, id));
    }
}

/* The guest's next request, with a fence. */
static void
add(struct rig *rig, uint32_t context, int ring)
{
    const struct virtio_gpu_ctrl_hdr header = {
        .flags = VIRTIO_GPU_FLAG_FENCE | (ring == GLOBAL ? 0 : VIRTIO_GPU_FLAG_INFO_RING_IDX),
        .ctx_id = context,
        .ring_idx = ring == GLOBAL ? 0 : (uint8_t)ring};
    struct chain *chain = &rig->requests[rig->n_requests].chain;

    chain->head = (uint16_t)rig->n_requests;
    fences_add(&rig->gpu, &header, chain, 24 + rig->n_requests);
    rig->n_requests++;
}

/* The renderer has done the request, and what stands before it on its timeline. */
static void
end(struct rig *rig, unsigned int request)
{
    const struct renderer_fence *fence = &rig->requests[request].fence;

    fences_retire(&rig->gpu, rig->gpu.renderers[fence->context == 3], fence);
}

/* Whether exactly these requests were given back, in this order. */
static bool
were_pushed(const struct rig *rig, size_t n, const unsigned int *wanted)
{
    bool ok = n == rig->n_pushed;

    for (size_t i = 0; i < rig->n_pushed; i++) {
        printf("# %zu: request %u\n", i, rig->pushed[i]);
        ok = ok && rig->pushed[i] == wanted[i];
    }
    return ok;
}

#define PUSHED(...)                                                        \
    were_pushed(&rig, sizeof((unsigned int[]){__VA_ARGS__}) / sizeof(int), \
                (unsigned int[]){__VA_ARGS__})

TAP_TEST(a_ring_does_not_wait_for_another)
{
    static struct rig rig;

    start(&rig);
    add(&rig, 1, 1); /* 0: is held to the end */
    add(&rig, 1, 2); /* 1 */
    add(&rig, 2, 1); /* 2: the same ring of another context */
    add(&rig, 1, 2); /* 3 */
    add(&rig, 1, 1); /* 4 */
    check_int(rig.n_pushed, 0);
    end(&rig, 1);
    check(PUSHED(1));
    check_int(rig.n_notified, 1);
    end(&rig, 3);
    end(&rig, 2);
    check(PUSHED(1, 3, 2));
    check_int(rig.n_notified, 3);
    end(&rig, 4); /* and so what is before it on that ring */
    check(PUSHED(1, 3, 2, 0, 4));
    check_int(rig.gpu.fences.created, 5);
    check_int(rig.gpu.fences.retired, 5);
    end(&rig, 4);
    check_int(rig.n_notified, 4); /* nothing came of it */
    stop(&rig);
    check_int(rig.n_pushed, 5);
}

TAP_TEST(what_ends_does_not_end_what_comes_after)
{
    static struct rig rig;

    start(&rig);
    for (unsigned int i = 0; i < 4; i++) {
        add(&rig, 1, 3);
    }
    end(&rig, 1);
    check(PUSHED(0, 1));
    end(&rig, 0); /* late */
    check(PUSHED(0, 1));
    end(&rig, 3);
    check(PUSHED(0, 1, 2, 3));
    stop(&rig);
}

TAP_TEST(global_fences_end_in_order)
{
    static struct rig rig;

    start(&rig);
    add(&rig, 1, GLOBAL); /* 0 */
    add(&rig, 3, GLOBAL); /* 1: of another renderer, which is done first */
    add(&rig, 1, 0);      /* 2: ring 0 is not the global timeline */
    add(&rig, 2, GLOBAL); /* 3: of another context, on the one timeline */
    add(&rig, 0, GLOBAL); /* 4: of none */
    end(&rig, 1);
    check_int(rig.n_pushed, 0);
    check_int(rig.n_notified, 0);
    end(&rig, 2);
    check(PUSHED(2));
    end(&rig, 0);
    check(PUSHED(2, 0, 1));
    end(&rig, 4);
    check(PUSHED(2, 0, 1, 3, 4));
    stop(&rig);
}

TAP_TEST(a_global_fence_does_not_end_rings)
{
    static struct rig rig;

    start(&rig);
    add(&rig, 1, 0);
    add(&rig, 1, GLOBAL);
    end(&rig, 1);
    check(PUSHED(1));
    fences_retire(&rig.gpu, rig.gpu.renderers[1],
                  &rig.requests[0].fence); /* another renderer's word is nothing */
    check(PUSHED(1));
    end(&rig, 0);
    check(PUSHED(1, 0));
    stop(&rig);
}

TAP_TEST(a_context_that_goes_takes_its_rings_alone)
{
    static struct rig rig;

    start(&rig);
    add(&rig, 1, 1);
    add(&rig, 2, 1);
    add(&rig, 1, GLOBAL);
    add(&rig, 1, 2);
    fences_flush_context(&rig.gpu, 1);
    check(PUSHED(0, 3));
    end(&rig, 2);
    check(PUSHED(0, 3, 2));
    end(&rig, 1);
    check(PUSHED(0, 3, 2, 1));
    stop(&rig);
}

TAP_TEST(tokens_wrap)
{
    static struct rig rig;

    start(&rig);
    rig.gpu.fences.next_token = UINT32_MAX - 1;
    for (unsigned int i = 0; i < 3; i++) {
        add(&rig, 1, 1); /* UINT32_MAX, 0, 1 */
    }
    check_int(rig.requests[1].fence.token, 0);
    end(&rig, 0);
    check(PUSHED(0));
    end(&rig, 2);
    check(PUSHED(0, 1, 2));
    stop(&rig);
}

TAP_MAIN(TAP_CASE(a_ring_does_not_wait_for_another),
         TAP_CASE(what_ends_does_not_end_what_comes_after), TAP_CASE(global_fences_end_in_order),
         TAP_CASE(a_global_fence_does_not_end_rings),
         TAP_CASE(a_context_that_goes_takes_its_rings_alone), TAP_CASE(tokens_wrap))
