/* The three parts of Winograd's algorithm (winograd.h), included by kernels.h.
 *
 * The transform of maps along rows is done on vectors of neighbouring pixels, that along columns on quads, which the
 * transposition of four rows gives; the way back does the same in reverse. So no pixel is moved by itself.
 */
#ifndef SIS_WINOGRAD_KERNELS_H
#define SIS_WINOGRAD_KERNELS_H

#include "winograd.h"

/* Sums that stay in registers, beside what they are made of. */
#if MOST_FILTERS == 12
#define MOST_SUMS 24
#else
#define MOST_SUMS 12
#endif

enum { MOST_QUADS = 16, MOST_VECTORS = 4, AHEAD = 768 };

/* Indices of a shuffle that does the same in every quad; those of the second operand count from LANES. */
#if LANES == 16
#define QUADS(a, b, c, d) \
    a, b, c, d, a + 4, b + 4, c + 4, d + 4, a + 8, b + 8, c + 8, d + 8, a + 12, b + 12, c + 12, d + 12
#define REPEATED 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3
#elif LANES == 8
#define QUADS(a, b, c, d) a, b, c, d, a + 4, b + 4, c + 4, d + 4
#define REPEATED 0, 1, 2, 3, 0, 1, 2, 3
#else
#define QUADS(a, b, c, d) a, b, c, d
#define REPEATED 0, 1, 2, 3
#endif

typedef float quad __attribute__((vector_size(16), may_alias));

INLINE vec repeat_quad(const float *p) {
    quad four = *(const quad *)p;
    return __builtin_shufflevector(four, four, REPEATED);
}

/* Four vectors whose quads are the columns of 4 x 4 floats to those whose quads are the rows. */
INLINE void transpose(const vec from[4], vec to[4]) {
    vec a = __builtin_shufflevector(from[0], from[1], QUADS(0, LANES, 1, LANES + 1));
    vec b = __builtin_shufflevector(from[2], from[3], QUADS(0, LANES, 1, LANES + 1));
    vec c = __builtin_shufflevector(from[0], from[1], QUADS(2, LANES + 2, 3, LANES + 3));
    vec d = __builtin_shufflevector(from[2], from[3], QUADS(2, LANES + 2, 3, LANES + 3));
    to[0] = __builtin_shufflevector(a, b, QUADS(0, 1, LANES, LANES + 1));
    to[1] = __builtin_shufflevector(a, b, QUADS(2, 3, LANES + 2, LANES + 3));
    to[2] = __builtin_shufflevector(c, d, QUADS(0, 1, LANES, LANES + 1));
    to[3] = __builtin_shufflevector(c, d, QUADS(2, 3, LANES + 2, LANES + 3));
}

/* Pixels to positions. The sums and differences of even and odd pixels serve two points of opposite sign. */
INLINE void to_positions(const int N, const vec d[8], vec to[8]) {
    if (N == 8) {
        vec even, odd;
        to[0] = (d[6] - d[0]) + (d[2] - d[4]) * 5.25f;
        to[7] = (d[7] - d[1]) + (d[3] - d[5]) * 5.25f;
        even = (d[2] + d[6]) - d[4] * 4.25f;
        odd = (d[1] + d[5]) - d[3] * 4.25f;
        to[1] = even + odd;
        to[2] = even - odd;
        even = d[6] + d[2] * 0.25f - d[4] * 1.25f;
        odd = d[5] * 2.0f + d[1] * 0.5f - d[3] * 2.5f;
        to[3] = even + odd;
        to[4] = even - odd;
        even = d[6] + d[2] * 4.0f - d[4] * 5.0f;
        odd = d[1] * 2.0f + d[5] * 0.5f - d[3] * 2.5f;
        to[5] = even + odd;
        to[6] = even - odd;
    } else if (N == 6) {
        vec even = d[4] - d[2] * 4.0f, odd = d[3] - d[1] * 4.0f;
        to[0] = d[4] + d[0] * 4.0f - d[2] * 5.0f;
        to[1] = even + odd;
        to[2] = even - odd;
        even = d[4] - d[2];
        odd = (d[3] - d[1]) * 2.0f;
        to[3] = even + odd;
        to[4] = even - odd;
        to[5] = d[5] + d[1] * 4.0f - d[3] * 5.0f;
    } else {
        to[0] = d[2] - d[0];
        to[1] = d[2] + d[1];
        to[2] = d[2] - d[1];
        to[3] = d[3] - d[1];
    }
}

