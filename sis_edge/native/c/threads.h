/* A thread pool for callers that bring none. */
#ifndef SIS_THREADS_H
#define SIS_THREADS_H

#include "sis_edge.h"

struct sis_threads;

/* `count` threads counting the caller; NULL where none could be started. */
struct sis_threads *sis_threads_start(size_t count);
void sis_threads_stop(struct sis_threads *threads);

/* A sis_parallel: `pool` is a struct sis_threads. One caller at a time; tasks must not call it again. */
void sis_threads_run(void *pool, sis_task task, size_t count, void *user);

#endif
