#ifndef CONFIG_FIELDS_SCHEMA_H
#define CONFIG_FIELDS_SCHEMA_H

#include <stdio.h>

/* Prints the JSON Schema (draft-07) made from the field table. */
void fields_schema_print(FILE *to);

#endif
