#include "int8.h"

/* Asked here, in code that runs everywhere: the other files may use any instruction of their set. */
#if defined(__x86_64__)
#include "cpu.h"

int sis_int8_has_avx2(void) { return cpu_has_avx2(); }
int sis_int8_has_avx_vnni(void) { return cpu_has_avx_vnni(); }
int sis_int8_has_avx512_vnni(void) { return cpu_has_avx512_vnni(); }
#elif defined(__aarch64__)
#include <sys/auxv.h>

/* HWCAP_ASIMDDP of Linux (arch/arm64/include/uapi/asm/hwcap.h). */
int sis_int8_has_dotprod(void) { return (getauxval(AT_HWCAP) >> 20 & 1) != 0; }
#endif

#if defined(__x86_64__)
extern const struct sis_int8_isa sis_int8_avx512, sis_int8_avxvnni, sis_int8_avx2;
#elif defined(__aarch64__)
extern const struct sis_int8_isa sis_int8_dotprod, sis_int8_neon;
#endif
extern const struct sis_int8_isa sis_int8_portable;

const struct sis_int8_isa *const sis_int8_isas[] = {
#if defined(__x86_64__)
    &sis_int8_avx512, &sis_int8_avxvnni, &sis_int8_avx2,
#elif defined(__aarch64__)
    &sis_int8_dotprod, &sis_int8_neon,
#endif
    &sis_int8_portable,
};
const size_t sis_int8_isa_count = sizeof sis_int8_isas / sizeof *sis_int8_isas;
