/* Winograd's convolution F(4, 5) along both axes with all kernels: 64 multiplications for 16 outputs of a 5 x 5 kernel
 * instead of 400. Vectors run along the channels. */
#include <stdlib.h>
#include <string.h>

#include "points.h"
#include "products.h"

enum { TILE = 4, BORDER = 2, GROUP = 64 }; /* about GROUP tiles at a time stay in the cache */

/* A group of images between map and points: point p of tile t lies at (p * tiles + t) * channels. */
typedef struct {
    size_t images, side, channels;
} Group;

INLINE int inside(long at, size_t side) { return at >= 0 && at < (long)side; }

/* The functions below go tile by tile through a group's images, LANES channels at a time. */
#define FOR_TILES(group)                                                                                  \
    size_t side = (group)->side, channels = (group)->channels, across = side / TILE;                      \
    size_t all_tiles = (group)->images * across * across;                                                 \
    for (size_t image = 0, tiles = 0; image < (group)->images; image++)                                   \
        for (size_t tile = 0; tile < across * across; tile++, tiles++)                                    \
            for (size_t c = 0; c < channels; c += LANES)

#define PIXEL(map, row, column) ((map) + ((image * side + (size_t)(row)) * side + (size_t)(column)) * channels + c)
#define POINT(points, at) ((points) + ((size_t)(at) * all_tiles + tiles) * channels + c)

static void map_to_points(const Group *group, const float *map, float *points) {
    FOR_TILES(group) {
        long top = (long)(tile / across * TILE) - BORDER, left = (long)(tile % across * TILE) - BORDER;
        vec between[POINTS][POINTS]; /* [column, point of the rows] */
        for (long j = 0; j < POINTS; j++) {
            vec column[POINTS];
            UNROLL for (long i = 0; i < POINTS; i++) column[i] =
                inside(top + i, side) && inside(left + j, side) ? load_loose(PIXEL(map, top + i, left + j)) : splat(0);
            to_points(column, between[j]);
        }
        for (size_t p = 0; p < POINTS; p++) {
            vec row[POINTS], values[POINTS];
            UNROLL for (size_t j = 0; j < POINTS; j++) row[j] = between[j][p];
            to_points(row, values);
            UNROLL for (size_t q = 0; q < POINTS; q++) store_loose(POINT(points, p * POINTS + q), values[q]);
        }
    }
}

static void map_to_points_back(const Group *group, const float *points, float *map) {
    memset(map, 0, group->images * group->side * group->side * group->channels * sizeof *map);
    FOR_TILES(group) {
        long top = (long)(tile / across * TILE) - BORDER, left = (long)(tile % across * TILE) - BORDER;
        vec between[POINTS][POINTS]; /* [point of the rows, column] */
        for (size_t p = 0; p < POINTS; p++) {
            vec values[POINTS];
            UNROLL for (size_t q = 0; q < POINTS; q++) values[q] = load_loose(POINT(points, p * POINTS + q));
            to_points_back(values, between[p]);
        }
        for (long j = 0; j < POINTS; j++) {
            vec values[POINTS], column[POINTS];
            if (!inside(left + j, side)) continue;
            UNROLL for (size_t p = 0; p < POINTS; p++) values[p] = between[p][j];
            to_points_back(values, column);
            UNROLL for (long i = 0; i < POINTS; i++) if (inside(top + i, side)) {
                float *pixel = PIXEL(map, top + i, left + j);
                store_loose(pixel, load_loose(pixel) + column[i]);
            }
        }
    }
}

static void points_to_map(const Group *group, const float *points, float *map) {
    FOR_TILES(group) {
        vec between[POINTS][TILE]; /* [point of the rows, column] */
        for (size_t p = 0; p < POINTS; p++) {
            vec values[POINTS];
            UNROLL for (size_t q = 0; q < POINTS; q++) values[q] = load_loose(POINT(points, p * POINTS + q));
            from_points(values, between[p], TILE);
        }
        for (size_t j = 0; j < TILE; j++) {
            vec values[POINTS], column[TILE];
            UNROLL for (size_t p = 0; p < POINTS; p++) values[p] = between[p][j];
            from_points(values, column, TILE);
            UNROLL for (size_t i = 0; i < TILE; i++)
                store_loose(PIXEL(map, tile / across * TILE + i, tile % across * TILE + j), column[i]);
        }
    }
}

