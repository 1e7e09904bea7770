/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/loader/unpack.h"

#include <bzlib.h>
#include <errno.h>
#include <lz4.h>
#include <lzma.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <zlib.h>
#include <zstd.h>

#include "vmm/base/bytes.h"

enum {
    LZ4_BLOCK_MAX = 8 << 20,                                 /* unpacked */
    SCRATCH_SIZE = LZ4_BLOCK_MAX + LZ4_BLOCK_MAX / 255 + 64, /* LZ4_compressBound() and more */
    CHUNK_SIZE = 256 * 1024,
    ZSTD_WINDOW_LOG_MAX = 28,
    XZ_MEMORY_MAX = 512 << 20
};

/* The packed bytes that were not read yet, and where the unpacked ones go. */
struct stream {
    const struct source *packed;
    uint64_t position; /* next byte to read from the source */
    uint64_t end;
    uint8_t *scratch; /* SCRATCH_SIZE bytes */
    uint8_t *output;
    uint64_t output_size;
};

/* When nothing is left of the last chunk read the next: 1, 0 at the end, or -errno. */
static int
stream_refill(struct stream *stream, size_t *left)
{
    if (*left > 0) {
        return 1;
    }
    uint64_t size = MIN_OF(stream->end - stream->position, CHUNK_SIZE);
    if (size == 0) {
        return 0;
    }
    int r = source_read(stream->packed, stream->position, stream->scratch, size);
    if (r < 0) {
        return r;
    }
    stream->position += size;
    *left = size;
    return 1;
}

static int
stream_result(int r, bool complete, bool out_of_memory)
{
    if (r < 0) {
        return r;
    }
    if (out_of_memory) {
        return -ENOMEM;
    }
    return complete ? 0 : -EBADMSG;
}

static int
unpack_gzip(struct stream *stream)
{
    z_stream z = {0};
    int state = Z_OK;
    int r = 1;

    if (inflateInit2(&z, 15 + 16) != Z_OK) {
        return -ENOMEM;
    }
    z.next_out = stream->output;
    z.avail_out = (uInt)stream->output_size;
    while (state == Z_OK) {
        size_t left = z.avail_in;
        r = stream_refill(stream, &left);
        if (r <= 0) {
            break;
        }
        if (z.avail_in == 0) {
            z.next_in = stream->scratch;
            z.avail_in = (uInt)left;
        }
        state = inflate(&z, Z_NO_FLUSH);
    }
    inflateEnd(&z);
    return stream_result(r, state == Z_STREAM_END && z.avail_out == 0, state == Z_MEM_ERROR);
}

static int
unpack_bzip2(struct stream *stream)
{
    bz_stream z = {0};
    int state = BZ_OK;
    int r = 1;

    if (BZ2_bzDecompressInit(&z, 0, 0) != BZ_OK) {
        return -ENOMEM;
    }
    z.next_out = (char *)stream->output;
    z.avail_out = (unsigned int)stream->output_size;
    while (state == BZ_OK) {
        size_t left = z.avail_in;
        const unsigned int room = z.avail_out;
        r = stream_refill(stream, &left);
        if (r <= 0) {
            break;
        }
        if (z.avail_in == 0) {
            z.next_in = (char *)stream->scratch;
            z.avail_in = (unsigned int)left;
        }
        state = BZ2_bzDecompress(&z);
        if (z.avail_in == left && z.avail_out == room) {
            break; /* no room for what is left: it says BZ_OK for ever */
        }
    }
    BZ2_bzDecompressEnd(&z);
    return stream_result(r, state == BZ_STREAM_END && z.avail_out == 0, state == BZ_MEM_ERROR);
}

static int
unpack_lzma(struct stream *stream, bool alone)
{
    lzma_stream z = LZMA_STREAM_INIT;
    lzma_ret state =
        alone ? lzma_alone_decoder(&z, XZ_MEMORY_MAX) : lzma_stream_decoder(&z, XZ_MEMORY_MAX, 0);
    int r = 1;

    z.next_out = stream->output;
    z.avail_out = stream->output_size;
    while (state == LZMA_OK) {
        size_t left = z.avail_in;
        r = stream_refill(stream, &left);
        if (r <= 0) {
            break;
        }
        if (z.avail_in == 0) {
            z.next_in = stream->scratch;
            z.avail_in = left;
        }
        state = lzma_code(&z, LZMA_RUN);
    }
    lzma_end(&z);
    return stream_result(r, state == LZMA_STREAM_END && z.avail_out == 0, state == LZMA_MEM_ERROR);
}

