/* Catches what libllama throws. */
#include "llama_shim.h"

#include <cstdlib>
#include <exception>

namespace
{

template <typename Result, typename Call> Result guarded(Result on_throw, Call call) noexcept
{
    try {
        return call();
    } catch (...) {
        return on_throw;
    }
}

} // namespace

void cof_llama_shim_start(void)
{
    std::set_terminate(std::abort);
    (void)guarded<bool>(false, [] {
        llama_backend_init();
        return true;
    });
}

struct llama_model *cof_llama_shim_load(FILE *file, int32_t gpu_layers)
{
    return guarded<llama_model *>(nullptr, [&] {
        llama_model_params params = llama_model_default_params();

        params.n_gpu_layers = gpu_layers;
        params.load_mode = LLAMA_LOAD_MODE_MMAP;
        params.lazy_mode = LLAMA_LAZY_MODE_OFF;
        /* Would start one thread for each tensor; the file's SHA-256 proves more. */
        params.check_tensors = false;
        /* Weights stay as mapped, shared and evictable. Repacked ones would also run on AMX tiles,
         * whose configuration gcc before 12.4 compiles wrongly (PR target/114098): SIGILL. */
        params.use_extra_bufts = false;
        return llama_model_load_from_file_ptr(file, params);
    });
}

struct llama_context *cof_llama_shim_context(struct llama_model *model,
                                             const struct llama_context_params *params)
{
    return guarded<llama_context *>(nullptr, [&] { return llama_init_from_model(model, *params); });
}

struct llama_sampler *cof_llama_shim_sampler(float temperature, float top_p, uint32_t seed)
{
    return guarded<llama_sampler *>(nullptr, [&]() -> llama_sampler * {
        if (temperature <= 0)
            return llama_sampler_init_greedy();

        llama_sampler *chain = llama_sampler_chain_init(llama_sampler_chain_default_params());

        llama_sampler_chain_add(chain, llama_sampler_init_temp(temperature));
        if (top_p < 1)
            llama_sampler_chain_add(chain, llama_sampler_init_top_p(top_p, 1));
        llama_sampler_chain_add(chain, llama_sampler_init_dist(seed));
        return chain;
    });
}

int32_t cof_llama_shim_tokenize(const struct llama_vocab *vocab, const char *text, int32_t size,
                                llama_token *tokens, int32_t max_count, bool parse_special)
{
    return guarded<int32_t>(COF_LLAMA_THREW, [&] {
        return llama_tokenize(vocab, text, size, tokens, max_count, false, parse_special);
    });
}

int32_t cof_llama_shim_piece(const struct llama_vocab *vocab, llama_token token, char *buffer,
                             int32_t size, bool show_special)
{
    return guarded<int32_t>(COF_LLAMA_THREW, [&] {
        return llama_token_to_piece(vocab, token, buffer, size, 0, show_special);
    });
}

int32_t cof_llama_shim_layout(const char *chat_template, const struct llama_chat_message *messages,
                              size_t count, char *buffer, int32_t size)
{
    return guarded<int32_t>(COF_LLAMA_THREW, [&] {
        return llama_chat_apply_template(chat_template, messages, count, true, buffer, size);
    });
}

int32_t cof_llama_shim_decode(struct llama_context *context, llama_token *tokens, int32_t count)
{
    return guarded<int32_t>(
        COF_LLAMA_THREW, [&] { return llama_decode(context, llama_batch_get_one(tokens, count)); });
}

llama_token cof_llama_shim_sample(struct llama_sampler *sampler, struct llama_context *context)
{
    return guarded<llama_token>(LLAMA_TOKEN_NULL,
                                [&] { return llama_sampler_sample(sampler, context, -1); });
}
