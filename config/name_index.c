#include "config/name_index.h"

#include <stdlib.h>
#include <string.h>

/* uthash then leaves the element out and says so, instead of ending the program. */
#define HASH_NONFATAL_OOM            1
#define uthash_nonfatal_oom(element) ((element)->lost = true)
#include <uthash.h>

struct name {
    const char *text;
    uint32_t index;
    bool lost;
    UT_hash_handle hh;
};

bool names_add(struct names *names, const char *name, uint32_t index)
{
    struct name *entry = calloc(1, sizeof *entry);

    if (entry == NULL)
        return false;
    entry->text = name;
    entry->index = index;
    HASH_ADD_KEYPTR(hh, names->table, entry->text, strlen(entry->text), entry);
    if (entry->lost) {
        free(entry);
        return false;
    }
    return true;
}

uint32_t names_find(const struct names *names, const char *name)
{
    struct name *entry;

    HASH_FIND(hh, names->table, name, strlen(name), entry);
    return entry != NULL ? entry->index : NAMES_NONE;
}

size_t names_count(const struct names *names)
{
    return HASH_COUNT(names->table);
}

void names_suggest(const struct names *names, struct suggestion *suggestion)
{
    for (const struct name *entry = names->table; entry != NULL; entry = entry->hh.next)
        suggest_consider(suggestion, entry->text);
}

void names_free(struct names *names)
{
    struct name *entry = names->table;

    HASH_CLEAR(hh, names->table); /* takes the table away and leaves the entries */
    while (entry != NULL) {
        struct name *next = entry->hh.next;
        free(entry);
        entry = next;
    }
}
