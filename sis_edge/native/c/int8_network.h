/* The blob of a chain in INT8 (int8.h says what is computed); the same on every processor, little-endian, 4 bytes a
 * field but for weights.
 *
 *     header   "SISQ", version (1), number of layers, flags (bit 0: global average pooling ends the chain)
 *              what the image is multiplied with before it is rounded, float32; its zero point
 *     layer    kernel side (odd), inputs, filters, height, width, pool, flags (bit 0: ReLU), the result's zero point,
 *              number of groups
 *              bias, s32 [filters]; multiplier, float32 [filters]
 *     group    number of filters, number of inputs; input indices, strictly rising
 *              weights, s8 [inputs of the group][filters of the group][kernel][kernel], zeros up to a whole field
 *
 * Groups are those of network.h. The sums of the last layer are not rounded to values: they, after ReLU and pooling, or
 * the sum of all pixels, times the multiplier, are the output.
 */
#ifndef SIS_INT8_NETWORK_H
#define SIS_INT8_NETWORK_H

#include <stddef.h>
#include <stdint.h>

#define SIS_INT8_MAGIC "SISQ"
#define SIS_INT8_BLOB_VERSION 1

struct sis_int8_group {
    uint32_t first, filters, inputs;
    const uint32_t *input;
    const int8_t *weight;
};

struct sis_int8_layer {
    uint32_t kernel, inputs, filters, height, width, pool, relu, zero, group_count;
    const int32_t *bias;
    const float *multiplier;
    struct sis_int8_group *groups;
};

struct sis_int8_network {
    uint32_t layer_count, global_average, zero;
    float inverse_scale;
    struct sis_int8_layer *layers;
    void *bytes; /* the copy of the blob that the pointers above point into */
};

/* Whether a blob begins as one of INT8 does. */
int sis_is_int8(const void *blob, size_t bytes);

/* 0, or -1 and a sentence in `message`; sis_int8_network_free is needed in the first case only. */
int sis_int8_network_read(struct sis_int8_network *network, const void *blob, size_t bytes, char *message,
                          size_t message_bytes);
void sis_int8_network_free(struct sis_int8_network *network);

#endif
