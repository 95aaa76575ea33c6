/* The one file that sees sentencepiece's C++: every call is wrapped, every exception becomes a
 * status. */
#include "sentencepiece_shim.h"

#include <exception>
#include <memory>
#include <new>
#include <string>

#include <sentencepiece_processor.h>

struct cof_sentencepiece_shim {
    sentencepiece::SentencePieceProcessor processor;
};

namespace
{

/* Runs `work`, which returns a status; what it throws becomes one. */
template <typename Work> enum cof_status guarded(struct cof_error *err, Work work)
{
    try {
        return work();
    } catch (const std::bad_alloc &) {
        return COF_FAIL_MEMORY(err);
    } catch (const std::exception &failure) {
        return COF_FAIL(err, COF_INVALID, "sentencepiece: %s", failure.what());
    } catch (...) {
        return COF_FAIL(err, COF_INTERNAL, "sentencepiece failed without saying why");
    }
}

/* The library's messages begin with a place in its own sources. */
const char *reason_of(const sentencepiece::util::Status &status)
{
    const char *message = status.message();
    const char *behind_place = std::strstr(message, "] ");
    return behind_place != nullptr && behind_place[2] != '\0' ? behind_place + 2 : message;
}

uint32_t id_or_none(int id)
{
    return id >= 0 ? static_cast<uint32_t>(id) : COF_SENTENCEPIECE_NONE;
}

absl::string_view view_of(struct cof_text text)
{
    return absl::string_view(text.data, text.size);
}

} // namespace

enum cof_status cof_sentencepiece_shim_load(struct cof_bytes model,
                                            struct cof_sentencepiece_shim **out_shim,
                                            struct cof_error *err)
{
    return guarded(err, [&] {
        /* Only what is fatal: the library would tell standard error what it tells us. */
        sentencepiece::SetMinLogLevel(3);
        auto shim = std::make_unique<cof_sentencepiece_shim>();
        const absl::string_view bytes(reinterpret_cast<const char *>(model.data), model.size);
        const auto status = shim->processor.LoadFromSerializedProto(bytes);
        if (!status.ok())
            return COF_FAIL(err, COF_INVALID, "no sentencepiece model: %s", reason_of(status));
        *out_shim = shim.release();
        return COF_OK;
    });
}

void cof_sentencepiece_shim_unload(struct cof_sentencepiece_shim *shim)
{
    delete shim;
}

size_t cof_sentencepiece_shim_piece_count(const struct cof_sentencepiece_shim *shim)
{
    return static_cast<size_t>(shim->processor.GetPieceSize());
}

uint32_t cof_sentencepiece_shim_control(const struct cof_sentencepiece_shim *shim,
                                        const char *piece)
{
    const int id = shim->processor.PieceToId(piece);
    const bool is_control =
        id >= 0 && shim->processor.IsControl(id) && shim->processor.IdToPiece(id) == piece;
    return is_control ? static_cast<uint32_t>(id) : COF_SENTENCEPIECE_NONE;
}

uint32_t cof_sentencepiece_shim_begin_id(const struct cof_sentencepiece_shim *shim)
{
    return id_or_none(shim->processor.bos_id());
}

uint32_t cof_sentencepiece_shim_end_id(const struct cof_sentencepiece_shim *shim)
{
    return id_or_none(shim->processor.eos_id());
}

uint32_t cof_sentencepiece_shim_unknown_id(const struct cof_sentencepiece_shim *shim)
{
    return id_or_none(shim->processor.unk_id());
}

enum cof_status cof_sentencepiece_shim_each(const struct cof_sentencepiece_shim *shim,
                                            struct cof_text prefix, struct cof_text text,
                                            cof_sentencepiece_fn each, void *context,
                                            struct cof_error *err)
{
    return guarded(err, [&] {
        std::string joined;
        absl::string_view input = view_of(text);
        if (prefix.size > 0) {
            joined.reserve(prefix.size + text.size);
            joined.append(prefix.data, prefix.size).append(text.data, text.size);
            input = joined;
        }
        sentencepiece::ImmutableSentencePieceText pieces;
        const auto status = shim->processor.Encode(input, pieces.mutable_proto());
        if (!status.ok())
            return COF_FAIL(err, COF_INTERNAL, "sentencepiece: %s", reason_of(status));
        const size_t count = pieces.pieces_size();
        for (size_t i = 0; i < count; i++) {
            const auto piece = pieces.pieces(static_cast<int>(i));
            if (!each(context, piece.id(), piece.begin(), piece.end()))
                break;
        }
        return COF_OK;
    });
}
