/* Reading the fields of a blob, 4 bytes each, without reading beyond its end. */
#ifndef SIS_CURSOR_H
#define SIS_CURSOR_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* Far beyond any network of this kind, and small enough that no product of them overflows 64 bits. */
enum { MOST_LAYERS = 1024, MOST_CHANNELS = 65535, MOST_SIDE = 4096, MOST_KERNEL = 31 };

struct cursor {
    const unsigned char *at;
    size_t left;
    char *message;
    size_t message_bytes;
};

static int refuse(struct cursor *cursor, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* -1, with the sentence that says why. */
static int refuse(struct cursor *cursor, const char *format, ...) {
    va_list values;
    va_start(values, format);
    vsnprintf(cursor->message, cursor->message_bytes, format, values);
    va_end(values);
    return -1;
}

/* The next `count` fields of 4 bytes, or NULL where the blob ends before. */
static inline const void *read_fields(struct cursor *cursor, uint64_t count) {
    if (count > cursor->left / 4) return NULL;
    const void *fields = cursor->at;
    cursor->at += 4 * count;
    cursor->left -= 4 * count;
    return fields;
}

/* NaN and infinity have an exponent of ones only. */
static inline int all_finite(const float *values, uint64_t count) {
    for (uint64_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, values + i, 4);
        if ((bits & 0x7f800000u) == 0x7f800000u) return 0;
    }
    return 1;
}

#endif
