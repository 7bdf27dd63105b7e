/* Lays out a network with branches: every map FRAMED, its layout decided by its size and by all that read such a size. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "plan.h"

/* Offsets of kernels are 32 bits wide, in floats. */
static const uint64_t MOST_FLOATS = 1u << 30;

/* Stages that a layer needs at most: an average or copy of its source, a copy of what it adds, itself, pooling. */
enum { MOST_STAGES = 4, MOST_BLOCK = 4 };

/* Multiply-adds, or floats of a copy, that are worth a piece of their own: some microseconds. */
enum { PIECE = 1 << 16 };

/* Zeros between buffers, and before the first: half a kernel is read before a map, and vectors beyond its end. */
enum { MARGIN = 64 };

/* Where a value is, and the last layer that reads it; a buffer is taken again by maps of the same layout. */
struct place {
    struct sis_layout layout;
    uint32_t buffer, last_reader;
};

struct progress {
    struct sis_plan *plan;
    const struct sis_graph *graph;
    struct place *values;  /* node_count + 1 */
    struct place *buffers; /* of each own buffer, whose value it has */
    uint32_t layer;
};

/* Whether its items are filters, not blocks of filters. */
static int convolves(const struct sis_node *node) { return node->kernel > 1 || node->is_depthwise; }

/* The map that a layer's convolution works on. */
static struct sis_value seen_by(const struct sis_graph *graph, const struct sis_node *node) {
    struct sis_value value = graph->values[node->source];
    return node->averages ? (struct sis_value){value.channels, 1, 1} : value;
}

static struct sis_layout framed(const struct sis_isa *isa, struct sis_value value, uint32_t bands, uint32_t halo,
                                uint32_t padding) {
    struct sis_layout layout = {.format = SIS_FRAMED, .height = value.height, .width = value.width};
    layout.channels = value.channels;
    layout.bands = bands;
    layout.band_rows = (value.height + bands - 1) / bands;
    layout.strips = bands > 1 ? 1 : (value.width + isa->lanes - 1) / isa->lanes;
    layout.vectors = layout.band_rows * layout.strips;
    layout.halo = halo;
    layout.pitch = bands > 1 ? isa->lanes : (uint32_t)round_up(value.width + padding, isa->lanes);
    layout.stride = (size_t)(layout.band_rows + 2 * halo) * layout.pitch;
    layout.size = layout.channels * layout.stride;
    return layout;
}

/* The even columns of each row before the odd ones, for 3 x 3 kernels with stride 2. */
static struct sis_layout split_layout(const struct sis_isa *isa, struct sis_value value) {
    struct sis_layout layout = framed(isa, value, 1, 1, 0);
    layout.split = 1;
    layout.strips = ((value.width + 1) / 2 + isa->lanes - 1) / isa->lanes;
    layout.pitch = 2 * layout.strips * isa->lanes;
    layout.stride = (size_t)(value.height + 2) * layout.pitch;
    layout.size = layout.channels * layout.stride;
    return layout;
}

/* Copying takes a depthwise layer longer than it saves. */
static int takes_split(const struct progress *now, const struct sis_node *node) {
    return now->plan->isa->has_bands && node->kernel == 3 && node->stride == 2 && !node->is_depthwise &&
           !node->averages && split_layout(now->plan->isa, now->graph->values[node->source]).strips <= 3;
}

static int is_same(const struct sis_layout *a, const struct sis_layout *b) {
    return a->channels == b->channels && a->height == b->height && a->width == b->width && a->bands == b->bands &&
           a->halo == b->halo && a->pitch == b->pitch && a->split == b->split;
}

/* The layout of all values of this size. Without bands: the one for layers that cannot read bands. */
static struct sis_layout layout_of(const struct progress *now, struct sis_value value, int with_bands) {
    const struct sis_isa *isa = now->plan->isa;
    uint32_t halo = 0, padding = 0, bands = 1;
    struct sis_layout strips = framed(isa, value, 1, 0, 0);
    for (uint32_t i = 0; i < now->graph->node_count; i++) {
        const struct sis_node *node = &now->graph->nodes[i];
        struct sis_value seen = seen_by(now->graph, node);
        uint32_t half = node->kernel / 2;
        if (seen.height != value.height || seen.width != value.width || !half) continue;
        if (half > halo) halo = half;
        if ((!isa->has_bands || !sis_takes_whole_rows(&strips, node->kernel)) && half > padding)
            padding = half;
    }
    if (isa->has_bands && with_bands)
        while (bands * 2 * value.width <= isa->lanes && bands < value.height &&
               (value.height - 1) / (bands * 2) + 1 >= halo)
            bands *= 2;
    return framed(isa, value, bands, halo, padding);
}

