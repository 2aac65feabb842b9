#include "config/network.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "config/text/units.h"

/* Clears the bits behind the prefix. Returns whether any was set. */
static bool network_clear(struct network *network)
{
    bool cleared = false;

    assert(network->bits <= (network->v6 ? 128 : 32));
    for (unsigned bit = network->bits; bit < (network->v6 ? 128u : 32u); bit++) {
        uint8_t mask = (uint8_t)(0x80u >> (bit % 8));
        cleared |= (network->ip[bit / 8] & mask) != 0;
        network->ip[bit / 8] = (uint8_t)(network->ip[bit / 8] & ~mask);
    }
    return cleared;
}

/* ::ffff:a.b.c.d/n becomes a.b.c.d/(n - 96): clients are always compared as IPv4. */
static void network_unmap(struct network *network)
{
    static const uint8_t prefix[12] = {[10] = 0xff, [11] = 0xff};

    if (!network->v6 || network->bits < 96 || memcmp(network->ip, prefix, sizeof prefix) != 0)
        return;
    memmove(network->ip, network->ip + 12, 4);
    memset(network->ip + 4, 0, 12);
    network->v6 = false;
    network->bits = (uint8_t)(network->bits - 96);
}

/* 0 to `most` without leading zeros; -1 = not a prefix length. */
static long prefix_length(const char *text, long most)
{
    bool padded = text[0] == '0' && text[1] != '\0';

    return padded ? -1 : units_whole(text, most);
}

/* "255.255.0.0" is 16; -1: no mask of leading ones. */
static int mask_bits(const char *text)
{
    struct in_addr mask;

    if (inet_pton(AF_INET, text, &mask) != 1)
        return -1;
    uint32_t bits = ntohl(mask.s_addr);
    int count = __builtin_popcount(bits);
    return count == 0 || bits == UINT32_MAX << (32 - count) ? count : -1;
}

/* "10.0.0.0/8, 192.0.2.0/24" */
static void network_explain_several(const char *text, struct problem *problem)
{
    const char *first = text + strspn(text, " ,;");
    size_t len = strcspn(first, " ,;");
    const char *second = first + len + strspn(first + len, " ,;");
    size_t second_len = strcspn(second, " ,;");

    if (len > 45 || second_len > 45)
        problem_set(problem, "\"%.80s\": several networks are an array", text);
    else if (second_len == 0)
        problem_set(problem, "\"%.80s\" has a separator: write \"%.*s\"", text, (int)len, first);
    else
        problem_set(
            problem, "\"%.80s\": several networks are an array: write [\"%.*s\", \"%.*s\"%s]", text,
            (int)len, first, (int)second_len, second, second[second_len] != '\0' ? ", ..." : "");
}

/* What was meant by a text that is no network; false: nothing is known of it. */
static bool network_explain(const char *text, struct problem *problem)
{
    const char *slash = strchr(text, '/');
    int bits = slash != NULL ? mask_bits(slash + 1) : -1;

    if (strpbrk(text, " ,;") != NULL)
        network_explain_several(text, problem);
    else if (text[0] == '!')
        problem_set(problem, "\"%.80s\": a route says which networks may pass, not which may not",
                    text);
    else if (strcmp(text, "all") == 0 || strcmp(text, "any") == 0 || strcmp(text, "*") == 0)
        problem_set(problem, "\"%.80s\": leave \"from\" out, then all clients count", text);
    else if (bits >= 0)
        problem_set(problem, "\"%.80s\" has a mask: write \"%.*s/%d\"", text,
                    (int)(slash - text > 45 ? 45 : slash - text), text, bits);
    else if (text[strcspn(text, "*-/")] == '*' || text[strcspn(text, "*-/")] == '-')
        problem_set(problem, "\"%.80s\" is a range: write networks (such as \"10.0.0.0/8\")", text);
    else
        return false;
    return true;
}

bool network_parse(const char *text, struct network *network, bool *cleared,
                   struct problem *problem)
{
    char host[INET6_ADDRSTRLEN];
    const char *slash = strchr(text, '/');
    int len = snprintf(host, sizeof host, "%.*s",
                       (int)(slash != NULL ? slash - text : INET6_ADDRSTRLEN), text);

    if (network_explain(text, problem))
        return false;
    *network = (struct network){.v6 = strchr(host, ':') != NULL};
    if (len >= (int)sizeof host ||
        inet_pton(network->v6 ? AF_INET6 : AF_INET, host, network->ip) != 1) {
        problem_set(problem,
                    "\"%.80s\" is not an address or network (such as \"10.0.0.0/8\", "
                    "\"2001:db8::/32\")",
                    text);
        return false;
    }
    long most = network->v6 ? 128 : 32;
    long bits = slash != NULL ? prefix_length(slash + 1, most) : most;

    if (bits < 0) {
        problem_set(problem, "\"%.20s\" is not a prefix length (0 to %ld)", slash + 1, most);
        return false;
    }
    network->bits = (uint8_t)bits;
    *cleared = network_clear(network);
    network_unmap(network);
    return true;
}
