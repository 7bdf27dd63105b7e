#include "graph.h"

#include <stdlib.h>
#include <string.h>

#include "cursor.h"

enum { IS_DEPTHWISE = 1, AVERAGES = 2, POOLS_AVERAGE = 4, FLAGS = 7 };

int sis_graph_is(const void *blob, size_t bytes) { return bytes >= 4 && !memcmp(blob, "SISG", 4); }

/* What a layer that reads `source` gives before pooling. */
static struct sis_value result_of(const struct sis_node *node, const struct sis_value *source) {
    uint32_t height = node->averages ? 1 : source->height, width = node->averages ? 1 : source->width;
    return (struct sis_value){node->filters, (height - 1) / node->stride + 1, (width - 1) / node->stride + 1};
}

static int check_sum(struct cursor *cursor, struct sis_node *node, const struct sis_value *added,
                     const struct sis_value *result, unsigned index) {
    node->every = (added->width - 1) / result->width + 1;
    if (added->channels <= result->channels && (added->width - 1) / node->every + 1 == result->width &&
        (added->height - 1) / node->every + 1 == result->height)
        return 0;
    return refuse(cursor, "layer %u adds %u maps of %u x %u, which do not fit into its %u of %u x %u", index,
                  added->channels, added->height, added->width, result->channels, result->height, result->width);
}

static int check_head(struct cursor *cursor, const struct sis_node *node, uint32_t flags, unsigned index) {
    if (node->kernel % 2 == 0 || node->kernel > MOST_KERNEL)
        return refuse(cursor, "layer %u has kernels of side %u; odd sides up to %d are known", index, node->kernel,
                      MOST_KERNEL);
    if (!node->stride || node->stride > (node->kernel == 1 ? MOST_SIDE : 2))
        return refuse(cursor, "layer %u has the stride %u, which is not known", index, node->stride);
    if (!node->filters || node->filters > MOST_CHANNELS)
        return refuse(cursor, "layer %u has %u filters; 1 to %d are possible", index, node->filters, MOST_CHANNELS);
    if (node->activation > SIS_RELU6 || flags > FLAGS)
        return refuse(cursor, "layer %u has the unknown activation %u or flags %#x", index, node->activation, flags);
    if (node->source > index || (node->added > index && node->added != SIS_NOTHING))
        return refuse(cursor, "layer %u reads a later result than those before it", index);
    if (!node->group_count || node->group_count > (node->is_depthwise ? 1 : node->filters))
        return refuse(cursor, "layer %u has %u groups for %u filters", index, node->group_count, node->filters);
    return 0;
}

static int read_node(struct cursor *cursor, struct sis_graph *graph, unsigned index) {
    struct sis_node *node = &graph->nodes[index];
    const uint32_t *head = read_fields(cursor, 9);
    if (!head) return refuse(cursor, "the blob ends before layer %u", index);
    *node = (struct sis_node){.kernel = head[0], .stride = head[1], .filters = head[2], .activation = head[3]};
    node->pool = head[4];
    node->is_depthwise = head[5] & IS_DEPTHWISE;
    node->averages = head[5] & AVERAGES;
    node->pools_average = head[5] & POOLS_AVERAGE;
    node->source = head[6];
    node->added = head[7];
    node->group_count = head[8];
    if (check_head(cursor, node, head[5], index)) return -1;
    const struct sis_value *source = &graph->values[node->source];
    node->sums = result_of(node, source);
    if (!node->pool || node->pool > node->sums.height || node->pool > node->sums.width)
        return refuse(cursor, "layer %u pools its map of %u x %u by %u", index, node->sums.height, node->sums.width,
                      node->pool);
    graph->values[index + 1] =
        (struct sis_value){node->filters, node->sums.height / node->pool, node->sums.width / node->pool};
    if (node->is_depthwise && node->filters != source->channels)
        return refuse(cursor, "layer %u is depthwise with %u filters for %u maps", index, node->filters,
                      source->channels);
    if (node->added != SIS_NOTHING &&
        check_sum(cursor, node, &graph->values[node->added], &node->sums, index))
        return -1;
    node->bias = read_fields(cursor, node->filters);
    if (!node->bias) return refuse(cursor, "the blob ends within layer %u", index);
    if (!all_finite(node->bias, node->filters))
        return refuse(cursor, "layer %u has a bias that is not a finite number", index);
    node->groups = calloc(node->group_count, sizeof *node->groups);
    if (!node->groups) return refuse(cursor, "there is no memory for layer %u", index);
    if (read_groups(cursor, node->groups, node->group_count, node->filters, node->is_depthwise ? 1 : source->channels,
                    node->kernel * node->kernel, index))
        return -1;
    if (node->is_depthwise && node->groups->inputs != 1)
        return refuse(cursor, "layer %u is depthwise and its group has %u inputs", index, node->groups->inputs);
    return 0;
}

static int read_all(struct cursor *cursor, struct sis_graph *graph) {
    const uint32_t *head = read_fields(cursor, 6);
    if (!head || memcmp(head, "SISG", 4)) return refuse(cursor, "not a sis-edge blob");
    if (head[1] != SIS_GRAPH_VERSION)
        return refuse(cursor, "the blob has version %u, this library reads %d; export the network again", head[1],
                      SIS_GRAPH_VERSION);
    if (!head[2] || head[2] > MOST_LAYERS) return refuse(cursor, "the blob has %u layers", head[2]);
    if (!head[3] || head[3] > MOST_CHANNELS || !head[4] || head[4] > MOST_SIDE || !head[5] || head[5] > MOST_SIDE)
        return refuse(cursor, "the blob has images of %u x %u x %u", head[3], head[4], head[5]);
    graph->nodes = calloc(head[2], sizeof *graph->nodes);
    graph->values = calloc(head[2] + 1, sizeof *graph->values);
    if (!graph->nodes || !graph->values) return refuse(cursor, "there is no memory for %u layers", head[2]);
    graph->node_count = head[2];
    graph->values[0] = (struct sis_value){head[3], head[4], head[5]};
    for (uint32_t i = 0; i < head[2]; i++)
        if (read_node(cursor, graph, i)) return -1;
    if (cursor->left) return refuse(cursor, "%zu bytes follow the last layer", cursor->left);
    return 0;
}

int sis_graph_read(struct sis_graph *graph, const void *blob, size_t bytes, char *message, size_t message_bytes) {
    struct cursor cursor = {NULL, bytes, message, message_bytes};
    memset(graph, 0, sizeof *graph);
    graph->bytes = keep_blob(&cursor, blob);
    if (!graph->bytes) return -1;
    if (!read_all(&cursor, graph)) return 0;
    sis_graph_free(graph);
    return -1;
}

void sis_graph_free(struct sis_graph *graph) {
    for (uint32_t i = 0; graph->nodes && i < graph->node_count; i++) free(graph->nodes[i].groups);
    free(graph->nodes);
    free(graph->values);
    free(graph->bytes);
    memset(graph, 0, sizeof *graph);
}