/* A buffer for maps of this layout: one that the same layout had and nothing reads any more, so that zeros stay zero. */
static uint32_t buffer_for(struct progress *now, struct sis_layout layout, uint32_t last_reader) {
    struct sis_plan *plan = now->plan;
    uint32_t buffer = SIS_OWN;
    while (buffer < plan->buffer_count && (now->buffers[buffer].last_reader >= now->layer ||
                                           !is_same(&now->buffers[buffer].layout, &layout)))
        buffer++;
    if (buffer == plan->buffer_count) {
        plan->offset[plan->buffer_count++] = plan->scratch;
        plan->scratch += round_up(layout.size, 16) + MARGIN;
    }
    now->buffers[buffer] = (struct place){layout, buffer, last_reader};
    return buffer;
}

static struct sis_stage *add_stage(struct progress *now, enum sis_work work, const struct place *from,
                                   const struct place *to, size_t items) {
    struct sis_stage *stage = &now->plan->stages[now->plan->stage_count++];
    *stage = (struct sis_stage){.work = work, .layer = now->layer, .from = from->buffer, .to = to->buffer};
    stage->items = items;
    stage->most = 1 + to->layout.size / PIECE;
    return stage;
}

/* What is read is copied, or averaged, where the layer cannot read it as it is. */
static struct place brought(struct progress *now, const struct place *from, struct sis_layout layout, uint32_t every,
                            enum sis_work work) {
    struct place to = {layout, buffer_for(now, layout, now->layer), now->layer};
    struct sis_stage *stage = add_stage(now, work, from, &to, layout.channels);
    stage->as.copy = (struct sis_framed_copy){from->layout, layout, every, 0};
    return to;
}

static struct place source_of(struct progress *now, const struct sis_node *node) {
    struct place from = now->values[node->source];
    const struct sis_value *result = &node->sums;
    struct sis_value seen = seen_by(now->graph, node);
    struct place image = {now->plan->input, SIS_INPUT, 0};
    if (takes_split(now, node))
        return brought(now, node->source ? &from : &image, split_layout(now->plan->isa, seen), 1, SIS_FRAMED_COPY);
    int with_bands = !convolves(node) || (node->kernel == 3 && node->stride == 1);
    if (node->averages) return brought(now, &from, layout_of(now, seen, with_bands), 1, SIS_FRAMED_AVERAGE);
    if (node->kernel == 1 && node->stride > 1) {
        struct sis_value kept = {from.layout.channels, result->height, result->width};
        return brought(now, &from, layout_of(now, kept, with_bands), node->stride, SIS_FRAMED_COPY);
    }
    if (from.layout.bands > 1 && !with_bands)
        return brought(now, &from, layout_of(now, seen, 0), 1, SIS_FRAMED_COPY);
    return from;
}

static int is_absent(const float *weight, size_t taps) {
    for (size_t i = 0; i < taps; i++)
        if (weight[i] != 0.0f) return 0;
    return 1;
}

/* Inputs of a block's filters in its lists: of maps that are few vectors some have no weight, so that sums of several
 * take as many steps each. */
static uint32_t listed(const struct sis_group *group, const struct sis_layout *from) {
    uint32_t sets = from->vectors > 3 ? 1 : from->vectors == 3 ? 2 : 4;
    return (uint32_t)round_up(group->inputs, sets);
}

/* The kernels of filter `n` of a group that exist, column by column. */
static void lay_filter(const struct sis_node *node, const struct sis_group *group, uint32_t n, struct sis_framed *work,
                       struct arena *arena) {
    uint32_t side = node->kernel, taps = side * side, nnz = 0;
    uint32_t *offset = arena_alloc(arena, group->inputs * sizeof *offset);
    float *weight = arena_alloc(arena, (size_t)group->inputs * taps * sizeof *weight);
    if (!arena->base) return;
    for (uint32_t e = 0; e < group->inputs; e++) {
        const float *kernel = group->weight + ((size_t)e * group->filters + n) * taps;
        if (is_absent(kernel, taps)) continue;
        offset[nnz] = (uint32_t)((node->is_depthwise ? n : group->input[e]) * work->from.stride);
        for (uint32_t i = 0; i < taps; i++) weight[nnz * taps + i] = kernel[i % side * side + i / side];
        nnz++;
    }
    work->filters[group->first + n] = (struct sis_filter){nnz, node->bias[group->first + n], offset, weight};
}

