/* The kernels, compiled once for each instruction set. The file that includes this one defines
 *
 *     LANES         floats in a vector
 *     TILE          vectors in a tile of the TILES layout, a power of two
 *     MOST_FILTERS  filters of a 1 x 1 convolution for a tile at once: MOST_FILTERS x TILE sums fill the registers
 *     HAS_BANDS     1 where shift_lanes() exists
 *
 * Convolution: the sums of up to 16 rows of one filter stay in registers over all its inputs. Each row of the input is
 * loaded once for each column of the kernel and multiplied by that column's weights for all the rows that see it, so
 * with a 5 x 5 kernel one load feeds five multiply-adds and a filter needs no neighbour that shares its inputs.
 */
#ifndef SIS_KERNELS_H
#define SIS_KERNELS_H

#include "isa.h"
#include "vectors.h"

enum { MOST_ROWS = 16, MOST_NAMED_KERNEL = 7 };

/* Offset of vector `v` of channel `c` in TILES. */
INLINE size_t tile_offset(const struct sis_layout *layout, size_t v, size_t c) {
    return v / TILE * layout->stride + (c * TILE + v % TILE) * LANES;
}

/* Where finished rows of one filter go in TILES: from vector `v` on, one every `step` vectors, clamped to `lower`. */
struct sink {
    const struct sis_layout *layout;
    float *out;
    size_t channel, v, step;
    vec lower;
};

INLINE void finish(const struct sink *sink, int row, vec sum) {
    store(sink->out + tile_offset(sink->layout, sink->v + (size_t)row * sink->step, sink->channel),
          clamp_min(sink->lower, sum));
}

/* Sums of R rows of one filter, one strip wide. `above` and `below` say whether anything but zeros is there. */
INLINE void wide_rows(const int K, const int R, const float *in, size_t pitch, const struct sis_filter *filter,
                      int above, int below, const struct sink *sink) {
    vec sum[MOST_ROWS];
    UNROLL for (int r = 0; r < R; r++) sum[r] = splat(filter->bias);
    const float *weight = filter->weight;
    for (uint32_t e = 0; e < filter->nnz; e++) {
        const float *column = in + filter->offset[e];
        for (int dx = 0; dx < K; dx++, column++, weight += K) {
            vec w[MOST_NAMED_KERNEL];
            UNROLL for (int dy = 0; dy < K; dy++) w[dy] = splat(weight[dy]);
            if (above) {
                UNROLL for (int i = 0; i < K / 2; i++) {
                    vec x = load_loose(column + i * pitch);
                    UNROLL for (int dy = 0; dy <= i; dy++) if (i - dy < R) sum[i - dy] += x * w[dy];
                }
            }
            UNROLL for (int i = K / 2; i < R + K / 2; i++) {
                vec x = load_loose(column + i * pitch);
                UNROLL for (int dy = 0; dy < K; dy++) if (i - dy >= 0 && i - dy < R) sum[i - dy] += x * w[dy];
            }
            if (below) {
                UNROLL for (int i = R + K / 2; i < R + K - 1; i++) {
                    vec x = load_loose(column + i * pitch);
                    UNROLL for (int dy = 0; dy < K; dy++) if (i - dy >= 0 && i - dy < R) sum[i - dy] += x * w[dy];
                }
            }
        }
    }
    UNROLL for (int r = 0; r < R; r++) finish(sink, r, sum[r]);
}

typedef void rows_function(const float *in, size_t pitch, const struct sis_filter *filter, int above, int below,
                           const struct sink *sink);

/* The edges are constants in each of the four, since a branch within the loop costs the compiler its registers. */
#define WIDE(K, R)                                                                                       \
    static void wide_##K##_##R(const float *in, size_t pitch, const struct sis_filter *filter, int above, \
                               int below, const struct sink *sink) {                                     \
        if (above && below)                                                                              \
            wide_rows(K, R, in, pitch, filter, 1, 1, sink);                                              \
        else if (above)                                                                                  \
            wide_rows(K, R, in, pitch, filter, 1, 0, sink);                                              \
        else if (below)                                                                                  \
            wide_rows(K, R, in, pitch, filter, 0, 1, sink);                                              \
        else                                                                                             \
            wide_rows(K, R, in, pitch, filter, 0, 0, sink);                                              \
    }
#define WIDE_ALL(K) WIDE(K, 16) WIDE(K, 8) WIDE(K, 4) WIDE(K, 2) WIDE(K, 1)
WIDE_ALL(3)
WIDE_ALL(5)
WIDE_ALL(7)

