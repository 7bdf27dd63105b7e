/* AVX-512 with VNNI: 32 registers of 16 lanes, four products of bytes added to each in one instruction. */
#include <immintrin.h>

#define LANES 16
#define TILE 4
#define MOST_SUMS 16

#define EVENS(a, b) __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30)
#define ODDS(a, b) __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31)
#define HALVES(a, b) __builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23)

#include "int8_vectors.h"

INLINE ivec dot4(ivec sum, ivec x, ivec w) {
    return (ivec)_mm512_dpbusd_epi32((__m512i)sum, (__m512i)x, (__m512i)w);
}

INLINE ivec round_floats(vec v) { return (ivec)_mm512_cvtps_epi32((__m512)v); }

INLINE ivec pack(ivec a, ivec b, ivec c, ivec d, int32_t zero) {
    const __m512i by_pixel = _mm512_broadcast_i32x4(_mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15));
    __m512i ab = _mm512_packs_epi32((__m512i)a, (__m512i)b), cd = _mm512_packs_epi32((__m512i)c, (__m512i)d);
    ab = _mm512_adds_epi16(ab, _mm512_set1_epi16((int16_t)zero));
    cd = _mm512_adds_epi16(cd, _mm512_set1_epi16((int16_t)zero));
    __m512i bytes = _mm512_min_epu8(_mm512_packus_epi16(ab, cd), _mm512_set1_epi8(127));
    return (ivec)_mm512_shuffle_epi8(bytes, by_pixel);
}

#include "int8_kernels.h"

const struct sis_int8_isa sis_int8_avx512 = SIS_INT8_TABLE("avx512-vnni", sis_int8_has_avx512_vnni);
