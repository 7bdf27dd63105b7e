/* The kernels without Python, for sanitizers and for emulated processors. INSTRUCTION_SET may be `fastest`.
 *
 *     driver run INSTRUCTION_SET BATCH THREADS <stdin >stdout    stdin: size of the blob (uint32), blob, images
 *     driver damage COUNT SEED INSTRUCTION_SET <stdin            stdin: size of the blob (uint32), blob
 *
 * `damage` changes a few bytes of the blob COUNT times; each must be refused or run. It prints how many were refused.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sis_edge.h"

static void *read_all(size_t bytes) {
    void *memory = malloc(bytes ? bytes : 1);
    if (!memory || fread(memory, 1, bytes, stdin) != bytes) exit(2);
    return memory;
}

static size_t floats_of(const int64_t *shape) { return (size_t)(shape[0] * shape[1] * shape[2]); }

static int run(sis_chain *chain, const float *images, size_t batch, size_t threads, int print) {
    int64_t shape[6];
    sis_chain_shape(chain, shape);
    size_t floats = batch * floats_of(shape + 3);
    float *outputs = malloc(floats * sizeof *outputs);
    if (!outputs || sis_chain_run(chain, images, outputs, batch, threads)) return 2;
    if (print && fwrite(outputs, sizeof *outputs, floats, stdout) != floats) return 2;
    free(outputs);
    return 0;
}

static int damage(const unsigned char *blob, uint32_t bytes, long count, uint64_t seed, const char *name) {
    long refused = 0;
    for (long i = 0; i < count; i++) {
        unsigned char *copy = malloc(bytes);
        char message[256] = "";
        size_t left = bytes;
        memcpy(copy, blob, bytes);
        for (int change = 0; change < 1 + i % 3; change++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            size_t place = (size_t)(seed >> 33) % (i % 2 ? bytes : bytes < 64 ? bytes : 64);
            copy[place] = (unsigned char)(seed >> 20);
        }
        if (i % 7 == 0) left = (size_t)(seed >> 40) % bytes;
        unsigned char *exact = malloc(left ? left : 1); /* so that a read beyond the end is seen */
        memcpy(exact, copy, left);
        sis_chain *chain = sis_chain_create(exact, left, name, message, sizeof message);
        free(exact);
        free(copy);
        if (!chain) {
            refused++;
            if (!*message) return 3;
            continue;
        }
        int64_t shape[6];
        sis_chain_shape(chain, shape);
        if (floats_of(shape) < 100000 && floats_of(shape + 3) < 100000) {
            float *images = calloc(floats_of(shape), sizeof *images);
            if (run(chain, images, 1, 1, 0)) return 2;
            free(images);
        }
        sis_chain_destroy(chain);
    }
    printf("%ld\n", refused);
    return 0;
}

int main(int count, char **argument) {
    uint32_t bytes;
    if (count < 5 || fread(&bytes, 4, 1, stdin) != 1) return 2;
    void *blob = read_all(bytes);
    const char *name = argument[strcmp(argument[1], "damage") ? 2 : 4];
    if (!strcmp(name, "fastest")) name = NULL;
    if (!strcmp(argument[1], "damage")) {
        int status = damage(blob, bytes, atol(argument[2]), (uint64_t)atol(argument[3]), name);
        free(blob);
        return status;
    }
    char message[256];
    sis_chain *chain = sis_chain_create(blob, bytes, name, message, sizeof message);
    free(blob);
    if (!chain) {
        fprintf(stderr, "%s\n", message);
        return 1;
    }
    int64_t shape[6];
    sis_chain_shape(chain, shape);
    size_t batch = (size_t)atol(argument[3]);
    float *images = read_all(batch * floats_of(shape) * sizeof *images);
    int status = run(chain, images, batch, (size_t)atol(argument[4]), 1);
    free(images);
    sis_chain_destroy(chain);
    return status;
}
