#include "int8.h"

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
