/* Documents from JSON, and what became of them. */
#include "document_line.h"

#include "fields.h"
#include "problem.h"

#define MAX_ACL_ENTRIES 256

static enum cof_status parse_acl(const struct cof_fields *fields, struct cof_acl *out_acl,
                                 struct cof_error *err)
{
    static const char *const keys[] = {"allow", "deny", NULL};
    const struct cof_json *object = NULL;
    COF_TRY(cof_fields_object(fields, "acl", &object, err));
    if (object == NULL) {
        return COF_OK;
    }
    const struct cof_fields inside = cof_fields_in(fields, object, "acl.");
    COF_TRY(cof_fields_only(&inside, keys, err));
    COF_TRY(cof_fields_texts(&inside, "allow", MAX_ACL_ENTRIES, &out_acl->allow,
                             &out_acl->allow_count, err));
    COF_TRY(cof_fields_texts(&inside, "deny", MAX_ACL_ENTRIES, &out_acl->deny, &out_acl->deny_count,
                             err));
    if (out_acl->allow == NULL) {
        return cof_fields_refuse(&inside, "allow", err,
                                 "'acl' must have 'allow'; an empty list is nobody but "
                                 "administrators, no 'acl' at all is whoever may read the store");
    }
    out_acl->is_set = true;
    return COF_OK;
}

static enum cof_status parse_attributes(const struct cof_fields *fields, struct cof_text *out_text,
                                        struct cof_error *err)
{
    const struct cof_json *object = NULL;
    COF_TRY(cof_fields_object(fields, "attributes", &object, err));
    if (object == NULL) {
        return COF_OK;
    }
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer text = {0};
    cof_json_write_value(&text, object);
    COF_TRY(cof_buffer_status(&text, err));
    *out_text = cof_arena_copy_text(&fields->request->call.arena, cof_buffer_text(&text));
    return out_text->data != NULL ? COF_OK : COF_FAIL_MEMORY(err);
}

enum cof_status cof_document_line_parse(struct cof_request *request, const struct cof_json *object,
                                        struct cof_document_line *line, struct cof_error *err)
{
    static const char *const keys[] = {"vector_store_id", "id",         "title", "text", "filename",
                                       "media_type",      "attributes", "acl",   NULL};
    const struct cof_fields fields = {.request = request, .object = object, .place = ""};
    struct cof_ingest_document *document = &line->document;
    struct cof_text text = {0};
    if (cof_json_type_of(object) != COF_JSON_OBJECT) {
        return COF_FAIL(err, COF_INVALID, "a document must be a JSON object");
    }
    COF_TRY(cof_fields_text(&fields, "id", &line->id, err)); /* first: the answer names it */
    COF_TRY(cof_fields_only(&fields, keys, err));
    COF_TRY(cof_fields_need_text(&fields, "vector_store_id", &line->store, err));
    COF_TRY(cof_fields_need_text(&fields, "text", &text, err));
    COF_TRY(cof_fields_text(&fields, "title", &document->title, err));
    COF_TRY(cof_fields_text(&fields, "filename", &document->filename, err));
    COF_TRY(cof_fields_text(&fields, "media_type", &document->media_type, err));
    COF_TRY(parse_attributes(&fields, &document->attributes, err));
    COF_TRY(parse_acl(&fields, &document->acl, err));
    if (line->id.size == 0 && document->filename.size == 0) {
        return cof_fields_refuse(&fields, "id", err, "'id' or 'filename' is required");
    }
    document->external_id = line->id;
    document->source = cof_text_bytes(text);
    return COF_OK;
}

static const char *status_name(const struct cof_document_line *line)
{
    static const char *const names[] = {
        [COF_WRITE_CREATED] = "created",     [COF_WRITE_REPLACED] = "replaced",
        [COF_WRITE_UNCHANGED] = "unchanged", [COF_WRITE_DELETED] = "deleted",
        [COF_WRITE_FAILED] = "failed",
    };
    return line->error.status != COF_OK ? "failed" : names[line->result.outcome.kind];
}

void cof_document_line_put(struct cof_json_writer *writer, const struct cof_request *request,
                           const struct cof_document_line *line, uint64_t number)
{
    const struct cof_write_outcome *outcome = &line->result.outcome;
    struct cof_text id = line->result.external_id.size > 0 ? line->result.external_id : line->id;
    bool has_failed = line->error.status != COF_OK || outcome->kind == COF_WRITE_FAILED;
    cof_json_begin_object(writer);
    if (id.size > 0) {
        cof_json_member_text(writer, "id", id);
    } else {
        cof_json_member_null(writer, "id");
    }
    cof_json_member_string(writer, "status", status_name(line));
    cof_json_member_unsigned(writer, "chunks", has_failed ? 0 : outcome->chunk_count);
    cof_json_member_unsigned(writer, "version", has_failed ? 0 : outcome->version);
    cof_json_put_key(writer, "error");
    if (has_failed) {
        const struct cof_error *err = line->error.status != COF_OK ? &line->error : &outcome->error;
        struct cof_problem problem;
        cof_request_problem(request, err, &problem);
        problem.param = line->param;
        cof_problem_put(writer, &problem);
    } else {
        cof_json_put_null(writer);
    }
    if (number > 0) {
        cof_json_member_unsigned(writer, "line", number);
    }
    cof_json_end_object(writer);
}