/* Any other side of the kernel: right, not fast. */
static void wide_any(uint32_t kernel, uint32_t rows, const float *in, size_t pitch, const struct sis_filter *filter,
                     const struct sink *sink) {
    for (uint32_t r = 0; r < rows; r++) {
        vec sum = splat(filter->bias);
        const float *weight = filter->weight;
        for (uint32_t e = 0; e < filter->nnz; e++)
            for (uint32_t dx = 0; dx < kernel; dx++)
                for (uint32_t dy = 0; dy < kernel; dy++)
                    sum += load_loose(in + filter->offset[e] + (r + dy) * pitch + dx) * *weight++;
        finish(sink, (int)r, sum);
    }
}

/* The function for a kernel's side and the most rows of `left` that it takes; the rows come back in `rows`. */
static rows_function *rows_for(uint32_t kernel, uint32_t left, uint32_t *rows) {
    static rows_function *const known[3][5] = {{wide_3_16, wide_3_8, wide_3_4, wide_3_2, wide_3_1},
                                               {wide_5_16, wide_5_8, wide_5_4, wide_5_2, wide_5_1},
                                               {wide_7_16, wide_7_8, wide_7_4, wide_7_2, wide_7_1}};
    int size = 0;
    for (*rows = MOST_ROWS; *rows > left; *rows /= 2) size++;
    return kernel >= 3 && kernel <= MOST_NAMED_KERNEL ? known[kernel / 2 - 1][size] : NULL;
}

static void convolve_wide(const struct sis_convolution *work, const float *in, float *out, size_t begin, size_t end) {
    const struct sis_layout *from = &work->from, *to = &work->to;
    struct sink sink = {to, out, begin, 0, from->strips, lower_bound(work->relu)};
    for (size_t f = begin; f < end; sink.channel = ++f) {
        const struct sis_filter *filter = &work->filters[f];
        for (uint32_t y = 0, rows; y < from->height; y += rows) {
            rows_function *run = rows_for(work->kernel, from->height - y, &rows);
            for (uint32_t s = 0; s < from->strips; s++) {
                const float *corner = in + (size_t)y * from->pitch + s * LANES;
                sink.v = (size_t)y * from->strips + s;
                if (run)
                    run(corner, from->pitch, filter, y > 0, y + rows < from->height, &sink);
                else
                    wide_any(work->kernel, rows, corner, from->pitch, filter, &sink);
            }
        }
    }
}

#if HAS_BANDS
/* Sums of R vectors of rows of one filter over bands. The columns of the kernel have sums of their own, which are
 * shifted against each other once, at the end: a shift is linear, so the inner loop needs aligned loads only. */
INLINE void banded_rows(const int K, const int R, const float *in, const struct sis_filter *filter,
                        const struct lane_shift *shift, const struct sink *sink) {
    vec sum[5][4];
    UNROLL for (int dx = 0; dx < K; dx++) UNROLL for (int r = 0; r < R; r++) sum[dx][r] = (vec){0};
    UNROLL for (int r = 0; r < R; r++) sum[K / 2][r] = splat(filter->bias);
    const float *weight = filter->weight;
    for (uint32_t e = 0; e < filter->nnz; e++, weight += K * K) {
        const float *rows = in + filter->offset[e];
        UNROLL for (int i = 0; i < R + K - 1; i++) {
            vec x = load(rows + i * LANES);
            UNROLL for (int dy = 0; dy < K; dy++) UNROLL for (int dx = 0; dx < K; dx++)
                if (i - dy >= 0 && i - dy < R) sum[dx][i - dy] += x * weight[dx * K + dy];
        }
    }
    UNROLL for (int r = 0; r < R; r++) {
        vec total = sum[K / 2][r];
        UNROLL for (int dx = 0; dx < K; dx++) if (dx != K / 2) total += shift_lanes(sum[dx][r], &shift[dx]);
        finish(sink, r, total);
    }
}

typedef void banded_function(const float *in, const struct sis_filter *filter, const struct lane_shift *shift,
                             const struct sink *sink);

#define BANDED(K, R)                                                                           \
    static void banded_##K##_##R(const float *in, const struct sis_filter *filter,             \
                                 const struct lane_shift *shift, const struct sink *sink) {                \
        banded_rows(K, R, in, filter, shift, sink);                                            \
    }
BANDED(3, 4) BANDED(3, 2) BANDED(3, 1) BANDED(5, 4) BANDED(5, 2) BANDED(5, 1)

static void convolve_banded(const struct sis_convolution *work, const float *in, float *out, size_t begin,
                            size_t end) {
    static banded_function *const known[2][3] = {{banded_3_4, banded_3_2, banded_3_1},
                                                 {banded_5_4, banded_5_2, banded_5_1}};
    const struct sis_layout *from = &work->from, *to = &work->to;
    struct lane_shift shift[5];
    for (int dx = 0; dx < (int)work->kernel; dx++)
        shift[dx] = lane_shift(dx - (int)work->kernel / 2, LANES / (int)from->bands);
    struct sink sink = {to, out, begin, 0, 1, lower_bound(work->relu)};
    for (size_t f = begin; f < end; sink.channel = ++f)
        for (uint32_t y = 0, rows; y < from->band_rows; y += rows) {
            uint32_t left = from->band_rows - y;
            int size = left >= 4 ? 0 : left >= 2 ? 1 : 2;
            rows = 4u >> size;
            sink.v = y;
            known[work->kernel / 2 - 1][size](in + (size_t)y * LANES, &work->filters[f], shift, &sink);
        }
}
#endif

