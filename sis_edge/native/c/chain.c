#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "arena.h"
#include "half.h"
#include "int8_plan.h"
#include "plan.h"
#include "sis_edge.h"
#include "threads.h"

struct sis_chain {
    struct sis_plan plan;
    _Atomic(float *) spare; /* scratch memory of a run that ended, for the next one */
    pthread_mutex_t threads_lock;
    struct sis_threads *threads;
    size_t thread_count;
};

int sis_interface_version(void) { return SIS_INTERFACE_VERSION; }

const char *sis_instruction_set(size_t i) {
    for (size_t at = 0; at < sis_isa_count; at++)
        if (sis_isas[at]->is_supported() && !i--) return sis_isas[at]->name;
    return NULL;
}

static const struct sis_isa *find_isa(const char *name) {
    for (size_t i = 0; i < sis_isa_count; i++)
        if (sis_isas[i]->is_supported() && (!name || !strcmp(name, sis_isas[i]->name))) return sis_isas[i];
    return NULL;
}

const char *sis_int8_instruction_set(size_t i) {
    for (size_t at = 0; at < sis_int8_isa_count; at++)
        if (sis_int8_isas[at]->is_supported() && !i--) return sis_int8_isas[at]->name;
    return NULL;
}

static const struct sis_int8_isa *find_int8_isa(const char *name) {
    for (size_t i = 0; i < sis_int8_isa_count; i++)
        if (sis_int8_isas[i]->is_supported() && (!name || !strcmp(name, sis_int8_isas[i]->name)))
            return sis_int8_isas[i];
    return NULL;
}

const char *sis_half_instruction_set(size_t i) {
    for (size_t at = 0; at < sis_half_isa_count; at++)
        if (sis_half_isas[at]->is_supported() && !i--) return sis_half_isas[at]->name;
    return NULL;
}

