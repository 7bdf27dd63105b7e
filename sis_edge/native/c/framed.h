/* Kernels of networks with branches: maps stay FRAMED from layer to layer, so that nothing is copied between; included
 * by kernels.h.
 *
 * Whole rows: of a 3 x 3 kernel each column has sums of its own over aligned vectors, which are shifted against each
 * other once, at the end. Where registers do not hold whole rows, or the kernel is another, each column is a load of its
 * own. A depthwise layer is a convolution whose filters have one kernel each.
 */
#ifndef SIS_FRAMED_H
#define SIS_FRAMED_H

/* What the results of all filters of a layer have in common. */
struct frame {
    const struct sis_layout *to;
    vec lower, upper;
    ivec columns;          /* which lanes of the last strip, or of each vector of bands, are within the map */
    ivec rows[LANES];      /* the same for rows, of each vector of bands from `whole` on */
    uint32_t whole, masks; /* whether any lane is beyond the map */
#if HAS_BANDS
    struct lane_shift up, down; /* by one band */
#endif
};

/* Where the result of one filter goes: the first row of its map, and of the map that is added, if any. */
struct target {
    const struct frame *frame;
    float *out;
    const float *added;
};

INLINE ivec lane_numbers(void) {
    ivec number;
    UNROLL for (int l = 0; l < LANES; l++) number[l] = l;
    return number;
}

static void set_frame(struct frame *frame, const struct sis_framed *work) {
    const struct sis_layout *to = frame->to = &work->to;
    int32_t side = LANES / to->bands, bands = (int32_t)to->bands, height = (int32_t)to->height;
    int32_t rows = (int32_t)to->band_rows, left = (int32_t)(to->width - (to->strips - 1) * LANES);
    int32_t whole = height - (bands - 1) * rows;
    frame->lower = splat(work->lower);
    frame->upper = splat(work->upper);
    frame->columns = (lane_numbers() & (side - 1)) < (ivec){0} + left;
    frame->whole = bands == 1 ? to->height : whole > 0 ? (uint32_t)whole : 0;
    frame->masks = left < side || frame->whole < to->band_rows;
    ivec first = (lane_numbers() >> __builtin_ctz((unsigned)side)) * rows;
    for (uint32_t j = frame->whole; j < to->band_rows; j++)
        frame->rows[j - frame->whole] = frame->columns & (first + (int32_t)j < (ivec){0} + height);
#if HAS_BANDS
    frame->up = lane_shift(-side, LANES);
    frame->down = lane_shift(side, LANES);
#endif
}

INLINE void aim(struct target *target, const struct sis_framed *work, const float *added, float *out, size_t channel) {
    size_t offset = channel * work->to.stride + (size_t)work->to.halo * work->to.pitch;
    target->out = out + offset;
    target->added = added && channel < work->added_channels ? added + offset : NULL;
}

INLINE vec clamp(const struct target *target, vec v) {
    v = clamp_min(target->frame->lower, v);
    return select_lanes(v > target->frame->upper, target->frame->upper, v);
}

/* Finish vector `j` of rows, strip `s`, which lies at `at`. */
INLINE void put_at(const struct target *target, size_t at, uint32_t j, uint32_t s, vec v) {
    const struct frame *frame = target->frame;
    if (target->added) v += load(target->added + at);
    v = clamp(target, v);
    if (frame->masks) {
        if (j >= frame->whole)
            v = (vec)((ivec)v & frame->rows[j - frame->whole]);
        else if (s + 1 == frame->to->strips)
            v = (vec)((ivec)v & frame->columns);
    }
    store(target->out + at, v);
}

INLINE void put(const struct target *target, uint32_t j, uint32_t s, vec v) {
    put_at(target, (size_t)j * target->frame->to->pitch + s * LANES, j, s, v);
}

/* The first pixel of row `y` of a channel. */
INLINE size_t row_offset(const struct sis_layout *layout, size_t channel, uint32_t y) {
    if (layout->format == SIS_PLAIN) return channel * layout->stride + (size_t)y * layout->width;
    uint32_t band = layout->bands > 1 ? y / layout->band_rows : 0, j = y - band * layout->band_rows;
    return channel * layout->stride + (size_t)(j + layout->halo) * layout->pitch + band * (LANES / layout->bands);
}

