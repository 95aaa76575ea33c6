/* Chooses among the copies of the kernels by what oneDNN says of the processor, so that both always
 * agree (and DNNL_MAX_CPU_ISA tries the slower ones). */
#include "kernels.h"

#include <dnnl.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernels_set.h"

struct candidate {
    unsigned needs; /* bits of dnnl_cpu_isa_t, each set including the smaller ones */
    const struct cof_kernels *kernels;
};

#ifdef __x86_64__
static const struct candidate CANDIDATES[] = {
    {(unsigned)dnnl_cpu_isa_avx512_core_amx, &cof_kernels_amx},
    {(unsigned)dnnl_cpu_isa_avx512_core_vnni, &cof_kernels_vnni},
    {(unsigned)dnnl_cpu_isa_avx512_core, &cof_kernels_avx512},
    {(unsigned)dnnl_cpu_isa_avx2, &cof_kernels_avx2},
    {0, &cof_kernels_generic},
};
#else
static const struct candidate CANDIDATES[] = {
    {0, &cof_kernels_generic},
};
#endif

#define CANDIDATE_COUNT (sizeof(CANDIDATES) / sizeof(CANDIDATES[0]))

#ifdef __x86_64__
/* Of asm/prctl.h and the features of XSAVE, which older headers do not have. Linux lets a process
 * use the tiles only after it has asked; the answer holds for all its threads. */
static bool may_use_tiles(void)
{
    const long request_permission = 0x1023;
    const long tile_data = 18;
    return syscall(SYS_arch_prctl, request_permission, tile_data) == 0;
}
#else
static bool may_use_tiles(void)
{
    return false;
}
#endif

/* dnnl_cpu_isa_all (0) would be read as "needs nothing" and is never what oneDNN answers. */
static bool is_usable(const struct candidate *candidate)
{
    unsigned has = (unsigned)dnnl_get_effective_cpu_isa();
    bool is_there = (has & candidate->needs) == candidate->needs;
    bool has_tiles = (candidate->needs & (unsigned)dnnl_cpu_isa_avx512_core_amx) ==
                     (unsigned)dnnl_cpu_isa_avx512_core_amx;
    return is_there && (!has_tiles || may_use_tiles());
}

const struct cof_kernels *cof_kernels_pick(void)
{
    size_t i = 0;
    while (!is_usable(&CANDIDATES[i]))
        i++;
    return CANDIDATES[i].kernels;
}

size_t cof_kernels_usable(const struct cof_kernels *out_kernels[COF_KERNELS_MAX_COUNT])
{
    size_t count = 0;
    for (size_t i = 0; i < CANDIDATE_COUNT; i++) {
        if (is_usable(&CANDIDATES[i]))
            out_kernels[count++] = CANDIDATES[i].kernels;
    }
    return count;
}
