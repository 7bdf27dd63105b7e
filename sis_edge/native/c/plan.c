#include "plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Offsets of kernels are 32 bits wide, in floats. */
static const uint64_t MOST_FLOATS = 1u << 30;

static size_t round_up(size_t n, size_t to) { return (n + to - 1) / to * to; }

static struct sis_form plain_form(uint32_t channels, uint32_t height, uint32_t width) {
    struct sis_form form = {.layout = SIS_PLAIN, .channels = channels, .height = height, .width = width};
    form.stride = (size_t)height * width;
    form.size = channels * form.stride;
    return form;
}

/* How vectors cut a map: into bands where several rows fit into one vector, into strips else. */
static struct sis_form cut(const struct sis_isa *isa, uint32_t channels, uint32_t height, uint32_t width) {
    struct sis_form form = plain_form(channels, height, width);
    form.bands = 1;
    if (isa->has_bands)
        while (form.bands * 2 * width <= isa->lanes && form.bands * 2 <= height) form.bands *= 2;
    form.band_rows = (height + form.bands - 1) / form.bands;
    form.strips = form.bands > 1 ? 1 : (width + isa->lanes - 1) / isa->lanes;
    form.vectors = form.band_rows * form.strips;
    form.tiles = (form.vectors + isa->tile - 1) / isa->tile;
    return form;
}

static struct sis_form tiles_form(const struct sis_isa *isa, uint32_t channels, uint32_t height, uint32_t width) {
    struct sis_form form = cut(isa, channels, height, width);
    form.layout = SIS_TILES;
    /* One vector more than needed: strides that are powers of two would all meet in the same sets of the cache. */
    form.stride = ((size_t)channels * isa->tile + 1) * isa->lanes;
    form.size = form.tiles * form.stride;
    return form;
}

static struct sis_form convolution_form(const struct sis_isa *isa, const struct sis_layer *layer) {
    struct sis_form form = cut(isa, layer->inputs, layer->height, layer->width);
    form.halo = layer->kernel / 2;
    if (form.bands > 1 && (layer->kernel == 3 || layer->kernel == 5)) {
        form.layout = SIS_BANDED;
        form.stride = (size_t)(form.band_rows + 2 * form.halo) * isa->lanes;
        form.size = form.channels * form.stride;
        return form;
    }
    form.layout = SIS_WIDE;
    form.bands = 1;
    form.band_rows = layer->height;
    form.strips = (layer->width + isa->lanes - 1) / isa->lanes;
    form.vectors = form.band_rows * form.strips;
    form.tiles = (form.vectors + isa->tile - 1) / isa->tile;
    form.pitch = (uint32_t)round_up(form.strips * isa->lanes + 2 * form.halo, 4);
    form.stride = round_up((size_t)(layer->height + 2 * form.halo) * form.pitch, isa->lanes);
    form.size = form.channels * form.stride + isa->lanes;
    return form;
}

/* A convolution of wide maps leaves its vectors in strips, whatever bands the map could have. */
static struct sis_form tiles_after(const struct sis_isa *isa, const struct sis_form *from, uint32_t filters) {
    struct sis_form form = *from;
    form.layout = SIS_TILES;
    form.channels = filters;
    form.halo = form.pitch = 0;
    form.stride = ((size_t)filters * isa->tile + 1) * isa->lanes;
    form.size = form.tiles * form.stride;
    return form;
}

/* Room for the parts of a stage: first measured, then handed out piece by piece. */
struct room {
    char *at;
    size_t used;
};

static void *take(struct room *room, size_t bytes) {
    void *piece = room->at ? room->at + room->used : NULL;
    room->used += round_up(bytes, 64);
    return piece;
}

static int is_absent(const float *weight, size_t taps) {
    for (size_t i = 0; i < taps; i++)
        if (weight[i] != 0.0f) return 0;
    return 1;
}