/* The same for row `y` of a map without bands: where the result has some, its row lies elsewhere. */
INLINE void put_row(const struct target *target, uint32_t y, uint32_t s, vec v) {
    const struct sis_layout *to = target->frame->to;
    if (to->bands == 1) {
        put(target, y, s, v);
        return;
    }
    size_t at = row_offset(to, 0, y) - (size_t)to->halo * to->pitch;
    vec other = {0};
    if (target->added) memcpy(&other, target->added + at, to->width * sizeof(float));
    v = clamp(target, v + other);
    memcpy(target->out + at, &v, to->width * sizeof(float));
}

/* The rows before and after each band, which are those of its neighbours. */
INLINE void fill_halo(const struct target *target) {
#if HAS_BANDS
    const struct sis_layout *to = target->frame->to;
    if (to->bands == 1) return;
    float *first = target->out, *end = first + to->band_rows * LANES;
    for (uint32_t h = 1; h <= to->halo; h++) {
        store(first - h * LANES, shift_lanes(load(end - h * LANES), &target->frame->up));
        store(end + (h - 1) * LANES, shift_lanes(load(first + (h - 1) * LANES), &target->frame->down));
    }
#else
    (void)target;
#endif
}

#if HAS_BANDS
#define LANES_UP(a, b) \
    ((vec)__builtin_shufflevector(a, b, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30))
#define LANES_DOWN(a, b) ((vec)__builtin_shufflevector(a, b, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16))

/* R rows of T strips of one 3 x 3 filter, every S-th row and column; `in` is the row above. Bands have T = S = 1. */
INLINE void whole_rows(const int S, const int T, const int R, const int BANDS, const float *in, size_t pitch,
                       const struct sis_filter *filter, const struct lane_shift *shift, const struct target *target,
                       uint32_t y) {
    vec sum[3][24];
    const vec zero = {0};
    UNROLL for (int dx = 0; dx < 3; dx++) UNROLL for (int v = 0; v < R * T; v++) sum[dx][v] = zero;
    UNROLL for (int v = 0; v < R * T; v++) sum[1][v] = splat(filter->bias);
    const float *weight = filter->weight;
    for (uint32_t e = 0; e < filter->nnz; e++, weight += 9) {
        const float *map = in + filter->offset[e];
        UNROLL for (int i = 0; i < (R - 1) * S + 3; i++) UNROLL for (int t = 0; t < T; t++) {
            vec x = load(map + i * pitch + t * LANES);
            UNROLL for (int dy = 0; dy < 3; dy++) UNROLL for (int dx = 0; dx < 3; dx++)
                if (i - dy >= 0 && (i - dy) % S == 0 && (i - dy) / S < R)
                    sum[dx][(i - dy) / S * T + t] += x * weight[dx * 3 + dy];
        }
    }
    UNROLL for (int r = 0; r < R; r++) {
        vec total[3];
        UNROLL for (int t = 0; t < T; t++) {
            const int v = r * T + t;
            vec left = BANDS ? shift_lanes(sum[0][v], &shift[0]) : LANES_UP(t ? sum[0][v - 1] : zero, sum[0][v]);
            vec right = BANDS ? shift_lanes(sum[2][v], &shift[1])
                              : LANES_DOWN(sum[2][v], t + 1 < T ? sum[2][v + 1] : zero);
            total[t] = sum[1][v] + left + right;
        }
        if (S == 1)
            UNROLL for (int t = 0; t < T; t++) put(target, y + (uint32_t)r, (uint32_t)t, total[t]);
        else
            UNROLL for (int t = 0; t < T; t += 2)
                put_row(target, y + (uint32_t)r, (uint32_t)t / 2, EVENS(total[t], t + 1 < T ? total[t + 1] : zero));
    }
}

