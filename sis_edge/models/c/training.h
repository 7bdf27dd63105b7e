/* What torch does slowly on a processor in a training of SiS networks: normalisation with ReLU, and
 * convolution by few channels or by few kernels.
 *
 * Used through ctypes. Maps are float32 where nothing else is said, channels last: rows of `channels` numbers, a row for
 * each pixel. Work is cut into a fixed number of pieces, so that results are the same bits whatever the number of threads.
 */
#ifndef SIS_TRAINING_H
#define SIS_TRAINING_H

#include <stddef.h>
#include <stdint.h>

#define SIS_PIECES 16
#define EXPORT __attribute__((visibility("default")))

/* Threads for the calls that follow, counting the caller. One caller at a time. */
EXPORT void sis_training_threads(size_t count);

/* Normalisation with ReLU, of maps and gradients whose numbers have that many bytes: 4 are float32, 2 are bfloat16. */

/* sums[c] and squares[c]: of x - pivot and its square over all rows. A pivot near the mean keeps the variance exact. */
EXPORT void sis_moments(const void *x, size_t number, const float *pivot, size_t rows, size_t channels, double *sums,
                        double *squares);

/* y = max(0, x * scale + shift) for each channel. */
EXPORT void sis_scale_relu(const void *x, size_t number, const float *scale, const float *shift, size_t rows,
                           size_t channels, void *y);

/* With g = dy where x * scale + shift > 0, else 0: sums[c] of g and products[c] of g * (x - pivot) over all rows. */
EXPORT void sis_scale_relu_sums(const void *x, const void *dy, size_t number, const float *pivot, const float *scale,
                                const float *shift, size_t rows, size_t channels, double *sums, double *products);

/* dx = scale * g + slope * x + offset for each channel, with g as above. dy may be dx. */
EXPORT void sis_scale_relu_back(const void *x, const void *dy, size_t number, const float *scale, const float *shift,
                                const float *slope, const float *offset, size_t rows, size_t channels, void *dx);

/* `count` products of matrices, to[rows, columns] = left[rows, depth] right[depth, columns] each. An element of the left
 * factor lies at row * left_row + step * left_step, the next product's factors at left_next and right_next. */
EXPORT void sis_products(const float *left, size_t left_row, size_t left_step, size_t left_next, const float *right,
                         size_t right_next, size_t rows, size_t depth, size_t columns, size_t count, float *to);

/* sis_scale_relu and a product behind it: y[rows, filters] = max(0, x * scale + shift) weights[channels, filters]. On the
 * way back, weights[filters, channels], dx is the gradient of max(0, ...); those of the weights come as SIS_PIECES parts
 * [filters, channels], and the sums of sis_scale_relu_sums as SIS_PIECES parts [2, channels], to be added up. */
EXPORT void sis_norm_products(const float *x, const float *scale, const float *shift, const float *weights, size_t rows,
                              size_t channels, size_t filters, float *y);
EXPORT void sis_norm_products_back(const float *x, const float *dy, const float *pivot, const float *scale,
                                   const float *shift, const float *weights, size_t rows, size_t channels,
                                   size_t filters, float *dx, float *weight_sums, double *sums);

/* Convolution of images with few channels, zero border: weights[kernel * kernel * channels, filters]. */
EXPORT void sis_patches(const float *x, const float *weights, size_t images, size_t side, size_t channels, size_t kernel,
                        size_t filters, float *y);

/* Winograd's convolution F(4 x 4, 5 x 5): tiles of 4 x 4 pixels, 8 x 8 points, border of 2. `side` is a multiple of 4,
 * channels and filters of 8. The weights are those at the points, [64, channels, filters], and [64, filters, channels]
 * on the way back, where their gradient comes as SIS_PIECES parts of [64, channels, filters], to be added up. */
EXPORT void sis_winograd(const float *x, const float *weights, size_t images, size_t side, size_t channels,
                         size_t filters, float *y);
EXPORT void sis_winograd_back(const float *x, const float *dy, const float *weights, size_t images, size_t side,
                              size_t channels, size_t filters, float *dx, float *sums);

/* The same by the `existing` kernels that exist, of 5 x 5 by F(4 x 4, 5 x 5) or of 3 x 3 by F(6 x 6, 3 x 3), at most 64
 * tiles to an image. values[64, existing] at the points, filter by filter. lists: where each filter's kernels begin
 * [filters + 1], the input of each [existing], its number [existing]; then the same of the inputs, whose kernels have
 * filters. Gradients of values come as SIS_PIECES parts [64, existing], to be added up. */
EXPORT void sis_sparse_winograd(const float *x, const float *values, const uint32_t *lists, size_t existing,
                                size_t images, size_t side, size_t channels, size_t filters, size_t kernel, float *y);
EXPORT void sis_sparse_winograd_back(const float *x, const float *dy, const float *values, const uint32_t *lists,
                                     size_t existing, size_t images, size_t side, size_t channels, size_t filters,
                                     size_t kernel, float *dx, float *sums);

/* Convolution of images by the `existing` weights that exist, zero border: values[existing], filter by filter. lists:
 * where each filter's weights begin [filters + 1]; where a weight's pixels do, (channel * p + row) * p + column with
 * p = side + kernel - 1 [existing]; its number [existing]. Gradients of values come as SIS_PIECES parts [existing], to be added up. */
EXPORT void sis_sparse_images(const float *x, const float *values, const uint32_t *lists, size_t existing,
                              size_t images, size_t side, size_t channels, size_t filters, size_t kernel, float *y);
EXPORT void sis_sparse_images_weights(const float *x, const float *dy, const uint32_t *lists, size_t existing,
                                      size_t images, size_t side, size_t channels, size_t filters, size_t kernel,
                                      float *sums);

#endif
