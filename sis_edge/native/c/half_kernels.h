/* The kernels in half precision (FEAT_FP16): maps between layers and weights are fp16, the two ends float32. So of all
 * layouts PLAIN alone has floats. Included by the file of each instruction set, which defines
 *
 *     MOST_ROWS     rows of a filter whose sums are in registers at once, 8 or 2
 *     MOST_FILTERS  filters of a 1 x 1 convolution for a tile at once, 12 or 2
 *
 * A sum in fp16 with u = 2^-11 is off by up to (terms) x u of the sum of its products' magnitudes (Higham, Accuracy and
 * Stability, 3.1), and one past 2048 loses whole terms of one. So at most 32 terms are summed in fp16, which keeps that
 * below 2^-6, and their sum is added to a float32 one: with rounding errors that are independent about six times what
 * rounding the result to fp16 costs. Bias and ReLU are float32 too. A result beyond 65504 becomes infinite.
 */
#ifndef SIS_HALF_KERNELS_H
#define SIS_HALF_KERNELS_H

#include <math.h>
#include <string.h>

#include "half.h"

#ifndef UNROLL
#ifdef __clang__
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 32")
#endif
#endif
#define INLINE static inline __attribute__((always_inline))

enum { LANES = 8, TILE = 2, MOST_TERMS = 32 };

typedef _Float16 half __attribute__((may_alias));
typedef _Float16 hvec __attribute__((vector_size(16), may_alias));
typedef _Float16 loose_hvec __attribute__((vector_size(16), aligned(2), may_alias));
typedef int16_t hmask __attribute__((vector_size(16), may_alias));
/* Never passed by value: it is wider than the registers of most processors. */
typedef float fvec __attribute__((vector_size(32), may_alias));
typedef int32_t fmask __attribute__((vector_size(32), may_alias));

INLINE hvec load(const half *p) { return *(const hvec *)p; }
INLINE hvec load_loose(const half *p) { return *(const loose_hvec *)p; }
INLINE void store(half *p, hvec v) { *(hvec *)p = v; }
INLINE void store_loose(half *p, hvec v) { *(loose_hvec *)p = v; }

/* GCC would make a float of the half in a product with a vector. */
INLINE hvec splat(half x) { return (hvec){x, x, x, x, x, x, x, x}; }

/* The maximum of each pair; `a` where either is NaN. */
INLINE hvec max(hvec a, hvec b) {
    hmask larger = b > a;
    return (hvec)((larger & (hmask)b) | (~larger & (hmask)a));
}

/* Adds the sum of a few terms to the filter's and begins the next. */
INLINE void flush(fvec *total, hvec *sum) {
    *total += __builtin_convertvector(*sum, fvec);
    *sum = (hvec){0};
}

/* To fp16; lanes below `lower` become it, NaN stays NaN. */
INLINE hvec narrowed(const fvec *total, float lower) {
    fvec bound = lower - (fvec){0};
    fmask below = *total < bound;
    fvec clamped = (fvec)((below & (fmask)bound) | (~below & (fmask)*total));
    return __builtin_convertvector(clamped, hvec);
}

/* Offset of vector `v` of channel `c` in TILES. */
INLINE size_t tile_offset(const struct sis_layout *layout, size_t v, size_t c) {
    return v / TILE * layout->stride + (c * TILE + v % TILE) * LANES;
}

/* Where finished rows of one filter go in TILES: from vector `v` on, one every `step` vectors, clamped to `lower`. */
struct sink {
    const struct sis_layout *layout;
    half *out;
    size_t channel, v, step;
    float lower;
};

INLINE void finish(const struct sink *sink, int row, const fvec *total) {
    size_t at = tile_offset(sink->layout, sink->v + (size_t)row * sink->step, sink->channel);
    store(sink->out + at, narrowed(total, sink->lower));
}

