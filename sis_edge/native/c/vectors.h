/* Vectors of LANES floats by the compiler's vector extensions (GCC 12 and Clang), included by kernels.h. */
#ifndef SIS_VECTORS_H
#define SIS_VECTORS_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#ifdef __clang__
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 32")
/* Vectors wider than the processor's are passed within a file only, so that nobody else need agree on how. */
#pragma GCC diagnostic ignored "-Wpsabi"
#endif
/* Hides the value of `v` from the optimiser; `v` stays in its register. */
#if defined(__aarch64__)
#define OPAQUE(v) __asm__ volatile("" : "+w"(v))
#else
#define OPAQUE(v) __asm__ volatile("" : "+v"(v))
#endif
#define INLINE static inline __attribute__((always_inline))

typedef float vec __attribute__((vector_size(4 * LANES), may_alias));
typedef float loose_vec __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
typedef int32_t ivec __attribute__((vector_size(4 * LANES), may_alias));

INLINE vec load(const float *p) { return *(const vec *)p; }
INLINE vec load_loose(const float *p) { return *(const loose_vec *)p; }
INLINE void store(float *p, vec v) { *(vec *)p = v; }
INLINE void store_loose(float *p, vec v) { *(loose_vec *)p = v; }
/* Subtracting zero, unlike adding it, leaves every number as it is, so compilers drop it. */
INLINE vec splat(float x) { return x - (vec){0}; }

/* Where `mask` is all ones `a`, where it is zero `b`. (`select` is a POSIX function.) */
INLINE vec select_lanes(ivec mask, vec a, vec b) { return (vec)((mask & (ivec)a) | (~mask & (ivec)b)); }

/* The maximum of each pair; `a` where either is NaN. */
INLINE vec max(vec a, vec b) { return select_lanes(b > a, b, a); }

/* Lanes below `lower` become it, NaN stays NaN. ReLU where `lower` is zero. */
INLINE vec clamp_min(vec lower, vec v) { return select_lanes(v < lower, lower, v); }

/* What an output is clamped to: zero with ReLU, else minus infinity. */
INLINE vec lower_bound(uint32_t with_relu) { return splat(with_relu ? 0.0f : -INFINITY); }

#endif
