/* Values between layers and at both ends: quantising images, pooling, planes, and sums as real numbers; included by
 * int8_kernels.h. */
#ifndef SIS_INT8_SPREAD_H
#define SIS_INT8_SPREAD_H

/* A row with room for zero points on both sides, and for whole vectors behind. */
enum { PAD = 32, ROW_LANES = PAD + SIS_MOST_INT8_SIDE + PAD + 2 * LANES };

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

/* The maximum of each `pool` neighbours, in place. */
INLINE void pool_quads(int32_t *row, uint32_t width, uint32_t pool) {
    if (pool == 2) {
        for (uint32_t x = 0; x < width; x += LANES) {
            ivec a = load_loose_ints(row + 2 * x), b = load_loose_ints(row + 2 * x + LANES);
            store_loose_ints(row + x, max_bytes(EVENS(a, b), ODDS(a, b)));
        }
        return;
    }
    for (uint32_t x = 0; x < width; x++) {
        uint8_t best[QUAD] = {0}, *bytes = (uint8_t *)(row + (size_t)x * pool);
        for (uint32_t i = 0; i < pool * QUAD; i++)
            if (bytes[i] > best[i % QUAD]) best[i % QUAD] = bytes[i];
        memcpy(row + x, best, QUAD);
    }
}

/* Row `y` of the pooled map, with zero points where the map is not. */
INLINE void pooled_row(const struct sis_int8_spread *work, const int32_t *in, size_t quad, int64_t y, int32_t *padded) {
    uint32_t width = work->to.width;
    int32_t *row = padded + PAD, zeros = (int32_t)(work->zero * 0x01010101u);
    if (y >= 0 && y < (int64_t)work->to.height) {
        for (uint32_t i = 0; i < work->pool; i++)
            load_quads(&work->from, in, quad, (uint32_t)y * work->pool + i, row, i > 0);
        if (work->pool > 1) pool_quads(row, width, work->pool);
    } else {
        for (uint32_t x = 0; x < width; x += LANES) store_loose_ints(row + x, splat_int(zeros));
    }
    for (int x = 0; x < PAD + LANES; x += LANES) store_loose_ints(row + width + x, splat_int(zeros));
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

/* One vector of a strip in row `y` of a plane that begins `halo` rows above the map: to each band that has that row. */
INLINE void store_plane(const struct sis_int8_map *map, int32_t *plane, int64_t y, uint32_t halo, uint32_t strip,
                        ivec v) {
    if (map->bands == 1) {
        store_ints(plane + ((size_t)(y + halo) * map->strips + strip) * LANES, v);
        return;
    }
    uint32_t width = LANES / map->bands;
    int32_t piece[LANES] __attribute__((aligned(64)));
    store_ints(piece, v);
    for (uint32_t band = 0; band < map->bands; band++) {
        int64_t j = y + halo - (int64_t)band * map->band_rows;
        if (j >= 0 && j < (int64_t)map->band_rows + 2 * halo)
            memcpy(plane + (size_t)j * LANES + band * width, piece, sizeof(int32_t) * width);
    }
}

/* Row `y` of `rows` (the last four, by their number's remainder) as planes of four channels. */
INLINE void store_row(const struct sis_int8_spread *work, int32_t rows[4][ROW_LANES], int64_t y, size_t quad,
                      int32_t *out) {
    const struct sis_int8_map *map = &work->to;
    uint32_t halo = work->kernel / 2, channels = map->channels - (uint32_t)quad * QUAD;
    uint32_t flat = work->kernel == 5 ? 1 : work->planes;
    int64_t end = (int64_t)map->bands * map->band_rows;
    int32_t *first = out + quad * QUAD * work->channel, *corner = out + work->corners;
    if (channels > QUAD) channels = QUAD;
    corner += quad * map->band_rows * map->strips * LANES;
    for (uint32_t s = 0; s < map->strips; s++) {
        ivec in[4], planes[4];
        for (uint32_t p = 0; p < flat; p++) {
            const int32_t *x = rows[y & 3] + PAD + s * LANES + p * QUAD - halo;
            UNROLL for (int i = 0; i < 4; i++) in[i] = load_loose_ints(x + i);
            transpose(in, planes);
            for (uint32_t c = 0; c < channels; c++)
                store_plane(map, first + c * work->channel + p * work->plane, y, halo, s, planes[c]);
        }
        if (work->kernel != 5) continue;
        if (y - 1 >= 0 && y - 1 < end) {
            UNROLL for (int i = 0; i < 4; i++) in[i] = load_loose_ints(rows[(y + 1 + i) & 3] + PAD + s * LANES + 2);
            transpose(in, planes);
            for (uint32_t c = 0; c < channels; c++)
                store_plane(map, first + c * work->channel + work->plane, y - 1, 0, s, planes[c]);
        }
        if (y - 2 >= 0 && y - 2 < end)
            store_plane(map, corner, y - 2, 0, s, load_loose_ints(rows[y & 3] + PAD + s * LANES + 2));
    }
}

static void spread(const void *untyped, const float *in, float *out, size_t begin, size_t end) {
    const struct sis_int8_spread *work = untyped;
    const int32_t *source = (const int32_t *)in;
    int32_t *target = (int32_t *)out, zeros = (int32_t)(work->zero * 0x01010101u);
    int32_t rows[4][ROW_LANES];
    for (int i = 0; i < 4; i++)
        for (int x = 0; x < PAD; x++) rows[i][x] = zeros;
    int64_t halo = work->kernel / 2, height = (int64_t)work->to.bands * work->to.band_rows;
    for (size_t quad = begin; quad < end; quad++) {
        if (work->kernel == 1) {
            for (uint32_t y = 0; y < work->to.height; y++) {
                pooled_row(work, source, quad, y, rows[0]);
                store_quads(&work->to, target, quad, y, rows[0] + PAD);
            }
            continue;
        }
        for (int64_t y = -halo; y < height + halo; y++) {
            pooled_row(work, source, quad, y, rows[y & 3]);
            store_row(work, rows, y, quad, target);
        }
    }
}

static void quantise(const void *untyped, const float *in, float *out, size_t begin, size_t end) {
    const struct sis_int8_quantise *work = untyped;
    const struct sis_int8_map *map = &work->to;
    vec low = splat((float)-work->zero), high = splat((float)(SIS_MOST_VALUE - work->zero));
    float pixels[ROW_LANES] = {0};
    int32_t row[ROW_LANES];
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

/* The sum of one pixel. */
INLINE int32_t sum_of(const struct sis_int8_map *map, const int32_t *in, size_t channel, uint32_t y, uint32_t x) {
    uint32_t band = y / map->band_rows, j = y - band * map->band_rows;
    size_t v = (size_t)j * map->strips + (map->bands > 1 ? 0 : x / LANES), lane = x;
    lane = map->bands > 1 ? band * (LANES / map->bands) + x : x % LANES;
    return in[tile_place(round_up_to(map->channels, QUAD), v, channel) + lane];
}

static void finish(const void *untyped, const float *in, float *out, size_t begin, size_t end) {
    const struct sis_int8_finish *work = untyped;
    const struct sis_int8_map *map = &work->from;
    uint32_t pool = work->pool, height = map->height / pool, width = map->width / pool;
    for (size_t f = begin; f < end; f++) {
        int64_t total = 0;
        for (uint32_t y = 0; y < height; y++)
            for (uint32_t x = 0; x < width; x++) {
                int32_t best = work->relu ? 0 : INT32_MIN;
                for (uint32_t i = 0; i < pool * pool; i++) {
                    int32_t sum = sum_of(map, (const int32_t *)in, f, y * pool + i / pool, x * pool + i % pool);
                    if (sum > best) best = sum;
                }
                total += best;
                if (!work->average) out[(f * height + y) * width + x] = (float)best * work->multiplier[f];
            }
        if (work->average) out[f] = (float)total * work->multiplier[f];
    }
}

#endif
