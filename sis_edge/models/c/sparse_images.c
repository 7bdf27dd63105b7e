/* The first layer by its kernels that exist: pixels in the lanes. An image is laid out channel by channel with its border,
 * so that a weight's pixels are the image from another place on; a row's last pixels, where the border follows, are
 * computed too and left out. No gradient flows on to an image. */
#include <stdlib.h>
#include <string.h>

#include "pieces.h"
#include "points.h"
#include "sparse_rows.h"

enum { COLUMNS = VECTORS * LANES };

typedef struct {
    const float *x, *values, *dy;
    float *to;
    Lists lists;
    size_t images, side, channels, filters, kernel;
} Job;

static size_t padded(const Job *job) { return job->side + job->kernel - 1; }

/* plane[channels, padded, padded], and zeros behind it where the last vectors end. */
static size_t plane_floats(const Job *job) { return job->channels * padded(job) * padded(job) + COLUMNS + padded(job); }

static void lay_out(const Job *job, size_t image, float *plane) {
    size_t side = job->side, channels = job->channels, across = padded(job), border = job->kernel / 2;
    const float *x = job->x + image * side * side * channels;
    for (size_t row = 0; row < side; row++)
        for (size_t column = 0; column < side; column++, x += channels)
            for (size_t c = 0; c < channels; c++)
                plane[(c * across + row + border) * across + column + border] = x[c];
}

/* Where the pixels of a block of columns lie in a map; NONE in the border. */
typedef struct {
    size_t count, at[COLUMNS];
} Block;

#define NONE SIZE_MAX

static Block block_from(const Job *job, size_t first) {
    size_t side = job->side, across = padded(job), all = side * across, row = first / across, column = first % across;
    Block block = {all - first < COLUMNS ? (all - first + LANES - 1) / LANES * LANES : COLUMNS, {0}};
    for (size_t i = 0; i < block.count; i++) {
        block.at[i] = row < side && column < side ? (row * side + column) * job->filters : NONE;
        if (++column == across) column = 0, row++;
    }
    return block;
}

static void write_turned(const Job *job, const Block *block, const float *turned, float *map) {
    size_t filters = job->filters, columns = block->count;
    for (size_t column = 0; column < columns; column += LANES)
        for (size_t f = 0; f < filters; f += LANES) {
            size_t some = filters - f < LANES ? filters - f : LANES;
            vec v[LANES];
            UNROLL for (size_t i = 0; i < LANES; i++) v[i] =
                i < some ? load(turned + (f + i) * columns + column) : splat(0);
            turn(v);
            UNROLL for (size_t lane = 0; lane < LANES; lane++) if (block->at[column + lane] != NONE) {
                float *to = map + block->at[column + lane] + f;
                if (some == LANES)
                    store_loose(to, v[lane]);
                else
                    memcpy(to, &v[lane], some * sizeof *to);
            }
        }
}

static void read_turned(const Job *job, const Block *block, const float *map, float *turned) {
    size_t filters = job->filters, columns = block->count;
    for (size_t column = 0; column < columns; column += LANES)
        for (size_t f = 0; f < filters; f += LANES) {
            size_t some = filters - f < LANES ? filters - f : LANES;
            vec v[LANES];
            UNROLL for (size_t lane = 0; lane < LANES; lane++) {
                const float *from = map + block->at[column + lane] + f;
                v[lane] = splat(0);
                if (block->at[column + lane] == NONE) continue;
                if (some == LANES)
                    v[lane] = load_loose(from);
                else
                    memcpy(&v[lane], from, some * sizeof *from);
            }
            turn(v);
            UNROLL for (size_t i = 0; i < LANES; i++) if (i < some) store(turned + (f + i) * columns + column, v[i]);
        }
}

static void run_piece(const Job *job, size_t piece, float *sums) {
    size_t across = padded(job), all = job->side * across, pixels = job->side * job->side;
    float *plane = alloc_floats(plane_floats(job)), *turned = alloc_floats(job->filters * COLUMNS);
    memset(plane, 0, plane_floats(job) * sizeof *plane);
    for (size_t image = job->images * piece / PIECES; image < job->images * (piece + 1) / PIECES; image++) {
        lay_out(job, image, plane);
        for (size_t first = 0; first < all; first += COLUMNS) {
            Block block = block_from(job, first);
            if (sums) {
                read_turned(job, &block, job->dy + image * pixels * job->filters, turned);
                sparse_weights(&job->lists, plane + first, 1, turned, sums, block.count / LANES);
            } else {
                sparse_rows(&job->lists, job->values, plane + first, 1, turned, block.count / LANES);
                write_turned(job, &block, turned, job->to + image * pixels * job->filters);
            }
        }
    }
    free(plane);
    free(turned);
}

static void forward_piece(void *user, size_t piece) { run_piece(user, piece, NULL); }

static void weights_piece(void *user, size_t piece) {
    const Job *job = user;
    float *sums = job->to + piece * job->lists.existing;
    memset(sums, 0, job->lists.existing * sizeof *sums);
    run_piece(job, piece, sums);
}

/* lists: filters + 1 starts, then where each weight's pixels begin in the plane, and its number. */
static Lists lists_of(const uint32_t *lists, size_t filters, size_t channels, size_t existing) {
    return (Lists){lists, lists + filters + 1, lists + filters + 1 + existing, filters, channels, existing};
}

void sis_sparse_images(const float *x, const float *values, const uint32_t *lists, size_t existing, size_t images,
                       size_t side, size_t channels, size_t filters, size_t kernel, float *y) {
    Job job = {x, values, NULL, y, lists_of(lists, filters, channels, existing), images, side, channels, filters, kernel};
    in_pieces(forward_piece, PIECES, &job);
}

void sis_sparse_images_weights(const float *x, const float *dy, const uint32_t *lists, size_t existing, size_t images,
                               size_t side, size_t channels, size_t filters, size_t kernel, float *sums) {
    Job job = {x, NULL, dy, sums, lists_of(lists, filters, channels, existing), images, side, channels, filters, kernel};
    in_pieces(weights_piece, PIECES, &job);
}