/* Positions back to N - K + 1 pixels. */
INLINE void to_pixels(const int N, const vec p[8], vec to[4]) {
    vec even = p[1] + p[2], odd = p[1] - p[2];
    if (N == 4) {
        to[0] = p[0] + even;
        to[1] = p[3] + odd;
        return;
    }
    vec even2 = p[3] + p[4], odd2 = p[3] - p[4];
    to[0] = (p[0] + even) + even2;
    to[1] = odd + odd2 * 2.0f;
    to[2] = even + even2 * 4.0f;
    to[3] = (p[N - 1] + odd) + odd2 * 8.0f;
    if (N == 8) {
        vec even3 = p[5] + p[6], odd3 = p[5] - p[6];
        to[0] += even3;
        to[1] += odd3 * 0.5f;
        to[2] += even3 * 0.25f;
        to[3] += odd3 * 0.125f;
    }
}

/* A vector of pixels: of one row, or side by side of `bands` rows that are `step` floats apart. */
INLINE vec load_bands(const float *row, const int bands, size_t step) {
    if (bands == 1) return load_loose(row);
    float lanes[LANES] __attribute__((aligned(64)));
    UNROLL for (int band = 0; band < bands; band++)
        memcpy(lanes + band * (LANES / bands), row + (size_t)band * step, sizeof(float) * LANES / (size_t)bands);
    return load(lanes);
}

/* The quads of a vector of tiles, whose first pixel is `in`, to their places in `out`. */
INLINE void transform_vector(const int K, const int bands, const struct sis_layout *from, const float *in, float *out,
                             const size_t *place) {
    enum { HALVES = 2 };
    const int high = K == 5 ? 8 : 4, wide = K + 3, halves = high / 4;
    size_t step = (size_t)from->band_rows * from->pitch;
    vec columns[HALVES][8];
    UNROLL for (int side = 0; side < 2; side++) {
        vec d[8], rows[8], turned[4];
        UNROLL for (int y = 0; y < high; y++) d[y] = load_bands(in + (size_t)y * from->pitch + 4 * side, bands, step);
        to_positions(high, d, rows);
        UNROLL for (int half = 0; half < halves; half++) {
            transpose(rows + 4 * half, turned);
            UNROLL for (int x = 0; x < 4; x++) columns[half][4 * side + x] = turned[x];
        }
    }
    UNROLL for (int half = 0; half < halves; half++) {
        vec positions[8];
        to_positions(wide, columns[half], positions);
        UNROLL for (int x = 0; x < wide; x++) store(out + place[half * wide + x], positions[x]);
    }
}

INLINE void transform_maps(const int K, const int bands, const struct sis_winograd *work, const float *in, float *out,
                           size_t begin, size_t end) {
    const struct sis_layout *from = &work->from;
    size_t place[MOST_QUADS];
    for (uint32_t q = 0; q < (K == 5 ? 16 : 6); q++)
        place[q] = q / work->together * work->group_stride + (size_t)(q % work->together * work->chunk) * LANES;
    for (size_t c = begin; c < end; c++) {
        float *maps = out + c * work->together * work->chunk * LANES;
        for (uint32_t v = 0; v < work->vectors; v++) {
            const float *corner = in + c * from->stride +
                                  (size_t)(v / from->strips) * sis_tile_rows(K) * from->pitch +
                                  (size_t)(v % from->strips) * LANES;
            transform_vector(K, bands, from, corner,
                             maps + v / work->chunk * work->chunk_stride + (size_t)(v % work->chunk) * LANES, place);
        }
    }
}

