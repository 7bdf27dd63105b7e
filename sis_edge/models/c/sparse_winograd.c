/* Convolution of 3 x 3 or 5 x 5 by kernels that exist, others cost nothing: at each of a tile's 64 points a filter is a
 * sum over its own inputs, with tiles in the lanes. */
#include <stdlib.h>
#include <string.h>

#include "pieces.h"
#include "points.h"
#include "sparse_rows.h"
#include "tiles.h"

typedef struct {
    const float *x, *dy, *values;
    float *to, *sums;
    Lists of_filters, of_inputs;
    size_t images, side, kernel;
} Job;

/* A piece's images in groups of about the same size, whose tiles fill the vectors at most. */
typedef struct {
    size_t first, end, groups, columns;
} Split;

static Split split_of(const Job *job, size_t piece) {
    size_t across = tiles_across(job->side, job->kernel), tiles = across * across, fit = VECTORS * LANES / tiles;
    size_t first = job->images * piece / PIECES, end = job->images * (piece + 1) / PIECES;
    size_t groups = (end - first + fit - 1) / fit, most = groups ? (end - first + groups - 1) / groups : 0;
    return (Split){first, end, groups, (most * tiles + LANES - 1) / LANES * LANES};
}

static Tiles group_of(const Job *job, const Split *split, size_t group, size_t channels, size_t *first) {
    size_t images = split->end - split->first, end = split->first + images * (group + 1) / split->groups;
    *first = split->first + images * group / split->groups;
    return (Tiles){end - *first, job->side, channels, job->kernel, split->columns};
}

static void forward_piece(void *user, size_t piece) {
    const Job *job = user;
    const Lists *lists = &job->of_filters;
    Split split = split_of(job, piece);
    size_t columns = split.columns, channels = lists->others, filters = lists->rows, pixels = job->side * job->side;
    float *inputs = alloc_floats(ALL_POINTS * channels * columns), *outputs = alloc_floats(ALL_POINTS * filters * columns);
    for (size_t group = 0; group < split.groups; group++) {
        size_t first;
        Tiles in = group_of(job, &split, group, channels, &first), out = in;
        out.channels = filters;
        map_to_points(&in, job->x + first * pixels * channels, inputs);
        for (size_t p = 0; p < ALL_POINTS; p++)
            sparse_rows(lists, job->values + p * lists->existing, inputs + p * channels * columns, columns,
                        outputs + p * filters * columns, columns / LANES);
        points_to_map(&out, outputs, job->to + first * pixels * filters);
    }
    free(inputs);
    free(outputs);
}

static void backward_piece(void *user, size_t piece) {
    const Job *job = user;
    const Lists *lists = &job->of_filters;
    Split split = split_of(job, piece);
    size_t columns = split.columns, channels = lists->others, filters = lists->rows, pixels = job->side * job->side;
    float *inputs = alloc_floats(ALL_POINTS * channels * columns), *outputs = alloc_floats(ALL_POINTS * filters * columns);
    float *sums = job->sums + piece * ALL_POINTS * lists->existing;
    memset(sums, 0, ALL_POINTS * lists->existing * sizeof *sums);
    for (size_t group = 0; group < split.groups; group++) {
        size_t first;
        Tiles in = group_of(job, &split, group, channels, &first), out = in;
        out.channels = filters;
        map_to_points(&in, job->x + first * pixels * channels, inputs);
        points_to_map_back(&out, job->dy + first * pixels * filters, outputs);
        for (size_t p = 0; p < ALL_POINTS; p++) {
            float *input = inputs + p * channels * columns, *output = outputs + p * filters * columns;
            sparse_weights(lists, input, columns, output, sums + p * lists->existing, columns / LANES);
            sparse_rows(&job->of_inputs, job->values + p * lists->existing, output, columns, input, columns / LANES);
        }
        map_to_points_back(&in, inputs, job->to + first * pixels * channels);
    }
    free(inputs);
    free(outputs);
}

/* lists: filters + 1 starts, then for each kernel its input and its number; the same for inputs. */
static void take_lists(Job *job, const uint32_t *lists, size_t filters, size_t channels, size_t existing) {
    const uint32_t *inputs = lists + filters + 1 + 2 * existing;
    job->of_filters = (Lists){lists, lists + filters + 1, lists + filters + 1 + existing, filters, channels, existing};
    job->of_inputs = (Lists){inputs, inputs + channels + 1, inputs + channels + 1 + existing, channels, filters, existing};
}

void sis_sparse_winograd(const float *x, const float *values, const uint32_t *lists, size_t existing, size_t images,
                         size_t side, size_t channels, size_t filters, size_t kernel, float *y) {
    Job job = {.x = x, .values = values, .to = y, .images = images, .side = side, .kernel = kernel};
    take_lists(&job, lists, filters, channels, existing);
    in_pieces(forward_piece, PIECES, &job);
}

void sis_sparse_winograd_back(const float *x, const float *dy, const float *values, const uint32_t *lists,
                              size_t existing, size_t images, size_t side, size_t channels, size_t filters,
                              size_t kernel, float *dx, float *sums) {
    Job job = {.x = x, .dy = dy, .values = values, .to = dx, .sums = sums, .images = images, .side = side,
               .kernel = kernel};
    take_lists(&job, lists, filters, channels, existing);
    in_pieces(backward_piece, PIECES, &job);
}
