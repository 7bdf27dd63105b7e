/* A stand-in for libcudart: the calls that the agent makes, on the host's memory. Streams run at once. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

const int __sis_simulated__ = 1;

static int gpus(void) {
    const char *text = getenv("STANDIN_GPUS");
    return text ? atoi(text) : 1;
}

const char *cudaGetErrorString(int code) {
    return code == 100 ? "no CUDA-capable device is detected" : code == 2 ? "out of memory" : "invalid argument";
}

int cudaGetDeviceCount(int *count) {
    *count = gpus();
    return *count ? 0 : 100;
}

int cudaGetDeviceProperties(void *properties, int device) {
    const char *text = getenv("STANDIN_GPU_NAME");
    strncpy(properties, text ? text : "Orin (stand-in)", 255);
    return device ? 1 : 0;
}

int cudaDeviceGetAttribute(int *value, int attribute, int device) {
    const char *text = getenv("STANDIN_GPU_CAPABILITY");
    const char *dot = strchr(text ? text : "8.7", '.');
    if (device) return 1;
    switch (attribute) {
    case 75: *value = atoi(text ? text : "8.7"); return 0;
    case 76: *value = atoi(dot + 1); return 0;
    case 18: *value = 1; return 0;
    }
    return 1;
}

int cudaDriverGetVersion(int *version) { *version = 10020; return 0; }
int cudaRuntimeGetVersion(int *version) { *version = 10020; return 0; }

int cudaMemGetInfo(size_t *available, size_t *total) {
    *available = (size_t)3 << 30;
    *total = (size_t)4 << 30;
    return 0;
}

int cudaMalloc(void **address, size_t size) {
    if (size > (size_t)3 << 30) return 2;
    *address = malloc(size);
    memset(*address, 0xff, size);
    return 0;
}

int cudaMallocHost(void **address, size_t size) { return cudaMalloc(address, size); }

int cudaMemcpyAsync(void *target, const void *source, size_t size, int kind, void *stream) {
    if ((kind != 1 && kind != 2) || !stream) return 1;
    memcpy(target, source, size);
    return 0;
}

int cudaStreamCreate(void **stream) { *stream = malloc(1); return 0; }
int cudaStreamSynchronize(void *stream) { return stream ? 0 : 1; }
int cudaEventCreate(void **event) { *event = calloc(1, sizeof(double)); return 0; }

int cudaEventRecord(void *event, void *stream) {
    struct timespec now;
    if (!stream) return 1;
    clock_gettime(CLOCK_MONOTONIC, &now);
    *(double *)event = now.tv_sec * 1e3 + now.tv_nsec * 1e-6;
    return 0;
}

int cudaEventElapsedTime(float *milliseconds, void *start, void *end) {
    *milliseconds = (float)(*(double *)end - *(double *)start);
    return 0;
}