/* One kernel on R rows, as in kernels.h: its columns one after another, each row loaded once. */
INLINE void add_kernel(const int K, const int R, const half *column, size_t pitch, const half *weight, int above,
                       int below, hvec *sum) {
    UNROLL for (int dx = 0; dx < K; dx++, column++, weight += K) {
        hvec w[5];
        UNROLL for (int dy = 0; dy < K; dy++) w[dy] = splat(weight[dy]);
        if (above) {
            UNROLL for (int i = 0; i < K / 2; i++) {
                hvec x = load_loose(column + i * pitch);
                UNROLL for (int dy = 0; dy <= i; dy++) if (i - dy < R) sum[i - dy] += x * w[dy];
            }
        }
        UNROLL for (int i = K / 2; i < R + K / 2; i++) {
            hvec x = load_loose(column + i * pitch);
            UNROLL for (int dy = 0; dy < K; dy++) if (i - dy >= 0 && i - dy < R) sum[i - dy] += x * w[dy];
        }
        if (below) {
            UNROLL for (int i = R + K / 2; i < R + K - 1; i++) {
                hvec x = load_loose(column + i * pitch);
                UNROLL for (int dy = 0; dy < K; dy++) if (i - dy >= 0 && i - dy < R) sum[i - dy] += x * w[dy];
            }
        }
    }
}

/* Sums of R rows of one filter, one strip wide. `above` and `below` say whether anything but zeros is there. */
INLINE void wide_rows(const int K, const int R, const half *in, size_t pitch, const struct sis_filter *filter,
                      int above, int below, const struct sink *sink) {
    const uint32_t together = MOST_TERMS / (K * K);
    const half *weight = (const half *)filter->weight;
    fvec total[MOST_ROWS];
    hvec sum[MOST_ROWS];
    UNROLL for (int r = 0; r < R; r++) total[r] = filter->bias - (fvec){0};
    UNROLL for (int r = 0; r < R; r++) sum[r] = (hvec){0};
    for (uint32_t e = 0; e < filter->nnz;) {
        uint32_t end = filter->nnz - e < together ? filter->nnz : e + together;
        for (; e < end; e++, weight += K * K) add_kernel(K, R, in + filter->offset[e], pitch, weight, above, below, sum);
        UNROLL for (int r = 0; r < R; r++) flush(&total[r], &sum[r]);
    }
    UNROLL for (int r = 0; r < R; r++) finish(sink, r, &total[r]);
}

typedef void rows_function(const half *in, size_t pitch, const struct sis_filter *filter, int above, int below,
                           const struct sink *sink);

#define WIDE(K, R)                                                                                        \
    static void wide_##K##_##R(const half *in, size_t pitch, const struct sis_filter *filter, int above,  \
                               int below, const struct sink *sink) {                                      \
        if (above && below)                                                                               \
            wide_rows(K, R, in, pitch, filter, 1, 1, sink);                                               \
        else if (above)                                                                                   \
            wide_rows(K, R, in, pitch, filter, 1, 0, sink);                                               \
        else if (below)                                                                                   \
            wide_rows(K, R, in, pitch, filter, 0, 1, sink);                                               \
        else                                                                                              \
            wide_rows(K, R, in, pitch, filter, 0, 0, sink);                                               \
    }
WIDE(3, 2) WIDE(3, 1) WIDE(5, 2) WIDE(5, 1)
#if MOST_ROWS == 8
WIDE(3, 8) WIDE(3, 4) WIDE(5, 8) WIDE(5, 4)
#endif

/* Any other side of the kernel: right, not fast. A column has at most 31 terms. */
static void wide_any(uint32_t kernel, uint32_t rows, const half *in, size_t pitch, const struct sis_filter *filter,
                     const struct sink *sink) {
    for (uint32_t r = 0; r < rows; r++) {
        fvec total = filter->bias - (fvec){0};
        hvec sum = {0};
        const half *weight = (const half *)filter->weight;
        for (uint32_t e = 0; e < filter->nnz; e++)
            for (uint32_t dx = 0; dx < kernel; dx++, flush(&total, &sum))
                for (uint32_t dy = 0; dy < kernel; dy++)
                    sum += load_loose(in + filter->offset[e] + (r + dy) * pitch + dx) * splat(*weight++);
        finish(sink, (int)r, &total);
    }
}

/* The function for a kernel's side and the most rows of `left` that it takes; the rows come back in `rows`. */
static rows_function *rows_for(uint32_t kernel, uint32_t left, uint32_t *rows) {
#if MOST_ROWS == 8
    static rows_function *const known[2][4] = {{wide_3_8, wide_3_4, wide_3_2, wide_3_1},
                                               {wide_5_8, wide_5_4, wide_5_2, wide_5_1}};
#else
    static rows_function *const known[2][2] = {{wide_3_2, wide_3_1}, {wide_5_2, wide_5_1}};
#endif
    int size = 0;
    for (*rows = MOST_ROWS; *rows > left; *rows /= 2) size++;
    return kernel == 3 || kernel == 5 ? known[kernel / 2 - 1][size] : NULL;
}

