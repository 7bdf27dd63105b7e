/* What all instruction sets with registers of 256 bits share. */
#ifndef SIS_INT8_AVX2_PACK_H
#define SIS_INT8_AVX2_PACK_H

#include <immintrin.h>

#define LANES 8
#define TILE 2
#define MOST_SUMS 8

#define EVENS(a, b) __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14)
#define ODDS(a, b) __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15)
#define HALVES(a, b) __builtin_shufflevector(a, b, 0, 1, 2, 3, 8, 9, 10, 11)

#include "int8_vectors.h"

INLINE ivec round_floats(vec v) { return (ivec)_mm256_cvtps_epi32((__m256)v); }

INLINE ivec pack(ivec a, ivec b, ivec c, ivec d, int32_t zero) {
    const __m256i by_pixel = _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15));
    __m256i ab = _mm256_packs_epi32((__m256i)a, (__m256i)b), cd = _mm256_packs_epi32((__m256i)c, (__m256i)d);
    ab = _mm256_adds_epi16(ab, _mm256_set1_epi16((int16_t)zero));
    cd = _mm256_adds_epi16(cd, _mm256_set1_epi16((int16_t)zero));
    __m256i bytes = _mm256_min_epu8(_mm256_packus_epi16(ab, cd), _mm256_set1_epi8(127));
    return (ivec)_mm256_shuffle_epi8(bytes, by_pixel);
}

#endif