static int
unpack_zstd(struct stream *stream)
{
    ZSTD_DCtx *z = ZSTD_createDCtx();
    ZSTD_outBuffer out = {.dst = stream->output, .size = stream->output_size};
    ZSTD_inBuffer in = {.src = stream->scratch};
    size_t state = 1; /* ZSTD_decompressStream(): 0 at the end of the frame */
    bool stuck = false;
    int r = 1;

    if (!z) {
        return -ENOMEM;
    }
    ZSTD_DCtx_setParameter(z, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG_MAX);
    while (state != 0 && !ZSTD_isError(state) && !stuck) {
        size_t left = in.size - in.pos;
        r = stream_refill(stream, &left);
        if (r <= 0) {
            break;
        }
        in.size = in.pos == in.size ? left : in.size;
        in.pos = in.size - left;
        size_t before = in.pos + out.pos;
        state = ZSTD_decompressStream(z, &out, &in);
        stuck = in.pos + out.pos == before;
    }
    ZSTD_freeDCtx(z);
    return stream_result(r, state == 0 && out.pos == out.size, false);
}

/* `lz4 -l`: magic, then blocks of at most 8 MiB unpacked, each with its packed size before it. */
static int
unpack_lz4(struct stream *stream)
{
    uint64_t done = 0;
    uint64_t position = stream->position + 4;

    while (done < stream->output_size) {
        uint8_t prefix[4];
        if (!range_inside(position, 4, stream->end)) {
            return -EBADMSG;
        }
        int r = source_read(stream->packed, position, prefix, 4);
        if (r < 0) {
            return r;
        }
        uint64_t size = load_le32(prefix);
        position += 4;
        if (size == 0 || size > SCRATCH_SIZE || !range_inside(position, size, stream->end)) {
            return -EBADMSG;
        }
        r = source_read(stream->packed, position, stream->scratch, size);
        if (r < 0) {
            return r;
        }
        position += size;
        uint64_t room = MIN_OF(stream->output_size - done, LZ4_BLOCK_MAX);
        int got = LZ4_decompress_safe((const char *)stream->scratch, (char *)stream->output + done,
                                      (int)size, (int)room);
        if (got <= 0) {
            return -EBADMSG;
        }
        done += (uint64_t)got;
    }
    return 0;
}

static int
unpack_stream(struct stream *stream, const uint8_t magic[6])
{
    if (magic[0] == 0x1f && magic[1] == 0x8b) {
        return unpack_gzip(stream);
    }
    stream->end -= 4; /* the size is not part of the other formats */
    if (memcmp(magic,
               "\xfd"
               "7zXZ",
               6) == 0) {
        return unpack_lzma(stream, false);
    }
    if (memcmp(magic, "\x5d\x00\x00", 3) == 0) {
        return unpack_lzma(stream, true);
    }
    if (memcmp(magic, "BZh", 3) == 0) {
        return unpack_bzip2(stream);
    }
    if (load_le32(magic) == UINT32_C(0xfd2fb528)) {
        return unpack_zstd(stream);
    }
    if (load_le32(magic) == UINT32_C(0x184c2102)) {
        return unpack_lz4(stream);
    }
    return -EOPNOTSUPP;
}

int
unpack(const struct source *packed, uint64_t offset, uint64_t length, int into_fd,
       struct source *ret_unpacked)
{
    uint8_t magic[6];
    uint8_t trailer[4];

    if (length < sizeof(magic) + sizeof(trailer) || !range_inside(offset, length, packed->size)) {
        return -EIO;
    }
    int r = source_read(packed, offset, magic, sizeof(magic));
    if (r < 0) {
        return r;
    }
    r = source_read(packed, offset + length - 4, trailer, sizeof(trailer));
    if (r < 0) {
        return r;
    }
    uint64_t size = load_le32(trailer);
    if (size == 0 || size > UNPACK_OUTPUT_MAX) {
        return size ? -E2BIG : -EBADMSG;
    }
    uint8_t *scratch = malloc(SCRATCH_SIZE);
    void *output = mmap(NULL, size, PROT_READ | PROT_WRITE,
                        into_fd >= 0 ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS, into_fd, 0);
    if (!scratch || output == MAP_FAILED) {
        r = -ENOMEM;
    } else {
        struct stream stream = {.packed = packed,
                                .position = offset,
                                .end = offset + length,
                                .scratch = scratch,
                                .output = output,
                                .output_size = size};
        r = unpack_stream(&stream, magic);
    }
    free(scratch);
    if (r < 0) {
        if (output != MAP_FAILED) {
            munmap(output, size);
        }
        return r;
    }
    *ret_unpacked = (struct source){.name = packed->name, .memory = output, .size = size, .fd = -1};
    return 0;
}

void
unpack_release(struct source *unpacked)
{
    if (unpacked->memory) {
        munmap(unpacked->memory, unpacked->size);
        unpacked->memory = NULL;
    }
}