static void convolve(const struct sis_convolution *work, const float *maps, float *results, size_t begin, size_t end) {
    const struct sis_layout *from = &work->from;
    const half *in = (const half *)maps;
    struct sink sink = {&work->to, (half *)results, begin, 0, from->strips, work->relu ? 0.0f : -INFINITY};
    for (size_t f = begin; f < end; sink.channel = ++f) {
        const struct sis_filter *filter = &work->filters[f];
        for (uint32_t y = 0, rows; y < from->height; y += rows) {
            rows_function *run = rows_for(work->kernel, from->height - y, &rows);
            for (uint32_t s = 0; s < from->strips; s++) {
                const half *corner = in + (size_t)y * from->pitch + s * LANES;
                sink.v = (size_t)y * from->strips + s;
                if (run)
                    run(corner, from->pitch, filter, y > 0, y + rows < from->height, &sink);
                else
                    wide_any(work->kernel, rows, corner, from->pitch, filter, &sink);
            }
        }
    }
}

/* N filters of a 1 x 1 convolution on one tile. */
INLINE void block_sums(const int N, const half *in, const struct sis_block *block, float lower, half *out) {
    const half *weight = (const half *)block->weight;
    fvec total[MOST_FILTERS * TILE];
    hvec sum[MOST_FILTERS * TILE];
    UNROLL for (int i = 0; i < N * TILE; i++) total[i] = block->bias[i / TILE] - (fvec){0};
    UNROLL for (int i = 0; i < N * TILE; i++) sum[i] = (hvec){0};
    for (uint32_t e = 0; e < block->inputs;) {
        uint32_t end = block->inputs - e < MOST_TERMS ? block->inputs : e + MOST_TERMS;
        for (; e < end; e++, weight += N) {
            const half *pixels = in + block->offset[e];
            hvec x[TILE];
            UNROLL for (int p = 0; p < TILE; p++) x[p] = load(pixels + p * LANES);
            UNROLL for (int i = 0; i < N * TILE; i++) sum[i] += x[i % TILE] * splat(weight[i / TILE]);
        }
        UNROLL for (int i = 0; i < N * TILE; i++) flush(&total[i], &sum[i]);
    }
    UNROLL for (int i = 0; i < N * TILE; i++) store(out + i * LANES, narrowed(&total[i], lower));
}

typedef void block_function(const half *in, const struct sis_block *block, float lower, half *out);

#define BLOCK(N)                                                                                           \
    static void block_##N(const half *in, const struct sis_block *block, float lower, half *out) {         \
        block_sums(N, in, block, lower, out);                                                              \
    }
BLOCK(1) BLOCK(2)
#if MOST_FILTERS == 12
BLOCK(3) BLOCK(4) BLOCK(5) BLOCK(6) BLOCK(7) BLOCK(8) BLOCK(9) BLOCK(10) BLOCK(11) BLOCK(12)
#endif

static void pointwise(const struct sis_pointwise *work, const float *maps, float *results, size_t begin, size_t end) {
    static block_function *const known[MOST_FILTERS + 1] = {
        NULL, block_1, block_2,
#if MOST_FILTERS == 12
        block_3, block_4, block_5, block_6, block_7, block_8, block_9, block_10, block_11, block_12,
#endif
    };
    const half *in = (const half *)maps;
    half *out = (half *)results;
    for (size_t item = begin; item < end; item++) {
        size_t tile = item / work->block_count;
        const struct sis_block *block = &work->blocks[item % work->block_count];
        known[block->filters](in + tile * work->from.stride, block, work->relu ? 0.0f : -INFINITY,
                              out + tile * work->to.stride + (size_t)block->first * TILE * LANES);
    }
}

#include "half_relayout.h"

#define SIS_HALF_TABLE(NAME, IS_SUPPORTED)                                                                     \
    {.name = NAME,           .lanes = LANES,           .tile = TILE,           .most_filters = MOST_FILTERS,   \
     .is_supported = IS_SUPPORTED, .convolve = convolve, .pointwise = pointwise, .relayout = relayout,         \
     .average = average,     .narrow = narrow}

#endif
