/* Products of matrices that are long and narrow: maps of some hundred channels with weights that fit in the cache.
 *
 * The register block is 6 x 16: twelve accumulators, two vectors of the right factor, one of the left, which are the
 * sixteen registers of AVX2; with the thirty-two of AVX-512, twice as wide, it is 12 x 32. The left factor is read with
 * any strides, so that its transpose costs nothing. */
#include "products.h"

#include <stdlib.h>
#include <string.h>

#ifdef __AVX512F__
#define LANES 16
enum { ROWS = 12 };
#else
#define LANES 8
enum { ROWS = 6 };
#endif
#include "../../native/c/vectors.h"

enum { VECTORS = 2, DEPTH = 256, PIECE_ROWS = 768, WORTH_ROWS = 96, NEAR = 128 };

/* `rows` x `vectors` outputs of the product, over `depth` steps; of the last vector `last` numbers are kept. */
INLINE void block(const Factors *p, const float *left, const float *right, size_t right_step, float *to, size_t depth,
                  size_t rows, size_t vectors, size_t last, int adds) {
    vec sum[ROWS][VECTORS];
    UNROLL for (size_t i = 0; i < ROWS; i++) UNROLL for (size_t v = 0; v < VECTORS; v++) sum[i][v] = splat(0);
    for (size_t k = 0; k < depth; k++, left += p->left_step, right += right_step) {
        vec b[VECTORS];
        UNROLL for (size_t v = 0; v < VECTORS; v++) if (v < vectors) b[v] = load_loose(right + v * LANES);
        UNROLL for (size_t i = 0; i < ROWS; i++) if (i < rows) {
            vec a = splat(left[i * p->left_row]);
            UNROLL for (size_t v = 0; v < VECTORS; v++) if (v < vectors) sum[i][v] += a * b[v];
        }
    }
    UNROLL for (size_t i = 0; i < ROWS; i++) if (i < rows) UNROLL for (size_t v = 0; v < VECTORS; v++) if (v < vectors) {
        float *at = to + i * p->columns + v * LANES;
        if (v + 1 < vectors || last == LANES)
            store_loose(at, sum[i][v] + (adds ? load_loose(at) : splat(0)));
        else
            for (size_t lane = 0; lane < last; lane++) at[lane] = (adds ? at[lane] : 0) + sum[i][v][lane];
    }
}

/* A block whose size the compiler knows, so that its sums stay in registers. */
#define ROWS_ARE(n, vectors) \
    case n: block(p, left, right, right_step, to, depth, n, vectors, last, adds); break;
#ifdef __AVX512F__
#define MORE_ROWS(vectors)                                                                                       \
    ROWS_ARE(7, vectors) ROWS_ARE(8, vectors) ROWS_ARE(9, vectors) ROWS_ARE(10, vectors) ROWS_ARE(11, vectors)   \
    ROWS_ARE(12, vectors)
#else
#define MORE_ROWS(vectors)
#endif
#define WITH_ROWS(vectors)                                                                                      \
    switch (rows) {                                                                                             \
        ROWS_ARE(1, vectors) ROWS_ARE(2, vectors) ROWS_ARE(3, vectors) ROWS_ARE(4, vectors) ROWS_ARE(5, vectors) \
        ROWS_ARE(6, vectors) MORE_ROWS(vectors)                                                                 \
    }

/* `rows` rows and `columns` columns, at most a block's. A last vector that is not whole is read whole. */
static void any_block(const Factors *p, const float *left, const float *right, size_t right_step, float *to,
                      size_t depth, size_t rows, size_t columns, int adds) {
    size_t last = columns % LANES ? columns % LANES : LANES;
    if (columns > LANES) {
        WITH_ROWS(VECTORS)
    } else {
        WITH_ROWS(1)
    }
}

static size_t whole(size_t columns) { return (columns + LANES - 1) / LANES * LANES; }

