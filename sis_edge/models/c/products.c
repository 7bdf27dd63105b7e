/* Products of matrices that are long and narrow: maps of some hundred channels with weights that fit in the cache.
 *
 * The register block is 6 x 16: twelve accumulators, two vectors of the right factor, one of the left, which are the
 * sixteen registers of AVX2. The left factor is read with any strides, so that its transpose costs nothing. */
#include "products.h"

#include <string.h>

#define LANES 8
#include "../../native/c/vectors.h"

enum { ROWS = 6, VECTORS = 2, DEPTH = 256, PIECE_ROWS = 192 };

/* `rows` x `vectors` outputs of the product, over `depth` steps; the last vector holds `last` numbers. */
INLINE void block(const Factors *p, const float *left, const float *right, float *to, size_t depth, size_t rows,
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

/* A block whose size the compiler knows, so that its sums stay in registers. */
#define ROWS_ARE(n, vectors) \
    case n: block(p, l, r, t, depth, n, vectors, LANES, adds); break;
#define WITH_ROWS(some, vectors)                                                                                  \
    switch (some) {                                                                                               \
        ROWS_ARE(1, vectors) ROWS_ARE(2, vectors) ROWS_ARE(3, vectors) ROWS_ARE(4, vectors) ROWS_ARE(5, vectors) \
        ROWS_ARE(6, vectors)                                                                                      \
    }

void multiply(const Factors *p, const float *left, const float *right, size_t rows, float *to, int adds) {
    for (size_t deep = 0; deep < p->depth; deep += DEPTH, adds = 1) {
        size_t depth = p->depth - deep < DEPTH ? p->depth - deep : DEPTH;
        for (size_t column = 0; column < p->columns; column += VECTORS * LANES) {
            size_t left_over = p->columns - column, vectors = VECTORS, last = LANES;
            if (left_over < VECTORS * LANES) {
                vectors = (left_over + LANES - 1) / LANES;
                last = left_over - (vectors - 1) * LANES;
            }
            const float *r = right + deep * p->columns + column;
            for (size_t row = 0; row < rows; row += ROWS) {
                const float *l = left + row * p->left_row + deep * p->left_step;
                float *t = to + row * p->columns + column;
                size_t some = rows - row < ROWS ? rows - row : ROWS;
                if (last != LANES) {
                    block(p, l, r, t, depth, some, vectors, last, adds);
                } else if (vectors == VECTORS) {
                    WITH_ROWS(some, VECTORS)
                } else {
                    WITH_ROWS(some, 1)
                }
            }
        }
    }
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
