#pragma once

#ifdef __cplusplus
extern "C" {
#endif

/* Counts the calls of one process, from 1. */
int counter_next(void);

#ifdef __cplusplus
}
#endif
