/* The blob of a network with branches: layers as bytes, the same on every processor (all fields are little-endian, 4
 * bytes each).
 *
 *     header   "SISG", version (1), number of layers, channels, height and width of the image
 *     layer    kernel side (odd), stride, filters, activation (0 none, 1 ReLU, 2 ReLU6), pool,
 *              flags (bit 0: depthwise, bit 1: works on the average of each map, bit 2: pools by the average, not the
 *              maximum), source, added, number of groups
 *              bias, float32 [filters]
 *     group    number of filters, number of inputs; input indices, strictly rising
 *              weights, float32 [inputs of the group][filters of the group][kernel][kernel]
 *
 * `source` and `added` are 0 for the image and n + 1 for the result of layer n; 0xffffffff for nothing added. Groups
 * are as in network.h. A depthwise layer has one group of all its filters and one input, 0: its weights are
 * [filters][kernel][kernel], and filter n sees map n of its source. A convolution keeps kernel / 2 zeros around the map
 * and takes every `stride`-th pixel. The result of `added` is added before the activation: every so many of its pixels
 * where its map is larger, and to the first filters where it has fewer channels. Pooling by `pool` follows the
 * activation. The last layer is the result.
 */
#ifndef SIS_GRAPH_H
#define SIS_GRAPH_H

#include "network.h"

#define SIS_GRAPH_VERSION 1
#define SIS_NOTHING 0xffffffffu

enum sis_activation { SIS_NONE, SIS_RELU, SIS_RELU6 };

/* A value: the image, or the result of a layer. */
struct sis_value {
    uint32_t channels, height, width;
};

struct sis_node {
    uint32_t kernel, stride, filters, activation, pool, is_depthwise, averages, pools_average, source, added;
    uint32_t group_count;
    uint32_t every;        /* every so many pixels of `added` one is added */
    struct sis_value sums; /* the result before pooling */
    const float *bias;
    struct sis_group *groups;
};

struct sis_graph {
    uint32_t node_count;
    struct sis_node *nodes;
    struct sis_value *values; /* node_count + 1, the image first */
    void *bytes;              /* the copy of the blob that the pointers above point into */
};

int sis_graph_is(const void *blob, size_t bytes);

/* 0, or -1 and a sentence in `message`; sis_graph_free is needed in the first case only. */
int sis_graph_read(struct sis_graph *graph, const void *blob, size_t bytes, char *message, size_t message_bytes);
void sis_graph_free(struct sis_graph *graph);

#endif
