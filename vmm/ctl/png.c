/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/ctl/png.h"

#include <string.h>

enum {
    PIXEL_IN = 4,
    PIXEL_OUT = 3,
    DEPTH = 8,
    COLOUR_RGB = 2,
    FILTER_SUB = 1,
};

static void
put_number(GByteArray *out, guint32 value)
{
    const guint32 big = GUINT32_TO_BE(value);

    g_byte_array_append(out, (const guint8 *)&big, sizeof(big));
}

/* CRC-32 as the PNG specification has it (annex D), a bit at a time. */
static guint32
crc_of(const guint8 *data, gsize size)
{
    guint32 crc = ~0U;

    for (gsize i = 0; i < size; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = crc & 1 ? crc >> 1 ^ 0xedb88320U : crc >> 1;
        }
    }
    return ~crc;
}

static void
put_chunk(GByteArray *out, const char *type, const guint8 *data, gsize size)
{
    guint start;

    put_number(out, (guint32)size);
    start = out->len;
    g_byte_array_append(out, (const guint8 *)type, 4);
    g_byte_array_append(out, data, (guint)size);
    put_number(out, crc_of(out->data + start, out->len - start));
}

/* One row as R G B, each byte the difference to the pixel on its left. */
static void
filter_row(guint8 *to, const guint8 *from, guint width)
{
    guint8 left[PIXEL_OUT] = {0};

    *to++ = FILTER_SUB;
    for (guint x = 0; x < width; x++) {
        for (guint i = 0; i < PIXEL_OUT; i++) {
            const guint8 value = from[x * PIXEL_IN + 2 - i];

            *to++ = (guint8)(value - left[i]);
            left[i] = value;
        }
    }
}

static GBytes *
filter_all(const guint8 *pixels, guint width, guint height, guint stride)
{
    const gsize row = 1 + (gsize)width * PIXEL_OUT;
    guint8 *data = g_malloc(row * height);

    for (gsize y = 0; y < height; y++) {
        filter_row(data + y * row, pixels + y * stride, width);
    }
    return g_bytes_new_take(data, row * height);
}

static GBytes *
deflate_bytes(GBytes *data, GError **error)
{
    g_autoptr(GZlibCompressor) zlib = g_zlib_compressor_new(G_ZLIB_COMPRESSOR_FORMAT_ZLIB, -1);
    g_autoptr(GOutputStream) memory = g_memory_output_stream_new_resizable();
    g_autoptr(GOutputStream) stream = g_converter_output_stream_new(memory, G_CONVERTER(zlib));
    gsize size;
    const guint8 *bytes = g_bytes_get_data(data, &size);

    if (!g_output_stream_write_all(stream, bytes, size, NULL, NULL, error) ||
        !g_output_stream_close(stream, NULL, error)) {
        return NULL;
    }
    return g_memory_output_stream_steal_as_bytes(G_MEMORY_OUTPUT_STREAM(memory));
}

static void
put_header(GByteArray *out, guint width, guint height)
{
    const guint32 edges[] = {GUINT32_TO_BE(width), GUINT32_TO_BE(height)};
    /* compression, filters and no interlacing: the only ones there are */
    guint8 header[] = {0, 0, 0, 0, 0, 0, 0, 0, DEPTH, COLOUR_RGB, 0, 0, 0};

    memcpy(header, edges, sizeof(edges));
    put_chunk(out, "IHDR", header, sizeof(header));
}

GBytes *
png_encode(const guint8 *pixels, guint width, guint height, guint stride, GError **error)
{
    static const guint8 signature[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    g_autoptr(GBytes) rows = filter_all(pixels, width, height, stride);
    g_autoptr(GBytes) packed = deflate_bytes(rows, error);
    GByteArray *out;
    const guint8 *data;
    gsize size;

    if (!packed) {
        return NULL;
    }
    data = g_bytes_get_data(packed, &size);
    out = g_byte_array_new();
    g_byte_array_append(out, signature, sizeof(signature));
    put_header(out, width, height);
    put_chunk(out, "IDAT", data, size);
    put_chunk(out, "IEND", signature, 0);
    return g_byte_array_free_to_bytes(out);
}
