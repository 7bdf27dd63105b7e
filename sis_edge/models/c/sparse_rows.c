#include "sparse_rows.h"

#include "points.h"

/* With few vectors several sums go on side by side, so that none waits for the one before. */
INLINE void rows_of(const Lists *lists, const float *values, const float *from, size_t unit, float *to, size_t vectors) {
    size_t step = vectors * LANES;
    const size_t sets = vectors > 4 ? 1 : vectors > 2 ? 2 : 4;
    for (size_t row = 0; row < lists->rows; row++, to += step) {
        vec sum[4][VECTORS];
        UNROLL for (size_t s = 0; s < 4; s++) UNROLL for (size_t v = 0; v < VECTORS; v++) sum[s][v] = splat(0);
        size_t k = lists->start[row], end = lists->start[row + 1];
        for (; k + sets <= end; k += sets) UNROLL for (size_t s = 0; s < 4; s++) if (s < sets) {
            vec value = splat(values[lists->at[k + s]]);
            const float *other = from + lists->index[k + s] * unit;
            UNROLL for (size_t v = 0; v < VECTORS; v++) if (v < vectors) sum[s][v] += value * load_loose(other + v * LANES);
        }
        for (; k < end; k++) {
            vec value = splat(values[lists->at[k]]);
            const float *other = from + lists->index[k] * unit;
            UNROLL for (size_t v = 0; v < VECTORS; v++) if (v < vectors) sum[0][v] += value * load_loose(other + v * LANES);
        }
        UNROLL for (size_t v = 0; v < VECTORS; v++) if (v < vectors) {
            vec all = sum[0][v];
            UNROLL for (size_t s = 1; s < 4; s++) if (s < sets) all += sum[s][v];
            store(to + v * LANES, all);
        }
    }
}

/* Eight products at a time, so that their lanes are added up together. */
INLINE void weights_of(const Lists *lists, const float *from, size_t unit, const float *dy, float *sums, size_t vectors) {
    size_t step = vectors * LANES;
    for (size_t row = 0; row < lists->rows; row++, dy += step) {
        vec own[VECTORS];
        UNROLL for (size_t v = 0; v < VECTORS; v++) if (v < vectors) own[v] = load(dy + v * LANES);
        for (size_t k = lists->start[row], end = lists->start[row + 1]; k < end; k += LANES) {
            size_t some = end - k < LANES ? end - k : LANES;
            vec product[LANES], found;
            UNROLL for (size_t i = 0; i < LANES; i++) {
                const float *other = from + lists->index[i < some ? k + i : k] * unit;
                product[i] = own[0] * load_loose(other);
                UNROLL for (size_t v = 1; v < VECTORS; v++) if (v < vectors) product[i] += own[v] * load_loose(other + v * LANES);
            }
            found = sums_of(product);
            if (some == LANES)
                store_loose(sums + k, load_loose(sums + k) + found);
            else
                for (size_t i = 0; i < some; i++) sums[k + i] += found[i];
        }
    }
}

#define WITH_VECTORS(call)                                                                     \
    switch (vectors) {                                                                         \
        case 1: call(1); break; case 2: call(2); break; case 3: call(3); break;                \
        case 4: call(4); break; case 5: call(5); break; case 6: call(6); break;                \
        case 7: call(7); break; default: call(8);                                              \
    }

void sparse_rows(const Lists *lists, const float *values, const float *from, size_t unit, float *to, size_t vectors) {
#define CALL(n) rows_of(lists, values, from, unit, to, n)
    WITH_VECTORS(CALL)
#undef CALL
}

void sparse_weights(const Lists *lists, const float *from, size_t unit, const float *dy, float *sums, size_t vectors) {
#define CALL(n) weights_of(lists, from, unit, dy, sums, n)
    WITH_VECTORS(CALL)
#undef CALL
}
