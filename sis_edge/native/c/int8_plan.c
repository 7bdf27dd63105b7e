#include "int8_plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Spreading keeps all rows of a map in bands, with those before and after it, in memory. */
enum { QUAD = 4, MOST_BANDED = 16 };

/* Offsets are 32 bits wide, in lanes. */
static const uint64_t MOST_LANES = 1u << 30;

static size_t round_up(size_t n, size_t to) { return (n + to - 1) / to * to; }

static uint32_t quads_of(uint32_t channels) { return (channels + QUAD - 1) / QUAD; }

static struct sis_int8_map map_of(const struct sis_int8_isa *isa, uint32_t channels, uint32_t height, uint32_t width) {
    struct sis_int8_map map = {.channels = channels, .height = height, .width = width, .bands = 1};
    while (map.bands * 2 * width <= isa->lanes && map.bands * 2 <= height && height <= MOST_BANDED) map.bands *= 2;
    map.band_rows = (height + map.bands - 1) / map.bands;
    map.strips = map.bands > 1 ? 1 : (width + isa->lanes - 1) / isa->lanes;
    map.tiles = (map.band_rows * map.strips + isa->tile - 1) / isa->tile;
    return map;
}

/* Lanes of QUADS or SUMS with so many quads or channels. */
static size_t tiled_lanes(const struct sis_int8_isa *isa, const struct sis_int8_map *map, size_t count) {
    return (size_t)map->tiles * count * isa->tile * isa->lanes;
}

/* One allocation for a stage's work and all that it points to: without a `base` it only measures what they need. */
struct arena {
    char *base;
    size_t used;
};

static void *arena_alloc(struct arena *arena, size_t bytes) {
    void *piece = arena->base ? arena->base + arena->used : NULL;
    arena->used += round_up(bytes, 64);
    return piece;
}

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
    uint32_t zero;      /* of the inputs */
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
        bias -= (int64_t)place->zero * sum_of(kernel, taps);
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
    int8_t *dense = calloc((size_t)quads_of(layer->filters) * QUAD, (size_t)quads_of(layer->inputs) * QUAD);
    size_t pitch = (size_t)quads_of(layer->inputs) * QUAD;
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
    uint32_t inputs = quads_of(layer->inputs);
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

/* The state of planning: the map, its buffer and what is pending before the next stage. */
struct progress {
    struct sis_plan *plan;
    const struct sis_int8_isa *isa;
    struct sis_int8_map map;
    uint32_t buffer, pool, zero;
};

/* Memory of a stage's work. */
static struct arena begin_parts(const struct arena *measured) {
    void *base;
    if (posix_memalign(&base, 64, measured->used)) base = NULL;
    return (struct arena){base, 0};
}

static uint32_t add_buffer(struct sis_plan *plan, size_t lanes) {
    plan->offset[plan->buffer_count] = plan->scratch;
    plan->scratch += round_up(lanes, 16) + 16;
    return plan->buffer_count++;
}

/* A stage from the current buffer to a new one, or to the output where there are no `lanes`. -1 where the work has no
 * memory or the buffer is too large. */
static int add_stage(struct progress *now, sis_int8_run *run, void *work, uint32_t layer, size_t lanes, size_t items) {
    struct sis_plan *plan = now->plan;
    uint32_t to = lanes ? add_buffer(plan, lanes) : SIS_OUTPUT;
    struct sis_stage *stage = &plan->stages[plan->stage_count++];
    *stage = (struct sis_stage){.work = SIS_INT8, .layer = layer, .from = now->buffer, .to = to, .items = items};
    stage->as.int8 = run;
    stage->parts = work;
    now->buffer = to;
    return work && lanes <= MOST_LANES ? 0 : -1;
}

static void *copy_of(const void *work, size_t bytes) {
    void *copy = malloc(bytes);
    return copy ? memcpy(copy, work, bytes) : NULL;
}

/* Pooled values in QUADS or, for larger kernels, in PLANES. */
static int add_spread(struct progress *now, const struct sis_int8_layer *layer, uint32_t index,
                      struct sis_int8_spread *work) {
    const struct sis_int8_isa *isa = now->isa;
    struct sis_int8_map to = map_of(isa, layer->inputs, layer->height, layer->width);
    *work = (struct sis_int8_spread){.from = now->map, .to = to, .pool = now->pool, .kernel = layer->kernel};
    work->zero = now->zero;
    size_t quads = quads_of(layer->inputs), row = (size_t)to.strips * isa->lanes;
    size_t lanes = tiled_lanes(isa, &to, quads);
    if (layer->kernel > 1) {
        work->planes = layer->kernel == 5 ? 2 : (layer->kernel + QUAD - 1) / QUAD;
        work->plane = (to.band_rows + layer->kernel - 1) * row;
        work->channel = layer->kernel == 5 ? work->plane + to.band_rows * row : work->planes * work->plane;
        work->corners = layer->inputs * work->channel;
        lanes = work->corners + (layer->kernel == 5 ? quads * to.band_rows * row : 0);
    }
    now->map = to;
    now->pool = 1;
    return add_stage(now, isa->spread, copy_of(work, sizeof *work), index, lanes, quads);
}

