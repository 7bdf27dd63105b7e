#include "winograd.h"

#include <string.h>

/* Tiles that a worker takes through all groups before it goes on to the next ones. */
enum { CHUNK_TILES = 16, NEAR_BYTES = 24 * 1024, MOST_POSITIONS = 8, MOST_KERNEL = 5 };

static uint32_t min(uint32_t a, uint32_t b) { return a < b ? a : b; }
static uint32_t divide_up(uint32_t a, uint32_t b) { return (a + b - 1) / b; }

/* How vectors of tiles cut the map: into bands where several rows fit into one vector, into strips else. */
static struct sis_layout cut(const struct sis_isa *isa, uint32_t channels, uint32_t height, uint32_t width) {
    struct sis_layout layout = {.channels = channels, .height = height, .width = width, .bands = 1};
    if (isa->has_bands)
        while (layout.bands * 2 * width <= isa->lanes && layout.bands * 2 <= height &&
               layout.bands * 2 * SIS_QUAD <= isa->lanes)
            layout.bands *= 2;
    layout.band_rows = divide_up(height, layout.bands);
    layout.strips = layout.bands > 1 ? 1 : divide_up(width, isa->lanes);
    layout.vectors = layout.band_rows * layout.strips;
    layout.tiles = divide_up(layout.vectors, isa->tile);
    return layout;
}

/* Every tile's window lies within the frame of zeros, those at the lower and right edge too. */
static struct sis_layout framed(const struct sis_isa *isa, const struct sis_layer *layer) {
    struct sis_layout layout = cut(isa, layer->inputs, layer->height, layer->width);
    uint32_t rows = sis_tile_rows(layer->kernel);
    layout.format = SIS_WIDE;
    layout.halo = layer->kernel / 2;
    layout.pitch = layout.strips * isa->lanes + SIS_QUAD;
    uint32_t height = (layout.bands - 1) * layout.band_rows + (uint32_t)round_up(layout.band_rows, rows);
    layout.stride = round_up((size_t)(height + layer->kernel - 1) * layout.pitch, isa->lanes);
    layout.size = layout.channels * layout.stride + isa->lanes;
    return layout;
}

static int is_absent(const float *weight, size_t taps) {
    for (size_t i = 0; i < taps; i++)
        if (weight[i] != 0.0f) return 0;
    return 1;
}

/* Whether filter `n` of a group has a kernel for its input `e`. */
static int exists(const struct sis_layer *layer, const struct sis_group *group, uint32_t e, uint32_t n) {
    size_t taps = (size_t)layer->kernel * layer->kernel;
    return !is_absent(group->weight + ((size_t)e * group->filters + n) * taps, taps);
}

/* Whether two filters of a group have kernels for the same inputs. */
static int same_inputs(const struct sis_layer *layer, const struct sis_group *group, uint32_t one, uint32_t two) {
    for (uint32_t e = 0; e < group->inputs; e++)
        if (exists(layer, group, e, one) != exists(layer, group, e, two)) return 0;
    return 1;
}

/* Filters from `first` on, at most `most`, that have kernels for the same inputs. */
static uint32_t run_of(const struct sis_layer *layer, const struct sis_group *group, uint32_t first, uint32_t most) {
    uint32_t filters = 1;
    while (filters < most && first + filters < group->filters && same_inputs(layer, group, first, first + filters))
        filters++;
    return filters;
}

/* Whether most filters have a neighbour with kernels for the same inputs. */
static int share_inputs(const struct sis_layer *layer) {
    uint32_t runs = 0;
    for (uint32_t g = 0; g < layer->group_count; g++)
        for (uint32_t n = 0; n < layer->groups[g].filters; runs++) n += run_of(layer, &layer->groups[g], n, UINT32_MAX);
    return 2 * runs <= layer->filters;
}

/* Quads that are multiplied together: as many as give each filter four sums, which hide the latency of a multiply-add.
 * Filters that share no inputs take more, as far as the maps stay in the nearest cache: each has fewer loops then. */
