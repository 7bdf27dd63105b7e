/* Work in pieces, on the threads of `sis_training_threads`. */
#ifndef SIS_PIECES_H
#define SIS_PIECES_H

#include "../../native/c/sis_edge.h"
#include "training.h"

enum { PIECES = SIS_PIECES };

void in_pieces(sis_task task, size_t count, void *user);

/* Memory for so many numbers, as vectors are aligned; freed by `free`. Some megabytes at most: without it all is over. */
float *alloc_floats(size_t numbers);

#endif
