#include "plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "winograd.h"

/* Offsets of kernels are 32 bits wide, in floats. */
static const uint64_t MOST_FLOATS = 1u << 30;

static struct sis_layout plain_layout(uint32_t channels, uint32_t height, uint32_t width) {
    struct sis_layout layout = {.format = SIS_PLAIN, .channels = channels, .height = height, .width = width};
    layout.stride = (size_t)height * width;
    layout.size = channels * layout.stride;
    return layout;
}

/* How vectors cut a map: into bands where several rows fit into one vector, into strips else. */
static struct sis_layout cut(const struct sis_isa *isa, uint32_t channels, uint32_t height, uint32_t width) {
    struct sis_layout layout = plain_layout(channels, height, width);
    layout.bands = 1;
    if (isa->has_bands)
        while (layout.bands * 2 * width <= isa->lanes && layout.bands * 2 <= height) layout.bands *= 2;
    layout.band_rows = (height + layout.bands - 1) / layout.bands;
    layout.strips = layout.bands > 1 ? 1 : (width + isa->lanes - 1) / isa->lanes;
    layout.vectors = layout.band_rows * layout.strips;
    layout.tiles = (layout.vectors + isa->tile - 1) / isa->tile;
    return layout;
}

static struct sis_layout tiles_layout(const struct sis_isa *isa, uint32_t channels, uint32_t height, uint32_t width) {
    struct sis_layout layout = cut(isa, channels, height, width);
    layout.format = SIS_TILES;
    /* One vector more than needed: strides that are powers of two would all meet in the same sets of the cache. */
    layout.stride = ((size_t)channels * isa->tile + 1) * isa->lanes;
    layout.size = layout.tiles * layout.stride;
    return layout;
}

static struct sis_layout convolution_layout(const struct sis_isa *isa, const struct sis_layer *layer) {
    struct sis_layout layout = cut(isa, layer->inputs, layer->height, layer->width);
    layout.halo = layer->kernel / 2;
    if (layout.bands > 1 && (layer->kernel == 3 || layer->kernel == 5)) {
        layout.format = SIS_BANDED;
        layout.stride = (size_t)(layout.band_rows + 2 * layout.halo) * isa->lanes;
        layout.size = layout.channels * layout.stride;
        return layout;
    }
    layout.format = SIS_WIDE;
    layout.bands = 1;
    layout.band_rows = layer->height;
    layout.strips = (layer->width + isa->lanes - 1) / isa->lanes;
    layout.vectors = layout.band_rows * layout.strips;
    layout.tiles = (layout.vectors + isa->tile - 1) / isa->tile;
    layout.pitch = (uint32_t)round_up(layout.strips * isa->lanes + 2 * layout.halo, 4);
    layout.stride = round_up((size_t)(layer->height + 2 * layout.halo) * layout.pitch, isa->lanes);
    layout.size = layout.channels * layout.stride + isa->lanes;
    return layout;
}

/* A convolution of wide maps leaves its vectors in strips, whatever bands the map could have. */
static struct sis_layout tiles_after(const struct sis_isa *isa, const struct sis_layout *from, uint32_t filters) {
    struct sis_layout layout = *from;
    layout.format = SIS_TILES;
    layout.channels = filters;
    layout.halo = layout.pitch = 0;
    layout.stride = ((size_t)filters * isa->tile + 1) * isa->lanes;
    layout.size = layout.tiles * layout.stride;
    return layout;
}

static int is_absent(const float *weight, size_t taps) {
    for (size_t i = 0; i < taps; i++)
        if (weight[i] != 0.0f) return 0;
    return 1;
}

