/* F16C of x86-64, which converts eight halves at once: for a host's own accuracy check, never for speed. */
#define MOST_ROWS 2
#define MOST_FILTERS 2
#define UNROLL

#include "cpu.h"
#include "half_kernels.h"

const struct sis_isa sis_half_f16c = SIS_HALF_TABLE("f16c", cpu_has_avx2);
