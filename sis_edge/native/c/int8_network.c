#include "int8_network.h"

#include <stdlib.h>
#include <string.h>

#include "cursor.h"
#include "int8.h"

/* No sum may leave 32 bits, and none that is rounded to a value 30. */
static const int64_t MOST_SUM = INT32_MAX;
static const double MOST_SCALED = 1 << 30;

int sis_is_int8(const void *blob, size_t bytes) { return bytes >= 4 && !memcmp(blob, SIS_INT8_MAGIC, 4); }

/* Adds to each filter's entry in `largest` the sum of its weights' magnitudes times the most that a value can differ
 * from a zero point. */
static int read_group(struct cursor *cursor, const struct sis_int8_layer *layer, struct sis_int8_group *group,
                      unsigned index, unsigned g, int64_t *largest) {
    uint64_t taps = (uint64_t)layer->kernel * layer->kernel, weights = group->inputs * taps * group->filters;
    group->input = read_fields(cursor, group->inputs);
    group->weight = group->input ? read_fields(cursor, (weights + 3) / 4) : NULL;
    if (!group->weight) return refuse(cursor, "the blob ends within layer %u, group %u", index, g);
    if (check_rising(cursor, group->input, group->inputs, layer->inputs, index, g)) return -1;
    for (uint64_t i = 0; i < weights; i++) {
        int weight = group->weight[i];
        if (weight == INT8_MIN)
            return refuse(cursor, "layer %u, group %u has the weight -128; -127 to 127 are possible", index, g);
        largest[group->first + i / taps % group->filters] += (weight < 0 ? -weight : weight) * SIS_MOST_VALUE;
    }
    return 0;
}

static int read_int8_groups(struct cursor *cursor, struct sis_int8_layer *layer, unsigned index, int64_t *largest) {
    uint32_t covered = 0;
    for (uint32_t g = 0; g < layer->group_count; g++) {
        struct sis_int8_group *group = &layer->groups[g];
        const uint32_t *head = read_group_head(cursor, layer->filters - covered, layer->inputs, index, g);
        if (!head) return -1;
        group->first = covered;
        group->filters = head[0];
        group->inputs = head[1];
        covered += group->filters;
        if (read_group(cursor, layer, group, index, g, largest)) return -1;
    }
    if (covered == layer->filters) return 0;
    return refuse(cursor, "the groups of layer %u cover %u of %u filters", index, covered, layer->filters);
}

/* Sums and what they are scaled to must fit, for any values that a layer may see. `zero` is that of its inputs. */
static int check_sums(struct cursor *cursor, const struct sis_int8_layer *layer, unsigned index, int is_last,
                      const int64_t *largest) {
    for (uint32_t f = 0; f < layer->filters; f++) {
        /* The kernels fold the zero point into the bias: each of both parts is at most `largest`. */
        int64_t bias = layer->bias[f], sum = 2 * largest[f] + (bias < 0 ? -bias : bias);
        if (sum > MOST_SUM) return refuse(cursor, "the sums of layer %u, filter %u can leave 32 bits", index, f);
        if (!is_last && (double)sum * layer->multiplier[f] > MOST_SCALED)
            return refuse(cursor, "layer %u, filter %u has the multiplier %g, too large for its sums", index, f,
                          (double)layer->multiplier[f]);
    }
    return 0;
}

static int check_head(struct cursor *cursor, const struct sis_int8_layer *layer, const struct sis_int8_layer *before,
                      unsigned index, int is_last) {
    if (layer->relu > 1) return refuse(cursor, "layer %u has the unknown flags %#x", index, layer->relu);
    if (layer->zero > SIS_MOST_VALUE || (layer->zero && (layer->relu || is_last)))
        return refuse(cursor, "layer %u has the zero point %u; 0 to %d are possible, and 0 with ReLU and at the end",
                      index, layer->zero, SIS_MOST_VALUE);
    if (!layer->group_count || layer->group_count > layer->filters)
        return refuse(cursor, "layer %u has %u groups for %u filters", index, layer->group_count, layer->filters);
    if (before && (layer->inputs != before->filters || layer->height != before->height / before->pool ||
                   layer->width != before->width / before->pool))
        return refuse(cursor, "layer %u takes %u maps of %u x %u, which the layer before does not give", index,
                      layer->inputs, layer->height, layer->width);
    return 0;
}

