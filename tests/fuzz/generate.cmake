if(COF_WITH_LLAMA)
  cof_fuzz(NAME fuzz_gguf SOURCES fuzz_gguf.c LINK generate base)
endif()
cof_fuzz(NAME fuzz_extract SOURCES fuzz_extract.c LINK generate base)
