/* The route table against a model of its rules; the bytes choose rules and questions. */

#include "test/support/route_model.h"

/* Fuzz targets link their room alone. */
#include "test/support/route_model.c"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    route_model_check(bytes, len);
    return 0;
}