static double now_s(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

double sis_peak_flops(const char *instruction_set) {
    const struct sis_isa *isa = find_isa(instruction_set);
    if (!isa) return 0;
    double best = 0;
    volatile float sink;
    for (int i = 0; i < 100; i++) {
        float end;
        double start = now_s(), operations = isa->work_peak(10000, &end), rate = operations / (now_s() - start);
        sink = end;
        if (rate > best) best = rate;
    }
    (void)sink;
    return best;
}

double sis_int8_peak_macs(const char *instruction_set) {
    const struct sis_int8_isa *isa = find_int8_isa(instruction_set);
    double best = 0;
    volatile int32_t sink;
    for (int i = 0; isa && i < 100; i++) {
        int32_t end;
        double start = now_s(), products = isa->work_peak(10000, &end), rate = products / (now_s() - start);
        sink = end;
        if (rate > best) best = rate;
    }
    (void)sink;
    return best;
}

/* The plan of a blob in float32 or half precision, of a chain or with branches; 0, or -1 and a sentence in `message`. */
static int make_plan(struct sis_plan *plan, const void *blob, size_t bytes, const char *instruction_set, char *message,
                     size_t message_bytes) {
    int is_half = sis_is_half(blob, bytes);
    const struct sis_isa *isa = is_half ? sis_half_find(instruction_set) : find_isa(instruction_set);
    struct sis_network network;
    struct sis_graph graph;
    int failed;
    if (!isa) {
        snprintf(message, message_bytes, "this processor does not run the%s instruction set %s",
                 is_half ? " fp16" : "", instruction_set ? instruction_set : "neon-fp16; use the network in fp32");
        return -1;
    }
    if (sis_graph_is(blob, bytes)) {
        if (sis_graph_read(&graph, blob, bytes, message, message_bytes)) return -1;
        failed = sis_graph_plan_make(plan, &graph, isa, message, message_bytes);
        sis_graph_free(&graph);
    } else {
        if (sis_network_read(&network, blob, bytes, message, message_bytes)) return -1;
        failed = sis_plan_make(plan, &network, isa, message, message_bytes);
        sis_network_free(&network);
    }
    return failed;
}

/* The same in INT8. */
static int make_int8_plan(struct sis_plan *plan, const void *blob, size_t bytes, const char *instruction_set,
                          char *message, size_t message_bytes) {
    const struct sis_int8_isa *isa = find_int8_isa(instruction_set);
    struct sis_int8_network network;
    if (!isa) {
        snprintf(message, message_bytes, "this processor does not run the INT8 instruction set %s", instruction_set);
        return -1;
    }
    if (sis_int8_network_read(&network, blob, bytes, message, message_bytes)) return -1;
    int failed = sis_int8_plan_make(plan, &network, isa, message, message_bytes);
    sis_int8_network_free(&network);
    return failed;
}

sis_chain *sis_chain_create(const void *blob, size_t bytes, const char *instruction_set, char *message,
                            size_t message_bytes) {
    sis_chain *chain = calloc(1, sizeof *chain);
    if (!chain) {
        snprintf(message, message_bytes, "there is no memory for the network");
        return NULL;
    }
    if ((sis_is_int8(blob, bytes) ? make_int8_plan : make_plan)(&chain->plan, blob, bytes, instruction_set, message,
                                                                message_bytes)) {
        free(chain);
        return NULL;
    }
    pthread_mutex_init(&chain->threads_lock, NULL);
    return chain;
}

void sis_chain_destroy(sis_chain *chain) {
    if (!chain) return;
    sis_threads_stop(chain->threads);
    pthread_mutex_destroy(&chain->threads_lock);
    free(atomic_load(&chain->spare));
    sis_plan_free(&chain->plan);
    free(chain);
}

void sis_chain_shape(const sis_chain *chain, int64_t shape[6]) {
    const struct sis_layout *layouts[2] = {&chain->plan.input, &chain->plan.output};
    for (int i = 0; i < 2; i++) {
        shape[3 * i] = layouts[i]->channels;
        shape[3 * i + 1] = layouts[i]->height;
        shape[3 * i + 2] = layouts[i]->width;
    }
}

size_t sis_chain_scratch_bytes(const sis_chain *chain) { return (chain->plan.scratch + 16) * sizeof(float); }

static float *acquire_scratch(sis_chain *chain) {
    float *scratch = atomic_exchange(&chain->spare, NULL);
    if (scratch) return scratch;
    size_t bytes = sis_chain_scratch_bytes(chain);
    void *memory = memory_of(bytes);
    return memory ? memset(memory, 0, bytes) : NULL;
}

static void release_scratch(sis_chain *chain, float *scratch) { free(atomic_exchange(&chain->spare, scratch)); }

/* One image on its way through the stages, shared by all workers. */
struct image {
    const sis_chain *chain;
    const float *input;
    float *output, *scratch;
};

static float *buffer(const struct image *image, uint32_t index) {
    if (index == SIS_INPUT) return (float *)image->input; /* never written: no stage writes to the input */
    if (index == SIS_OUTPUT) return image->output;
    return image->scratch + image->chain->plan.offset[index];
}

static void run_items(const struct image *image, const struct sis_stage *stage, size_t begin, size_t end) {
    const float *added = stage->added ? buffer(image, stage->added) : NULL;
    sis_stage_run(image->chain->plan.isa, stage, buffer(image, stage->from), added, buffer(image, stage->to), begin, end);
}

/* Pieces of one stage: claimed in order, counted when done. One cache line each. */
struct tally {
    _Alignas(64) atomic_size_t taken;
    atomic_size_t done;
};

struct shared_run {
    struct image image;
    struct tally *tallies; /* one for each stage of each image */
    size_t batch, pieces, input_step, output_step;
    double *ends; /* when each of them was done, where a caller measures */
};

static void pause_briefly(unsigned round) {
    if (round % 256 == 255) sched_yield();
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* A worker claims pieces of the current stage and goes on when all of its pieces are done. No worker waits for one that
 * has not started, so it does not matter how many of the session's threads really run at the same time. */
static void work(void *user, size_t index) {
    struct shared_run *run = user;
    const struct sis_plan *plan = &run->image.chain->plan;
    (void)index;
    struct image image = run->image;
    struct tally *tally = run->tallies;
    for (size_t b = 0; b < run->batch; b++, image.input += run->input_step, image.output += run->output_step)
        for (uint32_t s = 0; s < plan->stage_count; s++, tally++) {
            const struct sis_stage *stage = &plan->stages[s];
            size_t pieces = stage->items < run->pieces ? stage->items : run->pieces, piece;
            if (stage->most && stage->most < pieces) pieces = stage->most;
            while ((piece = atomic_fetch_add(&tally->taken, 1)) < pieces) {
                run_items(&image, stage, stage->items * piece / pieces, stage->items * (piece + 1) / pieces);
                if (atomic_fetch_add(&tally->done, 1) + 1 == pieces && run->ends)
                    run->ends[tally - run->tallies] = now_s();
            }
            for (unsigned round = 0; atomic_load(&tally->done) < pieces; round++) pause_briefly(round);
        }
}

/* Several pieces a worker, so that a slow core does not keep the others waiting. */
enum { PIECES_EACH = 4 };

/* A run with its tallies; -1 without memory. */
static int run_shared(struct shared_run *run, sis_parallel parallel, void *pool, size_t workers) {
    size_t bytes = run->batch * run->image.chain->plan.stage_count * sizeof(struct tally);
    void *tallies = memory_of(bytes);
    if (!tallies) return -1;
    run->tallies = memset(tallies, 0, bytes);
    run->pieces = PIECES_EACH * workers;
    parallel(pool, work, workers, run);
    free(tallies);
    return 0;
}

int sis_chain_run_on(sis_chain *chain, const float *input, float *output, size_t batch, sis_parallel parallel,
                     void *pool, size_t workers) {
    float *scratch = acquire_scratch(chain);
    if (!scratch) return -1;
    struct image image = {chain, input, output, scratch};
    int failed = 0;
    if (!parallel || workers < 2) {
        for (size_t b = 0; b < batch; b++) {
            for (uint32_t s = 0; s < chain->plan.stage_count; s++)
                run_items(&image, &chain->plan.stages[s], 0, chain->plan.stages[s].items);
            image.input += chain->plan.input.size;
            image.output += chain->plan.output.size;
        }
    } else {
        struct shared_run run = {.image = image, .batch = batch};
        run.input_step = chain->plan.input.size;
        run.output_step = chain->plan.output.size;
        failed = run_shared(&run, parallel, pool, workers);
    }
    release_scratch(chain, scratch);
    return failed;
}

/* The chain's own threads, as many as asked for; NULL where there is to be one only. Call with the lock held. */
static struct sis_threads *own_threads(sis_chain *chain, size_t threads) {
    if (chain->thread_count != threads) {
        sis_threads_stop(chain->threads);
        chain->threads = sis_threads_start(threads);
        chain->thread_count = threads;
    }
    return chain->threads;
}

int sis_chain_run(sis_chain *chain, const float *input, float *output, size_t batch, size_t threads) {
    if (threads < 2) return sis_chain_run_on(chain, input, output, batch, NULL, NULL, 1);
    pthread_mutex_lock(&chain->threads_lock); /* one run at a time has the chain's own threads */
    struct sis_threads *own = own_threads(chain, threads);
    int failed = sis_chain_run_on(chain, input, output, batch, own ? sis_threads_run : NULL, own, threads);
    pthread_mutex_unlock(&chain->threads_lock);
    return failed;
}

/* The threads sleep at first, as those of ONNX Runtime do between runs: the first stages include waking them. */
static int profile_shared(struct image image, struct sis_threads *own, size_t threads, double *seconds) {
    struct shared_run run = {.image = image, .batch = 1, .ends = seconds};
    double start = now_s();
    int failed = run_shared(&run, sis_threads_run, own, threads);
    for (size_t s = image.chain->plan.stage_count; s-- > 0 && !failed;) seconds[s] -= s ? seconds[s - 1] : start;
    return failed;
}

static void profile_single(const struct image *image, double *seconds) {
    const struct sis_plan *plan = &image->chain->plan;
    for (uint32_t s = 0; s < plan->stage_count; s++) {
        double start = now_s();
        run_items(image, &plan->stages[s], 0, plan->stages[s].items);
        seconds[s] = now_s() - start;
    }
}

int sis_chain_profile(sis_chain *chain, const float *input, float *output, size_t threads, double *seconds,
                      int32_t *layers, size_t capacity) {
    const struct sis_plan *plan = &chain->plan;
    float *scratch = plan->stage_count <= capacity ? acquire_scratch(chain) : NULL;
    if (!scratch) return -1;
    struct image image = {chain, input, output, scratch};
    int failed = 0;
    pthread_mutex_lock(&chain->threads_lock);
    struct sis_threads *own = threads > 1 ? own_threads(chain, threads) : NULL;
    if (own)
        failed = profile_shared(image, own, threads, seconds);
    else
        profile_single(&image, seconds);
    pthread_mutex_unlock(&chain->threads_lock);
    for (uint32_t s = 0; s < plan->stage_count; s++) layers[s] = (int32_t)plan->stages[s].layer;
    release_scratch(chain, scratch);
    return failed ? -1 : (int)plan->stage_count;
}