static void lay_filters(const struct sis_isa *isa, const struct sis_layer *layer, struct sis_convolution *work,
                        struct arena *arena) {
    size_t side = layer->kernel, taps = side * side;
    struct sis_filter *filters = arena_alloc(arena, layer->filters * sizeof *filters);
    for (uint32_t g = 0; g < layer->group_count; g++) {
        const struct sis_group *group = &layer->groups[g];
        for (uint32_t n = 0; n < group->filters; n++) {
            uint32_t *offset = arena_alloc(arena, group->inputs * sizeof *offset), nnz = 0;
            float *weight = arena_alloc(arena, (size_t)group->inputs * taps * sizeof *weight);
            if (!arena->base) continue;
            for (uint32_t e = 0; e < group->inputs; e++) {
                const float *kernel = group->weight + ((size_t)e * group->filters + n) * taps;
                if (is_absent(kernel, taps)) continue;
                offset[nnz] = (uint32_t)(group->input[e] * work->from.stride);
                for (size_t dx = 0; dx < side; dx++)
                    for (size_t dy = 0; dy < side; dy++)
                        weight[nnz * taps + dx * side + dy] = kernel[dy * side + dx];
                nnz++;
            }
            if (isa->narrow) isa->narrow(weight, nnz * taps);
            filters[group->first + n] =
                (struct sis_filter){nnz, layer->bias[group->first + n], offset, weight};
        }
    }
    work->filters = filters;
}

/* Blocks of a group: as few as the registers allow, and as even as possible. */
static uint32_t block_count(const struct sis_isa *isa, const struct sis_group *group) {
    return (group->filters + isa->most_filters - 1) / isa->most_filters;
}

static void lay_blocks(const struct sis_isa *isa, const struct sis_layer *layer, struct sis_pointwise *work,
                       struct arena *arena) {
    work->block_count = 0;
    for (uint32_t g = 0; g < layer->group_count; g++) work->block_count += block_count(isa, &layer->groups[g]);
    struct sis_block *blocks = arena_alloc(arena, work->block_count * sizeof *blocks), *block = blocks;
    float *bias = arena_alloc(arena, layer->filters * sizeof *bias);
    if (arena->base) memcpy(bias, layer->bias, layer->filters * sizeof *bias);
    for (uint32_t g = 0; g < layer->group_count; g++) {
        const struct sis_group *group = &layer->groups[g];
        uint32_t *offset = arena_alloc(arena, group->inputs * sizeof *offset);
        float *weight = arena_alloc(arena, (size_t)group->inputs * group->filters * sizeof *weight);
        if (!arena->base) continue;
        for (uint32_t e = 0; e < group->inputs; e++) offset[e] = group->input[e] * isa->tile * isa->lanes;
        uint32_t blocks_left = block_count(isa, group), done = 0;
        for (; blocks_left; blocks_left--, block++) {
            uint32_t filters = (group->filters - done + blocks_left - 1) / blocks_left;
            *block = (struct sis_block){group->first + done, filters,          group->inputs, offset,
                                        weight,              bias + group->first + done};
            for (uint32_t e = 0; e < group->inputs; e++)
                for (uint32_t n = 0; n < filters; n++)
                    *weight++ = group->weight[(size_t)e * group->filters + done + n];
            if (isa->narrow) isa->narrow((float *)block->weight, (size_t)group->inputs * filters);
            done += filters;
        }
    }
    work->blocks = blocks;
}

static void lay_parts(const struct sis_isa *isa, const struct sis_layer *layer, struct sis_stage *stage,
                      struct arena *arena) {
    if (stage->work == SIS_CONVOLVE)
        lay_filters(isa, layer, &stage->as.convolution, arena);
    else if (stage->work == SIS_WINOGRAD)
        sis_winograd_lay(layer, isa, &stage->as.winograd, arena);
    else
        lay_blocks(isa, layer, &stage->as.pointwise, arena);
}

static int make_parts(const struct sis_isa *isa, const struct sis_layer *layer, struct sis_stage *stage) {
    struct arena arena = {NULL, 0};
    lay_parts(isa, layer, stage, &arena);
    stage->parts = memory_of(arena.used);
    if (!stage->parts) return -1;
    arena = (struct arena){stage->parts, 0};
    lay_parts(isa, layer, stage, &arena);
    return 0;
}

