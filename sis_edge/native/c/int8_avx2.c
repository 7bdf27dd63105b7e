/* AVX2: sums of two products in 16 bits, which seven-bit values never saturate (127 x 127 x 2 = 32258), then of two of
 * those in 32. */
#include "int8_avx2_pack.h"

INLINE ivec dot4(ivec sum, ivec x, ivec w) {
    __m256i pairs = _mm256_maddubs_epi16((__m256i)x, (__m256i)w);
    return sum + (ivec)_mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
}

#include "int8_kernels.h"

const struct sis_int8_isa sis_int8_avx2 = SIS_INT8_TABLE("avx2", sis_int8_has_avx2);