static int add_convolution(struct progress *now, const struct sis_int8_layer *layer, uint32_t index, int is_last) {
    const struct sis_int8_isa *isa = now->isa;
    struct sis_int8_spread from;
    if (add_spread(now, layer, index, &from)) return -1;
    struct sis_int8_map to = map_of(isa, layer->filters, layer->height, layer->width);
    struct sis_int8_convolution work = {.to = to, .kernel = layer->kernel, .planes = from.planes};
    work.has_frame = now->zero || to.bands > 1;
    work.is_last = (uint32_t)is_last;
    work.zero = (int32_t)layer->zero;
    work.plane = from.plane;
    struct convolution_place place = {layer, &from, now->zero, (size_t)to.band_rows * to.strips * isa->lanes};
    struct arena arena = {NULL, 0};
    lay_convolution(&place, &work, &arena);
    arena = begin_parts(&arena);
    void *own = arena.base ? lay_convolution(&place, &work, &arena) : NULL;
    uint32_t quads = quads_of(layer->filters);
    now->map = to;
    return add_stage(now, isa->convolve, own, index, tiled_lanes(isa, &to, is_last ? quads * QUAD : quads), quads);
}

static int add_pointwise(struct progress *now, const struct sis_int8_layer *layer, uint32_t index, int is_last) {
    const struct sis_int8_isa *isa = now->isa;
    struct sis_int8_spread pooled;
    if (now->pool > 1 && add_spread(now, layer, index, &pooled)) return -1;
    struct sis_int8_map to = map_of(isa, layer->filters, layer->height, layer->width);
    struct sis_int8_pointwise work = {.from = now->map, .to = to, .is_last = (uint32_t)is_last};
    work.block_count = quads_of(layer->filters);
    work.zero = (int32_t)layer->zero;
    int8_t *dense = dense_weights(layer);
    if (!dense) return -1;
    size_t quad_step = (size_t)isa->tile * isa->lanes;
    struct arena arena = {NULL, 0};
    lay_pointwise(layer, now->zero, &work, dense, quad_step, &arena);
    arena = begin_parts(&arena);
    void *own = arena.base ? lay_pointwise(layer, now->zero, &work, dense, quad_step, &arena) : NULL;
    free(dense);
    now->map = to;
    size_t quads = work.block_count;
    return add_stage(now, isa->pointwise, own, index, tiled_lanes(isa, &to, is_last ? quads * QUAD : quads),
                     to.tiles * quads);
}

static int add_layer(struct progress *now, const struct sis_int8_layer *layer, uint32_t index, int is_last) {
    int failed = layer->kernel > 1 ? add_convolution(now, layer, index, is_last)
                                   : add_pointwise(now, layer, index, is_last);
    now->pool = layer->pool;
    now->zero = layer->zero;
    return failed;
}

static int add_quantise(struct progress *now, const struct sis_int8_network *network) {
    const struct sis_int8_isa *isa = now->isa;
    const struct sis_int8_layer *first = &network->layers[0];
    now->map = map_of(isa, first->inputs, first->height, first->width);
    struct sis_int8_quantise work = {now->map, network->inverse_scale, (int32_t)network->zero};
    size_t quads = quads_of(first->inputs);
    return add_stage(now, isa->quantise, copy_of(&work, sizeof work), 0, tiled_lanes(isa, &now->map, quads), quads);
}

static int add_finish(struct progress *now, const struct sis_int8_network *network) {
    const struct sis_int8_layer *last = &network->layers[network->layer_count - 1];
    size_t bytes = last->filters * sizeof(float);
    struct sis_int8_finish *work = malloc(sizeof *work + bytes);
    if (work) {
        float *multiplier = memcpy((char *)work + sizeof *work, last->multiplier, bytes);
        *work = (struct sis_int8_finish){now->map, last->pool, last->relu, network->global_average, multiplier};
    }
    return add_stage(now, now->isa->finish, work, network->layer_count - 1, 0, last->filters);
}

static struct sis_layout plain_layout(uint32_t channels, uint32_t height, uint32_t width) {
    struct sis_layout layout = {.format = SIS_PLAIN, .channels = channels, .height = height, .width = width};
    layout.stride = (size_t)height * width;
    layout.size = channels * layout.stride;
    return layout;
}

int sis_int8_plan_make(struct sis_plan *plan, const struct sis_int8_network *network, const struct sis_int8_isa *isa,
                       char *message, size_t message_bytes) {
    const struct sis_int8_layer *first = &network->layers[0], *last = &network->layers[network->layer_count - 1];
    size_t most = 2 * (size_t)network->layer_count + 2;
    *plan = (struct sis_plan){.buffer_count = SIS_OWN};
    plan->input = plain_layout(first->inputs, first->height, first->width);
    plan->output = network->global_average
                       ? plain_layout(last->filters, 1, 1)
                       : plain_layout(last->filters, last->height / last->pool, last->width / last->pool);
    plan->stages = calloc(most, sizeof *plan->stages);
    plan->offset = calloc(most + SIS_OWN, sizeof *plan->offset);
    struct progress now = {.plan = plan, .isa = isa, .buffer = SIS_INPUT, .pool = 1, .zero = network->zero};
    int failed = !plan->stages || !plan->offset || add_quantise(&now, network);
    for (uint32_t i = 0; !failed && i < network->layer_count; i++)
        failed = add_layer(&now, &network->layers[i], i, i + 1 == network->layer_count);
    if (!failed && !add_finish(&now, network)) return 0;
    snprintf(message, message_bytes, "there is no memory for the network's weights, or its maps are too large");
    sis_plan_free(plan);
    return -1;
}