/* The state of planning: the image's layout and buffer before the next stage. */
struct progress {
    struct sis_plan *plan;
    struct sis_layout layout;
    uint32_t buffer, pool;
};

static struct sis_stage *add_stage(struct sis_plan *plan, enum sis_work work, uint32_t layer, uint32_t from,
                                   uint32_t to, size_t items) {
    struct sis_stage *stage = &plan->stages[plan->stage_count++];
    *stage = (struct sis_stage){.work = work, .layer = layer, .from = from, .to = to, .items = items};
    return stage;
}

/* A buffer for the result of one stage only, so that frames of zeros stay zero. */
static uint32_t add_buffer(struct sis_plan *plan, size_t floats) {
    plan->offset[plan->buffer_count] = plan->scratch;
    plan->scratch += round_up(floats, 16) + 16; /* the last vector may be read beyond the end */
    return plan->buffer_count++;
}

static uint32_t add_map(struct sis_plan *plan, const struct sis_layout *layout) {
    int is_half = plan->isa->narrow && layout->format != SIS_PLAIN;
    return add_buffer(plan, is_half ? (layout->size + 1) / 2 : layout->size);
}

static void add_relayout(struct progress *now, struct sis_layout to, uint32_t layer, uint32_t buffer) {
    struct sis_stage *stage = add_stage(now->plan, SIS_RELAYOUT, layer, now->buffer, buffer, to.channels);
    stage->as.relayout = (struct sis_relayout){now->layout, to, now->pool};
    now->layout = to;
    now->buffer = buffer;
    now->pool = 1;
}

/* Copied into a frame, transformed, then multiplied and transformed back. */
static int add_winograd(struct progress *now, const struct sis_layer *layer, uint32_t index) {
    struct sis_plan *plan = now->plan;
    struct sis_winograd work = sis_winograd_plan(plan->isa, layer);
    uint64_t most = work.from.size > work.maps ? work.from.size : work.maps;
    if (most > MOST_FLOATS || work.to.size > MOST_FLOATS) return -1;
    add_relayout(now, work.from, index, add_buffer(plan, work.from.size));
    uint32_t maps = add_buffer(plan, work.maps), out = add_buffer(plan, work.to.size);
    add_stage(plan, SIS_TRANSFORM, index, now->buffer, maps, layer->inputs)->as.winograd = work;
    struct sis_stage *stage = add_stage(plan, SIS_WINOGRAD, index, maps, out, 0);
    stage->as.winograd = work;
    if (make_parts(plan->isa, layer, stage)) return -1;
    stage->items = stage->as.winograd.block_count;
    now->layout = work.to;
    now->buffer = out;
    now->pool = layer->pool;
    return 0;
}

static int add_layer(struct progress *now, const struct sis_layer *layer, uint32_t index) {
    struct sis_plan *plan = now->plan;
    const struct sis_isa *isa = plan->isa;
    if (layer->winograd) return add_winograd(now, layer, index);
    struct sis_layout wanted = layer->kernel > 1 ? convolution_layout(isa, layer)
                                               : tiles_layout(isa, layer->inputs, layer->height, layer->width);
    int fits = now->layout.format == SIS_TILES && layer->kernel == 1 && now->pool == 1;
    if (!fits) add_relayout(now, wanted, index, add_map(plan, &wanted));
    struct sis_layout to = tiles_after(isa, &now->layout, layer->filters);
    if (now->layout.size > MOST_FLOATS || to.size > MOST_FLOATS) return -1;
    uint32_t buffer = add_map(plan, &to);
    if (layer->kernel > 1) {
        struct sis_stage *stage = add_stage(plan, SIS_CONVOLVE, index, now->buffer, buffer, layer->filters);
        stage->as.convolution = (struct sis_convolution){now->layout, to, layer->kernel, layer->relu, NULL};
        if (make_parts(isa, layer, stage)) return -1;
    } else {
        struct sis_stage *stage = add_stage(plan, SIS_POINTWISE, index, now->buffer, buffer, 0);
        stage->as.pointwise = (struct sis_pointwise){now->layout, to, layer->relu, 0, NULL};
        if (make_parts(isa, layer, stage)) return -1;
        stage->items = (size_t)to.tiles * stage->as.pointwise.block_count;
    }
    now->layout = to;
    now->buffer = buffer;
    now->pool = layer->pool;
    return 0;
}

