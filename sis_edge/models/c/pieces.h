/* Work in pieces, on the threads of `sis_training_threads`. */
#ifndef SIS_PIECES_H
#define SIS_PIECES_H

#include "../../native/c/sis_edge.h"
#include "training.h"

enum { PIECES = SIS_PIECES };

void in_pieces(sis_task task, size_t count, void *user);

#endif
