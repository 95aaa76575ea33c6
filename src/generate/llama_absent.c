/* Stands in for the llama backend in a build without libllama: says so when asked to open. */
#include <cof/generate/llama.h>

enum cof_status cof_llama_open(const struct cof_llama_options *options,
                               struct cof_generator **out_generator, struct cof_error *err)
{
    (void)options;
    (void)out_generator;
    return COF_FAIL(err, COF_UNAVAILABLE,
                    "this build has no libllama: configure with COF_WITH_LLAMA=ON");
}
