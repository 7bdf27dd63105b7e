/* INT8: what a chain asks of an instruction set. The arithmetic is the same everywhere, bit for bit:
 *
 *     value   0 to 127 in a byte: the real number is (value - zero point) x scale. Seven bits, so that a product of a
 *             value and a weight (-127 to 127) fits 15 bits and a sum of two of them 16: exact with AVX2's 16-bit sums,
 *             and the same byte is signed and unsigned, as SDOT and VNNI want it
 *     sum     s32: bias + sum of weight x (value - zero point); a pixel beyond the map is the zero point
 *     result  round(float(sum) x multiplier) + zero point, clamped to 0 to 127: two roundings to the nearest float32 or
 *             integer, ties to even, and no fused multiply-add
 *
 * Instructions that sum four products of bytes need four neighbouring bytes in one lane of 32 bits, a quad:
 *
 *     QUADS   [tile][channels by four][vector of the tile][lane]: four channels of one pixel in a lane
 *     SUMS    [tile][channel][vector of the tile][lane]: the sums of the last layer
 *     PLANES  of one channel, so that a kernel that exists alone has its quads too: [channel][plane][row][vector][lane].
 *             Plane p holds in the lane of pixel x the pixels x - kernel / 2 + 4 p and the three right of it, and has
 *             kernel / 2 rows before and after the map. A 5 x 5 kernel would waste three quarters of plane 1: in its
 *             place are rows y - 2 to y + 1 of column x + 2, and behind all channels, as QUADS by rows, [channels by
 *             four][row][vector][lane], the corner (x + 2, y + 2). So it takes 6 1/4 quads for 25 taps.
 *
 * A vector has `lanes` neighbouring pixels of a row. Rows that fit several into one are cut into `bands`: vector j
 * holds row j of every band, side by side.
 */
#ifndef SIS_INT8_H
#define SIS_INT8_H

#include <stddef.h>
#include <stdint.h>

enum { SIS_MOST_VALUE = 127, SIS_MOST_INT8_SIDE = 1024 };

/* Pixels as vectors; `channels` of them. */
struct sis_int8_map {
    uint32_t channels, height, width, bands, band_rows, strips, vectors, tiles;
};

/* Real numbers, [channel][row][column], to QUADS. */
struct sis_int8_quantise {
    struct sis_int8_map to;
    float inverse_scale;
    int32_t zero;
};

/* QUADS through max pooling to QUADS (kernel side 1) or to PLANES. */
struct sis_int8_spread {
    struct sis_int8_map from, to;
    uint32_t pool, kernel, zero, planes;
    size_t plane, channel, corners; /* lanes of a plane, of a channel, before the corners */
};

/* A filter of a convolution: where the planes of its inputs are and their quads of weights, [plane][row] each, for 5 x 5
 * [row] and the column; then the corners of 5 x 5. */
struct sis_int8_filter {
    uint32_t nnz, corners;
    int32_t bias;
    float multiplier;
    const uint32_t *offset, *corner_offset;
    const int32_t *weight, *corner_weight;
};

/* PLANES to QUADS, or to SUMS in the last layer. */
struct sis_int8_convolution {
    struct sis_int8_map to;
    uint32_t kernel, planes, has_frame, is_last; /* has_frame: rows beyond the map are not zeros */
    int32_t zero;
    size_t plane;
    struct sis_int8_filter *filters;
};

/* Four filters of a 1 x 1 convolution: quads of inputs with any weight, weights [quad][filter]. */
struct sis_int8_block {
    uint32_t quads;
    int32_t bias[4];
    float multiplier[4];
    const uint32_t *offset;
    const int32_t *weight;
};

/* QUADS to QUADS, or to SUMS in the last layer. */
struct sis_int8_pointwise {
    struct sis_int8_map from, to;
    uint32_t is_last, block_count;
    int32_t zero;
    struct sis_int8_block *blocks;
};

/* SUMS to real numbers: ReLU, max pooling, the average of all pixels or each of them, times the multiplier. */
struct sis_int8_finish {
    struct sis_int8_map from;
    uint32_t pool, relu, average;
    const float *multiplier;
};

/* Items [begin, end) of one of the works above: channels by four, the same, filters by four, pairs of tile and block
 * counted tile by tile, filters. */
typedef void sis_int8_run(const void *work, const float *in, float *out, size_t begin, size_t end);

struct sis_int8_isa {
    const char *name;
    uint32_t lanes, tile;
    int (*is_supported)(void);
    sis_int8_run *quantise, *spread, *convolve, *pointwise, *finish;
    /* Products of bytes on registers only; returns how many were added up. */
    double (*work_peak)(uint64_t rounds, int32_t *sink);
};

/* What the processor has; each is there on its architecture. */
int sis_int8_has_avx2(void);
int sis_int8_has_avx_vnni(void);
int sis_int8_has_avx512_vnni(void);
int sis_int8_has_dotprod(void);

/* All of this library, the fastest first; the last, the portable one, runs everywhere. */
extern const struct sis_int8_isa *const sis_int8_isas[];
extern const size_t sis_int8_isa_count;

#endif
