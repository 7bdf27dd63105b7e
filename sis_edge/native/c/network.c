#include "network.h"
#include "cursor.h"

#include <stdlib.h>
#include <string.h>

int read_groups(struct cursor *cursor, struct sis_group *groups, uint32_t group_count, uint32_t filters,
                uint32_t inputs, uint32_t taps, unsigned index) {
    uint32_t covered = 0;
    for (uint32_t g = 0; g < group_count; g++) {
        struct sis_group *group = &groups[g];
        const uint32_t *head = read_group_head(cursor, filters - covered, inputs, index, g);
        if (!head) return -1;
        group->first = covered;
        group->filters = head[0];
        group->inputs = head[1];
        covered += group->filters;
        uint64_t weights = (uint64_t)group->inputs * group->filters * taps;
        group->input = read_fields(cursor, group->inputs);
        group->weight = group->input ? read_fields(cursor, weights) : NULL;
        if (!group->weight) return refuse(cursor, "the blob ends within layer %u, group %u", index, g);
        if (check_rising(cursor, group->input, group->inputs, inputs, index, g)) return -1;
        if (!all_finite(group->weight, weights))
            return refuse(cursor, "layer %u, group %u has a weight that is not a finite number", index, g);
    }
    if (covered != filters)
        return refuse(cursor, "the groups of layer %u cover %u of %u filters", index, covered, filters);
    return 0;
}

static int read_layer(struct cursor *cursor, struct sis_layer *layer, const struct sis_layer *before, unsigned index) {
    const uint32_t *head = read_fields(cursor, 8);
    if (!head) return refuse(cursor, "the blob ends before layer %u", index);
    layer->kernel = head[0];
    layer->inputs = head[1];
    layer->filters = head[2];
    layer->height = head[3];
    layer->width = head[4];
    layer->pool = head[5];
    layer->relu = !!(head[6] & SIS_FLAG_RELU);
    layer->winograd = !!(head[6] & SIS_FLAG_WINOGRAD);
    layer->group_count = head[7];
    if (check_sizes(cursor, head, MOST_SIDE, "", index)) return -1;
    if (head[6] & ~(uint32_t)(SIS_FLAG_RELU | SIS_FLAG_WINOGRAD))
        return refuse(cursor, "layer %u has the unknown flags %#x", index, head[6]);
    if (layer->winograd && layer->kernel != 3 && layer->kernel != 5)
        return refuse(cursor, "layer %u uses Winograd's algorithm with kernels of side %u; 3 and 5 are possible", index,
                      layer->kernel);
    if (!layer->group_count || layer->group_count > layer->filters)
        return refuse(cursor, "layer %u has %u groups for %u filters", index, layer->group_count, layer->filters);
    if (before && (layer->inputs != before->filters || layer->height != before->height / before->pool ||
                   layer->width != before->width / before->pool))
        return refuse(cursor, "layer %u takes %u maps of %u x %u, which the layer before does not give", index,
                      layer->inputs, layer->height, layer->width);
    layer->bias = read_fields(cursor, layer->filters);
    if (!layer->bias) return refuse(cursor, "the blob ends within layer %u", index);
    if (!all_finite(layer->bias, layer->filters))
        return refuse(cursor, "layer %u has a bias that is not a finite number", index);
    layer->groups = calloc(layer->group_count, sizeof *layer->groups);
    if (!layer->groups) return refuse(cursor, "there is no memory for layer %u", index);
    return read_groups(cursor, layer->groups, layer->group_count, layer->filters, layer->inputs,
                           layer->kernel * layer->kernel, index);
}

static const float MOST_HALF = 65504.0f;

/* What half precision has no kernels for, or no numbers. */
static int check_half(struct cursor *cursor, const struct sis_layer *layer, unsigned index) {
    if (layer->winograd)
        return refuse(cursor, "layer %u uses Winograd's algorithm, which half precision is too coarse for", index);
    for (uint32_t g = 0; g < layer->group_count; g++) {
        const struct sis_group *group = &layer->groups[g];
        size_t weights = (size_t)group->inputs * group->filters * layer->kernel * layer->kernel;
        for (size_t i = 0; i < weights; i++)
            if (group->weight[i] > MOST_HALF || group->weight[i] < -MOST_HALF)
                return refuse(cursor, "layer %u, group %u has the weight %g, and half precision ends at %g", index, g,
                              (double)group->weight[i], (double)MOST_HALF);
    }
    return 0;
}

int sis_is_half(const void *blob, size_t bytes) {
    uint32_t head[4];
    if (bytes < sizeof head) return 0;
    memcpy(head, blob, sizeof head);
    return !memcmp(head, "SISC", 4) && (head[3] & ~(uint32_t)SIS_FLAG_AVERAGE) == SIS_FLAG_HALF;
}

static int read_all(struct cursor *cursor, struct sis_network *network) {
    const uint32_t *head = read_fields(cursor, 4);
    if (!head || memcmp(head, "SISC", 4)) return refuse(cursor, "not a sis-edge blob");
    if (head[1] != SIS_BLOB_VERSION)
        return refuse(cursor, "the blob has version %u, this library reads %d; export the network again", head[1],
                      SIS_BLOB_VERSION);
    if (!head[2] || head[2] > MOST_LAYERS) return refuse(cursor, "the blob has %u layers", head[2]);
    if (head[3] & ~(uint32_t)(SIS_FLAG_AVERAGE | SIS_FLAG_HALF))
        return refuse(cursor, "the blob has the unknown flags %#x", head[3]);
    network->global_average = !!(head[3] & SIS_FLAG_AVERAGE);
    network->half = !!(head[3] & SIS_FLAG_HALF);
    network->layers = calloc(head[2], sizeof *network->layers);
    if (!network->layers) return refuse(cursor, "there is no memory for %u layers", head[2]);
    network->layer_count = head[2];
    for (uint32_t i = 0; i < head[2]; i++)
        if (read_layer(cursor, &network->layers[i], i ? &network->layers[i - 1] : NULL, i) ||
            (network->half && check_half(cursor, &network->layers[i], i)))
            return -1;
    if (cursor->left) return refuse(cursor, "%zu bytes follow the last layer", cursor->left);
    return 0;
}

int sis_network_read(struct sis_network *network, const void *blob, size_t bytes, char *message,
                     size_t message_bytes) {
    struct cursor cursor = {NULL, bytes, message, message_bytes};
    memset(network, 0, sizeof *network);
    network->bytes = keep_blob(&cursor, blob);
    if (!network->bytes) return -1;
    if (!read_all(&cursor, network)) return 0;
    sis_network_free(network);
    return -1;
}

void sis_network_free(struct sis_network *network) {
    for (uint32_t i = 0; network->layers && i < network->layer_count; i++) free(network->layers[i].groups);
    free(network->layers);
    free(network->bytes);
    memset(network, 0, sizeof *network);
}
