/* FEAT_FP16 of aarch64 (Cortex-A55, A75, A76 and later): 32 registers of 8 halves. */
#define MOST_ROWS 8
#define MOST_FILTERS 12

#include "half_kernels.h"

const struct sis_isa sis_half_neon = SIS_HALF_TABLE("neon-fp16", sis_half_has_fp16);
