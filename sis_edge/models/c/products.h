/* One product of matrices on the calling thread. */
#ifndef SIS_PRODUCTS_H
#define SIS_PRODUCTS_H

#include "pieces.h"

/* An element of the left factor lies at row * left_row + step * left_step; the right one's rows have `columns` numbers,
 * and so have the product's. */
typedef struct {
    size_t left_row, left_step, depth, columns;
} Factors;

/* to[rows, columns] = left[rows, depth] right[depth, columns], added to what is there where `adds`. */
void multiply(const Factors *factors, const float *left, const float *right, size_t rows, float *to, int adds);

#endif