static void convolve(const struct sis_convolution *work, const float *in, float *out, size_t begin, size_t end) {
#if HAS_BANDS
    if (work->from.format == SIS_BANDED) {
        convolve_banded(work, in, out, begin, end);
        return;
    }
#endif
    convolve_wide(work, in, out, begin, end);
}

/* N filters of a 1 x 1 convolution on one tile. */
INLINE void block_sums(const int N, const float *in, const struct sis_block *block, vec lower, float *out) {
    vec sum[MOST_FILTERS * TILE];
    UNROLL for (int n = 0; n < N; n++) UNROLL for (int p = 0; p < TILE; p++) sum[n * TILE + p] = splat(block->bias[n]);
    const float *weight = block->weight;
    for (uint32_t e = 0; e < block->inputs; e++, weight += N) {
        const float *pixels = in + block->offset[e];
        vec x[TILE];
        UNROLL for (int p = 0; p < TILE; p++) x[p] = load(pixels + p * LANES);
        UNROLL for (int n = 0; n < N; n++) UNROLL for (int p = 0; p < TILE; p++) sum[n * TILE + p] += x[p] * weight[n];
    }
    UNROLL for (int n = 0; n < N; n++) UNROLL for (int p = 0; p < TILE; p++)
        store(out + (n * TILE + p) * LANES, clamp_min(lower, sum[n * TILE + p]));
}

typedef void block_function(const float *in, const struct sis_block *block, vec lower, float *out);

#define BLOCK(N)                                                                                         \
    static void block_##N(const float *in, const struct sis_block *block, vec lower, float *out) {   \
        block_sums(N, in, block, lower, out);                                                            \
    }
BLOCK(1) BLOCK(2) BLOCK(3) BLOCK(4) BLOCK(5) BLOCK(6)
#if MOST_FILTERS == 12
BLOCK(7) BLOCK(8) BLOCK(9) BLOCK(10) BLOCK(11) BLOCK(12)
#elif MOST_FILTERS != 6
#error "kernels are made for 6 or 12 filters"
#endif

static void pointwise(const struct sis_pointwise *work, const float *in, float *out, size_t begin, size_t end) {
    static block_function *const known[MOST_FILTERS + 1] = {
        NULL,     block_1, block_2, block_3, block_4, block_5, block_6,
#if MOST_FILTERS == 12
        block_7,  block_8, block_9, block_10, block_11, block_12,
#endif
    };
    vec lower = lower_bound(work->relu);
    for (size_t item = begin; item < end; item++) {
        size_t tile = item / work->block_count;
        const struct sis_block *block = &work->blocks[item % work->block_count];
        known[block->filters](in + tile * work->from.stride, block, lower,
                              out + tile * work->to.stride + (size_t)block->first * TILE * LANES);
    }
}

/* Sums in registers, as in the kernels. The compiler must not know that the factor stays the same (it would fold
 * constant chains, share products between chains or hoist them) nor that only one lane of each sum is used.
 * tests/native/test_peak.py counts the multiply-adds in the machine code. */
static double work_peak(uint64_t rounds, float *sink) {
    enum { CHAINS = 12 };
    vec sum[CHAINS], x = splat(0.999f), y = splat(0.001f);
    UNROLL for (int i = 0; i < CHAINS; i++) sum[i] = splat((float)i);
    for (uint64_t round = 0; round < rounds; round++) {
        UNROLL for (int i = 0; i < CHAINS; i++) {
            OPAQUE(x);
            sum[i] += x * y;
        }
    }
    vec total = splat(0.0f);
    UNROLL for (int i = 0; i < CHAINS; i++) {
        OPAQUE(sum[i]);
        total += sum[i];
    }
    *sink = total[0];
    return 2.0 * LANES * CHAINS * (double)rounds;
}

#include "framed.h"
#include "relayout.h"
#include "winograd_kernels.h"

#define SIS_ISA_TABLE(NAME, IS_SUPPORTED)                                                              \
    {NAME,     LANES,     TILE,      MOST_FILTERS, MOST_SUMS, HAS_BANDS, IS_SUPPORTED,                 \
     convolve, pointwise, transform, winograd,     relayout,  average,   work_peak,    &framed_kernels,    \
     NULL}

#endif
