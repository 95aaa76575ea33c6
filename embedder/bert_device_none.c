/* The device of a build without CUDA: there is none. */
#include "bert_device.h"

bool cof_bert_device_is_built(void)
{
    return false;
}

enum cof_status cof_bert_device_open(const struct cof_bert_device_options *options,
                                     struct cof_bert_device **out_device, struct cof_error *err)
{
    (void)options;
    (void)out_device;
    return COF_FAIL(err, COF_UNAVAILABLE, "no device: this program was built without CUDA");
}

void cof_bert_device_close(struct cof_bert_device *device)
{
    (void)device;
}

const char *cof_bert_device_name(const struct cof_bert_device *device)
{
    (void)device;
    return "";
}

size_t cof_bert_device_stream_count(const struct cof_bert_device *device)
{
    (void)device;
    return 0;
}

size_t cof_bert_device_group_tokens(const struct cof_bert_device *device)
{
    (void)device;
    return 0;
}

enum cof_status cof_bert_device_encode(struct cof_bert_device *device,
                                       const struct cof_bert_pass *pass, struct cof_error *err)
{
    (void)device;
    (void)pass;
    return COF_FAIL(err, COF_UNAVAILABLE, "no device: this program was built without CUDA");
}