/* Sixteen columns after another, each step's beside the next step's: rows of some hundred numbers lie so that few sets
 * of the first cache hold them all. The last columns are filled up with zeros to a whole vector. */
static void pack(const float *right, size_t depth, size_t columns, float *packed) {
    for (size_t column = 0; column < columns; column += VECTORS * LANES) {
        size_t width = columns - column < VECTORS * LANES ? columns - column : VECTORS * LANES, wide = whole(width);
        for (size_t k = 0; k < depth; k++, packed += wide) {
            memcpy(packed, right + k * columns + column, width * sizeof *packed);
            memset(packed + width, 0, (wide - width) * sizeof *packed);
        }
    }
}

/* At most DEPTH steps. A left factor of more than NEAR steps that lie far apart is copied, a block of rows at a time. */
static void multiply_steps(const Factors *p, const float *left, const float *right, size_t depth, size_t rows, float *to,
                           int adds, float *packed) {
    float near[DEPTH * ROWS];
    Factors of_near = {1, ROWS, depth, p->columns};
    if (packed) pack(right, depth, p->columns, packed);
    for (size_t row = 0; row < rows; row += ROWS, to += ROWS * p->columns) {
        size_t some = rows - row < ROWS ? rows - row : ROWS;
        const Factors *factors = p;
        const float *from = left + row * p->left_row;
        if (p->left_row == 1 && depth > NEAR) {
            for (size_t k = 0; k < depth; k++)
                for (size_t i = 0; i < some; i++) near[k * ROWS + i] = from[k * p->left_step + i];
            factors = &of_near;
            from = near;
        }
        for (size_t column = 0; column < p->columns; column += VECTORS * LANES) {
            size_t width = p->columns - column < VECTORS * LANES ? p->columns - column : VECTORS * LANES;
            if (packed)
                any_block(factors, from, packed + column * depth, whole(width), to + column, depth, some, width, adds);
            else
                any_block(factors, from, right + column, p->columns, to + column, depth, some, width, adds);
        }
    }
}

void multiply(const Factors *p, const float *left, const float *right, size_t rows, float *to, int adds) {
    int is_whole = p->columns % LANES == 0; /* else vectors would be read beyond the end */
    float *packed = is_whole && rows < WORTH_ROWS ? NULL : malloc(DEPTH * whole(p->columns) * sizeof *packed);
    if (!is_whole && !packed) abort(); /* some hundred kilobytes */
    for (size_t deep = 0; deep < p->depth; deep += DEPTH, adds = 1) {
        size_t depth = p->depth - deep < DEPTH ? p->depth - deep : DEPTH;
        multiply_steps(p, left + deep * p->left_step, right + deep * p->columns, depth, rows, to, adds, packed);
    }
    free(packed);
}

typedef struct {
    Factors factors;
    const float *left, *right;
    float *to;
    size_t rows, left_next, right_next, pieces;
} Job;

static void piece_of(void *user, size_t index) {
    const Job *job = user;
    size_t which = index / job->pieces, piece = index % job->pieces, columns = job->factors.columns;
    size_t first = job->rows * piece / job->pieces / ROWS * ROWS;
    size_t end = piece + 1 == job->pieces ? job->rows : job->rows * (piece + 1) / job->pieces / ROWS * ROWS;
    multiply(&job->factors, job->left + which * job->left_next + first * job->factors.left_row,
             job->right + which * job->right_next, end - first, job->to + (which * job->rows + first) * columns, 0);
}

void sis_products(const float *left, size_t left_row, size_t left_step, size_t left_next, const float *right,
                  size_t right_next, size_t rows, size_t depth, size_t columns, size_t count, float *to) {
    Job job = {{left_row, left_step, depth, columns}, left, right, to, rows, left_next, right_next,
               (rows + PIECE_ROWS - 1) / PIECE_ROWS};
    in_pieces(piece_of, count * job.pieces, &job);
}
