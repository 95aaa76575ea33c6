cof_fuzz(NAME fuzz_json SOURCES fuzz_json.c LINK base)
cof_fuzz(NAME fuzz_cbor SOURCES fuzz_cbor.c LINK base)
cof_fuzz(NAME fuzz_unicode SOURCES fuzz_unicode.c LINK base)