/* Neighbouring filters that share inputs, as many as a block takes: 4, 2 or 1. */
static uint32_t block_size(uint32_t left) { return left >= MOST_BLOCK ? MOST_BLOCK : left >= 2 ? 2 : 1; }

static struct sis_block *lay_group(const struct sis_group *group, struct sis_framed *work, struct sis_block *block,
                                   const float *bias, struct arena *arena) {
    uint32_t inputs = listed(group, &work->from);
    uint32_t *offset = arena_alloc(arena, inputs * sizeof *offset);
    float *weight = arena_alloc(arena, (size_t)inputs * group->filters * sizeof *weight);
    for (uint32_t e = 0; arena->base && e < inputs; e++)
        offset[e] = (uint32_t)(group->input[e < group->inputs ? e : 0] * work->from.stride);
    for (uint32_t done = 0, filters; done < group->filters; done += filters) {
        filters = block_size(group->filters - done);
        work->block_count++;
        if (!arena->base) continue;
        *block++ = (struct sis_block){group->first + done, filters, inputs, offset, weight, bias + group->first + done};
        for (uint32_t e = 0; e < inputs; e++)
            for (uint32_t n = 0; n < filters; n++)
                *weight++ = e < group->inputs ? group->weight[(size_t)e * group->filters + done + n] : 0.0f;
    }
    return block;
}

static void lay_parts(const struct sis_node *node, struct sis_framed *work, struct arena *arena) {
    if (convolves(node)) {
        work->filters = arena_alloc(arena, node->filters * sizeof *work->filters);
        for (uint32_t g = 0; g < node->group_count; g++)
            for (uint32_t n = 0; n < node->groups[g].filters; n++) lay_filter(node, &node->groups[g], n, work, arena);
        return;
    }
    struct sis_block *block = work->blocks = arena_alloc(arena, node->filters * sizeof *work->blocks);
    float *bias = arena_alloc(arena, node->filters * sizeof *bias);
    if (arena->base) memcpy(bias, node->bias, node->filters * sizeof *bias);
    work->block_count = 0;
    for (uint32_t g = 0; g < node->group_count; g++) block = lay_group(&node->groups[g], work, block, bias, arena);
}

static int make_parts(const struct sis_node *node, struct sis_stage *stage) {
    struct arena arena = {NULL, 0};
    lay_parts(node, &stage->as.framed, &arena);
    stage->parts = memory_of(arena.used);
    if (!stage->parts) return -1;
    arena = (struct arena){stage->parts, 0};
    lay_parts(node, &stage->as.framed, &arena);
    return 0;
}

/* For each pixel, of a layer's existing kernels. */
static size_t multiply_adds(const struct sis_node *node) {
    size_t inputs = 0;
    for (uint32_t g = 0; g < node->group_count; g++)
        inputs += (size_t)node->groups[g].inputs * node->groups[g].filters;
    return inputs * node->kernel * node->kernel;
}

