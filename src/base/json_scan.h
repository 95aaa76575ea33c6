/* The pre-scan: strict RFC 8259 and our limits, before cJSON sees a byte. */
#ifndef COF_BASE_JSON_SCAN_H
#define COF_BASE_JSON_SCAN_H

#include <cof/base/json.h>

/* `limits` without zeros. COF_OK means: `text` is one valid JSON value within the limits, of which
 * cJSON will build a faithful tree. Duplicate keys are not looked for here, because "a" and
 * "\u0061" are the same key and only the tree has them decoded. */
COF_MUST_USE enum cof_status cof_json_scan(struct cof_text text,
                                           const struct cof_json_limits *limits,
                                           struct cof_error *err);

#endif