static uint32_t quads_together(const struct sis_isa *isa, const struct sis_layer *layer, uint32_t chunk) {
    uint32_t vectors = chunk >= 4 ? 4 : chunk >= 2 ? 2 : 1, quads = 4 / vectors;
    size_t bytes = (size_t)layer->inputs * chunk * isa->lanes * sizeof(float);
    if (share_inputs(layer)) return quads;
    while (quads < 4 && 2 * quads * vectors <= isa->most_sums && 2 * quads * bytes <= NEAR_BYTES) quads *= 2;
    return quads;
}

struct sis_winograd sis_winograd_plan(const struct sis_isa *isa, const struct sis_layer *layer) {
    struct sis_winograd work = {.kernel = layer->kernel, .relu = layer->relu};
    work.from = framed(isa, layer);
    work.to = cut(isa, layer->filters, layer->height, layer->width);
    work.to.format = SIS_TILES;
    work.to.stride = ((size_t)layer->filters * isa->tile + 1) * isa->lanes;
    work.to.size = work.to.tiles * work.to.stride;
    uint32_t quads = layer->kernel == 5 ? 16 : 6;
    work.vectors = divide_up(work.from.band_rows, sis_tile_rows(layer->kernel)) * work.from.strips;
    work.chunk = min(CHUNK_TILES * SIS_QUAD / isa->lanes, work.vectors);
    work.chunks = divide_up(work.vectors, work.chunk);
    work.together = quads_together(isa, layer, work.chunk);
    work.most_filters = min(isa->most_sums / (work.together * min(work.chunk, 4)), SIS_MOST_WINOGRAD);
    work.groups = divide_up(quads, work.together);
    work.pack_filters = (uint32_t)(SIS_PACK_FLOATS / ((size_t)work.groups * work.together * work.chunk * isa->lanes));
    /* One vector more than needed: strides that are powers of two would all meet in the same sets of the cache. */
    work.group_stride = ((size_t)layer->inputs * work.together * work.chunk + 1) * isa->lanes;
    work.chunk_stride = work.groups * work.group_stride;
    work.maps = work.chunks * work.chunk_stride;
    return work;
}

/* Values at the points of a polynomial whose coefficients are `taps`, over the points' products of differences. */
static void transform_taps(const double *taps, size_t step, uint32_t count, uint32_t positions, double *values,
                           size_t values_step) {
    static const double points[MOST_POSITIONS - 1] = {0, 1, -1, 2, -2, 0.5, -0.5};
    for (uint32_t p = 0; p + 1 < positions; p++) {
        double value = 0, scale = 1;
        for (uint32_t i = count; i-- > 0;) value = value * points[p] + taps[i * step];
        for (uint32_t i = 0; i + 1 < positions; i++)
            if (i != p) scale *= points[p] - points[i];
        values[p * values_step] = value / scale;
    }
    values[(positions - 1) * values_step] = taps[(count - 1) * step];
}

/* One kernel [rows][columns] to its positions, quad after quad; `stride` from one group to the next. */
static void transform_kernel(const struct sis_winograd *work, const float *kernel, float *weight, size_t stride) {
    uint32_t side = work->kernel, high = sis_tile_rows(side) + side - 1, wide = side + SIS_QUAD - 1;
    double taps[MOST_KERNEL * MOST_KERNEL], columns[MOST_KERNEL * MOST_POSITIONS];
    double values[MOST_POSITIONS * MOST_POSITIONS];
    for (uint32_t i = 0; i < side * side; i++) taps[i] = kernel[i];
    for (uint32_t x = 0; x < side; x++) transform_taps(taps + x, side, side, high, columns + x, side);
    for (uint32_t y = 0; y < high; y++) transform_taps(columns + y * side, 1, side, wide, values + y * wide, 1);
    for (uint32_t y = 0; y < high; y++)
        for (uint32_t x = 0; x < wide; x++) {
            uint32_t quad = y / SIS_QUAD * wide + x;
            weight[quad / work->together * stride + quad % work->together * SIS_QUAD + y % SIS_QUAD] =
                (float)values[y * wide + x];
        }
}

