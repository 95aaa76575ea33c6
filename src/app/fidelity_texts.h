/* The texts over which precisions are compared. */
#ifndef COF_APP_FIDELITY_TEXTS_H
#define COF_APP_FIDELITY_TEXTS_H

#include <stddef.h>

extern const char *const COF_FIDELITY_TEXTS[];
extern const size_t COF_FIDELITY_TEXT_COUNT;

#endif
