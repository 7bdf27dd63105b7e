/* Normalisation with ReLU and the 1 x 1 convolution behind it, a chunk of rows at a time: between the two nothing leaves
 * the cache, and on the way back a chunk's gradients of weights and inputs are taken while it is there. */
#include <stdlib.h>
#include <string.h>

#include "norm_relu.h"
#include "pieces.h"
#include "products.h"

typedef struct {
    const float *x, *dy, *pivot, *scale, *shift, *weights;
    float *to, *weight_sums;
    double *sums;
    size_t rows, channels, filters;
} Job;

static size_t first_row(const Job *job, size_t piece) { return job->rows * piece / PIECES; }

static void forward_piece(void *user, size_t piece) {
    const Job *job = user;
    size_t channels = job->channels, end = first_row(job, piece + 1);
    float *chunk = alloc_floats(CHUNK * channels);
    Factors factors = {channels, 1, channels, job->filters};
    for (size_t row = first_row(job, piece); row < end; row += CHUNK) {
        size_t rows = end - row < CHUNK ? end - row : CHUNK;
        scale_relu_of(job->x + row * channels, job->scale, job->shift, rows, channels, chunk);
        multiply(&factors, chunk, job->weights, rows, job->to + row * job->filters, 0);
    }
    free(chunk);
}

static void backward_piece(void *user, size_t piece) {
    const Job *job = user;
    size_t channels = job->channels, filters = job->filters, end = first_row(job, piece + 1);
    float *chunk = alloc_floats(CHUNK * channels), *part = alloc_floats(2 * channels);
    float *weight_sums = job->weight_sums + piece * filters * channels;
    double *sums = job->sums + piece * 2 * channels;
    memset(weight_sums, 0, filters * channels * sizeof *weight_sums);
    memset(sums, 0, 2 * channels * sizeof *sums);
    for (size_t row = first_row(job, piece); row < end; row += CHUNK) {
        size_t rows = end - row < CHUNK ? end - row : CHUNK;
        const float *x = job->x + row * channels, *dy = job->dy + row * filters;
        float *to = job->to + row * channels;
        Factors to_weights = {1, filters, rows, channels}, to_inputs = {filters, 1, filters, channels};
        scale_relu_of(x, job->scale, job->shift, rows, channels, chunk);
        multiply(&to_weights, dy, chunk, filters, weight_sums, 1);
        multiply(&to_inputs, dy, job->weights, rows, to, 0);
        memset(part, 0, 2 * channels * sizeof *part);
        gradient_sums_of(x, to, job->pivot, job->scale, job->shift, rows, channels, part, part + channels);
        for (size_t c = 0; c < 2 * channels; c++) sums[c] += part[c];
    }
    free(chunk);
    free(part);
}

void sis_norm_products(const float *x, const float *scale, const float *shift, const float *weights, size_t rows,
                       size_t channels, size_t filters, float *y) {
    Job job = {.x = x, .scale = scale, .shift = shift, .weights = weights, .to = y, .rows = rows, .channels = channels,
               .filters = filters};
    in_pieces(forward_piece, PIECES, &job);
}

void sis_norm_products_back(const float *x, const float *dy, const float *pivot, const float *scale, const float *shift,
                            const float *weights, size_t rows, size_t channels, size_t filters, float *dx,
                            float *weight_sums, double *sums) {
    Job job = {x, dy, pivot, scale, shift, weights, dx, weight_sums, sums, rows, channels, filters};
    in_pieces(backward_piece, PIECES, &job);
}
