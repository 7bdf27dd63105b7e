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

void *keep_blob(struct cursor *cursor, const void *blob) {
    void *copy = malloc(cursor->left ? cursor->left : 1);
    if (!copy) {
        refuse(cursor, "there is no memory for a blob of %zu bytes", cursor->left);
        return NULL;
    }
    if (cursor->left) memcpy(copy, blob, cursor->left);
    cursor->at = copy;
    return copy;
}

int check_sizes(struct cursor *cursor, const uint32_t *head, uint32_t most_side, const char *where, unsigned index) {
    uint32_t kernel = head[0], inputs = head[1], filters = head[2], height = head[3], width = head[4], pool = head[5];
    if (kernel % 2 == 0 || kernel > MOST_KERNEL)
        return refuse(cursor, "layer %u has kernels of side %u; odd sides up to %d are known", index, kernel,
                      MOST_KERNEL);
    if (!inputs || inputs > MOST_CHANNELS || !filters || filters > MOST_CHANNELS)
        return refuse(cursor, "layer %u has %u inputs and %u filters; 1 to %d are possible", index, inputs, filters,
                      MOST_CHANNELS);
    if (!height || height > most_side || !width || width > most_side)
        return refuse(cursor, "layer %u has a map of %u x %u; sides of 1 to %u are possible%s", index, height, width,
                      most_side, where);
    if (!pool || pool > height || pool > width)
        return refuse(cursor, "layer %u pools its map of %u x %u by %u", index, height, width, pool);
    return 0;
}

const uint32_t *read_group_head(struct cursor *cursor, uint32_t filters_left, uint32_t inputs, unsigned index,
                                unsigned g) {
    const uint32_t *head = read_fields(cursor, 2);
    if (!head)
        refuse(cursor, "the blob ends within layer %u, group %u", index, g);
    else if (!head[0] || head[0] > filters_left)
        refuse(cursor, "layer %u, group %u has %u filters, and %u are left", index, g, head[0], filters_left);
    else if (head[1] > inputs)
        refuse(cursor, "layer %u, group %u has %u inputs of %u", index, g, head[1], inputs);
    else
        return head;
    return NULL;
}

int check_rising(struct cursor *cursor, const uint32_t *input, uint32_t count, uint32_t inputs, unsigned index,
                 unsigned g) {
    for (uint32_t i = 0; i < count; i++)
        if (input[i] >= inputs || (i && input[i] <= input[i - 1]))
            return refuse(cursor, "layer %u, group %u has input %u where a larger one below %u is needed", index, g,
                          input[i], inputs);
    return 0;
}
