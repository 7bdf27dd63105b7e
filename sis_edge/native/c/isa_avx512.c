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

/* `width` is a power of two. */
INLINE struct lane_shift lane_shift(int distance, int width) {
    ivec lane = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, x = (lane & (width - 1)) + distance;
    ivec inside = (x >= 0) & (x < width);
    return (struct lane_shift){(__m512i)((lane + distance) & inside), _mm512_movepi32_mask((__m512i)inside)};
}

INLINE vec shift_lanes(vec v, const struct lane_shift *shift) {
    return (vec)_mm512_maskz_permutexvar_ps(shift->inside, shift->from, (__m512)v);
}

#include "cpu.h"
#include "kernels.h"

const struct sis_isa sis_isa_avx512 = SIS_ISA_TABLE("avx512", cpu_has_avx512);
