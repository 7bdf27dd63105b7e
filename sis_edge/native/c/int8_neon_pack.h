/* What both instruction sets of aarch64 share. */
#ifndef SIS_INT8_NEON_PACK_H
#define SIS_INT8_NEON_PACK_H

#include <arm_neon.h>

#define LANES 4
#define TILE 4
#define MOST_SUMS 16

#define EVENS(a, b) __builtin_shufflevector(a, b, 0, 2, 4, 6)
#define ODDS(a, b) __builtin_shufflevector(a, b, 1, 3, 5, 7)
#define HALVES(a, b) __builtin_shufflevector(a, b, 0, 1, 4, 5)

#include "int8_vectors.h"

INLINE ivec round_floats(vec v) { return (ivec)vcvtnq_s32_f32((float32x4_t)v); }

/* The same bytes as `pack_by_shifts`: narrowing saturates. */
INLINE ivec pack(ivec a, ivec b, ivec c, ivec d, int32_t zero) {
    int16x8_t z = vdupq_n_s16((int16_t)zero);
    int16x8_t ab = vqmovn_high_s32(vqmovn_s32((int32x4_t)a), (int32x4_t)b);
    int16x8_t cd = vqmovn_high_s32(vqmovn_s32((int32x4_t)c), (int32x4_t)d);
    uint8x16_t bytes = vqmovun_high_s16(vqmovun_s16(vqaddq_s16(ab, z)), vqaddq_s16(cd, z));
    static const uint8_t by_pixel[16] = {0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15};
    return (ivec)vqtbl1q_u8(vminq_u8(bytes, vdupq_n_u8(127)), vld1q_u8(by_pixel));
}

#endif
