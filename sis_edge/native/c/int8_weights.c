#include "int8_weights.h"

#include <stdlib.h>
#include <string.h>

#include "arena.h"

/* The weight of a tap of one kernel, zero beyond the kernel. */
static uint32_t tap(const int8_t *kernel, uint32_t side, uint32_t dy, uint32_t dx) {
    return dy < side && dx < side ? (uint8_t)kernel[dy * side + dx] : 0;
}

static int32_t quad_of(uint32_t a, uint32_t b, uint32_t c, uint32_t d) {
    return (int32_t)(a | b << 8 | c << 16 | d << 24);
}

static int is_absent(const int8_t *kernel, size_t taps) {
    for (size_t i = 0; i < taps; i++)
        if (kernel[i]) return 0;
    return 1;
}

static int32_t sum_of(const int8_t *kernel, size_t taps) {
    int32_t sum = 0;
    for (size_t i = 0; i < taps; i++) sum += kernel[i];
    return sum;
}

/* The quads of one kernel in the order of sis_int8_filter; returns their number. */
static uint32_t lay_kernel(const int8_t *kernel, uint32_t side, uint32_t planes, int32_t *weight) {
    uint32_t count = 0, flat = side == 5 ? 1 : planes;
    for (uint32_t p = 0; p < flat; p++)
        for (uint32_t dy = 0; dy < side; dy++) {
            uint32_t dx = p * QUAD;
            weight[count++] = quad_of(tap(kernel, side, dy, dx), tap(kernel, side, dy, dx + 1),
                                      tap(kernel, side, dy, dx + 2), tap(kernel, side, dy, dx + 3));
        }
    if (side == 5) weight[count++] = quad_of(tap(kernel, 5, 0, 4), tap(kernel, 5, 1, 4), tap(kernel, 5, 2, 4), tap(kernel, 5, 3, 4));
    return count;
}

/* Add the corner of a 5 x 5 kernel to the filter's quads of corners; inputs come in rising order. */
static void lay_corner(int8_t corner, uint32_t input, size_t offset, uint32_t *offsets, int32_t *weights,
                       uint32_t *count) {
    if (!corner) return;
    if (!*count || offsets[*count - 1] != offset) {
        offsets[*count] = (uint32_t)offset;
        weights[(*count)++] = 0;
    }
    weights[*count - 1] |= (int32_t)((uint32_t)(uint8_t)corner << 8 * (input % QUAD));
}

struct convolution_place {
    const struct sis_int8_layer *layer;
    const struct sis_int8_spread *from;
    size_t corner_step; /* lanes of the corners of four channels */
};

static void lay_filter(const struct convolution_place *place, const struct sis_int8_group *group, uint32_t n,
                       struct sis_int8_filter *filters, struct arena *arena) {
    const struct sis_int8_layer *layer = place->layer;
    uint32_t side = layer->kernel, taps = side * side, most = side == 5 ? 6 : side * place->from->planes;
    uint32_t *offset = arena_alloc(arena, group->inputs * sizeof *offset);
    int32_t *weight = arena_alloc(arena, (size_t)group->inputs * most * sizeof *weight);
    uint32_t *corner_offset = arena_alloc(arena, group->inputs * sizeof *corner_offset);
    int32_t *corner_weight = arena_alloc(arena, group->inputs * sizeof *corner_weight);
    if (!arena->base) return;
    uint32_t f = group->first + n, nnz = 0, used = 0, corners = 0;
    int64_t bias = layer->bias[f];
    for (uint32_t e = 0; e < group->inputs; e++) {
        const int8_t *kernel = group->weight + ((size_t)e * group->filters + n) * taps;
        uint32_t input = group->input[e];
        if (is_absent(kernel, taps)) continue;
        bias -= (int64_t)place->from->zero * sum_of(kernel, taps);
        offset[nnz++] = (uint32_t)(input * place->from->channel);
        used += lay_kernel(kernel, side, place->from->planes, weight + used);
        if (side == 5)
            lay_corner(kernel[24], input, place->from->corners + input / QUAD * place->corner_step, corner_offset,
                       corner_weight, &corners);
    }
    filters[f] = (struct sis_int8_filter){nnz,    corners,       (int32_t)bias, layer->multiplier[f],
                                          offset, corner_offset, weight,        corner_weight};
}

