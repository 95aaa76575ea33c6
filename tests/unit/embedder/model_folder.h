/* Where the published model is that some tests compare with. */
#ifndef COF_TESTS_UNIT_EMBEDDER_MODEL_FOLDER_H
#define COF_TESTS_UNIT_EMBEDDER_MODEL_FOLDER_H

/* The folder of all-MiniLM-L6-v2 under $COFFER_MODELS or ~/.cache/coffer/models. NULL, with a
 * message, when it is absent; ends the program as a failure when COFFER_REQUIRE_MODELS is set. */
const char *model_folder_find(void);

/* What ctest takes for "skipped". */
#define MODEL_FOLDER_SKIPPED 77

#endif
