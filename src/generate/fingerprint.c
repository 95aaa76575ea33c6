/* Four lanes of SplitMix64's finalizer, each with a seed of its own, over little-endian words. */
#include "fingerprint.h"

static uint64_t mix(uint64_t value)
{
    value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9u;
    value = (value ^ (value >> 27)) * 0x94D049BB133111EBu;
    return value ^ (value >> 31);
}

static uint64_t load_word(const uint8_t *bytes, size_t size)
{
    uint64_t word = 0;

    for (size_t i = size < 8 ? size : 8; i > 0; i--)
        word = word << 8 | bytes[i - 1];
    return word;
}

void cof_fingerprint(struct cof_bytes bytes, uint64_t total_size, uint8_t out_fingerprint[32])
{
    uint64_t lanes[4];

    for (size_t lane = 0; lane < 4; lane++)
        lanes[lane] = mix(total_size + (lane + 1) * 0x9E3779B97F4A7C15u);
    for (size_t i = 0; i < bytes.size; i += 8) {
        uint64_t word = load_word(bytes.data + i, bytes.size - i);

        for (size_t lane = 0; lane < 4; lane++)
            lanes[lane] = mix(lanes[lane] + 0x9E3779B97F4A7C15u + (lane ^ word));
    }
    for (size_t lane = 0; lane < 4; lane++) {
        lanes[lane] = mix(lanes[lane] ^ bytes.size);
        for (size_t i = 0; i < 8; i++)
            out_fingerprint[lane * 8 + i] = (uint8_t)(lanes[lane] >> (8 * i));
    }
}
