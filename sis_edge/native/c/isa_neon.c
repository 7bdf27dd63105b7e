/* NEON of aarch64: 32 registers of 4 floats; every such processor has it. */
#define LANES 4
#define TILE 2
#define MOST_FILTERS 12
#define HAS_BANDS 0

#define EVENS(a, b) __builtin_shufflevector(a, b, 0, 2, 4, 6)
#define ODDS(a, b) __builtin_shufflevector(a, b, 1, 3, 5, 7)

#include "kernels.h"

static int is_supported(void) { return 1; }

const struct sis_isa sis_isa_neon = SIS_ISA_TABLE("neon", is_supported);