static int add_end(struct progress *now, const struct sis_network *network) {
    struct sis_plan *plan = now->plan;
    uint32_t last = network->layer_count - 1, pool = now->pool;
    uint32_t height = now->layout.height / pool, width = now->layout.width / pool, channels = now->layout.channels;
    if (!network->global_average) {
        plan->output = plain_layout(channels, height, width);
        add_relayout(now, plan->output, last, SIS_OUTPUT);
        return 0;
    }
    plan->output = plain_layout(channels, 1, 1);
    if (pool > 1) {
        struct sis_layout pooled = plain_layout(channels, height, width);
        add_relayout(now, pooled, last, add_map(plan, &pooled));
    }
    add_stage(plan, SIS_AVERAGE, last, now->buffer, SIS_OUTPUT, channels)->as.average = now->layout;
    return 0;
}

int sis_plan_make(struct sis_plan *plan, const struct sis_network *network, const struct sis_isa *isa, char *message,
                  size_t message_bytes) {
    size_t most = 3 * (size_t)network->layer_count + 2;
    const struct sis_layer *first = &network->layers[0];
    *plan = (struct sis_plan){.isa = isa, .buffer_count = SIS_OWN};
    plan->input = plain_layout(first->inputs, first->height, first->width);
    plan->stages = calloc(most, sizeof *plan->stages);
    plan->offset = calloc(most + SIS_OWN, sizeof *plan->offset);
    struct progress now = {.plan = plan, .layout = plan->input, .buffer = SIS_INPUT, .pool = 1};
    int failed = !plan->stages || !plan->offset;
    for (uint32_t i = 0; !failed && i < network->layer_count; i++) failed = add_layer(&now, &network->layers[i], i);
    if (!failed && !add_end(&now, network)) return 0;
    snprintf(message, message_bytes, "there is no memory for the network's weights, or its maps are too large");
    sis_plan_free(plan);
    return -1;
}

void sis_plan_free(struct sis_plan *plan) {
    for (uint32_t i = 0; i < plan->stage_count; i++) free(plan->stages[i].parts);
    free(plan->stages);
    free(plan->offset);
    memset(plan, 0, sizeof *plan);
}

void sis_stage_run(const struct sis_isa *isa, const struct sis_stage *stage, const float *in, const float *added,
                   float *out, size_t begin, size_t end) {
    switch (stage->work) {
        case SIS_CONVOLVE: isa->convolve(&stage->as.convolution, in, out, begin, end); break;
        case SIS_POINTWISE: isa->pointwise(&stage->as.pointwise, in, out, begin, end); break;
        case SIS_TRANSFORM: isa->transform(&stage->as.winograd, in, out, begin, end); break;
        case SIS_WINOGRAD: isa->winograd(&stage->as.winograd, in, out, begin, end); break;
        case SIS_RELAYOUT: isa->relayout(&stage->as.relayout, in, out, begin, end); break;
        case SIS_AVERAGE: isa->average(&stage->as.average, in, out, begin, end); break;
        case SIS_FRAMED_CONVOLVE: isa->framed->convolve(&stage->as.framed, in, added, out, begin, end); break;
        case SIS_FRAMED_POINTWISE: isa->framed->pointwise(&stage->as.framed, in, added, out, begin, end); break;
        case SIS_FRAMED_COPY: isa->framed->copy(&stage->as.copy, in, out, begin, end); break;
        case SIS_FRAMED_POOL: isa->framed->pool(&stage->as.copy, in, out, begin, end); break;
        case SIS_FRAMED_AVERAGE: isa->framed->average(&stage->as.copy, in, out, begin, end); break;
        case SIS_INT8: stage->as.int8(stage->parts, in, out, begin, end); break;
    }
}
