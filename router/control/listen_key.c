#include "router/control/listen_key.h"

#include <assert.h>
#include <string.h>

#define UNIX_PREFIX "unix:"

static enum listen_transport transport_of(const struct address *address)
{
    assert(address->kind != ADDRESS_NAME); /* config/ lets no listener have one */
    return address->kind == ADDRESS_UNIX ? LISTEN_UNIX : LISTEN_TCP;
}

static bool is_every_address(const struct address *address)
{
    static const uint8_t every[sizeof address->ip];

    return memcmp(address->ip, every, sizeof every) == 0;
}

/* The texts have limits that config/ keeps, so they fit. */
static void copy_text(char *to, size_t size, const char *text)
{
    size_t len = strlen(text);

    assert(len < size);
    memcpy(to, text, len + 1);
}

struct listen_key listen_key_of(const struct listener_config *listener)
{
    struct listen_key key = {.transport = transport_of(&listener->address)};

    copy_text(key.address, sizeof key.address, listener->address.text);
    if (key.transport == LISTEN_TCP && listener->address.port == 0)
        copy_text(key.name, sizeof key.name, listener->name);
#define TAKE(member, transports)                                                                   \
    if ((transports & key.transport) != 0)                                                         \
        key.member = listener->member;
    LISTEN_KEY_NUMBERS(TAKE)
#undef TAKE
    if (!is_every_address(&listener->address)) /* one address is of one family anyway */
        key.v6only = 0;
    return key;
}

bool listen_key_renamed(const struct listen_key *a, const struct listen_key *b)
{
#define IS_EQUAL(member, transports) &&a->member == b->member
    return a->transport == b->transport &&
           strcmp(a->address, b->address) == 0 LISTEN_KEY_NUMBERS(IS_EQUAL);
#undef IS_EQUAL
}

bool listen_key_equal(const struct listen_key *a, const struct listen_key *b)
{
    return listen_key_renamed(a, b) && strcmp(a->name, b->name) == 0;
}

const char *listen_key_path(const struct listen_key *key)
{
    const char *path = key->address + strlen(UNIX_PREFIX);

    if (key->transport != LISTEN_UNIX)
        return NULL;
    assert(strncmp(key->address, UNIX_PREFIX, strlen(UNIX_PREFIX)) == 0);
    return path[0] == '@' ? NULL : path;
}
