/* Prints the logits of each image of an .npy of uint8 [N, CHANNELS, HEIGHT, WIDTH].
 *   cc client.c -o client -lonnxruntime
 *   ./client model.onnx images.npy                     or with native kernels:
 *   ./client sparse.onnx images.npy ./libsis_edge.so
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "network.h"
#include "ort_api.h"

static OrtApi api;

static void check(OrtStatus *status) {
    if (!status) return;
    fprintf(stderr, "ONNX Runtime: %s\n", ort_GetErrorMessage(api)(status));
    exit(1);
}

/* The file at its first image, and how many it has; NULL where it does not fit the network. */
static FILE *open_images(const char *path, long *count) {
    char start[10] = "", header[4096] = "";
    FILE *file = fopen(path, "rb");
    if (!file || fread(start, sizeof start, 1, file) != 1 || memcmp(start, "\x93NUMPY\x01", 7)) return NULL;
    size_t length = (unsigned char)start[8] + 256u * (unsigned char)start[9];
    if (length >= sizeof header || fread(header, length, 1, file) != 1) return NULL;
    const char *shape = strstr(header, "'shape': (");
    if (!shape || sscanf(shape, "'shape': (%ld", count) != 1 || !strstr(shape, SHAPE)) return NULL;
    return strstr(header, "'|u1'") && strstr(header, "'fortran_order': False") ? file : NULL;
}

int main(int argc, char **argv) {
    static unsigned char pixels[CHANNELS * HEIGHT * WIDTH];
    static float image[CHANNELS * HEIGHT * WIDTH];
    const int64_t shape[] = {1, CHANNELS, HEIGHT, WIDTH};
    const char *in[] = {"input"}, *out[] = {"logits"};
    long images;
    FILE *file = argc == 3 || argc == 4 ? open_images(argv[2], &images) : NULL;
    if (!file) return fprintf(stderr, "usage: client MODEL IMAGES [LIBRARY]; an .npy of uint8 (N%s\n", SHAPE), 2;
    api = OrtGetApiBase()->GetApi(ORT_OLDEST_API);
    if (!api) return fprintf(stderr, "ONNX Runtime 1.10 or newer is needed\n"), 1;
    OrtEnv *env;
    OrtSessionOptions *options;
    OrtSession *session;
    OrtMemoryInfo *memory;
    OrtValue *input, *output = NULL; /* the first run makes it, the others write into it */
    OrtShape *info;
    void *library;
    size_t classes;
    float *logits;
    check(ort_CreateEnv(api)(ORT_WARNING, "client", &env));
    check(ort_CreateSessionOptions(api)(&options));
    if (argc == 4) check(ort_RegisterCustomOpsLibrary(api)(options, argv[3], &library));
    check(ort_CreateSession(api)(env, argv[1], options, &session));
    check(ort_CreateCpuMemoryInfo(api)(ORT_ARENA, ORT_DEFAULT_MEMORY, &memory));
    check(ort_CreateTensorWithData(api)(memory, image, sizeof image, shape, 4, ORT_FLOAT, &input));
    for (; images > 0; images--) {
        if (fread(pixels, sizeof pixels, 1, file) != 1) return fprintf(stderr, "%s is cut off\n", argv[2]), 1;
        for (int at = 0; at < CHANNELS * HEIGHT * WIDTH; at++) {
            int channel = at / (HEIGHT * WIDTH);
            image[at] = (pixels[at] / 255.0f - MEAN[channel]) / STD[channel];
        }
        check(ort_Run(api)(session, NULL, in, (const OrtValue *const *)&input, 1, out, 1, &output));
        check(ort_GetTensorTypeAndShape(api)(output, &info));
        check(ort_GetTensorShapeElementCount(api)(info, &classes));
        ort_ReleaseTensorTypeAndShapeInfo(api)(info);
        check(ort_GetTensorMutableData(api)(output, (void **)&logits));
        for (size_t at = 0; at < classes; at++) printf("%.7g%c", logits[at], at + 1 < classes ? ' ' : '\n');
    }
    return 0;
}
