#include "isa.h"

#if defined(__x86_64__)
extern const struct sis_isa sis_isa_avx512, sis_isa_avx2;
#elif defined(__aarch64__)
extern const struct sis_isa sis_isa_neon;
#endif
extern const struct sis_isa sis_isa_portable;

const struct sis_isa *const sis_isas[] = {
#if defined(__x86_64__)
    &sis_isa_avx512, &sis_isa_avx2,
#elif defined(__aarch64__)
    &sis_isa_neon,
#endif
    &sis_isa_portable,
};
const size_t sis_isa_count = sizeof sis_isas / sizeof *sis_isas;