static void lay_filters(const struct sis_layer *layer, const struct sis_form *from, struct sis_convolution *work,
                        struct room *room) {
    size_t side = layer->kernel, taps = side * side;
    struct sis_filter *filters = take(room, layer->filters * sizeof *filters);
    for (uint32_t g = 0; g < layer->group_count; g++) {
        const struct sis_group *group = &layer->groups[g];
        for (uint32_t n = 0; n < group->filters; n++) {
            uint32_t *offset = take(room, group->inputs * sizeof *offset), count = 0;
            float *weight = take(room, (size_t)group->inputs * taps * sizeof *weight);
            if (!room->at) continue;
            for (uint32_t e = 0; e < group->inputs; e++) {
                const float *kernel = group->weight + ((size_t)e * group->filters + n) * taps;
                if (is_absent(kernel, taps)) continue;
                offset[count] = (uint32_t)(group->input[e] * from->stride);
                for (size_t dx = 0; dx < side; dx++)
                    for (size_t dy = 0; dy < side; dy++)
                        weight[count * taps + dx * side + dy] = kernel[dy * side + dx];
                count++;
            }
            filters[group->first + n] =
                (struct sis_filter){count, layer->bias[group->first + n], offset, weight};
        }
    }
    work->filters = filters;
}

/* Blocks of a group: as few as the registers allow, and as even as possible. */
static uint32_t block_count(const struct sis_isa *isa, const struct sis_group *group) {
    return (group->filters + isa->most_filters - 1) / isa->most_filters;
}

static void lay_blocks(const struct sis_isa *isa, const struct sis_layer *layer, struct sis_pointwise *work,
                       struct room *room) {
    work->block_count = 0;
    for (uint32_t g = 0; g < layer->group_count; g++) work->block_count += block_count(isa, &layer->groups[g]);
    struct sis_block *blocks = take(room, work->block_count * sizeof *blocks), *block = blocks;
    float *bias = take(room, layer->filters * sizeof *bias);
    if (room->at) memcpy(bias, layer->bias, layer->filters * sizeof *bias);
    for (uint32_t g = 0; g < layer->group_count; g++) {
        const struct sis_group *group = &layer->groups[g];
        uint32_t *offset = take(room, group->inputs * sizeof *offset);
        float *weight = take(room, (size_t)group->inputs * group->filters * sizeof *weight);
        if (!room->at) continue;
        for (uint32_t e = 0; e < group->inputs; e++) offset[e] = group->input[e] * isa->tile * isa->lanes;
        uint32_t blocks_left = block_count(isa, group), done = 0;
        for (; blocks_left; blocks_left--, block++) {
            uint32_t filters = (group->filters - done + blocks_left - 1) / blocks_left;
            *block = (struct sis_block){group->first + done, filters,          group->inputs, offset,
                                        weight,              bias + group->first + done};
            for (uint32_t e = 0; e < group->inputs; e++)
                for (uint32_t n = 0; n < filters; n++)
                    *weight++ = group->weight[(size_t)e * group->filters + done + n];
            done += filters;
        }
    }
    work->blocks = blocks;
}

static void lay_parts(const struct sis_isa *isa, const struct sis_layer *layer, struct sis_stage *stage,
                      struct room *room) {
    if (stage->work == SIS_CONVOLVE)
        lay_filters(layer, &stage->as.convolution.from, &stage->as.convolution, room);
    else
        lay_blocks(isa, layer, &stage->as.pointwise, room);
}

static int make_parts(const struct sis_isa *isa, const struct sis_layer *layer, struct sis_stage *stage) {
    struct room room = {NULL, 0};
    lay_parts(isa, layer, stage, &room);
    if (posix_memalign(&stage->parts, 64, room.used)) {
        stage->parts = NULL;
        return -1;
    }
    room = (struct room){stage->parts, 0};
    lay_parts(isa, layer, stage, &room);
    return 0;
}

/* What is being planned: the stage to come, and where the image stands now. */
struct progress {
    struct sis_plan *plan;
    struct sis_form form;
    uint32_t buffer, pool;
};

static struct sis_stage *add_stage(struct sis_plan *plan, enum sis_work work, uint32_t layer, uint32_t from,
                                   uint32_t to, size_t items) {
    struct sis_stage *stage = &plan->stages[plan->stage_count++];
    *stage = (struct sis_stage){.work = work, .layer = layer, .from = from, .to = to, .items = items};
    return stage;
}

/* A buffer for the result of one stage alone, so that frames of zeros stay zeros. */
static uint32_t add_buffer(struct sis_plan *plan, size_t floats) {
    plan->offset[plan->buffer_count] = plan->scratch;
    plan->scratch += round_up(floats, 16) + 16; /* the last vector may be read beyond the end */
    return plan->buffer_count++;
}

