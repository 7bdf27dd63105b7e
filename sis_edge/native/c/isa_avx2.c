/* AVX2 with FMA: 16 registers of 8 floats. */
#define LANES 8
#define TILE 2
#define MOST_FILTERS 6
#define HAS_BANDS 0

#define EVENS(a, b) __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14)
#define ODDS(a, b) __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15)

#include "cpu.h"
#include "kernels.h"

const struct sis_isa sis_isa_avx2 = SIS_ISA_TABLE("avx2", cpu_has_avx2);
