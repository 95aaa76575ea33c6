/* SHA-256 (FIPS 180-4), small and plain: it runs over a few hundred kilobytes once per model. */
#include "fingerprint.h"

#include <string.h>

static const uint32_t ROUND_CONSTANTS[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t rotate(uint32_t value, unsigned count)
{
    return value >> count | value << (32 - count);
}

static void take_block(struct cof_fingerprint *fingerprint)
{
    uint32_t w[64];
    for (size_t i = 0; i < 16; i++) {
        const uint8_t *bytes = fingerprint->block + 4 * i;
        w[i] = (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 |
               bytes[3];
    }
    for (size_t i = 16; i < 64; i++) {
        uint32_t s0 = rotate(w[i - 15], 7) ^ rotate(w[i - 15], 18) ^ w[i - 15] >> 3;
        uint32_t s1 = rotate(w[i - 2], 17) ^ rotate(w[i - 2], 19) ^ w[i - 2] >> 10;
        w[i] = w[i - 16] + s0 + w[i - 7] + s1;
    }

    uint32_t v[8]; /* a … h of the standard */
    memcpy(v, fingerprint->state, sizeof(v));
    for (size_t i = 0; i < 64; i++) {
        uint32_t s1 = rotate(v[4], 6) ^ rotate(v[4], 11) ^ rotate(v[4], 25);
        uint32_t choice = (v[4] & v[5]) ^ (~v[4] & v[6]);
        uint32_t t1 = v[7] + s1 + choice + ROUND_CONSTANTS[i] + w[i];
        uint32_t s0 = rotate(v[0], 2) ^ rotate(v[0], 13) ^ rotate(v[0], 22);
        uint32_t majority = (v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]);
        memmove(v + 1, v, 7 * sizeof(v[0]));
        v[4] += t1;
        v[0] = t1 + s0 + majority;
    }
    for (size_t i = 0; i < 8; i++)
        fingerprint->state[i] += v[i];
}

void cof_fingerprint_begin(struct cof_fingerprint *fingerprint)
{
    *fingerprint = (struct cof_fingerprint){
        .state = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c,
                  0x1f83d9ab, 0x5be0cd19},
    };
}

void cof_fingerprint_add_raw(struct cof_fingerprint *fingerprint, struct cof_bytes bytes)
{
    for (size_t i = 0; i < bytes.size; i++) {
        fingerprint->block[fingerprint->size % sizeof(fingerprint->block)] = bytes.data[i];
        fingerprint->size++;
        if (fingerprint->size % sizeof(fingerprint->block) == 0)
            take_block(fingerprint);
    }
}

void cof_fingerprint_add_number(struct cof_fingerprint *fingerprint, uint64_t number)
{
    uint8_t bytes[8];
    for (size_t i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(number >> (56 - 8 * i));
    cof_fingerprint_add_raw(fingerprint, (struct cof_bytes){.data = bytes, .size = sizeof(bytes)});
}

void cof_fingerprint_add(struct cof_fingerprint *fingerprint, struct cof_bytes bytes)
{
    cof_fingerprint_add_number(fingerprint, bytes.size);
    cof_fingerprint_add_raw(fingerprint, bytes);
}

void cof_fingerprint_add_text(struct cof_fingerprint *fingerprint, struct cof_text text)
{
    cof_fingerprint_add(fingerprint, cof_text_bytes(text));
}

void cof_fingerprint_finish(struct cof_fingerprint *fingerprint,
                            uint8_t out_digest[COF_FINGERPRINT_SIZE])
{
    static const uint8_t padding[64] = {0x80};
    uint64_t bit_count = fingerprint->size * 8;
    size_t used = fingerprint->size % 64;
    size_t padding_size = used < 56 ? 56 - used : 120 - used;
    cof_fingerprint_add_raw(fingerprint, (struct cof_bytes){.data = padding, .size = padding_size});
    cof_fingerprint_add_number(fingerprint, bit_count);
    for (size_t i = 0; i < COF_FINGERPRINT_SIZE; i++)
        out_digest[i] = (uint8_t)(fingerprint->state[i / 4] >> (24 - 8 * (i % 4)));
}
