#include "bench/load.h"

void tally_add(struct tally *into, const struct tally *from)
{
    into->started += from->started;
    into->ready += from->ready;
    into->completed += from->completed;
    into->requests += from->requests;
    into->resumed += from->resumed;
    into->bytes_in += from->bytes_in;
    into->bytes_out += from->bytes_out;
    for (int i = 0; i < LOAD_ERROR_COUNT; i++)
        into->errors[i] += from->errors[i];
    into->unended += from->unended;
    into->unbegun += from->unbegun;
    into->left_out += from->left_out;
}

struct tally tally_subtract(const struct tally *to, const struct tally *from)
{
    struct tally tally = *to;

    tally.started -= from->started;
    tally.ready -= from->ready;
    tally.completed -= from->completed;
    tally.requests -= from->requests;
    tally.resumed -= from->resumed;
    tally.bytes_in -= from->bytes_in;
    tally.bytes_out -= from->bytes_out;
    for (int i = 0; i < LOAD_ERROR_COUNT; i++)
        tally.errors[i] -= from->errors[i];
    tally.unended -= from->unended;
    tally.unbegun -= from->unbegun;
    tally.left_out -= from->left_out;
    return tally;
}
