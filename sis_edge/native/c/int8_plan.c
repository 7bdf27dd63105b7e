#include "int8_plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "int8_weights.h"

/* Spreading keeps all rows of a map in bands, with those before and after it, in memory. */
enum { MOST_BANDED = 16 };

/* Offsets are 32 bits wide, in lanes. */
static const uint64_t MOST_LANES = 1u << 30;

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

/* The state of planning: the map, its buffer and what is pending before the next stage. */
struct progress {
    struct sis_plan *plan;
    const struct sis_int8_isa *isa;
    struct sis_int8_map map;
    uint32_t buffer, pool, zero;
};

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
    size_t quads = sis_quads_of(layer->inputs), row = (size_t)to.strips * isa->lanes;
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
    size_t corner_step = (size_t)to.band_rows * to.strips * isa->lanes;
    void *own = sis_int8_lay_convolution(layer, &from, corner_step, &work);
    uint32_t quads = sis_quads_of(layer->filters);
    now->map = to;
    return add_stage(now, isa->convolve, own, index, tiled_lanes(isa, &to, is_last ? quads * QUAD : quads), quads);
}

static int add_pointwise(struct progress *now, const struct sis_int8_layer *layer, uint32_t index, int is_last) {
    const struct sis_int8_isa *isa = now->isa;
    struct sis_int8_spread pooled;
    if (now->pool > 1 && add_spread(now, layer, index, &pooled)) return -1;
    struct sis_int8_map to = map_of(isa, layer->filters, layer->height, layer->width);
    struct sis_int8_pointwise work = {.from = now->map, .to = to, .is_last = (uint32_t)is_last};
    work.block_count = sis_quads_of(layer->filters);
    work.zero = (int32_t)layer->zero;
    void *own = sis_int8_lay_pointwise(layer, now->zero, (size_t)isa->tile * isa->lanes, &work);
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
    size_t quads = sis_quads_of(first->inputs);
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
