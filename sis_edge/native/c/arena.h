/* One allocation for all parts of a stage: without a `base` it only measures what they need. */
#ifndef SIS_ARENA_H
#define SIS_ARENA_H

#include <stddef.h>

struct arena {
    char *base;
    size_t used;
};

static inline size_t round_up(size_t n, size_t to) { return (n + to - 1) / to * to; }

static inline void *arena_alloc(struct arena *arena, size_t bytes) {
    void *piece = arena->base ? arena->base + arena->used : NULL;
    arena->used += round_up(bytes, 64);
    return piece;
}

#endif
