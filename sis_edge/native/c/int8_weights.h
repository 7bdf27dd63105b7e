/* A layer's work with its weights as quads, in the order in which the INT8 kernels read them. */
#ifndef SIS_INT8_WEIGHTS_H
#define SIS_INT8_WEIGHTS_H

#include "int8.h"
#include "int8_network.h"

enum { QUAD = 4 };

static inline uint32_t sis_quads_of(uint32_t channels) { return (channels + QUAD - 1) / QUAD; }

/* A copy of `work` with its filters, in one allocation to be freed, or NULL without memory; `from` is what its inputs
 * were spread by, `corner_step` the lanes of the corners of four channels. The zero point is folded into the bias. */
void *sis_int8_lay_convolution(const struct sis_int8_layer *layer, const struct sis_int8_spread *from,
                               size_t corner_step, const struct sis_int8_convolution *work);

/* The same with blocks of filters, for inputs whose quads are `quad_step` lanes apart, with that zero point. */
void *sis_int8_lay_pointwise(const struct sis_int8_layer *layer, uint32_t zero, size_t quad_step,
                             const struct sis_int8_pointwise *work);

#endif
