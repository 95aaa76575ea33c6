cof_fuzz(NAME fuzz_http SOURCES fuzz_http.c LINK api base)
