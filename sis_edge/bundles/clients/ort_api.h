/* The few functions of ONNX Runtime's C interface that client.c uses, each by its place in the table, which only ever
 * grows at its end. Source: onnxruntime_c_api.h of releases 1.10 to 1.32, facts only. With the header of your ONNX
 * Runtime at hand, use that one. */
#ifndef ORT_API_H
#define ORT_API_H

#include <stddef.h>
#include <stdint.h>

typedef struct OrtStatus OrtStatus;
typedef struct OrtEnv OrtEnv;
typedef struct OrtSession OrtSession;
typedef struct OrtSessionOptions OrtSessionOptions;
typedef struct OrtMemoryInfo OrtMemoryInfo;
typedef struct OrtValue OrtValue;
typedef struct OrtShape OrtShape;
typedef void *const *OrtApi;
typedef struct { OrtApi (*GetApi)(uint32_t version); const char *(*GetVersionString)(void); } OrtApiBase;
const OrtApiBase *OrtGetApiBase(void);

enum { ORT_OLDEST_API = 10, ORT_WARNING = 2, ORT_FLOAT = 1, ORT_ARENA = 1, ORT_DEFAULT_MEMORY = 0 };
#define ORT_CALL(api, place, result, ...) ((result(*)(__VA_ARGS__))(api)[place])
#define ort_GetErrorMessage(api) ORT_CALL(api, 2, const char *, const OrtStatus *)
#define ort_CreateEnv(api) ORT_CALL(api, 3, OrtStatus *, int, const char *, OrtEnv **)
#define ort_CreateSession(api) \
    ORT_CALL(api, 7, OrtStatus *, OrtEnv *, const char *, const OrtSessionOptions *, OrtSession **)
#define ort_Run(api)                                                                                          \
    ORT_CALL(api, 9, OrtStatus *, OrtSession *, const void *, const char *const *, const OrtValue *const *, size_t, \
             const char *const *, size_t, OrtValue **)
#define ort_CreateSessionOptions(api) ORT_CALL(api, 10, OrtStatus *, OrtSessionOptions **)
#define ort_RegisterCustomOpsLibrary(api) ORT_CALL(api, 29, OrtStatus *, OrtSessionOptions *, const char *, void **)
#define ort_CreateTensorWithData(api)                                                                             \
    ORT_CALL(api, 49, OrtStatus *, const OrtMemoryInfo *, void *, size_t, const int64_t *, size_t, int, OrtValue **)
#define ort_GetTensorMutableData(api) ORT_CALL(api, 51, OrtStatus *, OrtValue *, void **)
#define ort_GetTensorShapeElementCount(api) ORT_CALL(api, 64, OrtStatus *, const OrtShape *, size_t *)
#define ort_GetTensorTypeAndShape(api) ORT_CALL(api, 65, OrtStatus *, const OrtValue *, OrtShape **)
#define ort_CreateCpuMemoryInfo(api) ORT_CALL(api, 69, OrtStatus *, int, int, OrtMemoryInfo **)
#define ort_ReleaseTensorTypeAndShapeInfo(api) ORT_CALL(api, 99, void, OrtShape *)

#endif
