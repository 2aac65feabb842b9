#ifndef CONFIG_FIELD_READER_H
#define CONFIG_FIELD_READER_H

/* What all have in hand who read values of the file through the field table. */

#include "config/arena.h"
#include "config/finding.h"
#include "config/json_tree.h"

struct field_reader {
    struct finding_log *findings;
    struct json_source json;
    struct arena *arena; /* for the texts that are kept */
};

#endif
