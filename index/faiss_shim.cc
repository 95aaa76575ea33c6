/* The one file that sees Faiss's C++: every call is wrapped, every exception becomes a status. */
#include "faiss_shim.h"

#include <algorithm>
#include <climits>
#include <exception>
#include <memory>
#include <new>

#include <faiss/IndexHNSW.h>
#include <faiss/utils/distances.h>
#include <omp.h>

#include "inner_product.h"

struct cof_faiss_hnsw {
    faiss::IndexHNSWFlat index;
};

namespace
{

/* OpenMP's team size belongs to the calling thread, which may use OpenMP for other work. */
class single_threaded
{
  public:
    single_threaded() : before(omp_get_max_threads())
    {
        omp_set_num_threads(1);
    }
    ~single_threaded()
    {
        omp_set_num_threads(before);
    }
    single_threaded(const single_threaded &) = delete;
    single_threaded &operator=(const single_threaded &) = delete;

  private:
    int before;
};

class permitted_selector final : public faiss::IDSelector
{
  public:
    explicit permitted_selector(const struct cof_bitmap *bitmap) : permitted(bitmap)
    {
    }
    bool is_member(faiss::idx_t id) const override
    {
        return cof_bitmap_has(permitted, static_cast<uint32_t>(id));
    }

  private:
    const struct cof_bitmap *permitted;
};

/* Runs `work`; what it throws becomes a status. */
template <typename Work> enum cof_status guarded(struct cof_error *err, Work work)
{
    try {
        work();
        return COF_OK;
    } catch (const std::bad_alloc &) {
        return COF_FAIL_MEMORY(err);
    } catch (const std::exception &failure) {
        return COF_FAIL(err, COF_INTERNAL, "Faiss: %s", failure.what());
    } catch (...) {
        return COF_FAIL(err, COF_INTERNAL, "Faiss failed without saying why");
    }
}

} // namespace

enum cof_status cof_faiss_hnsw_create(size_t dimension, size_t link_count,
                                      size_t construction_effort, struct cof_faiss_hnsw **out_hnsw,
                                      struct cof_error *err)
{
    return guarded(err, [&] {
        std::unique_ptr<cof_faiss_hnsw> hnsw(new cof_faiss_hnsw{
            faiss::IndexHNSWFlat(static_cast<int>(dimension), static_cast<int>(link_count),
                                 faiss::METRIC_INNER_PRODUCT)});
        hnsw->index.hnsw.efConstruction = static_cast<int>(construction_effort);
        *out_hnsw = hnsw.release();
    });
}

void cof_faiss_hnsw_destroy(struct cof_faiss_hnsw *hnsw)
{
    delete hnsw;
}

enum cof_status cof_faiss_hnsw_add(struct cof_faiss_hnsw *hnsw, const float *vectors, size_t count,
                                   struct cof_error *err)
{
    return guarded(err, [&] {
        single_threaded here;
        hnsw->index.add(static_cast<faiss::idx_t>(count), vectors);
    });
}

enum cof_status cof_faiss_hnsw_search(const struct cof_faiss_hnsw *hnsw, const float *vector,
                                      size_t k, size_t effort, const struct cof_bitmap *permitted,
                                      float *scores, int64_t *out_ordinals, size_t *out_count,
                                      struct cof_error *err)
{
    return guarded(err, [&] {
        single_threaded here;
        permitted_selector selector(permitted);
        faiss::SearchParametersHNSW parameters;
        parameters.efSearch = static_cast<int>(std::min<size_t>(effort, INT_MAX));
        if (permitted != nullptr)
            parameters.sel = &selector;
        hnsw->index.search(1, vector, static_cast<faiss::idx_t>(k), scores, out_ordinals,
                           &parameters);
        size_t count = 0;
        while (count < k && out_ordinals[count] >= 0)
            count++;
        *out_count = count;
    });
}

const float *cof_faiss_hnsw_vectors(const struct cof_faiss_hnsw *hnsw)
{
    return static_cast<const faiss::IndexFlat *>(hnsw->index.storage)->get_xb();
}

size_t cof_faiss_hnsw_memory_bytes(const struct cof_faiss_hnsw *hnsw)
{
    const faiss::IndexHNSWFlat &index = hnsw->index;

    return sizeof(*hnsw) + static_cast<size_t>(index.ntotal) * static_cast<size_t>(index.d) * 4 +
           index.hnsw.neighbors.size() * sizeof(faiss::HNSW::storage_idx_t) +
           index.hnsw.offsets.size() * sizeof(size_t) + index.hnsw.levels.size() * sizeof(int);
}

float cof_inner_product(const float *a, const float *b, size_t dimension)
{
    return faiss::fvec_inner_product(a, b, dimension);
}
