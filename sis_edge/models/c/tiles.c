#include "tiles.h"

#include <string.h>

#include "points.h"

/* A map has channels in the lanes, points have tiles there: 8 tiles are turned by 8 channels in the first cache. */
typedef struct {
    vec at[LANES][ALL_POINTS]; /* of each tile, with channels in the lanes */
} Turned;

/* Where a tile begins: its image, at some channels, and its first pixel. */
typedef struct {
    size_t image;
    long top, left;
} Place;

INLINE size_t square(size_t n) { return n * n; }

static size_t count_of(const Tiles *t) { return t->images * square(tiles_across(t->side, t->kernel)); }

INLINE Place place_of(const Tiles *t, size_t tile, size_t channel, long border) {
    size_t across = tiles_across(t->side, t->kernel), size = tile_side(t->kernel), within = tile % square(across);
    return (Place){tile / square(across) * square(t->side) * t->channels + channel,
                   (long)(within / across * size) - border, (long)(within % across * size) - border};
}

INLINE int inside(const Tiles *t, long at) { return at >= 0 && at < (long)t->side; }

INLINE size_t pixel(const Tiles *t, const Place *place, long row, long column) {
    return place->image + ((size_t)row * t->side + (size_t)column) * t->channels;
}

/* size x size pixels from `place` on, a column at a time; zero where the map has none. */
INLINE void load_column(const Tiles *t, const float *map, const Place *place, long j, long size, vec *to) {
    UNROLL for (long i = 0; i < size; i++) to[i] =
        inside(t, place->left + j) && inside(t, place->top + i)
            ? load_loose(map + pixel(t, place, place->top + i, place->left + j))
            : splat(0);
}

INLINE void read_inputs(const Tiles *t, const float *map, size_t tile, size_t channel, vec values[ALL_POINTS]) {
    Place place = place_of(t, tile, channel, (long)t->kernel / 2);
    vec between[POINTS][POINTS]; /* [column, point of the rows] */
    for (long j = 0; j < POINTS; j++) {
        vec column[POINTS];
        load_column(t, map, &place, j, POINTS, column);
        to_points(column, between[j]);
    }
    for (size_t p = 0; p < POINTS; p++) {
        vec row[POINTS];
        UNROLL for (size_t j = 0; j < POINTS; j++) row[j] = between[j][p];
        to_points(row, values + p * POINTS);
    }
}

INLINE void add_inputs(const Tiles *t, float *map, size_t tile, size_t channel, const vec values[ALL_POINTS]) {
    Place place = place_of(t, tile, channel, (long)t->kernel / 2);
    vec between[POINTS][POINTS]; /* [point of the rows, column] */
    for (size_t p = 0; p < POINTS; p++) to_points_back(values + p * POINTS, between[p]);
    for (long j = 0; j < POINTS; j++) {
        vec points[POINTS], column[POINTS];
        if (!inside(t, place.left + j)) continue;
        UNROLL for (size_t p = 0; p < POINTS; p++) points[p] = between[p][j];
        to_points_back(points, column);
        UNROLL for (long i = 0; i < POINTS; i++) if (inside(t, place.top + i)) {
            float *at = map + pixel(t, &place, place.top + i, place.left + j);
            store_loose(at, load_loose(at) + column[i]);
        }
    }
}

INLINE void read_outputs(const Tiles *t, const float *map, size_t tile, size_t channel, vec values[ALL_POINTS],
                         size_t size) {
    Place place = place_of(t, tile, channel, 0);
    vec between[MOST][POINTS]; /* [column, point of the rows] */
    for (size_t j = 0; j < size; j++) {
        vec column[MOST];
        load_column(t, map, &place, (long)j, (long)size, column);
        from_points_back(column, between[j], size);
    }
    for (size_t p = 0; p < POINTS; p++) {
        vec row[MOST];
        UNROLL for (size_t j = 0; j < size; j++) row[j] = between[j][p];
        from_points_back(row, values + p * POINTS, size);
    }
}

