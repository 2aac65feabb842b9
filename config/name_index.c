#include "config/name_index.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* uthash then leaves the element out and says so, instead of ending the program. */
#define HASH_NONFATAL_OOM            1
#define uthash_nonfatal_oom(element) ((element)->lost = true)
#include <uthash.h>

struct name_entry {
    const char *text;
    uint32_t index;
    bool lost;
    UT_hash_handle hh;
};

bool name_index_add(struct name_index *names, const char *name, uint32_t index)
{
    struct name_entry *entry = calloc(1, sizeof *entry);

    assert(name_index_find(names, name) == NAME_INDEX_NONE);
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

uint32_t name_index_find(const struct name_index *names, const char *name)
{
    struct name_entry *entry;

    HASH_FIND(hh, names->table, name, strlen(name), entry);
    return entry != NULL ? entry->index : NAME_INDEX_NONE;
}

size_t name_index_count(const struct name_index *names)
{
    return HASH_COUNT(names->table);
}

void name_index_suggest(const struct name_index *names, struct suggestion *suggestion)
{
    for (const struct name_entry *entry = names->table; entry != NULL; entry = entry->hh.next)
        suggest_consider(suggestion, entry->text);
}

void name_index_free(struct name_index *names)
{
    struct name_entry *entry = names->table;

    HASH_CLEAR(hh, names->table); /* takes the table away and leaves the entries */
    while (entry != NULL) {
        struct name_entry *next = entry->hh.next;
        free(entry);
        entry = next;
    }
}
