/* ONNX Runtime's operator `SparseChain` of the domain `sis_edge`: a chain of layers (network.h) as one node.
 *
 * Input 0 is float32 [batch, channels, height, width], output 0 the same of the last layer, or [batch, channels] where
 * global average pooling ends the chain. The attribute `chain` holds the blob, `check` its CRC-32 in hexadecimal.
 *
 * A blob that cannot be read is refused when the session is made. Releases before 1.16 give an operator no way to
 * refuse but a C++ exception, so there std::runtime_error is thrown by the C++ library that ONNX Runtime itself uses.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ort.h"
#include "sis_edge.h"

enum { MESSAGE_BYTES = 256, FIRST_WITH_STATUS = 16, FIRST_WITH_POOL = 17, OLD_VERSION = 10 };

static OrtApi api;
static unsigned ort_minor; /* 17 of 1.17.3 */
static atomic_size_t own_threads = 1;

void sis_set_threads(size_t threads) { atomic_store(&own_threads, threads ? threads : 1); }

struct kernel {
    sis_chain *chain;
    int64_t shape[6];
    int output_rank;
};

static uint32_t crc32_of(const unsigned char *bytes, size_t count) {
    uint32_t crc = ~0u;
    for (size_t i = 0; i < count; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    }
    return ~crc;
}

/* An attribute of bytes as ONNX Runtime stores it, with a zero behind; NULL where there is none. */
static char *read_attribute(const OrtKernelInfo *info, const char *name, size_t *bytes) {
    OrtStatus *status = ort_KernelInfoGetAttribute_string(api)(info, name, NULL, bytes);
    char *value = NULL;
    if (!status && *bytes && (value = malloc(*bytes)))
        status = ort_KernelInfoGetAttribute_string(api)(info, name, value, bytes);
    if (!status) {
        if (value) --*bytes; /* the zero is ONNX Runtime's */
        return value;
    }
    ort_ReleaseStatus(api)(status);
    free(value);
    return NULL;
}

static struct kernel *make_kernel(const OrtKernelInfo *info, char *message) {
    size_t bytes = 0, check_bytes = 0;
    char found[9], *check = read_attribute(info, "check", &check_bytes), *blob = read_attribute(info, "chain", &bytes);
    struct kernel *kernel = NULL;
    if (!blob || !check) {
        snprintf(message, MESSAGE_BYTES, "a node SparseChain needs the attributes chain and check");
    } else {
        snprintf(found, sizeof found, "%08x", (unsigned)crc32_of((const unsigned char *)blob, bytes));
        if (strcmp(found, check))
            snprintf(message, MESSAGE_BYTES,
                     "the weights of a node SparseChain are damaged (CRC-32 %s, expected %.16s)", found, check);
        else if (!(kernel = calloc(1, sizeof *kernel)))
            snprintf(message, MESSAGE_BYTES, "there is no memory for the network");
    }
    if (kernel && !(kernel->chain = sis_chain_create(blob, bytes, NULL, message, MESSAGE_BYTES))) {
        free(kernel);
        kernel = NULL;
    }
    if (kernel) {
        sis_chain_shape(kernel->chain, kernel->shape);
        kernel->output_rank = kernel->shape[4] == 1 && kernel->shape[5] == 1 ? 2 : 4;
    }
    free(blob);
    free(check);
    return kernel;
}

static void destroy_kernel(void *kernel) {
    if (!kernel) return;
    sis_chain_destroy(((struct kernel *)kernel)->chain);
    free(kernel);
}

/* Throw std::runtime_error, for releases that know no other way. Does not return where the C++ library is found. */
static void throw_error(const char *message) {
    void *library = dlopen("libstdc++.so.6", RTLD_LAZY);
    void (*throw_it)(const char *) = NULL;
    if (library) *(void **)&throw_it = dlsym(library, "_ZSt21__throw_runtime_errorPKc");
    if (throw_it) throw_it(message);
    fprintf(stderr, "sis_edge: %s\n", message);
}

static OrtStatus *create_with_status(const OrtCustomOp *op, OrtApi unused, const OrtKernelInfo *info, void **kernel) {
    char message[MESSAGE_BYTES] = "";
    (void)op;
    (void)unused;
    *kernel = make_kernel(info, message);
    return *kernel ? NULL : ort_CreateStatus(api)(ORT_INVALID_GRAPH, message);
}

static void *create(const OrtCustomOp *op, OrtApi unused, const OrtKernelInfo *info) {
    char message[MESSAGE_BYTES] = "";
    (void)op;
    (void)unused;
    struct kernel *kernel = make_kernel(info, message);
    if (!kernel) throw_error(message);
    return kernel;
}

/* ONNX Runtime's threads as a sis_parallel. */
static void run_on_session(void *context, sis_task task, size_t count, void *user) {
    OrtStatus *status = ort_KernelContext_ParallelFor(api)(context, task, count, 0, user);
    if (!status) return;
    ort_ReleaseStatus(api)(status);
    for (size_t i = 0; i < count; i++) task(user, i);
}

static size_t processors(void) {
    long count = sysconf(_SC_NPROCESSORS_ONLN);
    return count < 1 ? 1 : count > 16 ? 16 : (size_t)count;
}

