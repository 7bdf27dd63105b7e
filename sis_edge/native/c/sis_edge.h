/* A chain of sparse layers on a processor: the whole public interface, used by the ONNX Runtime operator (operator.c)
 * and, through ctypes, by calibration and tests.
 *
 * A chain is made of a blob (network.h describes its bytes), which is the same for every processor; weights are laid
 * out for the instruction set when the chain is made. Running is thread-safe; results are the same bits whatever the
 * number of threads.
 *
 * A pixel that is NaN or infinite propagates through existing kernels only, and to no other image of its batch. Dense
 * convolution would propagate it to every filter, since zero times infinity is NaN; an absent synapse does not. ReLU
 * keeps NaN, max pooling may drop it. Denormal numbers are not flushed to zero. By Winograd's algorithm such a pixel
 * reaches all pixels of the tiles that see it.
 */
#ifndef SIS_EDGE_H
#define SIS_EDGE_H

#include <stddef.h>
#include <stdint.h>

#define SIS_EXPORT __attribute__((visibility("default")))

typedef struct sis_chain sis_chain;

/* Calls task(user, 0) to task(user, count - 1), in any order and on any threads, and returns when all are done. */
typedef void (*sis_task)(void *user, size_t index);
typedef void (*sis_parallel)(void *pool, sis_task task, size_t count, void *user);

/* Changes with every change of what is there; functions may be added. */
#define SIS_INTERFACE_VERSION 2
SIS_EXPORT int sis_interface_version(void);

/* Name of the i-th instruction set that this processor runs, the fastest first; NULL from the last on. */
SIS_EXPORT const char *sis_instruction_set(size_t i);

/* The same for a chain in INT8, whose results are the same bits on all of them. */
SIS_EXPORT const char *sis_int8_instruction_set(size_t i);

/* The same for a chain in half precision. f16c and portable are for checks: they never run unless they are named. */
SIS_EXPORT const char *sis_half_instruction_set(size_t i);

/* Most multiply-add operations per second of one core in that instruction set, counting two for each (NULL: best). */
SIS_EXPORT double sis_peak_flops(const char *instruction_set);

/* Most multiply-accumulate operations of INT8 per second of one core in that instruction set (NULL: best). */
SIS_EXPORT double sis_int8_peak_macs(const char *instruction_set);

/* A chain from its blob, in float32 or half precision (network.h) or INT8 (int8_network.h), or NULL and a sentence in `message`. `instruction_set` of NULL means the fastest. */
SIS_EXPORT sis_chain *sis_chain_create(const void *blob, size_t bytes, const char *instruction_set, char *message,
                                       size_t message_bytes);
SIS_EXPORT void sis_chain_destroy(sis_chain *chain);

/* Channels, height and width of one input image, then of one output. */
SIS_EXPORT void sis_chain_shape(const sis_chain *chain, int64_t shape[6]);

/* Memory that one run takes for maps between layers, beside the weights. */
SIS_EXPORT size_t sis_chain_scratch_bytes(const sis_chain *chain);

/* Run `batch` images [batch, channels, height, width] on `threads` threads of the chain's own; 0, or -1 where there is
 * no memory. */
SIS_EXPORT int sis_chain_run(sis_chain *chain, const float *input, float *output, size_t batch, size_t threads);

/* The same on the caller's threads: `parallel` runs `workers` tasks. */
int sis_chain_run_on(sis_chain *chain, const float *input, float *output, size_t batch, sis_parallel parallel,
                     void *pool, size_t workers);

/* One image on `threads` threads of the chain's own; seconds[i] becomes the time of stage i, layers[i] its layer.
 * Returns the number of stages, or -1 where there is no memory or `capacity` is too small. */
SIS_EXPORT int sis_chain_profile(sis_chain *chain, const float *input, float *output, size_t threads, double *seconds,
                                 int32_t *layers, size_t capacity);

/* Threads of the operator in ONNX Runtime before 1.17, which does not share its own; default 1. */
SIS_EXPORT void sis_set_threads(size_t threads);

#endif
