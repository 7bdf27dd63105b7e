/* AVX-VNNI: the instruction of VNNI in registers of 256 bits, for processors without AVX-512. */
#include "int8_avx2_pack.h"

INLINE ivec dot4(ivec sum, ivec x, ivec w) {
    return (ivec)_mm256_dpbusd_avx_epi32((__m256i)sum, (__m256i)x, (__m256i)w);
}

#include "int8_kernels.h"

const struct sis_int8_isa sis_int8_avxvnni = SIS_INT8_TABLE("avx-vnni", sis_int8_has_avx_vnni);