INLINE void write_outputs(const Tiles *t, float *map, size_t tile, size_t channel, const vec values[ALL_POINTS],
                          size_t size) {
    Place place = place_of(t, tile, channel, 0);
    vec between[POINTS][MOST]; /* [point of the rows, column] */
    for (size_t p = 0; p < POINTS; p++) from_points(values + p * POINTS, between[p], size);
    for (size_t j = 0; j < size; j++) {
        vec points[POINTS], column[MOST];
        if (!inside(t, place.left + (long)j)) continue;
        UNROLL for (size_t p = 0; p < POINTS; p++) points[p] = between[p][j];
        from_points(points, column, size);
        UNROLL for (size_t i = 0; i < size; i++) if (inside(t, place.top + (long)i))
            store_loose(map + pixel(t, &place, place.top + (long)i, place.left + (long)j), column[i]);
    }
}

typedef void Read(const Tiles *t, const float *map, size_t tile, size_t channel, vec values[ALL_POINTS]);
typedef void Write(const Tiles *t, float *map, size_t tile, size_t channel, const vec values[ALL_POINTS]);

INLINE void read_outputs_of_3(const Tiles *t, const float *map, size_t tile, size_t channel, vec *values) {
    read_outputs(t, map, tile, channel, values, 6);
}
INLINE void read_outputs_of_5(const Tiles *t, const float *map, size_t tile, size_t channel, vec *values) {
    read_outputs(t, map, tile, channel, values, 4);
}
INLINE void write_outputs_of_3(const Tiles *t, float *map, size_t tile, size_t channel, const vec *values) {
    write_outputs(t, map, tile, channel, values, 6);
}
INLINE void write_outputs_of_5(const Tiles *t, float *map, size_t tile, size_t channel, const vec *values) {
    write_outputs(t, map, tile, channel, values, 4);
}

INLINE void gather(const Tiles *t, const float *map, float *points, Read *read) {
    size_t count = count_of(t);
    Turned some;
    for (size_t first = 0; first < t->columns; first += LANES)
        for (size_t c = 0; c < t->channels; c += LANES) {
            for (size_t lane = 0; lane < LANES; lane++)
                if (first + lane < count)
                    read(t, map, first + lane, c, some.at[lane]);
                else
                    memset(some.at[lane], 0, sizeof some.at[lane]);
            for (size_t p = 0; p < ALL_POINTS; p++) {
                vec values[LANES];
                UNROLL for (size_t lane = 0; lane < LANES; lane++) values[lane] = some.at[lane][p];
                turn(values);
                UNROLL for (size_t i = 0; i < LANES; i++)
                    store_loose(points + (p * t->channels + c + i) * t->columns + first, values[i]);
            }
        }
}

INLINE void scatter(const Tiles *t, const float *points, float *map, Write *write) {
    size_t count = count_of(t);
    Turned some;
    for (size_t first = 0; first < count; first += LANES)
        for (size_t c = 0; c < t->channels; c += LANES) {
            for (size_t p = 0; p < ALL_POINTS; p++) {
                vec values[LANES];
                UNROLL for (size_t i = 0; i < LANES; i++) values[i] =
                    load_loose(points + (p * t->channels + c + i) * t->columns + first);
                turn(values);
                UNROLL for (size_t lane = 0; lane < LANES; lane++) some.at[lane][p] = values[lane];
            }
            for (size_t lane = 0; lane < LANES && first + lane < count; lane++)
                write(t, map, first + lane, c, some.at[lane]);
        }
}

void map_to_points(const Tiles *t, const float *map, float *points) { gather(t, map, points, read_inputs); }

void map_to_points_back(const Tiles *t, const float *points, float *map) {
    memset(map, 0, t->images * square(t->side) * t->channels * sizeof *map);
    scatter(t, points, map, add_inputs);
}

void points_to_map(const Tiles *t, const float *points, float *map) {
    if (t->kernel == 3)
        scatter(t, points, map, write_outputs_of_3);
    else
        scatter(t, points, map, write_outputs_of_5);
}

void points_to_map_back(const Tiles *t, const float *map, float *points) {
    if (t->kernel == 3)
        gather(t, map, points, read_outputs_of_3);
    else
        gather(t, map, points, read_outputs_of_5);
}
