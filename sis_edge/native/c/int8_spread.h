/* Values between layers and at both ends: quantising images, pooling, planes, and sums as real numbers; included by
 * int8_kernels.h. */
#ifndef SIS_INT8_SPREAD_H
#define SIS_INT8_SPREAD_H

/* Zero points on both sides of a row, and room for whole vectors behind; MEMORY is for rows of any width. */
enum { PAD = 16, BEHIND = 2 * PAD + 2 * LANES, MEMORY = 8 * (PAD + SIS_MOST_INT8_SIDE + BEHIND) };

/* The last rows of one quad's map, as many as there is memory for, a power of two. */
struct quad_rows {
    size_t pitch;
    int64_t count;
    int32_t *memory;
};

INLINE int32_t *row_at(const struct quad_rows *rows, int64_t y) {
    return rows->memory + (size_t)(y & (rows->count - 1)) * rows->pitch + PAD;
}

/* Copy a row of one quad from QUADS to `row`, or the larger of both where `merge`. Whole vectors run beyond it. */
INLINE void load_quads(const struct sis_int8_map *map, const int32_t *in, size_t quad, uint32_t y, int32_t *row,
                       int merge) {
    size_t quads = round_up_to(map->channels, QUAD) / QUAD;
    uint32_t band = y / map->band_rows, lane = band * (LANES / map->bands);
    size_t v = (size_t)(y - band * map->band_rows) * map->strips;
    if (map->bands > 1) {
        const int32_t *source = in + tile_place(quads, v, quad) + lane;
        int32_t piece[LANES] __attribute__((aligned(64))) = {0};
        memcpy(piece, source, sizeof(int32_t) * (LANES / map->bands));
        store_loose_ints(row, merge ? max_bytes(load_loose_ints(row), load_ints(piece)) : load_ints(piece));
        return;
    }
    for (uint32_t s = 0; s < map->strips; s++, row += LANES) {
        ivec source = load_ints(in + tile_place(quads, v + s, quad));
        store_loose_ints(row, merge ? max_bytes(load_loose_ints(row), source) : source);
    }
}

INLINE void store_quads(const struct sis_int8_map *map, int32_t *out, size_t quad, uint32_t y, const int32_t *row) {
    size_t quads = round_up_to(map->channels, QUAD) / QUAD;
    uint32_t band = y / map->band_rows;
    size_t v = (size_t)(y - band * map->band_rows) * map->strips;
    if (map->bands > 1) {
        memcpy(out + tile_place(quads, v, quad) + band * (LANES / map->bands), row, sizeof(int32_t) * map->width);
        return;
    }
    for (uint32_t s = 0; s < map->strips; s++)
        store_ints(out + tile_place(quads, v + s, quad), load_loose_ints(row + s * LANES));
}

/* The maximum of each `pool` neighbours. */
INLINE void pool_quads(const int32_t *wide, int32_t *row, uint32_t width, uint32_t pool) {
    if (pool == 2) {
        for (uint32_t x = 0; x < width; x += LANES) {
            ivec a = load_loose_ints(wide + 2 * x), b = load_loose_ints(wide + 2 * x + LANES);
            store_loose_ints(row + x, max_bytes(EVENS(a, b), ODDS(a, b)));
        }
        return;
    }
    for (uint32_t x = 0; x < width; x++) {
        uint8_t best[QUAD] = {0};
        const uint8_t *bytes = (const uint8_t *)(wide + (size_t)x * pool);
        for (uint32_t i = 0; i < pool * QUAD; i++)
            if (bytes[i] > best[i % QUAD]) best[i % QUAD] = bytes[i];
        memcpy(row + x, best, QUAD);
    }
}

/* Row `y` of the pooled map, with zero points where the map is not. */
INLINE void pooled_row(const struct sis_int8_spread *work, const int32_t *in, size_t quad, int64_t y, int32_t *row) {
    uint32_t width = work->to.width;
    ivec zeros = splat_int((int32_t)(work->zero * 0x01010101u));
    if (y >= 0 && y < (int64_t)work->to.height) {
        int32_t memory[SIS_MOST_INT8_SIDE + 2 * LANES], *wide = work->pool > 1 ? memory : row;
        for (uint32_t i = 0; i < work->pool; i++)
            load_quads(&work->from, in, quad, (uint32_t)y * work->pool + i, wide, i > 0);
        if (work->pool > 1) pool_quads(wide, row, width, work->pool);
    } else {
        for (uint32_t x = 0; x < width; x += LANES) store_loose_ints(row + x, zeros);
    }
    for (int x = 0; x < 2 * PAD; x += LANES) store_loose_ints(row + width + x, zeros);
}

