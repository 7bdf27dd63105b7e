/* The INT8 kernels, compiled once for each instruction set. The file that includes this one defines
 *
 *     LANES             lanes of 32 bits in a vector
 *     TILE              vectors in a tile, a power of two
 *     MOST_SUMS         rows of one filter at once, 8 or 16: what the registers hold
 *     EVENS, ODDS       the even and the odd lanes of two vectors, one after the other
 *     HALVES            the first half of each of two vectors, one after the other
 *     dot4(sum, x, w)   sum + the four products of bytes, in each lane
 *     round_floats(v)   to the nearest integers, ties to even; |v| is below 2^30
 *     pack(a, b, c, d, zero)   lanes to bytes of one quad each: with the zero point added, clamped to 0 to 127
 *
 * after "vectors.h" and the types below, which "int8_vectors.h" brings.
 */
#ifndef SIS_INT8_KERNELS_H
#define SIS_INT8_KERNELS_H

#include "int8.h"

enum { QUAD = 4 };

INLINE size_t round_up_to(size_t n, size_t to) { return (n + to - 1) / to * to; }

/* Where vector `v` of quad or channel `c` of `count` is in QUADS or SUMS. */
INLINE size_t tile_place(size_t count, size_t v, size_t c) {
    return ((v / TILE * count + c) * TILE + v % TILE) * LANES;
}

/* Sums as values that are not clamped yet. */
INLINE ivec scaled(ivec sum, float multiplier) {
    return round_floats(__builtin_convertvector(sum, vec) * splat(multiplier));
}

/* To the next row. The compiler must not see through it: it would compute all addresses ahead, load all rows before it
 * uses them, and keep both in memory for want of registers. */
INLINE const int32_t *next_row(const int32_t *row, size_t pitch) {
    row += pitch;
    __asm__ volatile("" : "+r"(row));
    return row;
}

/* One plane of one kernel: K rows of it on R rows of sums. */
INLINE void plane_rows(const int K, const int R, const int32_t *row, size_t pitch, const int32_t *weight, int above,
                       int below, ivec *sum) {
    ivec w[5];
    UNROLL for (int dy = 0; dy < K; dy++) w[dy] = splat_int(weight[dy]);
    if (!above) row += K / 2 * pitch;
    UNROLL for (int i = 0; i < R + K - 1; i++) {
        if ((i < K / 2 && !above) || (i >= R + K / 2 && !below)) continue;
        ivec x = load_ints(row);
        row = next_row(row, pitch);
        UNROLL for (int dy = 0; dy < K; dy++)
            if (i - dy >= 0 && i - dy < R) sum[i - dy] = dot4(sum[i - dy], x, w[dy]);
    }
}

/* Quads that every row of sums has one of: the column and the corner of 5 x 5. */
INLINE void single_rows(const int R, const int32_t *row, size_t pitch, int32_t weight, ivec *sum) {
    ivec w = splat_int(weight);
    UNROLL for (int r = 0; r < R; r++) {
        sum[r] = dot4(sum[r], load_ints(row), w);
        row = next_row(row, pitch);
    }
}

/* R rows of one filter, one strip wide, into `out`: sums in the last layer, else values that are not clamped yet. */
INLINE void filter_rows(const int K, const int R, const struct sis_int8_convolution *work,
                        const struct sis_int8_filter *filter, const int32_t *in, int above, int below, int32_t *out) {
    ivec sum[MOST_SUMS];
    size_t pitch = (size_t)work->to.strips * LANES;
    UNROLL for (int r = 0; r < R; r++) sum[r] = splat_int(filter->bias);
    const int32_t *weight = filter->weight;
    for (uint32_t e = 0; e < filter->nnz; e++) {
        const int32_t *rows = in + filter->offset[e];
        plane_rows(K, R, rows, pitch, weight, above, below, sum);
        weight += K;
        if (K == 5) single_rows(R, rows + work->plane, pitch, *weight++, sum);
    }
    if (K == 5)
        for (uint32_t c = 0; c < filter->corners; c++)
            single_rows(R, in + filter->corner_offset[c], pitch, filter->corner_weight[c], sum);
    if (work->is_last) {
        UNROLL for (int r = 0; r < R; r++) store_ints(out + r * LANES, sum[r]);
    } else {
        UNROLL for (int r = 0; r < R; r++) store_ints(out + r * LANES, scaled(sum[r], filter->multiplier));
    }
}

typedef void int8_rows(const struct sis_int8_convolution *work, const struct sis_int8_filter *filter,
                       const int32_t *in, int above, int below, int32_t *out);

