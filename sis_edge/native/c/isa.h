/* What a chain asks of an instruction set: convolution, pointwise convolution and relayout on an image's feature maps.
 *
 * A vector has `lanes` neighbouring pixels of one row. Maps narrower than half a vector may be cut into `bands` of
 * rows, which lie side by side in a vector; then vector j holds row j of every band. Counted row by row, a map has
 * `vectors` vectors, whose lanes beyond the map are undefined.
 *
 *     PLAIN   [channel][row][column], ONNX's order
 *     TILES   [tile][channel][vector of the tile][lane]: for 1 x 1 kernels; all channels of few pixels are neighbours
 *     WIDE    [channel][row][column] with a frame of zeros, so that a tap is a constant offset
 *     BANDED  [channel][vector][lane] with `halo` vectors of rows before and after; bands only
 *     FRAMED  [channel][row][column] with `halo` rows of zeros before and after, rows of whole vectors and zeros behind
 *             each; of bands as BANDED. Networks with branches (graph.h) keep their maps so from layer to layer. One
 *             that is `split` has the even columns of a row in its first strips and the odd ones in as many behind
 */
#ifndef SIS_ISA_H
#define SIS_ISA_H

#include <stddef.h>
#include <stdint.h>

enum sis_format { SIS_PLAIN, SIS_TILES, SIS_WIDE, SIS_BANDED, SIS_FRAMED };

/* Where the pixels of an image lie. `stride` counts floats from channel to channel, in TILES from tile to tile. */
struct sis_layout {
    enum sis_format format;
    uint32_t channels, height, width;
    uint32_t bands, band_rows, strips, vectors, tiles;
    uint32_t halo, pitch, split;
    size_t stride, size;
};

/* One filter of a convolution: for each of its `nnz` existing kernels, the offset of its input's map and its weights,
 * column by column ([kernel of columns][kernel of rows]). */
struct sis_filter {
    uint32_t nnz;
    float bias;
    const uint32_t *offset;
    const float *weight;
};

struct sis_convolution {
    struct sis_layout from, to;
    uint32_t kernel, relu;
    struct sis_filter *filters;
};

/* Neighbouring filters of a 1 x 1 convolution that share their inputs; weights are [input][filter]. */
struct sis_block {
    uint32_t first, filters, inputs;
    const uint32_t *offset;
    const float *weight, *bias;
};

struct sis_pointwise {
    struct sis_layout from, to;
    uint32_t relu, block_count;
    struct sis_block *blocks;
};

/* Neighbouring filters that have kernels for the same inputs, in Winograd's domain: weights are [input][filter][quad of
 * the group][position] for each group of quads, `stride` floats from one group to the next. Blocks of the same `pack`
 * are computed together and have their weights together. */
struct sis_tile_block {
    uint32_t first, filters, inputs, pack;
    size_t stride;
    const uint32_t *offset;
    const float *weight, *bias;
};

/* A convolution by Winograd's algorithm (winograd.h), of `vectors` vectors of tiles. The maps in its domain, `maps`
 * floats, lie in chunks of `chunk` vectors and in `groups` of `together` quads of positions each. Strides are those of
 * maps. */
struct sis_winograd {
    struct sis_layout from, to;
    uint32_t kernel, relu, vectors, chunk, chunks, groups, together, most_filters, pack_filters;
    size_t group_stride, chunk_stride, maps;
    uint32_t block_count;
    struct sis_tile_block *blocks;
};

/* Max pooling by `pool` (1: none) on the way from one layout to another. */
struct sis_relayout {
    struct sis_layout from, to;
    uint32_t pool;
};

/* A layer from FRAMED to FRAMED: sums of filters (kernels over 1 x 1) or of blocks, to which the maps of another result
 * may be added, clamped to `lower` and `upper`. */
struct sis_framed {
    struct sis_layout from, to;
    uint32_t kernel, stride, added_channels;
    float lower, upper;
    struct sis_filter *filters;
    uint32_t block_count;
    struct sis_block *blocks;
};

/* Whether the registers of an instruction set with bands hold what whole rows of such a layer need. */
static inline int sis_takes_whole_rows(const struct sis_layout *from, uint32_t kernel) {
    return kernel == 3 && from->strips <= 3;
}

/* PLAIN or FRAMED to either of them, every so many pixels; `pool` takes the maximum of as many each way, or their mean,
 * and `average` that of the whole map. */
struct sis_framed_copy {
    struct sis_layout from, to;
    uint32_t every, takes_mean;
};

/* Items are filters, blocks, and channels. */
struct sis_framed_kernels {
    void (*convolve)(const struct sis_framed *work, const float *in, const float *added, float *out, size_t begin,
                     size_t end);
    void (*pointwise)(const struct sis_framed *work, const float *in, const float *added, float *out, size_t begin,
                      size_t end);
    void (*copy)(const struct sis_framed_copy *work, const float *in, float *out, size_t begin, size_t end);
    void (*pool)(const struct sis_framed_copy *work, const float *in, float *out, size_t begin, size_t end);
    void (*average)(const struct sis_framed_copy *work, const float *in, float *out, size_t begin, size_t end);
};

struct sis_isa {
    const char *name;
    uint32_t lanes, tile, most_filters, most_sums, has_bands;
    int (*is_supported)(void);
    /* Items [begin, end) of the work: filters, pairs (tile, block) counted tile by tile, channels, blocks, channels,
     * channels. */
    void (*convolve)(const struct sis_convolution *work, const float *in, float *out, size_t begin, size_t end);
    void (*pointwise)(const struct sis_pointwise *work, const float *in, float *out, size_t begin, size_t end);
    void (*transform)(const struct sis_winograd *work, const float *in, float *out, size_t begin, size_t end);
    void (*winograd)(const struct sis_winograd *work, const float *in, float *out, size_t begin, size_t end);
    void (*relayout)(const struct sis_relayout *work, const float *in, float *out, size_t begin, size_t end);
    void (*average)(const struct sis_layout *from, const float *in, float *out, size_t begin, size_t end);
    /* Multiply-adds on registers only; returns the number of floating-point operations, two for each. */
    double (*work_peak)(uint64_t rounds, float *sink);
    const struct sis_framed_kernels *framed;
    /* Makes floats halves in place: weights and all maps but PLAIN ones are fp16 (half.h). NULL: all are float32. */
    void (*narrow)(float *values, size_t count);
};

/* All of this library, the fastest first; the last, the portable one, runs everywhere. */
extern const struct sis_isa *const sis_isas[];
extern const size_t sis_isa_count;

#endif
