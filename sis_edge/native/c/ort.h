/* The few parts of ONNX Runtime's C interface that the operator needs, without its headers: they come in no wheel, and
 * one library must serve every release from 1.10 on. The table of functions only ever grows at its end, so a function
 * is known by its place. Source: onnxruntime_c_api.h of releases 1.10 to 1.32, facts only.
 */
#ifndef SIS_ORT_H
#define SIS_ORT_H

#include <stddef.h>
#include <stdint.h>

typedef struct OrtStatus OrtStatus;
typedef struct OrtValue OrtValue;
typedef struct OrtShape OrtShape; /* OrtTensorTypeAndShapeInfo */
typedef struct OrtKernelInfo OrtKernelInfo;
typedef struct OrtKernelContext OrtKernelContext;
typedef struct OrtSessionOptions OrtSessionOptions;
typedef struct OrtCustomOpDomain OrtCustomOpDomain;
typedef struct OrtCustomOp OrtCustomOp;

typedef void *const *OrtApi; /* the table */

struct OrtApiBase {
    OrtApi (*GetApi)(uint32_t version);
    const char *(*GetVersionString)(void);
};

enum { ORT_FAIL = 1, ORT_INVALID_GRAPH = 10 };
enum { ORT_FLOAT_TENSOR = 1 };

#define ORT_CALL(api, place, result, ...) ((result(*)(__VA_ARGS__))(api)[place])

#define ort_CreateStatus(api) ORT_CALL(api, 0, OrtStatus *, int, const char *)
#define ort_GetErrorMessage(api) ORT_CALL(api, 2, const char *, const OrtStatus *)
#define ort_CreateCustomOpDomain(api) ORT_CALL(api, 26, OrtStatus *, const char *, OrtCustomOpDomain **)
#define ort_CustomOpDomain_Add(api) ORT_CALL(api, 27, OrtStatus *, OrtCustomOpDomain *, const OrtCustomOp *)
#define ort_AddCustomOpDomain(api) ORT_CALL(api, 28, OrtStatus *, OrtSessionOptions *, OrtCustomOpDomain *)
#define ort_GetTensorMutableData(api) ORT_CALL(api, 51, OrtStatus *, OrtValue *, void **)
#define ort_GetDimensionsCount(api) ORT_CALL(api, 61, OrtStatus *, const OrtShape *, size_t *)
#define ort_GetDimensions(api) ORT_CALL(api, 62, OrtStatus *, const OrtShape *, int64_t *, size_t)
#define ort_GetTensorTypeAndShape(api) ORT_CALL(api, 65, OrtStatus *, const OrtValue *, OrtShape **)
#define ort_KernelInfoGetAttribute_string(api) \
    ORT_CALL(api, 87, OrtStatus *, const OrtKernelInfo *, const char *, char *, size_t *)
#define ort_KernelContext_GetInput(api) \
    ORT_CALL(api, 90, OrtStatus *, const OrtKernelContext *, size_t, const OrtValue **)
#define ort_KernelContext_GetOutput(api) \
    ORT_CALL(api, 91, OrtStatus *, OrtKernelContext *, size_t, const int64_t *, size_t, OrtValue **)
#define ort_ReleaseStatus(api) ORT_CALL(api, 93, void, OrtStatus *)
#define ort_ReleaseTensorTypeAndShapeInfo(api) ORT_CALL(api, 99, void, OrtShape *)
/* From 1.17 on. */
#define ort_KernelContext_ParallelFor(api)                                                                  \
    ORT_CALL(api, 274, OrtStatus *, const OrtKernelContext *, void (*)(void *, size_t), size_t, size_t, void *)

/* Version 16 ends with the two functions that can refuse; releases before 1.16 accept up to their own number and call
 * the first pair. All functions up to GetVariadicOutputHomogeneity must be there. */
struct OrtCustomOp {
    uint32_t version;
    void *(*CreateKernel)(const OrtCustomOp *, OrtApi, const OrtKernelInfo *);
    const char *(*GetName)(const OrtCustomOp *);
    const char *(*GetExecutionProviderType)(const OrtCustomOp *);
    int (*GetInputType)(const OrtCustomOp *, size_t);
    size_t (*GetInputTypeCount)(const OrtCustomOp *);
    int (*GetOutputType)(const OrtCustomOp *, size_t);
    size_t (*GetOutputTypeCount)(const OrtCustomOp *);
    void (*KernelCompute)(void *, OrtKernelContext *);
    void (*KernelDestroy)(void *);
    int (*GetInputCharacteristic)(const OrtCustomOp *, size_t);
    int (*GetOutputCharacteristic)(const OrtCustomOp *, size_t);
    int (*GetInputMemoryType)(const OrtCustomOp *, size_t);
    int (*GetVariadicInputMinArity)(const OrtCustomOp *);
    int (*GetVariadicInputHomogeneity)(const OrtCustomOp *);
    int (*GetVariadicOutputMinArity)(const OrtCustomOp *);
    int (*GetVariadicOutputHomogeneity)(const OrtCustomOp *);
    OrtStatus *(*CreateKernelV2)(const OrtCustomOp *, OrtApi, const OrtKernelInfo *, void **);
    OrtStatus *(*KernelComputeV2)(void *, OrtKernelContext *);
    void *later[16]; /* fields of later versions, zeros */
};

#endif
