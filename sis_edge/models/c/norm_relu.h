/* Normalisation with ReLU of some rows, on the calling thread; what is computed is in training.h. */
#ifndef SIS_NORM_RELU_H
#define SIS_NORM_RELU_H

#include <stddef.h>

enum { CHUNK = 128 }; /* rows of a chunk are summed in float32, chunks in float64 */

void scale_relu_of(const float *restrict x, const float *restrict scale, const float *restrict shift, size_t rows,
                   size_t channels, float *restrict y);

/* Added to sum[c] and product[c]. */
void gradient_sums_of(const float *restrict x, const float *restrict dy, const float *restrict pivot,
                      const float *restrict scale, const float *restrict shift, size_t rows, size_t channels,
                      float *restrict sum, float *restrict product);

#endif