static void *lay_convolution(const struct convolution_place *place, const struct sis_int8_convolution *work,
                             struct arena *arena) {
    const struct sis_int8_layer *layer = place->layer;
    struct sis_int8_convolution *own = arena_alloc(arena, sizeof *own);
    struct sis_int8_filter *filters = arena_alloc(arena, layer->filters * sizeof *filters);
    if (arena->base) {
        *own = *work;
        own->filters = filters;
    }
    for (uint32_t g = 0; g < layer->group_count; g++)
        for (uint32_t n = 0; n < layer->groups[g].filters; n++)
            lay_filter(place, &layer->groups[g], n, filters, arena);
    return own;
}

/* A 1 x 1 layer's weights as [filter][input], to be read by fours of both. */
static int8_t *dense_weights(const struct sis_int8_layer *layer) {
    int8_t *dense = calloc((size_t)sis_quads_of(layer->filters) * QUAD, (size_t)sis_quads_of(layer->inputs) * QUAD);
    size_t pitch = (size_t)sis_quads_of(layer->inputs) * QUAD;
    for (uint32_t g = 0; dense && g < layer->group_count; g++) {
        const struct sis_int8_group *group = &layer->groups[g];
        for (uint32_t e = 0; e < group->inputs; e++)
            for (uint32_t n = 0; n < group->filters; n++)
                dense[(group->first + n) * pitch + group->input[e]] = group->weight[(size_t)e * group->filters + n];
    }
    return dense;
}

static void lay_block(const struct sis_int8_layer *layer, uint32_t zero, const int8_t *dense, uint32_t at,
                      size_t quad_step, struct sis_int8_block *blocks, struct arena *arena) {
    uint32_t inputs = sis_quads_of(layer->inputs);
    uint32_t *offset = arena_alloc(arena, inputs * sizeof *offset);
    int32_t *weight = arena_alloc(arena, (size_t)inputs * QUAD * sizeof *weight);
    if (!arena->base) return;
    struct sis_int8_block *block = &blocks[at];
    *block = (struct sis_int8_block){.offset = offset, .weight = weight};
    for (uint32_t n = 0; n < QUAD && at * QUAD + n < layer->filters; n++) {
        uint32_t f = at * QUAD + n;
        const int8_t *row = dense + (size_t)f * inputs * QUAD;
        int64_t sum = 0;
        for (uint32_t i = 0; i < inputs * QUAD; i++) sum += row[i];
        block->bias[n] = (int32_t)(layer->bias[f] - (int64_t)zero * sum);
        block->multiplier[n] = layer->multiplier[f];
    }
    for (uint32_t q = 0; q < inputs; q++) {
        uint32_t any = 0;
        for (uint32_t n = 0; n < QUAD; n++) {
            uint32_t bytes;
            memcpy(&bytes, dense + ((size_t)at * QUAD + n) * inputs * QUAD + q * QUAD, sizeof bytes);
            weight[block->quads * QUAD + n] = (int32_t)bytes;
            any |= bytes;
        }
        if (any) offset[block->quads++] = (uint32_t)(q * quad_step);
    }
}

static void *lay_pointwise(const struct sis_int8_layer *layer, uint32_t zero, const struct sis_int8_pointwise *work,
                           const int8_t *dense, size_t quad_step, struct arena *arena) {
    struct sis_int8_pointwise *own = arena_alloc(arena, sizeof *own);
    struct sis_int8_block *blocks = arena_alloc(arena, work->block_count * sizeof *blocks);
    if (arena->base) {
        *own = *work;
        own->blocks = blocks;
    }
    for (uint32_t at = 0; at < work->block_count; at++)
        lay_block(layer, zero, dense, at, quad_step, blocks, arena);
    return own;
}

/* Memory for what an arena has measured. */
static struct arena allocated(const struct arena *measured) {
    return (struct arena){memory_of(measured->used), 0};
}

void *sis_int8_lay_convolution(const struct sis_int8_layer *layer, const struct sis_int8_spread *from,
                               size_t corner_step, const struct sis_int8_convolution *work) {
    struct convolution_place place = {layer, from, corner_step};
    struct arena arena = {NULL, 0};
    lay_convolution(&place, work, &arena);
    arena = allocated(&arena);
    return arena.base ? lay_convolution(&place, work, &arena) : NULL;
}

void *sis_int8_lay_pointwise(const struct sis_int8_layer *layer, uint32_t zero, size_t quad_step,
                             const struct sis_int8_pointwise *work) {
    int8_t *dense = dense_weights(layer);
    struct arena arena = {NULL, 0};
    if (!dense) return NULL;
    lay_pointwise(layer, zero, work, dense, quad_step, &arena);
    arena = allocated(&arena);
    void *own = arena.base ? lay_pointwise(layer, zero, work, dense, quad_step, &arena) : NULL;
    free(dense);
    return own;
}
