/* Sums over lists, with `vectors` vectors of pixels or tiles at a time, at most VECTORS: they stay in registers. */
#ifndef SIS_SPARSE_ROWS_H
#define SIS_SPARSE_ROWS_H

#include <stddef.h>
#include <stdint.h>

enum { VECTORS = 8 };

/* Row by row: number k of the list, from start[row] to start[row + 1], is the weight `at[k]` of the input that lies
 * index[k] * unit numbers further. `others` are the inputs, `existing` the length of the list. */
typedef struct {
    const uint32_t *start, *index, *at;
    size_t rows, others, existing;
} Lists;

/* to[row] = the sum of weight * input over the row's list. */
void sparse_rows(const Lists *lists, const float *values, const float *from, size_t unit, float *to, size_t vectors);

/* sums[k] += the product of dy[row] and the input, over all lanes. */
void sparse_weights(const Lists *lists, const float *from, size_t unit, const float *dy, float *sums, size_t vectors);

#endif