static int add_layer(struct progress *now, const struct sis_node *node) {
    struct place from = source_of(now, node), added = {.buffer = SIS_INPUT};
    const struct sis_value *sums = &node->sums;
    struct place *result = &now->values[now->layer + 1], to = {layout_of(now, *sums, 1), 0, now->layer};
    if (from.layout.size > MOST_FLOATS || to.layout.size > MOST_FLOATS) return -1;
    if (node->added != SIS_NOTHING) {
        added = now->values[node->added];
        if (node->every > 1) {
            struct sis_value kept = {added.layout.channels, sums->height, sums->width};
            added = brought(now, &added, layout_of(now, kept, 1), node->every, SIS_FRAMED_COPY);
        }
    }
    if (node->pool == 1) to.last_reader = result->last_reader;
    to.buffer = buffer_for(now, to.layout, to.last_reader);
    enum sis_work kind = convolves(node) ? SIS_FRAMED_CONVOLVE : SIS_FRAMED_POINTWISE;
    struct sis_stage *stage = add_stage(now, kind, &from, &to, node->filters);
    stage->added = added.buffer;
    struct sis_framed *work = &stage->as.framed;
    *work = (struct sis_framed){.from = from.layout, .to = to.layout, .kernel = node->kernel};
    work->stride = node->kernel > 1 ? node->stride : 1;
    work->added_channels = added.layout.channels;
    work->lower = node->activation == SIS_NONE ? -INFINITY : 0.0f;
    work->upper = node->activation == SIS_RELU6 ? 6.0f : INFINITY;
    if (make_parts(node, stage)) return -1;
    if (kind == SIS_FRAMED_POINTWISE) stage->items = work->block_count;
    stage->most = 1 + multiply_adds(node) * sums->height * sums->width / PIECE;
    if (node->pool > 1) {
        struct place pooled = {layout_of(now, now->graph->values[now->layer + 1], 1), 0, result->last_reader};
        pooled.buffer = buffer_for(now, pooled.layout, pooled.last_reader);
        stage = add_stage(now, SIS_FRAMED_POOL, &to, &pooled, node->filters);
        stage->as.copy = (struct sis_framed_copy){to.layout, pooled.layout, node->pool, node->pools_average};
        to = pooled;
    }
    *result = to;
    return 0;
}

static struct sis_layout plain(struct sis_value value) {
    struct sis_layout layout = {.format = SIS_PLAIN, .height = value.height, .width = value.width, .bands = 1};
    layout.channels = value.channels;
    layout.stride = (size_t)value.height * value.width;
    layout.size = value.channels * layout.stride;
    return layout;
}

static int add_all(struct progress *now) {
    const struct sis_graph *graph = now->graph;
    struct sis_plan *plan = now->plan;
    struct place image = {plan->input, SIS_INPUT, 0}, result = {plan->output, SIS_OUTPUT, 0};
    now->values[0].layout = layout_of(now, graph->values[0], 1);
    if (now->values[0].layout.size > MOST_FLOATS) return -1;
    int reads_image = 0;
    for (uint32_t i = 0; i < graph->node_count; i++)
        reads_image |= (!graph->nodes[i].source && !takes_split(now, &graph->nodes[i])) || !graph->nodes[i].added;
    struct sis_stage *stage;
    if (reads_image) {
        now->values[0].buffer = buffer_for(now, now->values[0].layout, now->values[0].last_reader);
        stage = add_stage(now, SIS_FRAMED_COPY, &image, &now->values[0], graph->values[0].channels);
        stage->as.copy = (struct sis_framed_copy){plan->input, now->values[0].layout, 1, 0};
    }
    for (; now->layer < graph->node_count; now->layer++)
        if (add_layer(now, &graph->nodes[now->layer])) return -1;
    now->layer--;
    const struct place *last = &now->values[graph->node_count];
    stage = add_stage(now, SIS_FRAMED_COPY, last, &result, plan->output.channels);
    stage->as.copy = (struct sis_framed_copy){last->layout, plan->output, 1, 0};
    return 0;
}

int sis_graph_plan_make(struct sis_plan *plan, const struct sis_graph *graph, const struct sis_isa *isa, char *message,
                        size_t message_bytes) {
    size_t count = graph->node_count, most = MOST_STAGES * count + 2;
    *plan = (struct sis_plan){.isa = isa, .buffer_count = SIS_OWN, .scratch = MARGIN};
    plan->input = plain(graph->values[0]);
    plan->output = plain(graph->values[count]);
    plan->stages = calloc(most, sizeof *plan->stages);
    plan->offset = calloc(most + SIS_OWN, sizeof *plan->offset);
    struct progress now = {.plan = plan, .graph = graph};
    now.values = calloc(count + 1, sizeof *now.values);
    now.buffers = calloc(most + SIS_OWN, sizeof *now.buffers);
    int failed = !plan->stages || !plan->offset || !now.values || !now.buffers;
    for (uint32_t i = 0; !failed && i < count; i++) {
        now.values[graph->nodes[i].source].last_reader = i;
        if (graph->nodes[i].added != SIS_NOTHING) now.values[graph->nodes[i].added].last_reader = i;
    }
    if (!failed) now.values[count].last_reader = graph->node_count;
    failed = failed || add_all(&now);
    free(now.values);
    free(now.buffers);
    if (!failed) return 0;
    snprintf(message, message_bytes, "there is no memory for the network's weights, or its maps are too large");
    sis_plan_free(plan);
    return -1;
}
