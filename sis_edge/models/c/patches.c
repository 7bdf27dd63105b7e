/* The first layer: few channels in, so each pixel's patch is copied out and multiplied with all filters. */
#include <stdlib.h>
#include <string.h>

#include "products.h"

typedef struct {
    const float *x, *weights;
    float *to;
    size_t images, side, channels, kernel, filters;
} Job;

static size_t patch_of(const Job *job) { return job->kernel * job->kernel * job->channels; }

/* patches[side * side, kernel * kernel * channels] of one image; zero beyond the border. */
static void copy_patches(const Job *job, size_t image, float *patches) {
    size_t side = job->side, kernel = job->kernel, run = kernel * job->channels;
    long border = (long)kernel / 2;
    const float *x = job->x + image * side * side * job->channels;
    for (size_t row = 0; row < side; row++)
        for (size_t column = 0; column < side; column++)
            for (size_t i = 0; i < kernel; i++, patches += run) {
                long from = (long)(row + i) - border, left = (long)column - border, right = left + (long)kernel;
                memset(patches, 0, run * sizeof *patches);
                if (from < 0 || from >= (long)side) continue;
                long first = left < 0 ? 0 : left, end = right > (long)side ? (long)side : right;
                memcpy(patches + (size_t)(first - left) * job->channels,
                       x + ((size_t)from * side + (size_t)first) * job->channels,
                       (size_t)(end - first) * job->channels * sizeof *patches);
            }
}

static void forward_piece(void *user, size_t piece) {
    const Job *job = user;
    size_t pixels = job->side * job->side, patch = patch_of(job);
    Factors factors = {patch, 1, patch, job->filters};
    float *patches = malloc(pixels * patch * sizeof *patches);
    if (!patches) abort();
    for (size_t image = job->images * piece / PIECES; image < job->images * (piece + 1) / PIECES; image++) {
        copy_patches(job, image, patches);
        multiply(&factors, patches, job->weights, pixels, job->to + image * pixels * job->filters, 0);
    }
    free(patches);
}

void sis_patches(const float *x, const float *weights, size_t images, size_t side, size_t channels, size_t kernel,
                 size_t filters, float *y) {
    Job job = {x, weights, y, images, side, channels, kernel, filters};
    in_pieces(forward_piece, PIECES, &job);
}
