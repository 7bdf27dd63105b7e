/* FEAT_DotProd of aarch64 (Cortex-A55, A75, A76 and later): SDOT adds four products of bytes to each lane. */
#include "int8_neon_pack.h"

INLINE ivec dot4(ivec sum, ivec x, ivec w) {
    return (ivec)vdotq_s32((int32x4_t)sum, (int8x16_t)x, (int8x16_t)w);
}

#include "int8_kernels.h"

const struct sis_int8_isa sis_int8_dotprod = SIS_INT8_TABLE("neon-dotprod", sis_int8_has_dotprod);
