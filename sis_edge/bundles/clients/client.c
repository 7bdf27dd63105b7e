/* Logits of an .npy of float32 images [N, channels, height, width], normalised: client.py writes such an inputs.npy.
 *   cc client.c -o client -lonnxruntime && ./client model.onnx inputs.npy
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ort_api.h"

static OrtApi api;

static void check(OrtStatus *status) {
    if (status) {
        fprintf(stderr, "ONNX Runtime: %s\n", ort_GetErrorMessage(api)(status));
        exit(1);
    }
}

static float *read_npy(const char *path, int64_t shape[4]) {
    unsigned char start[10];
    char header[4096] = "";
    FILE *file = fopen(path, "rb");
    if (!file || fread(start, 1, 10, file) != 10 || memcmp(start, "\x93NUMPY\x01", 7)) return NULL;
    size_t length = start[8] + 256u * start[9];
    if (length >= sizeof header || fread(header, 1, length, file) != length) return NULL;
    const char *text = strstr(header, "'shape': (");
    if (!text || !strstr(header, "'<f4'") || !strstr(header, "'fortran_order': False")) return NULL;
    long long n, c, h, w;
    if (sscanf(text, "'shape': (%lld, %lld, %lld, %lld)", &n, &c, &h, &w) != 4) return NULL;
    shape[0] = n, shape[1] = c, shape[2] = h, shape[3] = w;
    size_t count = (size_t)(n * c * h * w);
    float *data = malloc(count * sizeof *data);
    if (!data || fread(data, sizeof *data, count, file) != count) return NULL;
    fclose(file);
    return data;
}

int main(int argc, char **argv) {
    int64_t shape[4];
    float *data = argc == 3 ? read_npy(argv[2], shape) : NULL;
    if (!data) return fprintf(stderr, "usage: client model.onnx inputs.npy (float32, 4 axes, C order)\n"), 2;
    api = OrtGetApiBase()->GetApi(ORT_OLDEST_API);
    if (!api) return fprintf(stderr, "ONNX Runtime 1.10 or newer is needed\n"), 1;
    OrtEnv *env;
    OrtSessionOptions *options;
    OrtSession *session;
    OrtMemoryInfo *memory;
    OrtValue *input, *output = NULL;
    OrtShape *info;
    size_t bytes = (size_t)(shape[0] * shape[1] * shape[2] * shape[3]) * sizeof *data, count;
    float *logits;
    const char *in[] = {"input"}, *out[] = {"logits"};
    check(ort_CreateEnv(api)(ORT_WARNING, "client", &env));
    check(ort_CreateSessionOptions(api)(&options));
    check(ort_CreateSession(api)(env, argv[1], options, &session));
    check(ort_CreateCpuMemoryInfo(api)(ORT_ARENA, ORT_DEFAULT_MEMORY, &memory));
    check(ort_CreateTensorWithData(api)(memory, data, bytes, shape, 4, ORT_FLOAT, &input));
    check(ort_Run(api)(session, NULL, in, (const OrtValue *const *)&input, 1, out, 1, &output));
    check(ort_GetTensorTypeAndShape(api)(output, &info));
    check(ort_GetTensorShapeElementCount(api)(info, &count));
    check(ort_GetTensorMutableData(api)(output, (void **)&logits));
    for (size_t at = 0, each = count / (size_t)shape[0]; at < count; at++)
        printf("%.7g%c", logits[at], (at + 1) % each ? ' ' : '\n');
    return 0;
}
