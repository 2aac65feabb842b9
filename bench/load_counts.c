#include "bench/load.h"

void load_counts_add(struct load_counts *into, const struct load_counts *from)
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

struct load_counts load_counts_subtract(const struct load_counts *to,
                                        const struct load_counts *from)
{
    struct load_counts counts = *to;

    counts.started -= from->started;
    counts.ready -= from->ready;
    counts.completed -= from->completed;
    counts.requests -= from->requests;
    counts.resumed -= from->resumed;
    counts.bytes_in -= from->bytes_in;
    counts.bytes_out -= from->bytes_out;
    for (int i = 0; i < LOAD_ERROR_COUNT; i++)
        counts.errors[i] -= from->errors[i];
    counts.unended -= from->unended;
    counts.unbegun -= from->unbegun;
    counts.left_out -= from->left_out;
    return counts;
}