typedef void whole_function(const float *in, size_t pitch, const struct sis_filter *filter,
                            const struct lane_shift *shift, const struct target *target, uint32_t y);

#define WHOLE(S, T, R, BANDS)                                                                                    \
    static void whole_##S##_##T##_##R##_##BANDS(const float *in, size_t pitch, const struct sis_filter *filter,  \
                                                const struct lane_shift *shift, const struct target *target,     \
                                                uint32_t y) {                                                    \
        whole_rows(S, T, R, BANDS, in, pitch, filter, shift, target, y);                                         \
    }
WHOLE(1, 1, 4, 1) WHOLE(1, 1, 3, 1) WHOLE(1, 1, 2, 1) WHOLE(1, 1, 1, 1)
WHOLE(1, 1, 8, 0) WHOLE(1, 1, 4, 0) WHOLE(1, 1, 2, 0) WHOLE(1, 1, 1, 0)
WHOLE(1, 2, 4, 0) WHOLE(1, 2, 2, 0) WHOLE(1, 2, 1, 0) WHOLE(1, 3, 2, 0) WHOLE(1, 3, 1, 0)
WHOLE(2, 1, 8, 0) WHOLE(2, 1, 4, 0) WHOLE(2, 1, 2, 0) WHOLE(2, 1, 1, 0)
WHOLE(2, 2, 4, 0) WHOLE(2, 2, 2, 0) WHOLE(2, 2, 1, 0) WHOLE(2, 3, 2, 0) WHOLE(2, 3, 1, 0)

/* The function that takes the most rows of `left`; they come back in `rows`. */
static whole_function *whole_for(uint32_t stride, uint32_t strips, int bands, uint32_t left, uint32_t *rows) {
    static whole_function *const banded[4] = {whole_1_1_1_1, whole_1_1_2_1, whole_1_1_3_1, whole_1_1_4_1};
    static whole_function *const known[2][3][4] = {
        {{whole_1_1_8_0, whole_1_1_4_0, whole_1_1_2_0, whole_1_1_1_0},
         {NULL, whole_1_2_4_0, whole_1_2_2_0, whole_1_2_1_0},
         {NULL, NULL, whole_1_3_2_0, whole_1_3_1_0}},
        {{whole_2_1_8_0, whole_2_1_4_0, whole_2_1_2_0, whole_2_1_1_0},
         {NULL, whole_2_2_4_0, whole_2_2_2_0, whole_2_2_1_0},
         {NULL, NULL, whole_2_3_2_0, whole_2_3_1_0}}};
    if (bands) return banded[(*rows = left < 4 ? left : 4) - 1];
    whole_function *const *sizes = known[stride - 1][strips - 1];
    int size = 0;
    for (*rows = 8; *rows > left || !sizes[size]; *rows /= 2) size++;
    return sizes[size];
}

/* R rows of T strips of one 3 x 3 filter with stride 2, from split maps; `in` is the row above. */
INLINE void split_rows(const int T, const int R, const float *in, size_t pitch, const struct sis_filter *filter,
                       const struct target *target, uint32_t y) {
    vec sum[2][24]; /* the column on the left, which is the odd one before, and the other two */
    const vec zero = {0};
    UNROLL for (int v = 0; v < R * T; v++) {
        sum[0][v] = zero;
        sum[1][v] = splat(filter->bias);
    }
    const float *weight = filter->weight;
    for (uint32_t e = 0; e < filter->nnz; e++, weight += 9) {
        const float *map = in + filter->offset[e];
        UNROLL for (int i = 0; i < 2 * R + 1; i++) UNROLL for (int t = 0; t < T; t++) {
            vec even = load(map + i * pitch + t * LANES), odd = load(map + i * pitch + (T + t) * LANES);
            UNROLL for (int dy = 0; dy < 3; dy++) if (i - dy >= 0 && (i - dy) % 2 == 0 && (i - dy) / 2 < R) {
                const int v = (i - dy) / 2 * T + t;
                sum[0][v] += odd * weight[dy];
                sum[1][v] += even * weight[3 + dy];
                sum[1][v] += odd * weight[6 + dy];
            }
        }
    }
    UNROLL for (int r = 0; r < R; r++) UNROLL for (int t = 0; t < T; t++) {
        const int v = r * T + t;
        put_row(target, y + (uint32_t)r, (uint32_t)t, sum[1][v] + LANES_UP(t ? sum[0][v - 1] : zero, sum[0][v]));
    }
}

