cof_fuzz(NAME fuzz_safetensors SOURCES fuzz_safetensors.c LINK embedder base LIBRARIES m)
cof_fuzz(NAME fuzz_wordpiece SOURCES fuzz_wordpiece.c LINK embedder base LIBRARIES m)
cof_fuzz(NAME fuzz_tokenizer SOURCES fuzz_tokenizer.c LINK embedder base LIBRARIES m)
