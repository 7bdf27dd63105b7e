/* Hide AVX-512 (and what came after AVX2) from a process, so that every library in it takes its AVX2 path.
 *
 *     cc -O2 -shared -fPIC -o mask_cpuid.so mask_cpuid.c && LD_PRELOAD=./mask_cpuid.so program
 *
 * Linux on processors with CPUID faulting (arch_prctl(2), ARCH_CPUID_FAULT): the instruction then raises SIGSEGV, and
 * the handler answers in its place, with the bits cleared. Threads inherit it. Where the processor cannot do that,
 * the program ends at once with status 3 rather than run unmasked.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#ifndef ARCH_SET_CPUID
#define ARCH_SET_CPUID 0x1012
#endif

static struct sigaction before;

static long allow_cpuid(unsigned long allowed) { return syscall(SYS_arch_prctl, ARCH_SET_CPUID, allowed); }

static void on_fault(int signal, siginfo_t *info, void *context) {
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    const unsigned char *code = (const unsigned char *)registers[REG_RIP];
    (void)signal;
    if (info->si_addr || code[0] != 0x0f || code[1] != 0xa2) { /* a real fault: raise it again as it was */
        sigaction(SIGSEGV, &before, NULL);
        return;
    }
    uint32_t leaf = (uint32_t)registers[REG_RAX], part = (uint32_t)registers[REG_RCX], eax, ebx, ecx, edx;
    allow_cpuid(1);
    __asm__ volatile("cpuid" : "=a"(eax), "=b"(ebx), "=c"(ecx), "=d"(edx) : "a"(leaf), "c"(part));
    allow_cpuid(0);
    if (leaf == 7 && part == 0) {
        ebx &= ~(1u << 16 | 1u << 17 | 1u << 21 | 1u << 26 | 1u << 27 | 1u << 28 | 1u << 30 | 1u << 31);
        ecx &= ~(1u << 1 | 1u << 6 | 1u << 11 | 1u << 12 | 1u << 14);
        edx &= ~(1u << 2 | 1u << 3 | 1u << 8 | 1u << 22 | 1u << 23 | 1u << 24 | 1u << 25);
    } else if (leaf == 7 && part == 1) {
        eax &= ~(1u << 4 | 1u << 5 | 1u << 21 | 1u << 23);
        edx = 0;
    }
    registers[REG_RAX] = eax;
    registers[REG_RBX] = ebx;
    registers[REG_RCX] = ecx;
    registers[REG_RDX] = edx;
    registers[REG_RIP] += 2;
}

__attribute__((constructor)) static void mask(void) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = on_fault;
    action.sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK;
    sigaction(SIGSEGV, &action, &before);
    if (allow_cpuid(0)) {
        static const char sorry[] = "mask_cpuid: this processor or kernel has no CPUID faulting\n";
        if (write(2, sorry, sizeof sorry - 1)) {}
        _exit(3);
    }
}
