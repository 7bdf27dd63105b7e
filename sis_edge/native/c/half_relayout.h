/* From one layout of maps in half precision to another, with max pooling on the way; included by half_kernels.h. PLAIN
 * maps are float32: the images and the results of a chain, and what it averages after pooling. */
#ifndef SIS_HALF_RELAYOUT_H
#define SIS_HALF_RELAYOUT_H

/* The longest row, and what vectors may read or write beyond it. */
enum { ROW_HALVES = 4096 + 4 * LANES };

/* Row `y` of channel `c` to `row`, or the larger of both where `merge`. */
INLINE void load_row(const struct sis_layout *layout, const float *in, size_t c, uint32_t y, half *row, int merge) {
    if (layout->format == SIS_PLAIN) {
        const float *source = in + c * layout->stride + (size_t)y * layout->width;
        for (uint32_t x = 0; x < layout->width; x++) {
            half value = (half)source[x];
            row[x] = merge && !(value > row[x]) ? row[x] : value;
        }
        return;
    }
    for (uint32_t s = 0; s < layout->strips; s++, row += LANES) {
        hvec source = load((const half *)in + tile_offset(layout, (size_t)y * layout->strips + s, c));
        store_loose(row, merge ? max(load_loose(row), source) : source);
    }
}

INLINE void store_row(const struct sis_layout *layout, float *out, size_t c, uint32_t y, const half *row) {
    half *halves = (half *)out;
    if (layout->format == SIS_PLAIN) {
        float *target = out + c * layout->stride + (size_t)y * layout->width;
        for (uint32_t x = 0; x < layout->width; x++) target[x] = (float)row[x];
    } else if (layout->format == SIS_WIDE) {
        size_t at = c * layout->stride + (size_t)(y + layout->halo) * layout->pitch + layout->halo;
        memcpy(halves + at, row, layout->width * sizeof *row);
    } else {
        for (uint32_t s = 0; s < layout->strips; s++)
            store(halves + tile_offset(layout, (size_t)y * layout->strips + s, c), load_loose(row + s * LANES));
    }
}

/* The maximum of each `pool` neighbours, in place. Whole vectors run into the padding behind the row. */
INLINE void pool_row(half *row, uint32_t width, uint32_t pool) {
    if (pool == 2) {
        for (uint32_t x = 0; x < width; x += LANES) {
            hvec a = load_loose(row + 2 * x), b = load_loose(row + 2 * x + LANES);
            store_loose(row + x, max(__builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14),
                                     __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15)));
        }
        return;
    }
    for (uint32_t x = 0; x < width; x++) {
        half best = row[(size_t)x * pool];
        for (uint32_t i = 1; i < pool; i++) best = row[(size_t)x * pool + i] > best ? row[(size_t)x * pool + i] : best;
        row[x] = best;
    }
}

static void relayout(const struct sis_relayout *work, const float *in, float *out, size_t begin, size_t end) {
    half row[ROW_HALVES];
    memset(row, 0, sizeof *row * (work->from.width + 4 * LANES));
    for (size_t c = begin; c < end; c++)
        for (uint32_t y = 0; y < work->to.height; y++) {
            for (uint32_t i = 0; i < work->pool; i++) load_row(&work->from, in, c, y * work->pool + i, row, i > 0);
            if (work->pool > 1) pool_row(row, work->to.width, work->pool);
            store_row(&work->to, out, c, y, row);
        }
}

static void average(const struct sis_layout *from, const float *in, float *out, size_t begin, size_t end) {
    half row[ROW_HALVES];
    for (size_t c = begin; c < end; c++) {
        float sum = 0;
        for (uint32_t y = 0; y < from->height; y++) {
            load_row(from, in, c, y, row, 0);
            for (uint32_t x = 0; x < from->width; x++) sum += (float)row[x];
        }
        out[c] = sum / ((float)from->height * (float)from->width);
    }
}

static void narrow(float *values, size_t count) {
    half *halves = (half *)values;
    for (size_t i = 0; i < count; i++) {
        float value;
        memcpy(&value, values + i, sizeof value);
        halves[i] = (half)value;
    }
}

#endif
