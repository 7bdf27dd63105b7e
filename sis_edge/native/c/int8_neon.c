/* NEON of every aarch64 processor: products in 16 bits, sums of two of them there too (127 x 127 x 2 = 32258), of two of
 * those in 32. */
#include "int8_neon_pack.h"

INLINE ivec dot4(ivec sum, ivec x, ivec w) {
    int16x8_t low = vmull_s8(vget_low_s8((int8x16_t)x), vget_low_s8((int8x16_t)w));
    int16x8_t high = vmull_high_s8((int8x16_t)x, (int8x16_t)w);
    return (ivec)vpadalq_s16((int32x4_t)sum, vpaddq_s16(low, high));
}

#include "int8_kernels.h"

static int is_supported(void) { return 1; }

const struct sis_int8_isa sis_int8_neon = SIS_INT8_TABLE("neon", is_supported);
