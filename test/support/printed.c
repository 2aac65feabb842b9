#include "test/support/printed.h"

#include <assert.h>

FILE *printed_start(struct printed *printed)
{
    printed->text = NULL;
    printed->to = open_memstream(&printed->text, &printed->len);
    assert(printed->to != NULL);
    return printed->to;
}

char *printed_end(struct printed *printed)
{
    int error = fclose(printed->to);

    assert(error == 0);
    return printed->text;
}
