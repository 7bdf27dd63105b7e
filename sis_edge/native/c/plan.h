/* A network laid out for one instruction set: stages that read one buffer and write the next. */
#ifndef SIS_PLAN_H
#define SIS_PLAN_H

#include "graph.h"
#include "isa.h"
#include "network.h"

enum sis_work {
    SIS_CONVOLVE,
    SIS_POINTWISE,
    SIS_TRANSFORM,
    SIS_WINOGRAD,
    SIS_RELAYOUT,
    SIS_AVERAGE,
    SIS_FRAMED_CONVOLVE,
    SIS_FRAMED_POINTWISE,
    SIS_FRAMED_COPY,
    SIS_FRAMED_POOL,
    SIS_FRAMED_AVERAGE,
    SIS_INT8
};

/* Buffers of an image on its way: the caller's two, then the plan's own. */
enum { SIS_INPUT = 0, SIS_OUTPUT = 1, SIS_OWN = 2 };

struct sis_stage {
    enum sis_work work;
    uint32_t layer;
    uint32_t from, to; /* buffers */
    uint32_t added;    /* the buffer whose maps are added; SIS_INPUT: none */
    size_t items;      /* what can be computed independently */
    size_t most;       /* pieces that are worth the trouble of sharing them out; 0: any number */
    union {
        struct sis_convolution convolution;
        struct sis_pointwise pointwise;
        struct sis_winograd winograd;
        struct sis_relayout relayout;
        struct sis_layout average;
        struct sis_framed framed;
        struct sis_framed_copy copy;
        void (*int8)(const void *work, const float *in, float *out, size_t begin, size_t end); /* int8.h; on `parts` */
    } as;
    void *parts; /* filters or blocks with all that they point to, in one allocation */
};

struct sis_plan {
    const struct sis_isa *isa;
    struct sis_layout input, output;
    uint32_t stage_count, buffer_count;
    struct sis_stage *stages;
    size_t *offset; /* of each own buffer in the scratch memory, in floats */
    size_t scratch; /* floats; zeros at first, since frames of zeros are never written */
};

/* 0, or -1 and a sentence in `message`. */
int sis_plan_make(struct sis_plan *plan, const struct sis_network *network, const struct sis_isa *isa, char *message,
                  size_t message_bytes);
/* The same for a network with branches, in graph_plan.c. */
int sis_graph_plan_make(struct sis_plan *plan, const struct sis_graph *graph, const struct sis_isa *isa, char *message,
                        size_t message_bytes);
void sis_plan_free(struct sis_plan *plan);

void sis_stage_run(const struct sis_isa *isa, const struct sis_stage *stage, const float *in, const float *added,
                   float *out, size_t begin, size_t end);

#endif
