/* Winograd's algorithm in one dimension (Lavin and Gray 2016) with the points 0, 1, -1, 2, -2, 1/2, -1/2 and infinity:
 * F(4, 5) and F(6, 3), which take 8 neighbours each and differ in the outputs that they give. */
#ifndef SIS_POINTS_H
#define SIS_POINTS_H

#include <stddef.h>

#define LANES 8
#include "../../native/c/vectors.h"

enum { POINTS = 8, ALL_POINTS = POINTS * POINTS, MOST = 6 /* outputs of F(6, 3) */ };

/* Values of a polynomial from 8 neighbours: the rows of B transposed. */
INLINE void to_points(const vec d[8], vec o[8]) {
    vec e1 = d[2] + d[6] - 4.25f * d[4], f1 = d[1] + d[5] - 4.25f * d[3];
    vec e2 = d[6] + 0.25f * d[2] - 1.25f * d[4], f2 = 0.5f * d[1] - 2.5f * d[3] + 2.0f * d[5];
    vec e3 = d[6] + 4.0f * d[2] - 5.0f * d[4], f3 = 2.0f * d[1] - 2.5f * d[3] + 0.5f * d[5];
    o[0] = d[0] - d[6] + 5.25f * (d[4] - d[2]);
    o[1] = e1 + f1, o[2] = e1 - f1;
    o[3] = e2 + f2, o[4] = e2 - f2;
    o[5] = e3 + f3, o[6] = e3 - f3;
    o[7] = d[7] - d[1] + 5.25f * (d[3] - d[5]);
}

INLINE void to_points_back(const vec v[8], vec d[8]) {
    vec s1 = v[1] + v[2], t1 = v[1] - v[2], s2 = v[3] + v[4], t2 = v[3] - v[4], s3 = v[5] + v[6], t3 = v[5] - v[6];
    d[0] = v[0];
    d[1] = t1 + 0.5f * t2 + 2.0f * t3 - v[7];
    d[2] = s1 + 0.25f * s2 + 4.0f * s3 - 5.25f * v[0];
    d[3] = 5.25f * v[7] - 4.25f * t1 - 2.5f * (t2 + t3);
    d[4] = 5.25f * v[0] - 4.25f * s1 - 1.25f * s2 - 5.0f * s3;
    d[5] = t1 + 2.0f * t2 + 0.5f * t3 - 5.25f * v[7];
    d[6] = s1 + s2 + s3 - v[0];
    d[7] = v[7];
}

/* `count` outputs, 4 or 6, from the products at the points: the rows of A transposed. */
INLINE void from_points(const vec m[8], vec *y, size_t count) {
    vec s1 = m[1] + m[2], d1 = m[1] - m[2], s2 = m[3] + m[4], d2 = m[3] - m[4], s3 = m[5] + m[6], d3 = m[5] - m[6];
    y[0] = m[0] + s1 + s2 + s3;
    y[1] = d1 + 2.0f * d2 + 0.5f * d3;
    y[2] = s1 + 4.0f * s2 + 0.25f * s3;
    y[3] = d1 + 8.0f * d2 + 0.125f * d3;
    if (count == MOST) {
        y[4] = s1 + 16.0f * s2 + 0.0625f * s3;
        y[5] = d1 + 32.0f * d2 + 0.03125f * d3;
    }
    y[count - 1] += m[7];
}

INLINE void from_points_back(const vec *y, vec m[8], size_t count) {
    vec e1 = y[0] + y[2], f1 = y[1] + y[3];
    vec e2 = y[0] + 4.0f * y[2], f2 = 2.0f * y[1] + 8.0f * y[3];
    vec e3 = y[0] + 0.25f * y[2], f3 = 0.5f * y[1] + 0.125f * y[3];
    if (count == MOST) {
        e1 += y[4], f1 += y[5];
        e2 += 16.0f * y[4], f2 += 32.0f * y[5];
        e3 += 0.0625f * y[4], f3 += 0.03125f * y[5];
    }
    m[0] = y[0];
    m[1] = e1 + f1, m[2] = e1 - f1;
    m[3] = e2 + f2, m[4] = e2 - f2;
    m[5] = e3 + f3, m[6] = e3 - f3;
    m[7] = y[count - 1];
}

#ifdef __clang__
#define SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define SHUFFLE(a, b, ...) __builtin_shuffle(a, b, (ivec){__VA_ARGS__})
#endif

/* Lanes of two vectors in turn, by pairs, by halves. */
#define FIRST_ONES(a, b) SHUFFLE(a, b, 0, 8, 2, 10, 4, 12, 6, 14)
#define LAST_ONES(a, b) SHUFFLE(a, b, 1, 9, 3, 11, 5, 13, 7, 15)
#define FIRST_PAIRS(a, b) SHUFFLE(a, b, 0, 1, 8, 9, 4, 5, 12, 13)
#define LAST_PAIRS(a, b) SHUFFLE(a, b, 2, 3, 10, 11, 6, 7, 14, 15)
#define FIRST_HALVES(a, b) SHUFFLE(a, b, 0, 1, 2, 3, 8, 9, 10, 11)
#define LAST_HALVES(a, b) SHUFFLE(a, b, 4, 5, 6, 7, 12, 13, 14, 15)

/* The transpose of 8 x 8 numbers: 2 x 2 blocks, then 4 x 4, then all. */
INLINE void turn(vec v[LANES]) {
    vec a[LANES], b[LANES];
    UNROLL for (size_t i = 0; i < LANES; i += 2) a[i] = FIRST_ONES(v[i], v[i + 1]), a[i + 1] = LAST_ONES(v[i], v[i + 1]);
    UNROLL for (size_t i = 0; i < LANES; i += 4) UNROLL for (size_t j = i; j < i + 2; j++)
        b[j] = FIRST_PAIRS(a[j], a[j + 2]), b[j + 2] = LAST_PAIRS(a[j], a[j + 2]);
    UNROLL for (size_t i = 0; i < 4; i++) v[i] = FIRST_HALVES(b[i], b[i + 4]), v[i + 4] = LAST_HALVES(b[i], b[i + 4]);
}

/* The sums of the lanes of 8 vectors, one in each lane: half of a transpose, adding on the way. */
INLINE vec sums_of(const vec v[LANES]) {
    vec a[4], b[2];
    UNROLL for (size_t i = 0; i < 4; i++) a[i] = FIRST_ONES(v[2 * i], v[2 * i + 1]) + LAST_ONES(v[2 * i], v[2 * i + 1]);
    UNROLL for (size_t i = 0; i < 2; i++) b[i] = FIRST_PAIRS(a[2 * i], a[2 * i + 1]) + LAST_PAIRS(a[2 * i], a[2 * i + 1]);
    return FIRST_HALVES(b[0], b[1]) + LAST_HALVES(b[0], b[1]);
}

#endif
