/* Products of matrices that are long and narrow: maps of some hundred channels with weights that fit in the cache.
 *
 * The register block is 6 x 16: twelve accumulators, two vectors of the right factor, one of the left, which are the
 * sixteen registers of AVX2. The left factor is read with any strides, so that its transpose costs nothing. */
#include <string.h>

#include "pieces.h"

#define LANES 8
#include "../../native/c/vectors.h"

enum { ROWS = 6, VECTORS = 2, DEPTH = 256, PIECE_ROWS = 192 };

typedef struct {
    const float *left, *right;
    float *to;
    size_t rows, depth, columns, left_row, left_step, left_next, right_next, pieces;
} Product;

/* `rows` x `vectors` outputs of the product, over `depth` steps; the last vector holds `last` numbers. */
INLINE void block(const Product *p, const float *left, const float *right, float *to, size_t depth, size_t rows,
                  size_t vectors, size_t last, int adds) {
    vec sum[ROWS][VECTORS];
    UNROLL for (size_t i = 0; i < ROWS; i++) UNROLL for (size_t v = 0; v < VECTORS; v++) sum[i][v] = all(0);
    for (size_t k = 0; k < depth; k++, left += p->left_step, right += p->columns) {
        vec b[VECTORS];
        UNROLL for (size_t v = 0; v < VECTORS; v++) if (v < vectors) {
            if (v + 1 < vectors || last == LANES)
                b[v] = load_loose(right + v * LANES);
            else {
                b[v] = all(0);
                memcpy(&b[v], right + v * LANES, last * sizeof(float));
            }
        }
        UNROLL for (size_t i = 0; i < ROWS; i++) if (i < rows) {
            vec a = all(left[i * p->left_row]);
            UNROLL for (size_t v = 0; v < VECTORS; v++) if (v < vectors) sum[i][v] += a * b[v];
        }
    }
    UNROLL for (size_t i = 0; i < ROWS; i++) if (i < rows) UNROLL for (size_t v = 0; v < VECTORS; v++) if (v < vectors) {
        float *at = to + i * p->columns + v * LANES;
        if (v + 1 < vectors || last == LANES)
            store_loose(at, sum[i][v] + (adds ? load_loose(at) : all(0)));
        else
            for (size_t lane = 0; lane < last; lane++) at[lane] = (adds ? at[lane] : 0) + sum[i][v][lane];
    }
}

/* Rows `first` to `end` of one product. */
static void rows_of(const Product *p, const float *left, const float *right, float *to, size_t first, size_t end) {
    for (size_t deep = 0; deep < p->depth; deep += DEPTH) {
        size_t depth = p->depth - deep < DEPTH ? p->depth - deep : DEPTH;
        int adds = deep > 0;
        for (size_t column = 0; column < p->columns; column += VECTORS * LANES) {
            size_t left_over = p->columns - column, last = LANES;
            size_t vectors = VECTORS;
            if (left_over < VECTORS * LANES) {
                vectors = (left_over + LANES - 1) / LANES;
                last = left_over - (vectors - 1) * LANES;
            }
            const float *r = right + deep * p->columns + column;
            for (size_t row = first; row < end; row += ROWS) {
                const float *l = left + row * p->left_row + deep * p->left_step;
                float *t = to + row * p->columns + column;
                size_t rows = end - row < ROWS ? end - row : ROWS;
                if (rows == ROWS && vectors == VECTORS && last == LANES)
                    block(p, l, r, t, depth, ROWS, VECTORS, LANES, adds);
                else if (rows == ROWS && vectors == 1 && last == LANES)
                    block(p, l, r, t, depth, ROWS, 1, LANES, adds);
                else
                    block(p, l, r, t, depth, rows, vectors, last, adds);
            }
        }
    }
}

static void piece_of(void *user, size_t index) {
    const Product *p = user;
    size_t which = index / p->pieces, piece = index % p->pieces;
    size_t first = p->rows * piece / p->pieces / ROWS * ROWS;
    size_t end = piece + 1 == p->pieces ? p->rows : p->rows * (piece + 1) / p->pieces / ROWS * ROWS;
    rows_of(p, p->left + which * p->left_next, p->right + which * p->right_next, p->to + which * p->rows * p->columns,
            first, end);
}

void sis_products(const float *left, size_t left_row, size_t left_step, size_t left_next, const float *right,
                  size_t right_next, size_t rows, size_t depth, size_t columns, size_t count, float *to) {
    Product p = {left, right, to, rows, depth, columns, left_row, left_step, left_next, right_next,
                 (rows + PIECE_ROWS - 1) / PIECE_ROWS};
    in_pieces(piece_of, count * p.pieces, &p);
}