static void transform(const struct sis_winograd *work, const float *in, float *out, size_t begin, size_t end) {
    int wide = work->kernel == 5;
    switch (work->from.bands) {
        case 1:
            if (wide) transform_maps(5, 1, work, in, out, begin, end);
            else transform_maps(3, 1, work, in, out, begin, end);
            return;
#if HAS_BANDS
        case 2:
            if (wide) transform_maps(5, 2, work, in, out, begin, end);
            else transform_maps(3, 2, work, in, out, begin, end);
            return;
        default:
            if (wide) transform_maps(5, 4, work, in, out, begin, end);
            else transform_maps(3, 4, work, in, out, begin, end);
#endif
    }
}

/* Where the sums of one block go: `filter` floats from one filter to the next, `quad` from one quad to the next. */
struct sums {
    float *at;
    size_t filter, quad;
};

/* Products of the block's N filters on V vectors of each of Q quads; `step` floats from an input's quad to its next. */
INLINE void multiply(const int N, const int Q, const int V, const float *maps, size_t step,
                     const struct sis_tile_block *block, const float *weight, const struct sums *sums) {
    vec sum[MOST_SUMS];
    UNROLL for (int i = 0; i < N * Q * V; i++) sum[i] = (vec){0};
    for (uint32_t e = 0; e < block->inputs; e++, weight += 4 * N * Q) {
        const float *input = maps + block->offset[e];
        __builtin_prefetch(weight + AHEAD); /* a pack's weights are read in order, and once */
        UNROLL for (int q = 0; q < Q; q++, input += step) {
            vec x[MOST_VECTORS];
            UNROLL for (int v = 0; v < V; v++) x[v] = load(input + v * LANES);
            UNROLL for (int n = 0; n < N; n++) {
                vec w = repeat_quad(weight + 4 * (n * Q + q));
                UNROLL for (int v = 0; v < V; v++) sum[(n * Q + q) * V + v] += x[v] * w;
            }
        }
    }
    UNROLL for (int n = 0; n < N; n++) UNROLL for (int q = 0; q < Q; q++) UNROLL for (int v = 0; v < V; v++)
        store(sums->at + n * sums->filter + q * sums->quad + v * LANES, sum[(n * Q + q) * V + v]);
}

typedef void multiply_function(const float *maps, size_t step, const struct sis_tile_block *block, const float *weight,
                               const struct sums *sums);

#define MULTIPLY(N, Q, V)                                                                                    \
    static void multiply_##N##_##Q##_##V(const float *maps, size_t step, const struct sis_tile_block *block, \
                                         const float *weight, const struct sums *sums) {                     \
        multiply(N, Q, V, maps, step, block, weight, sums);                                                  \
    }
#define UP_TO_4(N) \
    MULTIPLY(N, 1, 1) MULTIPLY(N, 1, 2) MULTIPLY(N, 1, 4) MULTIPLY(N, 2, 1) MULTIPLY(N, 2, 2) MULTIPLY(N, 4, 1)
#define UP_TO_8(N) UP_TO_4(N) MULTIPLY(N, 2, 4) MULTIPLY(N, 4, 2)
UP_TO_8(1)
#if MOST_SUMS == 24
MULTIPLY(1, 4, 4) UP_TO_8(2) UP_TO_8(3) UP_TO_4(4) UP_TO_4(5) UP_TO_4(6)
#else
UP_TO_4(2) UP_TO_4(3)
#endif

