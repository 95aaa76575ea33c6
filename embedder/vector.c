/* Unit length, summed in double so that no finite vector overflows. */
#include "vector.h"

#include <math.h>

bool cof_vector_normalize(float *vector, size_t size)
{
    double sum = 0;
    for (size_t i = 0; i < size; i++)
        sum += (double)vector[i] * (double)vector[i];
    if (!isfinite(sum) || sum <= 0)
        return false;
    double factor = 1.0 / sqrt(sum);
    for (size_t i = 0; i < size; i++)
        vector[i] = (float)((double)vector[i] * factor);
    return true;
}
