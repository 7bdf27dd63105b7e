/* From one layout of maps to another, with max pooling on the way, row by row; included by kernels.h. */
#ifndef SIS_RELAYOUT_H
#define SIS_RELAYOUT_H

/* The longest row, and what vectors may read or write beyond it. */
enum { ROW_FLOATS = 4096 + 4 * LANES };

INLINE void copy_floats(float *to, const float *from, uint32_t count) {
    uint32_t i = 0;
    for (; i + LANES <= count; i += LANES) store_loose(to + i, load_loose(from + i));
#if LANES == 16
    if (i + 8 <= count) {
        memcpy(to + i, from + i, 32);
        i += 8;
    }
#endif
    for (; i < count; i++) to[i] = from[i];
}

/* Row `y` of channel `c` to `row`, or the larger of both where `merge`. */
INLINE void load_row(const struct sis_layout *layout, const float *in, size_t c, uint32_t y, float *row, int merge) {
    if (layout->format == SIS_PLAIN) {
        const float *source = in + c * layout->stride + (size_t)y * layout->width;
        if (!merge) {
            copy_floats(row, source, layout->width);
            return;
        }
        for (uint32_t x = 0; x < layout->width; x++) row[x] = source[x] > row[x] ? source[x] : row[x];
        return;
    }
    uint32_t band = y / layout->band_rows, lane = band * (LANES / layout->bands);
    size_t v = (size_t)(y - band * layout->band_rows) * layout->strips;
    if (layout->bands > 1) {
        const float *source = in + tile_offset(layout, v, c) + lane;
        for (uint32_t x = 0; x < layout->width; x++) row[x] = merge && !(source[x] > row[x]) ? row[x] : source[x];
        return;
    }
    for (uint32_t s = 0; s < layout->strips; s++, row += LANES) {
        vec source = load(in + tile_offset(layout, v + s, c));
        store_loose(row, merge ? max(load_loose(row), source) : source);
    }
}

INLINE void store_row(const struct sis_layout *layout, float *out, size_t c, uint32_t y, const float *row) {
    switch (layout->format) {
        case SIS_PLAIN:
            copy_floats(out + c * layout->stride + (size_t)y * layout->width, row, layout->width);
            return;
        case SIS_WIDE:
            copy_floats(out + c * layout->stride + (size_t)(y + layout->halo) * layout->pitch + layout->halo, row,
                        layout->width);
            return;
        case SIS_BANDED:
            for (uint32_t band = 0; band < layout->bands; band++) {
                int32_t j = (int32_t)y - (int32_t)(band * layout->band_rows) + (int32_t)layout->halo;
                if (j >= 0 && j < (int32_t)(layout->band_rows + 2 * layout->halo))
                    copy_floats(out + c * layout->stride + (size_t)j * LANES + band * (LANES / layout->bands), row,
                                layout->width);
            }
            return;
        case SIS_FRAMED: return; /* framed.h has copies of its own */
        case SIS_TILES: {
            uint32_t band = y / layout->band_rows;
            size_t v = (size_t)(y - band * layout->band_rows) * layout->strips;
            for (uint32_t x = 0; x < layout->width; x += LANES)
                copy_floats(out + tile_offset(layout, v++, c) + band * (LANES / layout->bands), row + x,
                            layout->width - x < LANES ? layout->width - x : LANES);
            return;
        }
    }
}

/* The maximum of each `pool` neighbours, in place. Whole vectors run into the padding behind the row. */
INLINE void pool_row(float *row, uint32_t width, uint32_t pool) {
    if (pool == 2) {
        for (uint32_t x = 0; x < width; x += LANES) {
            vec a = load_loose(row + 2 * x), b = load_loose(row + 2 * x + LANES);
            store_loose(row + x, max(EVENS(a, b), ODDS(a, b)));
        }
        return;
    }
    for (uint32_t x = 0; x < width; x++) {
        float best = row[(size_t)x * pool];
        for (uint32_t i = 1; i < pool; i++) best = row[(size_t)x * pool + i] > best ? row[(size_t)x * pool + i] : best;
        row[x] = best;
    }
}

/* Row `y` of channel `c` of a map without bands, pooled by 2: the same maxima in the same order, all in registers. */
INLINE void load_pooled_row(const struct sis_layout *layout, const float *in, size_t c, uint32_t y, float *row) {
    size_t upper = (size_t)(2 * y) * layout->strips, lower = upper + layout->strips;
    for (uint32_t s = 0; s < layout->strips; s += 2, row += LANES) {
        uint32_t next = s + 1 < layout->strips ? s + 1 : s;
        vec a = max(load(in + tile_offset(layout, upper + s, c)), load(in + tile_offset(layout, lower + s, c)));
        vec b = max(load(in + tile_offset(layout, upper + next, c)), load(in + tile_offset(layout, lower + next, c)));
        store_loose(row, max(EVENS(a, b), ODDS(a, b)));
    }
}

static void relayout(const struct sis_relayout *work, const float *in, float *out, size_t begin, size_t end) {
    float row[ROW_FLOATS];
    memset(row, 0, sizeof(float) * (work->from.width + 4 * LANES));
    int halves = work->pool == 2 && work->from.format == SIS_TILES && work->from.bands == 1;
    for (size_t c = begin; c < end; c++)
        for (uint32_t y = 0; y < work->to.height; y++) {
            if (halves) {
                load_pooled_row(&work->from, in, c, y, row);
                store_row(&work->to, out, c, y, row);
                continue;
            }
            for (uint32_t i = 0; i < work->pool; i++) load_row(&work->from, in, c, y * work->pool + i, row, i > 0);
            if (work->pool > 1) pool_row(row, work->to.width, work->pool);
            store_row(&work->to, out, c, y, row);
        }
}

static void average(const struct sis_layout *from, const float *in, float *out, size_t begin, size_t end) {
    float row[ROW_FLOATS];
    for (size_t c = begin; c < end; c++) {
        float sum = 0;
        for (uint32_t y = 0; y < from->height; y++) {
            load_row(from, in, c, y, row, 0);
            for (uint32_t x = 0; x < from->width; x++) sum += row[x];
        }
        out[c] = sum / ((float)from->height * (float)from->width);
    }
}

#endif
