/* The digest by which a reader of a citation can tell that the text is still the same. */
#include <cof/keys/hash.h>
#include <cof/store/store.h>

void cof_store_text_digest(struct cof_text text, char out_hex[65])
{
    uint8_t digest[COF_SHA256_SIZE];
    cof_sha256(cof_text_bytes(text), digest);
    cof_hex_encode((struct cof_bytes){digest, sizeof(digest)}, out_hex);
}
