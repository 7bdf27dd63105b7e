/* Whatever the compiler makes of halves: right on every processor, and slow, so it never runs unless it is named. */
#define MOST_ROWS 2
#define MOST_FILTERS 2
/* Unrolled, where each number is converted on its own, GCC takes minutes and gigabytes. */
#define UNROLL
#include "half_kernels.h"

static int is_supported(void) { return 1; }

const struct sis_isa sis_half_portable = SIS_HALF_TABLE("portable", is_supported);