/* The input's batch size where its other sides fit, or a status. */
static OrtStatus *read_batch(const struct kernel *kernel, const OrtValue *value, int64_t *batch) {
    OrtShape *shape;
    OrtStatus *status = ort_GetTensorTypeAndShape(api)(value, &shape);
    if (status) return status;
    size_t rank = 0;
    int64_t sides[4] = {-1, -1, -1, -1};
    status = ort_GetDimensionsCount(api)(shape, &rank);
    if (!status && rank == 4) status = ort_GetDimensions(api)(shape, sides, 4);
    ort_ReleaseTensorTypeAndShapeInfo(api)(shape);
    if (status) return status;
    const int64_t *want = kernel->shape;
    *batch = sides[0];
    if (rank == 4 && sides[0] >= 0 && sides[1] == want[0] && sides[2] == want[1] && sides[3] == want[2]) return NULL;
    char message[MESSAGE_BYTES];
    snprintf(message, sizeof message,
             "the input of SparseChain has rank %zu and sides [%lld, %lld, %lld, %lld]; wanted [batch, %lld, %lld, %lld]",
             rank, (long long)sides[0], (long long)sides[1], (long long)sides[2], (long long)sides[3],
             (long long)want[0], (long long)want[1], (long long)want[2]);
    return ort_CreateStatus(api)(ORT_FAIL, message);
}

static OrtStatus *compute_with_status(void *argument, OrtKernelContext *context) {
    struct kernel *kernel = argument;
    const OrtValue *input;
    OrtValue *output;
    void *from, *to;
    int64_t batch;
    if (!kernel) return ort_CreateStatus(api)(ORT_FAIL, "this node SparseChain was refused when the session was made");
    OrtStatus *status = ort_KernelContext_GetInput(api)(context, 0, &input);
    if (!status) status = read_batch(kernel, input, &batch);
    if (status) return status;
    int64_t sides[4] = {batch, kernel->shape[3], kernel->shape[4], kernel->shape[5]};
    status = ort_KernelContext_GetOutput(api)(context, 0, sides, (size_t)kernel->output_rank, &output);
    if (!status) status = ort_GetTensorMutableData(api)((OrtValue *)input, &from);
    if (!status) status = ort_GetTensorMutableData(api)(output, &to);
    if (status || !batch) return status;
    int failed = ort_minor >= FIRST_WITH_POOL
                     ? sis_chain_run_on(kernel->chain, from, to, (size_t)batch, run_on_session, context, processors())
                     : sis_chain_run(kernel->chain, from, to, (size_t)batch, atomic_load(&own_threads));
    return failed ? ort_CreateStatus(api)(ORT_FAIL, "there is no memory to run SparseChain") : NULL;
}

static void compute(void *kernel, OrtKernelContext *context) {
    OrtStatus *status = compute_with_status(kernel, context);
    if (!status) return;
    char message[MESSAGE_BYTES];
    snprintf(message, sizeof message, "%s", ort_GetErrorMessage(api)(status));
    ort_ReleaseStatus(api)(status);
    throw_error(message);
}

static const char *get_name(const OrtCustomOp *op) {
    (void)op;
    return "SparseChain";
}
static const char *get_provider(const OrtCustomOp *op) {
    (void)op;
    return "CPUExecutionProvider";
}
static int get_type(const OrtCustomOp *op, size_t index) {
    (void)op;
    (void)index;
    return ORT_FLOAT_TENSOR;
}
static size_t get_count(const OrtCustomOp *op) {
    (void)op;
    return 1;
}
static int get_zero_at(const OrtCustomOp *op, size_t index) { /* required, and in ordinary memory */
    (void)op;
    (void)index;
    return 0;
}
static int get_one(const OrtCustomOp *op) {
    (void)op;
    return 1;
}

static OrtCustomOp sparse_chain = {
    .version = OLD_VERSION,
    .CreateKernel = create,
    .GetName = get_name,
    .GetExecutionProviderType = get_provider,
    .GetInputType = get_type,
    .GetInputTypeCount = get_count,
    .GetOutputType = get_type,
    .GetOutputTypeCount = get_count,
    .KernelCompute = compute,
    .KernelDestroy = destroy_kernel,
    .GetInputCharacteristic = get_zero_at,
    .GetOutputCharacteristic = get_zero_at,
    .GetInputMemoryType = get_zero_at,
    .GetVariadicInputMinArity = get_one,
    .GetVariadicInputHomogeneity = get_one,
    .GetVariadicOutputMinArity = get_one,
    .GetVariadicOutputHomogeneity = get_one,
    .CreateKernelV2 = create_with_status,
    .KernelComputeV2 = compute_with_status,
};

/* The name that ONNX Runtime looks for in a library of operators. */
SIS_EXPORT OrtStatus *RegisterCustomOps(OrtSessionOptions *options, const struct OrtApiBase *base);

OrtStatus *RegisterCustomOps(OrtSessionOptions *options, const struct OrtApiBase *base) {
    OrtCustomOpDomain *domain;
    unsigned major = 0, minor = 0;
    sscanf(base->GetVersionString(), "%u.%u", &major, &minor);
    ort_minor = major > 1 ? 1000 : minor;
    api = base->GetApi(1);
    if (ort_minor >= FIRST_WITH_STATUS) sparse_chain.version = FIRST_WITH_STATUS;
    OrtStatus *status = ort_CreateCustomOpDomain(api)("sis_edge", &domain);
    if (!status) status = ort_CustomOpDomain_Add(api)(domain, &sparse_chain);
    if (!status) status = ort_AddCustomOpDomain(api)(options, domain);
    return status;
}
