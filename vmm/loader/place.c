/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/loader/place.h"

#include <string.h>

#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"

enum {
    PAGE = 4096,
};

static bool
is_zero(const uint8_t *data, uint64_t size)
{
    return data[0] == 0 && memcmp(data, data + 1, size - 1) == 0;
}

static bool
place_has_zeros(const struct place *place)
{
    return place->fresh && place->ram->fd >= 0;
}

static int
write_run(const struct loader_ram *ram, uint8_t *to, const uint8_t *from, uint64_t size)
{
    if (size == 0) {
        return 0;
    }
    if (ram->fd >= 0) {
        return fd_pwrite_full(ram->fd, from, size, (uint64_t)(to - ram->host));
    }
    memcpy(to, from, size);
    return 0;
}

/* All but the pages of zeros, in as few writes as there are gaps. */
static int
write_but_zeros(const struct loader_ram *ram, uint8_t *to, const uint8_t *from, uint64_t size)
{
    uint64_t begin = 0; /* of what is to be written */
    uint64_t step;
    int r = 0;

    for (uint64_t at = 0; r == 0 && at < size; at += step) {
        step = MIN_OF(size - at, PAGE - (uint64_t)(to + at - ram->host) % PAGE);
        if (is_zero(from + at, step)) {
            r = write_run(ram, to + begin, from + begin, at - begin);
            begin = at + step;
        }
    }
    return r < 0 ? r : write_run(ram, to + begin, from + begin, size - begin);
}

int
place_bytes(const struct place *place, const struct source *source, uint64_t offset, uint64_t size)
{
    const bool has_zeros = place_has_zeros(place);
    int r = range_inside(offset, size, source->size) ? 0 : -EIO;

    for (uint64_t at = 0; r == 0 && at < size; at += SOURCE_VIEW_MAX) {
        const uint64_t n = MIN_OF(size - at, (uint64_t)SOURCE_VIEW_MAX);
        struct source_view view;

        r = source_view(source, offset + at, n, &view);
        if (r == 0) {
            r = has_zeros ? write_but_zeros(place->ram, place->to + at, view.data, n)
                          : write_run(place->ram, place->to + at, view.data, n);
            source_view_end(&view);
        }
    }
    return r;
}

void
place_zeros(const struct place *place, uint64_t after, uint64_t size)
{
    if (!place_has_zeros(place)) {
        memset(place->to + after, 0, size);
    }
}
