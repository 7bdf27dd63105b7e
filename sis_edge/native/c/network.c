#include "network.h"
#include "cursor.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int refuse(struct cursor *cursor, const char *format, ...) {
    va_list values;
    va_start(values, format);
    vsnprintf(cursor->message, cursor->message_bytes, format, values);
    va_end(values);
    return -1;
}

const void *read_fields(struct cursor *cursor, uint64_t count) {
    if (count > cursor->left / 4) return NULL;
    const void *fields = cursor->at;
    cursor->at += 4 * count;
    cursor->left -= 4 * count;
    return fields;
}

int all_finite(const float *values, uint64_t count) {
    for (uint64_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, values + i, 4);
        if ((bits & 0x7f800000u) == 0x7f800000u) return 0;
    }
    return 1;
}

int read_groups(struct cursor *cursor, struct sis_group *groups, uint32_t group_count, uint32_t filters,
                uint32_t inputs, uint32_t taps, unsigned index) {
    uint32_t covered = 0;
    for (uint32_t g = 0; g < group_count; g++) {
        struct sis_group *group = &groups[g];
        const uint32_t *head = read_fields(cursor, 2);
        if (!head) return refuse(cursor, "the blob ends within layer %u, group %u", index, g);
        group->first = covered;
        group->filters = head[0];
        group->inputs = head[1];
        if (!group->filters || group->filters > filters - covered)
            return refuse(cursor, "layer %u, group %u has %u filters, and %u are left", index, g, group->filters,
                          filters - covered);
        covered += group->filters;
        if (group->inputs > inputs)
            return refuse(cursor, "layer %u, group %u has %u inputs of %u", index, g, group->inputs, inputs);
        uint64_t weights = (uint64_t)group->inputs * group->filters * taps;
        group->input = read_fields(cursor, group->inputs);
        group->weight = group->input ? read_fields(cursor, weights) : NULL;
        if (!group->weight) return refuse(cursor, "the blob ends within layer %u, group %u", index, g);
        for (uint32_t i = 0; i < group->inputs; i++)
            if (group->input[i] >= inputs || (i && group->input[i] <= group->input[i - 1]))
                return refuse(cursor, "layer %u, group %u has input %u where a larger one below %u is needed", index,
                              g, group->input[i], inputs);
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
    if (layer->kernel % 2 == 0 || layer->kernel > MOST_KERNEL)
        return refuse(cursor, "layer %u has kernels of side %u; odd sides up to %d are known", index, layer->kernel,
                      MOST_KERNEL);
    if (!layer->inputs || layer->inputs > MOST_CHANNELS || !layer->filters || layer->filters > MOST_CHANNELS)
        return refuse(cursor, "layer %u has %u inputs and %u filters; 1 to %d are possible", index, layer->inputs,
                      layer->filters, MOST_CHANNELS);
    if (!layer->height || layer->height > MOST_SIDE || !layer->width || layer->width > MOST_SIDE)
        return refuse(cursor, "layer %u has a map of %u x %u; sides of 1 to %d are possible", index, layer->height,
                      layer->width, MOST_SIDE);
    if (!layer->pool || layer->pool > layer->height || layer->pool > layer->width)
        return refuse(cursor, "layer %u pools its map of %u x %u by %u", index, layer->height, layer->width,
                      layer->pool);
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

static int read_all(struct cursor *cursor, struct sis_network *network) {
    const uint32_t *head = read_fields(cursor, 4);
    if (!head || memcmp(head, "SISC", 4)) return refuse(cursor, "not a sis-edge blob");
    if (head[1] != SIS_BLOB_VERSION)
        return refuse(cursor, "the blob has version %u, this library reads %d; export the network again", head[1],
                      SIS_BLOB_VERSION);
    if (!head[2] || head[2] > MOST_LAYERS) return refuse(cursor, "the blob has %u layers", head[2]);
    if (head[3] > 1) return refuse(cursor, "the blob has the unknown flags %#x", head[3]);
    network->global_average = head[3] & 1;
    network->layers = calloc(head[2], sizeof *network->layers);
    if (!network->layers) return refuse(cursor, "there is no memory for %u layers", head[2]);
    network->layer_count = head[2];
    for (uint32_t i = 0; i < head[2]; i++)
        if (read_layer(cursor, &network->layers[i], i ? &network->layers[i - 1] : NULL, i)) return -1;
    if (cursor->left) return refuse(cursor, "%zu bytes follow the last layer", cursor->left);
    return 0;
}

int sis_network_read(struct sis_network *network, const void *blob, size_t bytes, char *message,
                     size_t message_bytes) {
    struct cursor cursor = {NULL, bytes, message, message_bytes};
    memset(network, 0, sizeof *network);
    network->bytes = malloc(bytes ? bytes : 1);
    if (!network->bytes) return refuse(&cursor, "there is no memory for a blob of %zu bytes", bytes);
    if (bytes) memcpy(network->bytes, blob, bytes);
    cursor.at = network->bytes;
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
