/* Winograd's convolution F(4, 5) along both axes (Lavin and Gray 2016) with the points 0, 1, -1, 2, -2, 1/2, -1/2 and
 * infinity: 64 multiplications for 16 outputs of a 5 x 5 kernel instead of 400. Vectors run along the channels. */
#include <string.h>

#include "pieces.h"

#define LANES 8
#include "../../native/c/vectors.h"

enum { TILE = 4, POINTS = 8, BORDER = 2 };

typedef struct {
    const float *from;
    float *to;
    size_t side, channels, stride;
} Job;

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

/* Four outputs from the products at the points: the rows of A transposed. */
INLINE void from_points(const vec m[8], vec y[4]) {
    vec s1 = m[1] + m[2], d1 = m[1] - m[2], s2 = m[3] + m[4], d2 = m[3] - m[4], s3 = m[5] + m[6], d3 = m[5] - m[6];
    y[0] = m[0] + s1 + s2 + s3;
    y[1] = d1 + 2.0f * d2 + 0.5f * d3;
    y[2] = s1 + 4.0f * s2 + 0.25f * s3;
    y[3] = d1 + 8.0f * d2 + 0.125f * d3 + m[7];
}

INLINE void from_points_back(const vec y[4], vec m[8]) {
    vec e1 = y[0] + y[2], f1 = y[1] + y[3];
    vec e2 = y[0] + 4.0f * y[2], f2 = 2.0f * y[1] + 8.0f * y[3];
    vec e3 = y[0] + 0.25f * y[2], f3 = 0.5f * y[1] + 0.125f * y[3];
    m[0] = y[0];
    m[1] = e1 + f1, m[2] = e1 - f1;
    m[3] = e2 + f2, m[4] = e2 - f2;
    m[5] = e3 + f3, m[6] = e3 - f3;
    m[7] = y[3];
}

INLINE int inside(long at, size_t side) { return at >= 0 && at < (long)side; }

/* Each function below serves one image, tile by tile, LANES channels at a time. */
#define FOR_TILES(job, image)                                                           \
    size_t side = (job)->side, channels = (job)->channels, across = side / TILE;       \
    for (size_t tile = 0; tile < across * across; tile++)                              \
        for (size_t c = 0; c < channels; c += LANES)

#define PIXEL(map, row, column) ((map) + ((image * side + (size_t)(row)) * side + (size_t)(column)) * channels + c)
#define POINT(points, at) ((points) + (size_t)(at) * job->stride + (image * across * across + tile) * channels + c)

static void map_to_points(void *user, size_t image) {
    const Job *job = user;
    FOR_TILES(job, image) {
        long top = (long)(tile / across * TILE) - BORDER, left = (long)(tile % across * TILE) - BORDER;
        vec between[POINTS][POINTS]; /* [column, point of the rows] */
        for (long j = 0; j < POINTS; j++) {
            vec column[POINTS];
            UNROLL for (long i = 0; i < POINTS; i++) column[i] =
                inside(top + i, side) && inside(left + j, side) ? load_loose(PIXEL(job->from, top + i, left + j)) : all(0);
            to_points(column, between[j]);
        }
        for (size_t p = 0; p < POINTS; p++) {
            vec row[POINTS], values[POINTS];
            UNROLL for (size_t j = 0; j < POINTS; j++) row[j] = between[j][p];
            to_points(row, values);
            UNROLL for (size_t q = 0; q < POINTS; q++) store_loose(POINT(job->to, p * POINTS + q), values[q]);
        }
    }
}

static void map_to_points_back(void *user, size_t image) {
    const Job *job = user;
    memset(job->to + image * job->side * job->side * job->channels, 0,
           job->side * job->side * job->channels * sizeof(float));
    FOR_TILES(job, image) {
        long top = (long)(tile / across * TILE) - BORDER, left = (long)(tile % across * TILE) - BORDER;
        vec between[POINTS][POINTS]; /* [point of the rows, column] */
        for (size_t p = 0; p < POINTS; p++) {
            vec values[POINTS];
            UNROLL for (size_t q = 0; q < POINTS; q++) values[q] = load_loose(POINT(job->from, p * POINTS + q));
            to_points_back(values, between[p]);
        }
        for (long j = 0; j < POINTS; j++) {
            vec points[POINTS], column[POINTS];
            if (!inside(left + j, side)) continue;
            UNROLL for (size_t p = 0; p < POINTS; p++) points[p] = between[p][j];
            to_points_back(points, column);
            UNROLL for (long i = 0; i < POINTS; i++) if (inside(top + i, side)) {
                float *pixel = PIXEL(job->to, top + i, left + j);
                store_loose(pixel, load_loose(pixel) + column[i]);
            }
        }
    }
}

static void points_to_map(void *user, size_t image) {
    const Job *job = user;
    FOR_TILES(job, image) {
        vec between[POINTS][TILE]; /* [point of the rows, column] */
        for (size_t p = 0; p < POINTS; p++) {
            vec values[POINTS];
            UNROLL for (size_t q = 0; q < POINTS; q++) values[q] = load_loose(POINT(job->from, p * POINTS + q));
            from_points(values, between[p]);
        }
        for (size_t j = 0; j < TILE; j++) {
            vec points[POINTS], column[TILE];
            UNROLL for (size_t p = 0; p < POINTS; p++) points[p] = between[p][j];
            from_points(points, column);
            UNROLL for (size_t i = 0; i < TILE; i++)
                store_loose(PIXEL(job->to, tile / across * TILE + i, tile % across * TILE + j), column[i]);
        }
    }
}

static void points_to_map_back(void *user, size_t image) {
    const Job *job = user;
    FOR_TILES(job, image) {
        vec between[TILE][POINTS]; /* [column, point of the rows] */
        for (size_t j = 0; j < TILE; j++) {
            vec column[TILE];
            UNROLL for (size_t i = 0; i < TILE; i++) column[i] =
                load_loose(PIXEL(job->from, tile / across * TILE + i, tile % across * TILE + j));
            from_points_back(column, between[j]);
        }
        for (size_t p = 0; p < POINTS; p++) {
            vec row[TILE], values[POINTS];
            UNROLL for (size_t j = 0; j < TILE; j++) row[j] = between[j][p];
            from_points_back(row, values);
            UNROLL for (size_t q = 0; q < POINTS; q++) store_loose(POINT(job->to, p * POINTS + q), values[q]);
        }
    }
}

#define PUBLIC(task)                                                                                          \
    void sis_##task(const float *from, size_t images, size_t side, size_t channels, size_t stride, float *to) { \
        Job job = {from, to, side, channels, stride};                                                         \
        in_pieces(task, images, &job);                                                                        \
    }

PUBLIC(map_to_points)
PUBLIC(points_to_map)
PUBLIC(map_to_points_back)
PUBLIC(points_to_map_back)
