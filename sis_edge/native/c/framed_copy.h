/* Copies, pooling and averages of FRAMED maps; included by framed.h. */
#ifndef SIS_FRAMED_COPY_H
#define SIS_FRAMED_COPY_H

/* As fill_halo, behind the first row of a map. */
static void copy_halo(const struct sis_layout *to, float *first) {
    uint32_t side = LANES / to->bands, rest = LANES - side;
    float *end = first + to->band_rows * LANES;
    for (uint32_t h = 1; h <= to->halo; h++) {
        memcpy(first - h * LANES + side, end - h * LANES, rest * sizeof(float));
        memcpy(end + (h - 1) * LANES, first + (h - 1) * LANES + side, rest * sizeof(float));
    }
}

/* A row's even columns to `even`, its odd ones to `odd`. Nothing is read beyond the row: it may be the caller's. */
static void split_row(const float *row, uint32_t width, float *even, float *odd) {
    uint32_t x = 0;
    for (; x + 2 * LANES <= width; x += 2 * LANES, even += LANES, odd += LANES) {
        vec a = load_loose(row + x), b = load_loose(row + x + LANES);
        store_loose(even, EVENS(a, b));
        store_loose(odd, ODDS(a, b));
    }
    for (; x < width; x++) *(x % 2 ? odd++ : even++) = row[x];
}

static void framed_copy(const struct sis_framed_copy *work, const float *in, float *out, size_t begin, size_t end) {
    const struct sis_layout *from = &work->from, *to = &work->to;
    for (size_t c = begin; c < end; c++) {
        for (uint32_t y = 0; y < to->height; y++) {
            const float *source = in + row_offset(from, c, y * work->every);
            float *target = out + row_offset(to, c, y);
            if (to->split)
                split_row(source, to->width, target, target + to->strips * LANES);
            else if (work->every == 1)
                memcpy(target, source, to->width * sizeof(float));
            else
                for (uint32_t x = 0; x < to->width; x++) target[x] = source[(size_t)x * work->every];
        }
        if (to->format == SIS_FRAMED && to->bands > 1) copy_halo(to, out + row_offset(to, c, 0));
    }
}

static void framed_pool(const struct sis_framed_copy *work, const float *in, float *out, size_t begin, size_t end) {
    const struct sis_layout *from = &work->from, *to = &work->to;
    uint32_t side = work->every;
    float share = 1.0f / (float)(side * side);
    for (size_t c = begin; c < end; c++) {
        for (uint32_t y = 0; y < to->height; y++) {
            float *target = out + row_offset(to, c, y);
            for (uint32_t i = 0; i < side; i++) {
                const float *row = in + row_offset(from, c, y * side + i);
                for (uint32_t x = 0; x < to->width; x++)
                    for (uint32_t k = 0; k < side; k++) {
                        float value = row[(size_t)x * side + k];
                        if (i + k == 0)
                            target[x] = value;
                        else if (work->takes_mean)
                            target[x] += value;
                        else if (!(value <= target[x])) /* also where it is not a number */
                            target[x] = value;
                    }
            }
            for (uint32_t x = 0; work->takes_mean && x < to->width; x++) target[x] *= share;
        }
        if (to->bands > 1) copy_halo(to, out + row_offset(to, c, 0));
    }
}

static void framed_average(const struct sis_framed_copy *work, const float *in, float *out, size_t begin, size_t end) {
    const struct sis_layout *from = &work->from;
    for (size_t c = begin; c < end; c++) {
        float sum = 0;
        for (uint32_t y = 0; y < from->height; y++) {
            const float *row = in + row_offset(from, c, y);
            for (uint32_t x = 0; x < from->width; x++) sum += row[x];
        }
        out[row_offset(&work->to, c, 0)] = sum / ((float)from->height * (float)from->width);
    }
}

#endif