/* By filters, quads (1, 2, 4) and vectors (1, 2, 4). */
#define OF_4(N)                                                      \
    {{multiply_##N##_1_1, multiply_##N##_1_2, multiply_##N##_1_4}, \
     {multiply_##N##_2_1, multiply_##N##_2_2, NULL},               \
     {multiply_##N##_4_1, NULL, NULL}}
#define OF_8(N, LAST)                                                \
    {{multiply_##N##_1_1, multiply_##N##_1_2, multiply_##N##_1_4}, \
     {multiply_##N##_2_1, multiply_##N##_2_2, multiply_##N##_2_4}, \
     {multiply_##N##_4_1, multiply_##N##_4_2, LAST}}
static multiply_function *const multiply_known[SIS_MOST_WINOGRAD][3][3] = {
#if MOST_SUMS == 24
    OF_8(1, multiply_1_4_4), OF_8(2, NULL), OF_8(3, NULL), OF_4(4), OF_4(5), OF_4(6),
#else
    OF_8(1, NULL), OF_4(2), OF_4(3),
#endif
};

/* One block on one group of quads and one chunk of `vectors` vectors. */
static void multiply_block(const struct sis_winograd *work, const float *maps, const struct sis_tile_block *block,
                           const float *weight, struct sums sums, uint32_t vectors) {
    multiply_function *const *run = multiply_known[block->filters - 1][work->together / 2];
    size_t step = (size_t)work->chunk * LANES;
    for (uint32_t left = vectors, taken; left; left -= taken, maps += taken * LANES, sums.at += taken * LANES) {
        taken = left >= 4 ? 4 : left >= 2 ? 2 : 1;
        run[taken / 2](maps, step, block, weight, &sums);
    }
}

/* One filter's sums of one vector of tiles back to rows of pixels. */
INLINE void restore_vector(const int K, const struct sis_winograd *work, const float *sums, size_t quad_step,
                           size_t filter, uint32_t v, vec bias, vec lower, float *out) {
    const int high = K == 5 ? 8 : 4, wide = K + 3, halves = high / 4;
    const struct sis_layout *to = &work->to;
    vec rows[8], pixels[4];
    UNROLL for (int half = 0; half < halves; half++) {
        vec positions[8], columns[4];
        UNROLL for (int x = 0; x < wide; x++) positions[x] = load(sums + (size_t)(half * wide + x) * quad_step);
        to_pixels(wide, positions, columns);
        transpose(columns, rows + 4 * half);
    }
    to_pixels(high, rows, pixels);
    uint32_t first = v / to->strips * sis_tile_rows(K);
    UNROLL for (int y = 0; y < high - K + 1; y++)
        if (first + (uint32_t)y < to->band_rows)
            store(out + tile_offset(to, (size_t)(first + (uint32_t)y) * to->strips + v % to->strips, filter),
                  clamp_min(lower, pixels[y] + bias));
}

static void restore(const struct sis_winograd *work, const float *sums, size_t quad_step, size_t filter, float bias,
                    uint32_t first, uint32_t vectors, float *out) {
    vec biases = splat(bias), lower = lower_bound(work->relu);
    for (uint32_t v = 0; v < vectors; v++, sums += LANES)
        if (work->kernel == 5)
            restore_vector(5, work, sums, quad_step, filter, first + v, biases, lower, out);
        else
            restore_vector(3, work, sums, quad_step, filter, first + v, biases, lower, out);
}

static void winograd(const struct sis_winograd *work, const float *in, float *out, size_t begin, size_t end) {
    float memory[SIS_PACK_FLOATS + MOST_QUADS * LANES] __attribute__((aligned(64)));
    size_t each = (size_t)work->chunk * LANES, last;
    for (size_t b = begin; b < end; b = last) {
        size_t filters = 0;
        for (last = b; last < end && work->blocks[last].pack == work->blocks[b].pack; last++)
            filters += work->blocks[last].filters;
        struct sums sums = {memory, each, filters * each + LANES}; /* no power of two, as in winograd.c */
        for (uint32_t chunk = 0, first = 0; chunk < work->chunks; chunk++, first += work->chunk) {
            uint32_t left = work->vectors - first, vectors = left < work->chunk ? left : work->chunk;
            const float *maps = in + chunk * work->chunk_stride;
            for (uint32_t g = 0; g < work->groups; g++, maps += work->group_stride) {
                sums.at = memory + g * work->together * sums.quad;
                for (size_t i = b; i < last; i++) {
                    const struct sis_tile_block *block = &work->blocks[i];
                    multiply_block(work, maps, block, block->weight + g * block->stride, sums, vectors);
                    sums.at += block->filters * each;
                }
            }
            const float *done = memory;
            for (size_t i = b; i < last; i++)
                for (uint32_t n = 0; n < work->blocks[i].filters; n++, done += each)
                    restore(work, done, sums.quad, work->blocks[i].first + n, work->blocks[i].bias[n], first, vectors,
                            out);
        }
    }
}

#endif
