#include <stdlib.h>
#include <string.h>

#include "norm_relu.h"
#include "pieces.h"

typedef struct {
    const float *x, *dy, *pivot, *scale, *shift, *slope, *offset;
    float *y;
    double *sums, *products; /* [PIECES, channels] */
    size_t rows, channels;
} Maps;

static size_t first_row(const Maps *maps, size_t piece) { return maps->rows * piece / PIECES; }

static void moments_of(const float *restrict x, const float *restrict pivot, size_t rows, size_t channels,
                       float *restrict sum, float *restrict square) {
    for (size_t row = 0; row < rows; row++, x += channels)
        for (size_t c = 0; c < channels; c++) {
            float from_pivot = x[c] - pivot[c];
            sum[c] += from_pivot;
            square[c] += from_pivot * from_pivot;
        }
}

void gradient_sums_of(const float *restrict x, const float *restrict dy, const float *restrict pivot,
                      const float *restrict scale, const float *restrict shift, size_t rows, size_t channels,
                      float *restrict sum, float *restrict product) {
    for (size_t row = 0; row < rows; row++, x += channels, dy += channels)
        for (size_t c = 0; c < channels; c++) {
            float g = x[c] * scale[c] + shift[c] > 0 ? dy[c] : 0;
            sum[c] += g;
            product[c] += g * (x[c] - pivot[c]);
        }
}

/* One piece's two sums over its rows: the moments, or the gradient's sums where there is one. */
static void sum_piece(void *user, size_t piece) {
    const Maps *maps = user;
    size_t channels = maps->channels, end = first_row(maps, piece + 1);
    float chunk[2 * channels];
    double *sums = maps->sums + piece * channels, *products = maps->products + piece * channels;
    for (size_t row = first_row(maps, piece); row < end; row += CHUNK) {
        size_t rows = end - row < CHUNK ? end - row : CHUNK, at = row * channels;
        memset(chunk, 0, sizeof chunk);
        if (maps->dy)
            gradient_sums_of(maps->x + at, maps->dy + at, maps->pivot, maps->scale, maps->shift, rows, channels,
                             chunk, chunk + channels);
        else
            moments_of(maps->x + at, maps->pivot, rows, channels, chunk, chunk + channels);
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

void scale_relu_of(const float *restrict x, const float *restrict scale, const float *restrict shift, size_t rows,
                   size_t channels, float *restrict y) {
    for (size_t row = 0; row < rows; row++, x += channels, y += channels)
        for (size_t c = 0; c < channels; c++) {
            float value = x[c] * scale[c] + shift[c];
            y[c] = value > 0 ? value : 0;
        }
}

static void scale_relu_back_of(const float *restrict x, const float *restrict dy, const float *restrict scale,
                               const float *restrict shift, const float *restrict slope, const float *restrict offset,
                               size_t rows, size_t channels, float *restrict dx) {
    for (size_t row = 0; row < rows; row++, x += channels, dy += channels, dx += channels)
        for (size_t c = 0; c < channels; c++) {
            float g = x[c] * scale[c] + shift[c] > 0 ? dy[c] : 0;
            dx[c] = scale[c] * g + slope[c] * x[c] + offset[c];
        }
}

/* The same of a gradient that lies in dx already. */
static void scale_relu_back_in_place(const float *restrict x, const float *restrict scale, const float *restrict shift,
                                     const float *restrict slope, const float *restrict offset, size_t rows,
                                     size_t channels, float *restrict dx) {
    for (size_t row = 0; row < rows; row++, x += channels, dx += channels)
        for (size_t c = 0; c < channels; c++) {
            float g = x[c] * scale[c] + shift[c] > 0 ? dx[c] : 0;
            dx[c] = scale[c] * g + slope[c] * x[c] + offset[c];
        }
}

static void write_piece(void *user, size_t piece) {
    const Maps *maps = user;
    size_t row = first_row(maps, piece), rows = first_row(maps, piece + 1) - row, at = row * maps->channels;
    if (maps->dy == maps->y)
        scale_relu_back_in_place(maps->x + at, maps->scale, maps->shift, maps->slope, maps->offset, rows, maps->channels,
                                 maps->y + at);
    else if (maps->dy)
        scale_relu_back_of(maps->x + at, maps->dy + at, maps->scale, maps->shift, maps->slope, maps->offset, rows,
                           maps->channels, maps->y + at);
    else
        scale_relu_of(maps->x + at, maps->scale, maps->shift, rows, maps->channels, maps->y + at);
}

void sis_moments(const float *x, const float *pivot, size_t rows, size_t channels, double *sums, double *squares) {
    Maps maps = {.x = x, .pivot = pivot, .rows = rows, .channels = channels};
    sum_up(&maps, sums, squares);
}

void sis_scale_relu(const float *x, const float *scale, const float *shift, size_t rows, size_t channels, float *y) {
    Maps maps = {.x = x, .scale = scale, .shift = shift, .y = y, .rows = rows, .channels = channels};
    in_pieces(write_piece, PIECES, &maps);
}

void sis_scale_relu_sums(const float *x, const float *dy, const float *pivot, const float *scale, const float *shift,
                         size_t rows, size_t channels, double *sums, double *products) {
    Maps maps = {.x = x, .dy = dy, .pivot = pivot, .scale = scale, .shift = shift, .rows = rows, .channels = channels};
    sum_up(&maps, sums, products);
}

void sis_scale_relu_back(const float *x, const float *dy, const float *scale, const float *shift, const float *slope,
                         const float *offset, size_t rows, size_t channels, float *dx) {
    Maps maps = {.x = x, .dy = dy, .scale = scale, .shift = shift, .slope = slope, .offset = offset, .y = dx,
                 .rows = rows, .channels = channels};
    in_pieces(write_piece, PIECES, &maps);
}