/* Byte c of each of four vectors, together, as vector c. */
INLINE void transpose(const ivec *in, ivec *out) {
    const uvec low = (uvec)splat_int(0x00ff00ff), half = (uvec)splat_int(0x0000ffff);
    uvec a = (uvec)in[0], b = (uvec)in[1], c = (uvec)in[2], d = (uvec)in[3];
    uvec ab02 = (a & low) | (b & low) << 8, ab13 = ((a >> 8) & low) | (b & ~low);
    uvec cd02 = (c & low) | (d & low) << 8, cd13 = ((c >> 8) & low) | (d & ~low);
    out[0] = (ivec)((ab02 & half) | cd02 << 16);
    out[1] = (ivec)((ab13 & half) | cd13 << 16);
    out[2] = (ivec)(ab02 >> 16 | (cd02 & ~half));
    out[3] = (ivec)(ab13 >> 16 | (cd13 & ~half));
}

/* The vector of strip `s` at row `y` of every band, `shift` pixels further right. */
INLINE ivec load_shifted(const struct sis_int8_map *map, const struct quad_rows *rows, int64_t y, uint32_t s,
                         int shift) {
    if (map->bands == 1) return load_loose_ints(row_at(rows, y) + (int64_t)s * LANES + shift);
    if (map->bands == 2)
        return HALVES(load_loose_ints(row_at(rows, y) + shift), load_loose_ints(row_at(rows, y + map->band_rows) + shift));
    int32_t pieces[LANES] __attribute__((aligned(64))) = {0};
    uint32_t width = LANES / map->bands;
    for (uint32_t band = 0; band < map->bands; band++)
        memcpy(pieces + band * width, row_at(rows, y + (int64_t)band * map->band_rows) + shift, sizeof(int32_t) * width);
    return load_ints(pieces);
}

/* Four vectors of quads as vectors of up to four channels, each to its plane. */
INLINE void store_channels(const ivec *in, uint32_t channels, size_t step, int32_t *out) {
    ivec planes[QUAD];
    transpose(in, planes);
    for (uint32_t c = 0; c < channels; c++) store_ints(out + c * step, planes[c]);
}

/* What a map's planes have at row `y` of all bands: row `y` itself, the column around row y - 1, the corner of y - 2. */
INLINE void store_planes(const struct sis_int8_spread *work, const struct quad_rows *rows, int64_t y, size_t quad,
                         int32_t *out) {
    const struct sis_int8_map *map = &work->to;
    int halo = (int)work->kernel / 2;
    uint32_t channels = map->channels - (uint32_t)quad * QUAD, flat = work->kernel == 5 ? 1 : work->planes;
    if (channels > QUAD) channels = QUAD;
    int32_t *first = out + quad * QUAD * work->channel;
    int32_t *corner = out + work->corners + quad * map->band_rows * map->strips * LANES;
    for (uint32_t s = 0; s < map->strips; s++) {
        ivec in[QUAD];
        for (uint32_t p = 0; p < flat; p++) {
            UNROLL for (int i = 0; i < QUAD; i++) in[i] = load_shifted(map, rows, y, s, (int)p * QUAD - halo + i);
            size_t place = (size_t)(y + halo) * map->strips + s;
            store_channels(in, channels, work->channel, first + p * work->plane + place * LANES);
        }
        if (work->kernel != 5) continue;
        if (y >= 1 && y - 1 < (int64_t)map->band_rows) {
            UNROLL for (int i = 0; i < QUAD; i++) in[i] = load_shifted(map, rows, y - 3 + i, s, 2);
            size_t place = (size_t)(y - 1) * map->strips + s;
            store_channels(in, channels, work->channel, first + work->plane + place * LANES);
        }
        if (y >= 2 && y - 2 < (int64_t)map->band_rows)
            store_ints(corner + ((size_t)(y - 2) * map->strips + s) * LANES, load_shifted(map, rows, y, s, 2));
    }
}

/* Rows are read long before their planes are made: what was just stored cannot be loaded at another place at once. */
static void spread_planes(const struct sis_int8_spread *work, const int32_t *in, struct quad_rows *rows, size_t quad,
                          int32_t *out) {
    const struct sis_int8_map *map = &work->to;
    int64_t halo = work->kernel / 2, end = (int64_t)map->bands * map->band_rows + halo, read = -halo;
    for (int64_t y = -halo; y < (int64_t)map->band_rows + halo; y++) {
        for (; read < end && read < y + rows->count - QUAD; read++) pooled_row(work, in, quad, read, row_at(rows, read));
        store_planes(work, rows, y, quad, out);
    }
}

