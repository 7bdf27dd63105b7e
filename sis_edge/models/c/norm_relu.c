#include <stdlib.h>
#include <string.h>

#include "norm_relu.h"
#include "pieces.h"

/* What is done to rows of one type of numbers; the maps and gradients are of it. */
typedef struct {
    size_t number; /* bytes */
    void (*moments)(const void *, const float *, size_t, size_t, float *, float *);
    void (*gradient_sums)(const void *, const void *, const float *, const float *, const float *, size_t, size_t,
                          float *, float *);
    void (*scale_relu)(const void *, const float *, const float *, size_t, size_t, void *);
    void (*scale_relu_back)(const void *, const void *, const float *, const float *, const float *, const float *,
                            size_t, size_t, void *);
    void (*scale_relu_back_in_place)(const void *, const float *, const float *, const float *, const float *, size_t,
                                     size_t, void *);
} Rows;

#define NUMBER float
#define NAME(what) what##_of_float
#define READ(number) (number)
#define WRITTEN(value) (value)
#include "norm_rows.h"

static inline float read_bfloat16(uint16_t number) {
    union {
        uint32_t bits;
        float value;
    } of = {(uint32_t)number << 16};
    return of.value;
}

/* The nearest one, of two equally near the even one. */
static inline uint16_t written_bfloat16(float value) {
    union {
        float value;
        uint32_t bits;
    } of = {value};
    return (uint16_t)((of.bits + 0x7fff + (of.bits >> 16 & 1)) >> 16);
}

#define NUMBER uint16_t
#define NAME(what) what##_of_bfloat16
#define READ(number) read_bfloat16(number)
#define WRITTEN(value) written_bfloat16(value)
#include "norm_rows.h"

typedef struct {
    const Rows *of;
    const void *x, *dy;
    const float *pivot, *scale, *shift, *slope, *offset;
    void *y;
    double *sums, *products; /* [PIECES, channels] */
    size_t rows, channels;
} Maps;

static const Rows *rows_of(size_t bytes) { return bytes == sizeof(float) ? &rows_of_float : &rows_of_bfloat16; }

static const void *from(const Maps *maps, const void *map, size_t row) {
    return (const char *)map + row * maps->channels * maps->of->number;
}

static size_t first_row(const Maps *maps, size_t piece) { return maps->rows * piece / PIECES; }

/* One piece's two sums over its rows: the moments, or the gradient's sums where there is one. */
static void sum_piece(void *user, size_t piece) {
    const Maps *maps = user;
    size_t channels = maps->channels, end = first_row(maps, piece + 1);
    float chunk[2 * channels];
    double *sums = maps->sums + piece * channels, *products = maps->products + piece * channels;
    for (size_t row = first_row(maps, piece); row < end; row += CHUNK) {
        size_t rows = end - row < CHUNK ? end - row : CHUNK;
        const void *x = from(maps, maps->x, row);
        memset(chunk, 0, sizeof chunk);
        if (maps->dy)
            maps->of->gradient_sums(x, from(maps, maps->dy, row), maps->pivot, maps->scale, maps->shift, rows, channels,
                                    chunk, chunk + channels);
        else
            maps->of->moments(x, maps->pivot, rows, channels, chunk, chunk + channels);
        for (size_t c = 0; c < channels; c++) {
            sums[c] += chunk[c];
            products[c] += chunk[channels + c];
        }
    }
}

static void sum_up(Maps *maps, double *sums, double *products) {
    size_t channels = maps->channels;
    double *pieces = calloc(2 * PIECES * channels, sizeof *pieces);
    if (!pieces) abort(); /* some kilobytes */
    maps->sums = pieces;
    maps->products = pieces + PIECES * channels;
    in_pieces(sum_piece, PIECES, maps);
    memset(sums, 0, channels * sizeof *sums);
    memset(products, 0, channels * sizeof *products);
    for (size_t piece = 0; piece < PIECES; piece++)
        for (size_t c = 0; c < channels; c++) {
            sums[c] += maps->sums[piece * channels + c];
            products[c] += maps->products[piece * channels + c];
        }
    free(pieces);
}

void gradient_sums_of(const float *restrict x, const float *restrict dy, const float *restrict pivot,
                      const float *restrict scale, const float *restrict shift, size_t rows, size_t channels,
                      float *restrict sum, float *restrict product) {
    gradient_sums_of_float(x, dy, pivot, scale, shift, rows, channels, sum, product);
}

void scale_relu_of(const float *restrict x, const float *restrict scale, const float *restrict shift, size_t rows,
                   size_t channels, float *restrict y) {
    scale_relu_of_float(x, scale, shift, rows, channels, y);
}

static void write_piece(void *user, size_t piece) {
    const Maps *maps = user;
    size_t row = first_row(maps, piece), rows = first_row(maps, piece + 1) - row, channels = maps->channels;
    const void *x = from(maps, maps->x, row);
    void *y = (void *)from(maps, maps->y, row);
    if (maps->dy == maps->y)
        maps->of->scale_relu_back_in_place(x, maps->scale, maps->shift, maps->slope, maps->offset, rows, channels, y);
    else if (maps->dy)
        maps->of->scale_relu_back(x, from(maps, maps->dy, row), maps->scale, maps->shift, maps->slope, maps->offset, rows,
                                  channels, y);
    else
        maps->of->scale_relu(x, maps->scale, maps->shift, rows, channels, y);
}

void sis_moments(const void *x, size_t number, const float *pivot, size_t rows, size_t channels, double *sums,
                 double *squares) {
    Maps maps = {.of = rows_of(number), .x = x, .pivot = pivot, .rows = rows, .channels = channels};
    sum_up(&maps, sums, squares);
}

void sis_scale_relu(const void *x, size_t number, const float *scale, const float *shift, size_t rows, size_t channels,
                    void *y) {
    Maps maps = {.of = rows_of(number), .x = x, .scale = scale, .shift = shift, .y = y, .rows = rows,
                 .channels = channels};
    in_pieces(write_piece, PIECES, &maps);
}

void sis_scale_relu_sums(const void *x, const void *dy, size_t number, const float *pivot, const float *scale,
                         const float *shift, size_t rows, size_t channels, double *sums, double *products) {
    Maps maps = {.of = rows_of(number), .x = x, .dy = dy, .pivot = pivot, .scale = scale, .shift = shift, .rows = rows,
                 .channels = channels};
    sum_up(&maps, sums, products);
}

void sis_scale_relu_back(const void *x, const void *dy, size_t number, const float *scale, const float *shift,
                         const float *slope, const float *offset, size_t rows, size_t channels, void *dx) {
    Maps maps = {.of = rows_of(number), .x = x, .dy = dy, .scale = scale, .shift = shift, .slope = slope,
                 .offset = offset, .y = dx, .rows = rows, .channels = channels};
    in_pieces(write_piece, PIECES, &maps);
}
