/* The kernels for whatever every processor of the architecture has; the flags stand in
 * CMakeLists.txt. */
#include "kernels_set.h"

#define KERNELS_NAME cof_kernels_generic
#define KERNELS_LABEL "generic"
#include "kernels_body.h"