static void points_to_map_back(const Group *group, const float *map, float *points) {
    FOR_TILES(group) {
        vec between[TILE][POINTS]; /* [column, point of the rows] */
        for (size_t j = 0; j < TILE; j++) {
            vec column[TILE];
            UNROLL for (size_t i = 0; i < TILE; i++) column[i] =
                load_loose(PIXEL(map, tile / across * TILE + i, tile % across * TILE + j));
            from_points_back(column, between[j], TILE);
        }
        for (size_t p = 0; p < POINTS; p++) {
            vec row[TILE], values[POINTS];
            UNROLL for (size_t j = 0; j < TILE; j++) row[j] = between[j][p];
            from_points_back(row, values, TILE);
            UNROLL for (size_t q = 0; q < POINTS; q++) store_loose(POINT(points, p * POINTS + q), values[q]);
        }
    }
}

typedef struct {
    const float *x, *dy, *weights;
    float *to, *sums;
    size_t images, side, channels, filters;
} Job;

/* So many images of a piece at a time. */
static size_t group_images(const Job *job) {
    size_t tiles = (job->side / TILE) * (job->side / TILE), images = GROUP / tiles;
    return images ? images : 1;
}

static void forward_piece(void *user, size_t piece) {
    const Job *job = user;
    size_t pixels = job->side * job->side, step = group_images(job), end = job->images * (piece + 1) / PIECES;
    size_t most_tiles = step * pixels / (TILE * TILE);
    float *inputs = alloc_floats(POINTS * POINTS * most_tiles * job->channels);
    float *products = alloc_floats(POINTS * POINTS * most_tiles * job->filters);
    Factors factors = {job->channels, 1, job->channels, job->filters};
    for (size_t first = job->images * piece / PIECES; first < end; first += step) {
        size_t images = end - first < step ? end - first : step, tiles = images * pixels / (TILE * TILE);
        Group in = {images, job->side, job->channels}, out = {images, job->side, job->filters};
        map_to_points(&in, job->x + first * pixels * job->channels, inputs);
        for (size_t p = 0; p < POINTS * POINTS; p++)
            multiply(&factors, inputs + p * tiles * job->channels, job->weights + p * job->channels * job->filters, tiles,
                     products + p * tiles * job->filters, 0);
        points_to_map(&out, products, job->to + first * pixels * job->filters);
    }
    free(inputs);
    free(products);
}

static void backward_piece(void *user, size_t piece) {
    const Job *job = user;
    size_t pixels = job->side * job->side, step = group_images(job), end = job->images * (piece + 1) / PIECES;
    size_t most_tiles = step * pixels / (TILE * TILE), weights = job->channels * job->filters;
    float *inputs = alloc_floats(POINTS * POINTS * most_tiles * job->channels);
    float *products = alloc_floats(POINTS * POINTS * most_tiles * job->filters);
    float *sums = job->sums + piece * POINTS * POINTS * weights;
    memset(sums, 0, POINTS * POINTS * weights * sizeof *sums);
    Factors to_inputs = {job->filters, 1, job->filters, job->channels};
    for (size_t first = job->images * piece / PIECES; first < end; first += step) {
        size_t images = end - first < step ? end - first : step, tiles = images * pixels / (TILE * TILE);
        Group in = {images, job->side, job->channels}, out = {images, job->side, job->filters};
        Factors to_weights = {1, job->channels, tiles, job->filters};
        map_to_points(&in, job->x + first * pixels * job->channels, inputs);
        points_to_map_back(&out, job->dy + first * pixels * job->filters, products);
        for (size_t p = 0; p < POINTS * POINTS; p++) {
            float *input = inputs + p * tiles * job->channels, *product = products + p * tiles * job->filters;
            multiply(&to_weights, input, product, job->channels, sums + p * weights, 1);
            multiply(&to_inputs, product, job->weights + p * weights, tiles, input, 0);
        }
        map_to_points_back(&in, inputs, job->to + first * pixels * job->channels);
    }
    free(inputs);
    free(products);
}

void sis_winograd(const float *x, const float *weights, size_t images, size_t side, size_t channels, size_t filters,
                  float *y) {
    Job job = {.x = x, .weights = weights, .to = y, .images = images, .side = side, .channels = channels,
               .filters = filters};
    in_pieces(forward_piece, PIECES, &job);
}

void sis_winograd_back(const float *x, const float *dy, const float *weights, size_t images, size_t side,
                       size_t channels, size_t filters, float *dx, float *sums) {
    Job job = {x, dy, weights, dx, sums, images, side, channels, filters};
    in_pieces(backward_piece, PIECES, &job);
}
