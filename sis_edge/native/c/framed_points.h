/* 1 x 1 convolutions of FRAMED maps; included by framed.h. */
#ifndef SIS_FRAMED_POINTS_H
#define SIS_FRAMED_POINTS_H

enum { MOST_SUMS = MOST_FILTERS * TILE, MOST_POINTS = 8, MOST_BLOCK = 4 };

/* N filters of a 1 x 1 convolution on P vectors. Few sums are made of several each, which wait less for each other. */
INLINE void points_sums(const int N, const int P, const int SETS, const float *in, const struct sis_block *block,
                        const struct target *targets, uint32_t v) {
    vec sum[4][MOST_SUMS];
    UNROLL for (int k = 0; k < SETS; k++) UNROLL for (int i = 0; i < N * P; i++) sum[k][i] = (vec){0};
    UNROLL for (int n = 0; n < N; n++) UNROLL for (int p = 0; p < P; p++) sum[0][n * P + p] = splat(block->bias[n]);
    const float *weight = block->weight;
    uint32_t e = 0;
    for (; e + SETS <= block->inputs; e += SETS)
        UNROLL for (int k = 0; k < SETS; k++, weight += N) {
            const float *pixels = in + block->offset[e + (uint32_t)k];
            UNROLL for (int p = 0; p < P; p++) {
                vec x = load(pixels + p * LANES);
                UNROLL for (int n = 0; n < N; n++) sum[k][n * P + p] += x * weight[n];
            }
        }
    for (; e < block->inputs; e++, weight += N)
        UNROLL for (int p = 0; p < P; p++) {
            vec x = load(in + block->offset[e] + p * LANES);
            UNROLL for (int n = 0; n < N; n++) sum[0][n * P + p] += x * weight[n];
        }
    const struct sis_layout *to = targets->frame->to;
    uint32_t strips = to->strips, first_j = strips == 1 ? v : v / strips, first_s = strips == 1 ? 0 : v % strips;
    size_t at = (size_t)first_j * to->pitch + first_s * LANES;
    UNROLL for (int n = 0; n < N; n++) UNROLL for (int p = 0; p < P; p++) {
        vec total = sum[0][n * P + p];
        UNROLL for (int k = 1; k < SETS; k++) total += sum[k][n * P + p];
        uint32_t s = first_s + (uint32_t)p, j = first_j;
        if (strips == 1) {
            j += s;
            s = 0;
        } else {
            for (; s >= strips; s -= strips) j++;
        }
        put_at(&targets[n], at + (size_t)p * LANES, j, s, total);
    }
}

typedef void points_function(const float *in, const struct sis_block *block, const struct target *targets, uint32_t v);

#define POINTS(N, P, SETS)                                                                                     \
    static void points_##N##_##P(const float *in, const struct sis_block *block, const struct target *targets, \
                                 uint32_t v) {                                                                 \
        points_sums(N, P, SETS, in, block, targets, v);                                                        \
    }
POINTS(1, 8, 1) POINTS(1, 4, 1) POINTS(1, 3, 2) POINTS(1, 2, 4) POINTS(1, 1, 4)
POINTS(2, 4, 1) POINTS(2, 3, 1) POINTS(2, 2, 2) POINTS(2, 1, 4)
POINTS(4, 3, 1) POINTS(4, 2, 1) POINTS(4, 1, 2)
#if MOST_FILTERS == 12
POINTS(2, 8, 1) POINTS(4, 4, 1)
#else
#define points_2_8 NULL
#define points_4_4 NULL
#endif

static void framed_pointwise(const struct sis_framed *work, const float *in, const float *added, float *out,
                             size_t begin, size_t end) {
    static points_function *const known[3][5] = {{points_1_8, points_1_4, points_1_3, points_1_2, points_1_1},
                                                 {points_2_8, points_2_4, points_2_3, points_2_2, points_2_1},
                                                 {NULL, points_4_4, points_4_3, points_4_2, points_4_1}};
    static const uint32_t points[5] = {8, 4, 3, 2, 1};
    const struct sis_layout *from = &work->from;
    int padded = from->pitch != from->strips * LANES;
    uint32_t runs = padded ? from->band_rows : 1, vectors = padded ? from->strips : from->band_rows * from->strips;
    const float *first = in + (size_t)from->halo * from->pitch;
    struct frame frame;
    struct target targets[MOST_BLOCK];
    set_frame(&frame, work);
    for (uint32_t n = 0; n < MOST_BLOCK; n++) targets[n].frame = &frame;
    for (size_t b = begin; b < end; b++) {
        const struct sis_block *block = &work->blocks[b];
        points_function *const *sizes = known[block->filters / 2];
        for (uint32_t n = 0; n < block->filters; n++) aim(&targets[n], work, added, out, block->first + n);
        for (uint32_t run = 0; run < runs; run++)
            for (uint32_t v = 0, size = 0; v < vectors; v += points[size]) {
                while (points[size] > vectors - v || !sizes[size]) size++;
                sizes[size](first + (size_t)run * from->pitch + (size_t)v * LANES, block, targets,
                            run * from->strips + v);
            }
        for (uint32_t n = 0; n < block->filters; n++) fill_halo(&targets[n]);
    }
}

#endif
