/* Tiles of maps and their values at the points, LANES tiles at a time: map[images, side, side, channels] and
 * points[64, channels, columns], a column for each tile, the last ones zero where the tiles do not fill them. */
#ifndef SIS_TILES_H
#define SIS_TILES_H

#include <stddef.h>

typedef struct {
    size_t images, side, channels, kernel, columns;
} Tiles;

/* Outputs of a tile along an axis, and tiles along an axis of a map. */
static inline size_t tile_side(size_t kernel) { return 9 - kernel; }
static inline size_t tiles_across(size_t side, size_t kernel) {
    return (side + tile_side(kernel) - 1) / tile_side(kernel);
}

void map_to_points(const Tiles *tiles, const float *map, float *points);
void map_to_points_back(const Tiles *tiles, const float *points, float *map);
void points_to_map(const Tiles *tiles, const float *points, float *map);
void points_to_map_back(const Tiles *tiles, const float *map, float *points);

#endif
