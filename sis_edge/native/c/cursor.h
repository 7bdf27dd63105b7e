/* Reading a blob: fields of 4 bytes, groups of filters, and sentences that say what is wrong. */
#ifndef SIS_CURSOR_H
#define SIS_CURSOR_H

#include "network.h"

/* Far beyond any network of this kind, and small enough that no product of them overflows 64 bits. */
enum { MOST_LAYERS = 1024, MOST_CHANNELS = 65535, MOST_SIDE = 4096, MOST_KERNEL = 31 };

struct cursor {
    const unsigned char *at;
    size_t left;
    char *message;
    size_t message_bytes;
};

/* Puts the sentence into the cursor's message; always -1. */
int refuse(struct cursor *cursor, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The next `count` fields of 4 bytes, or NULL where the blob ends before. */
const void *read_fields(struct cursor *cursor, uint64_t count);

/* NaN and infinity have an exponent of ones only. */
int all_finite(const float *values, uint64_t count);

/* A copy of the blob, whose bytes the cursor has as `left`, which it reads from now on; NULL without memory. */
void *keep_blob(struct cursor *cursor, const void *blob);

/* Whether a layer can have the kernel side, inputs, filters, height, width and pool with which its head begins. */
int check_sizes(struct cursor *cursor, const uint32_t *head, uint32_t most_side, const char *where, unsigned index);

/* A group's numbers of filters and inputs, of a layer that has so many left; NULL where they cannot be. */
const uint32_t *read_group_head(struct cursor *cursor, uint32_t filters_left, uint32_t inputs, unsigned index,
                                unsigned g);

/* Whether a group's input indices rise strictly, below `inputs`. */
int check_rising(struct cursor *cursor, const uint32_t *input, uint32_t count, uint32_t inputs, unsigned index,
                 unsigned g);

/* The groups of layer `index`, whose kernels have `taps` weights; they cover its `filters`. */
int read_groups(struct cursor *cursor, struct sis_group *groups, uint32_t group_count, uint32_t filters,
                uint32_t inputs, uint32_t taps, unsigned index);

#endif