static void add_relayout(struct progress *now, struct sis_form to, uint32_t layer, uint32_t buffer) {
    struct sis_stage *stage = add_stage(now->plan, SIS_RELAYOUT, layer, now->buffer, buffer, to.channels);
    stage->as.relayout = (struct sis_relayout){now->form, to, now->pool};
    now->form = to;
    now->buffer = buffer;
    now->pool = 1;
}

static int add_layer(struct progress *now, const struct sis_layer *layer, uint32_t index) {
    struct sis_plan *plan = now->plan;
    const struct sis_isa *isa = plan->isa;
    struct sis_form wanted = layer->kernel > 1 ? convolution_form(isa, layer)
                                               : tiles_form(isa, layer->inputs, layer->height, layer->width);
    int fits = now->form.layout == SIS_TILES && layer->kernel == 1 && now->pool == 1;
    if (!fits) add_relayout(now, wanted, index, add_buffer(plan, wanted.size));
    struct sis_form to = tiles_after(isa, &now->form, layer->filters);
    if (now->form.size > MOST_FLOATS || to.size > MOST_FLOATS) return -1;
    uint32_t buffer = add_buffer(plan, to.size);
    if (layer->kernel > 1) {
        struct sis_stage *stage = add_stage(plan, SIS_CONVOLVE, index, now->buffer, buffer, layer->filters);
        stage->as.convolution = (struct sis_convolution){now->form, to, layer->kernel, layer->relu, NULL};
        if (make_parts(isa, layer, stage)) return -1;
    } else {
        struct sis_stage *stage = add_stage(plan, SIS_POINTWISE, index, now->buffer, buffer, 0);
        stage->as.pointwise = (struct sis_pointwise){now->form, to, layer->relu, 0, NULL};
        if (make_parts(isa, layer, stage)) return -1;
        stage->items = (size_t)to.tiles * stage->as.pointwise.block_count;
    }
    now->form = to;
    now->buffer = buffer;
    now->pool = layer->pool;
    return 0;
}

static int add_end(struct progress *now, const struct sis_network *network) {
    struct sis_plan *plan = now->plan;
    uint32_t last = network->layer_count - 1, pool = now->pool;
    uint32_t height = now->form.height / pool, width = now->form.width / pool, channels = now->form.channels;
    if (!network->global_average) {
        plan->output = plain_form(channels, height, width);
        add_relayout(now, plan->output, last, SIS_OUTPUT);
        return 0;
    }
    plan->output = plain_form(channels, 1, 1);
    if (pool > 1) {
        struct sis_form pooled = plain_form(channels, height, width);
        add_relayout(now, pooled, last, add_buffer(plan, pooled.size));
    }
    add_stage(plan, SIS_AVERAGE, last, now->buffer, SIS_OUTPUT, channels)->as.average = now->form;
    return 0;
}

int sis_plan_make(struct sis_plan *plan, const struct sis_network *network, const struct sis_isa *isa, char *message,
                  size_t message_bytes) {
    size_t most = 2 * (size_t)network->layer_count + 2;
    const struct sis_layer *first = &network->layers[0];
    *plan = (struct sis_plan){.isa = isa, .buffer_count = SIS_OWN};
    plan->input = plain_form(first->inputs, first->height, first->width);
    plan->stages = calloc(most, sizeof *plan->stages);
    plan->offset = calloc(most + SIS_OWN, sizeof *plan->offset);
    struct progress now = {.plan = plan, .form = plan->input, .buffer = SIS_INPUT, .pool = 1};
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

void sis_stage_run(const struct sis_isa *isa, const struct sis_stage *stage, const float *in, float *out, size_t begin,
                   size_t end) {
    switch (stage->work) {
        case SIS_CONVOLVE: isa->convolve(&stage->as.convolution, in, out, begin, end); break;
        case SIS_POINTWISE: isa->pointwise(&stage->as.pointwise, in, out, begin, end); break;
        case SIS_RELAYOUT: isa->relayout(&stage->as.relayout, in, out, begin, end); break;
        case SIS_AVERAGE: isa->average(&stage->as.average, in, out, begin, end); break;
    }
}
