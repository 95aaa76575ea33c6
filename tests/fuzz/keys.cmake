cof_fuzz(NAME fuzz_keyring SOURCES fuzz_keyring.c LINK keys base LIBRARIES cof_third::crypto)
