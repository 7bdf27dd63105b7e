/* What an x86-64 processor and its operating system support, asked with CPUID itself: not every compiler's runtime
 * library brings what __builtin_cpu_supports needs. Source: Intel SDM volume 2A, CPUID, and volume 1, 13.1 (XCR0). */
#ifndef SIS_CPU_H
#define SIS_CPU_H

#include <cpuid.h>
#include <stdint.h>

struct cpu_features {
    uint32_t leaf1_ecx, leaf7_ebx, leaf7_ecx, leaf7_1_eax, xcr0;
};

static inline struct cpu_features cpu_features(void) {
    struct cpu_features features = {0, 0, 0, 0, 0};
    uint32_t eax, ebx, ecx, edx;
    if (__get_cpuid(1, &eax, &ebx, &ecx, &edx)) features.leaf1_ecx = ecx;
    if (__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx)) {
        features.leaf7_ebx = ebx;
        features.leaf7_ecx = ecx;
        if (eax && __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx)) features.leaf7_1_eax = eax;
    }
    if (features.leaf1_ecx & (1u << 27)) /* OSXSAVE: xgetbv exists */
        __asm__ volatile("xgetbv" : "=a"(features.xcr0), "=d"(edx) : "c"(0));
    return features;
}

static inline int has_bits(uint32_t value, uint32_t bits) { return (value & bits) == bits; }

/* AVX2, FMA, F16C, BMI, BMI2, MOVBE, POPCNT, and registers of 256 bits saved by the operating system: x86-64-v3. */
static inline int cpu_has_avx2(void) {
    struct cpu_features cpu = cpu_features();
    return has_bits(cpu.leaf1_ecx, 1u << 12 | 1u << 22 | 1u << 23 | 1u << 28 | 1u << 29) &&
           has_bits(cpu.leaf7_ebx, 1u << 3 | 1u << 5 | 1u << 8) && has_bits(cpu.xcr0, 0x06);
}

/* AVX-512 F, DQ, CD, BW, VL, and registers of 512 bits saved: x86-64-v4. */
static inline int cpu_has_avx512(void) {
    struct cpu_features cpu = cpu_features();
    return cpu_has_avx2() && has_bits(cpu.leaf7_ebx, 1u << 16 | 1u << 17 | 1u << 28 | 1u << 30 | 1u << 31) &&
           has_bits(cpu.xcr0, 0xe6);
}

/* The above and AVX-512 VNNI. */
static inline int cpu_has_avx512_vnni(void) { return cpu_has_avx512() && has_bits(cpu_features().leaf7_ecx, 1u << 11); }

/* AVX2 as above and AVX-VNNI: the same with registers of 256 bits. */
static inline int cpu_has_avx_vnni(void) { return cpu_has_avx2() && has_bits(cpu_features().leaf7_1_eax, 1u << 4); }

#endif
