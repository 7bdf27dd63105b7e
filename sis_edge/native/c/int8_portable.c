/* Whatever the compiler makes of vectors of four integers: right on every processor. */
#define LANES 4
#define TILE 2
#define MOST_SUMS 8

#define EVENS(a, b) __builtin_shufflevector(a, b, 0, 2, 4, 6)
#define ODDS(a, b) __builtin_shufflevector(a, b, 1, 3, 5, 7)
#define HALVES(a, b) __builtin_shufflevector(a, b, 0, 1, 4, 5)

#include "int8_vectors.h"

#define round_floats round_by_format
#define pack pack_by_shifts

INLINE ivec dot4(ivec sum, ivec x, ivec w) {
    for (int i = 0; i < 4; i++) sum += (x << (24 - 8 * i) >> 24) * (w << (24 - 8 * i) >> 24);
    return sum;
}

#include "int8_kernels.h"

static int is_supported(void) { return 1; }

const struct sis_int8_isa sis_int8_portable = SIS_INT8_TABLE("portable", is_supported);
