/* Half precision: instruction sets whose maps (but for PLAIN ones) and weights are fp16. half_kernels.h has the
 * arithmetic. */
#ifndef SIS_HALF_H
#define SIS_HALF_H

#include "isa.h"

/* All that this processor may run, the fastest first. Those but NEON's are for checks: they convert each number. */
extern const struct sis_isa *const sis_half_isas[];
extern const size_t sis_half_isa_count;

/* By its name; none named: the fastest that computes in fp16 itself. NULL where the processor runs no such one. */
const struct sis_isa *sis_half_find(const char *name);

/* FEAT_FP16 of aarch64, scalars and vectors, as the operating system reports it. */
int sis_half_has_fp16(void);

#endif
