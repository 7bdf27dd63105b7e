/* A network in INT8 laid out for one instruction set, as stages like those of plan.h. */
#ifndef SIS_INT8_PLAN_H
#define SIS_INT8_PLAN_H

#include "int8.h"
#include "int8_network.h"
#include "plan.h"

/* 0, or -1 and a sentence in `message`; sis_plan_free frees it. */
int sis_int8_plan_make(struct sis_plan *plan, const struct sis_int8_network *network, const struct sis_int8_isa *isa,
                       char *message, size_t message_bytes);

#endif