typedef void split_function(const float *in, size_t pitch, const struct sis_filter *filter,
                            const struct target *target, uint32_t y);

#define SPLIT(T, R)                                                                               \
    static void split_##T##_##R(const float *in, size_t pitch, const struct sis_filter *filter,   \
                                const struct target *target, uint32_t y) {                        \
        split_rows(T, R, in, pitch, filter, target, y);                                           \
    }
#define SPLIT_ALL(T) SPLIT(T, 4) SPLIT(T, 2) SPLIT(T, 1)
SPLIT_ALL(1) SPLIT_ALL(2) SPLIT_ALL(3)

static void convolve_split(const struct sis_framed *work, const float *in, const float *added, float *out,
                           size_t begin, size_t end) {
    static split_function *const known[3][3] = {
        {split_1_4, split_1_2, split_1_1}, {split_2_4, split_2_2, split_2_1}, {split_3_4, split_3_2, split_3_1}};
    const struct sis_layout *from = &work->from;
    struct frame frame;
    struct target target = {.frame = &frame};
    set_frame(&frame, work);
    for (size_t f = begin; f < end; f++) {
        aim(&target, work, added, out, f);
        for (uint32_t y = 0, rows, height = (from->height + 1) / 2; y < height; y += rows) {
            int size = 0;
            for (rows = 4; rows > height - y; rows /= 2) size++;
            known[from->strips - 1][size](in + (size_t)y * 2 * from->pitch, from->pitch, &work->filters[f], &target, y);
        }
        fill_halo(&target);
    }
}

static int convolve_whole(const struct sis_framed *work, const float *in, const float *added, float *out, size_t begin,
                          size_t end) {
    const struct sis_layout *from = &work->from;
    if (from->split) {
        convolve_split(work, in, added, out, begin, end);
        return 1;
    }
    if (!sis_takes_whole_rows(from, work->kernel)) return 0;
    uint32_t rows, height = from->bands > 1 ? from->band_rows : (from->height - 1) / work->stride + 1;
    int side = (int)(LANES / from->bands);
    struct lane_shift shift[2] = {lane_shift(-1, side), lane_shift(1, side)};
    const float *above = in + (size_t)(from->halo - 1) * from->pitch;
    struct frame frame;
    struct target target = {.frame = &frame};
    set_frame(&frame, work);
    for (size_t f = begin; f < end; f++) {
        aim(&target, work, added, out, f);
        for (uint32_t y = 0; y < height; y += rows)
            whole_for(work->stride, from->strips, from->bands > 1, height - y, &rows)(
                above + (size_t)y * work->stride * from->pitch, from->pitch, &work->filters[f], shift, &target, y);
        fill_halo(&target);
    }
    return 1;
}
#endif

/* R rows of one strip of a K x K filter, every S-th row and column; `in` is the window's first row and column. */
INLINE void loose_rows(const int K, const int S, const int R, const float *in, size_t pitch,
                       const struct sis_filter *filter, const struct target *target, uint32_t y, uint32_t s) {
    vec sum[8];
    UNROLL for (int r = 0; r < R; r++) sum[r] = splat(filter->bias);
    const float *weight = filter->weight;
    for (uint32_t e = 0; e < filter->nnz; e++) {
        const float *column = in + filter->offset[e];
        for (int dx = 0; dx < K; dx++, column++, weight += K) {
            vec w[K];
            UNROLL for (int dy = 0; dy < K; dy++) w[dy] = splat(weight[dy]);
            UNROLL for (int i = 0; i < (R - 1) * S + K; i++) {
                vec x = load_loose(column + i * pitch);
                if (S == 2) x = EVENS(x, load_loose(column + i * pitch + LANES));
                UNROLL for (int dy = 0; dy < K; dy++)
                    if (i - dy >= 0 && (i - dy) % S == 0 && (i - dy) / S < R) sum[(i - dy) / S] += x * w[dy];
            }
        }
    }
    UNROLL for (int r = 0; r < R; r++) put_row(target, y + (uint32_t)r, s, sum[r]);
}

