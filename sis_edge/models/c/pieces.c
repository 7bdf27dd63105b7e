#include "pieces.h"

#include <stdlib.h>

#include "../../native/c/threads.h"

static struct sis_threads *pool;

void sis_training_threads(size_t count) {
    sis_threads_stop(pool);
    pool = sis_threads_start(count);
}

void in_pieces(sis_task task, size_t count, void *user) {
    if (pool)
        sis_threads_run(pool, task, count, user);
    else
        for (size_t i = 0; i < count; i++) task(user, i);
}

float *alloc_floats(size_t numbers) {
    enum { ALIGNMENT = 64 };
    size_t bytes = (numbers * sizeof(float) + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    float *memory = aligned_alloc(ALIGNMENT, bytes);
    if (!memory) abort();
    return memory;
}
