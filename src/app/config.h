/* The configuration table: every setting with its type, default, bounds and help, in one place.
 *
 * It makes the checks, `coffer serve --help`, the sample file that `coffer init` writes and the
 * table in docs/operations.md. A later source wins: default < file < environment < command line.
 * File: flat `key = value` lines, `#` comments. Environment: COFFER_ and the key in capitals with
 * `_` for `.` (COFFER_LISTEN, COFFER_EMBEDDER_THREADS). Modules never read it; they get options. */
#ifndef COF_APP_CONFIG_H
#define COF_APP_CONFIG_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <cof/base/arena.h>
#include <cof/base/buffer.h>
#include <cof/base/status.h>
#include <cof/base/text.h>

/* Whole numbers are int64_t, booleans bool, texts NUL-terminated and never NULL. */
struct cof_config {
    const char *listen;
    bool is_behind_proxy;
    const char *allowed_hosts;
    const char *allowed_origins;
    int64_t workers;
    int64_t queue;
    int64_t generate_workers;
    int64_t generate_queue;
    int64_t max_connections;
    int64_t max_head_bytes;
    int64_t max_head_count;
    int64_t max_json_bytes;
    int64_t max_bulk_bytes;
    int64_t max_line_bytes;
    int64_t max_buffered_bytes;
    int64_t head_timeout_ms;
    int64_t idle_timeout_ms;
    int64_t min_body_bytes_per_second;
    int64_t request_timeout_ms;
    int64_t generate_timeout_ms;
    int64_t drain_ms;
    int64_t rate_per_second;
    int64_t rate_burst;

    const char *embedder_backend;
    const char *embedder_model;
    const char *embedder_url;
    const char *embedder_key_file;
    int64_t embedder_dimension;
    const char *embedder_precision;
    const char *embedder_device;
    int64_t embedder_device_memory_mib;
    int64_t embedder_threads;
    int64_t embedder_queue;
    int64_t embedder_batch_window_ms;
    int64_t embedder_max_tokens_in_flight;
    int64_t embedder_cache_count;
    int64_t embedder_cache_ttl_s;
    int64_t max_tokenize_bytes;

    const char *reranker_model;
    int64_t rerank_max_documents;
    const char *search_rerank;
    int64_t search_rerank_weight;
    int64_t search_rerank_candidates;
    int64_t search_rerank_budget_ms;

    const char *generator_backend;
    const char *generator_model;
    int64_t generator_threads;
    int64_t generator_context_tokens;
    bool chat_must_ground;

    int64_t chunk_max_tokens;
    int64_t chunk_overlap_tokens;
    int64_t max_document_bytes;
    int64_t max_document_chunks;
    int64_t parser_processes;
    int64_t parser_max_memory_bytes;
    int64_t parser_max_ms;

    const char *passphrase_file;
    int64_t store_max_bytes;
    const char *store_precision;
    int64_t index_seal_count;
    int64_t audit_checkpoint_ms;
    int64_t audit_max_segment_bytes;
};

/* Defaults. */
void cof_config_init(struct cof_config *config);
/* One setting by its key. COF_INVALID names the key, what it got and what it takes. Texts are
 * copied into the arena. */
COF_MUST_USE enum cof_status cof_config_set(struct cof_config *config, struct cof_text key,
                                            struct cof_text value, struct cof_arena *arena,
                                            struct cof_error *err);
/* All lines of a file; errors name the line. */
COF_MUST_USE enum cof_status cof_config_read(struct cof_config *config, const char *path,
                                             struct cof_arena *arena, struct cof_error *err);
/* All COFFER_… variables that name a setting. */
COF_MUST_USE enum cof_status cof_config_read_environment(struct cof_config *config,
                                                         struct cof_arena *arena,
                                                         struct cof_error *err);
/* The sample file: every setting commented out at its default, with its help. */
void cof_config_write_sample(struct cof_buffer *out);
/* "  listen            127.0.0.1:7700   help…" lines for --help. */
void cof_config_write_help(struct cof_buffer *out);
/* Security-relevant settings as a JSON object: for the START record. */
void cof_config_write_security(const struct cof_config *config, struct cof_buffer *out);

#endif
