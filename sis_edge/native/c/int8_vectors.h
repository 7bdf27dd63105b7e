/* Vectors of LANES integers of 32 bits, beside those of "vectors.h", included by the INT8 kernels. */
#ifndef SIS_INT8_VECTORS_H
#define SIS_INT8_VECTORS_H

#include "vectors.h"

typedef int32_t loose_ivec __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
typedef uint32_t uvec __attribute__((vector_size(4 * LANES), may_alias));
typedef uint8_t bvec __attribute__((vector_size(4 * LANES), may_alias));

INLINE ivec load_ints(const int32_t *p) { return *(const ivec *)p; }
INLINE ivec load_loose_ints(const int32_t *p) { return *(const loose_ivec *)p; }
INLINE void store_ints(int32_t *p, ivec v) { *(ivec *)p = v; }
INLINE void store_loose_ints(int32_t *p, ivec v) { *(loose_ivec *)p = v; }
INLINE ivec splat_int(int32_t x) { return x - (ivec){0}; }

INLINE ivec select_ints(ivec mask, ivec a, ivec b) { return (mask & a) | (~mask & b); }

INLINE ivec clamp_values(ivec v) {
    v = select_ints(v < 0, splat_int(0), v);
    return select_ints(v > 127, splat_int(127), v);
}

/* The larger of each pair of bytes, 0 to 127 all. */
INLINE ivec max_bytes(ivec a, ivec b) {
    bvec x = (bvec)a, y = (bvec)b, is_larger = (bvec)(x > y);
    return (ivec)((x & is_larger) | (y & ~is_larger));
}

/* For instruction sets without anything quicker: rounds by the float format itself, where a number near 2^23 + 2^22 has
 * units of one. Values beyond those that results are clamped to become the nearest that are kept. */
INLINE ivec round_by_format(vec v) {
    const vec most = splat(1e6f), shift = splat(12582912.0f);
    v = select_lanes(v > most, most, select_lanes(v < -most, -most, v));
    OPAQUE(v); /* no fused multiply-add */
    return (ivec)(v + shift) - (ivec)shift;
}

INLINE ivec pack_by_shifts(ivec a, ivec b, ivec c, ivec d, int32_t zero) {
    return clamp_values(a + zero) | clamp_values(b + zero) << 8 | clamp_values(c + zero) << 16 |
           clamp_values(d + zero) << 24;
}

#endif