/* Rows beyond the map are zeros, mostly, and need no products: many are saved where all rows of a map are computed at
 * once. The edges are constants in each of the four, since a branch within the loop costs the compiler its registers. */
#define ROWS(K, R, HAS_EDGES)                                                                                 \
    static void rows_##K##_##R(const struct sis_int8_convolution *work, const struct sis_int8_filter *filter, \
                               const int32_t *in, int above, int below, int32_t *out) {                       \
        if (!HAS_EDGES || (above && below))                                                                   \
            filter_rows(K, R, work, filter, in, 1, 1, out);                                                   \
        else if (above)                                                                                       \
            filter_rows(K, R, work, filter, in, 1, 0, out);                                                   \
        else if (below)                                                                                       \
            filter_rows(K, R, work, filter, in, 0, 1, out);                                                   \
        else                                                                                                  \
            filter_rows(K, R, work, filter, in, 0, 0, out);                                                   \
    }
#if MOST_SUMS == 16
#define ROWS_ALL(K) ROWS(K, 16, 1) ROWS(K, 8, 0) ROWS(K, 4, 0) ROWS(K, 2, 0) ROWS(K, 1, 0)
#elif MOST_SUMS == 8
#define ROWS_ALL(K) ROWS(K, 8, 1) ROWS(K, 4, 0) ROWS(K, 2, 0) ROWS(K, 1, 0)
#else
#error "kernels are made for 8 or 16 rows at once"
#endif
ROWS_ALL(3)
ROWS_ALL(5)

/* Any other side of the kernel: right, and not as fast. */
INLINE void any_rows(const int R, const struct sis_int8_convolution *work, const struct sis_int8_filter *filter,
                     const int32_t *in, int32_t *out) {
    ivec sum[MOST_SUMS];
    UNROLL for (int r = 0; r < R; r++) sum[r] = splat_int(filter->bias);
    const int32_t *weight = filter->weight;
    size_t pitch = (size_t)work->to.strips * LANES;
    for (uint32_t e = 0; e < filter->nnz; e++)
        for (uint32_t p = 0; p < work->planes; p++)
            for (uint32_t dy = 0; dy < work->kernel; dy++)
                single_rows(R, in + filter->offset[e] + p * work->plane + dy * pitch, pitch, *weight++, sum);
    UNROLL for (int r = 0; r < R; r++)
        store_ints(out + r * LANES, work->is_last ? sum[r] : scaled(sum[r], filter->multiplier));
}

#define ANY(R)                                                                                               \
    static void any_##R(const struct sis_int8_convolution *work, const struct sis_int8_filter *filter,       \
                        const int32_t *in, int above, int below, int32_t *out) {                             \
        (void)above;                                                                                         \
        (void)below;                                                                                         \
        any_rows(R, work, filter, in, out);                                                                  \
    }
ANY(8)
ANY(1)

/* The function for a kernel's side and the most rows of `left` that it takes; the rows come back in `rows`. */
static int8_rows *rows_for(uint32_t kernel, uint32_t left, uint32_t *rows) {
#if MOST_SUMS == 16
    static int8_rows *const known[2][5] = {{rows_3_16, rows_3_8, rows_3_4, rows_3_2, rows_3_1},
                                           {rows_5_16, rows_5_8, rows_5_4, rows_5_2, rows_5_1}};
#else
    static int8_rows *const known[2][4] = {{rows_3_8, rows_3_4, rows_3_2, rows_3_1},
                                           {rows_5_8, rows_5_4, rows_5_2, rows_5_1}};
#endif
    if (kernel > 5) {
        *rows = left >= 8 ? 8 : 1;
        return left >= 8 ? any_8 : any_1;
    }
    int size = 0;
    for (*rows = MOST_SUMS; *rows > left; *rows /= 2) size++;
    return known[kernel / 2 - 1][size];
}

/* Store what `rows` rows of four filters came to, vectors from `v` on. */
INLINE void store_filters(const struct sis_int8_convolution *work, const int32_t *result, uint32_t rows, size_t q,
                          size_t v, int32_t *out) {
    size_t filters = work->to.channels, quads = round_up_to(filters, QUAD) / QUAD, n_step = MOST_SUMS * LANES;
    for (uint32_t r = 0; r < rows; r++, v += work->to.strips, result += LANES) {
        if (work->is_last) {
            for (size_t n = 0; n < QUAD; n++)
                store_ints(out + tile_place(quads * QUAD, v, q * QUAD + n), load_ints(result + n * n_step));
            continue;
        }
        store_ints(out + tile_place(quads, v, q),
                   pack(load_ints(result), load_ints(result + n_step), load_ints(result + 2 * n_step),
                        load_ints(result + 3 * n_step), work->zero));
    }
}