/* The inputs of a block, and how many; without a `base` they are counted only. */
static uint32_t lay_inputs(const struct sis_layer *layer, const struct sis_group *group, uint32_t filter,
                           size_t map_floats, uint32_t *offset) {
    uint32_t inputs = 0;
    for (uint32_t e = 0; e < group->inputs; e++) {
        if (!exists(layer, group, e, filter)) continue;
        if (offset) offset[inputs] = (uint32_t)(group->input[e] * map_floats);
        inputs++;
    }
    return inputs;
}

/* All blocks of a layer without their weights; returns how many. A pack ends where its sums would leave no room. */
static uint32_t lay_blocks(const struct sis_layer *layer, const struct sis_isa *isa, const struct sis_winograd *work,
                           struct sis_tile_block *blocks, struct arena *arena) {
    size_t map_floats = (size_t)work->together * work->chunk * isa->lanes;
    uint32_t count = 0, pack = 0, filled = 0;
    for (uint32_t g = 0; g < layer->group_count; g++) {
        const struct sis_group *group = &layer->groups[g];
        for (uint32_t first = 0, filters; first < group->filters; first += filters, count++) {
            filters = run_of(layer, group, first, work->most_filters);
            uint32_t *offset = arena_alloc(arena, group->inputs * sizeof *offset);
            uint32_t inputs = lay_inputs(layer, group, first, map_floats, offset);
            if (filled + filters > work->pack_filters) pack++, filled = 0;
            filled += filters;
            if (arena->base)
                blocks[count] = (struct sis_tile_block){
                    group->first + first, filters, inputs, pack, 0, offset, NULL, layer->bias + group->first + first};
        }
    }
    return count;
}

/* The weights of the blocks from `begin` to `end` - 1, which are a pack; returns their end. */
static float *lay_pack(const struct sis_layer *layer, const struct sis_winograd *work, struct sis_tile_block *begin,
                       struct sis_tile_block *end, float *weight) {
    size_t step = (size_t)work->together * SIS_QUAD, taps = (size_t)layer->kernel * layer->kernel, stride = 0;
    for (struct sis_tile_block *block = begin; block < end; block++)
        stride += (size_t)block->inputs * block->filters * step;
    const struct sis_group *group = layer->groups;
    float *to = weight;
    for (struct sis_tile_block *block = begin; block < end; block++) {
        while (block->first >= group->first + group->filters) group++;
        uint32_t n = block->first - group->first;
        block->weight = to;
        block->stride = stride;
        for (uint32_t e = 0; e < group->inputs; e++) {
            if (!exists(layer, group, e, n)) continue;
            for (uint32_t i = 0; i < block->filters; i++, to += step)
                transform_kernel(work, group->weight + ((size_t)e * group->filters + n + i) * taps, to, stride);
        }
    }
    return weight + work->groups * stride;
}

static size_t count_kernels(const struct sis_layer *layer) {
    size_t kernels = 0;
    for (uint32_t g = 0; g < layer->group_count; g++)
        for (uint32_t e = 0; e < layer->groups[g].inputs; e++)
            for (uint32_t n = 0; n < layer->groups[g].filters; n++) kernels += exists(layer, &layer->groups[g], e, n);
    return kernels;
}

void sis_winograd_lay(const struct sis_layer *layer, const struct sis_isa *isa, struct sis_winograd *work,
                      struct arena *arena) {
    size_t bytes = count_kernels(layer) * work->groups * work->together * SIS_QUAD * sizeof(float);
    struct sis_tile_block *blocks = arena_alloc(arena, layer->filters * sizeof *blocks);
    float *bias = arena_alloc(arena, layer->filters * sizeof *bias), *weight = arena_alloc(arena, bytes);
    work->block_count = lay_blocks(layer, isa, work, blocks, arena);
    work->blocks = blocks;
    if (!arena->base) return;
    memcpy(bias, layer->bias, layer->filters * sizeof *bias);
    memset(weight, 0, bytes); /* positions beyond the last quad */
    for (uint32_t begin = 0, end; begin < work->block_count; begin = end) {
        for (end = begin; end < work->block_count && blocks[end].pack == blocks[begin].pack; end++)
            blocks[end].bias = bias + blocks[end].first;
        weight = lay_pack(layer, work, blocks + begin, blocks + end, weight);
    }
}