static int read_layer(struct cursor *cursor, struct sis_int8_layer *layer, const struct sis_int8_layer *before,
                      unsigned index, int is_last) {
    const uint32_t *head = read_fields(cursor, 9);
    if (!head) return refuse(cursor, "the blob ends before layer %u", index);
    *layer = (struct sis_int8_layer){head[0], head[1], head[2], head[3], head[4], head[5],
                                     head[6], head[7], head[8], NULL,    NULL,    NULL};
    if (check_sizes(cursor, head, SIS_MOST_INT8_SIDE, " in INT8", index) ||
        check_head(cursor, layer, before, index, is_last))
        return -1;
    layer->bias = read_fields(cursor, layer->filters);
    layer->multiplier = layer->bias ? read_fields(cursor, layer->filters) : NULL;
    if (!layer->multiplier) return refuse(cursor, "the blob ends within layer %u", index);
    if (!all_finite(layer->multiplier, layer->filters))
        return refuse(cursor, "layer %u has a multiplier that is not a finite number", index);
    for (uint32_t f = 0; f < layer->filters; f++)
        if (layer->multiplier[f] < 0)
            return refuse(cursor, "layer %u has the negative multiplier %g", index, (double)layer->multiplier[f]);
    layer->groups = calloc(layer->group_count, sizeof *layer->groups);
    int64_t *largest = calloc(layer->filters, sizeof *largest);
    int failed = !layer->groups || !largest ? refuse(cursor, "there is no memory for layer %u", index)
                                            : read_int8_groups(cursor, layer, index, largest) ||
                                                  check_sums(cursor, layer, index, is_last, largest);
    free(largest);
    return failed ? -1 : 0;
}

static int read_all(struct cursor *cursor, struct sis_int8_network *network) {
    const uint32_t *head = read_fields(cursor, 4);
    if (!head) return refuse(cursor, "not a sis-edge blob");
    if (head[1] != SIS_INT8_BLOB_VERSION)
        return refuse(cursor, "the INT8 blob has version %u, this library reads %d; export the network again", head[1],
                      SIS_INT8_BLOB_VERSION);
    if (!head[2] || head[2] > MOST_LAYERS) return refuse(cursor, "the blob has %u layers", head[2]);
    if (head[3] > 1) return refuse(cursor, "the blob has the unknown flags %#x", head[3]);
    network->global_average = head[3] & 1;
    const float *scale = read_fields(cursor, 1);
    const uint32_t *zero = read_fields(cursor, 1);
    if (!scale || !zero) return refuse(cursor, "the blob ends within its header");
    if (!all_finite(scale, 1) || *scale <= 0)
        return refuse(cursor, "the image is multiplied with %g; a positive number is needed", (double)*scale);
    if (*zero > SIS_MOST_VALUE)
        return refuse(cursor, "the image has the zero point %u; 0 to %d are possible", *zero, SIS_MOST_VALUE);
    network->inverse_scale = *scale;
    network->zero = *zero;
    network->layers = calloc(head[2], sizeof *network->layers);
    if (!network->layers) return refuse(cursor, "there is no memory for %u layers", head[2]);
    network->layer_count = head[2];
    for (uint32_t i = 0; i < head[2]; i++)
        if (read_layer(cursor, &network->layers[i], i ? &network->layers[i - 1] : NULL, i, i + 1 == head[2])) return -1;
    return cursor->left ? refuse(cursor, "%zu bytes follow the last layer", cursor->left) : 0;
}

int sis_int8_network_read(struct sis_int8_network *network, const void *blob, size_t bytes, char *message,
                          size_t message_bytes) {
    struct cursor cursor = {NULL, bytes, message, message_bytes};
    memset(network, 0, sizeof *network);
    network->bytes = keep_blob(&cursor, blob);
    if (!network->bytes) return -1;
    if (!read_all(&cursor, network)) return 0;
    sis_int8_network_free(network);
    return -1;
}

void sis_int8_network_free(struct sis_int8_network *network) {
    for (uint32_t i = 0; network->layers && i < network->layer_count; i++) free(network->layers[i].groups);
    free(network->layers);
    free(network->bytes);
    memset(network, 0, sizeof *network);
}
