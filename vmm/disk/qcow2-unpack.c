/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Compressed clusters of a qcow2 image: they are only read. */

#define ZLIB_CONST
#include <errno.h>
#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>

#include "vmm/disk/qcow2-private.h"

enum {
    ZSTD_WINDOW_LOG_MAX = 24
};

struct qcow2_unpacker {
    enum qcow2_compression compression;
    z_stream deflate;
    ZSTD_DCtx *zstd;
};

int
qcow2_unpacker_create(enum qcow2_compression compression, struct qcow2_unpacker **ret_unpacker)
{
    struct qcow2_unpacker *unpacker = calloc(1, sizeof(*unpacker));
    bool made;

    if (!unpacker) {
        return -ENOMEM;
    }
    unpacker->compression = compression;
    if (compression == QCOW2_COMPRESSION_ZSTD) {
        unpacker->zstd = ZSTD_createDCtx();
        made = unpacker->zstd && !ZSTD_isError(ZSTD_DCtx_setParameter(
                                     unpacker->zstd, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG_MAX));
    } else {
        made = inflateInit2(&unpacker->deflate, -15) == Z_OK; /* without zlib's header */
    }
    if (!made) {
        qcow2_unpacker_destroy(unpacker);
        return -ENOMEM;
    }
    *ret_unpacker = unpacker;
    return 0;
}

void
qcow2_unpacker_destroy(struct qcow2_unpacker *unpacker)
{
    if (!unpacker) {
        return;
    }
    if (unpacker->compression == QCOW2_COMPRESSION_ZSTD) {
        ZSTD_freeDCtx(unpacker->zstd);
    } else {
        inflateEnd(&unpacker->deflate);
    }
    free(unpacker);
}

static int
unpack_deflate(z_stream *stream, const uint8_t *packed, size_t packed_size, uint8_t *data,
               size_t size)
{
    int r;

    if (inflateReset(stream) != Z_OK) {
        return -EIO;
    }
    stream->next_in = packed;
    stream->avail_in = (uInt)packed_size;
    stream->next_out = data;
    stream->avail_out = (uInt)size;
    r = inflate(stream, Z_FINISH);
    /* Without room for more the end may not have been seen: Z_BUF_ERROR. */
    return stream->avail_out == 0 && (r == Z_STREAM_END || r == Z_BUF_ERROR || r == Z_OK) ? 0
                                                                                          : -EIO;
}

static int
/* NOLINTNEXTLINE(readability-non-const-parameter): it is written through ZSTD_outBuffer */
unpack_zstd(ZSTD_DCtx *context, const uint8_t *packed, size_t packed_size, uint8_t *data,
            size_t size)
{
    ZSTD_inBuffer in = {.src = packed, .size = packed_size};
    ZSTD_outBuffer out = {.dst = data, .size = size};

    ZSTD_DCtx_reset(context, ZSTD_reset_session_only);
    while (out.pos < size) {
        const size_t before = in.pos + out.pos;
        const size_t r = ZSTD_decompressStream(context, &out, &in);

        if (ZSTD_isError(r) || in.pos + out.pos == before || (r == 0 && out.pos < size)) {
            return -EIO;
        }
    }
    return 0;
}

int
qcow2_unpack(struct qcow2_unpacker *unpacker, const uint8_t *packed, size_t packed_size,
             uint8_t *data, size_t size)
{
    return unpacker->compression == QCOW2_COMPRESSION_ZSTD
               ? unpack_zstd(unpacker->zstd, packed, packed_size, data, size)
               : unpack_deflate(&unpacker->deflate, packed, packed_size, data, size);
}

void
qcow2_packed_place(const struct qcow2 *image, uint64_t entry, uint64_t *ret_offset,
                   uint64_t *ret_size)
{
    const uint32_t x = 62 - (image->cluster_bits - 8);
    const uint64_t offset = entry & ((UINT64_C(1) << x) - 1) & ((UINT64_C(1) << 56) - 1);
    const uint64_t sectors = (entry & (QCOW2_COMPRESSED - 1)) >> x;

    *ret_offset = offset;
    *ret_size = (sectors + 1) * 512 - offset % 512;
}
