/* AVX-512: 32 registers of 16 floats. */
#include <immintrin.h>

#define LANES 16
#define TILE 2
#define MOST_FILTERS 12
#define HAS_BANDS 1

#define EVENS(a, b) __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30)
#define ODDS(a, b) __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31)

#include "vectors.h"

/* Lane l takes lane l + distance of the same band of `width` lanes, or zero beyond it. */
struct lane_shift {
    __m512i from;
    __mmask16 inside;
};

INLINE struct lane_shift lane_shift(int distance, int width) {
    int32_t from[LANES];
    unsigned inside = 0;
    for (int l = 0; l < LANES; l++) {
        int x = l % width + distance, is_inside = x >= 0 && x < width;
        from[l] = is_inside ? l + distance : 0;
        inside |= (unsigned)is_inside << l;
    }
    return (struct lane_shift){_mm512_loadu_si512(from), (__mmask16)inside};
}

INLINE vec shift_lanes(vec v, const struct lane_shift *shift) {
    return (vec)_mm512_maskz_permutexvar_ps(shift->inside, shift->from, (__m512)v);
}

#include "cpu.h"
#include "kernels.h"

const struct sis_isa sis_isa_avx512 = SIS_ISA_TABLE("avx512", cpu_has_avx512);