static void spread(const void *untyped, const float *untyped_in, float *out, size_t begin, size_t end) {
    const struct sis_int8_spread *work = untyped;
    const int32_t *in = (const int32_t *)untyped_in;
    int32_t memory[MEMORY], zeros = (int32_t)(work->zero * 0x01010101u);
    struct quad_rows rows = {PAD + work->to.width + BEHIND, 8, memory};
    while ((size_t)rows.count * 2 * rows.pitch <= MEMORY) rows.count *= 2;
    for (int64_t y = 0; y < rows.count; y++)
        for (int x = 1; x <= PAD; x++) row_at(&rows, y)[-x] = zeros;
    for (size_t quad = begin; quad < end; quad++) {
        if (work->kernel > 1) {
            spread_planes(work, in, &rows, quad, (int32_t *)out);
            continue;
        }
        for (uint32_t y = 0; y < work->to.height; y++) {
            pooled_row(work, in, quad, y, row_at(&rows, y));
            store_quads(&work->to, (int32_t *)out, quad, y, row_at(&rows, y));
        }
    }
}

static void quantise(const void *untyped, const float *in, float *out, size_t begin, size_t end) {
    const struct sis_int8_quantise *work = untyped;
    const struct sis_int8_map *map = &work->to;
    vec low = splat((float)-work->zero), high = splat((float)(SIS_MOST_VALUE - work->zero));
    float pixels[SIS_MOST_INT8_SIDE + LANES] = {0};
    int32_t row[SIS_MOST_INT8_SIDE + LANES];
    for (size_t quad = begin; quad < end; quad++)
        for (uint32_t y = 0; y < map->height; y++) {
            memset(row, 0, sizeof *row * (map->width + LANES));
            for (uint32_t c = 0; c < QUAD && quad * QUAD + c < map->channels; c++) {
                size_t channel = quad * QUAD + c;
                memcpy(pixels, in + (channel * map->height + y) * map->width, sizeof *pixels * map->width);
                for (uint32_t x = 0; x < map->width; x += LANES) {
                    vec v = load_loose(pixels + x) * splat(work->inverse_scale);
                    v = select_lanes(v > low, v, low); /* NaN is the smallest value */
                    v = select_lanes(v < high, v, high);
                    ivec value = (round_floats(v) + work->zero) << (8 * c);
                    store_loose_ints(row + x, load_loose_ints(row + x) | value);
                }
            }
            store_quads(map, (int32_t *)out, quad, y, row);
        }
}

/* The sums of channel `c` at row `y`: those of column x are at strip x / LANES, `step` lanes apart. */
INLINE const int32_t *sums_of(const struct sis_int8_map *map, const int32_t *in, size_t c, uint32_t y, uint32_t s) {
    uint32_t band = y / map->band_rows;
    size_t v = (size_t)(y - band * map->band_rows) * map->strips + s;
    return in + tile_place(round_up_to(map->channels, QUAD), v, c) + band * (LANES / map->bands);
}

/* The largest sum of a window of `pool` x `pool` pixels, or zero with ReLU where that is larger. */
INLINE int32_t pooled_sum(const struct sis_int8_finish *work, const int32_t *in, size_t c, uint32_t y, uint32_t x) {
    int32_t best = work->relu ? 0 : INT32_MIN;
    for (uint32_t i = 0; i < work->pool * work->pool; i++) {
        uint32_t column = x * work->pool + i % work->pool;
        int32_t sum = sums_of(&work->from, in, c, y * work->pool + i / work->pool, column / LANES)[column % LANES];
        if (sum > best) best = sum;
    }
    return best;
}

/* The sum of all pixels, none pooled. */
INLINE int64_t total_of(const struct sis_int8_finish *work, const int32_t *in, size_t c) {
    const struct sis_int8_map *map = &work->from;
    int64_t total = 0;
    for (uint32_t y = 0; y < map->height; y++)
        for (uint32_t x = 0; x < map->width; x += LANES) {
            const int32_t *sum = sums_of(map, in, c, y, x / LANES);
            for (uint32_t i = 0; i < LANES && x + i < map->width; i++)
                total += work->relu && sum[i] < 0 ? 0 : sum[i];
        }
    return total;
}

static void finish(const void *untyped, const float *untyped_in, float *out, size_t begin, size_t end) {
    const struct sis_int8_finish *work = untyped;
    const int32_t *in = (const int32_t *)untyped_in;
    uint32_t height = work->from.height / work->pool, width = work->from.width / work->pool;
    for (size_t c = begin; c < end; c++) {
        if (work->average && work->pool == 1) {
            out[c] = (float)total_of(work, in, c) * work->multiplier[c];
            continue;
        }
        int64_t total = 0;
        for (uint32_t y = 0; y < height; y++)
            for (uint32_t x = 0; x < width; x++) {
                int32_t sum = pooled_sum(work, in, c, y, x);
                total += sum;
                if (!work->average) out[(c * height + y) * width + x] = (float)sum * work->multiplier[c];
            }
        if (work->average) out[c] = (float)total * work->multiplier[c];
    }
}

#endif
