/* The blob: a chain of layers as bytes, the same on every processor (all fields are little-endian, 4 bytes each).
 *
 *     header   "SISC", version (1), number of layers, flags (bit 0: global average pooling ends the chain,
 *              bit 1: computed in half precision, see half.h; then no weight is beyond 65504)
 *     layer    kernel side (odd), inputs, filters, height, width, pool, flags, number of groups
 *              flags: bit 0 ReLU, bit 4 Winograd's algorithm (kernels of side 3 and 5 only; winograd.h)
 *              bias, float32 [filters]
 *     group    number of filters, number of inputs; input indices, strictly rising
 *              weights, float32 [inputs of the group][filters of the group][kernel][kernel]
 *
 * Groups cover a layer's filters in order. The filters of a group share their inputs; one that does not have a kernel
 * there has zeros. A convolution has stride 1 and keeps the map's size; max pooling by `pool` follows ReLU.
 */
#ifndef SIS_NETWORK_H
#define SIS_NETWORK_H

#include <stddef.h>
#include <stdint.h>

#define SIS_BLOB_VERSION 1

enum { SIS_FLAG_RELU = 1, SIS_FLAG_WINOGRAD = 16 };
enum { SIS_FLAG_AVERAGE = 1, SIS_FLAG_HALF = 2 }; /* of the header */

struct sis_group {
    uint32_t first, filters, inputs;
    const uint32_t *input;
    const float *weight;
};

struct sis_layer {
    uint32_t kernel, inputs, filters, height, width, pool, relu, winograd, group_count;
    const float *bias;
    struct sis_group *groups;
};

struct sis_network {
    uint32_t layer_count, global_average, half;
    struct sis_layer *layers;
    void *bytes; /* the copy of the blob that the pointers above point into */
};

/* 0, or -1 and a sentence in `message`; sis_network_free is needed in the first case only. */
int sis_network_read(struct sis_network *network, const void *blob, size_t bytes, char *message,
                     size_t message_bytes);
void sis_network_free(struct sis_network *network);

/* Whether the blob is one of a chain in half precision. */
int sis_is_half(const void *blob, size_t bytes);

#endif