static void convolve(const void *untyped, const float *untyped_in, float *out, size_t begin, size_t end) {
    const struct sis_int8_convolution *work = untyped;
    const struct sis_int8_map *map = &work->to;
    const int32_t *in = (const int32_t *)untyped_in;
    int32_t result[QUAD][MOST_SUMS * LANES] __attribute__((aligned(64)));
    memset(result, 0, sizeof result); /* for filters that fill up the last quad */
    for (size_t q = begin; q < end; q++)
        for (uint32_t y = 0, rows; y < map->band_rows; y += rows) {
            int8_rows *run = rows_for(work->kernel, map->band_rows - y, &rows);
            int above = work->has_frame || y > 0, below = work->has_frame || y + rows < map->band_rows;
            for (uint32_t s = 0; s < map->strips; s++) {
                size_t v = (size_t)y * map->strips + s;
                for (size_t n = 0; n < QUAD && q * QUAD + n < map->channels; n++)
                    run(work, &work->filters[q * QUAD + n], in + v * LANES, above, below, result[n]);
                store_filters(work, result[0], rows, q, v, (int32_t *)out);
            }
        }
}

static void pointwise(const void *untyped, const float *untyped_in, float *untyped_out, size_t begin, size_t end) {
    const struct sis_int8_pointwise *work = untyped;
    const int32_t *in = (const int32_t *)untyped_in;
    int32_t *out = (int32_t *)untyped_out;
    size_t inputs = round_up_to(work->from.channels, QUAD) / QUAD, blocks = work->block_count;
    for (size_t item = begin; item < end; item++) {
        size_t tile = item / blocks, at = item % blocks;
        const struct sis_int8_block *block = &work->blocks[at];
        const int32_t *pixels = in + tile * inputs * TILE * LANES, *weight = block->weight;
        ivec sum[QUAD][TILE];
        UNROLL for (int n = 0; n < QUAD; n++) UNROLL for (int p = 0; p < TILE; p++) sum[n][p] = splat_int(block->bias[n]);
        for (uint32_t e = 0; e < block->quads; e++, weight += QUAD) {
            ivec x[TILE];
            UNROLL for (int p = 0; p < TILE; p++) x[p] = load_ints(pixels + block->offset[e] + p * LANES);
            UNROLL for (int n = 0; n < QUAD; n++) {
                ivec w = splat_int(weight[n]);
                UNROLL for (int p = 0; p < TILE; p++) sum[n][p] = dot4(sum[n][p], x[p], w);
            }
        }
        int32_t *to = out + (tile * blocks + at) * (work->is_last ? QUAD : 1) * TILE * LANES;
        if (work->is_last) {
            UNROLL for (int n = 0; n < QUAD; n++) UNROLL for (int p = 0; p < TILE; p++)
                store_ints(to + (n * TILE + p) * LANES, sum[n][p]);
            continue;
        }
        const float *m = block->multiplier;
        UNROLL for (int p = 0; p < TILE; p++)
            store_ints(to + p * LANES, pack(scaled(sum[0][p], m[0]), scaled(sum[1][p], m[1]), scaled(sum[2][p], m[2]),
                                            scaled(sum[3][p], m[3]), work->zero));
    }
}

/* As work_peak() of kernels.h: the compiler must not know that a factor stays the same. */
static double work_peak(uint64_t rounds, int32_t *sink) {
    enum { CHAINS = 12 };
    ivec sum[CHAINS], x = splat_int(0x01020304), w = splat_int(0x01010101);
    UNROLL for (int i = 0; i < CHAINS; i++) sum[i] = splat_int(i);
    for (uint64_t round = 0; round < rounds; round++) {
        UNROLL for (int i = 0; i < CHAINS; i++) {
            OPAQUE(x);
            sum[i] = dot4(sum[i], x, w);
        }
    }
    ivec total = splat_int(0);
    UNROLL for (int i = 0; i < CHAINS; i++) {
        OPAQUE(sum[i]);
        total += sum[i];
    }
    *sink = total[0];
    return (double)QUAD * LANES * CHAINS * (double)rounds;
}

#include "int8_spread.h"

#define SIS_INT8_TABLE(NAME, IS_SUPPORTED) \
    {NAME, LANES, TILE, IS_SUPPORTED, quantise, spread, convolve, pointwise, finish, work_peak}

#endif
