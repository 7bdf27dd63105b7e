/* Winograd's algorithm: a convolution as products in a transformed domain, one for each position of a tile.
 *
 *     kernel   outputs of a tile   positions   products an output   direct
 *     5 x 5    4 x 4               8 x 8       4                    25
 *     3 x 3    2 x 4               4 x 6       3                    9
 *
 * Tiles are 4 pixels wide, so that the tiles of a vector are neighbouring pixels of a row. Vectors hold four positions
 * of each tile, a quad: four neighbours of one column. A kernel that is absent stays absent, and one that exists costs
 * a multiply-add for each quad and vector of tiles.
 *
 * The transforms are those of Toom and Cook with the points 0, 1, -1, 2, -2, 1/2, -1/2 and infinity (the last always,
 * of the others the first that are needed). sis_edge/native/winograd.py derives the matrices exactly; the tests compare
 * the kernels with the bound that follows from them.
 */
#ifndef SIS_WINOGRAD_H
#define SIS_WINOGRAD_H

#include "arena.h"
#include "isa.h"
#include "network.h"

/* Positions of a quad; filters that share inputs are computed up to so many at once. */
enum { SIS_QUAD = 4, SIS_MOST_WINOGRAD = 6 };

/* Sums of all positions that wait for the way back: of the filters of a pack and the tiles of a chunk. */
enum { SIS_PACK_FLOATS = 16 * 1024 };

/* Rows that a tile gives. */
static inline uint32_t sis_tile_rows(uint32_t kernel) { return kernel == 5 ? 4 : 2; }

/* Layouts and sizes for a layer, without its blocks. */
struct sis_winograd sis_winograd_plan(const struct sis_isa *isa, const struct sis_layer *layer);

/* The layer's filters as blocks, their weights transformed. */
void sis_winograd_lay(const struct sis_layer *layer, const struct sis_isa *isa, struct sis_winograd *work,
                      struct arena *arena);

#endif
