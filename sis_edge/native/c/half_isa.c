#include "half.h"

#include <string.h>

/* Asked here, in code that runs everywhere: half_neon.c may use any instruction of its set. */
#if defined(__aarch64__)
#include <sys/auxv.h>

/* HWCAP_FPHP and HWCAP_ASIMDHP of Linux (arch/arm64/include/uapi/asm/hwcap.h). */
int sis_half_has_fp16(void) { return (getauxval(AT_HWCAP) >> 9 & 3) == 3; }

extern const struct sis_isa sis_half_neon;
#elif defined(__x86_64__)
extern const struct sis_isa sis_half_f16c;
#endif
extern const struct sis_isa sis_half_portable;

const struct sis_isa *const sis_half_isas[] = {
#if defined(__aarch64__)
    &sis_half_neon,
#elif defined(__x86_64__)
    &sis_half_f16c,
#endif
    &sis_half_portable,
};
const size_t sis_half_isa_count = sizeof sis_half_isas / sizeof *sis_half_isas;

/* Those that compute in fp16 come first; the others convert each number, and run only where they are named. */
#if defined(__aarch64__)
enum { IN_FP16 = 1 };
#else
enum { IN_FP16 = 0 };
#endif

const struct sis_isa *sis_half_find(const char *name) {
    for (size_t i = 0; i < (name ? sis_half_isa_count : IN_FP16); i++)
        if (sis_half_isas[i]->is_supported() && (!name || !strcmp(name, sis_half_isas[i]->name)))
            return sis_half_isas[i];
    return NULL;
}
