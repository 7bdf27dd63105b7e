/* One allocation for all parts of a stage: without a `base` it only measures what they need. */
#ifndef SIS_ARENA_H
#define SIS_ARENA_H

#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>

struct arena {
    char *base;
    size_t used;
};

static inline size_t round_up(size_t n, size_t to) { return (n + to - 1) / to * to; }

/* Memory to be freed with free(), on a cache line; NULL without memory. Whole 2 MiB pages of it are asked for as such,
 * where the system leaves that to programs: the weights of a dense network, all read for each image, lie in more pages
 * of 4 KiB than a processor holds translations for. */
static inline void *memory_of(size_t bytes) {
    const size_t line = 64, huge = (size_t)2 << 20;
    void *memory;
    if (posix_memalign(&memory, bytes < huge ? line : huge, bytes ? bytes : line)) return NULL;
#ifdef MADV_HUGEPAGE
    if (bytes >= huge) (void)madvise(memory, bytes / huge * huge, MADV_HUGEPAGE); /* refused: as before */
#endif
    return memory;
}

static inline void *arena_alloc(struct arena *arena, size_t bytes) {
    void *piece = arena->base ? arena->base + arena->used : NULL;
    arena->used += round_up(bytes, 64);
    return piece;
}

#endif
