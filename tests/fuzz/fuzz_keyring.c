/* A keyring file of anybody's making: the clear head, the wrapped root, and the tree inside.
 *
 * Each input is taken as a whole file, opened with the key of 32 times 0x42, and as the tree
 * itself, which no forger without the key can reach but a bug of ours could. */
#include "fuzzing.h"

#include <stdlib.h>
#include <string.h>

#include "keyring_file.h"

static void open_file(struct cof_bytes file)
{
    uint8_t kek[COF_KEY_SIZE];
    struct cof_keyring_head head;
    struct cof_key_tree tree = {0};
    memset(kek, 0x42, sizeof(kek));
    if (cof_keyring_file_parse(file, "keyring", &head, NULL) != COF_OK)
        return;
    if (cof_keyring_file_open(file, "keyring", &head, kek, &tree, NULL) == COF_OK)
        cof_key_tree_deinit(&tree);
}

static void decode_tree(struct cof_bytes encoded)
{
    COF_CLEANUP(cof_buffer_wipe) struct cof_buffer again = {0};
    struct cof_key_tree tree = {0};
    if (cof_key_tree_decode(encoded, &tree, NULL) != COF_OK)
        return;
    cof_key_tree_encode(&tree, &again);
    if (again.size > cof_key_tree_encoded_size(&tree) ||
        !cof_bytes_equal(cof_buffer_bytes(&again), encoded))
        abort(); /* one tree has one encoding */
    cof_key_tree_deinit(&tree);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct cof_bytes bytes = {.data = data, .size = size};
    open_file(bytes);
    decode_tree(bytes);
    return 0;
}