typedef void loose_function(const float *in, size_t pitch, const struct sis_filter *filter,
                            const struct target *target, uint32_t y, uint32_t s);

#define LOOSE(K, S, R)                                                                                         \
    static void loose_##K##_##S##_##R(const float *in, size_t pitch, const struct sis_filter *filter,          \
                                      const struct target *target, uint32_t y, uint32_t s) {                   \
        loose_rows(K, S, R, in, pitch, filter, target, y, s);                                                  \
    }
#define LOOSE_ALL(K, S) LOOSE(K, S, 8) LOOSE(K, S, 4) LOOSE(K, S, 2) LOOSE(K, S, 1)
LOOSE_ALL(3, 1) LOOSE_ALL(3, 2) LOOSE_ALL(5, 1) LOOSE_ALL(5, 2)

/* Any other side of the kernel: right, not fast. */
static void loose_any(const struct sis_framed *work, const float *in, const struct sis_filter *filter,
                      const struct target *target, uint32_t y, uint32_t s) {
    vec sum = splat(filter->bias);
    const float *weight = filter->weight;
    for (uint32_t e = 0; e < filter->nnz; e++)
        for (uint32_t dx = 0; dx < work->kernel; dx++)
            for (uint32_t dy = 0; dy < work->kernel; dy++) {
                const float *pixels = in + filter->offset[e] + (size_t)dy * work->from.pitch + dx;
                vec x = load_loose(pixels);
                if (work->stride == 2) x = EVENS(x, load_loose(pixels + LANES));
                sum += x * *weight++;
            }
    put_row(target, y, s, sum);
}

static void framed_convolve(const struct sis_framed *work, const float *in, const float *added, float *out,
                            size_t begin, size_t end) {
    static loose_function *const known[2][2][4] = {{{loose_3_1_8, loose_3_1_4, loose_3_1_2, loose_3_1_1},
                                                    {loose_3_2_8, loose_3_2_4, loose_3_2_2, loose_3_2_1}},
                                                   {{loose_5_1_8, loose_5_1_4, loose_5_1_2, loose_5_1_1},
                                                    {loose_5_2_8, loose_5_2_4, loose_5_2_2, loose_5_2_1}}};
#if HAS_BANDS
    if (convolve_whole(work, in, added, out, begin, end)) return;
#endif
    const struct sis_layout *from = &work->from;
    uint32_t height = (from->height - 1) / work->stride + 1, width = (from->width - 1) / work->stride + 1;
    uint32_t half = work->kernel / 2, rows, is_named = work->kernel == 3 || work->kernel == 5;
    const float *first = in + (size_t)(from->halo - half) * from->pitch - half;
    struct frame frame;
    struct target target = {.frame = &frame};
    set_frame(&frame, work);
    for (size_t f = begin; f < end; f++) {
        aim(&target, work, added, out, f);
        for (uint32_t y = 0; y < height; y += rows) {
            int size = 0;
            for (rows = is_named ? 8 : 1; rows > height - y; rows /= 2) size++;
            for (uint32_t s = 0; s * LANES < width; s++) {
                const float *corner = first + (size_t)y * work->stride * from->pitch + s * LANES * work->stride;
                if (!is_named)
                    loose_any(work, corner, &work->filters[f], &target, y, s);
                else
                    known[work->kernel / 2 - 1][work->stride - 1][size](corner, from->pitch, &work->filters[f], &target,
                                                                        y, s);
            }
        }
        fill_halo(&target);
    }
}

#include "framed_copy.h"
#include "framed_points.h"

static const struct sis_framed_kernels framed_kernels = {framed_convolve, framed_pointwise, framed_copy, framed_pool,
                                                         framed_average};

#endif
