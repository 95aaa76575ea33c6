cof_fuzz(NAME fuzz_safetensors SOURCES fuzz_safetensors.c LINK embedder base LIBRARIES m)
cof_fuzz(NAME fuzz_wordpiece SOURCES fuzz_wordpiece.c LINK embedder base LIBRARIES m)
cof_fuzz(NAME fuzz_tokenizer SOURCES fuzz_tokenizer.c LINK embedder base LIBRARIES m)
cof_fuzz(NAME fuzz_sentencepiece SOURCES fuzz_sentencepiece.c LINK embedder base LIBRARIES m)
cof_fuzz(NAME fuzz_sentencepiece_model SOURCES fuzz_sentencepiece_model.c LINK embedder base
         LIBRARIES m)
cof_fuzz(NAME fuzz_model_config SOURCES fuzz_model_config.c LINK embedder base LIBRARIES m)
